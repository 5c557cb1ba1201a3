//! Billet's plugin for cPanel & WHM: hosting accounts, packages, resellers and usage, over WHM API 1.
//!
//! `client` and `answer` know the wire, `failure` what refusals mean, the other files one group of calls each. The
//! operator's page is `docs/plugins/cpanel.md`.

mod account;
mod answer;
mod budget;
mod change;
mod client;
mod connection;
mod creation;
mod failure;
mod figures;
mod listing;
mod naming;
mod package;
mod reseller;
mod reseller_state;
mod session;
mod settings;
mod suspension;
mod termination;
mod usage;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use billet_plugin::v1::*;
use billet_plugin::{Answer, Configured, Failure, Panel, Plugin, Settings};

use client::Client;
use settings::Manner;

/// The plugin.
pub const PLUGIN: Plugin = Plugin { describe, configure };

/// What it has. Not RenewAccount: WHM keeps no date until which an account is paid.
const CAPABILITIES: [&str; 22] = [
    "TestConnection",
    "CheckUsername",
    "ListAccounts",
    "GetAccount",
    "ListPackages",
    "GetUsage",
    "GetCapacity",
    "ListResellers",
    "SingleSignOn",
    "CreateAccount",
    "SuspendAccount",
    "UnsuspendAccount",
    "TerminateAccount",
    "ChangePackage",
    "ChangePassword",
    "UpdateAccount",
    "CreatePackage",
    "CreateReseller",
    "SetResellerLimits",
    "SuspendReseller",
    "UnsuspendReseller",
    "TerminateReseller",
];

/// A busy server does account work one after the other anyway.
const CONCURRENCY_MAX: u32 = 2;

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "cpanel".to_owned(),
        title: "cPanel & WHM".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: CAPABILITIES.iter().map(|name| (*name).to_owned()).collect(),
        settings_schema: settings::SCHEMA.to_owned(),
        concurrency_max: CONCURRENCY_MAX,
        username_rules: Some(naming::rules()),
        account_naming: AccountNaming::Username.into(),
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let (access, manner) = settings::read(settings)?;
    let client = Client::new(access, &manner)?;
    Ok(Configured::Panel(Arc::new(Cpanel { client, manner })))
}

/// One server.
#[derive(Debug)]
pub(crate) struct Cpanel {
    pub(crate) client: Client,
    pub(crate) manner: Manner,
}

#[async_trait]
impl Panel for Cpanel {
    async fn test_connection(&self, _: TestConnectionRequest) -> Answer<TestConnectionResponse> {
        connection::test(self).await
    }

    async fn check_username(&self, request: CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        creation::check_username(self, &request).await
    }

    async fn list_accounts(&self, request: ListAccountsRequest) -> Answer<ListAccountsResponse> {
        listing::list_accounts(self, &request).await
    }

    async fn get_account(&self, request: GetAccountRequest) -> Answer<GetAccountResponse> {
        account::get(self, request.r#ref.as_ref()).await
    }

    async fn list_packages(&self, _: ListPackagesRequest) -> Answer<ListPackagesResponse> {
        package::list(self).await
    }

    async fn get_usage(&self, request: GetUsageRequest) -> Answer<GetUsageResponse> {
        usage::get(self, &request).await
    }

    async fn get_capacity(&self, _: GetCapacityRequest) -> Answer<GetCapacityResponse> {
        connection::capacity(self).await
    }

    async fn list_resellers(&self, _: ListResellersRequest) -> Answer<ListResellersResponse> {
        listing::list_resellers(self).await
    }

    async fn single_sign_on(&self, request: SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
        session::single_sign_on(self, &request).await
    }

    async fn create_account(&self, request: CreateAccountRequest) -> Answer<CreateAccountResponse> {
        creation::create(self, &request).await
    }

    async fn suspend_account(&self, request: SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        suspension::suspend(self, &request).await
    }

    async fn unsuspend_account(&self, request: UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        suspension::unsuspend(self, &request).await
    }

    async fn terminate_account(&self, request: TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        termination::terminate(self, &request).await
    }

    async fn change_package(&self, request: ChangePackageRequest) -> Answer<ChangePackageResponse> {
        change::package(self, &request).await
    }

    async fn change_password(&self, request: ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        change::password(self, &request).await
    }

    async fn update_account(&self, request: UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        change::update(self, &request).await
    }

    async fn create_package(&self, request: CreatePackageRequest) -> Answer<CreatePackageResponse> {
        package::create(self, &request).await
    }

    async fn create_reseller(&self, request: CreateResellerRequest) -> Answer<CreateResellerResponse> {
        reseller::create(self, &request).await
    }

    async fn set_reseller_limits(&self, request: SetResellerLimitsRequest) -> Answer<SetResellerLimitsResponse> {
        reseller::set_limits(self, &request).await
    }

    async fn suspend_reseller(&self, request: SuspendResellerRequest) -> Answer<SuspendResellerResponse> {
        reseller_state::suspend(self, &request).await
    }

    async fn unsuspend_reseller(&self, request: UnsuspendResellerRequest) -> Answer<UnsuspendResellerResponse> {
        reseller_state::unsuspend(self, &request).await
    }

    async fn terminate_reseller(&self, request: TerminateResellerRequest) -> Answer<TerminateResellerResponse> {
        reseller_state::terminate(self, &request).await
    }
}
