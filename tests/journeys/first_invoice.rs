//! From a panel's hook to an issued invoice.

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;

use crate::harness::{cents, day, instant, on_both};

fn event(event_id: &str, at: &str, change: Change) -> pb::ReportRequest {
    pb::ReportRequest {
        event: Some(pb::HookEvent {
            event_id: event_id.to_owned(),
            external_ref: "acme".to_owned(),
            happened_at: instant(at),
            change: Some(change),
            ..Default::default()
        }),
    }
}

fn created(package: &str) -> Change {
    Change::AccountCreated(pb::AccountCreated {
        package: package.to_owned(),
        domain: "acme.example".to_owned(),
        owner: "root".to_owned(),
        ..Default::default()
    })
}

fn changed(to_package: &str) -> Change {
    Change::PackageChanged(pb::PackageChanged { from_package: String::new(), to_package: to_package.to_owned() })
}

#[tokio::test]
async fn an_account_a_better_package_on_day_11_and_the_next_month() {
    on_both(async |mut billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let pro = billet.simple_plan("pro", "62.00").await;
        let acme = billet.customer("Acme").await;
        let (whm, token) = billet.panel("whm1", pb::UnknownCustomerPolicy::Park).await;
        billet.map(&whm, "starter", &starter).await;
        billet.map(&whm, "pro", &pro).await;
        billet.link(&acme, &whm, "acme").await;
        let panel = billet.caller(&token).await;

        // A whole month of 31 days in advance: 31.00 net.
        let answer = panel.hooks().report(event("e1", "2027-03-01T08:00:00Z", created("starter"))).await;
        let result = answer.expect("it is taken").into_inner().result.expect("a result");
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        assert_eq!(result.invoices.len(), 1, "{result:?}");
        assert_eq!(cents(result.invoices[0].gross_amount.as_ref()), 36_89);

        // The same report again does nothing.
        let again = panel.hooks().report(event("e1", "2027-03-01T08:00:00Z", created("starter"))).await;
        let again = again.expect("it is taken").into_inner().result.expect("a result");
        assert_eq!(again.outcome(), pb::HookOutcome::Duplicate);

        // Day 11: 21 of 31 days are given back at 31.00 and charged at 62.00: 21.00 net, 24.99 gross.
        billet.advance_to("2027-03-11T09:00:00Z").await;
        let answer = panel.hooks().report(event("e2", "2027-03-11T09:00:00Z", changed("pro"))).await;
        let result = answer.expect("it is taken").into_inner().result.expect("a result");
        assert_eq!(cents(result.invoices[0].gross_amount.as_ref()), 24_99, "{result:?}");

        // April comes by itself.
        billet.advance_to("2027-04-01T06:00:00Z").await;
        let documents = billet.documents().await;
        let told: Vec<_> = documents
            .iter()
            .map(|one| (one.number.as_str(), day(one.issue_date.as_ref()), cents(one.gross_amount.as_ref())))
            .collect();
        let expected = [
            ("RE-2027-00001", "2027-03-01".to_owned(), 36_89),
            ("RE-2027-00002", "2027-03-11".to_owned(), 24_99),
            ("RE-2027-00003", "2027-04-01".to_owned(), 73_78),
        ];
        assert_eq!(told, expected);
        let lines = &documents[1].lines;
        assert_eq!(lines.len(), 2);
        assert_eq!((cents(lines[0].amount.as_ref()), lines[0].days, lines[0].cycle_days), (-21_00, 21, 31));
        assert_eq!((cents(lines[1].amount.as_ref()), lines[1].days, lines[1].cycle_days), (42_00, 21, 31));
        assert!(lines[1].explanation.starts_with("21 of 31 days"), "{}", lines[1].explanation);
        billet.assert_books_balance().await;
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}
