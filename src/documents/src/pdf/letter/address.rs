//! The addressee in the window, and the seller in the footer.

use billet_domain::document::{Document, Party};

use super::body::{filled, labelled};
use crate::pdf::forms::iban_in_fours;
use crate::pdf::language::Language;

/// Post code and city.
pub(super) fn place(party: &Party) -> String {
    filled([&party.post_code, &party.city]).join(" ")
}

/// The lines of an address as the post wants them (DIN 5008): the country last, in capitals, and only abroad.
pub(super) fn address(party: &Party, from_country: &str, language: &Language) -> Vec<String> {
    let country = if party.country.eq_ignore_ascii_case(from_country) {
        String::new()
    } else {
        language.country(&party.country).to_uppercase()
    };
    filled([&party.name, &party.address_line, &party.address_line_2, &place(party), &country])
}

/// The columns of the footer: who and where, how to reach them, how they are registered, their account.
pub(super) fn footer(document: &Document, language: &Language) -> Vec<Vec<String>> {
    let seller = &document.seller;
    let labels = &language.labels;
    let said = |pairs| labelled(pairs).into_iter().map(|(label, value)| format!("{label} {value}")).collect::<Vec<_>>();
    let mut registered = filled([&seller.registration]);
    registered.extend(said([(&labels.vat_id, &seller.vat_id), (&labels.tax_number, &seller.tax_number)]));
    let iban = iban_in_fours(&document.pay_to.iban);
    let columns = [
        address(seller, &document.buyer.country, language),
        said([(&labels.email, &seller.email), (&labels.phone, &seller.phone)]),
        registered,
        said([(&labels.iban, &iban), (&labels.bic, &document.pay_to.bic)]),
    ];
    columns.into_iter().filter(|column| !column.is_empty()).collect()
}
