//! Refusals as gRPC statuses with details: ErrorInfo (reason, domain `billet`) always, BadRequest, PreconditionFailure,
//! ResourceInfo and RetryInfo where they apply (google.rpc, AIP-193).

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::billing::BillingError;
use crate::store::StoreError;

/// ErrorInfo.domain of everything that Billet itself refuses.
pub const DOMAIN: &str = "billet";

/// How long a caller should wait before it tries again what ran into another transaction.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// A status with a reason for programs.
#[must_use]
pub fn refusal(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

impl From<BillingError> for Status {
    fn from(error: BillingError) -> Self {
        let message = error.to_string();
        let reason = error.reason();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        let code = match &error {
            BillingError::Invalid { violations } => {
                for violation in violations {
                    details.add_bad_request_violation(&violation.field, &violation.description);
                }
                Code::InvalidArgument
            }
            BillingError::NotFound { what, id } => {
                details.set_resource_info(*what, id, "", &message);
                Code::NotFound
            }
            BillingError::Exists { .. } => Code::AlreadyExists,
            BillingError::Precondition { subject, detail, .. } => {
                details.add_precondition_failure_violation(reason, subject, detail);
                Code::FailedPrecondition
            }
            BillingError::Stale { .. } => Code::Aborted,
            BillingError::Denied { .. } => Code::PermissionDenied,
            BillingError::Store(StoreError::Retry | StoreError::Conflict(_)) => {
                details.set_retry_info(Some(RETRY_AFTER));
                return Self::with_error_details(Code::Aborted, "another call was in the way, try again", details);
            }
            BillingError::Store(error) => {
                // What the database says is for the operator's log, not for callers.
                tracing::error!(%error, "the database failed");
                return refusal(Code::Internal, reason, "the database failed; the daemon's log says why");
            }
        };
        Self::with_error_details(code, message, details)
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        BillingError::from(error).into()
    }
}
