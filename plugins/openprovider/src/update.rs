//! Changes domains, and reads their transfer codes.
//!
//! The API answers success to some changes that it does not make (a key beside its own, a transfer code of the caller's),
//! so what was asked for is read back.

use std::collections::BTreeSet;

use billet_plugin::v1::{
    ContactRole, GetAuthCodeRequest, GetAuthCodeResponse, ProblemKind, UpdateDomainRequest, UpdateDomainResponse,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::Utc;
use serde::{Deserialize, Serialize};

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::contact::{self, Handles};
use crate::domain::{Key, NameServer, Row, or_default};
use crate::failure::Trouble;
use crate::lookup;
use crate::name::Name;
use crate::registration::{Ordered, keys, name_servers};

#[derive(Debug, Clone, Default, Serialize)]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    name_servers: Option<Vec<NameServer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tech_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_private_whois_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnssec_keys: Option<Vec<Key>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_dnssec_enabled: Option<bool>,
}

impl Change {
    /// What is asked for and not so yet, by name.
    fn missing_in(&self, row: &Row) -> Vec<&'static str> {
        // Not every registry keeps their order.
        let servers = |wanted: &Vec<NameServer>| {
            let wanted: BTreeSet<_> = wanted.iter().map(|server| server.name.clone()).collect();
            wanted != BTreeSet::from_iter(row.name_servers())
        };
        let keys = |wanted: &Vec<Key>| {
            let (mut wanted, mut there) = (wanted.clone(), row.keys());
            let order = |key: &Key| (key.flags, key.alg, key.pub_key.clone());
            wanted.sort_by_key(order);
            there.sort_by_key(order);
            wanted != there
        };
        let handle = |wanted: &Option<String>, role| wanted.as_ref().is_some_and(|wanted| wanted != row.handle(role));
        [
            ("the name servers", self.name_servers.as_ref().is_some_and(servers)),
            ("the registrant", handle(&self.owner_handle, ContactRole::Registrant)),
            ("the administrative contact", handle(&self.admin_handle, ContactRole::Admin)),
            ("the technical contact", handle(&self.tech_handle, ContactRole::Tech)),
            ("the billing contact", handle(&self.billing_handle, ContactRole::Billing)),
            ("the transfer lock", self.is_locked.is_some_and(|wanted| wanted != row.is_locked)),
            (
                "the ID protection",
                self.is_private_whois_enabled.is_some_and(|wanted| wanted != row.is_private_whois_enabled),
            ),
            ("the DNSSEC keys", self.dnssec_keys.as_ref().is_some_and(keys)),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect()
    }
}

/// Changes a domain.
pub(crate) async fn update(plugin: &Openprovider, request: &UpdateDomainRequest) -> Answer<UpdateDomainResponse> {
    let name = Name::parse(&request.name)?;
    let operation = request.operation.as_ref();
    let budget = Budget::left_to(operation, plugin.manner.time_max);
    if request.auth_code.as_ref().is_some_and(|code| !code.is_empty()) {
        let words = "auth_code: Openprovider makes transfer codes itself; an empty one asks it for a new one";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let mut change = asked(request)?;
    let row = lookup::expect(plugin, &name, &budget).await?;
    let handles = contact::only_named(plugin, &request.contacts, &budget).await?;
    set_handles(&mut change, handles);
    let missing = change.missing_in(&row);
    let mut done = if missing.is_empty() {
        Done::already(response(&row))
    } else {
        put(plugin, &row, &change, missing.len(), &budget).await?
    };
    if request.auth_code.is_some() {
        let body = AuthCodeRequest { domain: &row.domain, id: row.id };
        let call = Call::post(&["domains", &row.id.to_string(), "authcode", "reset"], &body);
        let reply = plugin.client.send::<AuthCode>(call, budget.left()).await.map_err(Trouble::changing)?;
        done.already = false;
        done.warnings.extend(reply.warnings);
    }
    Ok(done)
}

fn asked(request: &UpdateDomainRequest) -> Result<Change, Failure> {
    let keys = request.dnssec.as_ref().map(|dnssec| keys(&dnssec.keys)).transpose()?;
    let servers = request.name_servers.as_ref().map(|servers| name_servers(&servers.names)).transpose()?;
    if servers.as_ref().is_some_and(Vec::is_empty) {
        return Err(Failure::refused(ProblemKind::Invalid, "", "name_servers: at least one"));
    }
    Ok(Change {
        name_servers: servers,
        is_locked: request.transfer_locked,
        is_private_whois_enabled: request.id_protected,
        is_dnssec_enabled: keys.as_ref().map(|keys| !keys.is_empty()),
        dnssec_keys: keys,
        ..Change::default()
    })
}

fn set_handles(change: &mut Change, handles: Handles) {
    let given = |handle: String| (!handle.is_empty()).then_some(handle);
    change.owner_handle = given(handles.owner);
    change.admin_handle = given(handles.admin);
    change.tech_handle = given(handles.tech);
    change.billing_handle = given(handles.billing);
}

async fn put(
    plugin: &Openprovider,
    row: &Row,
    change: &Change,
    count: usize,
    budget: &Budget,
) -> Answer<UpdateDomainResponse> {
    let call = Call::put(&["domains", &row.id.to_string()], change);
    let sent = plugin.client.send::<Ordered>(call, budget.for_change()).await;
    if let Err(trouble) = sent {
        if trouble.is_unsure()
            && let Ok(after) = lookup::read(plugin, row.id, budget).await
            && change.missing_in(&after).is_empty()
        {
            let words = "the answer to the change was lost; it was found made afterwards".to_owned();
            return Ok(Done::new(response(&after)).with_warnings(vec![words]));
        }
        return Err(trouble.changing());
    }
    let mut warnings = sent.map(|reply| reply.warnings).unwrap_or_default();
    let after = match lookup::read(plugin, row.id, budget).await {
        Ok(after) => after,
        Err(trouble) => {
            let words = trouble.asking().problem().words.clone();
            warnings.push(format!("the change was taken; the domain could not be read afterwards: {words}"));
            return Ok(Done::new(response(row)).with_warnings(warnings));
        }
    };
    let left = change.missing_in(&after);
    if !left.is_empty() && after.is("ACT") && left.len() == count {
        let words = format!("Openprovider answered success and left as they are: {}", left.join(", "));
        return Err(Failure::refused(ProblemKind::State, "", words));
    }
    if !left.is_empty() {
        warnings.push(format!("taken, but not to be seen yet: {}", left.join(", ")));
    }
    Ok(Done::new(response(&after)).with_warnings(warnings))
}

fn response(row: &Row) -> UpdateDomainResponse {
    UpdateDomainResponse { domain: Some(row.shown(Utc::now())), ..UpdateDomainResponse::default() }
}

#[derive(Serialize)]
struct AuthCodeRequest<'a> {
    domain: &'a Name,
    id: i64,
}

/// No `Debug`: it is a secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthCode {
    #[serde(deserialize_with = "or_default")]
    auth_code: String,
}

/// Reads the code that a transfer to another registrar needs.
pub(crate) async fn auth_code(plugin: &Openprovider, request: &GetAuthCodeRequest) -> Answer<GetAuthCodeResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::of(plugin.manner.time_max);
    let row = lookup::expect(plugin, &name, &budget).await?;
    let call = Call::get(&["domains", &row.id.to_string(), "authcode"]).query("auth_code_type", &"external");
    let reply = plugin.client.send::<AuthCode>(call, budget.left()).await.map_err(Trouble::asking)?;
    if reply.data.auth_code.is_empty() {
        let words = format!("no code is told for {}: some registries send it to the holder themselves", name.whole());
        return Err(Failure::refused(ProblemKind::State, "", words));
    }
    // What is warned of beside a secret is not passed on.
    Ok(Done::new(GetAuthCodeResponse { auth_code: reply.data.auth_code, ..GetAuthCodeResponse::default() }))
}
