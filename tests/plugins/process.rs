//! Processes of plugins, found by what they were started with.

use std::path::Path;

use rustix::process::{Pid, Signal};

/// The processes with this path in their command line.
pub fn processes(named: &Path) -> Vec<Pid> {
    let wanted = named.as_os_str().as_encoded_bytes();
    let has =
        |path| std::fs::read(path).is_ok_and(|line: Vec<u8>| line.split(|byte| *byte == 0).any(|part| part == wanted));
    std::fs::read_dir("/proc")
        .expect("proc")
        .flatten()
        .filter(|entry| has(entry.path().join("cmdline")))
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_string_lossy().parse().ok()?))
        .collect()
}

/// Kills the one process; `None` when it is not one.
pub fn kill(pids: &[Pid]) -> Option<()> {
    let [pid] = pids else { return None };
    rustix::process::kill_process(*pid, Signal::KILL).ok()
}
