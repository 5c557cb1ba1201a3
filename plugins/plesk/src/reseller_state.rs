//! SuspendReseller, UnsuspendReseller, TerminateReseller. Plesk takes the reseller's customers and subscriptions along:
//! they show that their owner is suspended (bit 2) and keep their own bits.

use billet_plugin::v1::{
    ProblemKind, SuspendResellerRequest, SuspendResellerResponse, TerminateResellerRequest, TerminateResellerResponse,
    UnsuspendResellerRequest, UnsuspendResellerResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::Reply;
use crate::failure::{is_unknown, refused};
use crate::packet::{Packet, filter};
use crate::reseller::Found;
use crate::status::{BY_ADMINISTRATOR, words};
use crate::webspace::named;
use crate::work::{Time, Work};
use crate::xml::Element;

impl Plesk {
    pub(crate) async fn hold_reseller(&self, request: SuspendResellerRequest) -> Answer<SuspendResellerResponse> {
        let work = Work::of(request.operation);
        let reseller = self.the_reseller(&named(request.r#ref)?, work.time).await?;
        if reseller.status & BY_ADMINISTRATOR != 0 {
            return Ok(Done::already(SuspendResellerResponse::default()));
        }
        self.set_reseller_status(&reseller, BY_ADMINISTRATOR, work.time).await?;
        Ok(Done::new(SuspendResellerResponse::default()))
    }

    pub(crate) async fn release_reseller(
        &self,
        request: UnsuspendResellerRequest,
    ) -> Answer<UnsuspendResellerResponse> {
        let work = Work::of(request.operation);
        let reseller = self.the_reseller(&named(request.r#ref)?, work.time).await?;
        if reseller.status == 0 {
            return Ok(Done::already(UnsuspendResellerResponse::default()));
        }
        if reseller.status & BY_ADMINISTRATOR == 0 && !request.force {
            let words = format!("Billet did not suspend it: {}", words(reseller.status));
            return Err(refused(ProblemKind::State, words));
        }
        self.set_reseller_status(&reseller, 0, work.time).await?;
        let rest = match self.find_reseller(&reference(&reseller), work.time).await {
            Ok(Some(now)) => now.status,
            _ => reseller.status & !BY_ADMINISTRATOR,
        };
        if rest != 0 && request.force {
            return Err(refused(ProblemKind::State, format!("it cannot be lifted here: {}", words(rest))));
        }
        let warnings = (rest != 0).then(|| format!("it is not active yet: {}", words(rest))).into_iter().collect();
        Ok(Done::new(UnsuspendResellerResponse::default()).with_warnings(warnings))
    }

    async fn set_reseller_status(&self, reseller: &Found, status: u32, time: Time) -> Result<(), Failure> {
        let info = Element::new("gen-info").with(Element::leaf("status", status.to_string()));
        let nodes = [filter("id", [&reseller.id]), Element::new("values").with(info)];
        let set = self.client.change_one(&Packet::of("reseller", "set", nodes), time).await;
        match set.and_then(Reply::done) {
            Ok(_) => Ok(()),
            Err(failure) if is_unknown(&failure) => match self.find_reseller(&reference(reseller), time).await {
                Ok(Some(now)) if now.status & BY_ADMINISTRATOR == status => Ok(()),
                _ => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn end_reseller(&self, request: TerminateResellerRequest) -> Answer<TerminateResellerResponse> {
        let work = Work::of(request.operation);
        let Some(reseller) = self.find_reseller(&named(request.r#ref)?, work.time).await? else {
            return Ok(Done::already(TerminateResellerResponse::default()));
        };
        let packet = Packet::of("reseller", "del", [filter("id", [&reseller.id])]);
        match self.client.change_one(&packet, work.time).await {
            Ok(reply) => match &reply.refusal {
                None => Ok(Done::new(TerminateResellerResponse::default())),
                Some(refusal) if refusal.is_missing() => Ok(Done::already(TerminateResellerResponse::default())),
                Some(refusal) => Err(refusal.failure()),
            },
            Err(failure) if is_unknown(&failure) => match self.find_reseller(&reference(&reseller), work.time).await {
                Ok(None) => Ok(Done::new(TerminateResellerResponse::default())),
                _ => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }
}

fn reference(reseller: &Found) -> billet_plugin::v1::AccountRef {
    billet_plugin::v1::AccountRef { username: reseller.login.clone(), ..Default::default() }
}
