//! Which parameters each function has, by cPanel's documentation (11.138). The real panel ignores others; here they are
//! refused, so that a client's mistake is found before a customer finds it.

use super::call::{Call, Refusal};

/// The parameters of createacct.
const CREATEACCT: &[&str] = &[
    "username",
    "domain",
    "plan",
    "pass",
    "password",
    "contactemail",
    "owner",
    "ownerself",
    "reseller",
    "reseller_without_domain",
    "account_enhancements",
    "bwlimit",
    "cgi",
    "cpmod",
    "customip",
    "digestauth",
    "dkim",
    "dmarc",
    "enabledigest",
    "featurelist",
    "forcedns",
    "frontpage",
    "gid",
    "hasshell",
    "hasuseregns",
    "homedir",
    "ip",
    "language",
    "mail_node_alias",
    "mailbox_format",
    "max_defer_fail_percentage",
    "max_email_per_hour",
    "max_emailacct_quota",
    "max_team_users",
    "maxaddon",
    "maxftp",
    "maxlst",
    "maxpark",
    "maxpop",
    "maxsql",
    "maxsub",
    "mxcheck",
    "pkgname",
    "quota",
    "savepkg",
    "showpass",
    "spamassassin",
    "spambox",
    "spf",
    "uid",
    "useregns",
];

/// The parameters of modifyacct; `notify_*` and `MXCHECK-*` besides.
const MODIFYACCT: &[&str] = &[
    "user",
    "newuser",
    "domain",
    "DNS",
    "owner",
    "contactemail",
    "account_enhancements",
    "BACKUP",
    "BWLIMIT",
    "DBOWNER",
    "DISK_BLOCK_LIMIT",
    "HASCGI",
    "HASDKIM",
    "HASDMARC",
    "HASSHELL",
    "HASSPF",
    "LANG",
    "LOCALE",
    "mail_node_alias",
    "MAILBOX_FORMAT",
    "MAX_DEFER_FAIL_PERCENTAGE",
    "MAX_EMAIL_PER_HOUR",
    "MAX_EMAILACCT_QUOTA",
    "max_team_users",
    "MAXADDON",
    "MAXFTP",
    "MAXLST",
    "MAXPARK",
    "MAXPASSENGERAPPS",
    "MAXPOP",
    "MAXSQL",
    "MAXSUB",
    "modify_firewall",
    "OUTGOING_EMAIL_SUSPENDED",
    "PUSHBULLET_ACCESS_TOKEN",
    "QUOTA",
    "remove_missing_extensions",
    "rename_database_objects",
    "reseller",
    "RS",
    "shell",
    "spamassassin",
    "STARTDATE",
    "STYLE",
    "update_existing_email_account_quotas",
];

/// The parameters of addpkg.
const ADDPKG: &[&str] = &[
    "name",
    "_PACKAGE_EXTENSIONS",
    "bwlimit",
    "cgi",
    "cpmod",
    "digestauth",
    "featurelist",
    "frontpage",
    "hasshell",
    "ip",
    "language",
    "MAX_DEFER_FAIL_PERCENTAGE",
    "MAX_EMAIL_PER_HOUR",
    "max_emailacct_quota",
    "max_team_users",
    "maxaddon",
    "maxftp",
    "maxlst",
    "maxpark",
    "maxpop",
    "maxsql",
    "maxsub",
    "quota",
];

/// The parameters of setresellerlimits.
const SETRESELLERLIMITS: &[&str] = &[
    "user",
    "account_limit",
    "bandwidth_limit",
    "diskspace_limit",
    "enable_account_limit",
    "enable_overselling",
    "enable_overselling_bandwidth",
    "enable_overselling_diskspace",
    "enable_package_limit_numbers",
    "enable_package_limits",
    "enable_resource_limits",
];

/// Refuses a parameter that the function does not have. What is unknown as a function has its own refusal.
pub(super) fn check(call: &Call) -> Result<(), Refusal> {
    let Some(known) = of(&call.function) else { return Ok(()) };
    let takes = |name: &str| {
        known.contains(&name)
            || match call.function.as_str() {
                "modifyacct" => name.starts_with("notify_") || name.starts_with("MXCHECK-"),
                "setacls" | "saveacllist" => name.starts_with("acl-"),
                _ => false,
            }
    };
    match call.own().find(|(name, _)| !takes(name)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(Refusal::exception(format!("The function “{}” has no parameter “{name}”.", call.function)))
        }
    }
}

fn of(function: &str) -> Option<&'static [&'static str]> {
    Some(match function {
        "createacct" => CREATEACCT,
        "modifyacct" => MODIFYACCT,
        "addpkg" => ADDPKG,
        "setresellerlimits" => SETRESELLERLIMITS,
        "verify_new_username" | "unsetupreseller" | "acctcounts" => &["user"],
        "removeacct" => &["username", "user", "keepdns"],
        "suspendacct" => &["user", "reason", "disallowun", "leave-ftp-accts-enabled"],
        "unsuspendacct" => &["user", "retain-service-proxies"],
        "changepackage" => &["user", "pkg"],
        "passwd" => &["user", "password", "db_pass_update", "digestauth", "enabledigest"],
        "listaccts" => &["search", "searchtype", "searchmethod", "want"],
        "accountsummary" => &["user", "domain", "search", "searchtype", "searchmethod"],
        "listpkgs" => &["want"],
        "showbw" => &["month", "year", "search", "searchtype", "showres"],
        "get_disk_usage" => &["cache_mode"],
        "setupreseller" => &["user", "makeowner"],
        "setacls" => &["reseller", "user", "acllist"],
        "saveacllist" => &["acllist"],
        "suspendreseller" => &["user", "reason", "disallow", "reseller-only"],
        "unsuspendreseller" => &["user", "reseller-only"],
        "terminatereseller" => &["user", "terminatereseller"],
        "create_user_session" => &["user", "service", "app", "locale", "preferred_domain"],
        "version"
        | "gethostname"
        | "myprivs"
        | "listresellers"
        | "listsuspended"
        | "listlockedaccounts"
        | "get_current_users_count"
        | "get_maximum_users" => &[],
        _ => return None,
    })
}
