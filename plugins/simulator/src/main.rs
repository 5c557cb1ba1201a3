//! `billet-simulator`: a control panel, a registrar or a domain registry to play with, on the loopback address.

use std::path::PathBuf;
use std::process::ExitCode;

use billet_simulator::{
    EppOptions, EppRegistry, Openprovider, OpenproviderOptions, Plesk, PleskOptions, SimulatorError, Whm, WhmOptions,
};
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};

/// Runs a server on 127.0.0.1 that behaves as a control panel, a registrar or a domain registry does: its API, its hooks,
/// its failures. Nothing is kept: when it ends, everything is gone.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    panel: Panel,
}

#[derive(Debug, Subcommand)]
enum Panel {
    /// A cPanel & WHM server: WHM API 1 and standardized hooks.
    #[command(after_help = WHM_HELP)]
    Whm(WhmArguments),
    /// A Plesk server: the XML API and the event manager.
    #[command(after_help = PLESK_HELP)]
    Plesk(PleskArguments),
    /// The registrar Openprovider: its REST API. Extensions: com, org, example (at once), ai (at least two years, and
    /// the registry never decides).
    Openprovider(OpenproviderArguments),
    /// A domain registry: EPP over TLS, with two registrars.
    #[command(after_help = EPP_HELP)]
    Epp(EppArguments),
}

const EPP_HELP: &str = "\
The certificates are new with every start. --papers writes them: ca.pem (to trust the registry by),
client.pem and client.key (for --client-certificates). Names that begin with 'premium' cost 500 EUR a
year, others 10; names that begin with 'review' stay pending.

Example: look at the greeting
  billet-simulator epp --port 7000 --papers /tmp/papers &
  openssl s_client -connect 127.0.0.1:7000 -CAfile /tmp/papers/ca.pem -quiet";

#[derive(Debug, Args)]
struct EppArguments {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A zone of the registry, instead of 'example' and 'co.example'. Repeatable.
    #[arg(long = "zone", value_name = "ZONE")]
    zones: Vec<String>,
    /// A folder to write the certificates to; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    papers: Option<PathBuf>,
    /// Registrars must show the certificate that the registry signed for them.
    #[arg(long)]
    client_certificates: bool,
    /// Name servers are attributes of domains, not objects.
    #[arg(long)]
    host_attributes: bool,
    /// The time the registry believes in, such as 2027-02-01T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
}

const WHM_HELP: &str = "\
Hooks get one JSON object on stdin and print '1 message' (or '0 message'). Events: Accounts::Create,
Accounts::Modify, Accounts::Remove, Accounts::change_package, Accounts::suspendacct,
Accounts::unsuspendacct, ChangePasswd. Stages: pre, post.

Example: show what a hook gets
  billet-simulator whm --port 2086 --package starter \\
    --hook 'Accounts::Create/post=cat > /tmp/created.json; echo 1 seen'";

const PLESK_HELP: &str = "\
Handlers find the event's values in their environment as OLD_* and NEW_*. Events: client_create,
client_update, client_delete, client_status_update, domain_create, domain_update, domain_delete,
domain_status_update, domain_limits_update, phys_hosting_create, phys_hosting_update,
phys_hosting_delete. Plesk calls a subscription a domain here.

Example: show what a handler gets
  billet-simulator plesk --port 8880 --plan Basic --handler 'domain_create=env > /tmp/created.env'";

#[derive(Debug, Args)]
struct OpenproviderArguments {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A name that somebody else holds. Repeatable.
    #[arg(long = "taken", value_name = "NAME")]
    taken: Vec<String>,
    /// The time the registrar believes in, such as 2027-02-01T09:30:00Z.
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
struct WhmArguments {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A package the server has from the start, beside 'default'. Repeatable.
    #[arg(long = "package", value_name = "NAME")]
    packages: Vec<String>,
    /// A shell command to run for an event. Repeatable.
    #[arg(long = "hook", value_name = "EVENT/STAGE=COMMAND", value_parser = hook)]
    hooks: Vec<(String, String, String)>,
    /// The time the panel believes in, such as 2027-02-01T09:30:00Z; hooks get it as BILLET_HOOK_AT.
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
struct PleskArguments {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A service plan the server has from the start, beside 'Default Domain'. Repeatable.
    #[arg(long = "plan", value_name = "NAME")]
    plans: Vec<String>,
    /// A shell command to run for an event. Repeatable.
    #[arg(long = "handler", value_name = "EVENT=COMMAND", value_parser = handler)]
    handlers: Vec<(String, String)>,
    /// The time the panel believes in, such as 2027-02-01T09:30:00Z; handlers get it as BILLET_HOOK_AT.
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
}

fn hook(text: &str) -> Result<(String, String, String), String> {
    let (when, command) = handler(text)?;
    let (event, stage) = when.split_once('/').ok_or("expected EVENT/STAGE=COMMAND: the stage is missing")?;
    Ok((event.to_owned(), stage.to_owned(), command))
}

fn handler(text: &str) -> Result<(String, String), String> {
    let (event, command) = text.split_once('=').ok_or("expected EVENT=COMMAND: there is no '='")?;
    Ok((event.to_owned(), command.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Arguments::parse().panel {
        Panel::Whm(arguments) => whm(arguments).await,
        Panel::Plesk(arguments) => plesk(arguments).await,
        Panel::Openprovider(arguments) => openprovider(arguments).await,
        Panel::Epp(arguments) => epp(arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("billet-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn whm(arguments: WhmArguments) -> Result<(), SimulatorError> {
    let options = WhmOptions { port: arguments.port, packages: arguments.packages, ..WhmOptions::default() };
    let whm = Whm::start(options).await?;
    if let Some(now) = arguments.now {
        whm.set_now(now);
    }
    for (event, stage, command) in arguments.hooks {
        let category = if event == "ChangePasswd" { "Passwd" } else { "Whostmgr" };
        whm.manage_hooks_add(category, &event, &stage, ["/bin/sh", "-c", &command])?;
    }
    let (url, token) = (whm.url(), whm.token());
    println!("WHM at {url}, user root, token {token}. Try:");
    println!("  curl -H 'Authorization: whm root:{token}' '{url}/json-api/listaccts?api.version=1'");
    println!(
        "  curl -H 'Authorization: whm root:{token}' '{url}/json-api/createacct' \\\n    \
         -d api.version=1 -d username=acme -d domain=acme.example -d contactemail=ops@acme.example"
    );
    until_interrupted().await;
    whm.shutdown().await;
    Ok(())
}

async fn plesk(arguments: PleskArguments) -> Result<(), SimulatorError> {
    let options = PleskOptions { port: arguments.port, plans: arguments.plans, ..PleskOptions::default() };
    let plesk = Plesk::start(options).await?;
    if let Some(now) = arguments.now {
        plesk.set_now(now);
    }
    for (event, command) in arguments.handlers {
        plesk.event_handler_create(&event, ["/bin/sh", "-c", &command])?;
    }
    let (url, password, key) = (plesk.url(), plesk.password(), plesk.secret_key());
    println!("Plesk at {url}, user admin, password {password}, secret key {key}. Try:");
    let head = format!("curl -H 'KEY: {key}' -H 'Content-Type: text/xml' '{url}/enterprise/control/agent.php'");
    println!(
        "  {head} \\\n    -d '<packet><webspace><get><filter/><dataset><gen_info/></dataset></get></webspace></packet>'"
    );
    println!(
        "  {head} \\\n    -d '<packet><customer><add><gen_info><pname>Acme</pname><login>acme</login>\
         <passwd>s3cret-Word</passwd></gen_info></add></customer></packet>'"
    );
    until_interrupted().await;
    plesk.shutdown().await;
    Ok(())
}

async fn openprovider(arguments: OpenproviderArguments) -> Result<(), SimulatorError> {
    let options =
        OpenproviderOptions { port: arguments.port, taken: arguments.taken, ..OpenproviderOptions::default() };
    let registrar = Openprovider::start(options).await?;
    if let Some(now) = arguments.now {
        registrar.set_now(now);
    }
    let (url, username, password) = (registrar.url(), registrar.username(), registrar.password());
    println!("Openprovider at {url}, user {username}, password {password}. Try:");
    println!("  curl '{url}/auth/login' -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}'");
    println!("  curl -H 'Authorization: Bearer TOKEN' '{url}/tlds?with_price=true'");
    until_interrupted().await;
    registrar.shutdown().await;
    Ok(())
}

async fn epp(arguments: EppArguments) -> Result<(), SimulatorError> {
    let mut options = EppOptions {
        port: arguments.port,
        client_certificates: arguments.client_certificates,
        host_objects: !arguments.host_attributes,
        ..EppOptions::default()
    };
    if !arguments.zones.is_empty() {
        options.zones = arguments.zones;
    }
    let registrars = options.registrars.clone();
    let registry = EppRegistry::start(options).await?;
    if let Some(now) = arguments.now {
        registry.set_now(now);
    }
    if let Some(folder) = arguments.papers {
        let (certificate, key) = registry.client_certificate();
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join("ca.pem"), registry.ca_pem()))
            .and_then(|()| std::fs::write(folder.join("client.pem"), certificate))
            .and_then(|()| std::fs::write(folder.join("client.key"), key));
        written.map_err(|cause| SimulatorError::SetUp(format!("cannot write to {}: {cause}", folder.display())))?;
    }
    println!("EPP registry at {}", registry.url());
    for registrar in registrars {
        let password = registrar.password.reveal();
        println!("  registrar {}, password {password}, credit {} EUR", registrar.client_id, registrar.credit);
    }
    until_interrupted().await;
    Ok(())
}

async fn until_interrupted() {
    println!("Ctrl-C ends it.");
    if let Err(cause) = tokio::signal::ctrl_c().await {
        eprintln!("billet-simulator: cannot wait for Ctrl-C: {cause}");
    }
}
