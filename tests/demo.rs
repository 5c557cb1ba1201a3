//! `billet demo` as a newcomer runs it. The demonstration checks each step itself; here it is held to figures that were
//! reckoned by hand, to what it promises about its output, and to leaving nothing behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Plays it with nothing of this machine's settings, and with a folder of its own for temporary files.
fn play(temporary: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_billet"))
        .arg("demo")
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .env("TMPDIR", temporary)
        // Must not reach the daemon of the demonstration.
        .env("BILLET_DATABASE", "sqlite:/nowhere/billet.db")
        .output()
        .expect("the program starts")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_month_of_a_small_hoster() {
    let temporary = tempfile::tempdir().expect("a folder");
    let kept = tempfile::tempdir().expect("a folder");
    let out = kept.path().join("out");
    let output = play(temporary.path(), &["--out", out.to_str().expect("UTF-8")]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    assert_eq!(complaints, "", "no progress lines and no complaints where there is no terminal");
    assert!(!said.contains('\u{1b}'), "no colours where there is no terminal");

    let expected = [
        // 9.90 set-up and 6.20 for March are 16.10; 19 % of it 3.059, so 3.06.
        "RE-2026-00001  Alder Bakery GmbH  19.16 EUR",
        // 19.90 and 18.60 less 20 % (14.88) are 34.78; 19 % of it 6.6082, so 6.61.
        "RE-2026-00004  Hazel Photography  41.39 EUR",
        // 3 x 0.62 x 27/31 (10 March to 6 April of the 31 days from 6 March) are 1.62; 19 % of it 0.3078, so 0.31.
        "RE-2026-00007  Dogwood e.V.  1.93 EUR",
        // 21 of 31 days: 12.60 of 18.60 charged, 4.20 of 6.20 given back; 8.40 and 19 % of it, 1.596, so 1.60.
        "RE-2026-00008  Alder Bakery GmbH  10.00 EUR",
        // 9.90, 5/31 of 6.20 (1.00) and 26/31 of 18.60 (15.60) are 26.50; 19 % of it 5.035, so 5.04 (half away from zero).
        "RE-2026-00009  Elm Furniture OHG  31.54 EUR",
        // 16/31 of 37.20 are 19.20; 19 % of it 3.648, so 3.65.
        "GS-2026-00001  Cedar Consulting AG  -22.85 EUR",
        // 18.60, 40 GiB more at 0.10 (4.00), add-on 3.10: 25.70; 19 % of it 4.883, so 4.88.
        "RE-2026-00012  Birch & Beech Studio  30.58 EUR",
        // 6.20, 3 mailboxes 1.86, 30.5 GiB more at 0.10 (3.05): 11.11; 19 % of it 2.1109, so 2.11.
        "RE-2026-00014  Dogwood e.V.  13.22 EUR",
        // Sellers have numbers of their own: 12.40 and 2.356, so 2.36.
        "GM-2026-0001  Ivy Pottery  14.76 EUR",
        "DUPLICATE: the answer is the one of then, and nothing is billed",
        "the difference is 0.00",
        "every hash is right",
    ];
    for words in expected {
        assert!(said.contains(words), "`{words}` is missing in\n{said}");
    }
    // 51.29 (all of alder) + 80.09 (all of birch) + 57.00 (cedar: 79.85 - 22.85) are paid; open are 59.10 (hazel) + 34.31
    // (dogwood) + 31.54 (elm) + 45.82 (fir) + 29.52 (ivy) = 200.29; together 388.67.
    let sum = said.lines().find(|line| line.trim_start().starts_with("sum") && line.contains("388.67"));
    assert!(sum.is_some_and(|line| line.trim_end().ends_with("200.29")), "{said}");

    assert_eq!(names(temporary.path()), [""; 0], "the temporary folder is gone");
    let written = names(&out);
    for name in ["billet.db", "demo.txt", "events.jsonl"] {
        assert!(written.iter().any(|one| one == name), "{name} is not in {written:?}");
    }
    let transcript = fs::read_to_string(out.join("demo.txt")).expect("the transcript");
    assert_eq!(transcript, said, "the transcript is what was said");
    let events = fs::read_to_string(out.join("events.jsonl")).expect("the journal");
    assert!(events.lines().count() > 50, "{events}");
    assert!(events.lines().next().is_some_and(|line| line.contains("\"sequence\":1,")), "{events}");
    if cfg!(feature = "pdf") {
        // 14 invoices and a credit note of the operator, two invoices of the reseller.
        let documents = names(&out.join("documents"));
        assert_eq!(documents.len(), 17, "{documents:?}");
        let invoice = fs::read(out.join("documents/RE-2026-00008.pdf")).expect("the invoice");
        assert!(invoice.starts_with(b"%PDF-"));
    }

    // What was kept is a whole database: the journal of both sellers verifies without the daemon.
    let check = Command::new(env!("CARGO_BIN_EXE_billet"))
        .args(["check", "--journal", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&out)
        .output()
        .expect("the program starts");
    let found = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && found.contains("of 2 sellers, every hash is right"), "{found}");
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let temporary = tempfile::tempdir().expect("a folder");
    let full = tempfile::tempdir().expect("a folder");
    fs::write(full.path().join("mine.txt"), "mine").expect("written");
    let output = play(temporary.path(), &["--out", full.path().to_str().expect("UTF-8")]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("there is something in it already"), "{complaint}");
    assert_eq!(names(full.path()), ["mine.txt"]);
}
