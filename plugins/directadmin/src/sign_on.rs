//! One-time login addresses: a login key of the user's own that works once, made while logged in as that user.

use billet_plugin::v1::{ProblemKind, SignOnService, SingleSignOnRequest, SingleSignOnResponse};
use billet_plugin::{Answer, Done, Failure, Work};
use chrono::{TimeDelta, Utc};

use crate::account::{timestamp, username};
use crate::failure::refused;
use crate::panel::DirectAdmin;

/// How long an address works, as the panel writes it, and in minutes.
const EXPIRY: (&str, i64) = ("5m", 5);

impl DirectAdmin {
    pub(crate) async fn sign_on(&self, request: &SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
        let work = Work::question();
        let name = username(request.r#ref.as_ref())?;
        let wanted = match request.service() {
            SignOnService::Unspecified | SignOnService::Panel => "user",
            SignOnService::Server => "reseller",
            SignOnService::Webmail => {
                return Err(refused(ProblemKind::Unsupported, "this plugin has no login to DirectAdmin's webmail"));
            }
        };
        // Never an administrator's pages, whatever the name says.
        let usertype = self.config(name, &work).await?.text("usertype").to_owned();
        if usertype != wanted {
            let words = format!("{name} is of type {usertype}: no login as {wanted}");
            return Err(refused(ProblemKind::Permission, words));
        }
        let mut parameters = vec![
            ("action", "create"),
            ("type", "one_time_url"),
            ("login_keys_notify_on_creation", "0"),
            ("clear_key", "yes"),
            ("expiry", EXPIRY.0),
        ];
        if !request.client_ip.is_empty() {
            parameters.push(("ips", &request.client_ip));
        }
        let expires_at = timestamp(Utc::now() + TimeDelta::minutes(EXPIRY.1));
        let made = self.client.ask_as(name, "CMD_API_LOGIN_KEYS", &parameters, self.manner.time_max).await?;
        let found = [made.text("result"), made.text("details"), made.text("url")];
        let Some(url) = found.into_iter().find(|text| is_address(text)) else {
            // What it said instead may hold half a key.
            return Err(Failure::later(ProblemKind::Unavailable, "", "DirectAdmin gave no login address"));
        };
        Ok(Done::new(SingleSignOnResponse { outcome: None, url: url.to_owned(), expires_at: Some(expires_at) }))
    }
}

fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
}
