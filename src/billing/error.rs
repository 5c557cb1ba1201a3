//! Why a use case refuses, in words and in one word for programs.

use billet_domain::money::MoneyError;
use billet_domain::owed::OwedError;
use billet_domain::timeline::FactError;

use crate::store::StoreError;

/// One field that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its path in the request: `plan.components[2].unit_price`.
    pub field: String,
    /// What is wrong, in words.
    pub description: String,
}

/// A refusal or a failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// What was asked is malformed, whatever the state of the system.
    #[error("{}", violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// At least one.
        violations: Vec<Violation>,
    },
    /// It does not exist, or not for this caller.
    #[error("{what} {id} was not found")]
    NotFound {
        /// `plan`, `customer`, ...
        what: &'static str,
        /// As asked.
        id: String,
    },
    /// Something of that name is there already.
    #[error("{detail}")]
    Exists {
        /// `CODE_TAKEN`, `REQUEST_ID_REUSED`, ...
        reason: &'static str,
        /// In words.
        detail: String,
    },
    /// The state of the system does not allow it.
    #[error("{detail}")]
    Precondition {
        /// `CUSTOMER_WITHOUT_ADDRESS`, `ALREADY_CANCELLED`, ...
        reason: &'static str,
        /// What stands in the way (`cus_17`).
        subject: String,
        /// In words.
        detail: String,
    },
    /// Somebody else changed it meanwhile; read again and decide anew.
    #[error("{detail}")]
    Stale {
        /// In words.
        detail: String,
    },
    /// The caller may not.
    #[error("{detail}")]
    Denied {
        /// In words.
        detail: String,
    },
    /// The database.
    #[error(transparent)]
    Store(StoreError),
}

impl BillingError {
    /// One field that is not right.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid { violations: vec![Violation { field: field.into(), description: description.into() }] }
    }

    /// It does not exist.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "identifiers are small and copied")]
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// The state does not allow it.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "identifiers are small and copied")]
    pub fn precondition(reason: &'static str, subject: impl ToString, detail: impl Into<String>) -> Self {
        Self::Precondition { reason, subject: subject.to_string(), detail: detail.into() }
    }

    /// In one word, for programs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "INVALID",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Exists { reason, .. } | Self::Precondition { reason, .. } => reason,
            Self::Stale { .. } => "STALE",
            Self::Denied { .. } => "DENIED",
            Self::Store(StoreError::Retry | StoreError::Conflict(_)) => "RETRY",
            Self::Store(_) => "STORE",
        }
    }

    /// Whether trying again may help: another transaction was in the way.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(StoreError::Retry | StoreError::Conflict(_)))
    }
}

impl From<StoreError> for BillingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MoneyError> for BillingError {
    fn from(error: MoneyError) -> Self {
        let reason = match error {
            MoneyError::UnknownCurrency(_) => "UNKNOWN_CURRENCY",
            MoneyError::CurrencyMismatch(..) => "CURRENCY_MISMATCH",
            MoneyError::Overflow => "AMOUNT_TOO_LARGE",
            MoneyError::TooPrecise { .. } => "TOO_PRECISE",
        };
        Self::precondition(reason, "", error.to_string())
    }
}

impl From<FactError> for BillingError {
    fn from(error: FactError) -> Self {
        let reason = match &error {
            FactError::BeforeStart { .. } => "BEFORE_START",
            FactError::AfterEnd { .. } => "SUBSCRIPTION_ENDED",
            FactError::UnknownComponent { .. } => "UNKNOWN_COMPONENT",
            FactError::OutOfRange { .. } => "OUT_OF_RANGE",
            FactError::NoTerms(_) => "NO_PRICE",
            FactError::StartedTwice => "STARTED_ALREADY",
            FactError::WrongState(_) => "WRONG_STATE",
            FactError::NotStarted => "NOT_STARTED",
        };
        Self::precondition(reason, "", error.to_string())
    }
}

impl From<OwedError> for BillingError {
    fn from(error: OwedError) -> Self {
        match error {
            OwedError::Fact(error) => error.into(),
            OwedError::Money(error) => error.into(),
            OwedError::TooManyCycles(_) => Self::precondition("TOO_MANY_CYCLES", "", error.to_string()),
        }
    }
}
