//! Domains at a simulated registry: registered, renewed and billed once a year, transferred, lost and restored.

use std::time::Duration;

use billet::proto::billet::v1 as pb;
use billet_plugin::v1::{
    Contact, ContactRole, DecideTransferRequest, DomainContact, GetAuthCodeRequest, Operation, RegisterDomainRequest,
    TransferDecision, TransferDomainRequest,
};
use billet_plugin::{Configured, Registrar};
use billet_simulator::{EppFault, EppOptions, EppRegistry};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::harness::{Billet, START, cents, day, decimal, euro, instant, on_both};
use crate::hosting::Setting;
use crate::refusal::assert_refused;

/// A registry, with the daemon's account at it.
struct Story {
    billet: Billet,
    registry: EppRegistry,
    instance_id: String,
    customer_id: String,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

impl Story {
    /// `.example` costs 5.00 for the first year, 12.00 for each further one, 10.00 for a transfer and 60.00 to restore.
    async fn begin(billet: Billet, options: EppOptions, create_when: pb::CreateWhen) -> Self {
        let registry = EppRegistry::start(options).await.expect("loopback has ports");
        registry.set_now(at(START));
        let (url, ca_pem) = (registry.url(), registry.ca_pem().to_owned());
        let settings = [
            ("url", Setting::Text(&url)),
            ("client_id", Setting::Text("first-reg")),
            ("ca_pem", Setting::Text(&ca_pem)),
            ("timeout_s", Setting::Number(20.0)),
        ];
        let instance_id = billet.instance("epp", "registry", &settings, ("password", "First-pw-1"), None).await;
        let price = |action: pb::DomainAction, years, price| pb::DomainPrice {
            action: action.into(),
            years,
            price: decimal(price),
        };
        let tld = pb::Tld {
            tld: ".example".to_owned(),
            prices: vec![
                price(pb::DomainAction::Register, 1, "5.00"),
                price(pb::DomainAction::Renew, 1, "12.00"),
                price(pb::DomainAction::Transfer, 1, "10.00"),
                price(pb::DomainAction::Restore, 1, "60.00"),
            ],
            instance_group: "web".to_owned(),
            create_when: create_when.into(),
            transfer_years: 1,
            invoice_before_days: 30,
            renew_before_days: 10,
            name_servers: vec!["ns1.host.test".to_owned(), "ns2.host.test".to_owned()],
            ..Default::default()
        };
        let request = pb::SetTldRequest { request_id: billet.request_id(), tld: Some(tld) };
        let set = billet.owner.domains().set_tld(request).await.expect("set").into_inner().tld.expect("a list");
        assert_eq!((set.tld.as_str(), set.currency_code.as_str(), set.prices.len()), ("example", "EUR", 4));
        let customer_id = billet.customer("Acme").await;
        Self { billet, registry, instance_id, customer_id }
    }

    async fn register(&self, name: &str) -> (pb::Domain, Vec<pb::Invoice>) {
        let request = pb::RegisterDomainRequest {
            request_id: self.billet.request_id(),
            customer_id: self.customer_id.clone(),
            name: name.to_owned(),
            bill_now: true,
            ..Default::default()
        };
        let ordered = self.billet.owner.domains().register_domain(request).await.expect("ordered").into_inner();
        (ordered.domain.expect("a domain"), ordered.invoices)
    }

    async fn domain(&self, id: &str) -> pb::Domain {
        let request = pb::GetDomainRequest { subscription_id: id.to_owned() };
        let found = self.billet.owner.domains().get_domain(request).await.expect("it is there").into_inner();
        found.domain.expect("a domain")
    }

    /// Waits until a domain stands like this.
    async fn until(&self, id: &str, what: &str, stands: impl Fn(&pb::Domain) -> bool) -> pb::Domain {
        let mut last = None;
        for _ in 0..600 {
            let domain = self.domain(id).await;
            if domain.certain && stands(&domain) {
                return domain;
            }
            last = Some(domain);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never was {what}: {last:?}\n{}", self.billet.log());
    }

    /// Registry and daemon have one time.
    async fn advance(&mut self, to: &str) {
        self.registry.set_now(at(to));
        self.billet.advance_to(to).await;
    }

    /// Net cents of all documents, oldest first.
    async fn invoiced(&self) -> Vec<i64> {
        self.billet.documents().await.iter().map(|one| cents(one.net_amount.as_ref())).collect()
    }

    /// Another registrar at the registry.
    fn other(&self) -> std::sync::Arc<dyn Registrar> {
        let values = json!({
            "url": self.registry.url(), "client_id": "second-reg", "ca_pem": self.registry.ca_pem(), "timeout_s": 20,
        });
        let settings = billet_plugin::Settings {
            instance: "ins_2".to_owned(),
            values: values.as_object().cloned().expect("an object"),
            secrets: [("password".to_owned(), "Second-pw-2".to_owned())].into(),
        };
        match (billet_epp::PLUGIN.configure)(&settings).expect("good settings") {
            Configured::Registrar(registrar) => registrar,
            other => panic!("a {other:?}"),
        }
    }

    async fn end(mut self) {
        self.billet.assert_books_balance().await;
        self.billet.stop().await;
        self.billet.assert_checks();
    }
}

/// A first attempt of somebody else.
fn operation(id: &str) -> Option<Operation> {
    Some(Operation {
        id: id.to_owned(),
        attempt: 1,
        first_attempt_at: instant(START),
        time_left: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_registered_and_renewed_over_two_years_and_billed_once_a_year() {
    on_both(async |billet| {
        let mut story = Story::begin(billet, EppOptions::default(), pb::CreateWhen::Accepted).await;
        let names = ["shop.example", "premium-shop.example", "shop.test"].map(str::to_owned).to_vec();
        let request = pb::CheckDomainsRequest { names, ..Default::default() };
        let checks = story.billet.owner.domains().check_domains(request).await.expect("checked").into_inner().checks;
        let orderable: Vec<_> = checks.iter().map(|one| (one.orderable, one.premium)).collect();
        assert_eq!(orderable, [(true, false), (false, true), (false, false)], "{checks:?}");
        let prices = [&checks[0].first_year_price, &checks[0].renewal_price].map(|price| cents(price.as_ref()));
        assert_eq!((prices, checks[1].cost.clone()), ([5_00, 12_00], Some(euro(500_00))));

        let (domain, invoices) = story.register("shop.example").await;
        let id = domain.subscription_id;
        assert_eq!(invoices.iter().map(|one| cents(one.net_amount.as_ref())).collect::<Vec<_>>(), [5_00]);
        let line = &invoices[0].lines[0];
        assert!(line.name.contains("shop.example"), "{line:?}");
        let domain = story.until(&id, "registered", |one| one.standing() == pb::DomainStanding::Active).await;
        assert_eq!(day(domain.expires_on.as_ref()), "2028-03-01");
        assert_eq!(domain.name_servers, ["ns1.host.test", "ns2.host.test"]);
        assert!(domain.auto_renew && !domain.locked);

        // It is locked, and its code is told to whoever may ask, and kept nowhere.
        let request = pb::SetLockRequest {
            request_id: story.billet.request_id(),
            subscription_id: "name:shop.example".to_owned(),
            locked: true,
        };
        story.billet.owner.domains().set_lock(request).await.expect("taken");
        story.until(&id, "locked", |one| one.locked).await;
        let request = pb::GetAuthCodeRequest { request_id: story.billet.request_id(), subscription_id: id.clone() };
        let told = story.billet.owner.domains().get_auth_code(request.clone()).await.expect("told").into_inner();
        let again = story.billet.owner.domains().get_auth_code(request).await.expect("told").into_inner();
        assert!(!told.auth_code.is_empty() && told == again);
        assert!(!story.billet.log().contains(&told.auth_code));

        // Thirty days before the registry's day the next year is invoiced and bought; the day itself brings nothing.
        for (instant, expires) in [
            ("2028-01-30T08:00:00Z", "2028-03-01"),
            ("2028-01-31T08:00:00Z", "2029-03-01"),
            ("2028-03-02T08:00:00Z", "2029-03-01"),
            ("2029-01-31T08:00:00Z", "2030-03-01"),
            ("2029-03-02T08:00:00Z", "2030-03-01"),
        ] {
            story.advance(instant).await;
            let renewed = |one: &pb::Domain| day(one.expires_on.as_ref()) == expires && one.invoice_on.is_some();
            story.until(&id, expires, renewed).await;
        }
        assert_eq!(story.invoiced().await, [5_00, 12_00, 12_00]);
        assert_eq!(story.registry.credit("first-reg"), 970.into());
        let domain = story.domain(&id).await;
        assert_eq!(domain.covered_until, domain.served_until);
        assert_eq!(day(domain.covered_until.as_ref()), "2030-03-01");

        // Two years more, now.
        let request =
            pb::RenewDomainRequest { request_id: story.billet.request_id(), subscription_id: id.clone(), years: 2 };
        let renewed = story.billet.owner.domains().renew_domain(request.clone()).await.expect("asked").into_inner();
        assert_eq!(renewed.invoices.iter().map(|one| cents(one.net_amount.as_ref())).sum::<i64>(), 24_00);
        let again = story.billet.owner.domains().renew_domain(request).await.expect("asked before").into_inner();
        assert_eq!(again, renewed);
        story.until(&id, "renewed", |one| day(one.expires_on.as_ref()) == "2032-03-01").await;
        assert_eq!(story.registry.credit("first-reg"), 950.into());

        // It is not to be renewed any more.
        let request = pb::SetAutoRenewRequest {
            request_id: story.billet.request_id(),
            subscription_id: id.clone(),
            auto_renew: false,
        };
        let set = story.billet.owner.domains().set_auto_renew(request).await.expect("set").into_inner();
        assert_eq!(day(set.domain.expect("a domain").ends_on.as_ref()), "2032-03-01");
        story.advance("2032-02-10T08:00:00Z").await;
        story.advance("2032-03-02T08:00:00Z").await;
        let gone = |one: &pb::Domain| one.state() == pb::ProvisioningState::Gone;
        story.until(&id, "let go", gone).await;
        assert_eq!(story.invoiced().await, [5_00, 12_00, 12_00, 24_00]);
        assert_eq!(story.registry.credit("first-reg"), 950.into());
        story.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_comes_from_another_registrar_and_leaves_again() {
    on_both(async |billet| {
        let mut story = Story::begin(billet, EppOptions::default(), pb::CreateWhen::Accepted).await;
        let other = story.other();
        let contact = Contact {
            name: "Ann Example".to_owned(),
            street: vec!["1 Long Street".to_owned()],
            city: "Porttown".to_owned(),
            post_code: "00-100".to_owned(),
            country_code: "PL".to_owned(),
            email: "ann@person.example".to_owned(),
            ..Contact::default()
        };
        let contact =
            DomainContact { role: ContactRole::Registrant.into(), handle: String::new(), contact: Some(contact) };
        let name = || "moving.example".to_owned();
        let request = RegisterDomainRequest {
            operation: operation("first"),
            name: name(),
            years: 1,
            contacts: vec![contact],
            ..Default::default()
        };
        other.register_domain(request).await.expect("free");
        let code = other.get_auth_code(GetAuthCodeRequest { name: name() }).await.expect("told").value.auth_code;

        // A wrong code is final until a person gives another one.
        let request = pb::TransferDomainRequest {
            request_id: story.billet.request_id(),
            customer_id: story.customer_id.clone(),
            name: name(),
            auth_code: "Wrong-code-77".to_owned(),
            bill_now: true,
            ..Default::default()
        };
        let ordered = story.billet.owner.domains().transfer_domain(request).await.expect("ordered").into_inner();
        let id = ordered.domain.expect("a domain").subscription_id;
        let waiting = |one: &pb::Domain| one.state() == pb::ProvisioningState::Waiting;
        let domain = story.until(&id, "refused", waiting).await;
        assert!(domain.problem == "REFUSED" && !domain.detail.contains("Wrong-code-77"), "{domain:?}");
        let request = pb::RetryTransferRequest {
            request_id: story.billet.request_id(),
            subscription_id: id.clone(),
            auth_code: code,
        };
        story.billet.owner.domains().retry_transfer(request).await.expect("taken");
        let pending = |one: &pb::Domain| one.transfer() == pb::DomainTransferState::Pending;
        story.until(&id, "pending", pending).await;

        let approve = DecideTransferRequest {
            operation: operation("approve"),
            name: name(),
            decision: TransferDecision::Approve.into(),
        };
        other.decide_transfer(approve).await.expect("theirs to decide");
        story.advance("2027-03-01T08:10:00Z").await;
        let here = |one: &pb::Domain| one.transfer() == pb::DomainTransferState::Approved;
        let domain = story.until(&id, "here", here).await;
        assert_eq!(day(domain.expires_on.as_ref()), "2029-03-01", "as the registry has it");
        assert_eq!(story.invoiced().await, [10_00]);

        // It leaves: what registrars say is stored, and the subscription ends.
        let request = pb::GetAuthCodeRequest { request_id: story.billet.request_id(), subscription_id: id.clone() };
        let code = story.billet.owner.domains().get_auth_code(request).await.expect("told").into_inner().auth_code;
        let away = TransferDomainRequest {
            operation: operation("away"),
            name: name(),
            auth_code: code,
            years: 1,
            ..Default::default()
        };
        other.transfer_domain(away).await.expect("asked");
        story.advance("2027-03-01T08:20:00Z").await;
        let leaving = |one: &pb::Domain| one.standing() == pb::DomainStanding::PendingTransfer;
        story.until(&id, "leaving", leaving).await;
        story.advance("2027-03-07T08:00:00Z").await;
        let domain = story.until(&id, "elsewhere", |one| one.state() == pb::ProvisioningState::Gone).await;
        assert_eq!(domain.standing(), pb::DomainStanding::Elsewhere);
        assert_eq!((day(domain.ends_on.as_ref()).as_str(), domain.auto_renew), ("2027-03-07", false));
        let request = pb::ListRegistrarMessagesRequest::default();
        let said = story.billet.owner.domains().list_registrar_messages(request).await.expect("listed").into_inner();
        assert!(said.messages.iter().all(|one| one.acknowledged_at.is_some() && one.domain == "moving.example"));
        assert_eq!(said.messages.len(), 3, "approved, asked for, approved: {said:?}");
        // Nothing is billed for it any more.
        story.advance("2029-02-20T08:00:00Z").await;
        assert_eq!(story.invoiced().await, [10_00]);
        story.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unpaid_domain_expires_and_is_restored_for_a_fee() {
    on_both(async |billet| {
        let options = EppOptions { delete_expired_after: Some(TimeDelta::days(40)), ..EppOptions::default() };
        let mut story = Story::begin(billet, options, pb::CreateWhen::Paid).await;
        let (domain, invoices) = story.register("shop.example").await;
        let id = domain.subscription_id;
        assert!(domain.awaits_payment);
        pay(&story, 5_95, &invoices[0].id).await;
        let domain = story.until(&id, "registered", |one| one.invoice_on.is_some()).await;
        assert_eq!(day(domain.invoice_on.as_ref()), "2028-01-31");

        // Invoiced, not paid: told ten days before, then it expires, then the registry deletes it. Billet deletes nothing.
        story.advance("2028-01-31T08:00:00Z").await;
        story.until(&id, "invoiced", |one| one.invoice_on.is_none()).await;
        assert_eq!(story.invoiced().await, [5_00, 12_00]);
        for instant in ["2028-02-21T08:00:00Z", "2028-03-02T08:00:00Z"] {
            story.advance(instant).await;
            let domain = story.until(&id, "there", |one| one.standing() != pb::DomainStanding::Unspecified).await;
            assert_eq!(day(domain.expires_on.as_ref()), "2028-03-01");
        }
        story.advance("2028-04-11T08:00:00Z").await;
        let lost = |one: &pb::Domain| one.standing() == pb::DomainStanding::Redemption;
        let domain = story.until(&id, "deleted", lost).await;
        assert_eq!(domain.problem, "IN_REDEMPTION");
        assert_eq!(story.registry.credit("first-reg"), 990.into(), "nothing was bought");

        // A person's word and a fee bring it back; the renewal waits for its invoice, which is open still.
        let request = pb::RestoreDomainRequest {
            request_id: story.billet.request_id(),
            subscription_id: id.clone(),
            reason: "the customer called".to_owned(),
        };
        let restored = story.billet.owner.domains().restore_domain(request).await.expect("asked").into_inner();
        assert_eq!(restored.invoices.iter().map(|one| cents(one.net_amount.as_ref())).collect::<Vec<_>>(), [60_00]);
        let back =
            |one: &pb::Domain| matches!(one.standing(), pb::DomainStanding::Active | pb::DomainStanding::Expired);
        let domain = story.until(&id, "restored", back).await;
        assert_eq!(day(domain.expires_on.as_ref()), "2028-03-01");
        assert_eq!(story.registry.credit("first-reg"), 940.into());
        let request = pb::RestoreDomainRequest {
            request_id: story.billet.request_id(),
            subscription_id: id.clone(),
            reason: "once more".to_owned(),
        };
        let refused = story.billet.owner.domains().restore_domain(request).await;
        assert_refused(refused, tonic::Code::FailedPrecondition, "NOT_IN_REDEMPTION");
        let documents = story.billet.documents().await;
        pay(&story, 14_28, &documents[1].id).await;
        story.until(&id, "renewed", |one| day(one.expires_on.as_ref()) == "2029-03-01").await;
        assert_eq!(story.registry.credit("first-reg"), 930.into());
        assert_eq!(story.invoiced().await, [5_00, 12_00, 60_00]);
        story.end().await;
    })
    .await;
}

async fn pay(story: &Story, amount_cents: i64, invoice_id: &str) {
    let request = pb::RecordPaymentRequest {
        request_id: story.billet.request_id(),
        customer_id: story.customer_id.clone(),
        amount: Some(euro(amount_cents)),
        invoice_ids: vec![invoice_id.to_owned()],
        ..Default::default()
    };
    story.billet.owner.payments().record_payment(request).await.expect("booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_over_a_message_has_stored_it_before() {
    on_both(async |billet| {
        let mut story = Story::begin(billet, EppOptions::default(), pb::CreateWhen::Accepted).await;
        // The first look at the queue, which is empty.
        story.billet.settle().await;
        story.registry.tell("first-reg", "Maintenance on Sunday");
        story.registry.tell("first-reg", "Prices rise in May");
        // The first is read at once; its acknowledgement takes so long that the daemon is killed over it.
        story.registry.fault("poll", EppFault::Delay(Duration::ZERO));
        story.registry.fault("poll", EppFault::Delay(Duration::from_secs(5)));
        let to = "2027-03-01T08:10:00Z";
        story.registry.set_now(at(to));
        let request = pb::AdvanceClockRequest { to: instant(to) };
        story.billet.owner.admin().advance_clock(request).await.expect("the clock moves");
        let messages = async |story: &Story| {
            let request = pb::ListRegistrarMessagesRequest::default();
            let said = story.billet.owner.domains().list_registrar_messages(request).await.expect("listed");
            said.into_inner().messages
        };
        for _ in 0..200 {
            if !messages(&story).await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let stored = messages(&story).await;
        assert_eq!((stored.len(), stored[0].acknowledged_at), (1, None));
        story.billet.kill();
        story.billet.restart_at(to).await;
        // On PostgreSQL the dead daemon's lease lasts a minute.
        let mut said = Vec::new();
        for _ in 0..1_200 {
            said = messages(&story).await;
            if said.len() == 2 && said.iter().filter(|one| one.acknowledged_at.is_some()).count() > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut words: Vec<_> = said.iter().map(|one| one.words.as_str()).collect();
        words.sort_unstable();
        assert_eq!(words, ["Maintenance on Sunday", "Prices rise in May"], "each once");
        assert!(said.iter().all(|one| one.instance_id == story.instance_id));
        story.billet.settle().await;
        story.end().await;
    })
    .await;
}
