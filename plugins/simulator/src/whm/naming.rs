//! Which usernames and domains the panel takes.

use super::call::Refusal;
use super::state::State;

/// cPanel's limit, with database prefixes switched on.
const USERNAME_CHARS_MAX: usize = 16;

/// DNS allows no more in the usual notation.
const DOMAIN_CHARS_MAX: usize = 253;

/// Names the system or the panel uses itself.
const RESERVED: [&str; 40] = [
    "abrt",
    "adm",
    "admin",
    "all",
    "apache",
    "bin",
    "clamav",
    "cpanel",
    "cpanellogin",
    "daemon",
    "dbus",
    "dnsadmin",
    "dovecot",
    "eximstats",
    "ftp",
    "games",
    "halt",
    "horde",
    "lp",
    "mail",
    "mailman",
    "mailnull",
    "munin",
    "mysql",
    "named",
    "nobody",
    "nogroup",
    "operator",
    "postfix",
    "postgres",
    "root",
    "roundcube",
    "security",
    "spamassassin",
    "sshd",
    "tomcat",
    "virtfs",
    "webmaster",
    "whm",
    "www",
];

/// The username in the form the panel keeps, if a new account may have it. The rules are those of createacct: up to 16
/// characters, letters and digits, no digit and no `test` in front, not reserved, not in use.
pub(super) fn new_username(state: &State, username: &str) -> Result<String, Refusal> {
    let username = username.to_ascii_lowercase();
    let invalid = |why: &str| Err(Refusal::exception(format!("“{username}” is not a valid username: {why}.")));
    if username.is_empty() || username.chars().count() > USERNAME_CHARS_MAX {
        return invalid("it must have 1 to 16 characters");
    }
    if username.starts_with(|first: char| first.is_ascii_digit()) {
        return invalid("it cannot begin with a number");
    }
    if username.starts_with("test") {
        return invalid("it cannot begin with “test”");
    }
    if !username.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return invalid("it may have only the letters a to z and digits");
    }
    if RESERVED.contains(&username.as_str()) {
        return Err(Refusal::exception(format!("“{username}” is a reserved username on this system.")));
    }
    if state.accounts.contains_key(&username) {
        return Err(Refusal::exception(format!("This system already has an account named “{username}”.")));
    }
    Ok(username)
}

/// The domain in the form the panel keeps, if a new account may have it.
pub(super) fn new_domain(state: &State, domain: &str) -> Result<String, Refusal> {
    let domain = domain.to_ascii_lowercase();
    let labels_good = domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    if domain.len() > DOMAIN_CHARS_MAX || !domain.contains('.') || !labels_good {
        return Err(Refusal::exception(format!("“{domain}” is not a valid domain name.")));
    }
    if state.by_domain(&domain).is_some() {
        return Err(Refusal::exception(format!("The domain “{domain}” already exists in the userdata.")));
    }
    Ok(domain)
}
