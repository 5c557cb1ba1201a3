//! The process's memory.

use super::report::rounded;

/// The most memory that the process had so far, in MiB: `VmHWM` of Linux, 0 where there is none.
pub fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    rounded(kib.unwrap_or_default() / 1_024.0, 1)
}
