//! A mutating call: takes effect once, however often it is repeated (AIP-155). The request id is claimed in the
//! transaction of the call, the answer is kept with it, and a repetition gets that answer.

use billet_domain::journal::sha256_hex;
use prost::Message;
use tonic::{Code, Request, Response, Status};

use super::auth::Caller;
use super::status::refusal;
use crate::billing::{Billing, BillingError};
use crate::store::Unit;
use crate::store::request::{self, Claim};

/// The longest request id, in characters.
pub const REQUEST_ID_MAX: usize = 128;

/// A call that has not been answered before.
pub struct Call {
    /// Everything the call does happens in here.
    pub unit: Unit,
    request_id: String,
}

/// Whether a call is new.
pub enum Begun<R> {
    /// It is: go ahead and [`Call::finish`].
    Fresh(Box<Call>),
    /// It was answered before.
    Again(Response<R>),
}

/// The caller and the message of a request.
///
/// # Errors
/// UNAUTHENTICATED when the authentication layer let it through without a caller.
pub fn open<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let caller = request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| refusal(Code::Unauthenticated, "NO_TOKEN", "a bearer token is needed"))?;
    Ok((caller, request.into_inner()))
}

impl Call {
    /// Begins a call, or finds the answer it had.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a malformed request id, ALREADY_EXISTS when another call used it.
    pub async fn begin<R: Message + Default>(
        billing: &Billing,
        caller: &Caller,
        method: &'static str,
        request_id: &str,
        request: &impl Message,
    ) -> Result<Begun<R>, Status> {
        let length = request_id.chars().count();
        if length == 0 || length > REQUEST_ID_MAX || request_id.chars().any(char::is_control) {
            let problem =
                format!("1 to {REQUEST_ID_MAX} printable characters are needed; they make the call safe to repeat");
            return Err(BillingError::invalid("request_id", problem).into());
        }
        let fingerprint = sha256_hex(&request.encode_to_vec());
        let mut unit = billing.begin(caller.seller_id, &caller.actor()).await?;
        Ok(match request::claim(&mut unit, request_id, method, &fingerprint).await? {
            Claim::Fresh => Begun::Fresh(Box::new(Self { unit, request_id: request_id.to_owned() })),
            Claim::Answered(bytes) => Begun::Again(Response::new(R::decode(bytes.as_slice()).map_err(|error| {
                tracing::error!(%error, "a kept answer cannot be read");
                refusal(Code::Internal, "STORE", "the kept answer cannot be read")
            })?)),
            Claim::Taken { method } => {
                let detail = format!("request_id `{request_id}` was used for another call ({method})");
                return Err(BillingError::Exists { reason: "REQUEST_ID_REUSED", detail }.into());
            }
        })
    }

    /// Keeps the answer and makes everything durable.
    ///
    /// # Errors
    /// ABORTED when another call was in the way.
    pub async fn finish<R: Message>(self: Box<Self>, response: R) -> Result<Response<R>, Status> {
        let kept = response.encode_to_vec();
        self.finish_keeping(kept, response).await
    }

    /// The same, where the kept answer is another one than the first (a secret that is shown once).
    ///
    /// # Errors
    /// ABORTED when another call was in the way.
    pub async fn finish_keeping<R>(mut self: Box<Self>, kept: Vec<u8>, response: R) -> Result<Response<R>, Status> {
        request::answer(&mut self.unit, &self.request_id, kept).await?;
        self.unit.commit().await?;
        Ok(Response::new(response))
    }
}
