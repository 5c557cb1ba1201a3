//! EventService: pages of the journal, and a stream that follows it.
//!
//! A watcher reads pages from the database, not from memory: it can begin anywhere, misses nothing, and sees what other
//! daemons write. It is woken by commits of this process and looks twice a second for those of others.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::auth::Caller;
use super::call::open;
use super::convert::{text, to_instant};
use super::page;
use super::status::refusal;
use crate::billing::{Billing, BillingError};
use crate::metrics;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::event_service_server::EventService;
use crate::store::event::{self, Recorded};
use crate::store::token;

/// How many watchers one daemon has.
const WATCHERS_MAX: usize = 1_000;
/// How many events are read at once.
const PAGE: i64 = 500;
/// How many events wait for a slow client before reading stops.
const BUFFER_MAX: usize = 64;
/// How often a watcher looks when this process commits nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Commits come in swarms; this is waited for after one, so that a swarm costs one look.
const SWARM_PAUSE: Duration = Duration::from_millis(10);
/// How often the watcher's token is looked at: one that is revoked ends its streams.
const TOKEN_EVERY: Duration = Duration::from_secs(1);
/// Most prefixes of a watch, and the longest of them in characters.
const PREFIXES_MAX: usize = 50;

/// The service.
#[derive(Debug, Clone)]
pub struct EventApi {
    billing: Billing,
    stopping: CancellationToken,
    watchers: Arc<Semaphore>,
}

impl EventApi {
    /// For one daemon; watches end when it is `stopping`.
    #[must_use]
    pub fn new(billing: Billing, stopping: CancellationToken) -> Self {
        Self { billing, stopping, watchers: Arc::new(Semaphore::new(WATCHERS_MAX)) }
    }
}

/// What a watch answers.
type Events = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl EventService for EventApi {
    type WatchStream = Events;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Events>, Status> {
        let (caller, request) = open(request)?;
        if request.after_sequence < 0 {
            return Err(
                BillingError::invalid("after_sequence", "a position of the journal, 0 for its beginning").into()
            );
        }
        if request.kind_prefixes.len() > PREFIXES_MAX {
            return Err(BillingError::invalid("kind_prefixes", format!("at most {PREFIXES_MAX}")).into());
        }
        for (index, prefix) in request.kind_prefixes.iter().enumerate() {
            text(&format!("kind_prefixes[{index}]"), prefix, PREFIXES_MAX, false)?;
        }
        let Ok(place) = Arc::clone(&self.watchers).try_acquire_owned() else {
            let message = format!("this daemon has {WATCHERS_MAX} watchers already");
            metrics::CALLS_REFUSED.of(["TOO_MANY_WATCHERS"]).increment(1);
            return Err(refusal(Code::ResourceExhausted, "TOO_MANY_WATCHERS", message));
        };
        let (sender, receiver) = mpsc::channel(BUFFER_MAX);
        let watch = Watch {
            billing: self.billing.clone(),
            stopping: self.stopping.clone(),
            caller,
            last: request.after_sequence,
            prefixes: request.kind_prefixes,
            token_seen_at: None,
            sender,
        };
        tokio::spawn(async move {
            watch.run().await;
            drop(place);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let subject = text("subject", &request.subject, 100, false)?;
        let mut tx = self.billing.store.snapshot().await?;
        let mut events = if subject.is_empty() {
            event::after(&mut tx, caller.seller_id, after, size + 1).await?
        } else {
            event::about(&mut tx, caller.seller_id, &subject, after, size + 1).await?
        };
        let next_page_token = page::cut(&mut events, size, |event| event.sequence.to_string());
        Ok(Response::new(pb::ListEventsResponse {
            events: events.into_iter().map(to_event).collect(),
            next_page_token,
        }))
    }
}

/// One watcher.
struct Watch {
    billing: Billing,
    stopping: CancellationToken,
    caller: Caller,
    last: i64,
    prefixes: Vec<String>,
    token_seen_at: Option<Instant>,
    sender: mpsc::Sender<Result<pb::WatchResponse, Status>>,
}

impl Watch {
    /// Ends when the client leaves (nobody receives any more), the daemon stops or the token does not count any more.
    async fn run(mut self) {
        let mut commits = self.billing.store.commits();
        let stopping = self.stopping.clone();
        let client = self.sender.clone();
        loop {
            let step = tokio::select! {
                () = stopping.cancelled() => None,
                () = client.closed() => return,
                step = self.step() => Some(step),
            };
            match step.unwrap_or_else(|| Err(self.farewell())) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(status) => {
                    // A client that reads nothing would keep the daemon from stopping.
                    let _ = tokio::time::timeout(Duration::from_secs(1), self.sender.send(Err(status))).await;
                    return;
                }
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = client.closed() => return,
                _ = commits.changed() => tokio::time::sleep(SWARM_PAUSE).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn farewell(&self) -> Status {
        let message = format!("the daemon is stopping; watch again after {}", self.last);
        refusal(Code::Unavailable, "STOPPING", message)
    }

    /// Sends a page; whether there may be another.
    async fn step(&mut self) -> Result<bool, Status> {
        let mut tx = self.billing.store.snapshot().await?;
        if self.token_seen_at.is_none_or(|seen_at| seen_at.elapsed() >= TOKEN_EVERY) {
            let token = token::get(&mut tx, self.caller.seller_id, self.caller.token_id).await?;
            let counts = token.is_some_and(|token| {
                token.revoked_at.is_none() && token.expires_at.is_none_or(|expires_at| expires_at > self.billing.now())
            });
            if !counts {
                return Err(refusal(
                    Code::Unauthenticated,
                    "TOKEN_REVOKED",
                    "the token was taken out of use or has expired",
                ));
            }
            self.token_seen_at = Some(Instant::now());
        }
        let events = event::after(&mut tx, self.caller.seller_id, self.last, PAGE).await?;
        drop(tx);
        let full = i64::try_from(events.len()).is_ok_and(|count| count >= PAGE);
        for event in events {
            let sequence = event.sequence;
            if self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| event.kind.starts_with(prefix.as_str())) {
                // A send that fails means that the client has left; the loop sees it.
                let _ = self.sender.send(Ok(pb::WatchResponse { event: Some(to_event(event)) })).await;
            }
            self.last = sequence;
        }
        Ok(full)
    }
}

fn to_event(event: Recorded) -> pb::Event {
    pb::Event {
        sequence: event.sequence,
        kind: event.kind,
        subject: event.subject,
        actor: event.actor,
        reason: event.reason,
        data_json: event.data,
        recorded_at: Some(to_instant(event.recorded_at)),
        hash: event.hash,
    }
}

#[cfg(test)]
mod tests {
    use billet_domain::id::{SellerId, TokenId};
    use billet_domain::role::Role;
    use futures::StreamExt as _;
    use serde_json::json;

    use super::*;
    use crate::billing::Clock;
    use crate::store::Store;
    use crate::store::testing::{Fresh, seller, stores};
    use crate::store::token::Token;

    struct Ground {
        api: EventApi,
        caller: Caller,
        store: Store,
        stopping: CancellationToken,
    }

    async fn ground(fresh: &Fresh) -> Ground {
        let billing = Billing::new(fresh.store.clone(), Clock::System);
        let seller_id = seller(&fresh.store, 1).await;
        let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
        let token = Token {
            seller_id,
            id: TokenId(1),
            name: "auditor".to_owned(),
            roles: vec![Role::Auditor],
            instance_id: None,
            customer_id: None,
            expires_at: None,
            revoked_at: None,
            created_at: unit.now,
        };
        token::insert(&mut unit, &token, "hash").await.expect("a token");
        unit.commit().await.expect("a commit");
        let stopping = CancellationToken::new();
        Ground {
            api: EventApi::new(billing, stopping.clone()),
            caller: token.into(),
            store: fresh.store.clone(),
            stopping,
        }
    }

    impl Ground {
        fn request<T>(&self, message: T) -> Request<T> {
            let mut request = Request::new(message);
            request.extensions_mut().insert(self.caller.clone());
            request
        }

        async fn write(&self, kind: &'static str, count: usize) {
            let seller_id = SellerId(1);
            let mut unit = self.store.begin(seller_id, "system", chrono::DateTime::UNIX_EPOCH).await.expect("a unit");
            for index in 0..count {
                unit.event(kind, format!("thing_{}", index % 10), json!({ "index": index }));
            }
            unit.commit().await.expect("a commit");
        }

        async fn watch(&self, after_sequence: i64, prefixes: &[&str]) -> Events {
            let kind_prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
            let request = self.request(pb::WatchRequest { after_sequence, kind_prefixes });
            self.api.watch(request).await.expect("a stream").into_inner()
        }
    }

    async fn next(events: &mut Events) -> Result<pb::Event, Status> {
        let next = tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("in time");
        next.expect("not the end").map(|answer| answer.event.expect("an event"))
    }

    #[tokio::test]
    async fn a_watch_begins_anywhere_filters_and_goes_on_live() {
        for fresh in stores().await {
            let ground = ground(&fresh).await;
            ground.write("invoice.issued", 1_200).await;
            let mut all = ground.watch(0, &[]).await;
            for sequence in 1..=1_200 {
                let event = next(&mut all).await.expect("an event");
                assert_eq!((event.sequence, event.kind.as_str()), (sequence, "invoice.issued"));
            }
            let mut payments = ground.watch(1_000, &["payment.", "nothing"]).await;
            ground.write("payment.recorded", 2).await;
            ground.write("invoice.issued", 1).await;
            ground.write("payment.recorded", 1).await;
            for sequence in [1_201, 1_202, 1_204] {
                assert_eq!(next(&mut payments).await.expect("an event").sequence, sequence);
            }
            // What another daemon writes is no commit of this process.
            let unrelated = Store::clone(&fresh.store);
            let mut tx = unrelated.engine().begin().await.expect("a transaction");
            tx.execute(
                "INSERT INTO events (seller_id, sequence, kind, subject, actor, reason, data, recorded_at, hash) \
                 VALUES (1, 1205, 'payment.recorded', 'pay_1', 'system', '', '{}', 0, 'x')",
                &[],
            )
            .await
            .expect("an event");
            tx.commit().await.expect("a commit");
            assert_eq!(next(&mut payments).await.expect("an event").subject, "pay_1");
        }
    }

    #[tokio::test]
    async fn a_watch_ends_with_its_token_and_with_the_daemon_and_frees_its_place() {
        for fresh in stores().await {
            let ground = ground(&fresh).await;
            ground.write("invoice.issued", 1).await;
            let mut stopped = ground.watch(0, &[]).await;
            next(&mut stopped).await.expect("an event");
            let left = ground.watch(0, &[]).await;
            assert_eq!(ground.api.watchers.available_permits(), WATCHERS_MAX - 2);
            drop(left);
            ground.stopping.cancel();
            let status = next(&mut stopped).await.expect_err("the end");
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains("after 1"), "{status}");

            let ground = Ground { stopping: CancellationToken::new(), ..ground };
            let api = EventApi::new(ground.api.billing.clone(), ground.stopping.clone());
            let ground = Ground { api, ..ground };
            let mut watch = ground.watch(1, &[]).await;
            let mut unit = ground.store.begin(SellerId(1), "system", chrono::Utc::now()).await.expect("a unit");
            token::revoke(&mut unit, TokenId(1)).await.expect("revoked");
            unit.commit().await.expect("a commit");
            assert_eq!(next(&mut watch).await.expect_err("the end").code(), Code::Unauthenticated);
            drop(watch);
            let all_free = async {
                while ground.api.watchers.available_permits() < WATCHERS_MAX {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), all_free).await.expect("the places are free again");
        }
    }

    #[tokio::test]
    async fn events_are_listed_in_pages_and_by_subject() {
        for fresh in stores().await {
            let ground = ground(&fresh).await;
            ground.write("invoice.issued", 25).await;
            let mut request =
                pb::ListEventsRequest { page_size: 2, subject: "thing_3".to_owned(), ..Default::default() };
            let mut sequences = Vec::new();
            loop {
                let page = ground.api.list_events(ground.request(request.clone())).await.expect("a page").into_inner();
                sequences.extend(page.events.iter().map(|event| event.sequence));
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            assert_eq!(sequences, [4, 14, 24]);
            let request = pb::ListEventsRequest { page_token: "?".to_owned(), ..Default::default() };
            let refused = ground.api.list_events(ground.request(request)).await.expect_err("no token");
            assert_eq!(refused.code(), Code::InvalidArgument);
            let request = pb::WatchRequest { after_sequence: -1, kind_prefixes: Vec::new() };
            let Err(refused) = ground.api.watch(ground.request(request)).await else { panic!("no position") };
            assert_eq!(refused.code(), Code::InvalidArgument);
        }
    }
}
