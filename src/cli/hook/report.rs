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
    let what = match captured {
        Captured::Event(hook) => What::Event(hook),
        Captured::Nothing(why) => return nothing(&why),
        Captured::Unclear(unclear) => What::Unclear(stamp.unclear(&unclear, ""), unclear),
    };
    let target = settings.target.as_ref().map_err(|error| Stop::settings(error.to_string()));
    let kept = match Spool::open(&settings.spool) {
        Ok(spool) => keep(&spool, what.clone(), stamp, plesk).await.map(|kept| (spool, kept)),
        Err(error) => Err(error),
    };
    let (answer, what) = match (kept, target) {
        (Ok((_, Err(why))), _) => return nothing(&why),
        (Ok((spool, Ok(what))), target) => (hand_over(&spool, what.hook(), target, &pace).await, what),
        // No room on the disk, no right to write: the daemon may still take it.
        (Err(error), Ok(target)) => {
            let sent = deliver::deliver_unspooled(what.hook().clone(), target, &pace).await;
            (Answer::unspooled(what.hook(), &error, sent), what)
        }
        (Err(error), Err(stop)) => (Answer::unspooled(what.hook(), &error, Err(stop)), what),
    };
    match what {
        What::Event(_) => answer,
        What::Unclear(_, unclear) => answer.not_understood(&unclear),
    }
}

/// What goes into the spool.
#[derive(Debug, Clone)]
enum What {
    /// Something happened.
    Event(Hook),
    /// A report that could not be understood: a person is told by the daemon, where it waits in the inbox.
    Unclear(Hook, Unclear),
}

impl What {
    fn hook(&self) -> &Hook {
        match self {
            Self::Event(hook) | Self::Unclear(hook, _) => hook,
        }
    }
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

/// Puts it into the spool. If Plesk has to be asked for its plan first, what is known already goes to disk before
/// Plesk is asked, under the same name. The inner error says why it turned out to be no event.
async fn keep(
    spool: &Spool,
    what: What,
    stamp: &Stamp,
    plesk: Option<&Plesk>,
) -> Result<Result<What, String>, SpoolError> {
    let hook = match what {
        What::Event(hook) => hook,
        What::Unclear(hook, unclear) => {
            spool.save_unclear(&hook)?;
            return Ok(Ok(What::Unclear(hook, unclear)));
        }
    };
    let (Some(subscription), Some(plesk)) = (plesk::lacks_plan(&hook), plesk) else {
        spool.save(&hook)?;
        return Ok(Ok(What::Event(hook)));
    };
    let draft = spool.draft(&hook)?;
    let answer = plan::of(subscription, plesk).await;
    let what = match plesk::with_plan(hook, answer) {
        Captured::Event(hook) => What::Event(hook),
        Captured::Unclear(unclear) => What::Unclear(stamp.unclear(&unclear, ""), unclear),
        Captured::Nothing(why) => {
            draft.give_up()?;
            return Ok(Err(why));
        }
    };
    draft.finish(what.hook())?;
    Ok(Ok(what))
}

fn nothing(why: &str) -> Answer {
    Answer::done(&format!("nothing to report: {why}"))
}
