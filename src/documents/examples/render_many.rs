//! How many documents a second one thread prints, and how much memory that takes.
//!
//!     cargo run --release -p billet-documents --example render_many -- [DOCUMENTS] [LINES] [FILE]
//!
//! With FILE the last PDF is written there, to look at.

use std::time::{Duration, Instant};

#[allow(dead_code)]
#[path = "../tests/it/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let documents: u32 = arguments.next().map_or(Ok(2_000), |text| text.parse())?;
    let lines: u32 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let file = arguments.next();

    let mut slowest = Duration::ZERO;
    let mut bytes = Vec::new();
    let mut started = Instant::now();
    for index in 0..documents {
        // No two documents alike, as in a billing run.
        let mut document = sample::long_invoice(lines);
        document.number = format!("RE-2026-{index:05}");
        document.buyer.name = format!("Customer {index}");
        let before = Instant::now();
        bytes = billet_documents::pdf::render(&document)?;
        if index == 0 {
            println!("first document: {:.1} ms, {} bytes", before.elapsed().as_secs_f64() * 1e3, bytes.len());
            started = Instant::now();
            continue;
        }
        slowest = slowest.max(before.elapsed());
        if (index + 1) % 500 == 0 {
            println!("{:>6} documents: peak memory {}", index + 1, peak_memory());
        }
    }
    let rest = f64::from(documents.saturating_sub(1));
    let seconds = started.elapsed().as_secs_f64();
    println!("{:.0} documents/s, slowest {:.1} ms, {} lines each", rest / seconds, slowest.as_secs_f64() * 1e3, lines);
    println!("peak memory {}", peak_memory());
    if let Some(file) = file {
        std::fs::write(file, bytes)?;
    }
    Ok(())
}

/// The kernel's high-water mark of resident memory, where it tells (Linux).
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
}
