//! Following the journal over restarts of the daemon: who remembers the last position misses nothing and sees nothing twice.

use std::time::Duration;

use billet::proto::billet::v1 as pb;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::harness::{Billet, Caller, on_both};

/// How long a follower waits for the next event, or for the daemon.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who keeps what it saw and where it was.
struct Follower {
    /// Whom it asks now; another one after each restart.
    daemon: watch::Receiver<Caller>,
    prefixes: Vec<String>,
    seen: Vec<pb::Event>,
    /// How far it is, for others.
    progress: watch::Sender<i64>,
    /// What ended its streams.
    ends: Vec<tonic::Status>,
}

impl Follower {
    fn new(daemon: &watch::Receiver<Caller>, prefixes: &[&str]) -> Self {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        Self { daemon: daemon.clone(), prefixes, seen: Vec::new(), progress: watch::Sender::new(0), ends: Vec::new() }
    }

    fn position(&self) -> i64 {
        self.seen.last().map_or(0, |event| event.sequence)
    }

    /// Follows until it saw a subject, however often the stream breaks on the way.
    async fn until(mut self, subject: watch::Receiver<String>) -> Self {
        let began = std::time::Instant::now();
        loop {
            assert!(began.elapsed() < 4 * PATIENCE, "it never saw `{}`: {:?}", *subject.borrow(), self.ends);
            let caller = self.daemon.borrow_and_update().clone();
            let request = pb::WatchRequest { after_sequence: self.position(), kind_prefixes: self.prefixes.clone() };
            let Ok(answer) = caller.events().watch(request).await else {
                // It is not up again.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let mut events = answer.into_inner();
            loop {
                if !subject.borrow().is_empty() && self.seen.iter().any(|event| event.subject == *subject.borrow()) {
                    return self;
                }
                match tokio::time::timeout(Duration::from_millis(500), events.next()).await {
                    Ok(Some(Ok(answer))) => {
                        self.seen.push(answer.event.expect("an event"));
                        self.progress.send_replace(self.position());
                    }
                    Ok(Some(Err(status))) => {
                        self.ends.push(status);
                        break;
                    }
                    Ok(None) => break,
                    // Quiet: the subject may be known by now.
                    Err(_) => {}
                }
            }
        }
    }
}

/// Makes customers until it is told to stop, whatever happens to the daemon meanwhile.
/// Answers how many.
async fn write(daemon: watch::Receiver<Caller>, mut stop: watch::Receiver<bool>) -> usize {
    let mut number = 0;
    loop {
        let name = format!("Live {number}");
        let party = pb::Party { name, ..Default::default() };
        let customer = pb::Customer { party: Some(party), ..Default::default() };
        let request = pb::CreateCustomerRequest { request_id: format!("live-{number}"), customer: Some(customer) };
        let caller = daemon.borrow().clone();
        // The same call again until it is answered: it is done once.
        match tokio::time::timeout(PATIENCE, caller.customers().create_customer(request)).await {
            // What was not answered may be done all the same: only after an answer is it known how many there are.
            Ok(Ok(_)) => {
                number += 1;
                if *stop.borrow_and_update() {
                    return number;
                }
            }
            Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

impl Billet {
    /// The whole journal, page by page.
    async fn journal(&self) -> Vec<pb::Event> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListEventsRequest { page_size: 1_000, page_token, ..Default::default() };
            let page = self.owner.events().list_events(request).await.expect("events").into_inner();
            all.extend(page.events);
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_sees_every_event_once_over_restarts() {
    on_both(async |mut billet| {
        for number in 0..20 {
            billet.customer(&format!("Before {number}")).await;
        }
        let (daemons, daemon) = watch::channel(billet.owner.clone());
        let (last, wanted) = watch::channel(String::new());
        let (stop, stopped) = watch::channel(false);
        let writer = tokio::spawn(write(daemon.clone(), stopped));
        let followers = [Follower::new(&daemon, &[]), Follower::new(&daemon, &["customer."])];
        let mut progress = [0, 1].map(|one: usize| followers[one].progress.subscribe());
        let [everything, customers] = followers.map(|follower| tokio::spawn(follower.until(wanted.clone())));
        // Two that go in order, two that die, and events all the time.
        for killed in [false, true, false, true] {
            // What is written from now on is only seen in streams of this daemon: both are in one then.
            billet.customer("Between").await;
            let newest = billet.journal().await.last().expect("something happened").sequence;
            for position in &mut progress {
                let caught_up = position.wait_for(|position| *position >= newest);
                tokio::time::timeout(4 * PATIENCE, caught_up).await.expect("in time").expect("it follows");
            }
            if killed {
                billet.kill();
            } else {
                billet.stop().await;
            }
            billet.restart().await;
            daemons.send_replace(billet.owner.clone());
        }
        stop.send_replace(true);
        let written = writer.await.expect("it wrote");
        last.send_replace(billet.customer("The last").await);
        let everything = everything.await.expect("it saw the last");
        let customers = customers.await.expect("it saw the last");

        let journal = billet.journal().await;
        assert!(journal.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence), "the journal has gaps");
        let live = journal.iter().filter(|event| event.kind == "customer.created").count();
        // Those of before, four in between, the last, and what was written while the daemon came and went.
        assert_eq!(live, 20 + 4 + 1 + written);
        assert_eq!(everything.seen, journal);
        let of_customers: Vec<_> = journal.into_iter().filter(|event| event.kind.starts_with("customer.")).collect();
        assert_eq!(customers.seen, of_customers);
        // Who is told that the daemon stops is told where to go on.
        let ends: Vec<_> = everything.ends.iter().chain(&customers.ends).collect();
        let stopped = |status: &&&tonic::Status| {
            status.code() == Code::Unavailable && status.message().contains("watch again after")
        };
        assert!(ends.iter().any(|status| stopped(&status)), "{ends:?}");
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}

#[tokio::test]
async fn a_position_of_before_the_restart_is_good_after_it() {
    on_both(async |mut billet| {
        billet.customer("Acme").await;
        let journal = billet.journal().await;
        let position = journal.last().expect("something happened").sequence;
        billet.stop().await;
        billet.restart().await;
        // Nothing is new: the stream is open and silent, until something happens.
        let request = pb::WatchRequest { after_sequence: position, kind_prefixes: Vec::new() };
        let mut events = billet.owner.events().watch(request).await.expect("a stream").into_inner();
        let silence = tokio::time::timeout(Duration::from_millis(700), events.next()).await;
        assert!(silence.is_err(), "{silence:?}");
        let bolt = billet.customer("Bolt").await;
        let next = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time").expect("not the end");
        let next = next.expect("an answer").event.expect("an event");
        assert_eq!((next.sequence, next.subject), (position + 1, bolt));
        // From one position further back it is one event more.
        let request = pb::WatchRequest { after_sequence: position - 1, kind_prefixes: Vec::new() };
        let mut events = billet.owner.events().watch(request).await.expect("a stream").into_inner();
        for sequence in [position, position + 1] {
            let next = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time").expect("not the end");
            assert_eq!(next.expect("an answer").event.expect("an event").sequence, sequence);
        }
    })
    .await;
}
