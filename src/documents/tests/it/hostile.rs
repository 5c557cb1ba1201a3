//! Names and notes are data: whatever they hold is printed, never obeyed, and never keeps an invoice from
//! being printed.

use billet_documents::pdf;
use billet_domain::document::{Document, DocumentLine};

use crate::reading::printed;
use crate::sample;

#[test]
fn markup_and_code_are_printed_as_they_are() {
    let texts = [
        "#panic(\"gone\")",
        "*bold* _italic_ `raw` $x^2$",
        "\"quoted\" 'single' \\ backslash \\n",
        "] } ) // comment /* block */",
        "#read(\"/etc/passwd\") #import \"x.typ\": *",
        "= Heading",
        "- item + item / term: x",
        "@label <label> ~ --- ... \\u{41}",
        "{documents} {number}",
        "<script>alert(1)</script> &amp;",
    ];
    let line = |(index, text): (usize, &&str)| DocumentLine {
        explanation: format!("explained {text}"),
        ..sample::line(u32::try_from(index).expect("few") + 1, text, 100)
    };
    let mut document = sample::credit_note("en");
    document.lines = texts.iter().enumerate().map(line).collect();
    document.seller.name = "#sys.inputs & *Sons*".to_owned();
    document.buyer.name = "\"#panic()\" *GmbH*".to_owned();
    document.number = "#1-{date}".to_owned();
    document.preceding[0].0 = "{date}#x".to_owned();
    document.note = "#panic() \"note\"\n*second* line".to_owned();
    let Some(text) = printed(&document) else { return };
    for expected in texts {
        assert!(text.contains(&format!(" {expected} ")), "`{expected}` is not printed as it is:\n{text}");
        assert!(text.contains(&format!("explained {expected}")), "`{expected}` is not explained as it is:\n{text}");
    }
    for expected in [
        "#sys.inputs & *Sons*",
        "\"#panic()\" *GmbH*",
        "Credit note #1-{date}",
        "Corrects {date}#x of 13 Feb 2026",
        "#panic() \"note\"\n*second* line",
    ] {
        assert!(text.contains(expected), "`{expected}` is not printed as it is:\n{text}");
    }
}

#[test]
fn invisible_characters_do_not_reorder_or_hide_text() {
    let mut document = sample::invoice("en");
    document.buyer.name = "Pay \u{202e}321\u{202c} \u{0}\u{1b}[31m\u{feff}to\u{200b}morrow".to_owned();
    let Some(text) = printed(&document) else { return };
    assert!(text.contains("Pay 321 [31mtomorrow"), "{text}");
}

#[test]
fn long_words_break_and_leave_no_character_behind() {
    let mut document = sample::invoice("en");
    document.buyer.name = "x".repeat(120);
    document.lines[0].name = "shop.department.customer.example".to_owned();
    let Some(text) = printed(&document) else { return };
    let longest = text.split(|character| character != 'x').map(str::len).max();
    assert!(longest.is_some_and(|chars| chars < 60), "the name runs out of its column:\n{text}");
    assert!(text.matches('x').count() > 120, "the name is cut:\n{text}");
    assert!(text.contains(" shop.department.customer.example "), "a long word that fits is broken:\n{text}");
    assert!(!text.contains('\u{200b}'), "who copies a word copies the places where it may break:\n{text}");
}

/// PDF/A refuses a character without a glyph; an invoice must not fail for it. Of the planes above the first, and of
/// the ideographs and syllables that no font of ours has, every 97th stands for its neighbours.
#[test]
fn every_character_can_be_printed_or_replaced() {
    let ideographs = 0x3400..0xf900_u32;
    let (many, few): (Vec<u32>, Vec<u32>) =
        (0..0x3_0000).partition(|code| *code < 0x1_0000 && !ideographs.contains(code));
    let chars: Vec<char> = many.into_iter().chain(few.into_iter().step_by(97)).filter_map(char::from_u32).collect();
    let line = |(index, chunk): (usize, &[char])| {
        let text: Vec<String> = chunk.iter().map(char::to_string).collect();
        DocumentLine { explanation: text.join(" "), ..sample::line(u32::try_from(index).expect("few"), "x", 1) }
    };
    let lines = chars.chunks(500).enumerate().map(line).collect();
    pdf::render(&Document { lines, ..sample::invoice("en") }).expect("every character is printed or replaced");
}

/// Marks, joiners and emoji make clusters, for which the characters' own glyphs are not enough.
#[test]
fn clusters_of_characters_can_be_printed_or_replaced() {
    let marks =
        (0x300..=0x36f_u32).chain(0x20d0..=0x20ff).chain(0x5b0..=0x5bd).chain(0x64b..=0x652).chain(0xfe00..=0xfe2f);
    let mut text = String::from("👩‍👩‍👧 🇩🇪 ☺️ क्षि ﷽ لا e\u{301}\u{302}\u{303}\u{304} ");
    for mark in marks.filter_map(char::from_u32) {
        for base in ['a', 'Ж', 'ש', 'ل', 'ა', '中', '\u{200d}', '1', ' '] {
            text.extend([base, mark, ' ']);
        }
    }
    let mut document = sample::invoice("en");
    document.note = text;
    pdf::render(&document).expect("every cluster is printed or replaced");
}

/// What makes the full repertoire fail: a line that begins with a mark of a script that only the second font has.
#[test]
fn a_mark_without_a_letter_costs_its_script_not_the_invoice() {
    let mut document = sample::invoice("en");
    document.buyer.name = "Łódź Київ Hosting".to_owned();
    document.note = "\u{674}\n\u{5c1}".to_owned();
    let Some(text) = printed(&document) else { return };
    assert!(text.contains("Łódź Київ Hosting"), "{text}");
    assert!(text.contains('\u{fffd}'), "{text}");
}

#[test]
fn the_largest_amounts_and_emptiest_texts_are_printed() {
    let mut document = sample::invoice("de");
    document.lines[0].quantity = rust_decimal::Decimal::MIN;
    document.lines[0].unit_price = rust_decimal::Decimal::MAX;
    document.lines[0].amount_minor = i64::MIN;
    document.allowances[0].net_minor = i64::MIN;
    document.gross_minor = i64::MAX;
    if let Some(text) = printed(&document) {
        assert!(text.contains("92.233.720.368.547.758,07 €"), "{text}");
    }

    document.lines[0].net_minor = i64::MAX;
    assert!(matches!(pdf::render(&document), Err(pdf::PdfError::Amount(_))), "the lines' sum leaves 64 bits");

    let empty = Document {
        number: String::new(),
        language: String::new(),
        seller: Default::default(),
        buyer: Default::default(),
        buyer_reference: String::new(),
        lines: Vec::new(),
        allowances: Vec::new(),
        taxes: Vec::new(),
        pay_to: Default::default(),
        ..document
    };
    pdf::render(&empty).expect("a document without texts is printed");
}
