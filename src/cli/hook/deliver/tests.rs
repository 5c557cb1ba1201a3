use std::cell::Cell;

use billet_domain::hook::Change;

use super::super::capture::Stamp;
use super::*;

/// The daemon of the tests of the whole program.
#[allow(dead_code)]
#[path = "../../../../tests/hook_cli/daemon.rs"]
mod daemon;

#[test]
fn what_another_leaves_at_the_last_moment_is_taken_along() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let spool = Spool::open(dir.path()).expect("it can be made");
    let daemon = daemon::Daemon::start(daemon::Mode::Take);
    let target = Target { url: daemon.url(), token: None, instance: None, ca_pem: None };
    let pace = Pace { until: None, answer_within: Duration::from_secs(60), event_count_max: usize::MAX };
    let save = |user: &str| {
        let hook = Stamp::new(None).hook(user.into(), Change::AccountTerminated, "test");
        spool.save(&hook).expect("there is room");
    };
    save("ours");
    let call_count = Cell::new(0);
    let mut progress = |_: &Tally| {
        call_count.set(call_count.get() + 1);
        // The first call is for our own event; at the second nothing waits, and the lock is still held. Now another
        // process comes, finds it taken, and goes.
        if call_count.get() == 2 {
            save("theirs");
            assert!(spool.try_lock().expect("it can be tried").is_none());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let delivered = runtime.block_on(deliver(&spool, &target, &pace, None, &mut progress));
    let (tally, end) = delivered.expect("the spool works");
    assert!(matches!(end, End::Empty), "{end:?}");
    assert_eq!(tally.delivered, 2);
    assert_eq!(spool.waiting(1, &BTreeSet::new()).expect("it can be listed"), [""; 0]);
    assert_eq!(daemon.refs(), ["ours", "theirs"]);
}
