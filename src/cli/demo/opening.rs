//! Before the story: folders, daemon, seller, reseller, instances, tokens, panels.

use std::collections::BTreeSet;

use super::api::{Api, ask, have};
use super::catalogue;
use super::customers::{self, IVY};
use super::daemon::Place;
use super::error::DemoError;
use super::figures::{day, decimal, instant};
use super::narration::Narration;
use super::panels::{Panels, Reporting};
use super::stage::{Ids, Stage};
use crate::proto::billet::v1 as pb;

/// The seller, as `billet init` takes it.
const SELLER: [&str; 24] = [
    "--name", "Nimbus Hosting GmbH",
    "--country", "DE",
    "--address-line", "Serverstrasse 10",
    "--post-code", "12345",
    "--city", "Musterstadt",
    "--vat-id", "DE999999999",
    "--email", "billing@nimbus.example",
    "--currency", "EUR",
    "--time-zone", "Europe/Berlin",
    "--language", "en",
    "--vat-rate", "19",
    "--payment-term-days", "14",
];

/// Sets everything up on the morning of 1 March.
///
/// # Errors
/// [`DemoError`].
pub async fn set_up(place: Place, mut say: Narration) -> Result<Stage, DemoError> {
    let now = instant(day(3, 1)?, "09:00")?;
    place.lay_out()?;
    say.chapter("A hoster sets up its billing");
    say.day(day(3, 1)?);
    let secret = place.init(now, &SELLER).await?;
    let daemon = place.serve(now).await?;
    let owner = Api::new(daemon.connect().await?, &secret)?;
    say.step("billet", &format!("`billet init` made the seller Nimbus Hosting GmbH; `billet serve` listens on {}", daemon.url));
    say.note(&format!("database {}", place.database().display()));

    let mut ids = Ids::default();
    set_series(&owner, "RE-{year}-{number:5}", "GS-{year}-{number:5}").await?;
    let whm1 = make_instance(&owner, &mut ids, "cpanel", "whm1").await?;
    let plesk1 = make_instance(&owner, &mut ids, "plesk", "plesk1").await?;
    let reporting =
        Reporting { place: &place, url: &daemon.url, whm_token: whm1.secret(), plesk_token: plesk1.secret() };
    let panels = Panels::start(&reporting).await?;
    panels.set_now(now);
    say.step("owner", "makes the instances whm1 and plesk1, each with a token that can do nothing but report for it");
    for (name, url) in panels.urls() {
        say.note(&format!("{name:<7} simulated, at {url}, runs `billet hook` on every change of an account"));
    }
    catalogue::make(&owner, &mut ids, &mut say).await?;
    catalogue::map_packages(&owner, &ids, &mut say).await?;
    customers::make(&owner, &mut ids, &mut say).await?;
    let grove = make_reseller(&owner, &mut ids, &mut say).await?;
    Ok(Stage { say, place, daemon, panels, owner, grove, whm1, plesk1, ids, now, told: BTreeSet::new() })
}

async fn set_series(api: &Api, invoice: &str, credit_note: &str) -> Result<(), DemoError> {
    for (document_kind, pattern) in [("invoice", invoice), ("credit_note", credit_note)] {
        let series = pb::Series {
            document_kind: document_kind.to_owned(),
            pattern: pattern.to_owned(),
            yearly: true,
            ..Default::default()
        };
        let request = pb::SetSeriesRequest { request_id: api.request_id(), series: Some(series) };
        ask("SetSeries", api.resellers().set_series(request)).await?;
    }
    Ok(())
}

/// Makes an instance and a token for it; answers the API as its panel sees it.
async fn make_instance(owner: &Api, ids: &mut Ids, plugin: &str, name: &'static str) -> Result<Api, DemoError> {
    let instance = pb::Instance {
        plugin: plugin.to_owned(),
        name: name.to_owned(),
        unknown_customer: pb::UnknownCustomerPolicy::Park.into(),
        enabled: true,
        ..Default::default()
    };
    let request = pb::CreateInstanceRequest { request_id: owner.request_id(), instance: Some(instance) };
    let made = have("the instance", ask("CreateInstance", owner.instances().create_instance(request)).await?.instance)?;
    let token = pb::Token {
        name: name.to_owned(),
        roles: vec![pb::Role::Panel.into()],
        instance_id: made.id.clone(),
        ..Default::default()
    };
    let request =
        pb::CreateTokenRequest { request_id: owner.request_id(), token: Some(token), ..Default::default() };
    let secret = ask("CreateToken", owner.admin().create_token(request)).await?.secret;
    ids.instances.insert(name, made.id);
    owner.acting_with(&secret)
}

/// Makes a reseller with a plan, a customer and numbers of its own.
async fn make_reseller(owner: &Api, ids: &mut Ids, say: &mut Narration) -> Result<Api, DemoError> {
    let party = pb::Party {
        name: "Grove Media".to_owned(),
        address_line: "Waldrand 9".to_owned(),
        post_code: "99999".to_owned(),
        city: "Beispielwald".to_owned(),
        country_code: "DE".to_owned(),
        vat_id: "DE888888888".to_owned(),
        email: "billing@grove.example".to_owned(),
        ..Default::default()
    };
    let rule = pb::TaxRule {
        tax_class: "standard".to_owned(),
        category: "S".to_owned(),
        rate: Some(decimal("19")),
        ..Default::default()
    };
    let seller = pb::Seller {
        party: Some(party),
        time_zone: "Europe/Berlin".to_owned(),
        currency_code: "EUR".to_owned(),
        language: "en".to_owned(),
        payment_term_days: 7,
        tax_rules: vec![rule],
        nightly_run_at: "02:00".to_owned(),
        bill_changes_at_once: true,
        ..Default::default()
    };
    let request = pb::CreateResellerRequest {
        request_id: owner.request_id(),
        seller: Some(seller),
        owner_name: "grove".to_owned(),
    };
    let answer = ask("CreateReseller", owner.resellers().create_reseller(request)).await?;
    let grove = owner.acting_with(&answer.owner_token)?;
    set_series(&grove, "GM-{year}-{number:4}", "GMG-{year}-{number:4}").await?;
    let components = vec![catalogue::recurring("pages", "Pages", "12.40", "1")];
    let id = catalogue::make_plan(&grove, ("pages", "Shop pages"), pb::PlanKind::Standalone, components).await?;
    ids.plans.insert("pages", id);
    ids.customers.insert(IVY.key, customers::make_one(&grove, &IVY).await?);
    say.step("owner", "makes the reseller Grove Media: a seller with its own plan, customer and invoice numbers");
    Ok(grove)
}
