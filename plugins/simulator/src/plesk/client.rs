//! A small client of the XML API, so that the demo and tests read as what they do.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};

use super::state::ADMIN_LOGIN;
use super::xml::Element;
use crate::exchange::{NoAnswer, exchange};
use crate::secret::Secret;

/// Why an operation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PleskError {
    /// Plesk refused, in its words.
    #[error("{operation}: {text} (error {code})")]
    Refused {
        /// The operation, such as `webspace.add`.
        operation: String,
        /// `errcode`.
        code: u32,
        /// `errtext`.
        text: String,
    },
    /// Not an answer of the XML API.
    #[error("{operation}: HTTP {status} without an answer of the XML API")]
    NotAnAnswer {
        /// The operation.
        operation: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nobody knows whether it was done.
    #[error("{operation}: {cause}")]
    NoAnswer {
        /// The operation.
        operation: String,
        /// What happened.
        cause: NoAnswer,
    },
}

/// A customer with a subscription that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// The customer's id.
    pub customer_id: u32,
    /// The subscription's id.
    pub subscription_id: u32,
    /// The subscription's guid, which never changes.
    pub subscription_guid: String,
}

/// Calls one Plesk server as its administrator.
#[derive(Debug, Clone)]
pub struct PleskClient {
    address: SocketAddr,
    password: Secret,
    ip: String,
}

impl PleskClient {
    /// A client that calls `address` as the administrator; new hosting gets the address `ip`.
    #[must_use]
    pub fn new(address: SocketAddr, password: Secret, ip: &str) -> Self {
        Self { address, password, ip: ip.to_owned() }
    }

    /// Creates a customer and its subscription with hosting, in one packet. Passwords are random.
    ///
    /// # Errors
    /// See [`PleskError`]; if only the subscription fails, the customer is there.
    pub async fn create_account(
        &self,
        login: &str,
        domain: &str,
        plan: &str,
        contact_email: &str,
    ) -> Result<Subscribed, PleskError> {
        let customer = Element::new("gen_info").with_all(leaves(&[
            ("pname", login),
            ("login", login),
            ("passwd", Secret::random().reveal()),
            ("email", contact_email),
        ]));
        let property =
            |name: &str, value: &str| Element::new("property").with_all(leaves(&[("name", name), ("value", value)]));
        let hosting = Element::new("vrt_hst")
            .with(property("ftp_login", login))
            .with(property("ftp_password", Secret::random().reveal()))
            .with(Element::leaf("ip_address", &self.ip));
        let setup = [("name", domain), ("owner-login", login), ("htype", "vrt_hst"), ("ip_address", self.ip.as_str())];
        let webspace = Element::new("add")
            .with(Element::new("gen_setup").with_all(leaves(&setup)))
            .with(Element::new("hosting").with(hosting))
            .with(Element::leaf("plan-name", plan));
        let packet = Element::new("packet")
            .with(Element::new("customer").with(Element::new("add").with(customer)))
            .with(Element::new("webspace").with(webspace));
        let answer = self.send(&packet, "customer.add").await?;
        let customer = ok(&answer, "customer", "add")?;
        let webspace = ok(&answer, "webspace", "add")?;
        let id = |result: &Element| result.text_of("id").and_then(|id| id.parse().ok()).unwrap_or_default();
        let subscription_guid = webspace.text_of("guid").unwrap_or_default().to_owned();
        Ok(Subscribed { customer_id: id(customer), subscription_id: id(webspace), subscription_guid })
    }

    /// Moves a subscription to another plan, which Plesk wants by its guid.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn change_package(&self, domain: &str, plan: &str) -> Result<(), PleskError> {
        let found = self.one("service-plan", "get", vec![filter("name", plan)]).await?;
        let guid = found.text_of("guid").unwrap_or_default();
        let nodes = vec![filter("name", domain), Element::leaf("plan-guid", guid)];
        self.one("webspace", "switch-subscription", nodes).await.map(|_| ())
    }

    /// The name of a subscription's plan, which no event carries; none if it has none.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn plan_of(&self, domain: &str) -> Result<Option<String>, PleskError> {
        let nodes = vec![filter("name", domain), Element::new("dataset").with(Element::new("subscriptions"))];
        let found = self.one("webspace", "get", nodes).await?;
        let guid =
            found.at(&["data", "subscriptions", "subscription", "plan"]).and_then(|plan| plan.text_of("plan-guid"));
        let Some(guid) = guid else { return Ok(None) };
        let plan = self.one("service-plan", "get", vec![filter("guid", guid)]).await?;
        Ok(plan.text_of("name").map(str::to_owned))
    }

    /// Suspends a subscription as the administrator does.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn suspend(&self, domain: &str) -> Result<(), PleskError> {
        self.set_status(domain, "16").await
    }

    /// Takes the administrator's suspension of a subscription away.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn unsuspend(&self, domain: &str) -> Result<(), PleskError> {
        self.set_status(domain, "0").await
    }

    async fn set_status(&self, domain: &str, status: &str) -> Result<(), PleskError> {
        let setup = Element::new("gen_setup").with(Element::leaf("status", status));
        let nodes = vec![filter("name", domain), Element::new("values").with(setup)];
        self.one("webspace", "set", nodes).await.map(|_| ())
    }

    /// Removes a subscription for good.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn remove(&self, domain: &str) -> Result<(), PleskError> {
        self.one("webspace", "del", vec![filter("name", domain)]).await.map(|_| ())
    }

    /// Removes a customer with all its subscriptions.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn remove_customer(&self, login: &str) -> Result<(), PleskError> {
        self.one("customer", "del", vec![filter("login", login)]).await.map(|_| ())
    }

    /// Adds a plan with a limit on disk space in bytes.
    ///
    /// # Errors
    /// See [`PleskError`].
    pub async fn add_plan(&self, name: &str, disk_space_bytes: u64) -> Result<(), PleskError> {
        let limit = [("name", "disk_space"), ("value", &disk_space_bytes.to_string())];
        let limits = Element::new("limits").with(Element::new("limit").with_all(leaves(&limit)));
        self.one("service-plan", "add", vec![Element::leaf("name", name), limits]).await.map(|_| ())
    }

    /// Sends a packet as it is and gives the HTTP status and the answer's text.
    ///
    /// # Errors
    /// Only if there is no answer.
    pub async fn packet(&self, xml: &str) -> Result<(u16, String), NoAnswer> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/enterprise/control/agent.php")
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "text/xml")
            .header("HTTP_AUTH_LOGIN", ADMIN_LOGIN)
            .header("HTTP_AUTH_PASSWD", self.password.reveal())
            .body(Full::new(Bytes::from(xml.to_owned())))
            .map_err(|cause| NoAnswer::Closed(cause.to_string()))?;
        let (status, body) = exchange(self.address, request).await?;
        Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }

    /// Sends one operation and gives its one result, which must be a success.
    async fn one(&self, operator: &str, verb: &str, nodes: Vec<Element>) -> Result<Element, PleskError> {
        let operation = Element::new(operator).with(Element::new(verb).with_all(nodes));
        let answer = self.send(&Element::new("packet").with(operation), &format!("{operator}.{verb}")).await?;
        ok(&answer, operator, verb).cloned()
    }

    async fn send(&self, packet: &Element, operation: &str) -> Result<Element, PleskError> {
        let operation = operation.to_owned();
        let (status, text) = match self.packet(&packet.document()).await {
            Ok(answer) => answer,
            Err(cause) => return Err(PleskError::NoAnswer { operation, cause }),
        };
        let answer = Element::parse(&text).ok().filter(|answer| answer.name == "packet" && status == 200);
        answer.ok_or(PleskError::NotAnAnswer { operation, status })
    }
}

fn filter(kind: &str, value: &str) -> Element {
    Element::new("filter").with(Element::leaf(kind, value))
}

fn leaves(pairs: &[(&str, &str)]) -> Vec<Element> {
    pairs.iter().map(|(name, value)| Element::leaf(name, *value)).collect()
}

/// The result of an operation in an answer, if it is a success.
fn ok<'a>(answer: &'a Element, operator: &str, verb: &str) -> Result<&'a Element, PleskError> {
    let operation = format!("{operator}.{verb}");
    let result = answer.at(&[operator, verb, "result"]).or_else(|| answer.get("system"));
    let result = result.ok_or_else(|| PleskError::NotAnAnswer { operation: operation.clone(), status: 200 })?;
    if result.text_of("status") == Some("ok") {
        return Ok(result);
    }
    let code = result.text_of("errcode").and_then(|code| code.parse().ok()).unwrap_or_default();
    let text = result.text_of("errtext").unwrap_or_default().to_owned();
    Err(PleskError::Refused { operation, code, text })
}
