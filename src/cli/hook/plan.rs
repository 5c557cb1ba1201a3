//! Asks Plesk which service plan a subscription has, since its events do not say.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout_at};

use super::capture;
use super::settings::Plesk;
use crate::proto::hook::NAME_CHARS_MAX;

/// How long asking may take in all, in milliseconds.
const ASKING_MS_MAX: u64 = 1000;
/// How often it is asked: a new subscription gets its plan a moment after its event.
const ATTEMPTS_MAX: u32 = 3;
/// How long it waits between two attempts, in milliseconds.
const PAUSE_MS: u64 = 250;
/// How much of an answer is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4096;

/// The plan of a subscription; `None` if it has none.
///
/// # Errors
/// Says why it could not be found out.
pub async fn of(subscription: &str, plesk: &Plesk) -> Result<Option<String>, String> {
    let until = Instant::now() + Duration::from_millis(ASKING_MS_MAX);
    let mut answer = Ok(None);
    for attempt in 1..=ATTEMPTS_MAX {
        answer = ask(command(subscription, plesk)?, until).await;
        let pause = Duration::from_millis(PAUSE_MS);
        if !matches!(answer, Ok(None)) || attempt == ATTEMPTS_MAX || Instant::now() + pause >= until {
            break;
        }
        sleep(pause).await;
    }
    answer
}

fn command(subscription: &str, plesk: &Plesk) -> Result<Command, String> {
    let mut command = match plesk.plan_command.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(subscription);
            command
        }
        None => {
            let mut command = Command::new(&plesk.program);
            command.args(["db", "-Ne", &query(subscription)?]);
            command
        }
    };
    // Not our own environment: Plesk hands us passwords in it.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// Plesk has no command that prints a subscription's plan, so its database is asked.
fn query(subscription: &str) -> Result<String, String> {
    let is_plain = subscription.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if !is_plain {
        return Err("the subscription's name is no domain name".into());
    }
    Ok(format!(
        "SELECT t.name FROM domains d JOIN Subscriptions s ON s.object_type = 'domain' AND s.object_id = d.id \
         JOIN PlansSubscriptions p ON p.subscription_id = s.id JOIN Templates t ON t.id = p.plan_id \
         WHERE t.type = 'domain' AND (d.name = '{subscription}' OR d.displayName = '{subscription}') LIMIT 1"
    ))
}

async fn ask(mut command: Command, until: Instant) -> Result<Option<String>, String> {
    let mut child = command.spawn().map_err(|error| format!("cannot run Plesk's command: {error}"))?;
    let mut answer = Vec::new();
    let status = timeout_at(until, async {
        if let Some(out) = child.stdout.take() {
            out.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        }
        child.wait().await
    })
    .await
    .map_err(|_| "Plesk did not answer in time".to_owned())?
    .map_err(|error| format!("Plesk's command: {error}"))?;
    if !status.success() {
        return Err(format!("Plesk's command ended with {status}"));
    }
    let answer = String::from_utf8_lossy(&answer);
    let plan = capture::name("the plan", answer.lines().next().unwrap_or_default(), NAME_CHARS_MAX)?;
    Ok(Some(plan).filter(|plan| !plan.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_change_the_question_is_not_asked_about() {
        assert!(query("acme-one.example").expect("a domain name").contains("d.name = 'acme-one.example'"));
        for wrong in ["a' OR '1'='1", "a\\", "a;b", "a b", "a\"b", "a`b"] {
            assert_eq!(query(wrong), Err("the subscription's name is no domain name".into()), "{wrong}");
        }
    }
}
