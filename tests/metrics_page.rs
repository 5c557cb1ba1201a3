//! Holds the table of metrics in docs/operating.md to what the code declares.

use billet::metrics::ALL;

#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md")).expect("the page");
    let (_, rest) = page.split_once("<!-- metrics:").expect("the page has the mark of the table");
    let (_, rest) = rest.split_once("-->").expect("the mark ends");
    let (found, _) = rest.split_once("<!-- end of metrics -->").expect("the table ends");
    let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels, help) = (metric.name, metric.kind.name(), labels.join(", "), metric.help);
        table.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    assert!(found.trim() == table.trim(), "docs/operating.md should have this table:\n\n{table}");
}
