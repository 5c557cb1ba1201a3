//! Domains between protocol and use cases.

use billet_domain::catalog::PlanContent;
use billet_domain::money::Currency;
use billet_domain::period::CycleUnit;
use billet_domain::provision::{Known, Standing, TransferState, Wanted};
use billet_plugin::v1::{self, DomainAction, TldPricing};
use rust_decimal::Decimal;

use super::provisioning::{from_create_when, named, state, to_create_when};
use super::{decimal, parse_optional, text, to_date, to_decimal, to_instant, to_money};
use crate::billing::BillingError;
use crate::billing::domain::ask::Checked;
use crate::billing::domain::price_list::{Action, DOMAIN, PriceList, REGISTER, RESTORE, TRANSFER, TldPrice};
use crate::proto::billet::v1 as pb;
use crate::proto::google::r#type as gt;
use crate::store::plan::Version;
use crate::store::registrar_message::Message;
use crate::store::service::Service;
use crate::store::subscription::Subscription;
use crate::store::{domain, tld};

/// Most prices of a list: four actions of ten years, and room for mistakes.
const PRICES_MAX: usize = 100;

/// A domain for the protocol.
#[must_use]
pub fn to_domain(row: domain::Domain, service: Service, subscription: &Subscription) -> pb::Domain {
    let (Wanted::Domain(wanted), Known::Domain(known)) = (service.wanted, service.known) else {
        return pb::Domain::default();
    };
    let here = known.presence == billet_domain::provision::Presence::Present;
    let standing = match (here, known.left, known.standing) {
        (_, true, _) => pb::DomainStanding::Elsewhere,
        (false, ..) => pb::DomainStanding::Unspecified,
        (true, _, Standing::Active) => pb::DomainStanding::Active,
        (true, _, Standing::PendingCreate) => pb::DomainStanding::PendingCreate,
        (true, _, Standing::PendingTransfer) => pb::DomainStanding::PendingTransfer,
        (true, _, Standing::Expired) => pb::DomainStanding::Expired,
        (true, _, Standing::Redemption) => pb::DomainStanding::Redemption,
        (true, _, Standing::PendingRestore) => pb::DomainStanding::PendingRestore,
        (true, _, Standing::PendingDelete) => pb::DomainStanding::PendingDelete,
        (true, _, Standing::Elsewhere) => pb::DomainStanding::Elsewhere,
    };
    let transfer = match known.transfer {
        None => pb::DomainTransferState::Unspecified,
        Some(TransferState::Requested) => pb::DomainTransferState::Requested,
        Some(TransferState::Pending) => pb::DomainTransferState::Pending,
        Some(TransferState::Approved) => pb::DomainTransferState::Approved,
        Some(TransferState::Rejected) => pb::DomainTransferState::Rejected,
        Some(TransferState::Cancelled) => pb::DomainTransferState::Cancelled,
    };
    pb::Domain {
        subscription_id: row.subscription_id.to_string(),
        name: row.name,
        tld: row.tld,
        instance_id: service.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        standing: standing.into(),
        expires_on: known.expires_on.map(to_date),
        served_until: known.served_until.map(to_date),
        covered_until: wanted.covered_until.map(to_date),
        auto_renew: subscription.ends_on.is_none(),
        ends_on: subscription.ends_on.map(to_date),
        transfer: transfer.into(),
        name_servers: known.name_servers,
        wanted_name_servers: wanted.name_servers.unwrap_or_default(),
        locked: known.locked,
        certain: known.certain,
        state: state(service.state).into(),
        problem: service.problem,
        detail: service.detail,
        awaits_payment: service.awaits_payment,
        invoice_on: row.invoice_on.map(to_date),
    }
}

/// What is to be sold.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `tld`.
pub fn from_tld(given: pb::Tld) -> Result<PriceList, BillingError> {
    if given.prices.len() > PRICES_MAX {
        return Err(BillingError::invalid("tld.prices", format!("at most {PRICES_MAX}")));
    }
    let price = |(index, one): (usize, &pb::DomainPrice)| {
        let at = |field: &str| format!("tld.prices[{index}].{field}");
        let action = match one.action() {
            pb::DomainAction::Register => Action::Register,
            pb::DomainAction::Renew => Action::Renew,
            pb::DomainAction::Transfer => Action::Transfer,
            pb::DomainAction::Restore => Action::Restore,
            pb::DomainAction::Unspecified => {
                return Err(BillingError::invalid(at("action"), "say what is paid for"));
            }
        };
        Ok(TldPrice { action, years: one.years, price: decimal(&at("price"), one.price.as_ref())? })
    };
    Ok(PriceList {
        prices: given.prices.iter().enumerate().map(price).collect::<Result<_, _>>()?,
        currency: parse_optional("tld.currency_code", &given.currency_code)?,
        tax_inclusive: given.tax_inclusive,
        tax_class: text("tld.tax_class", &given.tax_class, 64, false)?,
        instance_group: named("tld.instance_group", given.instance_group)?,
        create_when: from_create_when("tld.create_when", given.create_when)?,
        transfer_years: given.transfer_years,
        invoice_before_days: given.invoice_before_days,
        renew_before_days: given.renew_before_days,
        name_servers: given.name_servers,
        tld: given.tld,
    })
}

/// What is sold, with the prices in a currency, for the protocol.
#[must_use]
pub fn to_tld(rules: tld::Tld, version: Option<&Version>, currency: Currency) -> pb::Tld {
    let content = version.map(|version| &version.content);
    let component = content.and_then(|content| content.component(DOMAIN));
    pb::Tld {
        tld: rules.tld,
        currency_code: currency.code().to_owned(),
        prices: content.map(|content| prices(content, currency)).unwrap_or_default(),
        tax_inclusive: content.is_some_and(|content| content.tax_inclusive),
        tax_class: component.map(|one| one.tax_class.clone()).unwrap_or_default(),
        instance_group: rules.instance_group,
        create_when: to_create_when(rules.create_when).into(),
        transfer_years: rules.transfer_years,
        invoice_before_days: rules.invoice_before_days,
        renew_before_days: rules.renew_before_days,
        name_servers: rules.name_servers,
        plan_id: rules.plan_id.to_string(),
        version_id: version.map(|version| version.id.to_string()).unwrap_or_default(),
    }
}

fn prices(content: &PlanContent, currency: Currency) -> Vec<pb::DomainPrice> {
    let actions = [
        (pb::DomainAction::Register, REGISTER),
        (pb::DomainAction::Renew, DOMAIN),
        (pb::DomainAction::Transfer, TRANSFER),
        (pb::DomainAction::Restore, RESTORE),
    ];
    let of = |(action, code): (pb::DomainAction, &str)| {
        let prices = content.component(code).map(|one| one.prices.clone()).unwrap_or_default();
        prices.into_iter().filter(move |price| price.currency == currency && price.cycle.unit == CycleUnit::Year).map(
            move |price| pb::DomainPrice {
                action: action.into(),
                years: price.cycle.count,
                price: Some(to_decimal(price.unit_price)),
            },
        )
    };
    actions.into_iter().flat_map(of).collect()
}

/// What was found about a name, for the protocol.
///
/// # Errors
/// [`BillingError`] when a price is too large.
pub fn to_check(checked: Checked, currency: Currency) -> Result<pb::DomainCheck, BillingError> {
    let money = |price: Decimal| Ok::<_, BillingError>(to_money(currency.round_to_minor(price)?, currency));
    let (first_year_price, renewal_price) = match checked.prices {
        Some((first, further)) => (Some(money(first)?), Some(money(further)?)),
        None => (None, None),
    };
    let said = checked.said.unwrap_or_default();
    let reason = if checked.held_here {
        "it is a domain of a customer here".to_owned()
    } else if checked.prices.is_none() {
        "nothing is sold under its top-level domain in this currency".to_owned()
    } else {
        said.reason
    };
    let cost = said.prices.iter().find(|price| price.action() == DomainAction::Register && price.years <= 1);
    Ok(pb::DomainCheck {
        name: checked.name,
        orderable: said.available && !said.premium && !checked.held_here && first_year_price.is_some(),
        available: said.available,
        reason,
        premium: said.premium,
        cost: cost.and_then(|price| price.price.as_ref()).map(from_plugin),
        first_year_price,
        renewal_price,
    })
}

fn from_plugin(money: &billet_plugin::google::r#type::Money) -> gt::Money {
    gt::Money { currency_code: money.currency_code.clone(), units: money.units, nanos: money.nanos }
}

/// What names cost the hoster, for the protocol.
#[must_use]
pub fn to_costs(pricing: TldPricing) -> pb::TldCosts {
    let cost = |price: v1::DomainPrice| pb::TldCost {
        action: match price.action() {
            DomainAction::Unspecified => pb::DomainAction::Unspecified,
            DomainAction::Register => pb::DomainAction::Register,
            DomainAction::Renew => pb::DomainAction::Renew,
            DomainAction::Transfer => pb::DomainAction::Transfer,
            DomainAction::Restore => pb::DomainAction::Restore,
        }
        .into(),
        years: price.years,
        cost: price.price.as_ref().map(from_plugin),
    };
    pb::TldCosts {
        tld: pricing.tld,
        costs: pricing.prices.into_iter().map(cost).collect(),
        renew_before_days: pricing.renew_before_days,
    }
}

/// What a registrar said, for the protocol.
#[must_use]
pub fn to_message(message: Message) -> pb::RegistrarMessage {
    pb::RegistrarMessage {
        instance_id: message.instance_id.to_string(),
        message_id: message.message_id,
        kind: message.kind,
        domain: message.domain,
        words: message.words,
        raw: message.raw,
        queued_at: Some(message.queued_at).filter(|at| at.timestamp() > 0).map(to_instant),
        received_at: Some(to_instant(message.received_at)),
        acknowledged_at: message.acknowledged_at.map(to_instant),
    }
}
