//! Which plugins there are, and the instances that are at work.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use billet_domain::id::InstanceId;
use billet_plugin::v1::{ConfigureRequest, DescribeResponse, PluginKind, Problem, ProblemKind};
use billet_plugin::{Answer, Call, Failure, Plugin, ProblemExt as _, Settings};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::breaker::{Breaker, Verdict};
use super::bulkhead::{Bulkhead, Full};
use super::child::{self, Child, Program};
use super::connection::Connection;
use super::linked::linked;
use super::settings::Schema;

/// How many instances are at work at once.
const INSTANCES_MAX: usize = 10_000;
/// How many calls of one instance are made at once, at most.
const CONCURRENCY_MAX: u32 = 256;

/// Why a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// There is none of this name.
    #[error("there is no plugin `{0}`: there are {1}")]
    Unknown(String, String),
    /// It is broken.
    #[error("the plugin `{0}` cannot be used: {1}")]
    Broken(String, String),
}

/// An instance as it is to be at work.
#[derive(Debug, Clone)]
pub struct InstanceSpec {
    /// Which.
    pub id: InstanceId,
    /// The plugin's name.
    pub plugin: String,
    /// Another one for each change of the settings.
    pub revision: i64,
    /// The settings, without secrets.
    pub values: Map<String, Value>,
    /// The secrets, open.
    pub secrets: BTreeMap<String, String>,
    /// How many calls at once; the plugin's own number when absent.
    pub concurrency: Option<u32>,
}

/// A plugin that there is.
#[derive(Debug)]
struct Known {
    source: Source,
    description: tokio::sync::OnceCell<Described>,
}

#[derive(Debug)]
enum Source {
    Linked(Plugin),
    Program(Arc<Program>),
}

/// What a plugin tells about itself, and its schema.
#[derive(Debug)]
pub struct Described {
    /// As it told.
    pub description: DescribeResponse,
    /// Of its settings.
    pub schema: Schema,
}

/// The host.
#[derive(Debug)]
pub struct Host {
    plugins: BTreeMap<String, Known>,
    running: Mutex<HashMap<InstanceId, Arc<Running>>>,
}

impl Host {
    /// With the plugins that are part of the daemon, and programs by name. A program takes the place of a linked plugin
    /// of its name.
    #[must_use]
    pub fn new(programs: impl IntoIterator<Item = Program>) -> Self {
        Self::with(linked(), programs)
    }

    /// With these plugins.
    #[must_use]
    pub fn with(linked: &[Plugin], programs: impl IntoIterator<Item = Program>) -> Self {
        let linked = linked.iter().map(|plugin| ((plugin.describe)().name, Source::Linked(*plugin)));
        let programs = programs.into_iter().map(|program| (program.name.clone(), Source::Program(Arc::new(program))));
        let known = |source| Known { source, description: tokio::sync::OnceCell::new() };
        Self {
            plugins: linked.chain(programs).map(|(name, source)| (name, known(source))).collect(),
            running: Mutex::default(),
        }
    }

    /// The names of the plugins.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    fn known(&self, name: &str) -> Result<&Known, HostError> {
        self.plugins.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            HostError::Unknown(name.to_owned(), names.join(", "))
        })
    }

    /// What a plugin is. A program is started for it, the first time.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn describe(&self, name: &str) -> Result<&Described, HostError> {
        let known = self.known(name)?;
        let broken = |why: String| HostError::Broken(name.to_owned(), why);
        known
            .description
            .get_or_try_init(|| async {
                let description = match &known.source {
                    Source::Linked(plugin) => (plugin.describe)(),
                    Source::Program(program) => child::describe(program).await.map_err(broken)?,
                };
                if description.kind() == PluginKind::Unspecified {
                    return Err(broken("it does not say of which kind it is".to_owned()));
                }
                let schema = Schema::read(&description.settings_schema).map_err(broken)?;
                Ok(Described { description, schema })
            })
            .await
    }

    /// The instance at work with these settings: as it is when they are the same, set up anew otherwise.
    ///
    /// # Errors
    /// A refusal when the plugin does not take the settings; [`ProblemKind::Unavailable`] when it is broken.
    pub async fn instance(&self, spec: &InstanceSpec) -> Result<Arc<Running>, Failure> {
        if let Some(running) = self.lock().get(&spec.id).filter(|running| running.revision == spec.revision) {
            return Ok(Arc::clone(running));
        }
        let described = self
            .describe(&spec.plugin)
            .await
            .map_err(|error| Failure::later(ProblemKind::Unavailable, "", error.to_string()))?;
        let known = self
            .known(&spec.plugin)
            .map_err(|error| Failure::refused(ProblemKind::Unsupported, "", error.to_string()))?;
        let instance = spec.id.to_string();
        let connection = match &known.source {
            Source::Linked(plugin) => {
                let settings = Settings { instance, values: spec.values.clone(), secrets: spec.secrets.clone() };
                Connection::Linked((plugin.configure)(&settings)?)
            }
            Source::Program(program) => {
                let settings = Value::Object(spec.values.clone()).to_string();
                let configuration = ConfigureRequest { instance, settings, secrets: spec.secrets.clone() };
                Connection::Child(Child::start(Arc::clone(program), configuration))
            }
        };
        let concurrency = spec.concurrency.unwrap_or(described.description.concurrency_max).clamp(1, CONCURRENCY_MAX);
        let fresh = Arc::new(Running {
            revision: spec.revision,
            connection,
            bulkhead: Bulkhead::new(usize::try_from(concurrency).unwrap_or(1)),
            breaker: Breaker::default(),
        });
        let mut running = self.lock();
        if running.len() >= INSTANCES_MAX && !running.contains_key(&spec.id) {
            let words = format!("{INSTANCES_MAX} instances are at work already");
            return Err(Failure::later(ProblemKind::Busy, "", words));
        }
        // Another call may have been faster; a newer revision is never put back.
        match running.get(&spec.id) {
            Some(there) if there.revision >= spec.revision => Ok(Arc::clone(there)),
            _ => {
                running.insert(spec.id, Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }

    /// The instance, if it is at work with the settings of this revision.
    #[must_use]
    pub fn at_work(&self, id: InstanceId, revision: i64) -> Option<Arc<Running>> {
        self.lock().get(&id).filter(|running| running.revision == revision).map(Arc::clone)
    }

    /// Ends an instance; calls at work go on to their end.
    pub fn retire(&self, id: InstanceId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance at work.
#[derive(Debug)]
pub struct Running {
    revision: i64,
    connection: Connection,
    bulkhead: Bulkhead,
    breaker: Breaker,
}

impl Running {
    /// Calls the plugin. The time includes waiting for a place; what is left of it is told to the plugin.
    ///
    /// # Errors
    /// The plugin's failure, or the host's own: [`Failure::RetryLater`] when the instance is busy or was left alone by its
    /// circuit breaker.
    pub async fn call<R: Call>(&self, mut request: R, time_max: Duration) -> Answer<R::Response> {
        let began = Instant::now();
        if let Some(after) = self.breaker.open_for(began) {
            return Err(left_alone(after));
        }
        let _place = self.bulkhead.enter(time_max).await.map_err(|full| {
            let words = match full {
                Full::Queue => "too many calls wait for this instance",
                Full::Time => "no place among the calls to this instance in time",
            };
            Failure::later(ProblemKind::Busy, "", words)
        })?;
        let pass = self.breaker.admit(Instant::now()).map_err(left_alone)?;
        let time_left = time_max.saturating_sub(began.elapsed());
        if let Some(Some(operation)) = request.operation_mut() {
            operation.time_left = time_left.try_into().ok();
        }
        let answer = self.connection.call(request, time_left).await;
        let verdict = match &answer {
            Ok(_) => Verdict::Well,
            Err(failure) => match (failure, failure.kind()) {
                (Failure::Refused(_), ProblemKind::Unauthenticated) => Verdict::Unknown,
                (Failure::Refused(_), _) => Verdict::Well,
                (Failure::RetryLater { .. }, ProblemKind::Busy | ProblemKind::State) => Verdict::Well,
                _ => Verdict::Ill,
            },
        };
        if pass.report(verdict, Instant::now()) {
            let why = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(method = R::METHOD, %why, "an instance is left alone for a while");
        }
        answer
    }
}

fn left_alone(after: Duration) -> Failure {
    let words = "the instance did not answer and is left alone for a while";
    Failure::RetryLater { problem: Problem::of(ProblemKind::Unavailable, "circuit", words), after: Some(after) }
}
