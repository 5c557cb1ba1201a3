//! The languages documents are printed in: one file each, of words and of the forms of numbers and dates.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use billet_domain::document::DocumentKind;
use serde::Deserialize;

use super::PdfError;
use super::forms::Forms;

/// By BCP 47 base language. English is what documents in any other language are printed in.
const FILES: [(&str, &str); 3] = [
    ("en", include_str!("../../templates/lang/en.toml")),
    ("de", include_str!("../../templates/lang/de.toml")),
    ("pl", include_str!("../../templates/lang/pl.toml")),
];

/// One language file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// BCP 47, from the file's name.
    #[serde(skip)]
    pub code: &'static str,
    pub forms: Forms,
    invoice: KindWords,
    credit_note: KindWords,
    cancellation: KindWords,
    pub labels: Labels,
    tax_categories: BTreeMap<String, String>,
    countries: BTreeMap<String, String>,
}

/// The words for one kind of document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindWords {
    pub title: String,
    pub number: String,
    pub preceding: String,
    pub total: String,
}

/// The words that all kinds share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub issue_date: String,
    pub due_date: String,
    pub customer_number: String,
    pub buyer_vat_id: String,
    pub seller_vat_id: String,
    pub position: String,
    pub description: String,
    pub quantity: String,
    pub unit_price_net: String,
    pub unit_price_gross: String,
    pub tax_rate: String,
    pub amount_net: String,
    pub amount_gross: String,
    pub lines_total: String,
    pub allowance: String,
    pub allowance_percent: String,
    pub net_total: String,
    pub tax_of: String,
    pub payment: String,
    pub pay_until: String,
    pub account_name: String,
    pub iban: String,
    pub bic: String,
    pub payment_reference: String,
    pub vat_id: String,
    pub tax_number: String,
    pub email: String,
    pub phone: String,
    pub page: String,
}

impl Language {
    /// The language of a BCP 47 tag, else its base language, else English.
    pub(super) fn of(tag: &str) -> Result<&'static Self, PdfError> {
        static ALL: LazyLock<Result<Vec<Language>, PdfError>> = LazyLock::new(|| {
            let read = |(code, text)| match toml::from_str::<Language>(text) {
                Ok(language) => Ok(Language { code, ..language }),
                Err(error) => Err(PdfError::Press(format!("templates/lang/{code}.toml: {error}"))),
            };
            FILES.into_iter().map(read).collect()
        });
        let all = ALL.as_ref().map_err(Clone::clone)?;
        let named = |code: &str| all.iter().find(|language| language.code.eq_ignore_ascii_case(code));
        let base = tag.split(['-', '_']).next().unwrap_or_default();
        named(tag)
            .or_else(|| named(base))
            .or_else(|| named("en"))
            .ok_or_else(|| PdfError::Press("no languages".to_owned()))
    }

    pub(super) fn kind(&self, kind: DocumentKind) -> &KindWords {
        match kind {
            DocumentKind::Invoice => &self.invoice,
            DocumentKind::CreditNote => &self.credit_note,
            DocumentKind::Cancellation => &self.cancellation,
        }
    }

    /// The pattern that names a tax category (EN 16931 BT-118), with a place for `{rate}`.
    pub(super) fn tax_category(&self, category: &str) -> &str {
        self.tax_categories.get(category).or_else(|| self.tax_categories.get("other")).map_or("{rate}", String::as_str)
    }

    /// A country's name, or its code if the language has none.
    pub(super) fn country<'a>(&'a self, code: &'a str) -> &'a str {
        self.countries.get(code).map_or(code, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(tag: &str) -> &'static str {
        Language::of(tag).expect("language files parse").code
    }

    #[test]
    fn an_unknown_language_falls_back_to_its_base_then_to_english() {
        assert_eq!(code_of("de"), "de");
        assert_eq!(code_of("de-AT"), "de");
        assert_eq!(code_of("DE_ch"), "de");
        assert_eq!(code_of("pl-PL"), "pl");
        assert_eq!(code_of("fr-FR"), "en");
        assert_eq!(code_of(""), "en");
        assert_eq!(code_of("../de"), "en");
    }

    #[test]
    fn every_language_knows_the_same_categories_and_countries() {
        let english = Language::of("en").expect("parses");
        for (code, _) in FILES {
            let language = Language::of(code).expect("parses");
            assert!(language.tax_categories.keys().eq(english.tax_categories.keys()), "{code}: tax categories");
            assert!(language.countries.keys().eq(english.countries.keys()), "{code}: countries");
        }
    }

    #[test]
    fn what_a_language_has_no_word_for_is_still_named() {
        let german = Language::of("de").expect("parses");
        assert_eq!(german.country("PL"), "Polen");
        assert_eq!(german.country("ZW"), "ZW");
        assert_eq!(german.tax_category("L"), "Steuer {rate}");
    }
}
