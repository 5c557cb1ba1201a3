//! TerminateAccount: the subscription with all that is in it.

use billet_plugin::v1::{AccountRef, ProblemKind, TerminateAccountRequest, TerminateAccountResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::failure::{is_unknown, refused};
use crate::packet::Packet;
use crate::webspace::{NAMES, Webspace, by_domain, named};
use crate::work::{Time, Work};

impl Plesk {
    pub(crate) async fn terminate(&self, request: TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        let work = Work::of(request.operation);
        let reference = named(request.r#ref)?;
        let Some(webspace) = self.doomed(&reference, work.time).await? else {
            return Ok(Done::already(TerminateAccountResponse::default()));
        };
        let mut warnings = Vec::new();
        if request.keep_dns {
            warnings.push("Plesk removed the zones with the subscription: it cannot keep them".to_owned());
        }
        let mut already = false;
        match self.client.change_one(&Packet::of("webspace", "del", [webspace.filter()]), work.time).await {
            Ok(reply) => match &reply.refusal {
                None => {}
                Some(refusal) if refusal.is_missing() => already = true,
                Some(refusal) => return Err(refusal.failure()),
            },
            Err(failure) if is_unknown(&failure) => {
                let gone = self.webspaces(webspace.filter(), &["gen_info"], work.time).await;
                if !gone.is_ok_and(|found| found.is_empty()) {
                    return Err(failure);
                }
            }
            Err(failure) => return Err(failure),
        }
        warnings.extend(self.owner_removed(&webspace, work.time).await);
        Ok(Done { value: TerminateAccountResponse::default(), already, warnings })
    }

    /// The subscription that a reference means in each of its parts; `None` when there is nothing of it.
    async fn doomed(&self, reference: &AccountRef, time: Time) -> Result<Option<Webspace>, Failure> {
        let mut found = self.find(reference, time).await?;
        if found.is_none() && !reference.panel_id.is_empty() && !reference.domain.is_empty() {
            found = self.webspaces(by_domain(&reference.domain), NAMES, time).await?.into_iter().next();
        }
        if found.is_none() && !reference.username.is_empty() {
            found = self.find_user(&reference.username, time).await?;
        }
        match found.as_ref().and_then(|webspace| webspace.differs(reference)) {
            Some(words) => Err(refused(ProblemKind::Conflict, format!("another account is there: {words}"))),
            None => Ok(found),
        }
    }

    /// Removes the owner too where the operator wants that; what is in the way, in words.
    async fn owner_removed(&self, webspace: &Webspace, time: Time) -> Option<String> {
        if !self.settings.remove_empty_customers {
            return None;
        }
        match self.customer(&webspace.owner_login, time).await {
            Ok(Some(customer)) if customer.is_ours() => self.remove_if_empty(&customer, time).await,
            Ok(_) => None,
            Err(failure) => Some(format!("the customer {} was not looked at: {failure}", webspace.owner_login)),
        }
    }
}
