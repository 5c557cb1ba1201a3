//! Standardized hooks, the panel's own way to tell other programs what it does.
//! Shapes: cPanel's guide to standardized hooks, and what cPanel's own hook in ea-nginx reads.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::SimulatorError;
use crate::script::{Ending, Script};

/// How many hooks may be registered.
const HOOKS_MAX: usize = 100;

/// How many runs are remembered.
const RUNS_MAX: usize = 1_000;

/// How much is kept of a line that makes no sense.
const UNCLEAR_CHARS_MAX: usize = 200;

/// Names one registered hook, for `manage_hooks delete`.
pub type HookId = String;

/// Something the panel reports: a category and an event of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event(&'static str, &'static str);

pub(super) const CREATE: Event = Event("Whostmgr", "Accounts::Create");
pub(super) const MODIFY: Event = Event("Whostmgr", "Accounts::Modify");
pub(super) const REMOVE: Event = Event("Whostmgr", "Accounts::Remove");
pub(super) const CHANGE_PACKAGE: Event = Event("Whostmgr", "Accounts::change_package");
pub(super) const SUSPEND: Event = Event("Whostmgr", "Accounts::suspendacct");
pub(super) const UNSUSPEND: Event = Event("Whostmgr", "Accounts::unsuspendacct");
pub(super) const CHANGE_PASSWORD: Event = Event("Passwd", "ChangePasswd");
const EVENTS: [Event; 7] = [CREATE, MODIFY, REMOVE, CHANGE_PACKAGE, SUSPEND, UNSUSPEND, CHANGE_PASSWORD];

/// Before or after the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before: a blocking hook can stop the work.
    Pre,
    /// After: the work is done whatever the hook says.
    Post,
}

impl Stage {
    /// The panel's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

/// What a hook's run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookResult {
    /// It printed `1` and perhaps a message.
    Ok(String),
    /// It printed `0` and perhaps a message.
    Refused(String),
    /// It printed neither; this is the first line.
    Unclear(String),
    /// It ran longer than it may and was killed.
    TimedOut,
    /// It could not be started.
    NotRun(String),
}

/// One run of one hook. It does not hold the data, which has passwords in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// The hook that ran.
    pub id: HookId,
    /// The event, such as `Accounts::Create`.
    pub event: &'static str,
    /// The stage it ran at.
    pub stage: Stage,
    /// What came of it.
    pub result: HookResult,
}

/// A registered hook, as `manage_hooks list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Names it.
    pub id: HookId,
    /// The category, such as `Whostmgr`.
    pub category: &'static str,
    /// The event, such as `Accounts::Create`.
    pub event: &'static str,
    /// Before or after the work.
    pub stage: Stage,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether a refusal at the stage `pre` stops the work.
    pub blocking: bool,
}

/// The hooks of one server and what became of their runs.
#[derive(Debug)]
pub(super) struct Hooks {
    registered: Mutex<Vec<Hook>>,
    runs: Mutex<VecDeque<HookRun>>,
    time_max: Duration,
}

impl Hooks {
    pub(super) fn new(time_max: Duration) -> Self {
        Self { registered: Mutex::default(), runs: Mutex::default(), time_max }
    }

    pub(super) fn add(
        &self,
        (category, event, stage): (&str, &str, &str),
        argv: Vec<String>,
        blocking: bool,
    ) -> Result<HookId, SimulatorError> {
        let known = EVENTS.iter().find(|known| known.0 == category && known.1 == event);
        let Some(Event(category, event)) = known else {
            let known = EVENTS.map(|Event(category, event)| format!("{category} {event}")).join(", ");
            return Err(SimulatorError::UnknownEvent { event: format!("{category} {event}"), known });
        };
        let stage = match stage {
            "pre" => Stage::Pre,
            "post" => Stage::Post,
            other => return Err(SimulatorError::UnknownStage(other.to_owned())),
        };
        if argv.is_empty() {
            return Err(SimulatorError::NoCommand);
        }
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        if registered.len() >= HOOKS_MAX {
            return Err(SimulatorError::TooManyHooks { max: HOOKS_MAX });
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        registered.push(Hook { id: id.clone(), category, event, stage, argv, blocking });
        Ok(id)
    }

    /// Whether there was such a hook.
    pub(super) fn delete(&self, id: &str) -> bool {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let before = registered.len();
        registered.retain(|hook| hook.id != id);
        registered.len() < before
    }

    pub(super) fn list(&self) -> Vec<Hook> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn runs(&self) -> Vec<HookRun> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Runs the hooks of an event, one after the other in the order they were registered. An error is the message of
    /// a blocking hook that stops the work; later hooks are then not run.
    pub(super) async fn run(
        &self,
        event: Event,
        stage: Stage,
        data: &Value,
        environment: &[(String, String)],
    ) -> Result<(), String> {
        let hooks = self.list();
        for hook in hooks.iter().filter(|hook| Event(hook.category, hook.event) == event && hook.stage == stage) {
            let result = self.run_one(hook, data, environment).await;
            let stopped = (hook.blocking && stage == Stage::Pre).then(|| result.refusal()).flatten();
            self.remember(HookRun { id: hook.id.clone(), event: hook.event, stage, result });
            if let Some(message) = stopped {
                return Err(message);
            }
        }
        Ok(())
    }

    async fn run_one(&self, hook: &Hook, data: &Value, environment: &[(String, String)]) -> HookResult {
        let stage = hook.stage.as_str();
        let input = json!({
            "context": {"category": hook.category, "event": hook.event, "stage": stage, "point": "main"},
            "data": data,
            "hook": {
                "id": hook.id, "hook": hook.argv.join(" "), "stage": stage, "exectype": "script", "weight": 100,
            },
        });
        let stdin = input.to_string();
        let script = Script { argv: &hook.argv, environment, stdin: stdin.as_bytes(), time_max: self.time_max };
        let result = match script.run().await {
            Ending::Exited { stdout, .. } => HookResult::of(&stdout),
            Ending::TimedOut => HookResult::TimedOut,
            Ending::NotRun(why) => HookResult::NotRun(why),
        };
        if !matches!(result, HookResult::Ok(_)) {
            // Not what it printed: that may repeat its input, and the input of Create has the password in it.
            tracing::warn!(event = hook.event, stage, "a hook did not answer 1");
        }
        result
    }

    fn remember(&self, run: HookRun) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= RUNS_MAX {
            runs.pop_front();
        }
        runs.push_back(run);
    }
}

impl HookResult {
    /// Reads what a script printed: `1 message` or `0 message` on the first line.
    fn of(stdout: &str) -> Self {
        let line = stdout.lines().next().unwrap_or_default().trim();
        let (word, message) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "1" => Self::Ok(message.trim().to_owned()),
            "0" => Self::Refused(message.trim().to_owned()),
            _ => Self::Unclear(line.chars().take(UNCLEAR_CHARS_MAX).collect()),
        }
    }

    /// Why this run counts as failed, none if it does not.
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Ok(_) => None,
            Self::Refused(message) => Some(message.clone()),
            Self::Unclear(line) => Some(format!("the hook printed neither 1 nor 0 but “{line}”")),
            Self::TimedOut => Some("the hook took too long".to_owned()),
            Self::NotRun(why) => Some(why.clone()),
        }
    }
}
