//! Names: system users as Plesk takes them, login names of customers.

use billet_plugin::Failure;
use billet_plugin::v1::{ProblemKind, UsernameRules};

use crate::failure::refused;

/// Plesk's documentation of FTP accounts: 1 to 16 characters, lower case, a letter first.
const LENGTH_MAX: usize = 16;
const LATER_CHARACTERS: &str = "0123456789-_";
/// The longest login name of a customer (clientAddGenInfo).
const LOGIN_LENGTH_MAX: usize = 60;
/// Users of the system and of Plesk that are on every server.
const RESERVED: [&str; 23] = [
    "root",
    "admin",
    "psaadm",
    "psaftp",
    "psacln",
    "psaserv",
    "popuser",
    "mhandlers",
    "drweb",
    "mysql",
    "postgres",
    "postfix",
    "apache",
    "nginx",
    "named",
    "bind",
    "ftp",
    "mail",
    "nobody",
    "daemon",
    "www-data",
    "roundcube",
    "horde",
];

/// The rules as the protocol tells them.
pub(crate) fn rules() -> UsernameRules {
    UsernameRules {
        length_min: 1,
        length_max: u32::try_from(LENGTH_MAX).unwrap_or(u32::MAX),
        unique_prefix: 0,
        later_characters: LATER_CHARACTERS.to_owned(),
        forbidden_prefixes: Vec::new(),
        reserved: RESERVED.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Checks a system user's name.
pub(crate) fn check(username: &str) -> Result<(), Failure> {
    let invalid = |words: &str| Err(refused(ProblemKind::Invalid, format!("user name `{username}`: {words}")));
    if username.is_empty() {
        return Err(refused(ProblemKind::Invalid, "a user name is needed: it becomes the system user of the hosting"));
    }
    if username.len() > LENGTH_MAX {
        return invalid("it is longer than 16 characters");
    }
    if !username.starts_with(|c: char| c.is_ascii_lowercase()) {
        return invalid("it must begin with a letter from a to z");
    }
    if username.contains(|c: char| !c.is_ascii_lowercase() && !LATER_CHARACTERS.contains(c)) {
        return invalid("only a-z, 0-9, `-` and `_` are allowed");
    }
    if RESERVED.contains(&username) {
        return invalid("the system uses it");
    }
    Ok(())
}

/// The login name of a customer, made of the contact address; the system user's name when there is none.
pub(crate) fn customer_login(email: &str, username: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let login: String = email.trim().chars().map(kept).take(LOGIN_LENGTH_MAX).collect();
    let login = login.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if login.is_empty() { username.to_owned() } else { login.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_users_follow_the_rules() {
        assert!(check("acme-2_x").is_ok() && check("a").is_ok());
        for bad in ["", "2acme", "Acme", "acme.x", "seventeen-letters", "root", "-a"] {
            assert!(check(bad).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{bad}");
        }
    }

    #[test]
    fn customers_log_in_by_their_address() {
        assert_eq!(customer_login("Ops+x@Acme.example", "acme"), "ops-x-acme.example");
        assert_eq!(customer_login("", "acme"), "acme");
        assert_eq!(customer_login(&"a".repeat(99), "acme").len(), 60);
    }
}
