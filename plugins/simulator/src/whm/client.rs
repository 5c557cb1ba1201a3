//! A small client of WHM API 1, so that the demo and tests read as what they do.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use serde_json::Value;

use crate::exchange::{NoAnswer, exchange};
use crate::secret::Secret;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum WhmError {
    /// The panel refused, in its words.
    #[error("{function}: {reason}")]
    Refused {
        /// The function called.
        function: String,
        /// `metadata.reason`.
        reason: String,
    },
    /// The token is wrong or the caller may not do this.
    #[error("{function}: access denied")]
    AccessDenied {
        /// The function called.
        function: String,
    },
    /// Not an answer of the panel's.
    #[error("{function}: HTTP {status} without an answer of WHM API 1")]
    NotAnAnswer {
        /// The function called.
        function: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nobody knows whether it was done.
    #[error("{function}: {cause}")]
    NoAnswer {
        /// The function called.
        function: String,
        /// What happened.
        cause: NoAnswer,
    },
}

/// An account that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its name.
    pub user: String,
    /// The package it has.
    pub package: String,
    /// Its address.
    pub ip: String,
}

/// Calls one WHM server as one user.
#[derive(Debug, Clone)]
pub struct WhmClient {
    address: SocketAddr,
    user: String,
    token: Secret,
}

impl WhmClient {
    /// A client that calls `address` as `user` with `token`.
    #[must_use]
    pub fn new(address: SocketAddr, user: &str, token: Secret) -> Self {
        Self { address, user: user.to_owned(), token }
    }

    /// The same server as another user, such as a reseller.
    #[must_use]
    pub fn acting_as(&self, user: &str, token: Secret) -> Self {
        Self::new(self.address, user, token)
    }

    /// Creates an account with a random password.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn create_account(
        &self,
        user: &str,
        domain: &str,
        plan: &str,
        contact_email: &str,
    ) -> Result<Created, WhmError> {
        let password = Secret::random();
        let parameters = [
            ("username", user),
            ("domain", domain),
            ("plan", plan),
            ("contactemail", contact_email),
            ("password", password.reveal()),
        ];
        let data = self.call("createacct", &parameters).await?;
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        Ok(Created { user: user.to_ascii_lowercase(), package: text("package"), ip: text("ip") })
    }

    /// Moves an account to another package.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn change_package(&self, user: &str, plan: &str) -> Result<(), WhmError> {
        self.call("changepackage", &[("user", user), ("pkg", plan)]).await.map(|_| ())
    }

    /// Suspends an account.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn suspend(&self, user: &str, reason: &str) -> Result<(), WhmError> {
        self.call("suspendacct", &[("user", user), ("reason", reason)]).await.map(|_| ())
    }

    /// Lifts an account's suspension.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn unsuspend(&self, user: &str) -> Result<(), WhmError> {
        self.call("unsuspendacct", &[("user", user)]).await.map(|_| ())
    }

    /// Removes an account for good.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn remove(&self, user: &str) -> Result<(), WhmError> {
        self.call("removeacct", &[("username", user)]).await.map(|_| ())
    }

    /// Adds a package with a disk quota in MiB and otherwise default limits.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn add_package(&self, name: &str, quota_mib: u64) -> Result<(), WhmError> {
        self.call("addpkg", &[("name", name), ("quota", &quota_mib.to_string())]).await.map(|_| ())
    }

    /// Calls any function by POST and gives its `data`, null for functions that only act.
    ///
    /// # Errors
    /// See [`WhmError`].
    pub async fn call(&self, function: &str, parameters: &[(&str, &str)]) -> Result<Value, WhmError> {
        let (status, answer) = self.answer(function, parameters).await?;
        let not_an_answer = || WhmError::NotAnAnswer { function: function.to_owned(), status };
        if status == 403 && answer["cpanelresult"].is_object() {
            return Err(WhmError::AccessDenied { function: function.to_owned() });
        }
        let metadata = &answer["metadata"];
        let reason = metadata["reason"].as_str().unwrap_or_default().to_owned();
        match metadata["result"].as_u64() {
            Some(1) => Ok(answer["data"].clone()),
            Some(_) => Err(WhmError::Refused { function: function.to_owned(), reason }),
            None => Err(not_an_answer()),
        }
    }

    /// Calls any function by POST and gives the HTTP status and the whole answer, whatever it says; null if it is not
    /// JSON.
    ///
    /// # Errors
    /// Only if there is no answer.
    pub async fn answer(&self, function: &str, parameters: &[(&str, &str)]) -> Result<(u16, Value), WhmError> {
        let failed = |cause| WhmError::NoAnswer { function: function.to_owned(), cause };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("api.version", "1")
            .extend_pairs(parameters)
            .finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/json-api/{function}"))
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("whm {}:{}", self.user, self.token.reveal()))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .map_err(|cause| failed(NoAnswer::Closed(cause.to_string())))?;
        let (status, body) = exchange(self.address, request).await.map_err(failed)?;
        Ok((status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
