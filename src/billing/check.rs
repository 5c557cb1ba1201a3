//! Gathering everything that is wrong with what was asked, so that a caller can mend it in one go.

use super::BillingError;
use super::error::Violation;

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Check {
    violations: Vec<Violation>,
}

impl Check {
    /// Notes that a field is not right unless this holds.
    pub(super) fn that(&mut self, holds: bool, field: impl Into<String>, description: impl Into<String>) {
        if !holds {
            self.violations.push(Violation { field: field.into(), description: description.into() });
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// [`BillingError::Invalid`] with everything that was found.
    pub(super) fn done(self) -> Result<(), BillingError> {
        if self.violations.is_empty() { Ok(()) } else { Err(BillingError::Invalid { violations: self.violations }) }
    }
}
