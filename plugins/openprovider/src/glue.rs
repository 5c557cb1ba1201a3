//! Name servers below a domain of the account (glue): one IPv4 and one IPv6 address each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use billet_plugin::v1::{ProblemKind, SetGlueHostRequest, SetGlueHostResponse};
use billet_plugin::{Answer, Done, Failure};
use serde::{Deserialize, Serialize};

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::Trouble;
use crate::name::host;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct GlueHost {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    ip: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    ip6: String,
}

impl GlueHost {
    /// The addresses, however they are written.
    fn addresses(&self) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
        (self.ip.parse().ok(), self.ip6.parse().ok())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GlueHosts {
    #[serde(deserialize_with = "or_default")]
    results: Vec<GlueHost>,
}

#[derive(Default, Deserialize)]
struct Ignored {}

/// Makes, changes or removes a name server. What is there already decides which of the three.
pub(crate) async fn set(plugin: &Openprovider, request: &SetGlueHostRequest) -> Answer<SetGlueHostResponse> {
    let name = host(&request.host)?;
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    let wanted = wanted(&name, &request.addresses)?;
    let there = find(plugin, &name, &budget).await.map_err(Trouble::asking)?;
    let call = match (&there, &wanted) {
        (None, None) => return already(),
        (Some(there), Some(wanted)) if there.addresses() == wanted.addresses() => return already(),
        (Some(_), None) => Call::delete(&["dns", "nameservers", &name]),
        (Some(_), Some(wanted)) => Call::put(&["dns", "nameservers", &name], wanted),
        (None, Some(wanted)) => Call::post(&["dns", "nameservers"], wanted),
    };
    match plugin.client.send::<Ignored>(call, budget.for_change()).await {
        Ok(reply) => Ok(Done::new(SetGlueHostResponse::default()).with_warnings(reply.warnings)),
        Err(trouble) => {
            let so = |there: Option<GlueHost>| {
                there.map(|there| there.addresses()) == wanted.as_ref().map(GlueHost::addresses)
            };
            if trouble.is_unsure() && find(plugin, &name, &budget).await.is_ok_and(so) {
                return Ok(Done::new(SetGlueHostResponse::default()));
            }
            Err(trouble.changing())
        }
    }
}

fn already() -> Answer<SetGlueHostResponse> {
    Ok(Done::already(SetGlueHostResponse::default()))
}

async fn find(plugin: &Openprovider, name: &str, budget: &Budget) -> Result<Option<GlueHost>, Trouble> {
    let call = Call::get(&["dns", "nameservers"]).query("name", &name).query("limit", &100);
    let hosts: GlueHosts = plugin.client.send(call, budget.left()).await?.data;
    Ok(hosts.results.into_iter().find(|host| host.name.trim_end_matches('.').eq_ignore_ascii_case(name)))
}

/// The host as it should be; None when it should not be.
fn wanted(name: &str, addresses: &[String]) -> Result<Option<GlueHost>, Failure> {
    if addresses.is_empty() {
        return Ok(None);
    }
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let mut wanted = GlueHost { name: name.to_owned(), ..GlueHost::default() };
    for text in addresses {
        let shown: String = text.chars().take(60).collect();
        let address: IpAddr = text.parse().map_err(|_| invalid(format!("`{shown}` is not an IP address")))?;
        let place = if address.is_ipv4() { &mut wanted.ip } else { &mut wanted.ip6 };
        if !place.is_empty() {
            return Err(invalid("addresses: Openprovider keeps one IPv4 and one IPv6 address for a host".to_owned()));
        }
        *place = address.to_string();
    }
    if wanted.ip.is_empty() {
        return Err(invalid("addresses: Openprovider needs an IPv4 address".to_owned()));
    }
    Ok(Some(wanted))
}
