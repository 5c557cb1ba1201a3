//! Number ranges of documents (EN 16931 BT-1): patterns such as `RE-{year}-{number:5}`.

use std::fmt::Write as _;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The running number is missing, twice there, or misspelt.
    #[error("a pattern needs `{{number}}` or `{{number:N}}` (N digits, 1 to 12) exactly once")]
    Number,
    /// Numbers that begin again each year need the year to be unique.
    #[error("numbers that begin again each year need `{{year}}` in the pattern")]
    Year,
    /// Something else in braces, or a brace alone.
    #[error("`{0}` is no placeholder: only `{{year}}` and `{{number}}` are known")]
    Placeholder(String),
    /// Too long, or characters that numbers of documents should not have.
    #[error("a pattern has at most 40 printable ASCII characters")]
    Text,
}

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    yearly: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    Number { digits: usize },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(pattern: &str, yearly: bool) -> Result<Self, PatternError> {
        if pattern.len() > 40 || !pattern.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(PatternError::Text);
        }
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((text, after)) = rest.split_once('{') {
            if text.contains('}') {
                return Err(PatternError::Placeholder(text.to_owned()));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let (name, after) = after.split_once('}').ok_or_else(|| PatternError::Placeholder(after.to_owned()))?;
            parts.push(match name.split_once(':') {
                None if name == "year" => Part::Year,
                None if name == "number" => Part::Number { digits: 1 },
                Some(("number", digits)) => {
                    let digits = digits.parse().ok().filter(|digits| (1..=12).contains(digits));
                    Part::Number { digits: digits.ok_or(PatternError::Number)? }
                }
                _ => return Err(PatternError::Placeholder(name.to_owned())),
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err(PatternError::Placeholder(rest.to_owned()));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.iter().filter(|part| matches!(part, Part::Number { .. })).count() != 1 {
            return Err(PatternError::Number);
        }
        if yearly && !parts.contains(&Part::Year) {
            return Err(PatternError::Year);
        }
        Ok(Self { parts, yearly })
    }

    /// Whether numbers begin at 1 again each year.
    #[must_use]
    pub fn yearly(&self) -> bool {
        self.yearly
    }

    /// The number of a document.
    #[must_use]
    pub fn format(&self, year: i32, number: i64) -> String {
        let mut out = String::with_capacity(24);
        for part in &self.parts {
            // Writing to a String cannot fail.
            let _ = match part {
                Part::Text(text) => out.write_str(text),
                Part::Year => write!(out, "{year}"),
                Part::Number { digits } => write!(out, "{number:0digits$}"),
            };
        }
        out
    }

    /// Whether a number of this pattern could be one of another pattern too. Numbers of documents are unique for a
    /// seller over all its series, so two series whose numbers could meet cannot stand side by side.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.symbols(), other.symbols());
        // meets[i][j]: whether what is left of ours from i can be written as what is left of theirs from j.
        let mut meets = vec![vec![false; theirs.len() + 1]; ours.len() + 1];
        for i in (0..=ours.len()).rev() {
            for j in (0..=theirs.len()).rev() {
                meets[i][j] = match (ours.get(i), theirs.get(j)) {
                    (None, None) => true,
                    (Some(Symbol::Digits), Some(Symbol::Digits)) => meets[i + 1][j] || meets[i][j + 1],
                    (Some(Symbol::Digits), next) => {
                        meets[i + 1][j] || next.is_some_and(|next| next.may_be_digit() && meets[i][j + 1])
                    }
                    (next, Some(Symbol::Digits)) => {
                        meets[i][j + 1] || next.is_some_and(|next| next.may_be_digit() && meets[i + 1][j])
                    }
                    (Some(a), Some(b)) => {
                        (a == b
                            || (a.may_be_digit() && b.may_be_digit() && (a == &Symbol::Digit || b == &Symbol::Digit)))
                            && meets[i + 1][j + 1]
                    }
                    _ => false,
                };
            }
        }
        meets[0][0]
    }

    fn symbols(&self) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => symbols.extend(text.bytes().map(Symbol::Exactly)),
                Part::Year => symbols.extend([Symbol::Digit; 4]),
                Part::Number { digits } => {
                    symbols.extend(std::iter::repeat_n(Symbol::Digit, *digits));
                    symbols.push(Symbol::Digits);
                }
            }
        }
        symbols
    }
}

/// What can stand at a place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Exactly(u8),
    Digit,
    /// Any number of digits, or none.
    Digits,
}

impl Symbol {
    fn may_be_digit(self) -> bool {
        match self {
            Self::Exactly(byte) => byte.is_ascii_digit(),
            Self::Digit | Self::Digits => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_the_pattern_says() {
        let pattern = Pattern::parse("RE-{year}-{number:5}", true).expect("valid");
        assert_eq!(pattern.format(2026, 42), "RE-2026-00042");
        assert_eq!(pattern.format(2026, 1_234_567), "RE-2026-1234567");
        assert_eq!(Pattern::parse("{number}", false).expect("valid").format(2026, 7), "7");
    }

    #[test]
    fn what_cannot_be_unique_is_refused() {
        assert_eq!(Pattern::parse("RE-{year}", true), Err(PatternError::Number));
        assert_eq!(Pattern::parse("RE-{number}", true), Err(PatternError::Year));
        assert_eq!(Pattern::parse("{number}{number}", false), Err(PatternError::Number));
        assert_eq!(Pattern::parse("{number:0}", false), Err(PatternError::Number));
        assert_eq!(Pattern::parse("{month}-{number}", false), Err(PatternError::Placeholder("month".to_owned())));
        assert!(Pattern::parse("{number", false).is_err());
        assert!(Pattern::parse("a}{number}", false).is_err());
        assert!(Pattern::parse("R\u{e9}-{number}", false).is_err());
    }

    #[test]
    fn series_whose_numbers_could_meet_are_found() {
        let meet = |a, b| {
            let (a, b) = (Pattern::parse(a, false).expect("valid"), Pattern::parse(b, false).expect("valid"));
            assert_eq!(a.may_meet(&b), b.may_meet(&a));
            a.may_meet(&b)
        };
        assert!(!meet("RE-{year}-{number:5}", "GS-{year}-{number:5}"));
        assert!(!meet("{number}", "RE-{number}"));
        assert!(!meet("{number}-A", "{number}-B"));
        assert!(!meet("9{number:3}", "8{number}"));
        assert!(meet("{number}", "{number:5}"));
        assert!(meet("{year}{number}", "{number:8}"), "20261234 is both");
        assert!(meet("{year}-{number}", "2026-{number:3}"));
        assert!(meet("R{number}1", "R1{number}"));
        assert!(!meet("{year}-{number}", "{number}-{year}-1"));
        assert!(meet("{year}-{number}", "{number}-{year}"));
    }
}
