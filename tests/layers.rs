//! Holds the house to its plan (docs/ARCHITECTURE.md, "Who may use whom"): no layer uses a higher one, SQL stands in
//! `src/store/` and nowhere else, files stay small and are named for what they are about, and nothing unwraps. What is
//! compiled for tests only is left out, except from the names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// Which rooms of the crate `billet` a room may use, besides itself. The crates below (documents, domain) are kept in
/// their place by their manifests: see `the_lower_crates_depend_on_nothing_above_them`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["config", "grpc", "web", "jobs", "proto", "plugins", "billing", "store", "metrics"]),
    ("config", &["grpc", "web", "jobs"]),
    ("grpc", &["proto", "billing", "plugins", "store", "metrics"]),
    ("web", &["billing", "store", "metrics"]),
    ("jobs", &["billing", "store", "metrics"]),
    ("billing", &["plugins", "store", "metrics"]),
    ("plugins", &["proto"]),
    ("proto", &[]),
    ("store", &["metrics"]),
    // Declares what is measured and knows nobody, so that each room that measures may name it.
    ("metrics", &[]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// The longest file, in lines.
const LINES_MAX: usize = 700;

/// Any of these, in capitals at the start of a text, is a statement.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE ",
    "CREATE DATABASE ",
    "DROP ",
    "ALTER ",
    "TRUNCATE ",
    "PRAGMA ",
    "BEGIN ",
    "WITH ",
    "VACUUM",
    "COPY ",
];
/// Any of these, anywhere in a text, is a piece of one.
const PIECES: &[&str] =
    &[" FROM ", " WHERE ", " VALUES (", " ORDER BY ", " GROUP BY ", " ON CONFLICT ", " RETURNING ", " FOR UPDATE"];

/// Statements for databases that are not ours.
const FOREIGN_SQL: &[&str] = &[
    // Asks Plesk's database, through Plesk's own command line.
    "src/cli/hook/plan.rs",
];

/// What is wrong, with its place.
type Found = Vec<String>;

#[test]
fn nothing_uses_what_is_above_it() {
    let mut found = Found::new();
    for source in sources("src").iter().filter(|source| !source.path.starts_with("src/domain/")) {
        if source.path.starts_with("src/documents/") {
            continue;
        }
        let room = source.room();
        if room == "lib" {
            continue;
        }
        let may_use = MAY_USE.iter().find(|(name, _)| *name == room).map(|(_, others)| *others);
        let Some(may_use) = may_use else {
            found.push(format!("{}: the room `{room}` has no place in the plan", source.path));
            continue;
        };
        for (other, line) in source.rooms_used() {
            if other != room && !may_use.contains(&other.as_str()) {
                found.push(format!("{}:{line}: `{room}` uses `{other}`, which is not below it", source.path));
            }
        }
    }
    assert_clean(&found);
}

#[test]
fn the_lower_crates_depend_on_nothing_above_them() {
    let mut found = Found::new();
    let banned: &[(&str, &[&str])] = &[
        (
            "src/domain/Cargo.toml",
            &["billet", "billet-documents", "tokio", "sqlx", "tonic", "prost", "axum", "tracing"],
        ),
        ("src/documents/Cargo.toml", &["billet", "tokio", "sqlx", "tonic", "prost", "axum"]),
    ];
    for (manifest, banned) in banned {
        let text = std::fs::read_to_string(root().join(manifest)).expect("a manifest");
        let manifest_table: toml::Table = text.parse().expect("a manifest is TOML");
        let dependencies = manifest_table["dependencies"].as_table().expect("has dependencies");
        found.extend(
            banned.iter().filter(|name| dependencies.contains_key(**name)).map(|name| format!("{manifest}: {name}")),
        );
    }
    // No clock, no files, no network in the domain: time and everything else is handed in.
    for source in sources("src/domain/src") {
        for (path, line) in source.paths() {
            let outside = ["std::fs", "std::net", "std::process", "std::env", "std::thread", "std::time"];
            let reads = outside.iter().any(|banned| path.starts_with(banned));
            if reads || path.ends_with("Utc::now") || path.ends_with("Local::now") {
                found.push(format!("{}:{line}: the domain uses `{path}`", source.path));
            }
        }
    }
    assert_clean(&found);
}

#[test]
fn sql_stands_in_the_store_only() {
    let mut found = Found::new();
    for source in sources("src").iter().filter(|source| source.room() != "store") {
        if FOREIGN_SQL.contains(&source.path.as_str()) {
            continue;
        }
        for (text, line) in source.texts() {
            if is_sql(&text) {
                found.push(format!("{}:{line}: SQL outside src/store/: {text:?}", source.path));
            }
        }
    }
    assert_clean(&found);
}

#[test]
fn nothing_unwraps() {
    let mut found = Found::new();
    for source in sources("src").iter().chain(&sources("plugins")) {
        found.extend(source.unwraps().into_iter().map(|line| format!("{}:{line}: unwrap()", source.path)));
    }
    assert_clean(&found);
}

#[test]
fn files_are_small_and_named_for_what_they_are_about() {
    let mut found = Found::new();
    for top in ["src", "plugins", "tests"] {
        for path in files(&root().join(top)) {
            let shown = shown(&path);
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let folders = shown.split('/').filter(|folder| EMPTY_NAMES.contains(folder)).count();
            if EMPTY_NAMES.contains(&name) || folders > 0 {
                found.push(format!("{shown}: name it for its concept"));
            }
        }
    }
    for source in sources("src").iter().chain(&sources("plugins")) {
        if source.lines > LINES_MAX {
            found.push(format!("{}: {} lines, more than {LINES_MAX}", source.path, source.lines));
        }
    }
    assert_clean(&found);
}

#[test]
fn the_rules_see_what_they_look_for() {
    let text = r#"
        use crate::{billing::bill, grpc::{self, call}};
        use super::super::cli as above;
        fn work() { let _ = billet::jobs::x(); say!("{}", crate::web::y()); read("SELECT id FROM plans").unwrap(); }
        #[cfg(test)] mod tests { use crate::testing; fn f() { None::<u8>.unwrap(); } }
    "#;
    let source =
        Source { path: "src/store/sample.rs".to_owned(), lines: 5, file: syn::parse_file(text).expect("Rust") };
    let rooms: BTreeSet<String> = source.rooms_used().into_iter().map(|(room, _)| room).collect();
    assert_eq!(rooms, ["billing", "cli", "grpc", "jobs", "web"].map(str::to_owned).into());
    assert_eq!(source.unwraps(), [4]);
    assert_eq!(source.texts().iter().filter(|(text, _)| is_sql(text)).count(), 1);
    assert!(!is_sql("Select a plan from the list") && !is_sql("ALREADY_ISSUED") && is_sql("ids IN (1) ORDER BY id"));
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    STATEMENTS.iter().any(|statement| text.starts_with(statement)) || PIECES.iter().any(|piece| text.contains(piece))
}

#[track_caller]
fn assert_clean(found: &Found) {
    assert!(found.is_empty(), "{} against the plan:\n{}", found.len(), found.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// All Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A parsed file.
struct Source {
    path: String,
    lines: usize,
    file: syn::File,
}

/// The files of a folder that are compiled into the program: not integration tests, examples, or modules behind
/// `#[cfg(test)]`.
fn sources(folder: &str) -> Vec<Source> {
    let mut all: Vec<Source> = Vec::new();
    for path in files(&root().join(folder)) {
        let shown = shown(&path);
        if shown.split('/').any(|part| matches!(part, "tests" | "examples")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file");
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        all.push(Source { path: shown, lines: text.lines().count(), file });
    }
    let for_tests: Vec<String> = all.iter().flat_map(Source::modules_for_tests).collect();
    all.retain(|source| !for_tests.iter().any(|module| is_of_module(&source.path, module)));
    assert!(!all.is_empty(), "{folder} has files");
    all
}

/// Whether a file is a module (`src/a/b`) or inside it.
fn is_of_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

impl Source {
    /// The top-level module of `src/` that it belongs to.
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Where the modules are that it names behind `#[cfg(test)]`, in files of their own.
    fn modules_for_tests(&self) -> Vec<String> {
        let module = self.path.trim_end_matches(".rs");
        let folder = match module.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder,
            _ => module,
        };
        let modules = self.file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() && is_for_tests(&module.attrs) => Some(&module.ident),
            _ => None,
        });
        modules.map(|name| format!("{folder}/{name}")).collect()
    }

    fn read(&self) -> Reader {
        // How many modules deep the file is below the root of its crate.
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let depth = if matches!(below, "lib.rs" | "main.rs") { 0 } else { below.split('/').count() };
        let mut reader = Reader { depth, ..Reader::default() };
        reader.visit_file(&self.file);
        reader
    }

    /// Every path that is named, with its line.
    fn paths(&self) -> Vec<(String, usize)> {
        self.read().paths.into_iter().map(|(path, line)| (path.join("::"), line)).collect()
    }

    /// The rooms of the crate `billet` that it names.
    fn rooms_used(&self) -> Vec<(String, usize)> {
        let reader = self.read();
        let room = |(path, line): (Vec<String>, usize)| match path.first().map(String::as_str) {
            Some("crate" | "billet") => path.get(1).map(|room| (room.clone(), line)),
            _ => None,
        };
        // Macros are exported at the root, whoever defines them.
        let is_room = |room: &str| MAY_USE.iter().any(|(name, _)| *name == room);
        reader.paths.into_iter().filter_map(room).filter(|(room, _)| is_room(room)).collect()
    }

    fn texts(&self) -> Vec<(String, usize)> {
        self.read().texts
    }

    fn unwraps(&self) -> Vec<usize> {
        self.read().unwraps
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// Gathers paths, texts and unwraps, also from inside macros; passes over what is for tests.
#[derive(Default)]
struct Reader {
    depth: usize,
    paths: Vec<(Vec<String>, usize)>,
    texts: Vec<(String, usize)>,
    unwraps: Vec<usize>,
}

impl Reader {
    fn note(&mut self, mut path: Vec<String>, span: Span) {
        // `super::super::x` from two modules deep is `crate::x`.
        let up = path.iter().take_while(|part| *part == "super").count();
        if up > 0 && up >= self.depth {
            path.splice(..up, ["crate".to_owned()]);
        }
        self.paths.push((path, span.start().line));
    }

    fn note_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let longer = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.note_use(&path.tree, &longer(&path.ident)),
            syn::UseTree::Name(name) => self.note(longer(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.note(longer(&rename.ident), rename.span()),
            syn::UseTree::Glob(glob) => self.note(before.to_vec(), glob.span()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_use(tree, before)),
        }
    }

    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut begun_at = Span::call_site();
        for token in
            tokens.into_iter().chain([TokenTree::from(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone))])
        {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) => {
                    if name == "unwrap" {
                        self.unwraps.push(name.span().start().line);
                    }
                    if colons == 2 {
                        path.push(name.to_string());
                        colons = 0;
                        continue;
                    }
                }
                TokenTree::Literal(literal) => self.note_literal(&syn::Lit::new(literal.clone())),
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Punct(_) => {}
            }
            if path.len() > 1 {
                self.note(std::mem::take(&mut path), begun_at);
            }
            path.clear();
            colons = 0;
            if let TokenTree::Ident(name) = &token {
                begun_at = name.span();
                path.push(name.to_string());
            }
        }
    }

    fn note_literal(&mut self, literal: &syn::Lit) {
        if let syn::Lit::Str(text) = literal {
            self.texts.push((text.value(), text.span().start().line));
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let inside = usize::from(module.content.is_some());
        self.depth += inside;
        visit::visit_item_mod(self, module);
        self.depth -= inside;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), path.span());
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" {
            self.unwraps.push(call.method.span().start().line);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_lit(&mut self, literal: &'ast syn::Lit) {
        self.note_literal(literal);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.note_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {
        // Documentation is a text as well, but no statement.
    }
}
