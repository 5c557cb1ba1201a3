//! Name servers as objects (RFC 5732).

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answer::{Answer, HOST, Outcome, Refusal, object, refusal, written};
use super::registry::{Call, Host, Registry};
use super::xml::Element;

impl Registry {
    pub(super) fn host(&mut self, call: &Call<'_>, verb: &str, command: &Element) -> Outcome {
        if !self.host_objects {
            return Err(refusal(2307, "hosts are attributes here"));
        }
        match verb {
            "check" => Ok(self.check_hosts(command)),
            "create" => self.create_host(call, command),
            "info" => self.host_info(command),
            "update" => self.update_host(call, command),
            "delete" => self.delete_host(call, command),
            _ => Err(refusal(2101, "")),
        }
    }

    fn check_hosts(&self, command: &Element) -> Answer {
        let answers = command.all("name").map(|name| {
            let free = !self.hosts.contains_key(&name.text);
            let answer = Element::leaf("host:name", &name.text).attr("avail", if free { "1" } else { "0" });
            let reason = (!free).then(|| Element::leaf("host:reason", "In use"));
            Element::new("host:cd").with(answer).with_all(reason)
        });
        Answer::ok(Some(object("host", HOST, "chkData").with_all(answers)))
    }

    /// The registered domain above a name in one of the registry's zones; `None` for a name that is not of here.
    pub(super) fn superordinate(&self, name: &str) -> Option<String> {
        let zone = self.zones.iter().find(|zone| name.ends_with(&format!(".{zone}")))?;
        let rest = name.strip_suffix(zone)?.trim_end_matches('.');
        let label = rest.rsplit('.').next()?;
        Some(format!("{label}.{zone}"))
    }

    fn create_host(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let name = command.text_of("name").to_owned();
        if self.hosts.contains_key(&name) {
            return Err(refusal(2302, "the host exists"));
        }
        let addresses = addresses(command.all("addr"))?;
        match self.superordinate(&name) {
            Some(domain) => {
                let domain = self.domains.get(&domain).ok_or_else(|| refusal(2303, "no domain above the host"))?;
                if domain.sponsor != call.client {
                    return Err(refusal(2201, "the domain above the host is somebody else's"));
                }
                if addresses.is_empty() {
                    return Err(refusal(2003, "a host below a domain needs addresses"));
                }
            }
            None if addresses.is_empty() => {}
            None => return Err(refusal(2306, "a host elsewhere has no addresses here")),
        }
        let roid = format!("H{}-SIM", self.number());
        let host = Host { roid, sponsor: call.client.to_owned(), created_at: call.now, addresses };
        self.hosts.insert(name.clone(), host);
        let data = object("host", HOST, "creData")
            .with(Element::leaf("host:name", name))
            .with(Element::leaf("host:crDate", written(call.now)));
        Ok(Answer::ok(Some(data)))
    }

    fn host_info(&self, command: &Element) -> Outcome {
        let name = command.text_of("name");
        let host = self.hosts.get(name).ok_or_else(|| refusal(2303, "no such host"))?;
        let status = if self.is_server(name) { "linked" } else { "ok" };
        let addresses = host.addresses.iter().map(|address| {
            Element::leaf("host:addr", address.to_string()).attr("ip", if address.is_ipv6() { "v6" } else { "v4" })
        });
        let data = object("host", HOST, "infData")
            .with(Element::leaf("host:name", name))
            .with(Element::leaf("host:roid", &host.roid))
            .with(Element::new("host:status").attr("s", status))
            .with_all(addresses)
            .with(Element::leaf("host:clID", &host.sponsor))
            .with(Element::leaf("host:crID", &host.sponsor))
            .with(Element::leaf("host:crDate", written(host.created_at)));
        Ok(Answer::ok(Some(data)))
    }

    fn own_host(&mut self, call: &Call<'_>, name: &str) -> Result<&mut Host, Refusal> {
        let host = self.hosts.get_mut(name).ok_or_else(|| refusal(2303, "no such host"))?;
        if host.sponsor == call.client { Ok(host) } else { Err(refusal(2201, "somebody else's host")) }
    }

    fn update_host(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let part = |name: &str| command.get(name).map_or(Ok(BTreeSet::new()), |part| addresses(part.all("addr")));
        let (add, remove) = (part("add")?, part("rem")?);
        let inside = self.superordinate(command.text_of("name")).is_some();
        let host = self.own_host(call, command.text_of("name"))?;
        if !remove.is_subset(&host.addresses) || !add.is_disjoint(&host.addresses) {
            return Err(refusal(2306, "an address is there already, or is not"));
        }
        let left: BTreeSet<IpAddr> = host.addresses.difference(&remove).chain(&add).copied().collect();
        if left.is_empty() == inside {
            return Err(refusal(2306, "a host below a domain has addresses, and no other"));
        }
        host.addresses = left;
        Ok(Answer::ok(None))
    }

    fn delete_host(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let name = command.text_of("name");
        self.own_host(call, name)?;
        if self.is_server(name) {
            return Err(refusal(2305, "a domain needs the host"));
        }
        self.hosts.remove(name);
        Ok(Answer::ok(None))
    }

    fn is_server(&self, name: &str) -> bool {
        self.domains.values().any(|domain| domain.servers.iter().any(|(server, _)| server == name))
    }
}

fn addresses<'a>(elements: impl Iterator<Item = &'a Element>) -> Result<BTreeSet<IpAddr>, Refusal> {
    let read = |element: &Element| {
        let address: IpAddr = element.text.parse().map_err(|_| refusal(2005, "no IP address"))?;
        let said = if element.attribute("ip") == "v6" { address.is_ipv6() } else { address.is_ipv4() };
        if said { Ok(address) } else { Err(refusal(2005, "the address is of the other family")) }
    };
    elements.map(read).collect()
}
