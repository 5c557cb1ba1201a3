//! The programs: which parameters each takes, and who does it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Panel, change, domains, plans, resellers};

/// The programs that are simulated.
pub(super) const PROGRAMS: [&str; 13] = [
    "list-domains",
    "create-domain",
    "modify-domain",
    "disable-domain",
    "enable-domain",
    "delete-domain",
    "list-plans",
    "create-plan",
    "create-login-link",
    "list-resellers",
    "create-reseller",
    "modify-reseller",
    "info",
];
/// Only Virtualmin Pro has them.
pub(super) const PRO: [&str; 3] = ["list-resellers", "create-reseller", "modify-reseller"];

/// What a program printed, or listed.
pub(super) enum Printed {
    Text(String),
    Rows(Vec<Value>),
}

/// Why it failed: refused before anything was done, with the usage text, or half way.
pub(super) enum Failed {
    Refused(String),
    HalfWay(String),
}

pub(super) type Exit = Result<Printed, Failed>;
pub(super) type Parameters = BTreeMap<String, String>;

/// A refusal in the panel's words.
pub(super) fn refused(words: impl Into<String>) -> Failed {
    Failed::Refused(words.into())
}

/// The parameters that a program takes: with a value, and as flags.
fn known(program: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match program {
        "list-domains" => (&["domain", "user", "parent", "reseller"], &["multiline", "toplevel"]),
        "create-domain" => (
            &["domain", "pass", "user", "email", "desc", "plan", "template", "reseller"],
            &[
                "unix",
                "dir",
                "webmin",
                "web",
                "dns",
                "mail",
                "features-from-plan",
                "default-features",
                "limits-from-plan",
                "allocate-ip",
            ],
        ),
        "modify-domain" => (&["domain", "pass", "email", "desc", "newdomain", "user", "reseller", "apply-plan"], &[]),
        "disable-domain" => (&["domain", "why"], &["subservers"]),
        "enable-domain" => (&["domain"], &["subservers"]),
        "delete-domain" => (&["domain", "user"], &["only", "preserve-remote"]),
        "create-plan" => (
            &["name", "owner", "quota", "admin-quota", "max-bw", "max-doms", "max-mailbox", "max-dbs", "max-alias"],
            &[],
        ),
        "create-login-link" => (&["domain", "user", "usermin-user", "lifetime"], &["root"]),
        "create-reseller" | "modify-reseller" => (
            &["name", "pass", "email", "desc", "plan", "max-doms", "max-quota", "max-bw", "max-mailboxes", "max-dbs"],
            &["lock", "unlock"],
        ),
        "info" => (&["search"], &[]),
        _ => (&[], &["multiline"]),
    }
}

/// What a program prints when it is called wrongly.
pub(super) fn usage(program: &str) -> String {
    let (values, flags) = known(program);
    let values = values.iter().map(|name| format!("[--{name} value]"));
    let all: Vec<String> = values.chain(flags.iter().map(|name| format!("[--{name}]"))).collect();
    format!("virtualmin {program} {}\n", all.join("\n    "))
}

/// Does it.
pub(super) fn run(panel: &Panel, program: &str, parameters: &Parameters) -> Exit {
    let (values, flags) = known(program);
    for (name, value) in parameters {
        let fits = if value.is_empty() { flags.contains(&name.as_str()) } else { values.contains(&name.as_str()) };
        if !fits {
            return Err(refused(format!("Unknown parameter --{name}")));
        }
    }
    let (mut state, now) = (panel.state(), panel.clock.now());
    let state = &mut *state;
    match program {
        "list-domains" => domains::list(state, parameters),
        "create-domain" => domains::create(state, parameters, now, &panel.options),
        "delete-domain" => domains::delete(state, parameters),
        "modify-domain" => change::modify(state, parameters),
        "disable-domain" => change::disable(state, parameters),
        "enable-domain" => change::enable(state, parameters),
        "create-login-link" => change::login_link(state, parameters),
        "list-plans" => plans::list(state),
        "create-plan" => plans::create(state, parameters, now),
        "list-resellers" => resellers::list(state),
        "create-reseller" => resellers::create(state, parameters),
        "modify-reseller" => resellers::modify(state, parameters),
        // Without anything to find it prints nothing (recorded).
        _ => Ok(Printed::Text(String::new())),
    }
}

/// A parameter that must be there.
pub(super) fn required<'a>(parameters: &'a Parameters, name: &str, words: &str) -> Result<&'a str, Failed> {
    parameters.get(name).map(String::as_str).ok_or_else(|| refused(words))
}
