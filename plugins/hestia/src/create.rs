//! Making an account: a user, then its domain. Two commands, so either can fail alone.

use billet_plugin::v1::{CreateAccountRequest, CreateAccountResponse, ProblemKind};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::User;
use crate::failure::{after, is_missing, is_taken, refused};
use crate::naming;
use crate::panel::Hestia;
use crate::settings::DomainServices;

/// What is wished for, checked.
struct Wish<'a> {
    username: &'a str,
    domain: String,
    package: &'a str,
    password: &'a str,
    email: &'a str,
    person: String,
    language: &'a str,
}

impl<'a> Wish<'a> {
    fn read(request: &'a CreateAccountRequest) -> Result<Self, Failure> {
        naming::new_username(&request.username)?;
        naming::password(&request.password)?;
        let unsupported = |words: &str| Err(refused(ProblemKind::Unsupported, words));
        if !request.owner.is_empty() {
            return unsupported("HestiaCP has no resellers: an account has no owner");
        }
        if request.dedicated_ip {
            return unsupported("this plugin does not give accounts of HestiaCP an address of their own");
        }
        if let Some(name) = request.extra.keys().next() {
            return Err(refused(ProblemKind::Invalid, format!("extra `{name}`: this plugin takes none")));
        }
        if !request.email.contains('@') {
            return Err(refused(ProblemKind::Invalid, "HestiaCP needs a contact address"));
        }
        let domain = if request.domain.is_empty() { String::new() } else { naming::domain(&request.domain)? };
        Ok(Self {
            username: &request.username,
            domain,
            package: if request.package.is_empty() { "default" } else { &request.package },
            password: &request.password,
            email: &request.email,
            person: naming::person(&request.contact_name),
            language: &request.language,
        })
    }
}

impl Hestia {
    pub(crate) async fn create(&self, request: &CreateAccountRequest) -> Answer<CreateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let wish = Wish::read(request)?;
        let before = if work.is_repeated() { self.ours(&wish, &work).await.map_err(unsure)? } else { None };
        let made_now = before.is_none();
        if made_now {
            self.add_user(&wish, &work).await?;
        }
        let mut warnings = Vec::new();
        let has_domain = before.is_some_and(|user| wish.domain.is_empty() || user.domains.contains(&wish.domain));
        if !has_domain && !wish.domain.is_empty() {
            warnings.extend(self.add_domain(&wish, made_now, &work).await?);
        }
        if made_now && !wish.language.is_empty() {
            warnings.extend(self.set_language(&wish, &work).await);
        }
        let user = self.user(wish.username, &work).await.map_err(unsure)?;
        let name_servers = user.row.text("NS").split(',').map(str::trim).filter(|name| !name.is_empty());
        let response = CreateAccountResponse {
            outcome: None,
            name_servers: name_servers.map(str::to_owned).collect(),
            account: Some(user.account(&wish.domain, self.manner.zone)),
        };
        let done = if has_domain { Done::already(response) } else { Done::new(response) };
        Ok(done.with_warnings(warnings))
    }

    /// The user if it is there and can be this work's doing; none if there is no such user.
    async fn ours(&self, wish: &Wish<'_>, work: &Work) -> Result<Option<User>, Failure> {
        let user = match self.user(wish.username, work).await {
            Ok(user) => user,
            Err(failure) if is_missing(&failure) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let young = user.row.created_at(self.manner.zone).is_some_and(|at| work.can_have_made(at.timestamp()));
        let same_domain = user.domains.is_empty() || wish.domain.is_empty() || user.domains.contains(&wish.domain);
        if young && same_domain { Ok(Some(user)) } else { Err(taken(wish.username)) }
    }

    async fn add_user(&self, wish: &Wish<'_>, work: &Work) -> Result<(), Failure> {
        if !wish.domain.is_empty()
            && let Some(owner) = self.domain_owner(&wish.domain, work).await?
        {
            return Err(refused(ProblemKind::Conflict, format!("the domain {} belongs to user {owner}", wish.domain)));
        }
        let mut arguments = vec![wish.username, wish.password, wish.email, wish.package];
        if !wish.person.is_empty() {
            arguments.push(&wish.person);
        }
        let time = work.change(self.manner.time_slow_max)?;
        match self.client.change("v-add-user", &arguments, &[wish.password], time).await {
            Ok(()) => Ok(()),
            Err(failure) if is_missing(&failure) => {
                Err(Failure::refused(ProblemKind::Invalid, "3", format!("there is no package {}", wish.package)))
            }
            Err(failure) if is_taken(&failure) => Err(taken(wish.username)),
            Err(failure @ Failure::Unknown(_)) => match self.ours(wish, work).await {
                Ok(Some(_)) => Ok(()),
                // It may still be at work; or the look failed as well.
                Ok(None) | Err(Failure::RetryLater { .. }) => Err(failure),
                Err(other) => Err(other),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Who has a domain; none when it is free, or when the key may not ask (then adding it tells).
    pub(crate) async fn domain_owner(&self, domain: &str, work: &Work) -> Result<Option<String>, Failure> {
        let time = work.look(self.manner.time_max)?;
        match self.client.ask_text("v-search-domain-owner", &[domain], time).await {
            Ok(owner) => Ok(Some(owner).filter(|owner| !owner.is_empty())),
            Err(failure) if is_missing(&failure) || failure.is_refused(ProblemKind::Permission) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Adds the domain. What cannot be finished is undone if this call made the user: an account without its domain
    /// would be in the way of the next attempt.
    async fn add_domain(&self, wish: &Wish<'_>, made_now: bool, work: &Work) -> Result<Option<String>, Failure> {
        let command = match self.manner.domain_services {
            DomainServices::All => "v-add-domain",
            DomainServices::Web => "v-add-web-domain",
        };
        let time = work.change(self.manner.time_slow_max).map_err(unsure)?;
        let Err(failure) = self.client.change(command, &[wish.username, &wish.domain], &[], time).await else {
            return Ok(None);
        };
        // The name server or the mail server may be what failed, after the web domain was made.
        let domains = self.domains(wish.username, work).await.map_err(|_| unsure(failure.clone()))?;
        if domains.contains(&wish.domain) {
            return Ok(Some(format!("{command}: {}", failure.problem().words)));
        }
        if matches!(failure, Failure::Unknown(_)) {
            return Err(failure);
        }
        let time = work.change(self.manner.time_slow_max).map_err(unsure)?;
        if made_now && self.client.change("v-delete-user", &[wish.username], &[], time).await.is_ok() {
            return Err(after("the domain could not be added, so the new user was removed again", failure));
        }
        Err(unsure(after(&format!("user {} is there without its domain", wish.username), failure)))
    }

    async fn set_language(&self, wish: &Wish<'_>, work: &Work) -> Option<String> {
        let time = work.change(self.manner.time_max).ok()?;
        let language = wish.language.to_ascii_lowercase();
        let set = self.client.change("v-change-user-language", &[wish.username, &language], &[], time).await;
        set.err().map(|failure| format!("the language was not set: {}", failure.problem().words))
    }
}

fn taken(username: &str) -> Failure {
    Failure::refused(ProblemKind::Conflict, "4", format!("there is a user {username}, and it is not ours"))
}

/// A look that failed in the middle of a change leaves it unknown.
pub(crate) fn unsure(failure: Failure) -> Failure {
    match failure {
        Failure::RetryLater { problem, .. } => Failure::Unknown(problem),
        Failure::Refused(problem) if problem.kind() == ProblemKind::Conflict && problem.code == "4" => {
            Failure::Refused(problem)
        }
        Failure::Refused(problem)
            if matches!(problem.kind(), ProblemKind::Unauthenticated | ProblemKind::Permission) =>
        {
            Failure::Refused(problem)
        }
        Failure::Refused(problem) | Failure::Unknown(problem) => Failure::Unknown(problem),
    }
}
