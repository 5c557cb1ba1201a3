//! Hook scripts that write down what they get.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which scripts leave what they were given.
pub(crate) struct Capture(TempDir);

impl Capture {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for captured input"))
    }

    /// A script that appends its input to `name` and its environment to `name.env`, then prints `says`.
    pub(crate) fn script(&self, name: &str, says: &str) -> [String; 3] {
        let file = self.path(name);
        let file = file.to_str().expect("a path in UTF-8");
        let lines =
            format!("cat >> '{file}'; echo >> '{file}'; env >> '{file}.env'; echo >> '{file}.env'; echo '{says}'");
        ["/bin/sh".to_owned(), "-c".to_owned(), lines]
    }

    /// What the script `name` was given, one JSON object a run.
    pub(crate) fn inputs(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a run")).collect()
    }

    /// The environments the script `name` ran in, one list of (name, value) a run.
    pub(crate) fn environments(&self, name: &str) -> Vec<Vec<(String, String)>> {
        let text = fs::read_to_string(self.path(&format!("{name}.env"))).unwrap_or_default();
        let runs = text.split("\n\n").filter(|run| !run.trim().is_empty());
        let pairs = |run: &str| {
            run.lines().filter_map(|line| line.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
        };
        runs.map(pairs).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The value of one variable in one environment.
pub(crate) fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
