//! Which names DirectAdmin takes (its API's documentation: alphanumeric, 4 characters at least; 10 is the default of
//! `max_username_length`).

use billet_plugin::Failure;
use billet_plugin::v1::{ProblemKind, UsernameRules};

use crate::failure::refused;

const LENGTH_MIN: u32 = 4;
const LENGTH_MAX: u32 = 10;
/// System users of a DirectAdmin server.
const RESERVED: [&str; 20] = [
    "admin",
    "apache",
    "backup",
    "daemon",
    "diradmin",
    "dovecot",
    "games",
    "majordomo",
    "mail",
    "mailman",
    "mysql",
    "named",
    "news",
    "nobody",
    "operator",
    "proftpd",
    "root",
    "sshd",
    "webapps",
    "webmaster",
];

pub(crate) fn rules() -> UsernameRules {
    UsernameRules {
        length_min: LENGTH_MIN,
        length_max: LENGTH_MAX,
        unique_prefix: 0,
        later_characters: "0123456789".to_owned(),
        forbidden_prefixes: Vec::new(),
        reserved: RESERVED.map(str::to_owned).into(),
    }
}

/// Whether a new user may be called so.
pub(crate) fn new_username(name: &str) -> Result<(), Failure> {
    let fine = (LENGTH_MIN as usize..=LENGTH_MAX as usize).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !fine {
        let words = format!(
            "user name `{name}`: expected {LENGTH_MIN} to {LENGTH_MAX} lower-case letters and digits, a letter first"
        );
        return Err(refused(ProblemKind::Invalid, words));
    }
    if RESERVED.contains(&name) {
        return Err(refused(ProblemKind::Invalid, format!("user name `{name}` is taken by the system")));
    }
    Ok(())
}

/// A user name that is handed over: no bar, which would log in as another user.
pub(crate) fn existing(name: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(refused(ProblemKind::Invalid, format!("user name `{name}` is none of DirectAdmin's")));
    }
    Ok(name)
}

/// A domain as the panel keeps it.
pub(crate) fn domain(name: &str) -> Result<String, Failure> {
    let name = name.trim_end_matches('.').to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !name.contains('.') || name.contains("..") || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(refused(ProblemKind::Invalid, format!("`{name}` is not a domain (DirectAdmin takes ASCII)")));
    }
    Ok(name)
}

/// A password: ASCII, 5 characters at least.
pub(crate) fn password(password: &str) -> Result<(), Failure> {
    if password.len() < 5 || !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(refused(ProblemKind::Invalid, "a password for DirectAdmin: at least 5 characters of ASCII"));
    }
    Ok(())
}

/// A contact address.
pub(crate) fn email(address: &str) -> Result<&str, Failure> {
    if !address.contains('@') || address.contains(char::is_whitespace) {
        return Err(refused(ProblemKind::Invalid, "DirectAdmin needs a contact address"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_panel_is_asked() {
        assert!(["acme", "acme123456"].into_iter().all(|name| new_username(name).is_ok()));
        for bad in ["", "abc", "1acme", "Acme", "ac-me", "acme1234567", "admin"] {
            assert!(new_username(bad).is_err(), "{bad}");
        }
        assert!(existing("admin|user").is_err() && existing("").is_err() && existing("old-user").is_ok());
        assert!(password("abc").is_err() && password("p\u{e4}ssword").is_err() && password("S3cret pw").is_ok());
    }
}
