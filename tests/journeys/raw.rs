//! Calls as bytes: what a client sends that holds to no protocol.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use crate::harness::Caller;

/// Lets bytes through as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

impl Caller {
    /// Sends bytes to a method (`CatalogService/CreatePlan`); the refusal, if it is one before the answer ends or, for
    /// endless streams, within a moment.
    pub async fn raw(&self, method: &str, body: Vec<u8>) -> Result<(), Status> {
        let mut client = tonic::client::Grpc::new(self.authorized()).max_encoding_message_size(64 << 20);
        client.ready().await.map_err(|error| Status::new(Code::Unavailable, format!("{error:?}")))?;
        let path = format!("/billet.v1.{method}").parse().expect("a path");
        let answer = client.server_streaming(Request::new(body), path, Raw).await?;
        let mut stream = answer.into_inner();
        while let Ok(message) = tokio::time::timeout(Duration::from_millis(300), stream.message()).await {
            if message?.is_none() {
                break;
            }
        }
        Ok(())
    }
}
