//! What an operator sets for one registry.

use std::fmt;

use billet_plugin::Failure;
use billet_plugin::http::{Identity, Trust};
use billet_plugin::v1::ProblemKind;
use serde::Deserialize;

/// RFC 5734 names this port.
const PORT: u16 = 700;

/// The JSON Schema of [`Settings`].
pub const SCHEMA: &str = include_str!("settings.json");

/// The settings of one registry. Their `Debug` shows no secret.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `epps://epp.registry.example:700`.
    pub url: String,
    /// The registrar's name at the registry (clID).
    pub client_id: String,
    /// The registrar's password.
    pub password: String,
    /// See [`Trust`].
    #[serde(default)]
    pub ca_pem: String,
    /// See [`Trust`].
    #[serde(default)]
    pub pin_sha256: String,
    /// See [`Identity`].
    #[serde(default)]
    pub certificate_pem: String,
    /// See [`Identity`].
    #[serde(default)]
    pub key_pem: String,
    /// How long one exchange may take.
    #[serde(default = "timeout_s")]
    pub timeout_s: u32,
    /// How many sessions the registry permits.
    #[serde(default = "sessions_max")]
    pub sessions_max: u32,
    /// After so long without a command a hello is sent.
    #[serde(default = "keep_alive_s")]
    pub keep_alive_s: u32,
    /// What prices are asked in; the registry's own choice when empty.
    #[serde(default)]
    pub currency: String,
    /// The zones that GetTldPricing tells about when it is not told which.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Whether contacts are written in the international or the local form.
    #[serde(default)]
    pub postal_form: PostalForm,
    /// Whether `price_max` is taken on trust where the registry does not tell prices.
    #[serde(default)]
    pub unpriced_allowed: bool,
}

/// The two forms of an address in RFC 5733.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostalForm {
    /// In ASCII.
    #[default]
    Int,
    /// In any script.
    Loc,
}

impl PostalForm {
    /// As RFC 5733 writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Loc => "loc",
        }
    }
}

fn timeout_s() -> u32 {
    30
}

fn sessions_max() -> u32 {
    2
}

fn keep_alive_s() -> u32 {
    60
}

impl Settings {
    /// The host and port of `url`.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`].
    pub fn address(&self) -> Result<(String, u16), Failure> {
        let invalid = |words: &str| Failure::refused(ProblemKind::Invalid, "", format!("url `{}`: {words}", self.url));
        let place = self
            .url
            .strip_prefix("epps://")
            .ok_or_else(|| invalid("expected epps://HOST or epps://HOST:PORT; EPP is only taken over TLS"))?;
        let place = place.strip_suffix('/').unwrap_or(place);
        if place.contains('@') || place.contains('/') {
            return Err(invalid("credentials and paths do not belong in it"));
        }
        // `[2001:db8::1]:700` has colons in its host.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| invalid("the port is no number"))?)
            }
            _ => (place, PORT),
        };
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() || port == 0 {
            return Err(invalid("the host or the port is missing"));
        }
        Ok((host.to_owned(), port))
    }

    /// Whom to trust.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust { ca_pem: self.ca_pem.clone(), pin_sha256: self.pin_sha256.clone() }
    }

    /// Who this registrar is to TLS.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { certificate_pem: self.certificate_pem.clone(), key_pem: self.key_pem.clone() }
    }

    /// The bounds that the schema states too: a program may be configured by another host.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let within = |name: &str, value: u32, min: u32, max: u32| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            Err(Failure::refused(ProblemKind::Invalid, "", format!("{name} must be {min} to {max}, not {value}")))
        };
        within("timeout_s", self.timeout_s, 1, 600)?;
        within("sessions_max", self.sessions_max, 1, 32)?;
        within("keep_alive_s", self.keep_alive_s, 5, 3_600)?;
        if !self.currency.is_empty() && !is_currency(&self.currency) {
            return Err(Failure::refused(ProblemKind::Invalid, "", "currency must be three capital letters"));
        }
        self.address().map(drop)
    }
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("url", &self.url).field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
