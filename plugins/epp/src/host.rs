//! Name servers as objects (RFC 5732), and glue.

use std::net::IpAddr;

use billet_plugin::v1::{Operation, ProblemKind, SetGlueHostRequest, SetGlueHostResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::client::{Client, found};
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::info::{Info, NameServer};
use crate::namespace;
use crate::xml::Element;

/// More name servers than any zone has.
const NAMES_MAX: usize = 13;
/// More addresses than any name server has.
const ADDRESSES_MAX: usize = 13;

/// Name servers as they are compared: lower case, no dot at the end.
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub fn normal(names: &[String]) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
    if names.len() > NAMES_MAX {
        return Err(invalid(format!("at most {NAMES_MAX} name servers")));
    }
    match names.iter().enumerate().find(|(at, name)| !name.contains('.') || names[..*at].contains(name)) {
        Some((_, name)) => Err(invalid(format!("`{name}` is no name server, or it stands there twice"))),
        None => Ok(names),
    }
}

/// Whether `host` lies below `domain`, so that it needs glue.
#[must_use]
pub fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// `<domain:ns>` with these; as objects where the registry has objects for them, as attributes otherwise.
#[must_use]
pub fn list(servers: &[NameServer], as_objects: bool) -> Element {
    Element::new("domain:ns").with_all(servers.iter().map(|server| {
        if as_objects {
            return Element::leaf("domain:hostObj", &server.name);
        }
        Element::new("domain:hostAttr")
            .with(Element::leaf("domain:hostName", &server.name))
            .with_all(server.addresses.iter().map(|address| address_element("domain:hostAddr", address)))
    }))
}

/// Makes the objects of those name servers that have none yet. Those below `domain` are left out: glue is made by
/// SetGlueHost, with addresses.
///
/// # Errors
/// Those of a change, but never unknown: a host that may have been made does no harm.
pub async fn make_missing(
    client: &Client,
    names: &[String],
    operation: Option<&Operation>,
    until: Deadline,
) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let asked = names.iter().map(|name| Element::leaf("host:name", name));
    let response = client.ask(&Command::about("check", Object::Host, asked), until).await?;
    let data = response.data.of(namespace::HOST, "chkData").cloned().unwrap_or_default();
    let free: Vec<&String> = names
        .iter()
        .filter(|name| {
            let answers = data.all("cd").filter_map(|one| one.get("name"));
            answers
                .filter(|answer| answer.text.eq_ignore_ascii_case(name))
                .any(|answer| matches!(answer.attribute("avail"), "1" | "true"))
        })
        .collect();
    for name in free {
        let command = Command::about("create", Object::Host, [Element::leaf("host:name", name)]);
        match client.change(&command, operation, until, &[]).await {
            Ok(_) => {}
            // Somebody else was faster, and it is an object that everybody may use.
            Err(failure) if failure.is_refused(ProblemKind::Conflict) => {}
            Err(Failure::Unknown(problem)) => return Err(Failure::RetryLater { problem, after: None }),
            Err(Failure::Refused(mut problem)) => {
                problem.words = format!("name server {name}: {}", problem.words);
                return Err(Failure::Refused(problem));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// SetGlueHost.
///
/// # Errors
/// Those of a change.
pub async fn set_glue(client: &Client, request: SetGlueHostRequest) -> Answer<SetGlueHostResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    let host = normal(std::slice::from_ref(&request.host))?.remove(0);
    let wanted = addresses(&request.addresses)?;
    let done = |already| Done { already, ..Done::new(SetGlueHostResponse::default()) };
    if !client.greeting(until).await?.offers(namespace::HOST) {
        return set_attribute(client, &host, wanted, operation, until).await.map(done);
    }
    let Some(command) = bring_to(client, &host, &wanted, until).await? else { return Ok(done(true)) };
    match client.change(&command, operation, until, &[]).await {
        Ok(_) => Ok(done(false)),
        // A look tells: when nothing is left to do, it was done.
        Err(Failure::Unknown(problem)) => match bring_to(client, &host, &wanted, until).await {
            Ok(None) => Ok(done(false)),
            _ => Err(Failure::Unknown(problem)),
        },
        Err(failure) => Err(failure),
    }
}

/// The command that brings a host to these addresses; `None` when it has them.
async fn bring_to(client: &Client, host: &str, wanted: &[IpAddr], until: Deadline) -> Result<Option<Command>, Failure> {
    let name = || Element::leaf("host:name", host);
    let info = client.ask(&Command::about("info", Object::Host, [name()]), until).await;
    let Some(info) = found(info)? else {
        let create = || {
            let addresses = wanted.iter().map(|address| address_element("host:addr", &address.to_string()));
            Command::about("create", Object::Host, std::iter::once(name()).chain(addresses))
        };
        return Ok((!wanted.is_empty()).then(create));
    };
    if wanted.is_empty() {
        return Ok(Some(Command::about("delete", Object::Host, [name()])));
    }
    let data = info.data.of(namespace::HOST, "infData").cloned().unwrap_or_default();
    let now: Vec<IpAddr> = data.all("addr").filter_map(|address| address.text.parse().ok()).collect();
    let part = |element: &str, these: Vec<&IpAddr>| {
        (!these.is_empty()).then(|| {
            let addresses = these.iter().map(|address| address_element("host:addr", &address.to_string()));
            Element::new(element).with_all(addresses)
        })
    };
    let add = part("host:add", wanted.iter().filter(|address| !now.contains(address)).collect());
    let remove = part("host:rem", now.iter().filter(|address| !wanted.contains(address)).collect());
    if add.is_none() && remove.is_none() {
        return Ok(None);
    }
    Ok(Some(Command::about("update", Object::Host, std::iter::once(name()).chain(add).chain(remove))))
}

/// Where hosts are no objects, glue stands with the domain above. True when there was nothing to do.
async fn set_attribute(
    client: &Client,
    host: &str,
    wanted: Vec<IpAddr>,
    operation: Option<&Operation>,
    until: Deadline,
) -> Result<bool, Failure> {
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let look = || async {
        let (mut domain, mut info) = (host, None);
        // The domain is the host's nearest parent that is registered.
        while info.is_none()
            && let Some((_, parent)) = domain.split_once('.').filter(|(_, parent)| parent.contains('.'))
        {
            domain = parent;
            info = Info::find(client, domain, until).await?;
        }
        let words = || format!("no domain above {host} is registered");
        let info = info.ok_or_else(|| Failure::refused(ProblemKind::NotFound, "", words()))?;
        let now = info.name_servers.iter().find(|server| server.name == host).cloned();
        let is_done = now.as_ref().map_or(wanted.is_empty(), |now| same(&now.addresses, &wanted));
        Ok::<_, Failure>((info.name, now, is_done))
    };
    let (domain, now, is_done) = look().await?;
    if is_done {
        return Ok(true);
    }
    let mut parts = vec![Element::leaf("domain:name", &domain)];
    if !wanted.is_empty() {
        let server = NameServer { name: host.to_owned(), addresses: wanted.clone() };
        parts.push(Element::new("domain:add").with(list(&[server], false)));
    }
    if let Some(now) = now {
        parts.push(Element::new("domain:rem").with(list(&[now], false)));
    }
    match client.change(&Command::about("update", Object::Domain, parts), operation, until, &[]).await {
        Ok(_) => Ok(false),
        Err(Failure::Unknown(problem)) => match look().await {
            Ok((_, _, true)) => Ok(false),
            _ => Err(Failure::Unknown(problem)),
        },
        Err(failure) => Err(failure),
    }
}

fn same(one: &[String], other: &[String]) -> bool {
    let read = |texts: &[String]| {
        let mut addresses: Vec<IpAddr> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        addresses.sort_unstable();
        addresses
    };
    read(one) == read(other)
}

fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, Failure> {
    if texts.len() > ADDRESSES_MAX {
        return Err(invalid(format!("at most {ADDRESSES_MAX} addresses")));
    }
    let mut addresses = Vec::new();
    for text in texts {
        let address: IpAddr = text.parse().map_err(|_| invalid(format!("`{text}` is no IP address")))?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn address_element(name: &str, address: &str) -> Element {
    Element::leaf(name, address).attr("ip", if address.contains(':') { "v6" } else { "v4" })
}

fn invalid(words: String) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", words)
}
