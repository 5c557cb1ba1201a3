//! A plugin in a process of its own: started, watched, restarted. One process serves one instance, so that whatever it does
//! (dies, hangs, floods its output, answers nonsense) reaches nobody else.

mod output;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use billet_plugin::handshake::{HANDSHAKE_TIME_MAX, Handshake, TOKEN_ENV, TOKEN_KEY};
use billet_plugin::v1::plugin_service_client::PluginServiceClient;
use billet_plugin::v1::{ConfigureRequest, DescribeRequest, DescribeResponse, HealthRequest, ProblemKind};
use billet_plugin::{Failure, v1};
use rand::RngExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// How long a call waits for a plugin that is being started.
const LINK_TIME_MAX: Duration = Duration::from_secs(5);
/// The pause before the first restart; doubles with each that does not last.
const RESTART_PAUSE: Duration = Duration::from_millis(200);
/// The longest of these pauses.
const RESTART_PAUSE_MAX: Duration = Duration::from_mins(1);
/// Who lived so long begins with short pauses again.
const LASTED: Duration = Duration::from_mins(1);
/// How often it is asked for a sign of life.
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// How long it may take to answer; after two that did not come it is killed.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(5);
/// How long it has to end when it is asked to.
const STOP_TIME_MAX: Duration = Duration::from_secs(3);
/// The longest handshake line.
const HANDSHAKE_BYTES_MAX: u64 = 4_096;

/// How a plugin's program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The plugin's name, by which instances ask for it.
    pub name: String,
    /// The program and its arguments; at least one.
    pub command: Vec<String>,
}

#[derive(Debug, Clone)]
enum Link {
    Starting,
    Up(Channel, MetadataValue<Ascii>),
    Down(String),
    /// It does not take its settings: it is not started again with the same.
    Refused(Failure),
}

/// How a life of the process ended.
enum End {
    /// It has to be started again.
    Broken(String),
    /// It does not take its settings.
    Refused(Failure),
    /// Its instance has ended.
    Stopped,
}

/// A child process and the task that watches it. Ends with it.
#[derive(Debug)]
pub struct Child {
    link: watch::Receiver<Link>,
    stop: CancellationToken,
}

impl Child {
    /// Starts a plugin for an instance, and keeps it running.
    pub fn start(program: Arc<Program>, configuration: ConfigureRequest) -> Self {
        let (sender, link) = watch::channel(Link::Starting);
        let stop = CancellationToken::new();
        tokio::spawn(keep_running(program, configuration, sender, stop.clone()));
        Self { link, stop }
    }

    /// The way to it, as soon as there is one.
    ///
    /// # Errors
    /// Why there is none: the plugin's refusal of its settings, or that it is to be tried later.
    pub async fn link(&self) -> Result<(Channel, MetadataValue<Ascii>), Failure> {
        let later = |words: String| Failure::later(ProblemKind::Unavailable, "", words);
        let mut link = self.link.clone();
        let up = async {
            loop {
                match &*link.borrow_and_update() {
                    Link::Up(channel, token) => return Ok((channel.clone(), token.clone())),
                    Link::Down(why) => return Err(later(why.clone())),
                    Link::Refused(failure) => return Err(failure.clone()),
                    Link::Starting => {}
                }
                if link.changed().await.is_err() {
                    return Err(later("the plugin was stopped".to_owned()));
                }
            }
        };
        let still_starting = || Err(later("the plugin is still starting".to_owned()));
        tokio::time::timeout(LINK_TIME_MAX, up).await.unwrap_or_else(|_| still_starting())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Asks a program what it is: starts it, asks, ends it.
///
/// # Errors
/// In words, what is wrong with it.
pub async fn describe(program: &Program) -> Result<DescribeResponse, String> {
    let started = Started::new(program, "describe").await?;
    let description = started.describe(program).await;
    started.end().await;
    description
}

async fn keep_running(
    program: Arc<Program>,
    configuration: ConfigureRequest,
    link: watch::Sender<Link>,
    stop: CancellationToken,
) {
    let mut pause = RESTART_PAUSE;
    loop {
        let began = Instant::now();
        let why = match run_once(&program, &configuration, &link, &stop).await {
            End::Broken(why) => why,
            End::Refused(failure) => {
                tracing::warn!(plugin = program.name, instance = configuration.instance, %failure, "settings are refused");
                link.send_replace(Link::Refused(failure));
                return stop.cancelled().await;
            }
            End::Stopped => return,
        };
        tracing::warn!(plugin = program.name, instance = configuration.instance, %why, "a plugin ended");
        link.send_replace(Link::Down(why));
        if began.elapsed() >= LASTED {
            pause = RESTART_PAUSE;
        }
        let jittered = pause.mul_f64(rand::rng().random_range(0.75..1.25));
        tokio::select! {
            () = tokio::time::sleep(jittered) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
        link.send_replace(Link::Starting);
    }
}

/// One life of the process.
async fn run_once(
    program: &Program,
    configuration: &ConfigureRequest,
    link: &watch::Sender<Link>,
    stop: &CancellationToken,
) -> End {
    // Until it has shaken hands, the process dies with the dropped future.
    let mut started = tokio::select! {
        started = Started::new(program, &configuration.instance) => match started {
            Ok(started) => started,
            Err(why) => return End::Broken(why),
        },
        () = stop.cancelled() => return End::Stopped,
    };
    match started.set_up(program, configuration).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => {
            started.end().await;
            return if matches!(failure, Failure::Refused(_)) {
                End::Refused(failure)
            } else {
                End::Broken(format!("Configure: {}", failure.problem().words))
            };
        }
        Err(why) => {
            started.end().await;
            return End::Broken(why);
        }
    }
    tracing::info!(plugin = program.name, instance = configuration.instance, "a plugin is at work");
    link.send_replace(Link::Up(started.channel.clone(), started.token.clone()));
    let health = started.watch_health();
    tokio::select! {
        status = started.process.wait() => End::Broken(match status {
            Ok(status) => format!("the plugin's process ended: {status}"),
            Err(error) => format!("the plugin's process cannot be watched: {error}"),
        }),
        why = health => {
            let _ = started.process.kill().await;
            End::Broken(why)
        }
        () = stop.cancelled() => {
            started.end().await;
            End::Stopped
        }
    }
}

/// A process that has shaken hands.
struct Started {
    process: tokio::process::Child,
    /// Kept open: a plugin ends when it is closed. (`wait` would close it if it were still the process's own.)
    input: Option<tokio::process::ChildStdin>,
    channel: Channel,
    token: MetadataValue<Ascii>,
}

impl Started {
    async fn new(program: &Program, instance: &str) -> Result<Self, String> {
        let (command, arguments) = program.command.split_first().ok_or("the plugin has no command")?;
        let secret = uuid::Uuid::from_bytes(rand::rng().random()).simple().to_string();
        let mut process = Command::new(command)
            .args(arguments)
            .env_clear()
            .envs(["PATH", "LANG", "TZ", "TMPDIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env(TOKEN_ENV, &secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("`{command}` cannot be started: {error}"))?;
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(output::log(stderr, program.name.clone(), instance.to_owned()));
        }
        let input = process.stdin.take();
        let stdout = process.stdout.take().ok_or("the plugin has no standard output")?;
        let mut lines = BufReader::new(stdout).take(HANDSHAKE_BYTES_MAX);
        let mut line = String::new();
        match tokio::time::timeout(HANDSHAKE_TIME_MAX, lines.read_line(&mut line)).await {
            Ok(Ok(0)) => return Err("the plugin ended without a handshake".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("the plugin's handshake cannot be read: {error}")),
            Err(_) => return Err(format!("no handshake within {} s", HANDSHAKE_TIME_MAX.as_secs())),
        }
        let handshake = Handshake::parse(&line).map_err(|why| format!("the plugin's handshake: {why}"))?;
        tokio::spawn(output::discard(lines.into_inner()));
        let connect = tower::service_fn(move |_: http::Uri| {
            let socket = handshake.socket.clone();
            async move { UnixStream::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
        });
        // The address only fills the `:authority`; the socket is what is connected to.
        let channel = Endpoint::from_static("http://plugin")
            .connect_timeout(HANDSHAKE_TIME_MAX)
            .connect_with_connector(connect)
            .await
            .map_err(|error| format!("the plugin's socket: {error}"))?;
        let token = secret.parse().map_err(|_| "the token is no header value".to_owned())?;
        Ok(Self { process, input, channel, token })
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert(TOKEN_KEY, self.token.clone());
        request.set_timeout(HANDSHAKE_TIME_MAX);
        request
    }

    async fn describe(&self, program: &Program) -> Result<DescribeResponse, String> {
        let mut client = PluginServiceClient::new(self.channel.clone());
        let description = within(client.describe(self.request(DescribeRequest {})))
            .await
            .map_err(|why| format!("Describe: {why}"))?;
        if description.name == program.name {
            Ok(description)
        } else {
            Err(format!("the program says that it is `{}`, not `{}`", description.name, program.name))
        }
    }

    /// Configures it; the inner answer is the plugin's own.
    async fn set_up(&self, program: &Program, configuration: &ConfigureRequest) -> Result<Result<(), Failure>, String> {
        self.describe(program).await?;
        let mut client = PluginServiceClient::new(self.channel.clone());
        let answer = within(client.configure(self.request(configuration.clone())))
            .await
            .map_err(|why| format!("Configure: {why}"))?;
        Ok(answer.outcome.unwrap_or_default().into_answer(()).map(drop))
    }

    /// Ends when it no longer gives a sign of life; answers why.
    fn watch_health(&self) -> impl Future<Output = String> + use<> {
        let (channel, token) = (self.channel.clone(), self.token.clone());
        async move {
            let mut missed = 0;
            loop {
                tokio::time::sleep(HEALTH_EVERY).await;
                let mut client = PluginServiceClient::new(channel.clone());
                let mut request = tonic::Request::new(HealthRequest {});
                request.metadata_mut().insert(TOKEN_KEY, token.clone());
                let said = tokio::time::timeout(HEALTH_TIME_MAX, client.health(request)).await;
                let well = match said {
                    Ok(Ok(answer)) => matches!(
                        answer.into_inner().outcome.unwrap_or_default().result,
                        Some(v1::outcome::Result::Done(_))
                    ),
                    _ => false,
                };
                missed = if well { 0 } else { missed + 1 };
                if missed == 2 {
                    return "the plugin gave no sign of life twice and was killed".to_owned();
                }
            }
        }
    }

    /// Asks it to end, by closing its standard input, and kills it if it does not.
    async fn end(mut self) {
        drop(self.input.take());
        if tokio::time::timeout(STOP_TIME_MAX, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

async fn within<T>(call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>) -> Result<T, String> {
    match tokio::time::timeout(HANDSHAKE_TIME_MAX, call).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(format!("{:?}: {}", status.code(), status.message())),
        Err(_) => Err(format!("no answer within {} s", HANDSHAKE_TIME_MAX.as_secs())),
    }
}
