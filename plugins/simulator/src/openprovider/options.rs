//! How a simulated Openprovider account is set up.

/// How a simulated account is set up. Start from `OpenproviderOptions::default()`.
#[derive(Debug, Clone)]
pub struct OpenproviderOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The user name; the password is made up.
    pub username: String,
    /// The account's currency.
    pub currency: String,
    /// The account's credit, in hundredths.
    pub balance_cents: i64,
    /// What can be registered.
    pub extensions: Vec<Extension>,
    /// Names that others hold.
    pub taken: Vec<String>,
    /// Names that cost more: the name and its fee in hundredths.
    pub premium: Vec<(String, i64)>,
    /// Names at other registrars that can be brought here: the name and its transfer code.
    pub elsewhere: Vec<(String, String)>,
}

/// A top-level domain, with its prices for a year in hundredths.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Such as `org`.
    pub name: String,
    /// A registration.
    pub create_cents: i64,
    /// A renewal.
    pub renew_cents: i64,
    /// A transfer.
    pub transfer_cents: i64,
    /// A restore in hard quarantine.
    pub restore_cents: i64,
    /// The shortest registration.
    pub years_min: u32,
    /// Whether the registry decides later: orders wait for `settle`.
    pub waits: bool,
}

impl Extension {
    /// One with prices of its own that a test can tell apart.
    #[must_use]
    pub fn new(name: &str, create_cents: i64) -> Self {
        Self {
            name: name.to_owned(),
            create_cents,
            renew_cents: create_cents + 100,
            transfer_cents: create_cents + 200,
            restore_cents: create_cents * 5,
            years_min: 1,
            waits: false,
        }
    }
}

impl Default for OpenproviderOptions {
    fn default() -> Self {
        let extensions = vec![
            Extension::new("com", 806),
            Extension::new("org", 912),
            Extension::new("example", 1_000),
            Extension { years_min: 2, waits: true, ..Extension::new("ai", 10_900) },
        ];
        Self {
            port: 0,
            username: "reseller".to_owned(),
            currency: "EUR".to_owned(),
            balance_cents: 100_000,
            extensions,
            taken: Vec::new(),
            premium: Vec::new(),
            elsewhere: Vec::new(),
        }
    }
}
