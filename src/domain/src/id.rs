//! Typed identifiers. Stored as 64-bit integers, shown with a prefix that tells what they name (`cus_1042`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}: it should look like `{prefix}_1042`")]
pub struct IdError {
    given: String,
    wanted: &'static str,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $wanted:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// What stands before the underscore in the written form.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(given: &str) -> Result<Self, IdError> {
                given
                    .strip_prefix(concat!($prefix, "_"))
                    .filter(|digits| !digits.starts_with(['+', '-', '0']))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| IdError {
                        given: given.chars().take(64).collect(),
                        wanted: $wanted,
                        prefix: $prefix,
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// The legal person who issues invoices, and the tenant.
    SellerId, "sel", "a seller";
    /// Somebody a seller bills.
    CustomerId, "cus", "a customer";
    /// A grouping of a customer's subscriptions (a project or a sub-account).
    ProjectId, "prj", "a project";
    /// A plan of the catalogue, over all its versions.
    PlanId, "pln", "a plan";
    /// One version of a plan; never changed once a subscription uses it.
    PlanVersionId, "plv", "a plan version";
    /// A promotion code's conditions.
    PromotionId, "pro", "a promotion";
    /// A customer's contract for a plan.
    SubscriptionId, "sub", "a subscription";
    /// One configured panel, registrar or gateway connection.
    InstanceId, "ins", "an instance";
    /// An invoice, credit note, cancellation or correction.
    InvoiceId, "inv", "an invoice";
    /// A line of an invoice.
    LineId, "lin", "a line";
    /// Money received or paid out.
    PaymentId, "pay", "a payment";
    /// What of a payment or credit note settles which invoice.
    AllocationId, "all", "an allocation";
    /// A number range of documents.
    SeriesId, "ser", "a series";
    /// An access token.
    TokenId, "tok", "a token";
    /// A person who signs in or is named as the actor.
    UserId, "usr", "a user";
    /// A billing run.
    RunId, "run", "a billing run";
    /// A durable job.
    JobId, "job", "a job";
    /// A difference between a panel and the books.
    DriftId, "dri", "a difference";
    /// A hook as received.
    HookId, "hok", "a hook";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_comes_back_and_another_kind_does_not() {
        assert_eq!("cus_17".parse(), Ok(CustomerId(17)));
        assert_eq!(CustomerId(17).to_string(), "cus_17");
        for wrong in ["inv_17", "cus_", "cus_-1", "cus_+1", "cus_017", "17", "cus_99999999999999999999", "cus_1 "] {
            assert!(wrong.parse::<CustomerId>().is_err(), "{wrong}");
        }
    }
}
