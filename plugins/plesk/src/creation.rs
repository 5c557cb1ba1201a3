//! CreateAccount: a customer, if it is not there, and a subscription that it owns.
//!
//! Two steps, and Plesk may stop between them. Both carry an external id by which they are known again: the
//! subscription Billet's own id for the account, the customer `billet:` with the same. The next attempt finds what is
//! there and does the rest. When the subscription is refused for good, the customer goes again if this very work made
//! it and it owns nothing.

use std::collections::BTreeMap;

use billet_plugin::v1::{Account, AccountRef, CreateAccountRequest, CreateAccountResponse, ProblemKind};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::{Reply, expected};
use crate::customer::{Customer, MARK};
use crate::failure::{is_unknown, prefixed, refused};
use crate::naming;
use crate::packet::{Packet, filter, leaves, named};
use crate::webspace::{WHOLE, Webspace, by_domain};
use crate::work::{Time, Work};
use crate::xml::Element;

/// What `extra` may hold, and what it is called in Plesk; `customer_login` and `ip_address` aside.
const CONTACT: [(&str, &str); 8] = [
    ("company", "cname"),
    ("phone", "phone"),
    ("fax", "fax"),
    ("address", "address"),
    ("city", "city"),
    ("state", "state"),
    ("postal_code", "pcode"),
    ("country", "country"),
];

/// An account as it shall be.
struct Wanted {
    request: CreateAccountRequest,
    customer_login: String,
    /// The login was named, so that its customer is used whoever made it.
    login_is_named: bool,
    /// The subscription's external id.
    anchor: String,
    contact: BTreeMap<&'static str, String>,
}

impl Wanted {
    fn read(mut request: CreateAccountRequest, work: &Work) -> Result<Self, Failure> {
        let invalid = |words: String| refused(ProblemKind::Invalid, words);
        naming::check(&request.username)?;
        request.domain = request.domain.trim_end_matches('.').to_lowercase();
        if request.domain.is_empty() {
            return Err(invalid("a domain is needed: it becomes the subscription's name".to_owned()));
        }
        if request.password.is_empty() {
            return Err(invalid("a password is needed".to_owned()));
        }
        let (mut contact, mut login) = (BTreeMap::new(), String::new());
        for (name, value) in &request.extra {
            match CONTACT.iter().find(|(known, _)| known == name) {
                Some((_, node)) => drop(contact.insert(*node, value.clone())),
                None if name == "customer_login" => login.clone_from(value),
                None if name == "ip_address" => {}
                None => return Err(invalid(format!("extra `{name}` is not known"))),
            }
        }
        let login_is_named = !login.is_empty();
        let customer_login =
            if login_is_named { login } else { naming::customer_login(&request.email, &request.username) };
        let anchor = match (&request.external_id, &work.id) {
            (own, _) if !own.is_empty() => own.clone(),
            (_, id) if !id.is_empty() => format!("billet-op-{id}"),
            _ => return Err(invalid("the operation has no id".to_owned())),
        };
        Ok(Self { request, customer_login, login_is_named, anchor, contact })
    }

    /// The external id of the customer that is made for it.
    fn customer_anchor(&self) -> String {
        format!("{MARK}{}", self.anchor)
    }

    /// Why a subscription that is there is not the one that this work made; `None` if it is.
    fn differs(&self, webspace: &Webspace, work: &Work) -> Option<String> {
        let request = &self.request;
        let name =
            AccountRef { username: request.username.clone(), domain: request.domain.clone(), panel_id: String::new() };
        if let Some(words) = webspace.differs(&name) {
            return Some(words);
        }
        if webspace.owner_login != self.customer_login {
            return Some(format!("its owner is {}, not {}", webspace.owner_login, self.customer_login));
        }
        match &webspace.external_id {
            // An empty one says nothing: not every version shows what was set. The rest decides then.
            Some(other) if !other.is_empty() && *other != self.anchor => {
                return Some("it carries another id".to_owned());
            }
            _ => {}
        }
        (!work.may_have_made(webspace.created)).then(|| "it is older than this operation".to_owned())
    }

    /// `customer.add`, its nodes in the order of clientAddGenInfo.
    fn customer_packet(&self) -> Packet {
        let request = &self.request;
        let contact = |name: &str| self.contact.get(name).map(String::as_str).unwrap_or_default();
        let names = [request.contact_name.as_str(), contact("cname"), &request.email, &request.username];
        let person = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let anchor = self.customer_anchor();
        let info = leaves(&[
            ("cname", contact("cname")),
            ("pname", person),
            ("login", &self.customer_login),
            ("passwd", &request.password),
            ("phone", contact("phone")),
            ("fax", contact("fax")),
            ("email", &request.email),
            ("address", contact("address")),
            ("city", contact("city")),
            ("state", contact("state")),
            ("pcode", contact("pcode")),
            ("country", contact("country")),
            ("owner-login", &request.owner),
            ("external-id", &anchor),
        ]);
        let packet = Packet::of("customer", "add", [Element::new("gen_info").with_all(info)]);
        packet.with_secret(&request.password)
    }

    /// `webspace.add`: general setup, hosting, plan.
    fn webspace_packet(&self, address: &str) -> Packet {
        let request = &self.request;
        let setup = leaves(&[
            ("name", &request.domain),
            ("owner-login", &self.customer_login),
            ("htype", "vrt_hst"),
            ("ip_address", address),
            ("external-id", &self.anchor),
        ]);
        let hosting = Element::new("vrt_hst")
            .with(named("property", "ftp_login", &request.username))
            .with(named("property", "ftp_password", &request.password))
            .with(Element::leaf("ip_address", address));
        let nodes = [Element::new("gen_setup").with_all(setup), Element::new("hosting").with(hosting)];
        let plan = leaves(&[("plan-name", &request.package)]);
        Packet::of("webspace", "add", nodes.into_iter().chain(plan)).with_secret(&request.password)
    }
}

impl Plesk {
    pub(crate) async fn create(&self, request: CreateAccountRequest) -> Answer<CreateAccountResponse> {
        let work = Work::of(request.operation.clone());
        let wanted = Wanted::read(request, &work)?;
        if work.is_repeated() {
            match self.made_before(&wanted, &work).await {
                Ok(Some(webspace)) => return Ok(self.created(&wanted, &webspace, true, work.time).await),
                Ok(None) => {}
                Err(failure) => return Err(self.given_up(&wanted, &work, failure).await),
            }
        }
        let address = self.address_for(&wanted, work.time).await?;
        let customer = self.customer_for(&wanted, &work).await?;
        match self.client.change_one(&wanted.webspace_packet(&address), work.time).await {
            Ok(reply) => self.answered(&wanted, &work, &customer, reply).await,
            Err(failure) if is_unknown(&failure) => match self.made_before(&wanted, &work).await {
                Ok(Some(webspace)) => Ok(self.created(&wanted, &webspace, false, work.time).await),
                _ => Err(failure),
            },
            Err(failure) => Err(self.cleaned(&wanted, &work, &customer, failure).await),
        }
    }

    /// What came of `webspace.add`.
    async fn answered(
        &self,
        wanted: &Wanted,
        work: &Work,
        customer: &Customer,
        reply: Reply,
    ) -> Answer<CreateAccountResponse> {
        let Some(refusal) = &reply.refusal else {
            let webspace = Webspace {
                id: reply.id.clone(),
                guid: reply.text_of("guid").unwrap_or_default(),
                name: wanted.request.domain.clone(),
                owner_login: wanted.customer_login.clone(),
                external_id: Some(wanted.anchor.clone()),
                system_user: wanted.request.username.clone(),
                synchronized: true,
                ..Webspace::default()
            };
            return Ok(self.created(wanted, &webspace, false, work.time).await);
        };
        if refusal.exists() {
            // Ours, if an answer was lost that nobody knew of; otherwise somebody has the domain or the system user.
            match self.made_before(wanted, work).await {
                Ok(Some(webspace)) => return Ok(self.created(wanted, &webspace, true, work.time).await),
                Ok(None) => {}
                Err(failure) if failure.is_refused(ProblemKind::Conflict) => {
                    return Err(self.cleaned(wanted, work, customer, failure).await);
                }
                Err(failure) => return Err(failure),
            }
        }
        let what = format!("the plan `{}`", wanted.request.package);
        Err(self.cleaned(wanted, work, customer, refusal.failure_of_value(&what)).await)
    }

    /// The subscription, if this work made it.
    ///
    /// # Errors
    /// A conflict when the domain or our id belongs to a subscription that it did not make.
    async fn made_before(&self, wanted: &Wanted, work: &Work) -> Result<Option<Webspace>, Failure> {
        let mut found = self.webspaces(by_domain(&wanted.request.domain), WHOLE, work.time).await?;
        if found.is_empty() {
            found = self.webspaces(filter("external-id", [&wanted.anchor]), WHOLE, work.time).await?;
        }
        let Some(webspace) = found.into_iter().next() else { return Ok(None) };
        match wanted.differs(&webspace, work) {
            None => Ok(Some(webspace)),
            Some(words) => Err(refused(
                ProblemKind::Conflict,
                format!("{} is there already, and not by this operation: {words}", webspace.name),
            )),
        }
    }

    /// The customer that shall own the subscription: one that is there, or a new one.
    async fn customer_for(&self, wanted: &Wanted, work: &Work) -> Result<Customer, Failure> {
        let usable = async |work_was_sent| match self.customer(&wanted.customer_login, work.time).await? {
            Some(customer) => {
                let perhaps_made = work_was_sent && work.may_have_made(customer.created);
                usable(wanted, customer, perhaps_made).map(Some)
            }
            None => Ok(None),
        };
        if let Some(customer) = usable(work.is_repeated()).await? {
            return Ok(customer);
        }
        let made = self.client.change_one(&wanted.customer_packet(), work.time).await;
        let failure = match made {
            Ok(Reply { refusal: Some(refusal), .. }) if !refusal.exists() => {
                return Err(prefixed(refusal.failure_of_value("the owner"), "the customer cannot be made"));
            }
            Ok(Reply { refusal: Some(refusal), .. }) => refusal.failure(),
            Ok(reply) => {
                let login = wanted.customer_login.clone();
                let external_id = wanted.customer_anchor();
                return Ok(Customer { id: reply.id, login, external_id, ..Customer::default() });
            }
            Err(failure) if is_unknown(&failure) => failure,
            Err(failure) => return Err(failure),
        };
        // Nobody knows, or it appeared just now.
        match usable(is_unknown(&failure)).await {
            Ok(Some(customer)) => Ok(customer),
            Ok(None) => Err(failure),
            Err(other) if is_unknown(&failure) && !other.is_refused(ProblemKind::Conflict) => Err(failure),
            Err(other) => Err(other),
        }
    }

    /// As [`Self::cleaned`], for a customer that an earlier attempt may have made.
    async fn given_up(&self, wanted: &Wanted, work: &Work, failure: Failure) -> Failure {
        match self.customer(&wanted.customer_login, work.time).await {
            Ok(Some(customer)) => self.cleaned(wanted, work, &customer, failure).await,
            _ => failure,
        }
    }

    /// The failure of a subscription. When it is for good, the customer that was made for it goes.
    async fn cleaned(&self, wanted: &Wanted, work: &Work, customer: &Customer, failure: Failure) -> Failure {
        let by_this_work = customer.external_id == wanted.customer_anchor() && work.may_have_made(customer.created);
        let about_us = matches!(failure.kind(), ProblemKind::Unauthenticated | ProblemKind::Permission);
        if !matches!(failure, Failure::Refused(_)) || about_us || !by_this_work {
            return failure;
        }
        match self.remove_if_empty(customer, work.time).await {
            Some(words) => prefixed(failure, &words),
            None => failure,
        }
    }

    /// The address for the hosting: named, set, or the first shared one.
    async fn address_for(&self, wanted: &Wanted, time: Time) -> Result<String, Failure> {
        if let Some(address) = wanted.request.extra.get("ip_address") {
            return Ok(address.clone());
        }
        if wanted.request.dedicated_ip {
            let words = "name the address of its own in extra `ip_address`: Plesk does not say which one is free";
            return Err(refused(ProblemKind::Invalid, words));
        }
        if !self.settings.ip_address.is_empty() {
            return Ok(self.settings.ip_address.clone());
        }
        let replies = self.client.ask_one(&Packet::of("ip", "get", []), time).await?;
        let reply = replies.into_iter().next().map(Reply::done).transpose()?;
        let addresses = reply.and_then(|reply| reply.result.get("addresses").cloned()).unwrap_or_default();
        let shared: Vec<&str> = addresses
            .all("ip_info")
            .filter(|address| address.text_of("type") == "shared")
            .map(|address| address.text_of("ip_address"))
            .collect();
        let first = shared.iter().find(|address| !address.contains(':')).or_else(|| shared.first());
        expected(first.map(|address| (*address).to_owned()), "a shared IP address: set `ip_address`")
    }

    /// The success. The account is there, so that what cannot be read of it is no failure.
    async fn created(
        &self,
        wanted: &Wanted,
        webspace: &Webspace,
        already: bool,
        time: Time,
    ) -> Done<CreateAccountResponse> {
        let mut warnings = Vec::new();
        if !wanted.request.language.is_empty() {
            warnings.push("the language is not set: the customer has the panel's default".to_owned());
        }
        let account = match self.created_account(webspace, time).await {
            Ok(account) => account,
            Err(failure) => {
                warnings.push(format!("the new account could not be read: {failure}"));
                Account { package: wanted.request.package.clone(), ..self.described(webspace, &Default::default()) }
            }
        };
        let response = CreateAccountResponse { account: Some(account), ..CreateAccountResponse::default() };
        Done { value: response, already, warnings }
    }

    async fn created_account(&self, webspace: &Webspace, time: Time) -> Result<Account, Failure> {
        let found = self.webspaces(webspace.filter(), WHOLE, time).await?.into_iter().next();
        self.account(found.as_ref().unwrap_or(webspace), time).await
    }
}

/// Whether a customer that is there may own the new subscription: it was named, or Billet made it for the same address.
/// `perhaps_made`: this work asked for such a customer and may have got it; then one without any id is taken for it,
/// since not every version shows the id that was set.
fn usable(wanted: &Wanted, customer: Customer, perhaps_made: bool) -> Result<Customer, Failure> {
    let conflict = |words: &str| {
        let words = format!("the customer {} is there already, {words}", customer.login);
        Err(refused(ProblemKind::Conflict, words))
    };
    let provider = &wanted.request.owner;
    if !provider.is_empty() && customer.owner_login != *provider {
        return conflict(&format!("and belongs to {}, not to {provider}", customer.owner_login));
    }
    if wanted.login_is_named || customer.external_id == wanted.customer_anchor() {
        return Ok(customer);
    }
    let is_ours = customer.is_ours() || (perhaps_made && customer.external_id.is_empty());
    if !is_ours {
        return conflict("and Billet did not make it; to use it, name it in extra `customer_login`");
    }
    if !customer.email.eq_ignore_ascii_case(&wanted.request.email) {
        return conflict("with another address; name one in extra `customer_login`");
    }
    Ok(customer)
}
