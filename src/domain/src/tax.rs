//! How a supply is taxed. For now the seller's own table decides by the component's tax class; the tax engine will
//! decide more finely at the same place: [`treatment`].

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The tax class of a component that names none.
pub const STANDARD: &str = "standard";

/// A tax category with its rate (EN 16931 BG-30).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tax {
    /// BT-151, UNCL 5305: `S`, `Z`, `E`, `AE`, `K`, `G` or `O`.
    pub category: String,
    /// BT-152: percent; zero for every category but `S`.
    pub rate: Decimal,
    /// BT-120: why no tax is charged, empty for `S` and `Z`.
    pub exemption_reason: String,
}

/// One row of a seller's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    /// `standard`, `reduced`, ...
    pub tax_class: String,
    /// How it is taxed.
    pub tax: Tax,
}

/// Why a rule cannot stand in a seller's table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaxRuleError {
    /// No such category.
    #[error("`{0}` is no tax category (EN 16931 BT-151: S, Z, E, AE, K, G or O)")]
    Category(String),
    /// A rate that the category does not have.
    #[error("category {category} cannot have the rate {rate} %")]
    Rate {
        /// The category.
        category: String,
        /// The rate.
        rate: Decimal,
    },
    /// The reason is missing (EN 16931 BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10).
    #[error("category {0} needs a reason why no tax is charged")]
    Reason(String),
}

impl Tax {
    /// Whether the rule makes sense by EN 16931: `S` has a rate above zero, the others have none and, but for `Z`,
    /// say why.
    ///
    /// # Errors
    /// [`TaxRuleError`].
    pub fn check(&self) -> Result<(), TaxRuleError> {
        let category = || self.category.clone();
        let rate_fits = match self.category.as_str() {
            "S" => self.rate > Decimal::ZERO && self.rate < Decimal::ONE_HUNDRED && self.rate.scale() <= 4,
            "Z" | "E" | "AE" | "K" | "G" | "O" => self.rate.is_zero(),
            _ => return Err(TaxRuleError::Category(category())),
        };
        if !rate_fits {
            return Err(TaxRuleError::Rate { category: category(), rate: self.rate });
        }
        if !matches!(self.category.as_str(), "S" | "Z") && self.exemption_reason.trim().is_empty() {
            return Err(TaxRuleError::Reason(category()));
        }
        Ok(())
    }
}

/// How a component of a tax class is taxed by this seller; `None` when its table does not say.
#[must_use]
pub fn treatment<'a>(rules: &'a [TaxRule], tax_class: &str) -> Option<&'a Tax> {
    rules.iter().find(|rule| rule.tax_class == tax_class).map(|rule| &rule.tax)
}
