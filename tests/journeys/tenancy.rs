//! Nobody sees what is another's: a reseller and the operator, and customers of one seller.

use billet::proto::billet::v1 as pb;
use tonic::{Code, Status};

use crate::harness::{Billet, Caller, day, decimal, euro, on_both};
use crate::panel::{created, event};

/// One row of each kind.
struct Rows {
    customer: String,
    project: String,
    plan: String,
    version: String,
    promotion: String,
    instance: String,
    subscription: String,
    invoice: String,
    line: String,
    draft: String,
    payment: String,
    allocation: String,
    run: String,
    hook: String,
    token: String,
}

/// Makes them as `billet.owner`.
async fn rows(billet: &Billet, name: &str) -> Rows {
    let owner = &billet.owner;
    let customer = billet.customer(name).await;
    let project = pb::Project { customer_id: customer.clone(), name: "shop".to_owned(), ..Default::default() };
    let request = pb::CreateProjectRequest { request_id: billet.request_id(), project: Some(project) };
    let project = owner.customers().create_project(request).await.expect("a project").into_inner().project;
    let plan = billet.simple_plan("starter", "31.00").await;
    let request = pb::GetPlanRequest { id: plan.clone() };
    let version = owner.catalog().get_plan(request).await.expect("a plan").into_inner().plan.expect("a plan");
    let promotion = pb::Promotion {
        code: "WELCOME".to_owned(),
        reduction: Some(pb::promotion::Reduction::Percent(decimal("10").expect("a number"))),
        ..Default::default()
    };
    let request = pb::CreatePromotionRequest { request_id: billet.request_id(), promotion: Some(promotion) };
    let promotion = owner.catalog().create_promotion(request).await.expect("a promotion").into_inner().promotion;
    let (instance, token) = billet.panel("whm1", pb::UnknownCustomerPolicy::Park).await;
    let panel = billet.caller(&token).await;
    let request = pb::ReportRequest { event: Some(event("e1", "ghost", "2027-03-01T08:00:00Z", created("gold"))) };
    let hook = panel.hooks().report(request).await.expect("it is taken").into_inner().result.expect("a result");
    let request = pb::CreateSubscriptionRequest {
        request_id: billet.request_id(),
        customer_id: customer.clone(),
        plan_id: plan.clone(),
        bill_now: true,
        ..Default::default()
    };
    let made = owner.subscriptions().create_subscription(request).await.expect("a subscription").into_inner();
    let invoice = &made.invoices[0];
    let request = pb::RecordPaymentRequest {
        request_id: billet.request_id(),
        customer_id: customer.clone(),
        amount: Some(euro(10_00)),
        ..Default::default()
    };
    let payment = owner.payments().record_payment(request).await.expect("a payment").into_inner().payment;
    let payment = payment.expect("a payment");
    let request = pb::CreateDraftRequest {
        request_id: billet.request_id(),
        customer_id: customer.clone(),
        lines: vec![pb::ManualLine {
            name: "Work".to_owned(),
            quantity: decimal("1"),
            unit_price: decimal("10"),
            ..Default::default()
        }],
        ..Default::default()
    };
    let draft = owner.invoices().create_draft(request).await.expect("a draft").into_inner().invoice;
    let request = pb::StartRunRequest { request_id: billet.request_id(), cutoff_date: None };
    let run = owner.runs().start_run(request).await.expect("a run").into_inner().run.expect("a run");
    let auditor = billet.token_of(pb::Role::Auditor, "", "").await;
    Rows {
        customer,
        project: project.expect("a project").id,
        plan,
        version: version.versions[0].id.clone(),
        promotion: promotion.expect("a promotion").id,
        instance,
        subscription: made.subscription.expect("a subscription").id,
        invoice: invoice.id.clone(),
        line: invoice.lines[0].id.clone(),
        draft: draft.expect("a draft").id,
        allocation: payment.allocations[0].id.clone(),
        payment: payment.id,
        run: run.id,
        hook: hook.hook_id,
        token: auditor.token.expect("a token").id,
    }
}

/// Knocks at a door: what the call answered.
macro_rules! knock {
    ($doors:ident, $caller:ident . $service:ident . $method:ident, $request:expr) => {
        let answer = $caller.$service().$method($request).await;
        $doors.push((stringify!($method), answer.map(|answer| format!("{:?}", answer.into_inner()))));
    };
}

type Doors = Vec<(&'static str, Result<String, Status>)>;

/// Every method that names a row, with rows that are not the caller's.
#[expect(clippy::too_many_lines, reason = "one entry per method")]
async fn knock(billet: &Billet, caller: &Caller, own: &Rows, foreign: &Rows) -> Doors {
    let mut doors: Doors = Vec::new();
    let id = |id: &String| id.clone();
    let rid = || billet.request_id();
    let mask = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
    let reason = || "because".to_owned();
    // Reading.
    knock!(doors, caller.customers.get_customer, pb::GetCustomerRequest { id: id(&foreign.customer) });
    knock!(
        doors,
        caller.customers.list_projects,
        pb::ListProjectsRequest { customer_id: id(&foreign.customer), ..Default::default() }
    );
    knock!(
        doors,
        caller.customers.get_statement,
        pb::GetStatementRequest { customer_id: id(&foreign.customer), currency_code: "EUR".to_owned(), period: None }
    );
    knock!(doors, caller.catalog.get_plan, pb::GetPlanRequest { id: id(&foreign.plan) });
    knock!(doors, caller.instances.get_instance, pb::GetInstanceRequest { id: id(&foreign.instance) });
    knock!(doors, caller.subscriptions.get_subscription, pb::GetSubscriptionRequest { id: id(&foreign.subscription) });
    knock!(doors, caller.subscriptions.list_facts, pb::ListFactsRequest { subscription_id: id(&foreign.subscription) });
    knock!(doors, caller.invoices.get_invoice, pb::GetInvoiceRequest { id: id(&foreign.invoice) });
    knock!(
        doors,
        caller.invoices.preview_invoice,
        pb::PreviewInvoiceRequest { customer_id: id(&foreign.customer), date: None }
    );
    knock!(doors, caller.payments.get_payment, pb::GetPaymentRequest { id: id(&foreign.payment) });
    knock!(doors, caller.runs.get_run, pb::GetRunRequest { id: id(&foreign.run) });
    let download = caller.invoices().download_invoice(pb::DownloadInvoiceRequest { id: id(&foreign.invoice) }).await;
    doors.push(("download_invoice", download.map(|_| "a file".to_owned())));
    let watch = caller.runs().watch_run(pb::WatchRunRequest { id: id(&foreign.run) }).await;
    doors.push(("watch_run", watch.map(|_| "a run".to_owned())));
    // Changing.
    let change = |change| Some(pb::SubscriptionChange { effective_date: None, change: Some(change) });
    let pause = || change(pb::subscription_change::Change::Pause(pb::Pause {}));
    knock!(
        doors,
        caller.subscriptions.change_subscription,
        pb::ChangeSubscriptionRequest {
            request_id: rid(),
            id: id(&foreign.subscription),
            change: pause(),
            ..Default::default()
        }
    );
    knock!(
        doors,
        caller.subscriptions.preview_change,
        pb::PreviewChangeRequest { id: id(&foreign.subscription), change: pause() }
    );
    let start = |customer: &String, plan: &String| pb::CreateSubscriptionRequest {
        request_id: rid(),
        customer_id: customer.clone(),
        plan_id: plan.clone(),
        ..Default::default()
    };
    knock!(doors, caller.subscriptions.create_subscription, start(&foreign.customer, &own.plan));
    knock!(doors, caller.subscriptions.create_subscription, start(&own.customer, &foreign.plan));
    knock!(
        doors,
        caller.subscriptions.create_subscription,
        pb::CreateSubscriptionRequest { version_id: id(&foreign.version), ..start(&own.customer, &own.plan) }
    );
    knock!(
        doors,
        caller.subscriptions.create_subscription,
        pb::CreateSubscriptionRequest { project_id: id(&foreign.project), ..start(&own.customer, &own.plan) }
    );
    knock!(
        doors,
        caller.subscriptions.create_subscription,
        pb::CreateSubscriptionRequest {
            instance_id: id(&foreign.instance),
            external_ref: "x".to_owned(),
            ..start(&own.customer, &own.plan)
        }
    );
    knock!(
        doors,
        caller.customers.update_customer,
        pb::UpdateCustomerRequest {
            request_id: rid(),
            customer: Some(pb::Customer { id: id(&foreign.customer), ..Default::default() }),
            update_mask: mask("business")
        }
    );
    let link = |customer: &String, instance: &String| pb::LinkCustomerRequest {
        request_id: rid(),
        customer_id: customer.clone(),
        instance_id: instance.clone(),
        link: Some(pb::link_customer_request::Link::Owner("x".to_owned())),
    };
    knock!(doors, caller.customers.link_customer, link(&foreign.customer, &own.instance));
    knock!(doors, caller.customers.link_customer, link(&own.customer, &foreign.instance));
    let project = pb::Project { customer_id: id(&foreign.customer), name: "x".to_owned(), ..Default::default() };
    knock!(
        doors,
        caller.customers.create_project,
        pb::CreateProjectRequest { request_id: rid(), project: Some(project) }
    );
    let draft =
        pb::ManualLine { name: "x".to_owned(), quantity: decimal("1"), unit_price: decimal("1"), ..Default::default() };
    knock!(
        doors,
        caller.invoices.create_draft,
        pb::CreateDraftRequest {
            request_id: rid(),
            customer_id: id(&foreign.customer),
            lines: vec![draft],
            ..Default::default()
        }
    );
    knock!(
        doors,
        caller.invoices.bill_customer,
        pb::BillCustomerRequest { request_id: rid(), customer_id: id(&foreign.customer), draft: false }
    );
    knock!(doors, caller.invoices.discard_draft, pb::DiscardDraftRequest { request_id: rid(), id: id(&foreign.draft) });
    knock!(doors, caller.invoices.issue_invoice, pb::IssueInvoiceRequest { request_id: rid(), id: id(&foreign.draft) });
    knock!(
        doors,
        caller.invoices.cancel_invoice,
        pb::CancelInvoiceRequest { request_id: rid(), id: id(&foreign.invoice), reason: reason(), rebill: false }
    );
    let credit = pb::LineCredit { line_id: id(&foreign.line), amount: Some(euro(1_00)) };
    knock!(
        doors,
        caller.invoices.credit_invoice,
        pb::CreditInvoiceRequest {
            request_id: rid(),
            id: id(&foreign.invoice),
            credits: vec![credit],
            reason: reason()
        }
    );
    knock!(
        doors,
        caller.invoices.write_off_invoice,
        pb::WriteOffInvoiceRequest { request_id: rid(), id: id(&foreign.invoice), reason: reason() }
    );
    let pay = |customer: &String, invoices: Vec<String>| pb::RecordPaymentRequest {
        request_id: rid(),
        customer_id: customer.clone(),
        amount: Some(euro(1_00)),
        invoice_ids: invoices,
        ..Default::default()
    };
    knock!(doors, caller.payments.record_payment, pay(&foreign.customer, Vec::new()));
    knock!(doors, caller.payments.record_payment, pay(&own.customer, vec![id(&foreign.invoice)]));
    let allocate = |payment: &String, invoice: &String| pb::AllocatePaymentRequest {
        request_id: rid(),
        source: Some(pb::allocate_payment_request::Source::PaymentId(payment.clone())),
        invoice_id: invoice.clone(),
        amount: None,
    };
    knock!(doors, caller.payments.allocate_payment, allocate(&foreign.payment, &own.invoice));
    knock!(doors, caller.payments.allocate_payment, allocate(&own.payment, &foreign.invoice));
    knock!(
        doors,
        caller.payments.release_allocation,
        pb::ReleaseAllocationRequest { request_id: rid(), id: id(&foreign.allocation), reason: reason() }
    );
    knock!(
        doors,
        caller.payments.record_refund,
        pb::RecordRefundRequest {
            request_id: rid(),
            customer_id: id(&foreign.customer),
            amount: Some(euro(1_00)),
            ..Default::default()
        }
    );
    knock!(doors, caller.runs.cancel_run, pb::CancelRunRequest { request_id: rid(), id: id(&foreign.run) });
    let plan = pb::Plan { id: id(&foreign.plan), name: "mine now".to_owned(), ..Default::default() };
    knock!(
        doors,
        caller.catalog.update_plan,
        pb::UpdatePlanRequest { request_id: rid(), plan: Some(plan), update_mask: mask("name") }
    );
    let version = pb::PlanVersion {
        components: vec![crate::catalogue::component("base", pb::Charging::Recurring, "1")],
        ..Default::default()
    };
    knock!(
        doors,
        caller.catalog.create_plan_version,
        pb::CreatePlanVersionRequest { request_id: rid(), plan_id: id(&foreign.plan), version: Some(version) }
    );
    knock!(
        doors,
        caller.catalog.migrate_plan_version,
        pb::MigratePlanVersionRequest {
            request_id: rid(),
            version_id: id(&foreign.version),
            timing: pb::ChangeTiming::AtOnce.into(),
            ..Default::default()
        }
    );
    let mapping = |instance: &String, plan: &String| pb::SetPackageMappingRequest {
        request_id: rid(),
        mapping: Some(pb::PackageMapping {
            instance_id: instance.clone(),
            package: "p".to_owned(),
            plan_id: plan.clone(),
            ..Default::default()
        }),
    };
    knock!(doors, caller.catalog.set_package_mapping, mapping(&foreign.instance, &own.plan));
    knock!(doors, caller.catalog.set_package_mapping, mapping(&own.instance, &foreign.plan));
    knock!(
        doors,
        caller.catalog.delete_package_mapping,
        pb::DeletePackageMappingRequest {
            request_id: rid(),
            instance_id: id(&foreign.instance),
            package: "p".to_owned(),
            ..Default::default()
        }
    );
    knock!(
        doors,
        caller.catalog.end_promotion,
        pb::EndPromotionRequest { request_id: rid(), id: id(&foreign.promotion) }
    );
    let instance = pb::Instance { id: id(&foreign.instance), enabled: false, ..Default::default() };
    knock!(
        doors,
        caller.instances.update_instance,
        pb::UpdateInstanceRequest { request_id: rid(), instance: Some(instance), update_mask: mask("enabled") }
    );
    knock!(
        doors,
        caller.hooks.dismiss_parked,
        pb::DismissParkedRequest { request_id: rid(), id: id(&foreign.hook), reason: reason() }
    );
    let mut hook = event("e2", "x", "2027-03-01T08:00:00Z", created("gold"));
    hook.instance_id = id(&foreign.instance);
    knock!(doors, caller.hooks.report, pb::ReportRequest { event: Some(hook) });
    knock!(doors, caller.admin.revoke_token, pb::RevokeTokenRequest { request_id: rid(), id: id(&foreign.token) });
    let token = |customer: &String, instance: &String, role: pb::Role| pb::CreateTokenRequest {
        request_id: rid(),
        token: Some(pb::Token {
            name: "x".to_owned(),
            roles: vec![role.into()],
            customer_id: customer.clone(),
            instance_id: instance.clone(),
            ..Default::default()
        }),
        seller_id: String::new(),
    };
    knock!(doors, caller.admin.create_token, token(&foreign.customer, &String::new(), pb::Role::Customer));
    knock!(doors, caller.admin.create_token, token(&String::new(), &foreign.instance, pb::Role::Panel));
    doors
}

/// Lists, without and with a foreign filter: none of them names a foreign row.
async fn look_around(caller: &Caller, foreign: &Rows, marks: &[&str]) -> Vec<String> {
    let mut doors: Doors = Vec::new();
    let id = |id: &String| id.clone();
    knock!(doors, caller.customers.list_customers, pb::ListCustomersRequest::default());
    knock!(doors, caller.catalog.list_plans, pb::ListPlansRequest::default());
    knock!(doors, caller.catalog.list_promotions, pb::ListPromotionsRequest::default());
    knock!(doors, caller.catalog.list_package_mappings, pb::ListPackageMappingsRequest::default());
    knock!(
        doors,
        caller.catalog.list_package_mappings,
        pb::ListPackageMappingsRequest { instance_id: id(&foreign.instance), ..Default::default() }
    );
    knock!(doors, caller.instances.list_instances, pb::ListInstancesRequest::default());
    knock!(doors, caller.subscriptions.list_subscriptions, pb::ListSubscriptionsRequest::default());
    knock!(
        doors,
        caller.subscriptions.list_subscriptions,
        pb::ListSubscriptionsRequest { customer_id: id(&foreign.customer), ..Default::default() }
    );
    knock!(
        doors,
        caller.subscriptions.list_subscriptions,
        pb::ListSubscriptionsRequest {
            instance_id: id(&foreign.instance),
            external_ref: "x".to_owned(),
            ..Default::default()
        }
    );
    knock!(doors, caller.invoices.list_invoices, pb::ListInvoicesRequest::default());
    knock!(
        doors,
        caller.invoices.list_invoices,
        pb::ListInvoicesRequest { customer_id: id(&foreign.customer), ..Default::default() }
    );
    knock!(
        doors,
        caller.invoices.list_invoices,
        pb::ListInvoicesRequest { subscription_id: id(&foreign.subscription), ..Default::default() }
    );
    knock!(doors, caller.payments.list_payments, pb::ListPaymentsRequest::default());
    knock!(
        doors,
        caller.payments.list_payments,
        pb::ListPaymentsRequest { customer_id: id(&foreign.customer), ..Default::default() }
    );
    knock!(doors, caller.runs.list_runs, pb::ListRunsRequest::default());
    knock!(
        doors,
        caller.runs.list_run_failures,
        pb::ListRunFailuresRequest { run_id: id(&foreign.run), ..Default::default() }
    );
    knock!(doors, caller.hooks.list_parked, pb::ListParkedRequest::default());
    knock!(
        doors,
        caller.hooks.list_parked,
        pb::ListParkedRequest { instance_id: id(&foreign.instance), ..Default::default() }
    );
    knock!(doors, caller.events.list_events, pb::ListEventsRequest::default());
    knock!(
        doors,
        caller.events.list_events,
        pb::ListEventsRequest { subject: id(&foreign.invoice), ..Default::default() }
    );
    knock!(doors, caller.admin.list_tokens, pb::ListTokensRequest::default());
    knock!(doors, caller.reports.get_trial_balance, pb::GetTrialBalanceRequest { as_of: None });
    let mut seen = Vec::new();
    for (method, answer) in doors {
        if let Ok(said) = answer {
            for mark in marks {
                if said.contains(&format!("\"{mark}\"")) {
                    seen.push(format!("{method} tells of {mark}: {said}"));
                }
            }
        }
    }
    seen
}

#[tokio::test]
async fn a_reseller_and_the_operator_do_not_see_each_other() {
    on_both(async |mut billet| {
        let request = pb::GetSellerRequest { id: String::new() };
        let operator = billet.owner.resellers().get_seller(request).await.expect("a seller").into_inner().seller;
        let seller = pb::Seller {
            party: Some(pb::Party {
                name: "Zweig Hosting".to_owned(),
                address_line: "Zweigweg 2".to_owned(),
                post_code: "80331".to_owned(),
                city: "München".to_owned(),
                country_code: "DE".to_owned(),
                vat_id: "DE888888888".to_owned(),
                email: "zweig@reseller.example".to_owned(),
                ..Default::default()
            }),
            id: String::new(),
            parent_id: String::new(),
            created_at: None,
            ..operator.expect("a seller")
        };
        let request = pb::CreateResellerRequest {
            request_id: billet.request_id(),
            seller: Some(seller),
            owner_name: "Zweig".to_owned(),
        };
        let made = billet.owner.resellers().create_reseller(request).await.expect("a reseller").into_inner();
        let mut reseller = billet.caller(&made.owner_token).await;
        let first = rows(&billet, "Acme").await;
        std::mem::swap(&mut billet.owner, &mut reseller);
        let second = rows(&billet, "Blum").await;
        std::mem::swap(&mut billet.owner, &mut reseller);

        let mut wrong = Vec::new();
        for (caller, own, foreign) in [(&billet.owner, &first, &second), (&reseller, &second, &first)] {
            for (method, answer) in knock(&billet, caller, own, foreign).await {
                match answer {
                    Err(status) if status.code() == Code::NotFound => {}
                    other => wrong.push(format!("{method}: {other:?}")),
                }
            }
            let marks = [
                &foreign.customer,
                &foreign.plan,
                &foreign.promotion,
                &foreign.instance,
                &foreign.subscription,
                &foreign.invoice,
                &foreign.draft,
                &foreign.payment,
                &foreign.run,
                &foreign.hook,
                &foreign.token,
            ];
            wrong.extend(look_around(caller, foreign, &marks.map(String::as_str)).await);
        }
        assert!(wrong.is_empty(), "{} doors stand open:\n{}", wrong.len(), wrong.join("\n"));

        // Each has its own numbers, and the operator sees who its resellers are, but not the other way round.
        let number = async |caller: &Caller, id: &str| {
            let request = pb::GetInvoiceRequest { id: id.to_owned() };
            caller.invoices().get_invoice(request).await.expect("its own").into_inner().invoice.expect("a document")
        };
        let (ours, theirs) = (number(&billet.owner, &first.invoice).await, number(&reseller, &second.invoice).await);
        assert_eq!(ours.number, theirs.number);
        assert_eq!(day(ours.issue_date.as_ref()), day(theirs.issue_date.as_ref()));
        let request = pb::ListResellersRequest::default();
        let resellers = billet.owner.resellers().list_resellers(request.clone()).await.expect("a list").into_inner();
        assert_eq!(resellers.sellers.len(), 1);
        assert!(reseller.resellers().list_resellers(request).await.expect("a list").into_inner().sellers.is_empty());
        let request = pb::GetSellerRequest { id: billet.seller_id.clone() };
        let status = reseller.resellers().get_seller(request).await.expect_err("not its reseller");
        assert_eq!(status.code(), Code::NotFound);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_customers_token_sees_its_own() {
    on_both(async |billet| {
        let own = rows(&billet, "Acme").await;
        let other = billet.customer("Blum").await;
        let request = pb::CreateSubscriptionRequest {
            request_id: billet.request_id(),
            customer_id: other.clone(),
            plan_id: own.plan.clone(),
            bill_now: true,
            ..Default::default()
        };
        let made = billet.owner.subscriptions().create_subscription(request).await.expect("it starts").into_inner();
        let (subscription, invoice) = (made.subscription.expect("a subscription").id, made.invoices[0].id.clone());
        let token = billet.token_of(pb::Role::Customer, &own.customer, "").await;
        let caller = billet.caller(&token.secret).await;

        let mut doors: Doors = Vec::new();
        knock!(doors, caller.customers.get_customer, pb::GetCustomerRequest { id: other.clone() });
        knock!(
            doors,
            caller.customers.list_projects,
            pb::ListProjectsRequest { customer_id: other.clone(), ..Default::default() }
        );
        knock!(
            doors,
            caller.customers.get_statement,
            pb::GetStatementRequest { customer_id: other.clone(), currency_code: "EUR".to_owned(), period: None }
        );
        knock!(doors, caller.subscriptions.get_subscription, pb::GetSubscriptionRequest { id: subscription.clone() });
        knock!(doors, caller.subscriptions.list_facts, pb::ListFactsRequest { subscription_id: subscription });
        knock!(
            doors,
            caller.subscriptions.list_subscriptions,
            pb::ListSubscriptionsRequest { customer_id: other.clone(), ..Default::default() }
        );
        knock!(doors, caller.invoices.get_invoice, pb::GetInvoiceRequest { id: invoice.clone() });
        knock!(
            doors,
            caller.invoices.list_invoices,
            pb::ListInvoicesRequest { customer_id: other.clone(), ..Default::default() }
        );
        knock!(
            doors,
            caller.invoices.preview_invoice,
            pb::PreviewInvoiceRequest { customer_id: other.clone(), date: None }
        );
        knock!(
            doors,
            caller.payments.list_payments,
            pb::ListPaymentsRequest { customer_id: other.clone(), ..Default::default() }
        );
        let download = caller.invoices().download_invoice(pb::DownloadInvoiceRequest { id: invoice }).await;
        doors.push(("download_invoice", download.map(|_| "a file".to_owned())));
        for (method, answer) in doors {
            assert_eq!(answer.expect_err(method).code(), Code::NotFound, "{method}");
        }
        // Lists are of its own without being asked to.
        let list = caller.invoices().list_invoices(pb::ListInvoicesRequest::default()).await.expect("a list");
        let invoices = list.into_inner().invoices;
        assert!(!invoices.is_empty() && invoices.iter().all(|one| one.customer_id == own.customer), "{invoices:?}");
        let list = caller.subscriptions().list_subscriptions(pb::ListSubscriptionsRequest::default()).await;
        let subscriptions = list.expect("a list").into_inner().subscriptions;
        assert_eq!(subscriptions.len(), 1);
        let list = caller.payments().list_payments(pb::ListPaymentsRequest::default()).await.expect("a list");
        assert_eq!(list.into_inner().payments.len(), 1);
        let request = pb::GetCustomerRequest { id: own.customer.clone() };
        caller.customers().get_customer(request).await.expect("itself");
        let request = pb::GetPaymentRequest { id: own.payment.clone() };
        caller.payments().get_payment(request).await.expect("its own");
    })
    .await;
}
