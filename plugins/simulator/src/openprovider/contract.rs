//! Which requests there are, from the published Swagger files: paths, parameters, members of bodies. What is not in here is
//! refused, which the real API may be milder about.

use axum::http::Method;

/// A request of the contract.
#[derive(Debug)]
pub(super) struct Operation {
    /// Its id in the Swagger file.
    pub(super) id: &'static str,
    method: &'static str,
    /// `{}` stands for a value.
    path: &'static str,
    /// Names of query parameters.
    pub(super) query: &'static str,
    /// Names of the body's members; empty when there is no body.
    pub(super) body: &'static str,
    /// Members without which nothing can be done.
    pub(super) required: &'static str,
}

const fn of(id: &'static str, method: &'static str, path: &'static str) -> Operation {
    Operation { id, method, path, query: "", body: "", required: "" }
}

const DOMAIN_BODY: &str = "accept_premium_fee additional_data admin_handle auth_code autorenew billing_handle comments \
    dnssec_keys domain is_dnssec_enabled is_private_whois_enabled name_servers ns_group ns_template_id ns_template_name \
    owner_handle promo_code reseller_handle tech_handle unit use_domicile";

/// The operations that are simulated.
pub(super) const OPERATIONS: [Operation; 27] = [
    Operation { body: "username password ip", required: "username password", ..of("Login", "POST", "auth/login") },
    Operation {
        query: "order_by.id order_by.domain_name limit offset id extension full_name domain_name_pattern status \
                contact_handle comment_pattern with_registry_statuses is_deleted",
        ..of("ListDomains", "GET", "domains")
    },
    Operation {
        body: "accept_eap_fee application_mode application_notice_id application_smd is_easy_dmarc_enabled \
               is_sectigo_dns_enabled is_spamexperts_enabled period provider",
        required: "domain period owner_handle admin_handle tech_handle billing_handle",
        ..of("CreateDomain", "POST", "domains")
    },
    Operation {
        body: "domains with_price provider application_mode additional_data",
        required: "domains",
        ..of("CheckDomain", "POST", "domains/check")
    },
    Operation {
        query: "domain.name domain.extension operation period additional_data.idn_script",
        ..of("GetPrice", "GET", "domains/prices")
    },
    Operation {
        body: "name limit tlds language provider sensitive",
        required: "name",
        ..of("SuggestNameDomain", "POST", "domains/suggest-name")
    },
    Operation {
        body: "at import_contacts_from_registry import_nameservers_from_registry roid",
        required: "domain",
        ..of("TransferDomain", "POST", "domains/transfer")
    },
    Operation {
        query: "domain.name domain.extension with_history with_additional_data with_registry_statuses \
                with_whois_privacy_data is_deleted",
        ..of("GetDomain", "GET", "domains/{}")
    },
    Operation {
        body: "accept_update_fee force_registry_update id is_locked is_sectigo_dns_enabled is_spamexperts_enabled \
               remove_nses reset_auth_code scheduled_at",
        ..of("UpdateDomain", "PUT", "domains/{}")
    },
    Operation {
        query: "domain.name domain.extension type skip_soft_quarantine force_delete",
        ..of("DeleteDomain", "DELETE", "domains/{}")
    },
    Operation { body: "domain id period", required: "period", ..of("RenewDomain", "POST", "domains/{}/renew") },
    Operation { body: "domain id", ..of("RestoreDomain", "POST", "domains/{}/restore") },
    Operation {
        body: "approve auth_code domain id registrar_tag",
        required: "approve",
        ..of("ApproveTransfer", "POST", "domains/{}/transfer/approve")
    },
    Operation {
        query: "domain.name domain.extension auth_code_type sending_type",
        ..of("GetAuthCode", "GET", "domains/{}/authcode")
    },
    Operation {
        body: "auth_code_type domain id sending_type",
        ..of("ResetAuthCode", "POST", "domains/{}/authcode/reset")
    },
    Operation {
        query: "limit offset order order_by email_pattern company_name_pattern last_name_pattern first_name_pattern \
                comment_pattern handle_pattern pattern with_additional_data",
        ..of("ListCustomers", "GET", "customers")
    },
    Operation {
        body: "additional_data address comments company_name email extension_additional_data fax locale name phone tags vat",
        required: "name email phone address",
        ..of("CreateCustomer", "POST", "customers")
    },
    Operation { query: "with_additional_data", ..of("GetCustomer", "GET", "customers/{}") },
    Operation {
        query: "name ip ip6 pattern limit offset order order_by",
        ..of("ListNameservers", "GET", "dns/nameservers")
    },
    Operation { body: "name ip ip6", required: "name ip", ..of("CreateNameserver", "POST", "dns/nameservers") },
    Operation { body: "name ip ip6", required: "ip", ..of("UpdateNameserver", "PUT", "dns/nameservers/{}") },
    of("DeleteNameserver", "DELETE", "dns/nameservers/{}"),
    Operation {
        body: "domain is_spamexperts_enabled master_ip provider records secured template_name type",
        required: "domain type",
        ..of("CreateZone", "POST", "dns/zones")
    },
    Operation {
        body: "domain id is_spamexperts_enabled master_ip name premium_dns provider records type",
        ..of("UpdateZone", "PUT", "dns/zones/{}")
    },
    Operation {
        query: "zone_id limit offset order_by.type order_by.name record_name_pattern value_pattern type prio ttl \
                zone_provider",
        ..of("ListZoneRecords", "GET", "dns/zones/{}/records")
    },
    Operation {
        query: "limit offset order order_by extensions name_pattern only_names with_description with_restrictions \
                with_price with_level_prices is_active status",
        ..of("ListTlds", "GET", "tlds")
    },
    Operation {
        query: "with_additional_data with_statistics with_settings with_contacts",
        ..of("GetReseller", "GET", "resellers")
    },
];

impl Operation {
    /// The operation of a request, and the value in its path.
    pub(super) fn of(method: &Method, segments: &[&str]) -> Option<(&'static Self, String)> {
        OPERATIONS.iter().filter(|operation| operation.method == method.as_str()).find_map(|operation| {
            let pattern: Vec<&str> = operation.path.split('/').collect();
            let fits = pattern.len() == segments.len()
                && pattern.iter().zip(segments).all(|(part, segment)| *part == "{}" || part == segment);
            // `domains/check` is not the domain `check`.
            let numbers = !operation.path.starts_with("domains/{}") || segments.get(1)?.parse::<i64>().is_ok();
            let at = pattern.iter().position(|part| *part == "{}");
            let value = at.and_then(|at| segments.get(at)).map(|value| (*value).to_owned()).unwrap_or_default();
            (fits && numbers).then_some((operation, value))
        })
    }

    /// Whether its body may have this member.
    pub(super) fn has_member(&self, name: &str) -> bool {
        let shares = matches!(self.id, "CreateDomain" | "TransferDomain" | "UpdateDomain");
        has(self.body, name) || (shares && has(DOMAIN_BODY, name))
    }
}

/// Whether a list of names has this one.
pub(super) fn has(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|one| one == name)
}
