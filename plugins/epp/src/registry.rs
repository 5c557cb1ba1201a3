//! The plugin's calls, each in its own file.

use billet_plugin::v1::{
    AcknowledgeMessageRequest, AcknowledgeMessageResponse, CheckAvailabilityRequest, CheckAvailabilityResponse,
    DecideTransferRequest, DecideTransferResponse, DeleteDomainRequest, DeleteDomainResponse, GetAuthCodeRequest,
    GetAuthCodeResponse, GetDomainRequest, GetDomainResponse, GetTldPricingRequest, GetTldPricingResponse,
    PollMessageRequest, PollMessageResponse, RegisterDomainRequest, RegisterDomainResponse, RenewDomainRequest,
    RenewDomainResponse, RestoreDomainRequest, RestoreDomainResponse, SetGlueHostRequest, SetGlueHostResponse,
    TestRegistrarRequest, TestRegistrarResponse, TransferDomainRequest, TransferDomainResponse, UpdateDomainRequest,
    UpdateDomainResponse,
};
use billet_plugin::{Answer, Done, Registrar};

use crate::client::Client;
use crate::{availability, deletion, host, lookup, message, registration, renewal, restore, transfer, update};

/// The methods that this plugin has. EPP has no lists of domains, no suggestions and no zones.
pub const CAPABILITIES: [&str; 15] = [
    "TestRegistrar",
    "CheckAvailability",
    "GetDomain",
    "GetAuthCode",
    "GetTldPricing",
    "PollMessage",
    "AcknowledgeMessage",
    "RegisterDomain",
    "TransferDomain",
    "DecideTransfer",
    "RenewDomain",
    "RestoreDomain",
    "DeleteDomain",
    "UpdateDomain",
    "SetGlueHost",
];

/// A registry that speaks EPP.
pub struct Registry(
    /// What it is spoken to with.
    pub Client,
);

#[async_trait::async_trait]
impl Registrar for Registry {
    async fn test_registrar(&self, _: TestRegistrarRequest) -> Answer<TestRegistrarResponse> {
        let greeting = self.0.hello(self.0.question_deadline()).await?;
        Ok(Done::new(TestRegistrarResponse { server: greeting.server.clone(), ..Default::default() }))
    }

    async fn check_availability(&self, request: CheckAvailabilityRequest) -> Answer<CheckAvailabilityResponse> {
        availability::check(&self.0, request).await
    }

    async fn get_domain(&self, request: GetDomainRequest) -> Answer<GetDomainResponse> {
        lookup::get(&self.0, request).await
    }

    async fn get_auth_code(&self, request: GetAuthCodeRequest) -> Answer<GetAuthCodeResponse> {
        lookup::auth_code(&self.0, request).await
    }

    async fn get_tld_pricing(&self, request: GetTldPricingRequest) -> Answer<GetTldPricingResponse> {
        availability::pricing(&self.0, request).await
    }

    async fn poll_message(&self, request: PollMessageRequest) -> Answer<PollMessageResponse> {
        message::poll(&self.0, request).await
    }

    async fn acknowledge_message(&self, request: AcknowledgeMessageRequest) -> Answer<AcknowledgeMessageResponse> {
        message::acknowledge(&self.0, request).await
    }

    async fn register_domain(&self, request: RegisterDomainRequest) -> Answer<RegisterDomainResponse> {
        Box::pin(registration::register(&self.0, request)).await
    }

    async fn transfer_domain(&self, request: TransferDomainRequest) -> Answer<TransferDomainResponse> {
        transfer::request(&self.0, request).await
    }

    async fn decide_transfer(&self, request: DecideTransferRequest) -> Answer<DecideTransferResponse> {
        transfer::decide(&self.0, request).await
    }

    async fn renew_domain(&self, request: RenewDomainRequest) -> Answer<RenewDomainResponse> {
        renewal::renew(&self.0, request).await
    }

    async fn restore_domain(&self, request: RestoreDomainRequest) -> Answer<RestoreDomainResponse> {
        restore::restore(&self.0, request).await
    }

    async fn delete_domain(&self, request: DeleteDomainRequest) -> Answer<DeleteDomainResponse> {
        deletion::delete(&self.0, request).await
    }

    async fn update_domain(&self, request: UpdateDomainRequest) -> Answer<UpdateDomainResponse> {
        Box::pin(update::update(&self.0, request)).await
    }

    async fn set_glue_host(&self, request: SetGlueHostRequest) -> Answer<SetGlueHostResponse> {
        host::set_glue(&self.0, request).await
    }
}
