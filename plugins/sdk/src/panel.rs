//! Hosting control panels.

use crate::call::calls;

calls! {
    /// What a hosting control panel can do. What a plugin does not have is answered as unsupported.
    Panel, panel, "PanelService", panel_service_server::PanelService;
    asks {
        /// Asks whether the panel can be reached with these credentials, and what it is.
        test_connection "TestConnection" (TestConnectionRequest) -> TestConnectionResponse;
        /// Asks whether a new account may have this name and domain.
        check_username "CheckUsername" (CheckUsernameRequest) -> CheckUsernameResponse;
        /// Lists accounts, by user name.
        list_accounts "ListAccounts" (ListAccountsRequest) -> ListAccountsResponse;
        /// Reads one account.
        get_account "GetAccount" (GetAccountRequest) -> GetAccountResponse;
        /// Lists packages (service plans).
        list_packages "ListPackages" (ListPackagesRequest) -> ListPackagesResponse;
        /// Reads what accounts use.
        get_usage "GetUsage" (GetUsageRequest) -> GetUsageResponse;
        /// Asks how full the server is.
        get_capacity "GetCapacity" (GetCapacityRequest) -> GetCapacityResponse;
        /// Lists resellers.
        list_resellers "ListResellers" (ListResellersRequest) -> ListResellersResponse;
        /// Makes a login address that works once.
        single_sign_on "SingleSignOn" (SingleSignOnRequest) -> SingleSignOnResponse;
    }
    changes {
        /// Makes an account.
        create_account "CreateAccount" (CreateAccountRequest) -> CreateAccountResponse;
        /// Suspends an account.
        suspend_account "SuspendAccount" (SuspendAccountRequest) -> SuspendAccountResponse;
        /// Lifts a suspension that Billet set.
        unsuspend_account "UnsuspendAccount" (UnsuspendAccountRequest) -> UnsuspendAccountResponse;
        /// Removes an account with everything that is in it.
        terminate_account "TerminateAccount" (TerminateAccountRequest) -> TerminateAccountResponse;
        /// Gives an account another package.
        change_package "ChangePackage" (ChangePackageRequest) -> ChangePackageResponse;
        /// Sets an account's password.
        change_password "ChangePassword" (ChangePasswordRequest) -> ChangePasswordResponse;
        /// Changes an account's main domain, contact address or owner.
        update_account "UpdateAccount" (UpdateAccountRequest) -> UpdateAccountResponse;
        /// Tells the panel that an account was renewed, where panels keep an expiry date.
        renew_account "RenewAccount" (RenewAccountRequest) -> RenewAccountResponse;
        /// Makes a package.
        create_package "CreatePackage" (CreatePackageRequest) -> CreatePackageResponse;
        /// Makes an account, or a new user, a reseller.
        create_reseller "CreateReseller" (CreateResellerRequest) -> CreateResellerResponse;
        /// Sets what a reseller may use and do.
        set_reseller_limits "SetResellerLimits" (SetResellerLimitsRequest) -> SetResellerLimitsResponse;
        /// Suspends a reseller with its accounts.
        suspend_reseller "SuspendReseller" (SuspendResellerRequest) -> SuspendResellerResponse;
        /// Lifts the suspension of a reseller.
        unsuspend_reseller "UnsuspendReseller" (UnsuspendResellerRequest) -> UnsuspendResellerResponse;
        /// Removes a reseller with its accounts.
        terminate_reseller "TerminateReseller" (TerminateResellerRequest) -> TerminateResellerResponse;
    }
}
