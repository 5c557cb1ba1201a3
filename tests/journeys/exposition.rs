//! The daemon's metrics as a scraper reads them, strictly: the text format of Prometheus 0.0.4, nothing but what the code
//! declares, each series once.

use std::collections::{BTreeMap, BTreeSet};

use billet::metrics::{ALL, Kind, Metric};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::Billet;

/// Series, as `name{label="value"}` with labels in order, and what they stand at.
pub type Series = BTreeMap<String, f64>;

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends `method path` to an address and reads until the server closes.
pub async fn ask(address: &str, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("the server closes after one answer");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

impl Billet {
    /// What a scraper gets.
    pub async fn scrape(&self) -> Series {
        let answer = ask(self.metrics_address(), "GET", "/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
        parse(&answer.body)
    }
}

/// Reads an exposition.
pub fn parse(text: &str) -> Series {
    assert!(text.ends_with('\n'), "the last line is ended");
    let declared: BTreeMap<&str, &Metric> = ALL.iter().map(|metric| (metric.name, *metric)).collect();
    let mut series = Series::new();
    let mut seen = BTreeSet::new();
    let mut family: Option<&Metric> = None;
    let mut helped = "";
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and words");
            assert_eq!(help, declared[name].help);
            helped = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            let metric = declared[name];
            assert_eq!((kind, helped), (metric.kind.name(), name), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} comes twice");
            family = Some(metric);
        } else {
            let (labelled, value) = line.rsplit_once(' ').expect("a value");
            let metric = family.expect("a type comes first");
            check(metric, labelled);
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
            assert!(matches!(metric.kind, Kind::Gauge) || value >= 0.0, "{line}");
            assert!(series.insert(labelled.to_owned(), value).is_none(), "{labelled} comes twice");
        }
    }
    buckets_add_up(&series);
    series
}

/// A series belongs to its family and has its labels, in their order, with values that are words of the code.
fn check(metric: &Metric, labelled: &str) {
    let (name, labels) = match labelled.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("it is closed")),
        None => (labelled, ""),
    };
    let suffix = name.strip_prefix(metric.name).unwrap_or_else(|| panic!("{name} is not of {}", metric.name));
    let mut expected = metric.labels.to_vec();
    match (metric.kind, suffix) {
        (Kind::Histogram(_), "_bucket") => expected.push("le"),
        (Kind::Histogram(_), "_sum" | "_count") | (Kind::Counter | Kind::Gauge, "") => {}
        _ => panic!("{name} is no {}", metric.kind.name()),
    }
    let found: Vec<&str> = labels.split(',').filter(|label| !label.is_empty()).collect();
    assert_eq!(found.len(), expected.len(), "{labelled}");
    for (label, name) in found.into_iter().zip(expected) {
        let (found, value) = label.split_once('=').expect("a name and a value");
        assert_eq!(found, name, "{labelled}");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("quoted");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./+-".contains(&byte);
        assert!(!value.is_empty() && value.bytes().all(plain), "{labelled}");
    }
}

/// Each bucket holds those before it, and the last all.
fn buckets_add_up(series: &Series) {
    for metric in ALL {
        let Kind::Histogram(bounds) = metric.kind else { continue };
        let count_name = format!("{}_count", metric.name);
        for (labelled, count) in series.iter().filter(|(name, _)| name.split('{').next() == Some(&count_name)) {
            let labels = labelled.strip_prefix(&count_name).expect("begins with it").trim_matches(['{', '}']);
            let separator = if labels.is_empty() { "" } else { "," };
            let bucket = |bound: &str| {
                let name = format!("{}_bucket{{{labels}{separator}le=\"{bound}\"}}", metric.name);
                series.get(&name).copied().unwrap_or_else(|| panic!("{name} is missing"))
            };
            let held: Vec<f64> =
                bounds.iter().map(|bound| bucket(&bound.to_string())).chain([bucket("+Inf")]).collect();
            assert!(held.is_sorted() && held.last() == Some(count), "{labelled}: {held:?}");
        }
    }
}
