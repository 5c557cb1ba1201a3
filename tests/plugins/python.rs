//! The plugin in Python (`plugins/examples/python`), which shares no line of code with the SDK: what it does here, a plugin
//! in any language can do. `BILLET_TEST_PYTHON` names the Python that has what it needs; `tests/run` makes it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use billet::plugins::{Host, InstanceSpec, Program, Running};
use billet_domain::id::InstanceId;
use billet_plugin::handshake::{Handshake, TOKEN_ENV, TOKEN_KEY};
use billet_plugin::v1::panel_service_client::PanelServiceClient;
use billet_plugin::v1::plugin_service_client::PluginServiceClient;
use billet_plugin::v1::{
    Account, AccountRef, ChangePackageRequest, ChangePasswordRequest, CheckUsernameRequest, ConfigureRequest,
    CreateAccountRequest, DescribeRequest, GetAccountRequest, GetCapacityRequest, GetUsageRequest, ListAccountsRequest,
    ListPackagesRequest, Operation, PluginKind, ProblemKind, SingleSignOnRequest, SuspendAccountRequest,
    SuspensionOrigin, TerminateAccountRequest, TestConnectionRequest, UnsuspendAccountRequest,
};
use billet_plugin::{Call, Done, Failure};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tonic::transport::{Channel, Endpoint};

use super::process::{kill, processes};
use super::world::{TIME, test};

const KEY: &str = "a key for tests only";

/// The Python to test with; `None`, and loudly, when there is none.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("BILLET_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        assert!(std::env::var("CI").is_err(), "in CI the plugin in Python is tested: BILLET_TEST_PYTHON is not set");
        // Past the test harness, which keeps what a test that passes prints to itself.
        let words = "SKIPPED: BILLET_TEST_PYTHON is not set, the plugin in Python was not tested; `tests/run` does it";
        let _ = writeln!(std::io::stderr(), "{words}");
    }
    python
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/examples/python/directory_panel.py")
}

/// A panel's folder, as its administrator makes it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let key: String = sha2::Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    let panel = json!({
        "hostname": "files.example",
        "key_sha256": key,
        "accounts_max": 3,
        "default_package": "starter",
        "packages": { "starter": { "disk_bytes": 1_000_000 }, "tiny": { "disk_bytes": 10 }, "free": {} },
    });
    std::fs::write(folder.path().join("panel.json"), panel.to_string()).expect("panel.json");
    folder
}

fn host(python: &Path, script: &Path) -> Host {
    let command = [python, script].map(|part| part.to_string_lossy().into_owned()).into();
    Host::with(&[], [Program { name: "directory".to_owned(), command }])
}

fn spec(root: &Path, key: &str) -> InstanceSpec {
    InstanceSpec {
        id: InstanceId(1),
        plugin: "directory".to_owned(),
        revision: 1,
        values: json!({ "root": root }).as_object().cloned().expect("an object"),
        secrets: BTreeMap::from([("key".to_owned(), key.to_owned())]),
        concurrency: None,
    }
}

async fn panel(host: &Host, root: &Path) -> Arc<Running> {
    host.instance(&spec(root, KEY)).await.expect("an instance")
}

async fn done<R: Call>(panel: &Running, request: R) -> Done<R::Response> {
    panel.call(request, TIME).await.expect(R::METHOD)
}

async fn refused<R: Call>(panel: &Running, request: R) -> ProblemKind {
    let Err(failure) = panel.call(request, TIME).await else { panic!("{} was done", R::METHOD) };
    assert!(matches!(failure, Failure::Refused(_)), "{}: {failure}", R::METHOD);
    failure.kind()
}

fn operation(attempt: u32, began: SystemTime) -> Option<Operation> {
    Some(Operation { id: "op-1".to_owned(), attempt, first_attempt_at: Some(began.into()), time_left: None })
}

fn first() -> Option<Operation> {
    operation(1, SystemTime::now())
}

fn named(username: &str) -> Option<AccountRef> {
    Some(AccountRef { username: username.to_owned(), ..AccountRef::default() })
}

fn wanted(username: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        operation: first(),
        username: username.to_owned(),
        domain: format!("{username}.example"),
        password: "correct horse battery".to_owned(),
        external_id: format!("sub-{username}"),
        ..CreateAccountRequest::default()
    }
}

async fn account(panel: &Running, username: &str) -> Account {
    done(panel, GetAccountRequest { r#ref: named(username) }).await.value.account.expect("an account")
}

fn on_disk(root: &Path, username: &str) -> Value {
    let text =
        std::fs::read_to_string(root.join("accounts").join(username).join("account.json")).expect("account.json");
    serde_json::from_str(&text).expect("JSON")
}

fn edit(root: &Path, username: &str, property: &str, value: Value) {
    let mut account = on_disk(root, username);
    account[property] = value;
    std::fs::write(root.join("accounts").join(username).join("account.json"), account.to_string()).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_is_and_what_it_can() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let described = host.describe("directory").await.expect("a description");
    let about = &described.description;
    assert_eq!((about.title.as_str(), about.kind()), ("Folders of a server", PluginKind::Panel));
    assert_eq!(about.capabilities.len(), 13, "{:?}", about.capabilities);
    assert_eq!(described.schema.secrets().iter().collect::<Vec<_>>(), ["key"]);
    let faults = described
        .schema
        .faults(&json!({ "root": "relative" }).as_object().cloned().unwrap_or_default(), &BTreeMap::new());
    assert_eq!(faults.len(), 2, "{faults:?}");

    let panel = panel(&host, folder.path()).await;
    let found = test(&panel, TIME).await.expect("an answer").value;
    assert_eq!((found.hostname.as_str(), found.version.as_str()), ("files.example", "1.0.0"));
    let packages = done(&panel, ListPackagesRequest {}).await.value.packages;
    assert_eq!(packages.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["free", "starter", "tiny"]);
    let lacking = panel.call(SingleSignOnRequest::default(), TIME).await.expect_err("it cannot do that");
    assert!(lacking.is_refused(ProblemKind::Unsupported), "{lacking}");
    assert_eq!(lacking.problem().words, "this plugin does not have SingleSignOn", "as an outcome, not as a status");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_its_whole_life() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let (root, panel) = (folder.path(), panel(&host, folder.path()).await);
    let free = CheckUsernameRequest { username: "alpha".to_owned(), domain: "alpha.example".to_owned() };
    done(&panel, free.clone()).await;
    let made = done(&panel, wanted("alpha")).await;
    assert!(!made.already);
    assert_eq!(made.value.account.expect("it").package, "starter", "the panel's default");
    assert_eq!(refused(&panel, free).await, ProblemKind::Conflict);
    let kept = on_disk(root, "alpha").to_string();
    assert!(!kept.contains("correct horse"), "the password is hashed");

    let files = root.join("accounts/alpha/files");
    std::fs::write(files.join("index.html"), [b'x'; 500]).expect("a file");
    let there = account(&panel, "alpha").await;
    assert_eq!((there.disk_used_bytes, there.disk_limit_bytes), (Some(500), Some(1_000_000)));
    assert_eq!(there.external_id, "sub-alpha");
    let usage = done(&panel, GetUsageRequest::default()).await.value.usage;
    let figures: Vec<_> = usage.iter().map(|one| (one.metric.as_str(), one.quantity, one.limit)).collect();
    assert_eq!(figures, [("disk", 500, Some(1_000_000)), ("inodes", 1, None)]);

    let suspend =
        SuspendAccountRequest { operation: first(), r#ref: named("alpha"), reason: "overdue".to_owned(), lock: false };
    let suspended = done(&panel, suspend.clone()).await;
    let suspension = suspended.value.suspension.expect("it");
    assert_eq!((suspension.origin(), suspension.reason.as_str()), (SuspensionOrigin::Billet, "[billet] overdue"));
    let mode = || std::fs::metadata(&files).expect("the files").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700, "nobody else reads the files");
    assert!(done(&panel, suspend).await.already);
    let unsuspend = UnsuspendAccountRequest { operation: first(), r#ref: named("alpha"), force: false };
    assert!(!done(&panel, unsuspend.clone()).await.already);
    assert_eq!(mode(), 0o755);
    assert!(done(&panel, unsuspend).await.already);

    let package =
        |name: &str| ChangePackageRequest { operation: first(), r#ref: named("alpha"), package: name.to_owned() };
    let changed = done(&panel, package("tiny")).await;
    assert!(!changed.already && changed.warnings[0].contains("500 bytes"), "{:?}", changed.warnings);
    assert!(done(&panel, package("tiny")).await.already);
    assert_eq!(refused(&panel, package("none")).await, ProblemKind::Invalid);

    let hash = on_disk(root, "alpha")["password"].clone();
    let password = |password: &str| ChangePasswordRequest {
        operation: first(),
        r#ref: named("alpha"),
        password: password.to_owned(),
    };
    done(&panel, password("another good one")).await;
    assert_ne!(on_disk(root, "alpha")["password"], hash);
    let short = panel.call(password("hunter2"), TIME).await.expect_err("too short");
    assert!(short.is_refused(ProblemKind::Invalid) && !short.problem().words.contains("hunter2"), "{short}");

    let other = AccountRef { domain: "beta.example".to_owned(), ..named("alpha").unwrap_or_default() };
    let terminate = |r#ref| TerminateAccountRequest { operation: first(), r#ref, keep_dns: false };
    assert_eq!(refused(&panel, terminate(Some(other))).await, ProblemKind::Conflict);
    assert!(files.exists(), "it is another account's name by now: nothing was done");
    assert!(!done(&panel, terminate(named("alpha"))).await.already);
    assert!(!root.join("accounts/alpha").exists());
    assert!(done(&panel, terminate(named("alpha"))).await.already);
    assert_eq!(refused(&panel, GetAccountRequest { r#ref: named("alpha") }).await, ProblemKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_made_or_suspended_is_left_alone() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let (root, panel) = (folder.path(), panel(&host, folder.path()).await);
    let before = SystemTime::now();
    done(&panel, wanted("alpha")).await;
    let again = |attempt, began| CreateAccountRequest { operation: operation(attempt, began), ..wanted("alpha") };
    assert_eq!(refused(&panel, again(1, before)).await, ProblemKind::Conflict);
    assert!(done(&panel, again(2, before)).await.already, "made since the first attempt: ours");
    assert_eq!(refused(&panel, again(2, SystemTime::now())).await, ProblemKind::Conflict, "made before it");
    let domain = CreateAccountRequest { domain: "alpha.example".to_owned(), ..wanted("beta") };
    assert_eq!(refused(&panel, domain).await, ProblemKind::Conflict);
    for username in ["root", "../alpha", "Alpha", "x", "1st", ""] {
        assert_eq!(
            refused(&panel, CreateAccountRequest { domain: "x.example".to_owned(), ..wanted(username) }).await,
            ProblemKind::Invalid
        );
        assert_eq!(refused(&panel, GetAccountRequest { r#ref: named(username) }).await, ProblemKind::NotFound);
    }

    // No name leads out of the folder.
    std::fs::create_dir_all(root.join("outside/files")).expect("a folder");
    std::fs::write(root.join("outside/account.json"), on_disk(root, "alpha").to_string()).expect("written");
    for username in ["../outside", "alpha/../../outside", "../accounts/alpha"] {
        assert_eq!(refused(&panel, GetAccountRequest { r#ref: named(username) }).await, ProblemKind::NotFound);
        let terminate = TerminateAccountRequest { operation: first(), r#ref: named(username), keep_dns: false };
        assert!(done(&panel, terminate).await.already);
    }
    assert!(root.join("outside/account.json").exists() && root.join("accounts/alpha").exists());

    edit(root, "alpha", "suspension", json!({ "reason": "abuse" }));
    let there = account(&panel, "alpha").await.suspension.expect("suspended");
    assert_eq!(there.origin(), SuspensionOrigin::Administrator);
    let unsuspend = |force| UnsuspendAccountRequest { operation: first(), r#ref: named("alpha"), force };
    assert_eq!(refused(&panel, unsuspend(false)).await, ProblemKind::State);
    assert!(account(&panel, "alpha").await.suspension.is_some());
    done(&panel, unsuspend(true)).await;
    assert!(account(&panel, "alpha").await.suspension.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_in_pages_and_counted() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let panel = panel(&host, folder.path()).await;
    for username in ["gamma", "alpha", "beta"] {
        done(&panel, wanted(username)).await;
    }
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let asked = ListAccountsRequest { page_size: 2, page_token: token, owner: String::new() };
        let page = done(&panel, asked).await.value;
        let names = page.accounts.into_iter().map(|one| one.r#ref.unwrap_or_default().username);
        pages.push(names.collect::<Vec<_>>());
        token = page.next_page_token;
        if token.is_empty() || pages.len() > 3 {
            break;
        }
    }
    assert_eq!(pages, [vec!["alpha", "beta"], vec!["gamma"]]);
    let capacity = done(&panel, GetCapacityRequest {}).await.value;
    assert_eq!((capacity.accounts, capacity.accounts_max), (3, Some(3)));
    assert_eq!(refused(&panel, wanted("delta")).await, ProblemKind::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_folder_that_is_not_there_are_told_apart() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let stranger = host.instance(&spec(folder.path(), "a wrong key")).await.expect("an instance");
    assert_eq!(refused(&stranger, TestConnectionRequest {}).await, ProblemKind::Unauthenticated);
    assert_eq!(refused(&stranger, wanted("alpha")).await, ProblemKind::Unauthenticated);
    assert!(!folder.path().join("accounts").exists());
    let nowhere = InstanceSpec { id: InstanceId(2), ..spec(&folder.path().join("nowhere"), KEY) };
    let nowhere = host.instance(&nowhere).await.expect("an instance");
    let failure = nowhere.call(wanted("alpha"), TIME).await.expect_err("nothing there");
    assert!(matches!(failure, Failure::RetryLater { .. }), "nothing was done: {failure}");
    assert_eq!(failure.kind(), ProblemKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_started_again_after_it_was_killed_and_ends_with_its_instance() {
    let Some(python) = python() else { return };
    let folder = folder();
    // A name of its own, to find the process by; Python looks for its modules where the link leads.
    let link = folder.path().join("panel-to-kill.py");
    std::os::unix::fs::symlink(script(), &link).expect("a link");
    let host = host(&python, &link);
    let panel = panel(&host, folder.path()).await;
    done(&panel, wanted("alpha")).await;
    kill(&processes(&link)).expect("one process");
    let end = Instant::now() + Duration::from_secs(60);
    while test(&panel, TIME).await.is_err() {
        assert!(Instant::now() < end, "the plugin does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(processes(&link).len(), 1);
    assert_eq!(account(&panel, "alpha").await.package, "starter", "with its settings, and the account is there");
    drop((panel, host));
    let end = Instant::now() + Duration::from_secs(30);
    while !processes(&link).is_empty() {
        assert!(Instant::now() < end, "the process outlives its instance");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_work_is_waited_for_and_what_a_killed_process_left_is_no_account() {
    let Some(python) = python() else { return };
    let (folder, host) = (folder(), host(&python, &script()));
    let (root, panel) = (folder.path(), panel(&host, folder.path()).await);
    done(&panel, wanted("alpha")).await;
    let lock = std::fs::File::create(root.join(".lock")).expect("the lock");
    lock.lock().expect("ours");
    let failure = panel.call(wanted("beta"), TIME).await.expect_err("locked");
    assert_eq!(failure.kind(), ProblemKind::Busy, "{failure}");
    assert!(matches!(failure, Failure::RetryLater { after: Some(after), .. } if after == Duration::from_secs(5)));
    assert_eq!(account(&panel, "alpha").await.package, "starter", "questions need no lock");
    drop(lock);

    let left = root.join("accounts/.new-left");
    std::fs::create_dir_all(left.join("files")).expect("a folder");
    let capacity = done(&panel, GetCapacityRequest {}).await.value;
    assert_eq!(capacity.accounts, 1, "what is half made does not count");
    done(&panel, wanted("beta")).await;
    assert!(!left.exists(), "the next change removes it");

    // An administrator may make one by hand.
    std::fs::create_dir_all(root.join("accounts/gamma/files")).expect("a folder");
    std::fs::write(root.join("accounts/gamma/account.json"), r#"{ "domain": "gamma.example" }"#).expect("written");
    let by_hand = account(&panel, "gamma").await;
    assert_eq!((by_hand.created_at, by_hand.package.as_str()), (None, ""));
    let again = CreateAccountRequest { operation: operation(2, SystemTime::UNIX_EPOCH), ..wanted("gamma") };
    assert_eq!(refused(&panel, again).await, ProblemKind::Conflict, "nobody can say that it is ours");

    std::fs::write(root.join("accounts/alpha/account.json"), "{").expect("written");
    let list = ListAccountsRequest { page_size: 10, ..ListAccountsRequest::default() };
    let failure = panel.call(list, TIME).await.expect_err("one cannot be read");
    assert!(matches!(failure, Failure::RetryLater { .. }), "left out it would look as if it were gone: {failure}");
    assert!(failure.problem().words.contains("alpha"), "{failure}");
}

/// A request with a token, or without any.
fn carrying<T>(message: T, token: Option<&str>) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert(TOKEN_KEY, token.parse().expect("a token"));
    }
    request
}

async fn connect(socket: PathBuf) -> Channel {
    let connect = tower::service_fn(move |_: http::Uri| {
        let socket = socket.clone();
        async move { tokio::net::UnixStream::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
    });
    Endpoint::from_static("http://plugin").connect_with_connector(connect).await.expect("its socket")
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_socket_nobody_is_served_without_the_token() {
    let Some(python) = python() else { return };
    let by_hand = std::process::Command::new(&python).arg(script()).env_remove(TOKEN_ENV).output().expect("started");
    assert_eq!(by_hand.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&by_hand.stderr).contains("not started by hand"));

    let mut process = tokio::process::Command::new(&python)
        .arg(script())
        .env(TOKEN_ENV, "the-token")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("started");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).await.expect("a line");
    let socket = Handshake::parse(&line).expect("a handshake").socket;
    let folder = socket.parent().expect("a folder").to_owned();
    assert_eq!(std::fs::metadata(&folder).expect("the folder").permissions().mode() & 0o777, 0o700);

    let channel = connect(socket.clone()).await;
    let (mut plugin, mut panel) = (PluginServiceClient::new(channel.clone()), PanelServiceClient::new(channel));
    for token in [None, Some(""), Some("the-tokem"), Some("the-token2")] {
        let stranger = plugin.describe(carrying(DescribeRequest {}, token)).await.expect_err("a stranger");
        assert_eq!(stranger.code(), tonic::Code::Unauthenticated, "{token:?}");
        let stranger = panel.test_connection(carrying(TestConnectionRequest {}, token)).await.expect_err("a stranger");
        assert_eq!(stranger.code(), tonic::Code::Unauthenticated, "{token:?}");
    }
    let token = Some("the-token");
    assert_eq!(plugin.describe(carrying(DescribeRequest {}, token)).await.expect("it").into_inner().name, "directory");
    let early = panel.test_connection(carrying(TestConnectionRequest {}, token)).await.expect_err("not configured");
    assert_eq!(early.code(), tonic::Code::FailedPrecondition);
    let lacking = ConfigureRequest { settings: "{}".to_owned(), ..ConfigureRequest::default() };
    let answer = plugin.configure(carrying(lacking, token)).await.expect("an answer").into_inner();
    let said = answer.outcome.unwrap_or_default().into_answer(()).expect_err("no settings");
    assert!(said.is_refused(ProblemKind::Invalid), "{said}");

    drop(process.stdin.take());
    let status = tokio::time::timeout(TIME, process.wait()).await.expect("it ends").expect("a status");
    assert!(status.success(), "{status}");
    assert!(!folder.exists(), "the socket is gone with it");
}
