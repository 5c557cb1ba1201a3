//! The commands: how many arguments each takes, and who does it.

use serde_json::json;

use super::exit::{ARGS, Exit, failed};
use super::{Panel, domains, packages, users};

/// The commands that are simulated.
pub(super) const COMMANDS: [&str; 22] = [
    "v-list-users",
    "v-list-user",
    "v-list-user-packages",
    "v-list-user-package",
    "v-list-user-stats",
    "v-list-web-domains",
    "v-list-sys-info",
    "v-list-sys-hestia-updates",
    "v-search-domain-owner",
    "v-add-user",
    "v-suspend-user",
    "v-unsuspend-user",
    "v-delete-user",
    "v-change-user-package",
    "v-change-user-password",
    "v-change-user-contact",
    "v-change-user-language",
    "v-add-domain",
    "v-add-web-domain",
    "v-change-web-domain-name",
    "v-make-tmp-file",
    "v-add-user-package",
];

/// The fewest and the most arguments, and their names for the message.
fn arity(command: &str) -> (usize, usize, &'static str) {
    match command {
        "v-list-users" | "v-list-user-packages" | "v-list-sys-info" | "v-list-sys-hestia-updates" => (0, 1, "[FORMAT]"),
        "v-list-user" | "v-list-web-domains" | "v-list-user-stats" => (1, 2, "USER [FORMAT]"),
        "v-list-user-package" => (1, 2, "PACKAGE [FORMAT]"),
        "v-search-domain-owner" => (1, 2, "DOMAIN [TYPE]"),
        "v-add-user" => (3, 6, "USER PASSWORD EMAIL [PACKAGE] [NAME] "),
        "v-suspend-user" | "v-unsuspend-user" | "v-delete-user" => (1, 2, "USER [RESTART]"),
        "v-change-user-package" => (2, 3, "USER PACKAGE [FORCE]"),
        "v-change-user-password" => (2, 2, "USER PASSWORD"),
        "v-change-user-contact" => (2, 2, "USER EMAIL"),
        "v-change-user-language" => (2, 2, "USER LANGUAGE"),
        "v-add-domain" => (2, 4, "USER DOMAIN [IP] [RESTART]"),
        "v-add-web-domain" => (2, 6, "USER DOMAIN [IP] [RESTART] [ALIASES] [PROXY_EXTENSIONS]"),
        "v-change-web-domain-name" => (3, 4, "USER DOMAIN NEW_DOMAIN [RESTART]"),
        "v-make-tmp-file" => (2, 2, "TEXT FILE"),
        _ => (2, 3, "FILE PACKAGE [REWRITE]"),
    }
}

/// Does it.
pub(super) fn run(panel: &Panel, command: &str, arguments: &[String]) -> Exit {
    let (least, most, usage) = arity(command);
    if arguments.len() < least || arguments.len() > most {
        return Err(failed(ARGS, format!("Usage: {command} {usage}")));
    }
    let argument = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    let (first, second) = (argument(0), argument(1));
    let json_only = |at: usize| {
        let format = argument(at);
        // Other formats exist at the original; nobody should read them.
        if format == "json" { Ok(()) } else { Err(failed(ARGS, format!("format {format} is not simulated"))) }
    };
    let (mut state, now) = (panel.state(), panel.clock.now());
    let state = &mut *state;
    match command {
        "v-list-users" => json_only(0).and_then(|()| users::list(state)),
        "v-list-user" => json_only(1).and_then(|()| users::one(state, first)),
        "v-list-user-packages" => json_only(0).and_then(|()| packages::list(state)),
        "v-list-user-package" => json_only(1).and_then(|()| packages::one(state, first)),
        "v-list-web-domains" => json_only(1).and_then(|()| domains::list(state, first)),
        "v-list-user-stats" => {
            state.user(first)?;
            // An empty log prints only the opening brace and a complaint (recorded).
            Err(failed(super::exit::INVALID, "{\nError: Invalid object format: DATE='2026-11-30'"))
        }
        "v-list-sys-info" => json_only(0).map(|()| {
            let info = json!({
                "HOSTNAME": panel.options.hostname, "OS": "Debian", "VERSION": "12.8", "ARCH": "x86_64",
                "UPTIME": "1042", "LOADAVERAGE": "0.10",
            });
            format!("{:#}", json!({"sysinfo": info}))
        }),
        "v-list-sys-hestia-updates" => json_only(0).map(|()| {
            let core = json!({"VERSION": panel.options.version, "RELEASE": "release", "UPDATED": "yes"});
            format!("{:#}", json!({"hestia": core}))
        }),
        "v-search-domain-owner" => domains::search_owner(state, first),
        "v-add-user" => users::add(state, arguments, now),
        "v-suspend-user" => users::suspend(state, first),
        "v-unsuspend-user" => users::unsuspend(state, first),
        "v-delete-user" => users::delete(state, first),
        "v-change-user-package" => users::change_package(state, first, second),
        "v-change-user-password" => users::change_password(state, first, second),
        "v-change-user-contact" => users::change_contact(state, first, second),
        "v-change-user-language" => users::change_language(state, first, second),
        "v-add-domain" => domains::add(state, first, second, true, now),
        "v-add-web-domain" => domains::add(state, first, second, false, now),
        "v-change-web-domain-name" => domains::rename(state, first, second, argument(2)),
        "v-make-tmp-file" => packages::make_file(state, first, second),
        _ => packages::add(state, first, second, argument(2) == "yes"),
    }
}
