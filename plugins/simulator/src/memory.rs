//! A control panel in memory, as a plugin: for benchmarks and for tests of what calls plugins. It can be told to misbehave, so
//! that it is never part of a daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use billet_plugin::v1::{
    Account, AccountRef, ChangePackageRequest, ChangePackageResponse, CheckUsernameRequest, CheckUsernameResponse,
    CreateAccountRequest, CreateAccountResponse, DescribeResponse, GetAccountRequest, GetAccountResponse,
    GetCapacityRequest, GetCapacityResponse, ListAccountsRequest, ListAccountsResponse, PluginKind, ProblemKind,
    SuspendAccountRequest, SuspendAccountResponse, Suspension, SuspensionOrigin, TerminateAccountRequest,
    TerminateAccountResponse, TestConnectionRequest, TestConnectionResponse, UnsuspendAccountRequest,
    UnsuspendAccountResponse, UsernameRules,
};
use billet_plugin::{Answer, Configured, Done, Failure, Panel, Plugin, Settings, suspension};
use serde::Deserialize;

/// The plugin `memory`.
pub const MEMORY: Plugin = Plugin { describe, configure };

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["token"],
  "properties": {
    "latency_ms": { "type": "integer", "minimum": 0, "maximum": 60000, "description": "How long each call takes" },
    "accounts_max": { "type": "integer", "minimum": 0, "description": "How many accounts fit" },
    "behaviour": {
      "enum": ["well", "hang", "die", "flood", "panic"],
      "description": "What TestConnection does"
    },
    "token": { "type": "string", "minLength": 1, "writeOnly": true, "description": "Must be `open-sesame`" }
  }
}"#;

/// What TestConnection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    /// Answers.
    #[default]
    Well,
    /// Never answers.
    Hang,
    /// Ends its process.
    Die,
    /// Prints much, and answers.
    Flood,
    /// Panics.
    Panic,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    latency_ms: u64,
    accounts_max: Option<i64>,
    #[serde(default)]
    behaviour: Behaviour,
    token: String,
}

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "memory".to_owned(),
        title: "A panel in memory".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: [
            "TestConnection",
            "CheckUsername",
            "ListAccounts",
            "GetAccount",
            "GetCapacity",
            "CreateAccount",
            "SuspendAccount",
            "UnsuspendAccount",
            "TerminateAccount",
            "ChangePackage",
        ]
        .map(str::to_owned)
        .into(),
        settings_schema: SCHEMA.to_owned(),
        concurrency_max: 64,
        username_rules: Some(UsernameRules {
            length_min: 1,
            length_max: 32,
            later_characters: "0123456789-".to_owned(),
            ..UsernameRules::default()
        }),
        ..DescribeResponse::default()
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let options: Options = settings.read()?;
    if options.token != "open-sesame" {
        return Err(Failure::refused(ProblemKind::Unauthenticated, "", "the token is wrong"));
    }
    Ok(Configured::Panel(Arc::new(Memory { options, accounts: Mutex::default() })))
}

struct Memory {
    options: Options,
    accounts: Mutex<BTreeMap<String, Account>>,
}

impl Memory {
    async fn work(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        if self.options.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.latency_ms)).await;
        }
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change<T>(&self, which: Option<AccountRef>, change: impl FnOnce(&mut Account) -> Answer<T>) -> Answer<T> {
        let username = which.unwrap_or_default().username;
        match self.work().await.get_mut(&username) {
            Some(account) => change(account),
            None => Err(missing(&username)),
        }
    }
}

fn missing(username: &str) -> Failure {
    Failure::refused(ProblemKind::NotFound, "", format!("there is no account `{username}`"))
}

#[async_trait]
impl Panel for Memory {
    async fn test_connection(&self, _: TestConnectionRequest) -> Answer<TestConnectionResponse> {
        match self.options.behaviour {
            Behaviour::Well => {}
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Die => std::process::exit(3),
            Behaviour::Flood => {
                for number in 0..100_000 {
                    eprintln!("line {number} of a flood {}", "x".repeat(100));
                }
            }
            Behaviour::Panic => panic!("told to"),
        }
        drop(self.work().await);
        Ok(Done::new(TestConnectionResponse {
            version: "1".to_owned(),
            hostname: "memory.example".to_owned(),
            ..TestConnectionResponse::default()
        }))
    }

    async fn check_username(&self, request: CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        if self.work().await.contains_key(&request.username) {
            return Err(Failure::refused(ProblemKind::Conflict, "", "the name is taken"));
        }
        Ok(Done::new(CheckUsernameResponse::default()))
    }

    async fn list_accounts(&self, request: ListAccountsRequest) -> Answer<ListAccountsResponse> {
        let accounts = self.work().await;
        let size = usize::try_from(request.page_size.clamp(1, 1_000)).unwrap_or(1);
        let mut after = accounts
            .range::<String, _>((std::ops::Bound::Excluded(request.page_token), std::ops::Bound::Unbounded))
            .map(|(_, account)| account.clone());
        let page: Vec<Account> = after.by_ref().take(size).collect();
        let last = page.last().and_then(|account| account.r#ref.as_ref()).map(|last| last.username.clone());
        let next_page_token = if after.next().is_some() { last.unwrap_or_default() } else { String::new() };
        Ok(Done::new(ListAccountsResponse { accounts: page, next_page_token, outcome: None }))
    }

    async fn get_account(&self, request: GetAccountRequest) -> Answer<GetAccountResponse> {
        let username = request.r#ref.unwrap_or_default().username;
        let account = self.work().await.get(&username).cloned().ok_or_else(|| missing(&username))?;
        Ok(Done::new(GetAccountResponse { account: Some(account), outcome: None }))
    }

    async fn get_capacity(&self, _: GetCapacityRequest) -> Answer<GetCapacityResponse> {
        let accounts = i64::try_from(self.work().await.len()).unwrap_or(i64::MAX);
        Ok(Done::new(GetCapacityResponse { accounts, accounts_max: self.options.accounts_max, outcome: None }))
    }

    async fn create_account(&self, request: CreateAccountRequest) -> Answer<CreateAccountResponse> {
        let mut accounts = self.work().await;
        let ours = |account: &Account| {
            request.operation.as_ref().is_some_and(|operation| {
                operation.attempt > 1 && account.external_id == request.external_id && !account.external_id.is_empty()
            })
        };
        if let Some(account) = accounts.get(&request.username) {
            if ours(account) {
                let value =
                    CreateAccountResponse { account: Some(account.clone()), ..CreateAccountResponse::default() };
                return Ok(Done::already(value));
            }
            return Err(Failure::refused(ProblemKind::Conflict, "", "the name is taken"));
        }
        if self.options.accounts_max.is_some_and(|max| i64::try_from(accounts.len()).is_ok_and(|count| count >= max)) {
            return Err(Failure::refused(ProblemKind::Limit, "", "no more accounts fit"));
        }
        let account = Account {
            r#ref: Some(AccountRef {
                username: request.username.clone(),
                domain: request.domain,
                panel_id: String::new(),
            }),
            package: request.package,
            email: request.email,
            owner: request.owner,
            external_id: request.external_id,
            created_at: Some(SystemTime::now().into()),
            ..Account::default()
        };
        accounts.insert(request.username, account.clone());
        Ok(Done::new(CreateAccountResponse { account: Some(account), ..CreateAccountResponse::default() }))
    }

    async fn suspend_account(&self, request: SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        self.change(request.r#ref, |account| {
            let done = |suspension: &Suspension| SuspendAccountResponse {
                suspension: Some(suspension.clone()),
                outcome: None,
            };
            if let Some(suspension) = &account.suspension {
                return Ok(Done::already(done(suspension)));
            }
            let suspension = Suspension {
                origin: SuspensionOrigin::Billet.into(),
                reason: suspension::marked(&request.reason),
                locked: request.lock,
                since: Some(SystemTime::now().into()),
            };
            let value = done(&suspension);
            account.suspension = Some(suspension);
            Ok(Done::new(value))
        })
        .await
    }

    async fn unsuspend_account(&self, request: UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        self.change(request.r#ref, |account| match account.suspension.take() {
            None => Ok(Done::already(UnsuspendAccountResponse::default())),
            Some(one) if one.origin() != SuspensionOrigin::Billet && !request.force => {
                account.suspension = Some(one);
                Err(Failure::refused(ProblemKind::State, "", "somebody else suspended it"))
            }
            Some(_) => Ok(Done::new(UnsuspendAccountResponse::default())),
        })
        .await
    }

    async fn terminate_account(&self, request: TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        let username = request.r#ref.unwrap_or_default().username;
        let there = self.work().await.remove(&username).is_some();
        let value = TerminateAccountResponse::default();
        Ok(if there { Done::new(value) } else { Done::already(value) })
    }

    async fn change_package(&self, request: ChangePackageRequest) -> Answer<ChangePackageResponse> {
        self.change(request.r#ref, |account| {
            let already = account.package == request.package;
            account.package = request.package;
            Ok(Done { value: ChangePackageResponse::default(), already, warnings: Vec::new() })
        })
        .await
    }
}
