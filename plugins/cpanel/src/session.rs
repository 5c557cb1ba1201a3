//! SingleSignOn: create_user_session. The address works once, dies after 15 minutes without use, and logs in whoever has
//! it.

use billet_plugin::v1::{ProblemKind, SignOnService, SingleSignOnRequest, SingleSignOnResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::Cpanel;
use crate::account::{at, username};
use crate::budget::Budget;
use crate::client::Call;
use crate::figures;

/// SingleSignOn. WHM does not bind the login to the visitor's address.
pub(crate) async fn single_sign_on(panel: &Cpanel, request: &SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
    let user = username(request.r#ref.as_ref())?;
    if user == "root" {
        // Whoever asks for a customer's login must never get the server.
        return Err(Failure::refused(ProblemKind::Permission, "", "there is no single sign-on as root"));
    }
    let service = match request.service() {
        SignOnService::Panel | SignOnService::Unspecified => "cpaneld",
        SignOnService::Server => "whostmgrd",
        SignOnService::Webmail => "webmaild",
    };
    let budget = Budget::of(None, panel.manner.time_max);
    let call = Call::to("create_user_session").with("user", user).with("service", service);
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(call, time).await.map_err(crate::failure::Trouble::asking)?;
    let url = figures::text(&reply.data["url"]);
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Failure::later(ProblemKind::Unavailable, "", "the answer has no login address"));
    }
    let expires_at = figures::whole(&reply.data["expires"]).map(at);
    Ok(Done::new(SingleSignOnResponse { url, expires_at, ..SingleSignOnResponse::default() }))
}
