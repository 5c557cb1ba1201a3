//! The table of calls: for each kind of plugin one macro invocation makes the trait that plugins implement, the service that
//! carries it over the wire, and what the host needs to know about every call.

use crate::outcome::Answer;
use crate::plugin::Kind;
use crate::v1::Operation;

/// A request of the protocol: which method it is for and what answers it.
#[async_trait::async_trait]
pub trait Call: prost::Message + Default + Clone + 'static {
    /// The kind of plugin that takes it, such as `dyn Panel`.
    type Kind: ?Sized + Kind;
    /// What answers it.
    type Response: Reply;
    /// `CreateAccount`.
    const METHOD: &'static str;
    /// `/billet.plugin.v1.PanelService/CreateAccount`.
    const PATH: &'static str;
    /// Whether it changes something: when no answer comes, nobody knows whether it was done.
    const CHANGES: bool;
    /// The work that it belongs to; `None` for questions.
    fn operation_mut(&mut self) -> Option<&mut Option<Operation>>;
    /// Calls a plugin in this process.
    ///
    /// # Errors
    /// The plugin's failure.
    async fn on(self, plugin: &Self::Kind) -> Answer<Self::Response>;
}

/// A request that changes something.
pub trait Change: Call {}

/// A response of the protocol: a value with an outcome.
pub trait Reply: prost::Message + Default + 'static {
    /// An answer as it travels.
    fn from_answer(answer: Answer<Self>) -> Self;
    /// What travelled, as an answer.
    ///
    /// # Errors
    /// The failure that it tells.
    fn into_answer(self) -> Answer<Self>;
}

macro_rules! reply {
    ($response:ident) => {
        impl $crate::Reply for $crate::v1::$response {
            fn from_answer(answer: $crate::Answer<Self>) -> Self {
                let (outcome, mut reply) = match answer {
                    Ok(done) => ($crate::v1::Outcome::from(&done), done.value),
                    Err(failure) => (failure.into(), Self::default()),
                };
                reply.outcome = Some(outcome);
                reply
            }

            fn into_answer(mut self) -> $crate::Answer<Self> {
                let outcome = self.outcome.take().unwrap_or_default();
                outcome.into_answer(self)
            }
        }
    };
}

macro_rules! calls {
    (
        $(#[$about:meta])* $trait:ident, $configured:ident, $service:literal, $module:ident :: $server:ident;
        asks { $($(#[$ask_doc:meta])* $ask:ident $ask_method:literal ($ask_request:ident) -> $ask_response:ident;)* }
        changes { $($(#[$doc:meta])* $change:ident $method:literal ($request:ident) -> $response:ident;)* }
    ) => {
        $(#[$about])*
        #[async_trait::async_trait]
        pub trait $trait: Send + Sync + 'static {
            $(
                $(#[$ask_doc])*
                async fn $ask(&self, _request: $crate::v1::$ask_request) -> $crate::Answer<$crate::v1::$ask_response> {
                    Err($crate::Failure::unsupported($ask_method))
                }
            )*
            $(
                $(#[$doc])*
                async fn $change(&self, _request: $crate::v1::$request) -> $crate::Answer<$crate::v1::$response> {
                    Err($crate::Failure::unsupported($method))
                }
            )*
        }

        #[async_trait::async_trait]
        impl $crate::v1::$module::$server for $crate::plugin::Served {
            $(
                async fn $ask(
                    &self,
                    request: tonic::Request<$crate::v1::$ask_request>,
                ) -> Result<tonic::Response<$crate::v1::$ask_response>, tonic::Status> {
                    let answer = self.$configured()?.$ask(request.into_inner()).await;
                    Ok(tonic::Response::new($crate::Reply::from_answer(answer)))
                }
            )*
            $(
                async fn $change(
                    &self,
                    request: tonic::Request<$crate::v1::$request>,
                ) -> Result<tonic::Response<$crate::v1::$response>, tonic::Status> {
                    let answer = self.$configured()?.$change(request.into_inner()).await;
                    Ok(tonic::Response::new($crate::Reply::from_answer(answer)))
                }
            )*
        }

        $(
            #[async_trait::async_trait]
            impl $crate::Call for $crate::v1::$ask_request {
                type Kind = dyn $trait;
                type Response = $crate::v1::$ask_response;
                const METHOD: &'static str = $ask_method;
                const PATH: &'static str = concat!("/billet.plugin.v1.", $service, "/", $ask_method);
                const CHANGES: bool = false;
                fn operation_mut(&mut self) -> Option<&mut Option<$crate::v1::Operation>> {
                    None
                }
                async fn on(self, plugin: &dyn $trait) -> $crate::Answer<$crate::v1::$ask_response> {
                    plugin.$ask(self).await
                }
            }
            $crate::call::reply!($ask_response);
        )*
        $(
            #[async_trait::async_trait]
            impl $crate::Call for $crate::v1::$request {
                type Kind = dyn $trait;
                type Response = $crate::v1::$response;
                const METHOD: &'static str = $method;
                const PATH: &'static str = concat!("/billet.plugin.v1.", $service, "/", $method);
                const CHANGES: bool = true;
                fn operation_mut(&mut self) -> Option<&mut Option<$crate::v1::Operation>> {
                    Some(&mut self.operation)
                }
                async fn on(self, plugin: &dyn $trait) -> $crate::Answer<$crate::v1::$response> {
                    plugin.$change(self).await
                }
            }
            impl $crate::Change for $crate::v1::$request {}
            $crate::call::reply!($response);
        )*
    };
}

pub(crate) use calls;
pub(crate) use reply;
