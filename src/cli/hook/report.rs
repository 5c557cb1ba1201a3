//! From what was captured to the answer: spool first, then deliver in what is left of the deadline.

use billet_domain::hook::Hook;
use tokio::time::Instant;

use super::answer::Answer;
use super::capture::{Captured, Stamp, Unclear};
use super::deliver::{self, End, Pace, Stop};
use super::settings::{Plesk, Settings, Target};
use super::spool::{Spool, SpoolError};
use super::{plan, plesk};

/// How many events a panel's call delivers at most, its own included.
const EVENT_COUNT_MAX: usize = 200;

/// Spools and delivers what a panel's call, which began at `started`, came to. `plesk` is who can be asked for a plan.
pub async fn report(
    settings: &Settings,
    stamp: &Stamp,
    captured: Captured,
    plesk: Option<&Plesk>,
    started: Instant,
) -> Answer {
    let pace = Pace {
        until: Some(started + settings.deadline),
        answer_within: settings.deadline,
        event_count_max: EVENT_COUNT_MAX,
    };
    let hook = match captured {
        Captured::Event(hook) => hook,
        Captured::Nothing(why) => return nothing(&why),
        Captured::Unclear(unclear) => return report_unclear(settings, stamp, &unclear, &pace).await,
    };
    let target = settings.target.as_ref().map_err(|error| Stop::settings(error.to_string()));
    let spooled = match Spool::open(&settings.spool) {
        Ok(spool) => keep(&spool, hook.clone(), stamp, plesk).await.map(|kept| (spool, kept)),
        Err(error) => Err(error),
    };
    match (spooled, target) {
        (Ok((_, Err(NoEvent::Nothing(why)))), _) => nothing(&why),
        (Ok((_, Err(NoEvent::Unclear(unclear)))), _) => report_unclear(settings, stamp, &unclear, &pace).await,
        (Ok((spool, Ok(hook))), target) => hand_over(&spool, &hook, target, &pace).await,
        // No room on the disk, no right to write: the daemon may still take it.
        (Err(error), Ok(target)) => {
            let sent = deliver::deliver_unspooled(hook.clone(), target, &pace).await;
            Answer::unspooled(&hook, &error, sent)
        }
        (Err(error), Err(stop)) => Answer::unspooled(&hook, &error, Err(stop)),
    }
}

/// Why there is no event after all.
enum NoEvent {
    /// Nothing happened that concerns billing.
    Nothing(String),
    /// It takes a person to tell.
    Unclear(Unclear),
}

/// Delivers what waits, this event included.
async fn hand_over(spool: &Spool, hook: &Hook, target: Result<&Target, Stop>, pace: &Pace) -> Answer {
    match target {
        Ok(target) => match deliver::deliver(spool, target, pace, Some(&hook.event_id), &mut |_| {}).await {
            Ok((tally, end)) => Answer::spooled(hook, tally.fate, &end),
            Err(error) => Answer::undeliverable(hook, &error),
        },
        Err(stop) => Answer::spooled(hook, None, &End::Stopped(stop)),
    }
}

/// Puts the event into the spool. If Plesk has to be asked for its plan first, what is known already goes to disk before
/// Plesk is asked. The inner error is the answer if it turned out to be no event.
async fn keep(
    spool: &Spool,
    hook: Hook,
    stamp: &Stamp,
    plesk: Option<&Plesk>,
) -> Result<Result<Hook, NoEvent>, SpoolError> {
    let (Some(subscription), Some(plesk)) = (plesk::lacks_plan(&hook), plesk) else {
        spool.save(&hook)?;
        return Ok(Ok(hook));
    };
    let draft = spool.draft(&hook)?;
    let answer = plan::of(subscription, plesk).await;
    Ok(match plesk::with_plan(hook, answer) {
        Captured::Event(hook) => {
            draft.finish(&hook)?;
            Ok(hook)
        }
        Captured::Nothing(why) => {
            draft.give_up()?;
            Err(NoEvent::Nothing(why))
        }
        Captured::Unclear(unclear) => {
            // Kept before the draft goes: it is never in neither place.
            spool.keep_unclear(stamp, &unclear)?;
            draft.give_up()?;
            Err(NoEvent::Unclear(unclear))
        }
    })
}

fn nothing(why: &str) -> Answer {
    Answer::done(&format!("nothing to report: {why}"))
}

/// Keeps what is harmless of a report that could not be understood, and has the daemon told, where it waits in the inbox.
async fn report_unclear(settings: &Settings, stamp: &Stamp, unclear: &Unclear, pace: &Pace) -> Answer {
    let spool = match Spool::open(&settings.spool) {
        Ok(spool) => spool,
        Err(error) => return Answer::unclear(unclear, Err(error)),
    };
    let kept = spool.keep_unclear(stamp, unclear);
    // A panel that sends nothing else must not fill the disk with it: beyond a number nobody is told any more.
    let is_kept = kept.as_ref().is_ok_and(|is_kept| *is_kept);
    let answer = Answer::unclear(unclear, kept);
    if !is_kept {
        return answer;
    }
    let hook = stamp.unclear(unclear, "");
    if let Err(error) = spool.save(&hook) {
        return answer.told(&Answer::undeliverable(&hook, &error));
    }
    let target = settings.target.as_ref().map_err(|error| Stop::settings(error.to_string()));
    answer.told(&hand_over(&spool, &hook, target, pace).await)
}
