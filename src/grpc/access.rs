//! Who may call what: one table of all methods. A method that is not in it is refused; a test walks it.

use billet_domain::role::Role;
use billet_domain::role::Role::{
    Accountant, Auditor, Customer, Owner, Panel, Provisioning, ResellerAdmin, ResellerSupport, Support,
};

/// Any token will do.
const ANY: &[Role] = &Role::ALL;
/// Reads what belongs to customers; a customer only its own.
const READ_OWN: &[Role] =
    &[Owner, Accountant, Support, Provisioning, ResellerAdmin, ResellerSupport, Auditor, Customer];
/// Reads everything of a seller.
const READ: &[Role] = &[Owner, Accountant, Support, Provisioning, ResellerAdmin, ResellerSupport, Auditor];
/// Keeps customers and their contracts.
const SERVE: &[Role] = &[Owner, Support, Provisioning, ResellerAdmin, ResellerSupport];
/// Keeps what is offered and configured.
const CONFIGURE: &[Role] = &[Owner, Provisioning, ResellerAdmin];
/// Says what the daemon connects to, from inside the operator's network.
const REACH: &[Role] = &[Owner, Provisioning];
/// Sets prices and rules.
const PRICE: &[Role] = &[Owner, ResellerAdmin];
/// Handles documents and money.
const BOOK: &[Role] = &[Owner, Accountant, ResellerAdmin];
/// Reads the books.
const AUDIT: &[Role] = &[Owner, Accountant, ResellerAdmin, Auditor];
/// Reports what happened.
const REPORT: &[Role] = &[Owner, Provisioning, ResellerAdmin, Panel];
/// Looks after the daemon.
const RUN: &[Role] = &[Owner];

/// A method with the roles that may call it.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// As in the request's path, without the leading `/billet.v1.`: `CatalogService/CreatePlan`.
    pub method: &'static str,
    /// Any of these is enough.
    pub roles: &'static [Role],
}

const fn allow(method: &'static str, roles: &'static [Role]) -> Access {
    Access { method, roles }
}

/// Every method of the public API.
pub static METHODS: &[Access] = &[
    allow("AdminService/AdvanceClock", RUN),
    allow("AdminService/CreateToken", PRICE),
    allow("AdminService/GetClock", ANY),
    allow("AdminService/ListJobs", RUN),
    allow("AdminService/ListTokens", PRICE),
    allow("AdminService/RetryJob", RUN),
    allow("AdminService/RevokeToken", PRICE),
    allow("AdminService/WhoAmI", ANY),
    allow("BillingRunService/CancelRun", BOOK),
    allow("BillingRunService/GetRun", READ),
    allow("BillingRunService/ListRunFailures", READ),
    allow("BillingRunService/ListRuns", READ),
    allow("BillingRunService/StartRun", BOOK),
    allow("BillingRunService/WatchRun", READ),
    allow("CatalogService/CreatePlan", PRICE),
    allow("CatalogService/CreatePlanVersion", PRICE),
    allow("CatalogService/CreatePromotion", PRICE),
    allow("CatalogService/DeletePackageMapping", CONFIGURE),
    allow("CatalogService/EndPromotion", PRICE),
    allow("CatalogService/GetPlan", READ_OWN),
    allow("CatalogService/ListPackageMappings", READ),
    allow("CatalogService/ListPlans", READ_OWN),
    allow("CatalogService/ListPromotions", READ),
    allow("CatalogService/MigratePlanVersion", PRICE),
    allow("CatalogService/SetPackageMapping", CONFIGURE),
    allow("CatalogService/UpdatePlan", PRICE),
    allow("CustomerService/CreateCustomer", SERVE),
    allow("CustomerService/CreateProject", SERVE),
    allow("CustomerService/GetCustomer", READ_OWN),
    allow("CustomerService/GetStatement", READ_OWN),
    allow("CustomerService/LinkCustomer", SERVE),
    allow("CustomerService/ListCustomers", READ),
    allow("CustomerService/ListProjects", READ_OWN),
    allow("CustomerService/UpdateCustomer", SERVE),
    allow("DomainService/CheckDomains", SERVE),
    allow("DomainService/GetAuthCode", SERVE),
    allow("DomainService/GetDomain", READ),
    allow("DomainService/GetTldCosts", READ),
    allow("DomainService/ListDomains", READ),
    allow("DomainService/ListRegistrarMessages", READ),
    allow("DomainService/ListTlds", READ),
    allow("DomainService/RegisterDomain", SERVE),
    allow("DomainService/RenewDomain", SERVE),
    allow("DomainService/RestoreDomain", SERVE),
    allow("DomainService/RetryTransfer", SERVE),
    allow("DomainService/SetAutoRenew", SERVE),
    allow("DomainService/SetLock", SERVE),
    allow("DomainService/SetNameServers", SERVE),
    allow("DomainService/SetTld", PRICE),
    allow("DomainService/SyncDomain", SERVE),
    allow("DomainService/TransferDomain", SERVE),
    allow("EventService/ListEvents", AUDIT),
    allow("EventService/Watch", AUDIT),
    allow("HookService/DismissParked", CONFIGURE),
    allow("HookService/ListParked", READ),
    allow("HookService/ReplayParked", CONFIGURE),
    allow("HookService/Report", REPORT),
    allow("HookService/ReportStream", REPORT),
    allow("InstanceService/ConfigureInstance", REACH),
    allow("InstanceService/CreateInstance", CONFIGURE),
    allow("InstanceService/GetInstance", READ),
    allow("InstanceService/GetInstanceSettings", CONFIGURE),
    allow("InstanceService/ListInstanceAccounts", READ),
    allow("InstanceService/ListInstances", READ),
    allow("InstanceService/ListPlugins", READ),
    allow("InstanceService/ResealSecrets", REACH),
    allow("InstanceService/TestInstance", REACH),
    allow("InstanceService/UpdateInstance", CONFIGURE),
    allow("InvoiceService/BillCustomer", BOOK),
    allow("InvoiceService/CancelInvoice", BOOK),
    allow("InvoiceService/CreateDraft", BOOK),
    allow("InvoiceService/CreditInvoice", BOOK),
    allow("InvoiceService/DiscardDraft", BOOK),
    allow("InvoiceService/DownloadInvoice", READ_OWN),
    allow("InvoiceService/GetInvoice", READ_OWN),
    allow("InvoiceService/IssueInvoice", BOOK),
    allow("InvoiceService/ListInvoices", READ_OWN),
    allow("InvoiceService/PreviewInvoice", READ_OWN),
    allow("InvoiceService/WriteOffInvoice", BOOK),
    allow("PaymentService/AllocatePayment", BOOK),
    allow("PaymentService/GetPayment", READ_OWN),
    allow("PaymentService/ListPayments", READ_OWN),
    allow("PaymentService/RecordPayment", BOOK),
    allow("PaymentService/RecordRefund", BOOK),
    allow("PaymentService/ReleaseAllocation", BOOK),
    allow("ProvisioningService/AdoptAccounts", SERVE),
    allow("ProvisioningService/DeletePlanService", CONFIGURE),
    allow("ProvisioningService/GetReconciliation", READ),
    allow("ProvisioningService/GetService", READ),
    allow("ProvisioningService/HoldService", SERVE),
    allow("ProvisioningService/ListAttempts", READ),
    allow("ProvisioningService/ListDrift", READ),
    allow("ProvisioningService/ListInstanceGroups", READ),
    allow("ProvisioningService/ListPlanServices", READ),
    allow("ProvisioningService/ListServices", READ),
    allow("ProvisioningService/MarkServiceDone", SERVE),
    allow("ProvisioningService/MendDrift", SERVE),
    allow("ProvisioningService/Reconcile", SERVE),
    allow("ProvisioningService/ReleaseService", SERVE),
    allow("ProvisioningService/RetryService", SERVE),
    allow("ProvisioningService/RevealCredentials", SERVE),
    allow("ProvisioningService/SetInstanceGroup", CONFIGURE),
    allow("ProvisioningService/SetPlanService", CONFIGURE),
    allow("ProvisioningService/SkipService", SERVE),
    allow("ReportService/GetTrialBalance", AUDIT),
    allow("ResellerService/CreateReseller", RUN),
    allow("ResellerService/GetSeller", READ),
    allow("ResellerService/ListResellers", READ),
    allow("ResellerService/ListSeries", READ),
    allow("ResellerService/SetSeries", PRICE),
    allow("ResellerService/UpdateSeller", PRICE),
    allow("SubscriptionService/ChangeSubscription", SERVE),
    allow("SubscriptionService/CreateSubscription", SERVE),
    allow("SubscriptionService/GetSubscription", READ_OWN),
    allow("SubscriptionService/ListFacts", READ_OWN),
    allow("SubscriptionService/ListSubscriptions", READ_OWN),
    allow("SubscriptionService/PreviewChange", SERVE),
    allow("SubscriptionService/RenameAccount", SERVE),
];

/// The package of the public API, as it stands in request paths.
pub const PACKAGE: &str = "/billet.v1.";

/// Where the method of a request path stands in the table; `None` for what is not in it.
#[must_use]
pub fn index(path: &str) -> Option<usize> {
    let method = path.strip_prefix(PACKAGE)?;
    METHODS.binary_search_by_key(&method, |access| access.method).ok()
}

/// Who may call the method of a request path; `None` for what is not in the table.
#[must_use]
pub fn allowed(path: &str) -> Option<&'static [Role]> {
    METHODS.get(index(path)?).map(|access| access.roles)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;

    #[test]
    fn every_method_of_the_protocol_is_in_the_table_and_nothing_else() {
        let descriptors = prost_types::FileDescriptorSet::decode(crate::proto::DESCRIPTORS).expect("built in");
        let mut methods = BTreeSet::new();
        for file in descriptors.file.iter().filter(|file| file.package() == "billet.v1") {
            for service in &file.service {
                methods.extend(service.method.iter().map(|method| format!("{}/{}", service.name(), method.name())));
            }
        }
        let table: BTreeSet<String> = METHODS.iter().map(|access| access.method.to_owned()).collect();
        assert_eq!(methods, table);
        assert!(METHODS.is_sorted_by_key(|access| access.method), "the table is searched by halves");
    }

    #[test]
    fn an_auditor_reads_and_a_panel_reports() {
        for access in METHODS {
            let name = access.method.split('/').nth(1).expect("has a method");
            let reads =
                ["Get", "List", "Watch", "Who", "Preview", "Download"].iter().any(|verb| name.starts_with(verb));
            assert!(reads || !access.roles.contains(&Auditor), "{} writes", access.method);
            assert!(access.roles.contains(&Owner), "{} is closed to the owner", access.method);
            let own = access.method.starts_with("HookService/Report") || matches!(name, "WhoAmI" | "GetClock");
            assert_eq!(access.roles.contains(&Panel), own, "{}", access.method);
        }
    }
}
