//! Billet's adapter for Plesk, over its XML API (`/enterprise/control/agent.php`).
//!
//! An account of the protocol is a subscription, which the XML API calls a webspace: its user name is the system user
//! of its hosting, its panel id the guid, its owner the customer (or reseller) that it belongs to. `client` knows the
//! wire, `failure` the error codes, and one file per group of calls does the rest. `docs/plugins/plesk.md` is the page
//! for operators.

mod account;
mod calendar;
mod change;
mod client;
mod creation;
mod customer;
mod failure;
mod limits;
mod listing;
mod naming;
mod packet;
mod plan;
mod removal;
mod reseller;
mod reseller_state;
mod session;
mod settings;
mod status;
mod suspension;
mod usage;
mod webspace;
mod work;
mod xml;

use std::fmt;
use std::sync::Arc;

use billet_plugin::v1::{
    AccountNaming, ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse,
    CheckUsernameRequest, CheckUsernameResponse, CreateAccountRequest, CreateAccountResponse, CreatePackageRequest,
    CreatePackageResponse, CreateResellerRequest, CreateResellerResponse, DescribeResponse, GetAccountRequest,
    GetAccountResponse, GetCapacityRequest, GetCapacityResponse, GetUsageRequest, GetUsageResponse,
    ListAccountsRequest, ListAccountsResponse, ListPackagesRequest, ListPackagesResponse, ListResellersRequest,
    ListResellersResponse, PluginKind, SetResellerLimitsRequest, SetResellerLimitsResponse, SingleSignOnRequest,
    SingleSignOnResponse, SuspendAccountRequest, SuspendAccountResponse, SuspendResellerRequest,
    SuspendResellerResponse, TerminateAccountRequest, TerminateAccountResponse, TerminateResellerRequest,
    TerminateResellerResponse, TestConnectionRequest, TestConnectionResponse, UnsuspendAccountRequest,
    UnsuspendAccountResponse, UnsuspendResellerRequest, UnsuspendResellerResponse, UpdateAccountRequest,
    UpdateAccountResponse,
};
use billet_plugin::{Answer, Configured, Failure, Panel, Plugin, Settings};

use client::Client;
use settings::PleskSettings;

/// The plugin: for the daemon to link, and for a program of its own.
pub const PLUGIN: Plugin = Plugin { describe, configure };

/// What it has of PanelService. RenewAccount is not among it: Billet keeps the dates itself.
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

/// Plesk works on subscriptions one after the other; more calls only wait there.
const CONCURRENCY_MAX: u32 = 2;

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "plesk".to_owned(),
        title: "Plesk".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: CAPABILITIES.iter().map(|call| (*call).to_owned()).collect(),
        settings_schema: settings::SCHEMA.to_owned(),
        concurrency_max: CONCURRENCY_MAX,
        username_rules: Some(naming::rules()),
        // Events of subscriptions carry their domain and no system user.
        account_naming: AccountNaming::Domain.into(),
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let settings = PleskSettings::read(settings)?;
    let client = Client::new(&settings)?;
    Ok(Configured::Panel(Arc::new(Plesk { client, settings })))
}

/// One Plesk server.
struct Plesk {
    client: Client,
    settings: PleskSettings,
}

impl fmt::Debug for Plesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plesk").field("settings", &self.settings).finish_non_exhaustive()
    }
}

macro_rules! panel {
    ($($call:ident => $does:ident ($request:ident) -> $response:ident;)*) => {
        #[async_trait::async_trait]
        impl Panel for Plesk {
            $(
                async fn $call(&self, request: $request) -> Answer<$response> {
                    self.$does(request).await
                }
            )*
        }
    };
}

panel! {
    test_connection => test (TestConnectionRequest) -> TestConnectionResponse;
    check_username => check_name (CheckUsernameRequest) -> CheckUsernameResponse;
    list_accounts => list (ListAccountsRequest) -> ListAccountsResponse;
    get_account => show_account (GetAccountRequest) -> GetAccountResponse;
    list_packages => show_packages (ListPackagesRequest) -> ListPackagesResponse;
    get_usage => use_of (GetUsageRequest) -> GetUsageResponse;
    get_capacity => capacity (GetCapacityRequest) -> GetCapacityResponse;
    list_resellers => show_resellers (ListResellersRequest) -> ListResellersResponse;
    single_sign_on => sign_on (SingleSignOnRequest) -> SingleSignOnResponse;
    create_account => create (CreateAccountRequest) -> CreateAccountResponse;
    suspend_account => suspend (SuspendAccountRequest) -> SuspendAccountResponse;
    unsuspend_account => unsuspend (UnsuspendAccountRequest) -> UnsuspendAccountResponse;
    terminate_account => terminate (TerminateAccountRequest) -> TerminateAccountResponse;
    change_package => switch_package (ChangePackageRequest) -> ChangePackageResponse;
    change_password => set_password (ChangePasswordRequest) -> ChangePasswordResponse;
    update_account => update (UpdateAccountRequest) -> UpdateAccountResponse;
    create_package => make_package (CreatePackageRequest) -> CreatePackageResponse;
    create_reseller => make_reseller (CreateResellerRequest) -> CreateResellerResponse;
    set_reseller_limits => limit_reseller (SetResellerLimitsRequest) -> SetResellerLimitsResponse;
    suspend_reseller => hold_reseller (SuspendResellerRequest) -> SuspendResellerResponse;
    unsuspend_reseller => release_reseller (UnsuspendResellerRequest) -> UnsuspendResellerResponse;
    terminate_reseller => end_reseller (TerminateResellerRequest) -> TerminateResellerResponse;
}
