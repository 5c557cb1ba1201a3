//! Talks to systemd where it started the daemon (`Type=notify`); says nothing anywhere else.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

/// The daemon is ready. The task that is answered tells the watchdog, if there is one, that the daemon lives: it runs among
/// all other tasks and so stops telling when nothing moves any more.
pub fn ready() -> JoinHandle<()> {
    say(&[NotifyState::Ready]);
    let period = sd_notify::watchdog_enabled();
    tokio::spawn(async move {
        let Some(period) = period else { return };
        let mut tick = tokio::time::interval((period / 2).max(Duration::from_millis(1)));
        loop {
            tick.tick().await;
            say(&[NotifyState::Watchdog]);
        }
    })
}

/// The daemon stops.
pub fn stopping() {
    say(&[NotifyState::Stopping]);
}

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd does not listen");
    }
}
