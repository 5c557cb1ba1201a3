//! The operations that are simulated: what they are called, what their packets may hold, and who does them.

use super::events::Occurrence;
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::State;
use super::xml::Element;
use super::{customer, ip, reseller, server, service_plan, session, webspace};

/// Does one operation and gives its `result` elements; what Plesk reports of it goes to the occurrences.
type Run = fn(&Panel, &mut State, &Element, &mut Vec<Occurrence>) -> Vec<Element>;

/// One operation of one operator.
pub(super) struct Operation {
    /// `operator.verb`, as faults and errors name it.
    pub(super) name: &'static str,
    /// The nodes of the operation, in the only order Plesk takes them.
    nodes: &'static [&'static str],
    /// The kinds of its filter; empty if it has none.
    filters: &'static [&'static str],
    /// What parts of it may hold.
    parts: &'static [Part],
    pub(super) run: Run,
}

/// A part of an operation.
struct Part {
    path: &'static [&'static str],
    members: &'static [&'static str],
    ordered: bool,
}

/// A part whose members stand in any order.
const fn any(path: &'static [&'static str], members: &'static [&'static str]) -> Part {
    Part { path, members, ordered: false }
}

/// A part whose members stand in this order.
const fn ordered(path: &'static [&'static str], members: &'static [&'static str]) -> Part {
    Part { path, members, ordered: true }
}

const CUSTOMER_FILTERS: &[&str] = &["id", "login", "owner-id", "owner-login", "owner-guid", "guid", "external-id"];
const RESELLER_FILTERS: &[&str] = &["id", "login", "guid", "external-id"];
const WEBSPACE_FILTERS: &[&str] =
    &["id", "name", "guid", "external-id", "owner-id", "owner-login", "owner-guid", "owner-external-id"];
const PLAN_FILTERS: &[&str] = &["id", "name", "guid", "external-id"];

/// What a customer's `gen_info` may hold when it is added or set.
const CUSTOMER_INFO: &[&str] = &[
    "cname",
    "pname",
    "login",
    "passwd",
    "password-type",
    "status",
    "phone",
    "fax",
    "email",
    "address",
    "city",
    "state",
    "pcode",
    "country",
    "owner-id",
    "owner-login",
    "owner-guid",
    "external-id",
    "description",
];

/// What a reseller's `gen-info` may hold when it is added or set.
const RESELLER_INFO: &[&str] = &[
    "cname",
    "pname",
    "login",
    "passwd",
    "status",
    "phone",
    "fax",
    "email",
    "address",
    "city",
    "state",
    "pcode",
    "country",
    "locale",
    "external-id",
];

/// Every operation there is.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "customer.add",
        nodes: &["gen_info", "add-packages-to-customer-pool"],
        filters: &[],
        parts: &[ordered(&["gen_info"], CUSTOMER_INFO)],
        run: customer::add,
    },
    Operation {
        name: "customer.get",
        nodes: &["filter", "dataset"],
        filters: CUSTOMER_FILTERS,
        parts: &[any(&["dataset"], &["gen_info", "stat"])],
        run: customer::get,
    },
    Operation {
        name: "customer.set",
        nodes: &["filter", "values"],
        filters: CUSTOMER_FILTERS,
        parts: &[any(&["values"], &["gen_info"]), any(&["values", "gen_info"], CUSTOMER_INFO)],
        run: customer::set,
    },
    Operation { name: "customer.del", nodes: &["filter"], filters: CUSTOMER_FILTERS, parts: &[], run: customer::del },
    Operation {
        name: "webspace.add",
        nodes: &[
            "gen_setup",
            "hosting",
            "limits",
            "prefs",
            "performance",
            "permissions",
            "php-settings",
            "plan-id",
            "plan-name",
            "plan-guid",
            "plan-external-id",
        ],
        filters: &[],
        parts: &[ordered(
            &["gen_setup"],
            &[
                "name",
                "owner-id",
                "owner-login",
                "owner-guid",
                "owner-external-id",
                "htype",
                "ip_address",
                "status",
                "external-id",
                "description",
            ],
        )],
        run: webspace::add,
    },
    Operation {
        name: "webspace.get",
        nodes: &["filter", "dataset"],
        filters: WEBSPACE_FILTERS,
        parts: &[any(&["dataset"], &["gen_info", "hosting", "limits", "stat", "prefs", "disk_usage", "subscriptions"])],
        run: webspace::get,
    },
    Operation {
        name: "webspace.set",
        nodes: &["filter", "values"],
        filters: WEBSPACE_FILTERS,
        parts: &[
            ordered(&["values"], &["gen_setup", "hosting"]),
            ordered(
                &["values", "gen_setup"],
                &["status", "name", "owner-login", "owner-guid", "owner-external-id", "external-id", "description"],
            ),
        ],
        run: webspace::set,
    },
    Operation { name: "webspace.del", nodes: &["filter"], filters: WEBSPACE_FILTERS, parts: &[], run: webspace::del },
    Operation {
        name: "webspace.switch-subscription",
        nodes: &["filter", "plan-guid", "plan-external-id", "no-plan"],
        filters: WEBSPACE_FILTERS,
        parts: &[],
        run: webspace::switch_subscription,
    },
    Operation {
        name: "service-plan.add",
        nodes: &[
            "name",
            "owner-id",
            "owner-login",
            "mail",
            "limits",
            "log-rotation",
            "preferences",
            "hosting",
            "performance",
            "permissions",
            "external-id",
            "php-settings",
        ],
        filters: &[],
        parts: &[],
        run: service_plan::add,
    },
    Operation {
        name: "service-plan.get",
        nodes: &["filter", "owner-id", "owner-login", "owner-all"],
        filters: PLAN_FILTERS,
        parts: &[],
        run: service_plan::get,
    },
    Operation {
        name: "webspace.sync-subscription",
        nodes: &["filter"],
        filters: WEBSPACE_FILTERS,
        parts: &[],
        run: webspace::sync_subscription,
    },
    Operation {
        name: "webspace.get_traffic",
        nodes: &["filter", "since_date", "to_date"],
        filters: WEBSPACE_FILTERS,
        parts: &[],
        run: webspace::get_traffic,
    },
    Operation {
        name: "reseller.add",
        nodes: &["gen-info", "limits", "permissions", "plan-id", "plan-name", "plan-guid", "plan-external-id"],
        filters: &[],
        parts: &[ordered(&["gen-info"], RESELLER_INFO), ordered(&["limits"], &["resource-policy", "limit"])],
        run: reseller::add,
    },
    Operation {
        name: "reseller.get",
        nodes: &["filter", "dataset"],
        filters: RESELLER_FILTERS,
        parts: &[ordered(&["dataset"], &["gen-info", "stat", "permissions", "limits", "ippool", "subscriptions"])],
        run: reseller::get,
    },
    Operation {
        name: "reseller.set",
        nodes: &["filter", "values"],
        filters: RESELLER_FILTERS,
        parts: &[
            ordered(&["values"], &["gen-info", "limits", "permissions"]),
            ordered(&["values", "gen-info"], RESELLER_INFO),
            ordered(&["values", "limits"], &["resource-policy", "limit"]),
        ],
        run: reseller::set,
    },
    Operation { name: "reseller.del", nodes: &["filter"], filters: RESELLER_FILTERS, parts: &[], run: reseller::del },
    Operation {
        name: "reseller.switch-subscription",
        nodes: &["filter", "plan-guid", "no-plan"],
        filters: RESELLER_FILTERS,
        parts: &[],
        run: reseller::switch_subscription,
    },
    Operation {
        name: "reseller-plan.get",
        nodes: &["filter", "limits", "permissions", "ip-pool"],
        filters: PLAN_FILTERS,
        parts: &[],
        run: reseller::get_plans,
    },
    Operation { name: "ip.get", nodes: &[], filters: &[], parts: &[], run: ip::get },
    Operation {
        name: "server.create_session",
        nodes: &["login", "data"],
        filters: &[],
        parts: &[any(&["data"], &["user_ip", "source_server", "back_url"])],
        run: session::create,
    },
    Operation { name: "server.get", nodes: &["key", "gen_info", "stat"], filters: &[], parts: &[], run: server::get },
    Operation { name: "server.get_protos", nodes: &[], filters: &[], parts: &[], run: server::get_protos },
];

impl Operation {
    /// The operation of that operator and verb.
    pub(super) fn find(operator: &str, verb: &str) -> Result<&'static Self, Refusal> {
        let name = format!("{operator}.{verb}");
        let found = OPERATIONS.iter().find(|operation| operation.name == name);
        found.ok_or_else(|| Refusal::parse(format!("there is no operation '{verb}' of '{operator}'")))
    }

    /// The operator.
    pub(super) fn operator(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(operator, _)| operator)
    }

    /// The verb.
    pub(super) fn verb(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, verb)| verb)
    }

    /// Checks what the schema asks: known nodes in their order, known kinds of filter, known members. Plesk checks a
    /// whole packet before it does any of it.
    pub(super) fn check(&self, body: &Element) -> Result<(), Refusal> {
        self.check_order(body, self.nodes)?;
        if !self.filters.is_empty() {
            let filter = body.get("filter");
            let filter = filter.ok_or_else(|| Refusal::parse(format!("{}: 'filter' is missing", self.name)))?;
            self.check_members(filter, self.filters)?;
            if let Some(other) = filter.children.iter().find(|child| child.name != filter.children[0].name) {
                return Err(Refusal::parse(format!("{}: a filter of two kinds: '{}'", self.name, other.name)));
            }
        }
        for part in self.parts {
            match body.at(part.path) {
                Some(found) if part.ordered => self.check_order(found, part.members)?,
                Some(found) => self.check_members(found, part.members)?,
                None => {}
            }
        }
        Ok(())
    }

    fn check_order(&self, part: &Element, members: &[&str]) -> Result<(), Refusal> {
        let mut place = 0;
        for child in &part.children {
            let Some(found) = members.iter().position(|member| *member == child.name) else {
                return Err(self.unexpected(&child.name, members));
            };
            if found < place {
                return Err(Refusal::parse(format!("{}: '{}' comes too late", self.name, child.name)));
            }
            place = found;
        }
        Ok(())
    }

    fn check_members(&self, part: &Element, members: &[&str]) -> Result<(), Refusal> {
        let strange = part.children.iter().find(|child| !members.contains(&child.name.as_str()));
        strange.map_or(Ok(()), |strange| Err(self.unexpected(&strange.name, members)))
    }

    fn unexpected(&self, name: &str, known: &[&str]) -> Refusal {
        Refusal::parse(format!("{}: '{name}' is not expected; expected: {}", self.name, known.join(", ")))
    }
}
