//! PaymentService.

use std::collections::BTreeMap;

use billet_domain::id::{AllocationId, InvoiceId, PaymentId};
use billet_domain::settle::{Source, Target};
use chrono::DateTime;
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::{convert, page};
use crate::billing::pay::{self, NewPayment, Paid};
use crate::billing::{Billing, BillingError, settle};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::payment_service_server::PaymentService;
use crate::proto::google::r#type as gt;
use crate::store::allocation::{self, Allocation};
use crate::store::payment::{self, Payment, Position};

/// The longest reference, in characters.
const REFERENCE_MAX: usize = 140;
/// A page of payments ends early when they have more allocations than this, so that the answer stays below 4 MiB.
const PAGE_ALLOCATIONS_MAX: usize = 20_000;

/// Records payments and allocates them to invoices.
#[derive(Debug, Clone)]
pub struct PaymentApi {
    /// The use cases.
    pub billing: Billing,
}

#[tonic::async_trait]
impl PaymentService for PaymentApi {
    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Result<Response<pb::RecordPaymentResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "RecordPayment", &request.request_id, &request).await?
        {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let invoice_ids = request
            .invoice_ids
            .iter()
            .enumerate()
            .map(|(index, id)| convert::parse(&format!("invoice_ids[{index}]"), id))
            .collect::<Result<Vec<InvoiceId>, BillingError>>()?;
        let new = NewPayment {
            customer_id: convert::parse("customer_id", &request.customer_id)?,
            amount: convert::money("amount", request.amount.as_ref())?,
            moved_on: convert::date_optional("received_on", request.received_on)?,
            reference: reference(&request.reference)?,
            method: request.method,
        };
        let Paid { payment, allocations } = pay::record(&mut call.unit, new, &invoice_ids, request.keep_rest).await?;
        call.finish(pb::RecordPaymentResponse { payment: Some(to_payment(payment, &allocations)) }).await
    }

    async fn get_payment(
        &self,
        request: Request<pb::GetPaymentRequest>,
    ) -> Result<Response<pb::GetPaymentResponse>, Status> {
        let (caller, request) = open(request)?;
        let id: PaymentId = convert::parse("id", &request.id)?;
        let mut tx = self.billing.store.snapshot().await?;
        let payment = payment::get(&mut tx, caller.seller_id, id)
            .await?
            .filter(|payment| caller.may_see(payment.customer_id).is_ok())
            .ok_or_else(|| BillingError::not_found("payment", id))?;
        let allocations = allocation::of_payments(&mut tx, caller.seller_id, &[id]).await?;
        Ok(Response::new(pb::GetPaymentResponse { payment: Some(to_payment(payment, &allocations)) }))
    }

    async fn list_payments(
        &self,
        request: Request<pb::ListPaymentsRequest>,
    ) -> Result<Response<pb::ListPaymentsResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id = caller.limit_to(convert::parse_optional("customer_id", &request.customer_id)?)?;
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token)?.map(|key| position(&key)).transpose()?;
        let mut tx = self.billing.store.snapshot().await?;
        let mut payments = payment::list(&mut tx, caller.seller_id, customer_id, after, size).await?;
        let next_page_token = page::cut(&mut payments, size, key);
        let ids: Vec<PaymentId> = payments.iter().map(|payment| payment.id).collect();
        let mut allocations: BTreeMap<Source, Vec<Allocation>> = BTreeMap::new();
        for allocation in allocation::of_payments(&mut tx, caller.seller_id, &ids).await? {
            allocations.entry(allocation.source).or_default().push(allocation);
        }
        let fitting = fitting(&payments, &allocations);
        let next_page_token = if fitting < ids.len() {
            page::cut(&mut payments, i64::try_from(fitting).unwrap_or(size), key)
        } else {
            next_page_token
        };
        let payments = payments
            .into_iter()
            .map(|payment| {
                let allocations = allocations.remove(&Source::Payment(payment.id)).unwrap_or_default();
                to_payment(payment, &allocations)
            })
            .collect();
        Ok(Response::new(pb::ListPaymentsResponse { payments, next_page_token }))
    }

    async fn allocate_payment(
        &self,
        request: Request<pb::AllocatePaymentRequest>,
    ) -> Result<Response<pb::AllocatePaymentResponse>, Status> {
        use pb::allocate_payment_request::Source as Given;

        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "AllocatePayment", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let source = match &request.source {
            Some(Given::PaymentId(id)) => Source::Payment(convert::parse("payment_id", id)?),
            Some(Given::CreditNoteId(id)) => Source::CreditNote(convert::parse("credit_note_id", id)?),
            None => return Err(BillingError::invalid("source", "a payment or a credit note is needed").into()),
        };
        let invoice_id = convert::parse("invoice_id", &request.invoice_id)?;
        let amount = request.amount.as_ref().map(|given| convert::money("amount", Some(given))).transpose()?;
        let allocation = pay::allocate(&mut call.unit, source, invoice_id, amount).await?;
        call.finish(pb::AllocatePaymentResponse { allocation: Some(to_allocation(&allocation)) }).await
    }

    async fn release_allocation(
        &self,
        request: Request<pb::ReleaseAllocationRequest>,
    ) -> Result<Response<pb::ReleaseAllocationResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "ReleaseAllocation", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let id: AllocationId = convert::parse("id", &request.id)?;
        let reason = convert::required("reason", &request.reason, convert::TEXT_MAX)?;
        settle::release(&mut call.unit, id, &reason).await?;
        call.finish(pb::ReleaseAllocationResponse {}).await
    }

    async fn record_refund(
        &self,
        request: Request<pb::RecordRefundRequest>,
    ) -> Result<Response<pb::RecordRefundResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "RecordRefund", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let new = NewPayment {
            customer_id: convert::parse("customer_id", &request.customer_id)?,
            amount: convert::money("amount", request.amount.as_ref())?,
            moved_on: convert::date_optional("paid_on", request.paid_on)?,
            reference: reference(&request.reference)?,
            method: request.method,
        };
        let refund = pay::refund(&mut call.unit, new).await?;
        call.finish(pb::RecordRefundResponse { payment: Some(to_payment(refund, &[])) }).await
    }
}

fn reference(given: &str) -> Result<Option<String>, BillingError> {
    let reference = convert::text("reference", given, REFERENCE_MAX, false)?;
    Ok(Some(reference).filter(|reference| !reference.is_empty()))
}

/// How many of these payments fit into one answer: at least one.
fn fitting(payments: &[Payment], allocations: &BTreeMap<Source, Vec<Allocation>>) -> usize {
    let mut room = PAGE_ALLOCATIONS_MAX;
    let fits = payments.iter().take_while(|payment| {
        let count = allocations.get(&Source::Payment(payment.id)).map_or(0, Vec::len);
        let fits = count <= room;
        room = room.saturating_sub(count);
        fits
    });
    fits.count().max(1)
}

fn key(payment: &Payment) -> String {
    format!("{}.{}", payment.created_at.timestamp_micros(), payment.id.0)
}

fn position(key: &str) -> Result<Position, BillingError> {
    key.split_once('.')
        .and_then(|(micros, id)| {
            let created_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some((created_at, PaymentId(id.parse().ok()?)))
        })
        .ok_or_else(|| BillingError::invalid("page_token", "not a token of a previous answer"))
}

fn to_payment(payment: Payment, allocations: &[Allocation]) -> pb::Payment {
    let money = |minor: i64| -> Option<gt::Money> { Some(convert::to_money(minor, payment.currency)) };
    pb::Payment {
        id: payment.id.to_string(),
        customer_id: payment.customer_id.to_string(),
        amount: money(payment.amount_minor),
        received_on: Some(convert::to_date(payment.received_on)),
        allocations: allocations.iter().map(to_allocation).collect(),
        unallocated_amount: money(payment.unallocated_minor),
        created_at: Some(convert::to_instant(payment.created_at)),
        method: payment.method,
        reference: payment.reference.unwrap_or_default(),
    }
}

/// What was paid out again has no invoice.
fn to_allocation(allocation: &Allocation) -> pb::Allocation {
    let invoice_id = match allocation.target {
        Target::Invoice(id) => id.to_string(),
        Target::Refund(_) => String::new(),
    };
    pb::Allocation {
        id: allocation.id.to_string(),
        invoice_id,
        amount: Some(convert::to_money(allocation.amount_minor, allocation.currency)),
        created_at: Some(convert::to_instant(allocation.created_at)),
    }
}

#[cfg(test)]
mod tests;
