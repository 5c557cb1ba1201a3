//! Those who watch the daemon: what was done stands in its metrics, and its health says whether its database answers.

use billet::metrics::ALL;
use billet::proto::billet::v1 as pb;
use sqlx::{AssertSqlSafe, Connection as _};
use tonic::Code;

use crate::exposition::{Series, ask};
use crate::harness::{Engine, on_both};
use crate::panel::{Panel, created, event};

const RENDERED: &str = "billet_job_attempts_total{kind=\"render_document\",outcome=\"done\"}";
const RUN: &str = "billet_job_attempts_total{kind=\"billing_run\",outcome=\"done\"}";

fn at(series: &Series, name: &str) -> f64 {
    series.get(name).copied().unwrap_or_else(|| panic!("{name} is missing among {:#?}", series.keys()))
}

#[tokio::test]
async fn what_was_done_stands_in_the_metrics() {
    on_both(async |mut billet| {
        let fresh = billet.scrape().await;
        for outcome in ["applied", "parked", "noted", "duplicate", "refused", "failed"] {
            assert_eq!(at(&fresh, &format!("billet_hooks_total{{outcome=\"{outcome}\"}}")), 0.0);
        }
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.link(&acme, &panel.instance_id, "acme").await;

        let now = "2027-03-01T08:00:00Z";
        assert_eq!(panel.applied("acme", now, created("starter")).await, [36_89]);
        assert_eq!(panel.report("acme", now, created("starter")).await.outcome(), pb::HookOutcome::Duplicate);
        for account in ["nobody", "somebody"] {
            assert_eq!(panel.report(account, now, created("starter")).await.outcome(), pb::HookOutcome::Parked);
        }
        panel.try_report(event("e1", "nobody", now, created("starter"))).await.expect("taken");
        let reused = panel.try_report(event("e1", "nobody", now, created("other"))).await.expect_err("another content");
        assert_eq!(reused.code(), Code::AlreadyExists);
        let stranger = billet.caller("blt_nobody").await;
        let unknown = stranger.hooks().report(pb::ReportRequest::default()).await.expect_err("no token");
        assert_eq!(unknown.code(), Code::Unauthenticated);
        panel.caller.raw("NoService/NoMethod", Vec::new()).await.expect_err("there is none");
        // April, by the nightly run.
        billet.advance_to("2027-04-01T06:00:00Z").await;
        assert_eq!(billet.documents().await.len(), 2);

        // A job is gone a moment before it is counted.
        let mut told = billet.scrape().await;
        for _ in 0..1_000 {
            if at(&told, RENDERED) == 2.0 && at(&told, RUN) == 1.0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            told = billet.scrape().await;
        }
        let is = |name: &str, value: f64| assert_eq!(at(&told, name), value, "{name}: {told:#?}");
        is("billet_hooks_total{outcome=\"applied\"}", 1.0);
        is("billet_hooks_total{outcome=\"duplicate\"}", 1.0);
        is("billet_hooks_total{outcome=\"parked\"}", 3.0);
        is("billet_hooks_total{outcome=\"refused\"}", 1.0);
        is("billet_hooks_total{outcome=\"failed\"}", 0.0);
        is("billet_hook_set_size_sum", 6.0);
        is("billet_hook_set_size_bucket{le=\"1\"}", 6.0);
        is("billet_hook_set_duration_seconds_count", 6.0);
        is("billet_hooks_waiting", 0.0);
        is("billet_calls_total{method=\"HookService/Report\",code=\"OK\"}", 5.0);
        is("billet_calls_total{method=\"HookService/Report\",code=\"ALREADY_EXISTS\"}", 1.0);
        is("billet_calls_total{method=\"HookService/Report\",code=\"UNAUTHENTICATED\"}", 1.0);
        is("billet_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"}", 1.0);
        is("billet_call_duration_seconds_count{method=\"HookService/Report\"}", 7.0);
        is("billet_calls_at_work", 0.0);
        is("billet_calls_refused_total{reason=\"BUSY\"}", 0.0);
        is("billet_documents_issued_total{kind=\"invoice\"}", 2.0);
        is("billet_run_batches_total{outcome=\"done\"}", 1.0);
        is("billet_run_batch_duration_seconds_count", 1.0);
        is("billet_run_subscriptions_total", 1.0);
        is("billet_run_failures_total", 0.0);
        is(RENDERED, 2.0);
        // One a night at which something was to be planned; a clock that is moved far plans the newest night.
        is(RUN, 1.0);
        is("billet_job_duration_seconds_count{kind=\"render_document\"}", 2.0);
        is("billet_database_up", 1.0);
        assert!(at(&told, "billet_database_commit_duration_seconds_count") > 10.0);
        let (engine, version) =
            (if billet.engine() == Engine::Sqlite { "sqlite" } else { "postgres" }, env!("CARGO_PKG_VERSION"));
        is(&format!("billet_build_info{{version=\"{version}\",database=\"{engine}\"}}"), 1.0);
        // In real time, whatever the simulated clock says.
        let age = chrono::Utc::now().timestamp_millis() as f64 / 1_000.0 - at(&told, "process_start_time_seconds");
        assert!((0.0..600.0).contains(&age), "{age}");
        // Without a panel there is nothing of provisioning: the journey of an account looks at that.
        for metric in ALL.iter().filter(|metric| !metric.name.starts_with("billet_provisioning_")) {
            let there = told.keys().any(|name| name.starts_with(metric.name));
            assert!(there, "{} was never measured", metric.name);
        }
        // Nothing in it says who or what.
        for name in told.keys() {
            assert!(!["sel_", "cus_", "ins_", "Acme", "acme", "whm1"].iter().any(|word| name.contains(word)), "{name}");
        }
        billet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn health_follows_the_database_and_everything_else_is_refused() {
    on_both(async |mut billet| {
        let address = billet.metrics_address().to_owned();
        let health = ask(&address, "GET", "/healthz").await;
        assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
        assert_eq!(ask(&address, "GET", "/").await.status, 404);
        assert_eq!(ask(&address, "POST", "/metrics").await.status, 405);
        if billet.engine() == Engine::Postgres {
            let (server, name) = billet.database().rsplit_once('/').expect("a database");
            let mut admin = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("the server");
            // As good as gone, and quicker than to drop it.
            let close = AssertSqlSafe(format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"));
            sqlx::query(close).execute(&mut admin).await.expect("it is closed");
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
            sqlx::query(end).bind(name).execute(&mut admin).await.expect("its connections end");
            let health = ask(&address, "GET", "/healthz").await;
            assert_eq!((health.status, health.body.as_str()), (503, "the database does not answer\n"));
            let told = billet.scrape().await;
            assert_eq!(at(&told, "billet_database_up"), 0.0);
            assert!(at(&told, "billet_jobs{state=\"waiting\"}").is_nan(), "what is not known is no number");
            billet.kill();
            return;
        }
        let head = ask(&address, "HEAD", "/metrics").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        let silent = tokio::net::TcpStream::connect(&address).await.expect("it listens");
        billet.stop().await;
        drop(silent);
        assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "nobody listens any more");
    })
    .await;
}
