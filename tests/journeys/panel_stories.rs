//! What accounts at a panel cost, event by event. The day price is one euro: 31.00 a month in March.

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;

use crate::catalogue::component;
use crate::harness::{Billet, cents, decimal, on_both};
use crate::panel::{Panel, changed, created, quantity, suspended, terminated, unsuspended, used};

fn policy(ending: pb::Ending, suspension_pauses_billing: bool) -> Option<pb::PlanPolicy> {
    Some(pb::PlanPolicy { ending: ending.into(), suspension_pauses_billing, ..Default::default() })
}

/// An account `acme` of a customer on a plan of 31.00 with this policy, created on 1 March.
async fn account(billet: &Billet, policy: Option<pb::PlanPolicy>) -> (Panel, String) {
    let base = component("base", pb::Charging::Recurring, "31.00");
    let plan = billet.plan("starter", vec![base], policy).await;
    let acme = billet.customer("Acme").await;
    let panel = Panel::parking(billet, "whm1").await;
    billet.map(&panel.instance_id, "starter", &plan).await;
    billet.link(&acme, &panel.instance_id, "acme").await;
    assert_eq!(panel.applied("acme", "2027-03-01T08:00:00Z", created("starter")).await, [36_89]);
    (panel, acme)
}

async fn service_state(billet: &Billet) -> pb::ServiceState {
    let request = pb::ListSubscriptionsRequest { external_ref: "acme".to_owned(), ..Default::default() };
    let list = billet.owner.subscriptions().list_subscriptions(request).await.expect("a list").into_inner();
    list.subscriptions[0].service_state()
}

#[tokio::test]
async fn a_suspension_costs_as_much_as_before() {
    on_both(async |mut billet| {
        let (panel, _) = account(&billet, policy(pb::Ending::PeriodEnd, false)).await;
        billet.advance_to("2027-03-21T08:00:00Z").await;
        assert!(panel.applied("acme", "2027-03-11T08:00:00Z", suspended()).await.is_empty());
        assert_eq!(service_state(&billet).await, pb::ServiceState::Suspended);
        assert!(panel.applied("acme", "2027-03-21T08:00:00Z", unsuspended()).await.is_empty());
        assert_eq!(service_state(&billet).await, pb::ServiceState::Active);
        billet.advance_to("2027-04-01T06:00:00Z").await;
        let grosses: Vec<_> = billet.documents().await.iter().map(|one| cents(one.gross_amount.as_ref())).collect();
        assert_eq!(grosses, [36_89, 36_89]);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_suspension_pauses_billing_where_the_plan_says_so() {
    on_both(async |mut billet| {
        let (panel, _) = account(&billet, policy(pb::Ending::PeriodEnd, true)).await;
        // From the 11th on 21 of 31 days are given back: 21.00 net, 24.99 gross.
        billet.advance_to("2027-03-11T08:00:00Z").await;
        assert_eq!(panel.applied("acme", "2027-03-11T08:00:00Z", suspended()).await, [-24_99]);
        // From the 21st on 11 days are charged again: 11.00 net, 13.09 gross.
        billet.advance_to("2027-03-21T08:00:00Z").await;
        assert_eq!(panel.applied("acme", "2027-03-21T08:00:00Z", unsuspended()).await, [13_09]);
        let kinds: Vec<_> = billet.documents().await.iter().map(pb::Invoice::kind).collect();
        assert_eq!(kinds, [pb::InvoiceKind::Invoice, pb::InvoiceKind::CreditNote, pb::InvoiceKind::Invoice]);
        billet.assert_books_balance().await;
    })
    .await;
}

/// Terminated on 11 March; what that leads to at once, and how many documents there are in May.
async fn ending(mut billet: Billet, ending: pb::Ending, at_once: &[i64], documents: usize) {
    let (panel, _) = account(&billet, policy(ending, false)).await;
    billet.advance_to("2027-03-11T08:00:00Z").await;
    assert_eq!(panel.applied("acme", "2027-03-11T08:00:00Z", terminated()).await, at_once, "{ending:?}");
    assert_eq!(service_state(&billet).await, pb::ServiceState::Terminated);
    billet.advance_to("2027-05-02T08:00:00Z").await;
    assert_eq!(billet.documents().await.len(), documents, "{ending:?}");
    billet.assert_books_balance().await;
}

#[tokio::test]
async fn an_account_terminated_in_mid_month() {
    on_both(async |billet| ending(billet, pb::Ending::PeriodEnd, &[], 1).await).await;
    // 21 of 31 days come back: 21.00 net.
    on_both(async |billet| ending(billet, pb::Ending::AtOnceRefund, &[-24_99], 2).await).await;
    on_both(async |billet| ending(billet, pb::Ending::AtOnceNoRefund, &[], 1).await).await;
}

#[tokio::test]
async fn usage_beyond_what_is_included_also_when_it_is_told_late() {
    on_both(async |mut billet| {
        let base = component("base", pb::Charging::Recurring, "31.00");
        let traffic = pb::Component {
            metric: "traffic_gib".to_owned(),
            included_quantity: decimal("100"),
            ..component("traffic", pb::Charging::Usage, "0.10")
        };
        let plan = billet.plan("metered", vec![base, traffic], None).await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "metered", &plan).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        assert_eq!(panel.applied("acme", "2027-03-01T08:00:00Z", created("metered")).await, [36_89]);

        // 150 GiB of which 100 are included: nothing before the month is over.
        billet.advance_to("2027-03-11T08:00:00Z").await;
        let told = used("traffic_gib", "150", "2027-03-01", "2027-03-11");
        assert!(panel.applied("acme", "2027-03-11T08:00:00Z", told).await.is_empty());
        // April in advance and 50 x 0.10: 36.00 net, 42.84 gross.
        billet.advance_to("2027-04-01T06:00:00Z").await;
        // 30 more of March, told on 2 April: 3.00 net, 3.57 gross.
        billet.advance_to("2027-04-02T08:00:00Z").await;
        let late = used("traffic_gib", "30", "2027-03-20", "2027-03-25");
        assert_eq!(panel.applied("acme", "2027-04-02T08:00:00Z", late.clone()).await, [3_57]);
        // The same report again is the same.
        assert_eq!(panel.report("acme", "2027-04-02T08:00:00Z", late).await.outcome(), pb::HookOutcome::Duplicate);
        let grosses: Vec<_> = billet.documents().await.iter().map(|one| cents(one.gross_amount.as_ref())).collect();
        assert_eq!(grosses, [36_89, 42_84, 3_57]);
        // What no plan counts waits.
        let unknown = used("inodes", "30", "2027-04-01", "2027-04-02");
        let result = panel.report("acme", "2027-04-02T08:00:00Z", unknown).await;
        assert_eq!((result.outcome(), result.reason.as_str()), (pb::HookOutcome::Parked, "UNKNOWN_METRIC"));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn another_quantity_from_a_day_on() {
    on_both(async |mut billet| {
        let base = component("base", pb::Charging::Recurring, "31.00");
        let mailbox =
            pb::Component { default_quantity: decimal("0"), ..component("mailbox", pb::Charging::Recurring, "3.10") };
        let plan = billet.plan("mail", vec![base, mailbox], None).await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "mail", &plan).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        assert_eq!(panel.applied("acme", "2027-03-01T08:00:00Z", created("mail")).await, [36_89]);
        billet.advance_to("2027-03-11T08:00:00Z").await;
        // 5 x 3.10 x 21/31 = 10.50 net; 19 % are 1.995, so 2.00.
        assert_eq!(panel.applied("acme", "2027-03-11T08:00:00Z", quantity("mailbox", "5")).await, [12_50]);
        // Down to 2 on the same day's evening: 3 x 3.10 x 21/31 = 6.30 back; 1.197 tax.
        assert_eq!(panel.applied("acme", "2027-03-11T07:59:59Z", quantity("mailbox", "9")).await, [0_i64; 0]);
        assert_eq!(panel.applied("acme", "2027-03-11T09:00:00Z", quantity("mailbox", "2")).await, [-7_50]);
        let result = panel.report("acme", "2027-03-11T09:00:00Z", quantity("cpu", "2")).await;
        assert_eq!((result.outcome(), result.reason.as_str()), (pb::HookOutcome::Parked, "UNKNOWN_COMPONENT"));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn domains_are_sold_by_the_year_and_nothing_comes_back() {
    on_both(async |mut billet| {
        let year = |count| Some(pb::Cycle { unit: pb::CycleUnit::Year.into(), count });
        let price = |count, units| pb::Price {
            currency_code: "EUR".to_owned(),
            cycle: year(count),
            unit_price: decimal(units),
        };
        let registration = pb::Component {
            prices: vec![price(1, "12.00"), price(2, "22.00")],
            ..component("registration", pb::Charging::Recurring, "12.00")
        };
        let plan = billet.plan("dot-example", vec![registration], None).await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "registry").await;
        let mapping = pb::PackageMapping {
            instance_id: panel.instance_id.clone(),
            package: ".example".to_owned(),
            plan_id: plan,
            cycle: year(1),
            ..Default::default()
        };
        let request = pb::SetPackageMappingRequest { request_id: billet.request_id(), mapping: Some(mapping) };
        billet.owner.catalog().set_package_mapping(request).await.expect("a mapping");
        for name in ["acme.example", "acme-two.example", "came.example"] {
            billet.link(&acme, &panel.instance_id, name).await;
        }
        let registered = |years| Change::DomainRegistered(pb::DomainRegistered { years, contact_email: String::new() });
        let at = "2027-03-01T08:00:00Z";
        // 12.00 and 22.00 net.
        assert_eq!(panel.applied("acme.example", at, registered(1)).await, [14_28]);
        assert_eq!(panel.applied("acme-two.example", at, registered(2)).await, [26_18]);
        let transferred = pb::DomainTransferredIn { years: 1, contact_email: String::new() };
        assert_eq!(panel.applied("came.example", at, Change::DomainTransferredIn(transferred)).await, [14_28]);

        billet.advance_to("2027-03-11T08:00:00Z").await;
        let at = "2027-03-11T08:00:00Z";
        let out = Change::DomainTransferredOut(pb::DomainTransferredOut {});
        assert!(panel.applied("acme.example", at, out).await.is_empty());
        let expired = Change::DomainExpired(pb::DomainExpired {});
        assert!(panel.applied("acme-two.example", at, expired).await.is_empty());
        let renewed = Change::DomainRenewed(pb::DomainRenewed { years: 1, expires_on: None });
        assert_eq!(panel.report("came.example", at, renewed).await.outcome(), pb::HookOutcome::Noted);
        // A year later only the domain that stayed is renewed.
        billet.advance_to("2028-03-02T08:00:00Z").await;
        let grosses: Vec<_> = billet.documents().await.iter().map(|one| cents(one.gross_amount.as_ref())).collect();
        assert_eq!(grosses, [14_28, 26_18, 14_28, 14_28]);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_reseller_account_is_sold_like_any_other() {
    on_both(async |billet| {
        let plan = billet.simple_plan("reseller", "100.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "resell-50", &plan).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        let reseller = pb::ResellerCreated { package: "resell-50".to_owned(), contact_email: String::new() };
        let made = panel.applied("acme", "2027-03-01T08:00:00Z", Change::ResellerCreated(reseller)).await;
        assert_eq!(made, [119_00]);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn two_accounts_of_one_customer_come_on_one_invoice() {
    on_both(async |mut billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let pro = billet.simple_plan("pro", "62.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.map(&panel.instance_id, "pro", &pro).await;
        billet.link(&acme, &panel.instance_id, "one").await;
        billet.link(&acme, &panel.instance_id, "two").await;
        panel.applied("one", "2027-03-01T08:00:00Z", created("starter")).await;
        panel.applied("two", "2027-03-01T08:00:00Z", created("pro")).await;
        assert_eq!(
            panel.report("two", "2027-03-01T08:00:00Z", created("pro")).await.outcome(),
            pb::HookOutcome::Duplicate
        );
        billet.advance_to("2027-04-01T06:00:00Z").await;
        let documents = billet.documents().await;
        let april = documents.last().expect("documents");
        // 31.00 and 62.00: 93.00 net, 110.67 gross.
        assert_eq!((april.lines.len(), cents(april.gross_amount.as_ref())), (2, 110_67));
        assert_eq!(documents.len(), 3);
        // A change to the package that it has already costs nothing.
        let result = panel.report("two", "2027-04-01T06:00:00Z", changed("pro")).await;
        assert!(result.invoices.is_empty(), "{result:?}");
        billet.assert_books_balance().await;
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}
