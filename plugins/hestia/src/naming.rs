//! Which names HestiaCP takes: for new users (func/main.sh, v-add-user), and for the values of its command lines.

use billet_plugin::Failure;
use billet_plugin::v1::{ProblemKind, UsernameRules};

use crate::failure::refused;

/// The longest user name, in characters.
const LENGTH_MAX: u32 = 30;
/// Names that the panel refuses, and system users of a Debian server that the API cannot be asked about.
const RESERVED: [&str; 35] = [
    "admin",
    "aria",
    "aria_log",
    "backup",
    "bin",
    "bind",
    "clamav",
    "daemon",
    "ddl",
    "ddl_recovery",
    "dovecot",
    "exim",
    "ftp",
    "games",
    "hestia",
    "hestiamail",
    "hestiaweb",
    "ib",
    "ib_buffer",
    "irc",
    "list",
    "lp",
    "mail",
    "man",
    "mysql",
    "mysql_upgrade",
    "news",
    "nobody",
    "performance",
    "postgres",
    "proxy",
    "root",
    "sudo",
    "sys",
    "www",
];

pub(crate) fn rules() -> UsernameRules {
    UsernameRules {
        length_min: 2,
        length_max: LENGTH_MAX,
        unique_prefix: 0,
        later_characters: "0123456789".to_owned(),
        forbidden_prefixes: Vec::new(),
        reserved: RESERVED.map(str::to_owned).into(),
    }
}

/// Whether a new user may be called so.
pub(crate) fn new_username(name: &str) -> Result<(), Failure> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fine = (2..=LENGTH_MAX as usize).contains(&name.len())
        && name.chars().all(inner)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !fine {
        let words = format!(
            "user name `{name}`: expected 2 to {LENGTH_MAX} letters, digits, `-`, `_`, a letter first, a letter or digit last"
        );
        return Err(refused(ProblemKind::Invalid, words));
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(refused(ProblemKind::Invalid, format!("user name `{name}` is taken by the system")));
    }
    Ok(())
}

/// A user name that is handed to a command: never empty, which would move the other arguments, never a path.
pub(crate) fn existing(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(['-', '.']) {
        return Err(refused(ProblemKind::Invalid, format!("user name `{name}` is none of HestiaCP's")));
    }
    Ok(())
}

/// A domain as the panel keeps it.
pub(crate) fn domain(name: &str) -> Result<String, Failure> {
    let name = name.trim_end_matches('.').to_lowercase();
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    if !name.contains('.') || name.contains("..") || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return Err(refused(ProblemKind::Invalid, format!("`{name}` is not a domain")));
    }
    Ok(name)
}

/// A password as it can be set. The panel cuts spaces off at both ends, and takes `/tmp/...` for the name of a file
/// that holds it: such a password would not be the one that was asked for.
pub(crate) fn password(password: &str) -> Result<(), Failure> {
    if password.is_empty() || password.trim() != password || password.starts_with("/tmp/") {
        let words = "a password for HestiaCP must not be empty, begin or end with a space, or begin with /tmp/";
        return Err(refused(ProblemKind::Invalid, words));
    }
    if password.contains(['\n', '\r', '\0']) {
        return Err(refused(ProblemKind::Invalid, "a password must not hold a line break"));
    }
    Ok(())
}

/// A person's name without the characters that the panel refuses.
pub(crate) fn person(name: &str) -> String {
    let fine = |c: char| if c.is_alphanumeric() || " -.,&()".contains(c) { c } else { ' ' };
    name.chars().map(fine).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_panel_is_asked() {
        for good in ["acme", "Acme-1", "a1", "a_b", &"a".repeat(30)] {
            assert!(new_username(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "1acme", "acme-", "ac me", "acme.x", "root", "MySQL", "h\u{f6}st", &"a".repeat(31)] {
            assert!(new_username(bad).is_err(), "{bad}");
        }
        assert!(existing("old.name").is_ok() && existing("../x").is_err() && existing("").is_err());
    }

    #[test]
    fn passwords_that_the_panel_would_change_are_refused() {
        assert!(password("S3cret pw").is_ok());
        for bad in ["", " x", "x ", "/tmp/x", "a\nb"] {
            assert!(password(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_are_made_fit() {
        assert_eq!(person("O'Neill \"Bob\" | <b>"), "O Neill Bob b");
        assert_eq!(domain("Acme.Example.").expect("a domain"), "acme.example");
        assert!(domain("acme").is_err() && domain("a b.example").is_err());
    }
}
