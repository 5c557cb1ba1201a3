//! Customers, who own subscriptions. Those that Billet makes carry a mark in their external id.

use billet_plugin::Failure;
use chrono::NaiveDate;

use crate::Plesk;
use crate::client::{Reply, found};
use crate::packet::{Packet, dataset, filter};
use crate::webspace::NAMES;
use crate::work::Time;
use crate::xml::Element;

/// Stands before what a customer of ours was made for.
pub(crate) const MARK: &str = "billet:";

/// A customer as Plesk shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) login: String,
    pub(crate) email: String,
    pub(crate) external_id: String,
    pub(crate) owner_login: String,
    pub(crate) created: Option<NaiveDate>,
}

impl Customer {
    pub(crate) fn read(reply: &Reply) -> Self {
        let empty = Element::default();
        let general = reply.result.at(&["data", "gen_info"]).unwrap_or(&empty);
        let text = |name: &str| general.text_of(name).to_owned();
        Self {
            id: reply.id.clone(),
            login: text("login"),
            email: text("email"),
            external_id: text("external-id"),
            owner_login: text("owner-login"),
            created: text("cr_date").parse().ok(),
        }
    }

    /// Billet made it.
    pub(crate) fn is_ours(&self) -> bool {
        self.external_id.starts_with(MARK)
    }
}

/// Asks for customers by their login names.
pub(crate) fn by_login<'a>(packet: Packet, logins: impl IntoIterator<Item = &'a str>) -> Packet {
    packet.and("customer", "get", [filter("login", logins), dataset(&["gen_info"])])
}

impl Plesk {
    /// The customer of that login name.
    pub(crate) async fn customer(&self, login: &str, time: Time) -> Result<Option<Customer>, Failure> {
        let replies = self.client.ask_one(&by_login(Packet::default(), [login]), time).await?;
        Ok(found(replies)?.iter().map(Customer::read).next())
    }

    /// Removes a customer that owns nothing; what came of it, in words, when it stays.
    pub(crate) async fn remove_if_empty(&self, customer: &Customer, time: Time) -> Option<String> {
        let stays = |why: &str| Some(format!("the customer {} stays: {why}", customer.login));
        match self.webspaces(filter("owner-login", [&customer.login]), NAMES, time).await {
            Ok(owned) if owned.is_empty() => {}
            Ok(_) => return stays("it owns other subscriptions"),
            Err(failure) => return stays(&failure.to_string()),
        }
        let packet = Packet::of("customer", "del", [filter("id", [&customer.id])]);
        match self.client.change_one(&packet, time).await.and_then(Reply::done) {
            Ok(_) => None,
            Err(failure) => stays(&failure.to_string()),
        }
    }
}
