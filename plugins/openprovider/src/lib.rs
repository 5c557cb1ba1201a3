//! Billet's plugin for the registrar Openprovider: domains, contacts, glue, DNS and prices over its REST API.
//!
//! `client`, `login` and `failure` know the wire, `domain` and `lookup` what a domain is there, the other files one group of
//! calls each. Messages are not polled: the API has none; what changes is found by reading domains. The operator's page is
//! `docs/plugins/openprovider.md`.

mod account;
mod availability;
mod budget;
mod client;
mod contact;
mod domain;
mod failure;
mod glue;
mod login;
mod lookup;
mod moment;
mod money;
mod name;
mod pricing;
mod registration;
mod removal;
mod renewal;
mod settings;
mod transfer;
mod update;
mod zone;

use std::sync::Arc;

use async_trait::async_trait;
use billet_plugin::v1::*;
use billet_plugin::{Answer, Configured, Failure, Plugin, Registrar, Settings};

use client::Client;
use settings::Manner;

/// The plugin.
pub const PLUGIN: Plugin = Plugin { describe, configure };

/// What it has. Not PollMessage and AcknowledgeMessage: the API has no queue of messages.
const CAPABILITIES: [&str; 17] = [
    "TestRegistrar",
    "CheckAvailability",
    "SuggestDomains",
    "GetDomain",
    "ListDomains",
    "GetAuthCode",
    "ListRecords",
    "GetTldPricing",
    "RegisterDomain",
    "TransferDomain",
    "DecideTransfer",
    "RenewDomain",
    "RestoreDomain",
    "DeleteDomain",
    "UpdateDomain",
    "SetGlueHost",
    "SetRecords",
];

/// A registrar's own work is slow and independent by domain; the API's limit of calls is not published.
const CONCURRENCY_MAX: u32 = 4;

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "openprovider".to_owned(),
        title: "Openprovider".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Registrar.into(),
        capabilities: CAPABILITIES.iter().map(|name| (*name).to_owned()).collect(),
        settings_schema: settings::SCHEMA.to_owned(),
        concurrency_max: CONCURRENCY_MAX,
        ..DescribeResponse::default()
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let (access, manner) = settings::read(settings)?;
    let client = Client::new(&access)?;
    Ok(Configured::Registrar(Arc::new(Openprovider { client, manner })))
}

/// One reseller account.
pub(crate) struct Openprovider {
    pub(crate) client: Client,
    pub(crate) manner: Manner,
}

#[async_trait]
impl Registrar for Openprovider {
    async fn test_registrar(&self, _: TestRegistrarRequest) -> Answer<TestRegistrarResponse> {
        account::test(self).await
    }

    async fn check_availability(&self, request: CheckAvailabilityRequest) -> Answer<CheckAvailabilityResponse> {
        availability::check(self, &request).await
    }

    async fn suggest_domains(&self, request: SuggestDomainsRequest) -> Answer<SuggestDomainsResponse> {
        availability::suggest(self, &request).await
    }

    async fn get_domain(&self, request: GetDomainRequest) -> Answer<GetDomainResponse> {
        account::get(self, &request).await
    }

    async fn list_domains(&self, request: ListDomainsRequest) -> Answer<ListDomainsResponse> {
        account::list(self, &request).await
    }

    async fn get_auth_code(&self, request: GetAuthCodeRequest) -> Answer<GetAuthCodeResponse> {
        update::auth_code(self, &request).await
    }

    async fn list_records(&self, request: ListRecordsRequest) -> Answer<ListRecordsResponse> {
        zone::list(self, &request).await
    }

    async fn get_tld_pricing(&self, request: GetTldPricingRequest) -> Answer<GetTldPricingResponse> {
        pricing::list(self, &request).await
    }

    async fn register_domain(&self, request: RegisterDomainRequest) -> Answer<RegisterDomainResponse> {
        registration::register(self, &request).await
    }

    async fn transfer_domain(&self, request: TransferDomainRequest) -> Answer<TransferDomainResponse> {
        transfer::transfer(self, &request).await
    }

    async fn decide_transfer(&self, request: DecideTransferRequest) -> Answer<DecideTransferResponse> {
        transfer::decide(self, &request).await
    }

    async fn renew_domain(&self, request: RenewDomainRequest) -> Answer<RenewDomainResponse> {
        renewal::renew(self, &request).await
    }

    async fn restore_domain(&self, request: RestoreDomainRequest) -> Answer<RestoreDomainResponse> {
        removal::restore(self, &request).await
    }

    async fn delete_domain(&self, request: DeleteDomainRequest) -> Answer<DeleteDomainResponse> {
        removal::delete(self, &request).await
    }

    async fn update_domain(&self, request: UpdateDomainRequest) -> Answer<UpdateDomainResponse> {
        update::update(self, &request).await
    }

    async fn set_glue_host(&self, request: SetGlueHostRequest) -> Answer<SetGlueHostResponse> {
        glue::set(self, &request).await
    }

    async fn set_records(&self, request: SetRecordsRequest) -> Answer<SetRecordsResponse> {
        zone::set(self, &request).await
    }
}
