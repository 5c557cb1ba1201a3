//! Reads a PDF as its receiver does: with poppler's pdftotext.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use billet_documents::pdf;
use billet_domain::document::Document;

/// The printed text line by line, runs of spaces made one. None where pdftotext is not installed, which in CI
/// is a failure.
pub fn printed(document: &Document) -> Option<String> {
    let bytes = pdf::render(document).expect("the document can be printed");
    let spawned = Command::new("pdftotext")
        .args(["-layout", "-enc", "UTF-8", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut reader = match spawned {
        Ok(reader) => reader,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI pdftotext (poppler-utils) must be installed");
            eprintln!("!! SKIPPED: pdftotext is not installed, so what the PDF says was not read");
            return None;
        }
        Err(error) => panic!("pdftotext does not start: {error}"),
    };
    // From a thread: pdftotext may write before it has read everything.
    let mut stdin = reader.stdin.take().expect("stdin is piped");
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = reader.wait_with_output().expect("pdftotext ends");
    writer.join().expect("the writer does not panic").expect("pdftotext reads everything");
    assert!(output.status.success(), "pdftotext could not read the PDF");
    let text = String::from_utf8(output.stdout).expect("pdftotext writes UTF-8");
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}
