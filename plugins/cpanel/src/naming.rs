//! Which user names cPanel takes. Source: the documentation of createacct and modifyacct (`username`, `newuser`), and
//! the names that a cPanel server's system and services use.

use billet_plugin::Failure;
use billet_plugin::v1::{ProblemKind, UsernameRules};

/// With database prefixes switched on, which is the default.
const LENGTH_MAX: u32 = 16;
/// MySQL needs these to be unique at the server; MariaDB does not, but nobody can see from outside which one runs.
const UNIQUE_PREFIX: u32 = 8;
const LATER_CHARACTERS: &str = "0123456789";
const FORBIDDEN_PREFIX: &str = "test";

/// Names of the system, of its services and of cPanel itself.
const RESERVED: &[&str] = &[
    "abrt",
    "adm",
    "admin",
    "administrator",
    "all",
    "apache",
    "avahi",
    "bin",
    "clamav",
    "cpanel",
    "cpanelcabcache",
    "cpanelconnecttrack",
    "cpaneleximfilter",
    "cpaneleximscanner",
    "cpanellogin",
    "cpanelphpmyadmin",
    "cpanelphppgadmin",
    "cpanelroundcube",
    "cpanelrrdtool",
    "cpses",
    "daemon",
    "dbus",
    "dirsrv",
    "dnsadmin",
    "dovecot",
    "dovenull",
    "eximstats",
    "files",
    "ftp",
    "games",
    "gopher",
    "haldaemon",
    "halt",
    "horde",
    "information_schema",
    "ldap",
    "leechprotect",
    "lost",
    "lp",
    "mail",
    "mailman",
    "mailnull",
    "memcached",
    "munin",
    "mydns",
    "mysql",
    "named",
    "news",
    "nobody",
    "nogroup",
    "nscd",
    "nslcd",
    "ntp",
    "operator",
    "oprofile",
    "performance_schema",
    "polkitd",
    "postfix",
    "postgres",
    "postmaster",
    "public_html",
    "pulse",
    "root",
    "roundcube",
    "rpc",
    "rpcuser",
    "rpm",
    "rtkit",
    "saslauth",
    "security",
    "shutdown",
    "spamassassin",
    "squid",
    "sshd",
    "sync",
    "sys",
    "system",
    "tcpdump",
    "tmp",
    "tomcat",
    "toor",
    "usbmuxd",
    "uucp",
    "vcsa",
    "virtfs",
    "virtual",
    "webmaster",
    "whm",
    "www",
    "xfs",
];

/// The rules, for whoever makes names up.
pub(crate) fn rules() -> UsernameRules {
    UsernameRules {
        length_min: 1,
        length_max: LENGTH_MAX,
        unique_prefix: UNIQUE_PREFIX,
        later_characters: LATER_CHARACTERS.to_owned(),
        forbidden_prefixes: vec![FORBIDDEN_PREFIX.to_owned()],
        reserved: RESERVED.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Refuses what no cPanel server takes, so that nobody waits for a server to say so.
pub(crate) fn check(username: &str) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::refused(ProblemKind::Invalid, "", format!("the user name `{username}` is not possible: {why}")))
    };
    if username.is_empty() {
        return refuse("it is empty");
    }
    if username.len() > LENGTH_MAX as usize {
        return refuse("it has more than 16 characters");
    }
    if !username.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return refuse("only the letters a to z and digits are allowed");
    }
    if username.starts_with(|first: char| first.is_ascii_digit()) {
        return refuse("it begins with a digit");
    }
    if username.starts_with(FORBIDDEN_PREFIX) {
        return refuse("it begins with `test`");
    }
    if RESERVED.binary_search(&username).is_ok() {
        return refuse("the system uses it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_names_are_sorted_and_would_be_possible_otherwise() {
        assert!(RESERVED.is_sorted());
        assert!(RESERVED.iter().all(|name| check(name).is_err()));
    }

    #[test]
    fn names_are_checked_as_the_documentation_says() {
        for good in ["a", "acme", "acme2", "abcdefghijklmnop", "tes", "rooty"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "abcdefghijklmnopq", "2acme", "test", "testing", "root", "Acme", "ac-me", "ac me", "\u{e9}ric"]
        {
            assert!(check(bad).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{bad}");
        }
    }
}
