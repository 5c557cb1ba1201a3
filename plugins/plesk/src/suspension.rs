//! SuspendAccount and UnsuspendAccount: the own status bit, and no other.

use billet_plugin::v1::{
    ProblemKind, SuspendAccountRequest, SuspendAccountResponse, Suspension, UnsuspendAccountRequest,
    UnsuspendAccountResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::Reply;
use crate::failure::{is_unknown, refused};
use crate::packet::Packet;
use crate::settings::Role;
use crate::status::{BACKUP, suspension, words};
use crate::webspace::{Webspace, named};
use crate::work::{Time, Work};
use crate::xml::Element;

impl Plesk {
    pub(crate) async fn suspend(&self, request: SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        let work = Work::of(request.operation);
        let webspace = self.the(&named(request.r#ref)?, work.time).await?;
        let own_bit = self.settings.acts_as.own_bit();
        if webspace.status & own_bit != 0 {
            let found = suspension(webspace.status, self.settings.acts_as).unwrap_or_default();
            return Ok(Done::already(answer(found)));
        }
        self.set_status(&webspace, own_bit, work.time).await?;
        // Others may have suspended it too. Ours stands beside theirs and stays when they lift it.
        let now = suspension(webspace.status | own_bit, self.settings.acts_as).unwrap_or_default();
        let mut warnings = Vec::new();
        if request.lock && self.settings.acts_as == Role::Reseller {
            warnings.push("it is not locked: the administrator and this reseller may lift it".to_owned());
        }
        Ok(Done::new(answer(now)).with_warnings(warnings))
    }

    pub(crate) async fn unsuspend(&self, request: UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        let work = Work::of(request.operation);
        let webspace = self.the(&named(request.r#ref)?, work.time).await?;
        let own_bit = self.settings.acts_as.own_bit();
        if webspace.status == 0 {
            return Ok(Done::already(UnsuspendAccountResponse::default()));
        }
        if webspace.status == BACKUP {
            return Err(Failure::later(ProblemKind::Busy, "", words(webspace.status)));
        }
        if webspace.status & own_bit == 0 && !request.force {
            let words = format!("Billet did not suspend it: {}", words(webspace.status));
            return Err(refused(ProblemKind::State, words));
        }
        self.set_status(&webspace, 0, work.time).await?;
        let rest = match self.webspaces(webspace.filter(), &["gen_info"], work.time).await {
            Ok(found) => found.first().map_or(0, |webspace| webspace.status),
            Err(_) => webspace.status & !own_bit,
        };
        if rest & !BACKUP != 0 && request.force {
            let words = format!("it cannot be lifted here: {}", words(rest));
            return Err(refused(ProblemKind::State, words));
        }
        let warnings = (rest != 0).then(|| format!("it is not active yet: {}", words(rest))).into_iter().collect();
        Ok(Done::new(UnsuspendAccountResponse::default()).with_warnings(warnings))
    }

    /// Sets the own bit, or clears it (0).
    async fn set_status(&self, webspace: &Webspace, status: u32, time: Time) -> Result<(), Failure> {
        let setup = Element::new("gen_setup").with(Element::leaf("status", status.to_string()));
        let packet = Packet::of("webspace", "set", [webspace.filter(), Element::new("values").with(setup)]);
        let Err(failure) = self.client.change_one(&packet, time).await.and_then(Reply::done) else {
            return Ok(());
        };
        if !is_unknown(&failure) {
            return Err(failure);
        }
        let own_bit = self.settings.acts_as.own_bit();
        let now = self.webspaces(webspace.filter(), &["gen_info"], time).await.unwrap_or_default();
        let is_set = now.first().is_some_and(|webspace| webspace.status & own_bit == status);
        if is_set { Ok(()) } else { Err(failure) }
    }
}

fn answer(found: Suspension) -> SuspendAccountResponse {
    SuspendAccountResponse { suspension: Some(found), ..SuspendAccountResponse::default() }
}
