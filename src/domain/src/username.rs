//! Names of new accounts at panels: from the main domain, in a form that every panel takes.

/// The longest name: cPanel makes the prefix of databases from eight characters, older systems have no longer names.
const LENGTH_MAX: usize = 8;
/// The shortest name: DirectAdmin takes none with fewer letters.
const LENGTH_MIN: usize = 4;
/// How many names are offered for an account.
pub const OFFERED: usize = 12;

/// Names that a new account of this domain might have, the nicest first, the last ones certainly free among ours as they
/// are made from `number`, the account's own. `given_up` of the nice ones are left out.
///
/// They begin with a letter, have 4 to 16 lower-case letters and digits, and are none that panels reserve: cPanel refuses
/// names that begin with `test` and those of its own services.
#[must_use]
pub fn offered(domain: &str, number: i64, given_up: u32) -> Vec<String> {
    let base: String = domain
        .split('.')
        .find(|label| !label.is_empty() && !label.eq_ignore_ascii_case("www"))
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .skip_while(char::is_ascii_digit)
        .take(LENGTH_MAX)
        .collect();
    let number = base36(number.unsigned_abs());
    let own = format!("w{number:0>3}");
    let base = if base.is_empty() || base.len() >= LENGTH_MIN { base } else { format!("{base}{number:0>3}") };
    let base = if base.is_empty() || is_reserved(&base) { own.clone() } else { base };
    let stem: String = base.chars().take(LENGTH_MAX - 1).collect();
    // A domain may end in such a digit itself.
    let numbered = (2..6).map(|digit| format!("{stem}{digit}")).filter(|name| *name != base);
    let mut names: Vec<String> = std::iter::once(base.clone()).chain(numbered).collect();
    names.drain(..usize::try_from(given_up).unwrap_or(usize::MAX).min(names.len()));
    // Should even the own one be taken at a panel by somebody else.
    let suffix = char::from(b'a' + u8::try_from(given_up % 26).unwrap_or_default());
    for last in [own.clone(), format!("{own}{suffix}")] {
        if !names.contains(&last) {
            names.push(last);
        }
    }
    names.truncate(OFFERED);
    names
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// Names that panels and systems keep for themselves.
fn is_reserved(name: &str) -> bool {
    const RESERVED: &[&str] = &[
        "root",
        "admin",
        "nobody",
        "daemon",
        "mail",
        "mysql",
        "named",
        "postgres",
        "ftp",
        "apache",
        "nginx",
        "www",
        "cpanel",
        "whm",
        "webmail",
        "virtual",
        "system",
        "operator",
        "games",
        "news",
        "proxy",
        "backup",
        "list",
        "sync",
        "bin",
        "sys",
        "man",
        "uucp",
        "shadow",
        "dbadmin",
        "all",
        "dovecot",
        "exim",
        "mailman",
        "munin",
        "psaadm",
        "psaftp",
        "diradmin",
        "hestia",
        "webadmin",
        "localhost",
    ];
    name.starts_with("test") || RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_from_the_domain() {
        let names = offered("www.Muster-Hosting.example", 1_234_567, 0);
        assert_eq!(names.first().map(String::as_str), Some("musterho"));
        assert_eq!(names.get(1).map(String::as_str), Some("musterh2"));
        assert!(names.contains(&"wqglj".to_owned()), "{names:?}");
        assert_eq!(offered("muster-hosting.example", 1, 2).first().map(String::as_str), Some("musterh3"));
    }

    #[test]
    fn when_the_nice_ones_are_given_up_its_own_is_left() {
        assert_eq!(offered("s1.example", 35, 0).first().map(String::as_str), Some("s100z"));
        assert_eq!(offered("shop.example", 35, 5), ["w00z", "w00zf"]);
        assert_eq!(offered("shop.example", 35, 6), ["w00z", "w00zg"]);
    }

    #[test]
    fn no_name_is_offered_twice() {
        let names = offered("aaaaa0a2.example", 1, 0);
        assert_eq!(names, ["aaaaa0a2", "aaaaa0a3", "aaaaa0a4", "aaaaa0a5", "w001", "w001a"]);
        // What becomes a reserved name by its number is none either.
        assert_eq!(offered("tes.example", 37_900, 0).first().map(String::as_str), Some("wt8s"));
    }

    #[test]
    fn what_panels_refuse_is_not_offered() {
        for domain in
            ["test-shop.example", "root.example", "4711.example", "ü.example", "", "a.example", "xn--.example"]
        {
            for name in offered(domain, 99, 0) {
                assert!(!is_reserved(&name), "{domain}: {name}");
            }
        }
        assert_eq!(offered("123go.example", 5, 0).first().map(String::as_str), Some("go005"));
    }

    proptest! {
        #[test]
        fn every_name_is_well_formed(domain in ".{0,40}", number in 1_i64..i64::MAX, given_up in 0_u32..20) {
            let names = offered(&domain, number, given_up);
            prop_assert!(!names.is_empty() && names.len() <= OFFERED);
            prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
            for name in names {
                prop_assert!((LENGTH_MIN..=16).contains(&name.len()), "{}", name);
                prop_assert!(name.starts_with(|first: char| first.is_ascii_lowercase()));
                prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
            }
        }
    }
}
