//! Domain registrars and registries.

use crate::call::calls;

calls! {
    /// What a registrar can do. What a plugin does not have is answered as unsupported.
    Registrar, registrar, "RegistrarService", registrar_service_server::RegistrarService;
    asks {
        /// Asks whether the registrar can be reached with these credentials, and how much credit there is.
        test_registrar "TestRegistrar" (TestRegistrarRequest) -> TestRegistrarResponse;
        /// Asks whether names can be registered, and what for.
        check_availability "CheckAvailability" (CheckAvailabilityRequest) -> CheckAvailabilityResponse;
        /// Asks for names like a name.
        suggest_domains "SuggestDomains" (SuggestDomainsRequest) -> SuggestDomainsResponse;
        /// Reads a domain.
        get_domain "GetDomain" (GetDomainRequest) -> GetDomainResponse;
        /// Lists the domains that are here, by name.
        list_domains "ListDomains" (ListDomainsRequest) -> ListDomainsResponse;
        /// Reads the secret that a transfer to another registrar needs.
        get_auth_code "GetAuthCode" (GetAuthCodeRequest) -> GetAuthCodeResponse;
        /// Reads the records of a zone.
        list_records "ListRecords" (ListRecordsRequest) -> ListRecordsResponse;
        /// Asks what names under a top-level domain cost.
        get_tld_pricing "GetTldPricing" (GetTldPricingRequest) -> GetTldPricingResponse;
        /// Reads the oldest message that was not acknowledged.
        poll_message "PollMessage" (PollMessageRequest) -> PollMessageResponse;
    }
    changes {
        /// Removes a message from the registrar's queue: only after what it says is stored.
        acknowledge_message "AcknowledgeMessage" (AcknowledgeMessageRequest) -> AcknowledgeMessageResponse;
        /// Registers a domain.
        register_domain "RegisterDomain" (RegisterDomainRequest) -> RegisterDomainResponse;
        /// Asks to transfer a domain here.
        transfer_domain "TransferDomain" (TransferDomainRequest) -> TransferDomainResponse;
        /// Answers or withdraws a transfer that is under way.
        decide_transfer "DecideTransfer" (DecideTransferRequest) -> DecideTransferResponse;
        /// Renews a domain.
        renew_domain "RenewDomain" (RenewDomainRequest) -> RenewDomainResponse;
        /// Takes a domain back out of its redemption period.
        restore_domain "RestoreDomain" (RestoreDomainRequest) -> RestoreDomainResponse;
        /// Deletes a domain.
        delete_domain "DeleteDomain" (DeleteDomainRequest) -> DeleteDomainResponse;
        /// Changes name servers, contacts, lock, DNSSEC or ID protection of a domain.
        update_domain "UpdateDomain" (UpdateDomainRequest) -> UpdateDomainResponse;
        /// Makes, changes or removes a name server below a domain (glue).
        set_glue_host "SetGlueHost" (SetGlueHostRequest) -> SetGlueHostResponse;
        /// Replaces the records of a zone.
        set_records "SetRecords" (SetRecordsRequest) -> SetRecordsResponse;
    }
}
