//! The operations that are simulated: what they are called, what their packets may hold, and who does them.

use super::events::Occurrence;
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::State;
use super::xml::Element;
use super::{customer, server, service_plan, webspace};

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
    /// Parts of it, by path, and what they may hold in any order.
    parts: &'static [(&'static [&'static str], &'static [&'static str])],
    pub(super) run: Run,
}

const CUSTOMER_FILTERS: &[&str] = &["id", "login", "guid", "external-id"];
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

/// Every operation there is.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "customer.add",
        nodes: &["gen_info", "add-packages-to-customer-pool"],
        filters: &[],
        parts: &[(&["gen_info"], CUSTOMER_INFO)],
        run: customer::add,
    },
    Operation {
        name: "customer.get",
        nodes: &["filter", "dataset"],
        filters: CUSTOMER_FILTERS,
        parts: &[(&["dataset"], &["gen_info", "stat"])],
        run: customer::get,
    },
    Operation {
        name: "customer.set",
        nodes: &["filter", "values"],
        filters: CUSTOMER_FILTERS,
        parts: &[(&["values"], &["gen_info"]), (&["values", "gen_info"], CUSTOMER_INFO)],
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
        parts: &[(
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
        parts: &[(&["dataset"], &["gen_info", "hosting", "limits", "stat", "prefs", "disk_usage", "subscriptions"])],
        run: webspace::get,
    },
    Operation {
        name: "webspace.set",
        nodes: &["filter", "values"],
        filters: WEBSPACE_FILTERS,
        parts: &[
            (&["values"], &["gen_setup", "hosting"]),
            (&["values", "gen_setup"], &["name", "status", "external-id", "description"]),
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
    Operation { name: "server.get", nodes: &["gen_info", "stat"], filters: &[], parts: &[], run: server::get },
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
        let mut place = 0;
        for child in &body.children {
            let Some(found) = self.nodes.iter().position(|node| *node == child.name) else {
                return Err(self.unexpected(&child.name, self.nodes));
            };
            if found < place {
                return Err(Refusal::parse(format!("{}: '{}' comes too late", self.name, child.name)));
            }
            place = found;
        }
        if !self.filters.is_empty() {
            let filter = body.get("filter");
            let filter = filter.ok_or_else(|| Refusal::parse(format!("{}: 'filter' is missing", self.name)))?;
            self.check_members(filter, self.filters)?;
        }
        for (path, members) in self.parts {
            if let Some(part) = body.at(path) {
                self.check_members(part, members)?;
            }
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
