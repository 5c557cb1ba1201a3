//! ChangePackage, ChangePassword, UpdateAccount.

use billet_plugin::v1::{
    ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse, ProblemKind,
    UpdateAccountRequest, UpdateAccountResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::Reply;
use crate::failure::{clean, is_unknown, prefixed, refused};
use crate::naming;
use crate::packet::{Packet, filter, named};
use crate::settings::PasswordFor;
use crate::webspace::{self, WHOLE, Webspace};
use crate::work::{Time, Work};
use crate::xml::Element;

impl Plesk {
    pub(crate) async fn switch_package(&self, request: ChangePackageRequest) -> Answer<ChangePackageResponse> {
        let work = Work::of(request.operation);
        let webspace = self.the(&webspace::named(request.r#ref)?, work.time).await?;
        let plan = self.plan_for(&webspace, &request.package, work.time).await?;
        if webspace.plans.contains(&plan.guid) {
            let warnings = self.synced(&webspace, work.time).await?;
            return Ok(Done::already(ChangePackageResponse::default()).with_warnings(warnings));
        }
        let nodes = [webspace.filter(), Element::leaf("plan-guid", &plan.guid)];
        let packet = Packet::of("webspace", "switch-subscription", nodes);
        let mut warnings = Vec::new();
        match self.client.change_one(&packet, work.time).await {
            Ok(reply) => match &reply.refusal {
                // A table of what could not be taken over from the plan; the rest was.
                None => warnings.extend(reply.text_of("problems").map(|text| clean(&text, []))),
                Some(refusal) => return Err(refusal.failure()),
            },
            Err(failure) if is_unknown(&failure) => {
                let now = self.webspaces(webspace.filter(), WHOLE, work.time).await.unwrap_or_default();
                if !now.first().is_some_and(|webspace| webspace.plans.contains(&plan.guid)) {
                    return Err(failure);
                }
            }
            Err(failure) => return Err(failure),
        }
        warnings.extend(self.synced(&webspace, work.time).await?);
        Ok(Done::new(ChangePackageResponse::default()).with_warnings(warnings))
    }

    /// Gives a locked subscription its plan's settings where the operator wants that; otherwise says that it is locked.
    async fn synced(&self, webspace: &Webspace, time: Time) -> Result<Vec<String>, Failure> {
        if !webspace.locked {
            return Ok(Vec::new());
        }
        if !self.settings.sync_customised {
            return Ok(vec![
                "it is customised (locked): later changes of the plan are not carried over to it".to_owned(),
            ]);
        }
        let packet = Packet::of("webspace", "sync-subscription", [webspace.filter()]);
        let reply = self.client.change_one(&packet, time).await?.done();
        let reply = reply.map_err(|failure| prefixed(failure, "the plan was changed, its settings were not synced"))?;
        Ok(reply.text_of("problems").map(|text| clean(&text, [])).into_iter().collect())
    }

    pub(crate) async fn set_password(&self, request: ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        let work = Work::of(request.operation);
        let (password, whose) = (request.password, self.settings.password_for);
        if password.is_empty() {
            return Err(refused(ProblemKind::Invalid, "a password is needed"));
        }
        let webspace = self.the(&webspace::named(request.r#ref)?, work.time).await?;
        let customer = match whose {
            PasswordFor::SystemUser => None,
            PasswordFor::Both | PasswordFor::Customer => self.customer(&webspace.owner_login, work.time).await?,
        };
        if whose == PasswordFor::Customer && customer.is_none() {
            let words =
                format!("its owner {} is no customer: there is no panel password of its own", webspace.owner_login);
            return Err(refused(ProblemKind::State, words));
        }
        // Each can be repeated without harm, so that a half success is mended by the next attempt.
        if whose != PasswordFor::Customer {
            let properties = [named("property", "ftp_password", &password)];
            let values = Element::new("values").with(hosting(&webspace, properties));
            let packet = Packet::of("webspace", "set", [webspace.filter(), values]).with_secret(&password);
            self.client.change_one(&packet, work.time).await?.done()?;
        }
        if let Some(customer) = customer {
            let info = Element::new("gen_info").with(Element::leaf("passwd", &password));
            let nodes = [filter("id", [&customer.id]), Element::new("values").with(info)];
            let packet = Packet::of("customer", "set", nodes).with_secret(&password);
            let set = self.client.change_one(&packet, work.time).await.and_then(Reply::done);
            set.map_err(|failure| match whose {
                PasswordFor::Both => prefixed(failure, "the system user's password was set, the customer's was not"),
                _ => failure,
            })?;
        }
        Ok(Done::new(ChangePasswordResponse::default()))
    }

    pub(crate) async fn update(&self, request: UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        let work = Work::of(request.operation.clone());
        let webspace = self.the(&webspace::named(request.r#ref.clone())?, work.time).await?;
        let wanted = Update::read(&request, &webspace)?;
        let customer = match &wanted.email {
            None => None,
            Some(email) => match self.customer(&webspace.owner_login, work.time).await? {
                Some(customer) if customer.email.eq_ignore_ascii_case(email) => None,
                Some(customer) => Some((customer, email.clone())),
                None => {
                    let words =
                        format!("its owner {} is no customer: it has no address of its own", webspace.owner_login);
                    return Err(refused(ProblemKind::State, words));
                }
            },
        };
        let already = !wanted.touches_webspace() && customer.is_none();
        if wanted.touches_webspace() {
            let set = self.client.change_one(&wanted.packet(&webspace), work.time).await;
            match set {
                Ok(reply) => match &reply.refusal {
                    None => {}
                    Some(refusal) => return Err(refusal.failure_of_value("the new owner")),
                },
                Err(failure) if is_unknown(&failure) => {
                    let now = self.webspaces(webspace.filter(), WHOLE, work.time).await.unwrap_or_default();
                    if !now.first().is_some_and(|now| wanted.is_so(now)) {
                        return Err(failure);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        if let Some((customer, email)) = customer {
            let info = Element::new("gen_info").with(Element::leaf("email", &email));
            let nodes = [filter("id", [&customer.id]), Element::new("values").with(info)];
            let set = self.client.change_one(&Packet::of("customer", "set", nodes), work.time).await;
            if let Err(failure) = set.and_then(Reply::done) {
                let now = self.customer(&webspace.owner_login, work.time).await;
                let is_set = matches!(&now, Ok(Some(customer)) if customer.email == email);
                if !(is_unknown(&failure) && is_set) {
                    let half = "the subscription was changed, the contact address was not";
                    return Err(if wanted.touches_webspace() { prefixed(failure, half) } else { failure });
                }
            }
        }
        let (account, warnings) = match self.updated(&webspace, work.time).await {
            Ok(account) => (Some(account), Vec::new()),
            Err(failure) => (None, vec![format!("the account could not be read afterwards: {failure}")]),
        };
        Ok(Done { value: UpdateAccountResponse { account, ..UpdateAccountResponse::default() }, already, warnings })
    }

    async fn updated(&self, webspace: &Webspace, time: Time) -> Result<billet_plugin::v1::Account, Failure> {
        let now = self.webspaces(webspace.filter(), WHOLE, time).await?;
        self.account(now.first().unwrap_or(webspace), time).await
    }
}

/// What really changes.
struct Update {
    domain: Option<String>,
    owner: Option<String>,
    username: Option<String>,
    email: Option<String>,
}

impl Update {
    fn read(request: &UpdateAccountRequest, webspace: &Webspace) -> Result<Self, Failure> {
        let invalid = |words: &str| Err(refused(ProblemKind::Invalid, words));
        let is_empty = |value: &Option<String>| value.as_deref().is_some_and(str::is_empty);
        if [&request.domain, &request.owner, &request.username, &request.email].into_iter().any(is_empty) {
            return invalid("a new value is empty");
        }
        if request.owner.is_some() && request.email.is_some() {
            return invalid("change the owner and the address in two calls: the address is the owner's");
        }
        if let Some(username) = &request.username {
            naming::check(username)?;
        }
        let domain = request.domain.as_ref().map(|domain| domain.trim_end_matches('.').to_lowercase());
        Ok(Self {
            domain: domain.filter(|domain| !webspace.is_named(domain)),
            owner: request.owner.clone().filter(|owner| *owner != webspace.owner_login),
            username: request.username.clone().filter(|username| *username != webspace.system_user),
            email: request.email.clone(),
        })
    }

    fn touches_webspace(&self) -> bool {
        self.domain.is_some() || self.owner.is_some() || self.username.is_some()
    }

    /// `webspace.set`: general setup (name, owner), hosting.
    fn packet(&self, webspace: &Webspace) -> Packet {
        let mut values = Element::new("values");
        let name = self.domain.as_ref().map(|domain| Element::leaf("name", domain));
        let owner = self.owner.as_ref().map(|owner| Element::leaf("owner-login", owner));
        if name.is_some() || owner.is_some() {
            values = values.with(Element::new("gen_setup").with_all(name).with_all(owner));
        }
        if let Some(username) = &self.username {
            values = values.with(hosting(webspace, [named("property", "ftp_login", username)]));
        }
        Packet::of("webspace", "set", [webspace.filter(), values])
    }

    fn is_so(&self, now: &Webspace) -> bool {
        self.domain.as_ref().is_none_or(|domain| now.is_named(domain))
            && self.owner.as_ref().is_none_or(|owner| now.owner_login == *owner)
            && self.username.as_ref().is_none_or(|username| now.system_user == *username)
    }
}

/// Hosting with these properties and the addresses it has, which Plesk's documentation requires.
fn hosting(webspace: &Webspace, properties: impl IntoIterator<Item = Element>) -> Element {
    let addresses = webspace.addresses.iter().map(|address| Element::leaf("ip_address", address));
    Element::new("hosting").with(Element::new("vrt_hst").with_all(properties).with_all(addresses))
}
