//! Changing a domain (RFC 5731 section 3.2.5). What is wanted is held against what is there, and only the difference is
//! sent: so a repeated update sends nothing, and after a lost answer a look tells whether it was done.

use billet_plugin::v1::{ContactRole, ProblemKind, UpdateDomainRequest, UpdateDomainResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::contact;
use crate::deadline::Deadline;
use crate::dnssec;
use crate::host;
use crate::info::{Info, NameServer, TRANSFER_LOCK, role_word};
use crate::lookup;
use crate::namespace;
use crate::xml::Element;

/// RFC 5731 has no bound; no registry takes more.
const AUTH_CODE_CHARACTERS_MAX: usize = 255;

/// UpdateDomain.
///
/// # Errors
/// Those of a change.
pub async fn update(client: &Client, request: UpdateDomainRequest) -> Answer<UpdateDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    let greeting = client.greeting(until).await?;
    if request.auth_code.as_ref().is_some_and(|code| code.is_empty() || code.len() > AUTH_CODE_CHARACTERS_MAX) {
        return Err(Failure::refused(ProblemKind::Invalid, "", "auth_code: 1 to 255 characters"));
    }
    if request.dnssec.is_some() && !greeting.offers(namespace::SECDNS) {
        let words = "the registry has no DNSSEC extension (RFC 5910)";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let before = Info::ask(client, &request.name, until).await?;
    if before.sponsor != client.client_id() {
        let words = format!("{} is looked after by {}", before.name, before.sponsor);
        return Err(Failure::refused(ProblemKind::Permission, "", words));
    }
    let name_servers = request.name_servers.as_ref().map(|servers| host::normal(&servers.names)).transpose()?;
    let hidden = request.id_protected.unwrap_or(false);
    let handles = contact::handles(client, &request.contacts, hidden, operation, until).await?;
    let as_objects = greeting.offers(namespace::HOST);
    let wanted = Wanted { request: &request, name_servers, handles, as_objects };
    let warnings = contact::warnings(&request.contacts);
    let mut changed = false;
    if let Some(command) = wanted.difference(&before)? {
        if as_objects {
            host::make_missing(client, &wanted.new_servers(&before), operation, until).await?;
        }
        let code = request.auth_code.as_deref().unwrap_or_default();
        match client.change(&command, operation, until, &[code]).await {
            Ok(_) => {}
            Err(Failure::Unknown(problem)) => {
                let now = Info::ask(client, &request.name, until).await;
                if !matches!(now.map(|now| wanted.difference(&now)), Ok(Ok(None))) {
                    return Err(Failure::Unknown(problem));
                }
            }
            Err(failure) => return Err(failure),
        }
        changed = true;
    }
    if let Some(hidden) = request.id_protected {
        changed |= protect(client, &wanted, &before, hidden, until).await?;
    }
    let now = if changed { Info::ask(client, &request.name, until).await.unwrap_or(before) } else { before };
    let (domain, more) = lookup::whole(client, &now, until).await;
    let value = UpdateDomainResponse { domain: Some(domain), ..Default::default() };
    let done = if changed { Done::new(value) } else { Done::already(value) };
    Ok(done.with_warnings(warnings.into_iter().chain(more).collect()))
}

/// Hides or shows the holder's data, which stand with the contact. True when something was changed.
async fn protect(
    client: &Client,
    wanted: &Wanted<'_>,
    before: &Info,
    hidden: bool,
    until: Deadline,
) -> Result<bool, Failure> {
    let handle = wanted.handle_of(ContactRole::Registrant).unwrap_or(&before.registrant);
    if handle.is_empty() || contact::is_hidden(client, handle, until).await? == Some(hidden) {
        return Ok(false);
    }
    let operation = wanted.request.operation.as_ref();
    match contact::set_hidden(client, handle, hidden, operation, until).await {
        Ok(()) => Ok(true),
        Err(Failure::Unknown(problem)) => match contact::is_hidden(client, handle, until).await {
            Ok(Some(now)) if now == hidden => Ok(true),
            _ => Err(Failure::Unknown(problem)),
        },
        Err(failure) => Err(failure),
    }
}

/// How a domain should be.
struct Wanted<'a> {
    request: &'a UpdateDomainRequest,
    name_servers: Option<Vec<String>>,
    handles: Vec<(ContactRole, String)>,
    as_objects: bool,
}

impl Wanted<'_> {
    /// The command that makes `now` be so; `None` when it is.
    fn difference(&self, now: &Info) -> Result<Option<Command>, Failure> {
        let mut add = Vec::new();
        let mut remove = Vec::new();
        let mut change = Vec::new();
        if let Some(names) = &self.name_servers {
            let new: Vec<NameServer> = self.new_servers(now).into_iter().map(server).collect();
            let gone: Vec<NameServer> =
                now.name_servers.iter().filter(|server| !names.contains(&server.name)).cloned().collect();
            add.extend((!new.is_empty()).then(|| host::list(&new, self.as_objects)));
            remove.extend((!gone.is_empty()).then(|| host::list(&gone, self.as_objects)));
        }
        for (role, handle) in &self.handles {
            let Some(word) = role_word(*role) else {
                if *handle != now.registrant {
                    change.push(Element::leaf("domain:registrant", handle));
                }
                continue;
            };
            let there = now.contacts.iter().any(|(role, one)| role == word && one == handle);
            let gone = now.contacts.iter().filter(|(role, one)| role == word && one != handle);
            let element = |handle: &str| Element::leaf("domain:contact", handle).attr("type", word);
            add.extend((!there).then(|| element(handle)));
            remove.extend(gone.map(|(_, one)| element(one)));
        }
        let status = || Element::new("domain:status").attr("s", TRANSFER_LOCK);
        match self.request.transfer_locked {
            Some(true) if !now.has(TRANSFER_LOCK) => add.push(status()),
            Some(false) if now.has(TRANSFER_LOCK) => remove.push(status()),
            _ => {}
        }
        if let Some(code) = self.request.auth_code.as_ref().filter(|code| now.auth_code.as_ref() != Some(code)) {
            change.push(Element::new("domain:authInfo").with(Element::leaf("domain:pw", code)));
        }
        let secdns = match &self.request.dnssec {
            Some(keys) => dnssec::update(&now.dnssec, &keys.keys)?,
            None => None,
        };
        if add.is_empty() && remove.is_empty() && change.is_empty() && secdns.is_none() {
            return Ok(None);
        }
        let part = |name: &str, parts: Vec<Element>| (!parts.is_empty()).then(|| Element::new(name).with_all(parts));
        // An update of nothing but keys needs an empty change: RFC 5731 wants one of the three.
        let only_keys = add.is_empty() && remove.is_empty() && change.is_empty();
        let change = if only_keys { Some(Element::new("domain:chg")) } else { part("domain:chg", change) };
        let children = std::iter::once(Element::leaf("domain:name", &self.request.name))
            .chain(part("domain:add", add))
            .chain(part("domain:rem", remove))
            .chain(change);
        Ok(Some(Command::about("update", Object::Domain, children).extended(secdns)))
    }

    fn new_servers(&self, now: &Info) -> Vec<String> {
        let there = |name: &&String| now.name_servers.iter().any(|server| server.name == **name);
        self.name_servers.iter().flatten().filter(|name| !there(name)).cloned().collect()
    }

    fn handle_of(&self, role: ContactRole) -> Option<&String> {
        self.handles.iter().find(|(one, _)| *one == role).map(|(_, handle)| handle)
    }
}

fn server(name: String) -> NameServer {
    NameServer { name, addresses: Vec::new() }
}
