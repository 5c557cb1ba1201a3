//! A panel that reports: what happened there, in the words of the protocol.

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;
use tonic::Status;

use crate::harness::{Billet, Caller, date, decimal, instant};

/// An instance with the token of its hooks.
pub struct Panel {
    /// The instance.
    pub instance_id: String,
    /// May report hooks, nothing else.
    pub caller: Caller,
    /// The caller's token.
    pub token: String,
}

#[allow(dead_code)]
impl Panel {
    /// A panel that parks accounts of unknown customers.
    pub async fn parking(billet: &Billet, name: &str) -> Self {
        Self::new(billet, name, pb::UnknownCustomerPolicy::Park).await
    }

    /// A panel.
    pub async fn new(billet: &Billet, name: &str, unknown: pb::UnknownCustomerPolicy) -> Self {
        let (instance_id, token) = billet.panel(name, unknown).await;
        Self { instance_id, caller: billet.caller(&token).await, token }
    }

    /// Reports an event; its id is made of what it says, so that the same call is the same event.
    pub async fn report(&self, account: &str, at: &str, change: Change) -> pb::HookResult {
        self.try_report(event("", account, at, change)).await.expect("the report is taken")
    }

    /// Reports an event as it stands.
    pub async fn try_report(&self, event: pb::HookEvent) -> Result<pb::HookResult, Status> {
        let answer = self.caller.hooks().report(pb::ReportRequest { event: Some(event) }).await?;
        Ok(answer.into_inner().result.expect("a result"))
    }

    /// Reports an event that must take effect; answers the signed gross cents of the documents that came of it.
    pub async fn applied(&self, account: &str, at: &str, change: Change) -> Vec<i64> {
        let result = self.report(account, at, change).await;
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        result.invoices.iter().map(|one| crate::harness::cents(one.gross_amount.as_ref())).collect()
    }
}

/// An event; without an id its content is its id.
pub fn event(event_id: &str, account: &str, at: &str, change: Change) -> pb::HookEvent {
    pb::HookEvent {
        event_id: event_id.to_owned(),
        external_ref: account.to_owned(),
        happened_at: instant(at),
        change: Some(change),
        ..Default::default()
    }
}

/// An account with a package, owned by root.
pub fn created(package: &str) -> Change {
    created_for(package, "")
}

/// An account with a contact address.
pub fn created_for(package: &str, email: &str) -> Change {
    Change::AccountCreated(pb::AccountCreated {
        package: package.to_owned(),
        owner: "root".to_owned(),
        contact_email: email.to_owned(),
        ..Default::default()
    })
}

/// Another package.
pub fn changed(to_package: &str) -> Change {
    Change::PackageChanged(pb::PackageChanged { from_package: String::new(), to_package: to_package.to_owned() })
}

/// Suspended for no payment.
pub fn suspended() -> Change {
    Change::AccountSuspended(pb::AccountSuspended { reason: "not paid".to_owned() })
}

/// Running again.
pub fn unsuspended() -> Change {
    Change::AccountUnsuspended(pb::AccountUnsuspended {})
}

/// Removed.
pub fn terminated() -> Change {
    Change::AccountTerminated(pb::AccountTerminated {})
}

/// Another quantity.
pub fn quantity(component: &str, quantity: &str) -> Change {
    Change::QuantityChanged(pb::QuantityChanged { component: component.to_owned(), quantity: decimal(quantity) })
}

/// Something was used.
pub fn used(metric: &str, quantity: &str, from: &str, to: &str) -> Change {
    Change::UsageReported(pb::UsageReported {
        metric: metric.to_owned(),
        quantity: decimal(quantity),
        from: date(from),
        to: date(to),
    })
}
