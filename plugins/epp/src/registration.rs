//! Registering a domain (RFC 5731 section 3.2.1).
//!
//! EPP's create is not idempotent: sent twice, the second is answered 2302. So what is there already is taken for ours only
//! when this registrar looks after it and it is no older than the operation.

use billet_plugin::v1::{
    ContactRole, Domain, DomainAction, DomainState, ProblemKind, RegisterDomainRequest, RegisterDomainResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::contact;
use crate::deadline::Deadline;
use crate::dnssec;
use crate::host;
use crate::info::{Info, NameServer, is_repeated, role_word};
use crate::instant;
use crate::lookup;
use crate::namespace;
use crate::price;
use crate::response::Response;
use crate::xml::Element;

/// RFC 5731 permits 99, ICANN 10.
pub const YEARS_MAX: u32 = 10;

/// RegisterDomain.
///
/// # Errors
/// Those of a change.
pub async fn register(client: &Client, request: RegisterDomainRequest) -> Answer<RegisterDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    check(&request)?;
    if is_repeated(operation)
        && let Some(done) = look(client, &request, until).await?
    {
        return Ok(done);
    }
    let name_servers = host::normal(&request.name_servers)?;
    if let Some(below) = name_servers.iter().find(|server| host::is_below(server, &request.name.to_ascii_lowercase())) {
        let words = format!(
            "{below} lies below {}: register without it, make it with SetGlueHost, then set it with UpdateDomain",
            request.name
        );
        return Err(refused(words));
    }
    let secdns = dnssec::create(&request.dnssec)?;
    let greeting = client.greeting(until).await?;
    if secdns.is_some() && !greeting.offers(namespace::SECDNS) {
        let words = "the registry has no DNSSEC extension (RFC 5910)";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let years = request.years;
    let agreed =
        price::agree(client, &request.name, (DomainAction::Register, years), request.price_max.as_ref(), until).await?;
    let handles = contact::handles(client, &request.contacts, request.id_protected, operation, until).await?;
    if request.id_protected
        && let Some(holder) = request.contacts.iter().find(|one| one.role() == ContactRole::Registrant)
        && !holder.handle.is_empty()
    {
        contact::set_hidden(client, &holder.handle, true, operation, until).await.map_err(before_the_domain)?;
    }
    let as_objects = greeting.offers(namespace::HOST);
    if as_objects {
        host::make_missing(client, &name_servers, operation, until).await?;
    }
    let secret = contact::new_secret();
    let mut children = vec![
        Element::leaf("domain:name", &request.name),
        Element::leaf("domain:period", years.to_string()).attr("unit", "y"),
    ];
    if !name_servers.is_empty() {
        let servers: Vec<NameServer> =
            name_servers.iter().map(|name| NameServer { name: name.clone(), addresses: Vec::new() }).collect();
        children.push(host::list(&servers, as_objects));
    }
    let of_role = |role| handles.iter().find(|(one, _)| *one == role).map(|(_, handle)| handle);
    children.extend(of_role(ContactRole::Registrant).map(|handle| Element::leaf("domain:registrant", handle)));
    children.extend(
        handles
            .iter()
            .filter_map(|(role, handle)| Some(Element::leaf("domain:contact", handle).attr("type", role_word(*role)?))),
    );
    children.push(Element::new("domain:authInfo").with(Element::leaf("domain:pw", &secret)));
    let command =
        Command::about("create", Object::Domain, children).extended(secdns).extended(agreed.extension("create"));
    let mut warnings = agreed.warnings.clone();
    warnings.extend(contact::warnings(&request.contacts));
    let fields = request.extra.keys();
    warnings.extend(fields.map(|name| format!("the field `{name}` was not sent: EPP has no place for it")));
    let created = client.change(&command, operation, until, &[&secret]).await;
    match created {
        Ok(response) => Ok(done(client, &request, &response, until).await.with_warnings(warnings)),
        Err(Failure::Unknown(problem)) => match look(client, &request, until).await {
            Ok(Some(done)) => Ok(done.with_warnings(warnings)),
            _ => Err(Failure::Unknown(problem)),
        },
        // An earlier attempt may have been slow, and done it since the look. On the first attempt nobody but somebody else, or
        // another operation, can have been there.
        Err(failure) if failure.is_refused(ProblemKind::Conflict) && is_repeated(operation) => {
            look(client, &request, until).await?.ok_or(failure)
        }
        Err(failure) => Err(failure),
    }
}

/// The domain if it is there and ours; refused as a conflict if it is there and not ours.
async fn look(
    client: &Client,
    request: &RegisterDomainRequest,
    until: Deadline,
) -> Result<Option<Done<RegisterDomainResponse>>, Failure> {
    let info = match Info::find(client, &request.name, until).await {
        Ok(Some(info)) => info,
        Ok(None) => return Ok(None),
        // Registries that tell nothing about the domains of others.
        Err(failure) if failure.is_refused(ProblemKind::Permission) => {
            let words = format!("{} is registered already: {}", request.name, failure.problem().words);
            return Err(Failure::refused(ProblemKind::Conflict, failure.problem().code.clone(), words));
        }
        Err(failure) => return Err(failure),
    };
    if !info.is_of(client, request.operation.as_ref()) {
        let words = format!("{} is registered already, by {}", info.name, info.sponsor);
        return Err(Failure::refused(ProblemKind::Conflict, "2302", words));
    }
    let (domain, warnings) = lookup::whole(client, &info, until).await;
    let response = RegisterDomainResponse { domain: Some(domain), ..Default::default() };
    Ok(Some(Done::already(response).with_warnings(warnings)))
}

/// The domain as it stands. When it cannot be read just now, it is told as it was sent and answered.
async fn done(
    client: &Client,
    request: &RegisterDomainRequest,
    response: &Response,
    until: Deadline,
) -> Done<RegisterDomainResponse> {
    let pending = response.is_pending();
    let mut domain = match Info::ask(client, &request.name, until).await {
        Ok(info) => info.domain(client.client_id(), request.id_protected),
        Err(_) => {
            let data = response.data.of(namespace::DOMAIN, "creData").cloned().unwrap_or_default();
            let at = |name: &str| instant::read(data.text_of(name)).map(instant::timestamp);
            Domain {
                name: request.name.clone(),
                state: DomainState::Active.into(),
                created_at: at("crDate"),
                expires_at: at("exDate"),
                name_servers: request.name_servers.clone(),
                dnssec: request.dnssec.clone(),
                id_protected: request.id_protected,
                sponsor: client.client_id().to_owned(),
                ..Domain::default()
            }
        }
    };
    if pending {
        domain.state = DomainState::PendingCreate.into();
    }
    let charged = price::charged(response);
    Done::new(RegisterDomainResponse { domain: Some(domain), charged, ..Default::default() })
}

fn check(request: &RegisterDomainRequest) -> Result<(), Failure> {
    if !request.name.contains('.') || !request.name.is_ascii() {
        return Err(refused(format!("`{}` is no domain name in ASCII", request.name)));
    }
    if request.years == 0 || request.years > YEARS_MAX {
        return Err(refused(format!("years: 1 to {YEARS_MAX}")));
    }
    if !request.contacts.iter().any(|contact| contact.role() == ContactRole::Registrant) {
        return Err(refused("contacts: the registrant is missing".to_owned()));
    }
    Ok(())
}

/// What is in doubt before the domain is touched can be done again.
fn before_the_domain(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown(problem) => Failure::RetryLater { problem, after: None },
        other => other,
    }
}

fn refused(words: String) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", words)
}
