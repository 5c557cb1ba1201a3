//! The codes with which Plesk refuses (its documentation calls this the reduced list).

use super::xml::Element;

/// An error code and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) text: String,
}

impl Refusal {
    fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// 1001: the login or the password is wrong.
    pub(super) fn credentials() -> Self {
        Self::new(1001, "You have entered an incorrect username or password.")
    }

    /// 11003: the secret key is wrong.
    pub(super) fn secret_key() -> Self {
        Self::new(11003, "The secret key is not valid.")
    }

    /// 1002: a system user of that name exists.
    pub(super) fn system_user_exists(login: &str) -> Self {
        Self::new(1002, format!("User {login} already exists."))
    }

    /// 1005: the packet's version is not spoken here.
    pub(super) fn version(version: &str) -> Self {
        Self::new(1005, format!("Protocol version '{version}' is not supported."))
    }

    /// 1007: something of that name exists.
    pub(super) fn exists(what: &str) -> Self {
        Self::new(1007, format!("{what} already exists."))
    }

    /// 1013: nothing of that name exists.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(1013, format!("{what} does not exist."))
    }

    /// 1014: the packet is not XML, or does not follow the schema.
    pub(super) fn parse(why: impl std::fmt::Display) -> Self {
        Self::new(1014, format!("Parser error: {why}"))
    }

    /// 1015: the owner does not exist.
    pub(super) fn owner() -> Self {
        Self::new(1015, "Owner does not exist.")
    }

    /// 1018: the address is not one of the server's.
    pub(super) fn ip_address(ip: &str) -> Self {
        Self::new(1018, format!("IP address {ip} does not exist."))
    }

    /// 1019: a value is not acceptable.
    pub(super) fn value(why: &str) -> Self {
        Self::new(1019, why)
    }

    /// 1023: the operation failed.
    pub(super) fn failed(why: &str) -> Self {
        Self::new(1023, why)
    }

    /// 1024: a limit is reached.
    pub(super) fn limit(why: &str) -> Self {
        Self::new(1024, why)
    }

    /// The members of a `result` or `system` element.
    pub(super) fn members(&self) -> [Element; 3] {
        [
            Element::leaf("status", "error"),
            Element::leaf("errcode", self.code.to_string()),
            Element::leaf("errtext", &self.text),
        ]
    }
}
