//! What happens to a customer's money: it comes, goes back, settles an invoice by hand, or is taken from one again.

use billet::billing::pay::{self, NewPayment};
use billet::billing::{BillingError, settle};
use billet::params;
use billet::store::{Unit, credit, open_item};
use billet_domain::id::{AllocationId, CustomerId, PaymentId};
use billet_domain::money::{Currency, Money};
use billet_domain::settle::Source;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// The most that moves at once, in minor units.
const MOVED_MINOR_MAX: i64 = 9_000;

/// Whose money, in which currency.
#[derive(Clone, Copy)]
pub struct Purse {
    pub customer_id: CustomerId,
    pub currency: Currency,
}

fn nothing(detail: &str) -> BillingError {
    BillingError::precondition("NOTHING", "test", detail)
}

impl Purse {
    fn moved(self, minor: i64) -> NewPayment {
        NewPayment {
            customer_id: self.customer_id,
            amount: Money::new(minor, self.currency),
            moved_on: None,
            method: String::new(),
            reference: None,
        }
    }

    /// Money comes in; answers what was done, for people.
    pub async fn pay(self, unit: &mut Unit, rng: &mut StdRng) -> Result<String, BillingError> {
        let (minor, keep_rest) = (rng.random_range(1..MOVED_MINOR_MAX), rng.random_ratio(1, 5));
        let paid = pay::record(unit, self.moved(minor), &[], keep_rest).await?;
        Ok(format!("{} {minor} kept {keep_rest}", paid.payment.id))
    }

    /// Credit is paid out: all of it, a part, or now and then more than there is, which is refused.
    pub async fn refund(self, unit: &mut Unit, rng: &mut StdRng) -> Result<String, BillingError> {
        if rng.random_ratio(1, 4) {
            pay::record(unit, self.moved(rng.random_range(1..MOVED_MINOR_MAX)), &[], true).await?;
        }
        let left_minor: i64 = self.credits(unit).await?.iter().map(|(_, left_minor)| left_minor).sum();
        let minor = match rng.random_range(0..8u32) {
            0 => left_minor + rng.random_range(1..100),
            1..4 => left_minor,
            _ => rng.random_range(1..=left_minor.max(1)),
        };
        match pay::refund(unit, self.moved(minor)).await {
            Ok(_) if minor > left_minor => panic!("{minor} of {left_minor} were paid out to {}", self.customer_id),
            Ok(refund) => Ok(format!("{} {minor} of {left_minor}", refund.id)),
            Err(error) if (1..=left_minor).contains(&minor) => panic!("{minor} of {left_minor}: {error}"),
            Err(error) => Err(error),
        }
    }

    /// An open invoice is settled by hand, out of credit that is there or comes now.
    pub async fn allocate(self, unit: &mut Unit, rng: &mut StdRng) -> Result<String, BillingError> {
        let seller_id = unit.seller_id;
        let open = open_item::open_invoices(unit, seller_id, self.customer_id, self.currency, 50).await?;
        let invoice = open.choose(rng).ok_or_else(|| nothing("nothing is open"))?.item;
        let (source, left_minor) = match self.credits(unit).await?.choose(rng) {
            Some(credit) => *credit,
            None => {
                let minor = rng.random_range(1..MOVED_MINOR_MAX);
                let paid = pay::record(unit, self.moved(minor), &[], true).await?;
                (Source::Payment(paid.payment.id), minor)
            }
        };
        let fits_minor = left_minor.min(invoice.open_minor);
        let asked = rng.random_ratio(1, 2).then(|| rng.random_range(1..=fits_minor + fits_minor / 4));
        let amount = asked.map(|minor| Money::new(minor, self.currency));
        let made = pay::allocate(unit, source, invoice.invoice_id, amount).await?;
        assert!(made.amount_minor == asked.unwrap_or(fits_minor) && made.amount_minor <= fits_minor, "{made:?}");
        Ok(format!("{} {source} {} {}", made.id, invoice.invoice_id, made.amount_minor))
    }

    /// What settled an invoice, whoever allocated it, is taken back; what was paid out or taken back before is refused.
    pub async fn release(self, unit: &mut Unit, rng: &mut StdRng) -> Result<String, BillingError> {
        let sql =
            "SELECT id, refund_id, released_at FROM allocations WHERE seller_id = $1 AND customer_id = $2 ORDER BY id";
        let seller_id = unit.seller_id;
        let all: Vec<(AllocationId, Option<PaymentId>, Option<i64>)> =
            unit.all(sql, params![seller_id, self.customer_id]).await?;
        let (id, refund_id, released_at) = *all.choose(rng).ok_or_else(|| nothing("nothing is settled"))?;
        settle::release(unit, id, "test").await?;
        assert!(
            refund_id.is_none() && released_at.is_none(),
            "{id} was taken back from {refund_id:?}, {released_at:?}"
        );
        Ok(id.to_string())
    }

    /// What is left of the customer's credit.
    async fn credits(self, unit: &mut Unit) -> Result<Vec<(Source, i64)>, BillingError> {
        unit.flush().await?;
        let seller_id = unit.seller_id;
        let mut found = credit::of_customers(unit, seller_id, [self.customer_id]).await?;
        found.retain(|owned| owned.currency == self.currency);
        found.sort_by_key(|owned| (owned.credit.since, owned.credit.source));
        Ok(found.into_iter().map(|owned| (owned.credit.source, owned.credit.left_minor)).collect())
    }
}
