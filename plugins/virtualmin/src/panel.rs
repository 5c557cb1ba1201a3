//! The plugin's calls, each handed to the file that knows it.

use billet_plugin::v1::{
    ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse, CheckUsernameRequest,
    CheckUsernameResponse, CreateAccountRequest, CreateAccountResponse, CreatePackageRequest, CreatePackageResponse,
    CreateResellerRequest, CreateResellerResponse, GetAccountRequest, GetAccountResponse, GetCapacityRequest,
    GetCapacityResponse, GetUsageRequest, GetUsageResponse, ListAccountsRequest, ListAccountsResponse,
    ListPackagesRequest, ListPackagesResponse, ListResellersRequest, ListResellersResponse, SetResellerLimitsRequest,
    SetResellerLimitsResponse, SingleSignOnRequest, SingleSignOnResponse, SuspendAccountRequest,
    SuspendAccountResponse, TerminateAccountRequest, TerminateAccountResponse, TestConnectionRequest,
    TestConnectionResponse, UnsuspendAccountRequest, UnsuspendAccountResponse, UpdateAccountRequest,
    UpdateAccountResponse,
};
use billet_plugin::{Answer, Panel};

use crate::client::Client;
use crate::settings::Manner;

/// One Virtualmin server.
pub(crate) struct Virtualmin {
    pub(crate) client: Client,
    pub(crate) manner: Manner,
}

#[async_trait::async_trait]
impl Panel for Virtualmin {
    async fn test_connection(&self, _: TestConnectionRequest) -> Answer<TestConnectionResponse> {
        self.test().await
    }

    async fn check_username(&self, request: CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        self.check(&request).await
    }

    async fn list_accounts(&self, request: ListAccountsRequest) -> Answer<ListAccountsResponse> {
        self.list(&request).await
    }

    async fn get_account(&self, request: GetAccountRequest) -> Answer<GetAccountResponse> {
        self.get(request.r#ref.unwrap_or_default()).await
    }

    async fn list_packages(&self, _: ListPackagesRequest) -> Answer<ListPackagesResponse> {
        self.packages().await
    }

    async fn get_usage(&self, request: GetUsageRequest) -> Answer<GetUsageResponse> {
        self.usage(&request).await
    }

    async fn get_capacity(&self, _: GetCapacityRequest) -> Answer<GetCapacityResponse> {
        self.capacity().await
    }

    async fn list_resellers(&self, _: ListResellersRequest) -> Answer<ListResellersResponse> {
        self.resellers().await
    }

    async fn single_sign_on(&self, request: SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
        self.sign_on(&request).await
    }

    async fn create_account(&self, request: CreateAccountRequest) -> Answer<CreateAccountResponse> {
        self.create(&request).await
    }

    async fn suspend_account(&self, request: SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        self.suspend(&request).await
    }

    async fn unsuspend_account(&self, request: UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        self.unsuspend(&request).await
    }

    async fn terminate_account(&self, request: TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        self.terminate(&request).await
    }

    async fn change_package(&self, request: ChangePackageRequest) -> Answer<ChangePackageResponse> {
        self.move_to(&request).await
    }

    async fn change_password(&self, request: ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        self.set_password(&request).await
    }

    async fn update_account(&self, request: UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        self.update(&request).await
    }

    async fn create_package(&self, request: CreatePackageRequest) -> Answer<CreatePackageResponse> {
        self.add_package(&request).await
    }

    async fn create_reseller(&self, request: CreateResellerRequest) -> Answer<CreateResellerResponse> {
        self.add_reseller(&request).await
    }

    async fn set_reseller_limits(&self, request: SetResellerLimitsRequest) -> Answer<SetResellerLimitsResponse> {
        self.limit_reseller(&request).await
    }
}
