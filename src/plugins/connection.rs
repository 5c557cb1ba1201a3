//! One call to a plugin, wherever it runs.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use billet_plugin::handshake::{MESSAGE_BYTES_MAX, TOKEN_KEY};
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Answer, Call, Configured, Failure, Kind, Reply};
use futures::FutureExt as _;
use http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use super::child::Child;

/// A way to an instance's plugin.
#[derive(Debug)]
pub enum Connection {
    /// In this process.
    Linked(Configured),
    /// In a process of its own.
    Child(Child),
}

impl Connection {
    /// Calls, within a time. What ends without an answer is told by what was asked: of a change nobody knows whether it
    /// was done.
    pub async fn call<R: Call>(&self, request: R, time_left: Duration) -> Answer<R::Response> {
        let silent = |words: String| if R::CHANGES { Failure::unknown(words) } else { unavailable(words) };
        let answer = async {
            match self {
                Self::Linked(configured) => {
                    let Some(plugin) = R::Kind::of(configured) else {
                        return Err(Failure::unsupported(R::METHOD));
                    };
                    match AssertUnwindSafe(request.on(&plugin)).catch_unwind().await {
                        Ok(answer) => answer,
                        Err(_) => Err(silent("the plugin panicked".to_owned())),
                    }
                }
                Self::Child(child) => {
                    let (channel, token) = child.link().await?;
                    unary(channel, &token, request).await.unwrap_or_else(|status| Err(broken(R::CHANGES, &status)))
                }
            }
        };
        match tokio::time::timeout(time_left, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(silent(format!("no answer within {} s", time_left.as_secs_f32()))),
        }
    }
}

fn unavailable(words: String) -> Failure {
    Failure::later(ProblemKind::Unavailable, "", words)
}

/// A call over the wire.
pub async fn unary<R: Call>(
    channel: Channel,
    token: &MetadataValue<Ascii>,
    request: R,
) -> Result<Answer<R::Response>, tonic::Status> {
    let mut client = tonic::client::Grpc::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    client.ready().await.map_err(|error| tonic::Status::unavailable(format!("the plugin is gone: {error}")))?;
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert(TOKEN_KEY, token.clone());
    let codec = ProstCodec::<R, R::Response>::default();
    let reply = client.unary(request, PathAndQuery::from_static(R::PATH), codec).await?;
    Ok(reply.into_inner().into_answer())
}

/// A status instead of an answer: the plugin or the way to it is broken.
fn broken(changes: bool, status: &tonic::Status) -> Failure {
    let words = format!("the plugin answered {:?}: {}", status.code(), status.message());
    match status.code() {
        tonic::Code::Unimplemented => Failure::refused(ProblemKind::Unsupported, "", words),
        // Refused at its door: nothing was done.
        tonic::Code::Unauthenticated | tonic::Code::FailedPrecondition => unavailable(words),
        _ if changes => Failure::unknown(words),
        _ => unavailable(words),
    }
}
