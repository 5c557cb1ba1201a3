use proptest::prelude::*;

use super::*;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).expect("a day of March")
}

fn invoice(id: i64, gross_minor: i64) -> Item {
    Item::issued(InvoiceId(id), DocumentKind::Invoice, day(1), Some(day(15)), gross_minor)
}

fn note(id: i64, kind: DocumentKind, gross_minor: i64) -> Item {
    Item::issued(InvoiceId(id), kind, day(2), None, gross_minor)
}

fn payment(id: i64, minor: i64) -> Credit {
    Credit::fresh(Source::Payment(PaymentId(id)), day(3), minor)
}

fn item(account: &Account, id: i64) -> Item {
    account.invoices[account.invoice_at(InvoiceId(id)).expect("is there")].now
}

fn left(account: &Account, source: Source) -> i64 {
    account.left_minor(source)
}

/// What has to hold whatever was done.
fn assert_sound(account: &Account) {
    let live = |source: Option<Source>, target: Option<Target>| -> i64 {
        let fits = |link: &&Link| {
            !link.released && source.is_none_or(|s| s == link.source) && target.is_none_or(|t| t == link.target)
        };
        account.links.iter().filter(fits).map(|link| link.amount_minor).sum()
    };
    for Tracked { now, .. } in &account.invoices {
        let target = Some(Target::Invoice(now.invoice_id));
        assert!((0..=now.gross_minor).contains(&now.open_minor), "{now:?}");
        assert_eq!(now.gross_minor - now.open_minor, live(None, target) + now.written_off_minor, "{now:?}");
        let noted = |link: &&Link| matches!(link.source, Source::CreditNote(_)) && Some(link.target) == target;
        let credited: i64 =
            account.links.iter().filter(noted).filter(|link| !link.released).map(|l| l.amount_minor).sum();
        assert_eq!(now.credited_minor, credited, "{now:?}");
    }
    for Tracked { now, .. } in &account.credits {
        assert!((0..=now.total_minor).contains(&now.left_minor), "{now:?}");
        assert_eq!(now.total_minor - now.left_minor, live(Some(now.source), None), "{now:?}");
    }
}

#[test]
fn a_payment_settles_the_named_then_the_oldest() {
    let mut account = Account::default();
    for id in 1..=3 {
        account.issue(invoice(id, 100));
    }
    account.pay(payment(9, 250), &[InvoiceId(3)], false).expect("known");
    assert_eq!([1, 2, 3].map(|id| item(&account, id).open_minor), [0, 50, 0]);
    assert_eq!([1, 2].map(|id| item(&account, id).state()), [State::Paid, State::PartlyPaid]);
    assert_eq!(account.pay(payment(10, 1), &[InvoiceId(7)], false), Err(UnknownInvoice(InvoiceId(7))));
}

#[test]
fn what_is_due_first_is_settled_first_and_what_is_kept_is_kept() {
    let mut account = Account::default();
    account.issue(Item { due_date: Some(day(20)), ..invoice(1, 100) });
    account.issue(Item { due_date: Some(day(10)), ..invoice(2, 100) });
    account.pay(payment(9, 100), &[], false).expect("known");
    assert_eq!([1, 2].map(|id| item(&account, id).open_minor), [100, 0]);
    account.pay(payment(10, 100), &[], true).expect("known");
    assert_eq!(left(&account, Source::Payment(PaymentId(10))), 100);
    // The next invoice takes it, the older one does not: the rest was kept on purpose.
    account.issue(invoice(3, 30));
    assert_eq!([1, 3].map(|id| item(&account, id).open_minor), [100, 0]);
}

#[test]
fn a_credit_note_settles_what_it_names_and_the_rest_is_credit() {
    let mut account = Account::default();
    account.issue(invoice(1, 100));
    account.issue(invoice(2, 100));
    account.credit(note(3, DocumentKind::CreditNote, 250), &[InvoiceId(2)]).expect("known");
    assert_eq!([1, 2].map(|id| item(&account, id).state()), [State::Credited, State::Credited]);
    assert_eq!(left(&account, Source::CreditNote(InvoiceId(3))), 50);
    let notes: Vec<Item> = account.new_items().filter(|item| item.kind == DocumentKind::CreditNote).collect();
    assert_eq!((notes.len(), notes[0].open_minor, notes[0].state()), (1, 50, State::PartlyPaid));
    account.issue(invoice(4, 0));
    assert_eq!(item(&account, 4).state(), State::Paid, "nothing to pay is paid");
}

#[test]
fn a_cancellation_sets_the_payment_free_for_the_next_invoice() {
    let mut account = Account::default();
    account.issue(invoice(1, 100));
    account.pay(payment(9, 100), &[], false).expect("known");
    account.credit(note(2, DocumentKind::Cancellation, 100), &[InvoiceId(1)]).expect("known");
    assert_eq!(item(&account, 1).state(), State::Cancelled);
    assert_eq!(left(&account, Source::CreditNote(InvoiceId(2))), 0);
    assert_eq!(left(&account, Source::Payment(PaymentId(9))), 100);
    account.issue(invoice(3, 80));
    assert_eq!(item(&account, 3).state(), State::Paid, "by the payment, not by the cancellation");
    assert_sound(&account);
}

#[test]
fn a_cancellation_of_what_a_credit_note_left_over_covers_the_rest() {
    let mut account = Account::default();
    account.issue(invoice(1, 100));
    account.pay(payment(9, 100), &[], false).expect("known");
    account.credit(note(2, DocumentKind::CreditNote, 30), &[InvoiceId(1)]).expect("known");
    assert_eq!(left(&account, Source::CreditNote(InvoiceId(2))), 30);
    account.credit(note(3, DocumentKind::Cancellation, 70), &[InvoiceId(1)]).expect("known");
    assert_eq!(item(&account, 1).state(), State::Cancelled);
    let credit: i64 = account.credits.iter().map(|credit| credit.now.left_minor).sum();
    assert_eq!(credit, 100, "the customer gets back what was paid");
    assert_sound(&account);
}

#[test]
fn crediting_what_was_given_up_gives_nothing_away() {
    for (kind, gross_minor, state) in
        [(DocumentKind::Cancellation, 100, State::Cancelled), (DocumentKind::CreditNote, 30, State::WrittenOff)]
    {
        let mut account = Account::default();
        account.load_invoice(Item { open_minor: 0, written_off_minor: 100, ..invoice(1, 100) });
        account.credit(note(2, kind, gross_minor), &[InvoiceId(1)]).expect("known");
        assert_eq!(left(&account, Source::CreditNote(InvoiceId(2))), 0);
        assert_eq!(item(&account, 1).state(), state);
        assert_eq!(account.reopened(), [(InvoiceId(1), gross_minor)]);
        assert_sound(&account);
    }
}

#[test]
fn a_refund_takes_payments_first_and_all_or_nothing() {
    let mut account = Account::default();
    account.credit(note(1, DocumentKind::CreditNote, 40), &[]).expect("known");
    account.pay(payment(9, 30), &[], true).expect("known");
    assert_eq!(account.refund(PaymentId(10), 71), 1);
    assert_eq!(account.refund(PaymentId(10), 50), 0);
    assert_eq!(left(&account, Source::Payment(PaymentId(9))), 0);
    assert_eq!(left(&account, Source::CreditNote(InvoiceId(1))), 20);
    assert_sound(&account);
}

#[derive(Debug, Clone)]
enum Step {
    Issue(i64),
    Credit { gross_minor: i64, names: Vec<usize> },
    Cancel(usize),
    Pay { minor: i64, names: Vec<usize>, keep_rest: bool },
    GiveUp(usize),
    Refund(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let names = || prop::collection::vec(0_usize..20, 0..3);
    let step = prop_oneof![
        3 => (0_i64..200).prop_map(Step::Issue),
        2 => (0_i64..150, names()).prop_map(|(gross_minor, names)| Step::Credit { gross_minor, names }),
        1 => (0_usize..20).prop_map(Step::Cancel),
        3 => (1_i64..300, names(), any::<bool>())
            .prop_map(|(minor, names, keep_rest)| Step::Pay { minor, names, keep_rest }),
        1 => (0_usize..20).prop_map(Step::GiveUp),
        1 => (1_i64..100).prop_map(Step::Refund),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_settled_twice(steps in steps()) {
        let mut account = Account::default();
        let mut issued: Vec<InvoiceId> = Vec::new();
        for (step, id) in steps.into_iter().zip(1_i64..) {
            let named = |names: &[usize]| -> Vec<InvoiceId> {
                if issued.is_empty() { return Vec::new(); }
                names.iter().map(|index| issued[index % issued.len()]).collect()
            };
            match step {
                Step::Issue(gross_minor) => {
                    account.issue(invoice(id, gross_minor));
                    issued.push(InvoiceId(id));
                }
                Step::Credit { gross_minor, names } => {
                    account.credit(note(id, DocumentKind::CreditNote, gross_minor), &named(&names)).expect("known");
                }
                Step::Cancel(index) => {
                    let Some(invoice_id) = named(&[index]).pop() else { continue };
                    let target = item(&account, invoice_id.0);
                    let cancellation = note(id, DocumentKind::Cancellation, target.gross_minor - target.credited_minor);
                    account.credit(cancellation, &[invoice_id]).expect("known");
                    let cancelled = item(&account, invoice_id.0);
                    prop_assert_eq!((cancelled.open_minor, cancelled.state()), (0, State::Cancelled));
                    prop_assert_eq!(left(&account, Source::CreditNote(InvoiceId(id))), 0);
                }
                Step::Pay { minor, names, keep_rest } => {
                    account.pay(payment(id, minor), &named(&names), keep_rest).expect("known");
                    let open: i64 = account.invoices.iter().map(|invoice| invoice.now.open_minor).sum();
                    let rest = left(&account, Source::Payment(PaymentId(id)));
                    prop_assert!(keep_rest || rest == 0 || open == 0, "credit is left beside an open invoice");
                }
                Step::GiveUp(index) => {
                    let Some(invoice_id) = named(&[index]).pop() else { continue };
                    let at = account.invoice_at(invoice_id).expect("known");
                    let item = &mut account.invoices[at].now;
                    item.written_off_minor += std::mem::take(&mut item.open_minor);
                }
                Step::Refund(minor) => {
                    let credit: i64 = account.credits.iter().map(|credit| credit.now.left_minor).sum();
                    prop_assert_eq!(account.refund(PaymentId(id), minor), (minor - credit).max(0));
                }
            }
            assert_sound(&account);
        }
    }
}
