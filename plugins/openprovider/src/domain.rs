//! A domain as Openprovider tells it, and what it is in the protocol's words.

use billet_plugin::v1::{ContactRole, DnssecKey, Domain, DomainContact, DomainState};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::moment;
use crate::name::Name;

/// A row of the domains. Of its many members, those that mean something here.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    pub(crate) id: i64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) domain: Name,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) delete_status: String,
    /// `NEW` or `TRANSFER`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "or_default")]
    creation_date: String,
    #[serde(deserialize_with = "or_default")]
    order_date: String,
    #[serde(deserialize_with = "or_default")]
    expiration_date: String,
    #[serde(deserialize_with = "or_default")]
    registry_expiration_date: String,
    #[serde(deserialize_with = "or_default")]
    restorable_until: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) owner_handle: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) admin_handle: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) tech_handle: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) billing_handle: String,
    #[serde(deserialize_with = "or_default")]
    name_servers: Vec<NameServer>,
    #[serde(deserialize_with = "or_default")]
    dnssec_keys: Vec<Key>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) is_locked: bool,
    #[serde(deserialize_with = "or_default")]
    pub(crate) is_private_whois_enabled: bool,
    #[serde(deserialize_with = "or_default")]
    pub(crate) transfer_cancel_supported: bool,
    #[serde(deserialize_with = "or_default")]
    registry_statuses: RegistryStatuses,
    /// Who ordered it: Billet's mark. It is the operator's to change.
    #[serde(deserialize_with = "or_default")]
    pub(crate) comments: String,
}

/// A name server of a domain.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NameServer {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    pub(crate) seq_nr: u32,
}

/// A key of a signed zone: always the key itself, never a digest of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    pub(crate) alg: u32,
    pub(crate) flags: u32,
    pub(crate) protocol: u32,
    #[serde(deserialize_with = "or_default")]
    pub(crate) pub_key: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RegistryStatuses {
    #[serde(deserialize_with = "or_default")]
    client_hold: RegistryStatus,
    #[serde(deserialize_with = "or_default")]
    client_transfer_prohibited: RegistryStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RegistryStatus {
    value: i64,
}

/// `null` is an answer of this API, too.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Row {
    /// A domain of which no more is known than what the order was answered.
    pub(crate) fn ordered(id: i64, domain: Name, status: String) -> Self {
        Self { id, domain, status, ..Self::default() }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: String) -> Self {
        Self { status, ..self }
    }

    /// Its status, as documented in `API_Format_Domain_Status`.
    pub(crate) fn is(&self, status: &str) -> bool {
        self.status.eq_ignore_ascii_case(status)
    }

    /// Whether it was asked for and not decided yet.
    pub(crate) fn is_pending(&self) -> bool {
        ["REQ", "PEN", "SCH", "PRE"].iter().any(|status| self.is(status))
    }

    /// Whether what was asked for came to nothing: there is no domain.
    pub(crate) fn has_failed(&self) -> bool {
        self.is("FAI") || self.is("REJ")
    }

    /// Whether it was or is to be brought here from another registrar.
    pub(crate) fn is_transfer(&self) -> bool {
        self.kind.eq_ignore_ascii_case("TRANSFER")
    }

    /// When it expires, as the account has it; as the registry has it where the account tells nothing.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        moment::utc(&self.expiration_date).or_else(|| moment::utc(&self.registry_expiration_date))
    }

    /// When it was ordered.
    pub(crate) fn ordered_at(&self) -> Option<DateTime<Utc>> {
        moment::amsterdam(&self.order_date).or_else(|| moment::utc(&self.creation_date))
    }

    /// Its name servers in order.
    pub(crate) fn name_servers(&self) -> Vec<String> {
        let mut servers: Vec<_> = self.name_servers.iter().filter(|server| !server.name.is_empty()).collect();
        servers.sort_by_key(|server| server.seq_nr);
        servers.into_iter().map(|server| server.name.trim_end_matches('.').to_ascii_lowercase()).collect()
    }

    /// Its keys.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.dnssec_keys.iter().filter(|key| !key.pub_key.is_empty()).map(Key::bare).collect()
    }

    /// The handle of a role.
    pub(crate) fn handle(&self, role: ContactRole) -> &str {
        match role {
            ContactRole::Registrant => &self.owner_handle,
            ContactRole::Admin => &self.admin_handle,
            ContactRole::Tech => &self.tech_handle,
            ContactRole::Billing => &self.billing_handle,
            ContactRole::Unspecified => "",
        }
    }

    /// How it stands at `now`. None when there is no domain: what was asked for failed, or it is gone for good.
    pub(crate) fn state(&self, now: DateTime<Utc>) -> Option<DomainState> {
        let delete_status = self.delete_status.to_ascii_lowercase();
        let state = match self.status.to_ascii_uppercase().as_str() {
            "ACT" if self.expires_at().is_some_and(|expires| expires <= now) => DomainState::Expired,
            "ACT" => DomainState::Active,
            "RRQ" => DomainState::PendingRestore,
            "DEL" if delete_status.contains("transfer") => DomainState::TransferredAway,
            "DEL" if moment::utc(&self.restorable_until).is_some_and(|until| until > now) => DomainState::Redemption,
            "DEL" if self.restorable_until.is_empty() && delete_status.contains("quarantine") => {
                DomainState::Redemption
            }
            "DEL" if delete_status.contains("pending") => DomainState::PendingDelete,
            "DEL" | "FAI" | "REJ" => return None,
            "REQ" | "PEN" | "SCH" | "PRE" if self.is_transfer() => DomainState::PendingTransfer,
            "REQ" | "PEN" | "PRE" => DomainState::PendingCreate,
            "SCH" => DomainState::PendingTransfer,
            _ => DomainState::Unspecified,
        };
        Some(state)
    }

    /// As the protocol has it.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Domain {
        let roles = [ContactRole::Registrant, ContactRole::Admin, ContactRole::Tech, ContactRole::Billing];
        let contacts = roles.into_iter().filter(|role| !self.handle(*role).is_empty()).map(|role| DomainContact {
            role: role.into(),
            handle: self.handle(role).to_owned(),
            contact: None,
        });
        Domain {
            name: self.domain.whole(),
            registrar_id: self.id.to_string(),
            state: self.state(now).unwrap_or_default().into(),
            statuses: self.statuses(),
            created_at: moment::utc(&self.creation_date).map(moment::timestamp),
            expires_at: self.expires_at().map(moment::timestamp),
            name_servers: self.name_servers(),
            contacts: contacts.collect(),
            transfer_locked: self.is_locked,
            dnssec: self.keys().into_iter().map(Key::shown).collect(),
            id_protected: self.is_private_whois_enabled,
            sponsor: String::new(),
        }
    }

    fn statuses(&self) -> Vec<String> {
        let mut statuses = vec![self.status.clone(), self.delete_status.clone()];
        if self.registry_statuses.client_transfer_prohibited.value == 1 {
            statuses.push("clientTransferProhibited".to_owned());
        }
        if self.registry_statuses.client_hold.value == 1 {
            statuses.push("clientHold".to_owned());
        }
        statuses.retain(|status| !status.is_empty());
        statuses
    }
}

impl Key {
    /// Without white space, to compare by; the protocol is 3 in every DNSKEY (RFC 4034 2.1.2).
    pub(crate) fn bare(&self) -> Self {
        let pub_key = self.pub_key.split_whitespace().collect();
        Self { alg: self.alg, flags: self.flags, protocol: 3, pub_key }
    }

    fn shown(self) -> DnssecKey {
        DnssecKey { algorithm: self.alg, flags: self.flags, public_key: self.pub_key, ..DnssecKey::default() }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn row(text: &str) -> Row {
        serde_json::from_str(text).expect("a row")
    }

    #[test]
    fn each_status_is_a_state() {
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a time");
        for (text, state) in [
            (r#"{"status":"ACT","expiration_date":"2027-01-01 00:00:00"}"#, Some(DomainState::Active)),
            (r#"{"status":"ACT","expiration_date":"2026-11-20 11:59:59"}"#, Some(DomainState::Expired)),
            (r#"{"status":"REQ","type":"NEW"}"#, Some(DomainState::PendingCreate)),
            (r#"{"status":"PEN","type":"TRANSFER"}"#, Some(DomainState::PendingTransfer)),
            (r#"{"status":"SCH"}"#, Some(DomainState::PendingTransfer)),
            (r#"{"status":"RRQ"}"#, Some(DomainState::PendingRestore)),
            (r#"{"status":"DEL","restorable_until":"2026-12-01 00:00:00"}"#, Some(DomainState::Redemption)),
            (r#"{"status":"DEL","delete_status":"softQuarantine"}"#, Some(DomainState::Redemption)),
            (r#"{"status":"DEL","delete_status":"quarantine","restorable_until":"2026-11-01 00:00:00"}"#, None),
            (r#"{"status":"DEL"}"#, None),
            (r#"{"status":"FAI"}"#, None),
            (r#"{"status":"NEW-ONE"}"#, Some(DomainState::Unspecified)),
        ] {
            assert_eq!(row(text).state(now), state, "{text}");
        }
    }

    #[test]
    fn nulls_are_nothing_and_servers_have_an_order() {
        let row = row(
            r#"{"id":7,"domain":{"name":"Example","extension":"org"},"status":"ACT","dnssec_keys":null,"is_locked":null,
            "name_servers":[{"name":"NS2.example.net.","seq_nr":2},{"name":"ns1.example.net","seq_nr":1,"ip":null}],
            "registry_statuses":{"client_hold":{"value":1}},"owner_handle":"XX1-EX","auth_code":"k3y"}"#,
        );
        let shown = row.shown(Utc::now());
        assert_eq!(shown.name, "example.org");
        assert_eq!(shown.name_servers, ["ns1.example.net", "ns2.example.net"]);
        assert_eq!(shown.statuses, ["ACT", "clientHold"]);
        assert_eq!(shown.contacts.len(), 1);
        assert!(!format!("{shown:?}").contains("k3y"));
    }
}
