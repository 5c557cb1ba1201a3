//! InvoiceService.

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, InvoiceId, LineId, SubscriptionId};
use chrono::NaiveDate;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::call::{Begun, Call, open};
use super::convert::invoice::{as_preview, state_word, to_invoice, whole};
use super::convert::{date_optional, decimal, money, parse, parse_optional, period, required, text, to_date};
use super::page;
use super::subscription::seller_of;
use crate::billing::bill::{Order, Outcome, bill};
use crate::billing::draft::{self, ManualLine};
use crate::billing::subscribe::within_reach;
use crate::billing::{Billing, BillingError, correct, customer, render, write_off};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::invoice_service_server::InvoiceService;
use crate::store::customer::Customer;
use crate::store::invoice::{self, Filter, Invoice};
use crate::store::seller::Seller;
use crate::store::{Tx, Unit, subscription};

/// The size of the pieces of a file.
const PIECE_BYTES: usize = 64 * 1024;
/// The most subscriptions of one customer that a call bills; the rest follows with the next run.
const SUBSCRIPTIONS_MAX: i64 = 4_000;

/// The service.
#[derive(Debug, Clone)]
pub struct InvoiceApi {
    /// What it stands on.
    pub billing: Billing,
}

/// One document as the caller sees it.
async fn visible(tx: &mut Tx, caller: &Caller, asked: &str) -> Result<Invoice, BillingError> {
    let missing = || BillingError::not_found("invoice", asked);
    let found = match asked.strip_prefix("number:") {
        Some(number) => invoice::by_number(tx, caller.seller_id, number).await?,
        None => invoice::get(tx, caller.seller_id, parse("id", asked)?).await?,
    };
    let found = found.ok_or_else(missing)?;
    caller.may_see(found.customer_id).map_err(|_| missing())?;
    Ok(found)
}

/// One stored document with its lines.
async fn stored(unit: &mut Unit, id: InvoiceId) -> Result<pb::Invoice, BillingError> {
    unit.flush().await?;
    let seller_id = unit.seller_id;
    whole(unit, seller_id, [id]).await?.pop().ok_or_else(|| BillingError::not_found("invoice", id))
}

/// Bills what of a customer is due on a day.
async fn bill_customer(
    unit: &mut Unit,
    seller: &Seller,
    customer: &Customer,
    cutoff: NaiveDate,
    draft: bool,
) -> Result<Outcome, BillingError> {
    let due = subscription::due_of_customer(unit, seller.id, customer.id, cutoff, SUBSCRIPTIONS_MAX).await?;
    let customers = BTreeMap::from([(customer.id, customer.clone())]);
    let outcome = bill(unit, seller, &customers, &due, Order { cutoff, run_id: None, draft }).await?;
    match outcome.failures.first() {
        Some(failure) if outcome.issued.is_empty() => {
            Err(BillingError::precondition(failure.reason, failure.subscription_id, failure.detail.clone()))
        }
        _ => Ok(outcome),
    }
}

fn manual_line(index: usize, line: &pb::ManualLine) -> Result<ManualLine, BillingError> {
    let at = |field: &str| format!("lines[{index}].{field}");
    Ok(ManualLine {
        name: required(&at("name"), &line.name, 200)?,
        quantity: decimal(&at("quantity"), line.quantity.as_ref())?,
        unit_price: decimal(&at("unit_price"), line.unit_price.as_ref())?,
        tax_class: text(&at("tax_class"), &line.tax_class, 64, false)?,
        period: line.period.map(|given| period(&at("period"), Some(given))).transpose()?,
    })
}

#[tonic::async_trait]
impl InvoiceService for InvoiceApi {
    async fn get_invoice(
        &self,
        request: Request<pb::GetInvoiceRequest>,
    ) -> Result<Response<pb::GetInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let found = visible(&mut tx, &caller, &request.id).await?;
        let invoice = whole(&mut tx, caller.seller_id, [found.id]).await?.pop();
        Ok(Response::new(pb::GetInvoiceResponse { invoice }))
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Result<Response<pb::ListInvoicesResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let before = page::before_moment(&request.page_token)?;
        let state = pb::InvoiceState::try_from(request.state)
            .map_err(|_| BillingError::invalid("state", "not a state that this version knows"))?;
        let asked: Option<CustomerId> = parse_optional("customer_id", &request.customer_id)?;
        let subscription_id: Option<SubscriptionId> = parse_optional("subscription_id", &request.subscription_id)?;
        let filter = Filter {
            customer_id: caller.limit_to(asked)?,
            subscription_id,
            state: state_word(state).map(str::to_owned),
        };
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = invoice::list(&mut tx, caller.seller_id, &filter, before, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| page::moment(one.created_at, one.id.0));
        let mut standing = invoice::standing(&mut tx, caller.seller_id, found.iter().map(|one| one.id)).await?;
        let invoices = found
            .into_iter()
            .map(|one| {
                let standing = standing.remove(&one.id);
                to_invoice(one, Vec::new(), standing)
            })
            .collect();
        Ok(Response::new(pb::ListInvoicesResponse { invoices, next_page_token }))
    }

    async fn preview_invoice(
        &self,
        request: Request<pb::PreviewInvoiceRequest>,
    ) -> Result<Response<pb::PreviewInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        caller.may_see(customer_id)?;
        let asked = date_optional("date", request.date)?;
        // Billed in a unit that is never committed: so it cannot differ from what it previews.
        let mut unit = self.billing.begin(caller.seller_id, &caller.actor()).await?;
        let seller = seller_of(&mut unit, caller.seller_id).await?;
        let customer = customer::locked(&mut unit, customer_id).await?;
        let today = seller.today(unit.now);
        let date = match asked {
            Some(date) => date,
            None => subscription::next_billing_of_customer(&mut unit, seller.id, customer_id)
                .await?
                .map_or(today, |next| next.max(today)),
        };
        within_reach("date", date, today)?;
        let outcome = bill_customer(&mut unit, &seller, &customer, date, false).await?;
        unit.flush().await?;
        let invoices = whole(&mut unit, seller.id, outcome.issued.iter().map(|issued| issued.id)).await?;
        let invoices = invoices.into_iter().map(as_preview).collect();
        Ok(Response::new(pb::PreviewInvoiceResponse { invoices, date: Some(to_date(date)) }))
    }

    async fn bill_customer(
        &self,
        request: Request<pb::BillCustomerRequest>,
    ) -> Result<Response<pb::BillCustomerResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        let begun = Call::begin(&self.billing, &caller, "BillCustomer", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let customer = customer::locked(unit, customer_id).await?;
        let today = seller.today(unit.now);
        let outcome = bill_customer(unit, &seller, &customer, today, request.draft).await?;
        unit.flush().await?;
        let invoices = whole(unit, seller.id, outcome.issued.iter().map(|issued| issued.id)).await?;
        call.finish(pb::BillCustomerResponse { invoices }).await
    }

    async fn create_draft(
        &self,
        request: Request<pb::CreateDraftRequest>,
    ) -> Result<Response<pb::CreateDraftResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        let currency = parse_optional("currency_code", &request.currency_code)?;
        let note = text("note", &request.note, 2_000, true)?;
        let lines = request.lines.iter().enumerate();
        let lines = lines.map(|(index, line)| manual_line(index, line)).collect::<Result<Vec<_>, _>>()?;
        let begun = Call::begin(&self.billing, &caller, "CreateDraft", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let customer = customer::locked(unit, customer_id).await?;
        let currency = currency.unwrap_or(customer.currency);
        let kept = draft::create(unit, &seller, &customer, currency, request.tax_inclusive, note, lines)?;
        let invoice = Some(stored(unit, kept.id).await?);
        call.finish(pb::CreateDraftResponse { invoice }).await
    }

    async fn discard_draft(
        &self,
        request: Request<pb::DiscardDraftRequest>,
    ) -> Result<Response<pb::DiscardDraftResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let begun = Call::begin(&self.billing, &caller, "DiscardDraft", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        draft::discard(&mut call.unit, &seller, id).await?;
        call.finish(pb::DiscardDraftResponse {}).await
    }

    async fn issue_invoice(
        &self,
        request: Request<pb::IssueInvoiceRequest>,
    ) -> Result<Response<pb::IssueInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let begun = Call::begin(&self.billing, &caller, "IssueInvoice", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        draft::issue(&mut call.unit, &seller, id).await?;
        let invoice = Some(stored(&mut call.unit, id).await?);
        call.finish(pb::IssueInvoiceResponse { invoice }).await
    }

    async fn cancel_invoice(
        &self,
        request: Request<pb::CancelInvoiceRequest>,
    ) -> Result<Response<pb::CancelInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let reason = required("reason", &request.reason, 500)?;
        let begun = Call::begin(&self.billing, &caller, "CancelInvoice", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let issued = correct::cancel(&mut call.unit, &seller, id, &reason, request.rebill).await?;
        let cancellation = Some(stored(&mut call.unit, issued.id).await?);
        let invoice = Some(stored(&mut call.unit, id).await?);
        call.finish(pb::CancelInvoiceResponse { cancellation, invoice }).await
    }

    async fn credit_invoice(
        &self,
        request: Request<pb::CreditInvoiceRequest>,
    ) -> Result<Response<pb::CreditInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let reason = required("reason", &request.reason, 500)?;
        if request.credits.is_empty() || request.credits.len() > draft::LINES_MAX {
            return Err(BillingError::invalid("credits", format!("1 to {} are needed", draft::LINES_MAX)).into());
        }
        let begun = Call::begin(&self.billing, &caller, "CreditInvoice", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let original = invoice::get(unit, caller.seller_id, id).await?;
        let original = original.ok_or_else(|| BillingError::not_found("invoice", id))?;
        let mut credits: Vec<(LineId, i64)> = Vec::with_capacity(request.credits.len());
        for (index, credit) in request.credits.iter().enumerate() {
            let amount = money(&format!("credits[{index}].amount"), credit.amount.as_ref())?;
            if amount.currency != original.currency {
                let problem = format!("the invoice is in {}", original.currency);
                return Err(BillingError::invalid(format!("credits[{index}].amount.currency_code"), problem).into());
            }
            credits.push((parse(&format!("credits[{index}].line_id"), &credit.line_id)?, amount.minor));
        }
        let issued = correct::credit(unit, &seller, id, &credits, &reason).await?;
        let credit_note = Some(stored(unit, issued.id).await?);
        let invoice = Some(stored(unit, id).await?);
        call.finish(pb::CreditInvoiceResponse { credit_note, invoice }).await
    }

    async fn write_off_invoice(
        &self,
        request: Request<pb::WriteOffInvoiceRequest>,
    ) -> Result<Response<pb::WriteOffInvoiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let reason = required("reason", &request.reason, 500)?;
        let begun = Call::begin(&self.billing, &caller, "WriteOffInvoice", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        write_off::write_off(&mut call.unit, id, &reason).await?;
        let invoice = Some(stored(&mut call.unit, id).await?);
        call.finish(pb::WriteOffInvoiceResponse { invoice }).await
    }

    type DownloadInvoiceStream = BoxStream<'static, Result<pb::DownloadInvoiceResponse, Status>>;

    async fn download_invoice(
        &self,
        request: Request<pb::DownloadInvoiceRequest>,
    ) -> Result<Response<Self::DownloadInvoiceStream>, Status> {
        let (caller, request) = open(request)?;
        let found = {
            let mut tx = self.billing.store.snapshot().await?;
            visible(&mut tx, &caller, &request.id).await?
        };
        let file = render::pdf(&self.billing, caller.seller_id, found.id).await?;
        let pieces: Vec<Result<pb::DownloadInvoiceResponse, Status>> = file
            .content
            .chunks(PIECE_BYTES)
            .enumerate()
            .map(|(index, data)| {
                let first = |text: &str| if index == 0 { text.to_owned() } else { String::new() };
                Ok(pb::DownloadInvoiceResponse {
                    file_name: first(&file.file_name),
                    media_type: first(&file.media_type),
                    data: data.to_vec(),
                })
            })
            .collect();
        Ok(Response::new(stream::iter(pieces).boxed()))
    }
}
