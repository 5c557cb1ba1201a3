//! Calls to plugins: what the host costs, in this process and over a Unix socket, and whether it keeps an instance busy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use billet_domain::id::InstanceId;
use billet_plugin::v1::{CreateAccountRequest, GetAccountRequest, Operation};
use billet_plugin::{Call, Configured, Failure, Kind, Panel, Settings};
use billet_simulator::MEMORY;
use serde_json::{Map, Value, json};

use super::latency::Latencies;
use super::report::{Report, rounded};
use super::{BenchError, PluginsArgs, memory, progress};
use crate::plugins::{Host, InstanceSpec, Program, Running};

/// Far more than any call here takes.
const TIME: Duration = Duration::from_mins(1);
/// How many calls are made to see what one costs.
const CALLS: u32 = 50_000;

/// Measures.
pub async fn measure(args: &PluginsArgs) -> Result<Report, BenchError> {
    let program = std::env::current_exe().map_err(|error| BenchError::Wrong(error.to_string()))?;
    let command = vec![program.display().to_string(), "plugin".to_owned(), "memory".to_owned()];
    let linked = Host::with(&[MEMORY], []);
    let as_child = Host::with(&[], [Program { name: "memory".to_owned(), command }]);

    let fast = json!({});
    let direct_us = direct_us().await?;
    let linked_us = median_us(&*instance(&linked, 1, &fast, 64).await?).await?;
    let child_us = median_us(&*instance(&as_child, 2, &fast, 64).await?).await?;

    let slow = json!({ "latency_ms": args.latency_ms });
    let panel = instance(&linked, 3, &slow, args.concurrency).await?;
    let bar = progress("creates", u64::from(args.count));
    let began = Instant::now();
    let mut latencies = creates(&panel, args, &bar).await?;
    let took = began.elapsed();
    bar.finish_and_clear();
    let rate = f64::from(args.count) / took.as_secs_f64();
    let possible = f64::from(args.concurrency) / (f64::from(args.latency_ms) / 1_000.0);
    let mut more = Map::new();
    more.insert("concurrency".to_owned(), json!(args.concurrency));
    more.insert("latency_ms".to_owned(), json!(args.latency_ms));
    more.insert("direct_us_p50".to_owned(), json!(direct_us));
    more.insert("in_process_us_p50".to_owned(), json!(linked_us));
    more.insert("out_of_process_us_p50".to_owned(), json!(child_us));
    Ok(Report {
        bench: "plugins",
        store: "none",
        count: args.count,
        rate_per_s: rounded(rate, 1),
        raw_rate_per_s: rounded(possible, 1),
        ratio: rounded(rate / possible, 3),
        p50_ms: latencies.percentile_ms(0.5),
        p99_ms: latencies.percentile_ms(0.99),
        rss_mib_max: memory::peak_mib(),
        more,
    })
}

fn wrong(failure: &Failure) -> BenchError {
    BenchError::Wrong(failure.to_string())
}

async fn instance(host: &Host, id: i64, values: &Value, concurrency: u32) -> Result<Arc<Running>, BenchError> {
    let spec = InstanceSpec {
        id: InstanceId(id),
        plugin: "memory".to_owned(),
        revision: 1,
        values: values.as_object().cloned().unwrap_or_default(),
        secrets: secrets(),
        concurrency: Some(concurrency),
    };
    host.instance(&spec).await.map_err(|failure| wrong(&failure))
}

fn secrets() -> BTreeMap<String, String> {
    BTreeMap::from([("token".to_owned(), "open-sesame".to_owned())])
}

fn account(number: u32) -> CreateAccountRequest {
    CreateAccountRequest {
        operation: Some(Operation { id: format!("op-{number}"), attempt: 1, ..Operation::default() }),
        username: format!("account{number}"),
        domain: format!("account{number}.example"),
        package: "starter".to_owned(),
        ..CreateAccountRequest::default()
    }
}

/// One after the other, as many callers as calls may be made at once and half as many again that wait.
async fn creates(
    panel: &Arc<Running>,
    args: &PluginsArgs,
    bar: &indicatif::ProgressBar,
) -> Result<Latencies, BenchError> {
    let callers = args.concurrency + args.concurrency / 2;
    let mut tasks = tokio::task::JoinSet::new();
    for first in 0..callers {
        let (panel, bar, count) = (Arc::clone(panel), bar.clone(), args.count);
        tasks.spawn(async move {
            let mut latencies = Latencies::default();
            for number in (first..count).step_by(callers as usize) {
                let began = Instant::now();
                let done = panel.call(account(number), TIME).await.map_err(|failure| wrong(&failure))?;
                if done.already {
                    return Err(BenchError::Wrong(format!("account{number} was there already")));
                }
                latencies.push(began.elapsed());
                bar.inc(1);
            }
            Ok(latencies)
        });
    }
    let mut all = Latencies::default();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended.map_err(|error| BenchError::Wrong(error.to_string()))??);
    }
    Ok(all)
}

fn question() -> GetAccountRequest {
    GetAccountRequest::default()
}

/// What a refusal of the panel itself takes, without the host, in microseconds.
async fn direct_us() -> Result<f64, BenchError> {
    let settings = Settings { secrets: secrets(), ..Settings::default() };
    let configured: Configured = (MEMORY.configure)(&settings).map_err(|failure| wrong(&failure))?;
    let panel = <dyn Panel>::of(&configured).ok_or_else(|| BenchError::Wrong("no panel".to_owned()))?;
    let mut nanoseconds = Vec::with_capacity(CALLS as usize);
    for _ in 0..CALLS {
        let began = Instant::now();
        let answer = question().on(&*panel).await;
        nanoseconds.push(began.elapsed().as_nanos());
        drop(answer);
    }
    Ok(median(nanoseconds))
}

/// What the same takes through the host.
async fn median_us(instance: &Running) -> Result<f64, BenchError> {
    // Until a program is up.
    for _ in 0..1_000 {
        let _ = instance.call(question(), TIME).await;
    }
    let mut nanoseconds = Vec::with_capacity(CALLS as usize);
    for _ in 0..CALLS {
        let began = Instant::now();
        let answer = instance.call(question(), TIME).await;
        nanoseconds.push(began.elapsed().as_nanos());
        if !answer.is_err_and(|failure| matches!(failure, Failure::Refused(_))) {
            return Err(BenchError::Wrong("there should be no such account".to_owned()));
        }
    }
    Ok(median(nanoseconds))
}

fn median(mut nanoseconds: Vec<u128>) -> f64 {
    nanoseconds.sort_unstable();
    let middle = nanoseconds.get(nanoseconds.len() / 2).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    rounded(middle as f64 / 1_000.0, 2)
}
