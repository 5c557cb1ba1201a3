//! What a refused call says: code, reason, fields.

use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// The refusal of a call that must not succeed.
pub fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Status {
    match answer {
        Ok(answer) => panic!("it should be refused, and answered {:?}", answer.into_inner()),
        Err(status) => status,
    }
}

/// The reason for programs.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("a refusal has an ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "billet", "{status:?}");
    info.reason.clone()
}

/// The fields that are wrong.
pub fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .map_or_else(Vec::new, |bad| bad.field_violations.iter().map(|violation| violation.field.clone()).collect())
}

/// It is refused with this code and reason.
#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, code: Code, why: &str) {
    let status = refused(answer);
    assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{status:?}");
}

/// It is INVALID_ARGUMENT and names this field first.
#[track_caller]
pub fn assert_invalid<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, field: &str) {
    let status = refused(answer);
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(&status), "INVALID", "{status:?}");
    let found = fields(&status);
    assert!(found.iter().any(|one| one == field), "{field} is not among {found:?}: {status:?}");
}
