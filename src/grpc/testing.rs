//! A daemon without a network for tests of the services: an operator on a fresh database, a clock that stands still.

use std::sync::atomic::{AtomicU32, Ordering};

use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use super::auth::{Authenticator, Caller};
use crate::billing::seller::{OwnerToken, found_operator};
pub use crate::billing::testing::{some_seller, start};
use crate::billing::{Billing, Clock};
use crate::store::FromRow;
use crate::store::testing::{Fresh, stores};

/// One engine's.
pub struct Desk {
    /// The use cases.
    pub billing: Billing,
    /// Remembers tokens.
    pub authenticator: Authenticator,
    /// The operator's owner.
    pub owner: Caller,
    /// The owner's secret.
    pub secret: String,
    _fresh: Fresh,
}

/// One desk per engine.
pub async fn desks() -> Vec<Desk> {
    let mut desks = Vec::new();
    for fresh in stores().await {
        let billing = Billing::new(fresh.store.clone(), Clock::simulated(start()));
        let (_, OwnerToken { token, secret }) =
            found_operator(&billing, some_seller("Operator Example"), "Owner").await.expect("an empty database");
        let authenticator = Authenticator::new(billing.clone());
        desks.push(Desk { billing, authenticator, owner: token.into(), secret, _fresh: fresh });
    }
    desks
}

impl Desk {
    /// The rows of a query.
    pub async fn rows<T: FromRow>(&self, sql: &'static str) -> Vec<T> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        tx.all(sql, &[]).await.expect("a query")
    }

    /// The kinds of all events of a seller's journal, in order.
    pub async fn events(&self, caller: &Caller) -> Vec<String> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let sql = "SELECT kind FROM events WHERE seller_id = $1 ORDER BY sequence";
        let rows: Vec<(String,)> = tx.all(sql, &[caller.seller_id.into()]).await.expect("a query");
        rows.into_iter().map(|(kind,)| kind).collect()
    }
}

/// A request as the layer of authentication hands it on.
pub fn by<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

/// A request id that nobody used.
pub fn fresh_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("req-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The answer.
pub fn ok<T>(answer: Result<Response<T>, Status>) -> T {
    answer.expect("answered").into_inner()
}

/// Code and reason of a refusal.
pub fn refused<T>(answer: Result<Response<T>, Status>) -> (Code, String) {
    let Err(status) = answer else { panic!("refused") };
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (status.code(), reason)
}

/// The fields that a refusal names.
pub fn wrong_fields<T>(answer: Result<Response<T>, Status>) -> Vec<String> {
    let Err(status) = answer else { panic!("refused") };
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().expect("names fields");
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}
