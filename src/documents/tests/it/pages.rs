//! The file as a whole: its bytes, what it says about itself, and its pages.

use billet_documents::pdf;

use crate::reading::printed;
use crate::sample;

/// Typst remembers layouts for the whole process and threads share them; none of that may show.
#[test]
fn the_same_document_gives_the_same_bytes() {
    let document = sample::invoice("de");
    let first = pdf::render(&document).expect("prints");
    for language in ["en", "pl", "de"] {
        pdf::render(&sample::cancellation(language)).expect("prints");
    }
    assert!(pdf::render(&document).expect("prints") == first, "printed again");
    std::thread::scope(|scope| {
        let again = |_| scope.spawn(|| pdf::render(&document).expect("prints"));
        let threads: Vec<_> = (0..4).map(again).collect();
        for thread in threads {
            assert!(thread.join().expect("does not panic") == first, "printed by several threads at once");
        }
    });
}

#[test]
fn another_document_gives_other_bytes() {
    let mut document = sample::invoice("de");
    let first = pdf::render(&document).expect("prints");
    document.lines[1].amount_minor += 1;
    assert!(pdf::render(&document).expect("prints") != first);
}

#[test]
fn the_file_says_what_it_is() {
    let mut document = sample::cancellation("de-AT");
    document.number = "ST-2026/1 & <7>\u{0}".to_owned();
    let bytes = pdf::render(&document).expect("prints");
    let file = String::from_utf8_lossy(&bytes);
    for expected in [
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "Stornorechnung ST-2026/1 &amp; &lt;7&gt;<",
        "Nordlicht Hosting GmbH",
        "<xmp:CreateDate>2026-02-21",
        "/StructTreeRoot",
        "/Lang(de)",
    ] {
        assert!(file.contains(expected), "the file does not say {expected}");
    }
}

#[test]
fn a_thousand_lines_fill_numbered_pages_under_one_heading() {
    let Some(text) = printed(&sample::long_invoice(1_000)) else { return };
    for position in 1..=1_000 {
        let row = format!("{position} Domain customer-{position}.example 1 €1.00 19% €1.00");
        assert_eq!(text.lines().filter(|line| *line == row).count(), 1, "line {position}");
    }
    let pages: Vec<&str> = text.lines().filter(|line| line.starts_with("Page ")).collect();
    assert!(pages.len() > 20, "{pages:?}");
    for (index, page) in pages.iter().enumerate() {
        assert_eq!(*page, format!("Page {} / {}", index + 1, pages.len()));
    }
    let heads = text.lines().filter(|line| line.starts_with("No. Description Quantity")).count();
    assert!(heads >= pages.len() - 1, "{heads} table heads on {} pages", pages.len());
    assert!(text.contains("Invoice total €1,190.00"), "{}", &text[text.len() - 800..]);
}
