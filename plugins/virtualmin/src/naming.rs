//! Which names Virtualmin takes. A parameter with an empty value is a flag to it, so nothing empty may be sent for a value.

use billet_plugin::Failure;
use billet_plugin::v1::{ProblemKind, UsernameRules};

use crate::failure::refused;

/// The longest name of a Unix user, in characters.
const LENGTH_MAX: u32 = 32;
/// System users of common servers.
const RESERVED: [&str; 30] = [
    "admin", "apache", "backup", "bin", "bind", "clamav", "daemon", "dovecot", "ftp", "games", "irc", "list", "lp",
    "mail", "man", "mysql", "named", "news", "nobody", "operator", "postfix", "postgres", "proftpd", "proxy", "root",
    "sudo", "sync", "sys", "webmin", "www",
];

pub(crate) fn rules() -> UsernameRules {
    UsernameRules {
        length_min: 1,
        length_max: LENGTH_MAX,
        unique_prefix: 0,
        later_characters: "0123456789".to_owned(),
        forbidden_prefixes: Vec::new(),
        reserved: RESERVED.map(str::to_owned).into(),
    }
}

/// Whether a new Unix user may be called so.
pub(crate) fn new_username(name: &str) -> Result<(), Failure> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let fine = name.len() <= LENGTH_MAX as usize
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(inner);
    if !fine {
        let words = format!(
            "user name `{name}`: expected at most {LENGTH_MAX} lower-case letters, digits, `-`, `_`, `.`, a letter first"
        );
        return Err(refused(ProblemKind::Invalid, words));
    }
    if RESERVED.contains(&name) {
        return Err(refused(ProblemKind::Invalid, format!("user name `{name}` is taken by the system")));
    }
    Ok(())
}

/// A domain as the panel keeps it.
pub(crate) fn domain(name: &str) -> Result<String, Failure> {
    let name = name.trim_end_matches('.').to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !name.contains('.') || name.contains("..") || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(refused(ProblemKind::Invalid, format!("`{name}` is not a domain (Virtualmin takes ASCII)")));
    }
    Ok(name)
}

/// A value that is handed to a program.
pub(crate) fn value<'a>(name: &str, value: &'a str) -> Result<&'a str, Failure> {
    if value.is_empty() || value.contains(['\0', '\n', '\r']) {
        return Err(refused(ProblemKind::Invalid, format!("{name}: must not be empty or hold a line break")));
    }
    Ok(value)
}

/// A description: no colon, which separates fields of the password file, and one line.
pub(crate) fn description(text: &str) -> String {
    text.replace([':', '\0'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_panel_is_asked() {
        assert!(["a", "acme", "acme-one.x_1"].into_iter().all(|name| new_username(name).is_ok()));
        for bad in ["", "1acme", "Acme", "ac me", "a:b", "root", &"a".repeat(33)] {
            assert!(new_username(bad).is_err(), "{bad}");
        }
        assert_eq!(domain("Acme.Example.").expect("a domain"), "acme.example");
        assert!(domain("acme").is_err() && domain("m\u{fc}ller.example").is_err());
        assert!(value("pass", "").is_err() && value("pass", "a\nb").is_err() && value("pass", "a b").is_ok());
        assert_eq!(description("Acme: one\n two"), "Acme one two");
    }
}
