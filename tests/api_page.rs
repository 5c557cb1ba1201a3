//! Holds the two long tables of docs/API.md to the code: the reasons of refusals, and who may call what.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use billet::grpc::access::METHODS;
use billet_domain::role::Role;

/// Texts in capitals that are no reasons.
const NO_REASONS: &[&str] = &["BILLET_TEST_POSTGRES"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between two marks of the page.
fn between(begin: &str, end: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/API.md")).expect("the page");
    let (_, rest) = page.split_once(begin).unwrap_or_else(|| panic!("docs/API.md has `{begin}`"));
    let (_, rest) = rest.split_once("-->").expect("the mark ends");
    let (table, _) = rest.split_once(end).unwrap_or_else(|| panic!("docs/API.md has `{end}`"));
    table.trim().to_owned()
}

#[test]
fn the_table_of_roles_is_that_of_the_code() {
    let name = |role: &Role| serde_json::to_value(role).expect("a word").as_str().expect("a word").to_owned();
    let roles: Vec<String> = Role::ALL.iter().map(name).collect();
    let mut table = format!("| method | {} |\n|---|{}\n", roles.join(" | "), "---|".repeat(roles.len()));
    for access in METHODS {
        let marks = Role::ALL.iter().map(|role| if access.roles.contains(role) { " x |" } else { " |" });
        table.push_str(&format!("| {} |{}\n", access.method, marks.collect::<String>()));
    }
    let found = between("<!-- roles:", "<!-- end of roles -->");
    assert!(found == table.trim(), "docs/API.md should have this table:\n\n{table}");
}

#[test]
fn every_reason_is_on_the_page_and_nothing_else() {
    let mut in_code = BTreeSet::new();
    for folder in ["billing", "grpc", "jobs", "store"] {
        for text in texts(&root().join("src").join(folder)) {
            in_code.extend(reasons(&text));
        }
    }
    let table = between("<!-- reasons:", "<!-- end of reasons -->");
    let on_page: Vec<String> =
        table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect();
    assert!(on_page.is_sorted(), "reasons are in the order of the alphabet");
    let on_page: BTreeSet<String> = on_page.into_iter().collect();
    let missing: Vec<_> = in_code.difference(&on_page).collect();
    let stale: Vec<_> = on_page.difference(&in_code).collect();
    assert!(missing.is_empty() && stale.is_empty(), "docs/API.md lacks {missing:?} and has {stale:?} too much");
}

/// What is compiled into the program, file by file.
fn texts(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if matches!(name, "tests" | "testing" | "fixture" | "books") {
            continue;
        }
        if path.is_dir() {
            found.extend(texts(&path));
        } else {
            let text = std::fs::read_to_string(&path).expect("a file");
            let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push(program.to_owned());
        }
    }
    found
}

/// String literals in capitals: words joined by `_`, or one that stands where a reason does.
fn reasons(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for word in line.split('"').skip(1).step_by(2) {
            let capitals = word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            let placed = word.contains('_') || line.contains("refusal(") || line.contains("Self::");
            if capitals && placed && !NO_REASONS.contains(&word) {
                found.insert(word.to_owned());
            }
        }
    }
    found
}
