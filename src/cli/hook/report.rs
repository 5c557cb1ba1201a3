//! From what was captured to the answer: spool first, then deliver in what is left of the deadline.

use billet_domain::hook::Hook;
use tokio::time::Instant;

use super::answer::Answer;
use super::capture::{Captured, Stamp, Unclear};
use super::deliver::{self, End, Pace, Stop};
use super::settings::{Plesk, Settings};
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
    let hook = match captured {
        Captured::Event(hook) => hook,
        Captured::Nothing(why) => return nothing(&why),
        Captured::Unclear(unclear) => return keep_unclear(settings, stamp, &unclear),
    };
    let pace = Pace {
        until: Some(started + settings.deadline),
        answer_within: settings.deadline,
        event_count_max: EVENT_COUNT_MAX,
    };
    let target = settings.target.as_ref().map_err(|error| Stop::settings(error.to_string()));
    let spooled = match Spool::open(&settings.spool) {
        Ok(spool) => keep(&spool, hook.clone(), stamp, plesk).await.map(|kept| (spool, kept)),
        Err(error) => Err(error),
    };
    match (spooled, target) {
        (Ok((_, Err(answer))), _) => answer,
        (Ok((spool, Ok(hook))), Ok(target)) => {
            match deliver::deliver(&spool, target, &pace, Some(&hook.event_id), &mut |_| {}).await {
                Ok((tally, end)) => Answer::spooled(&hook, tally.fate, &end),
                Err(error) => Answer::undeliverable(&hook, &error),
            }
        }
        (Ok((_, Ok(hook))), Err(stop)) => Answer::spooled(&hook, None, &End::Stopped(stop)),
        // No room on the disk, no right to write: the daemon may still take it.
        (Err(error), Ok(target)) => {
            let sent = deliver::deliver_unspooled(hook.clone(), target, &pace).await;
            Answer::unspooled(&hook, &error, sent)
        }
        (Err(error), Err(stop)) => Answer::unspooled(&hook, &error, Err(stop)),
    }
}

/// Puts the event into the spool. If Plesk has to be asked for its plan first, what is known already goes to disk before
/// Plesk is asked. The inner error is the answer if it turned out to be no event.
async fn keep(
    spool: &Spool,
    hook: Hook,
    stamp: &Stamp,
    plesk: Option<&Plesk>,
) -> Result<Result<Hook, Answer>, SpoolError> {
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
            Err(nothing(&why))
        }
        Captured::Unclear(unclear) => {
            let is_kept = spool.keep_unclear(stamp, &unclear)?;
            draft.give_up()?;
            Err(Answer::unclear(&unclear, Ok(is_kept)))
        }
    })
}

fn nothing(why: &str) -> Answer {
    Answer::done(&format!("nothing to report: {why}"))
}

fn keep_unclear(settings: &Settings, stamp: &Stamp, unclear: &Unclear) -> Answer {
    let kept = Spool::open(&settings.spool).and_then(|spool| spool.keep_unclear(stamp, unclear));
    Answer::unclear(unclear, kept)
}
