//! Every frame is held against the schemas of the RFCs, those that come in and those that go out.

use std::sync::OnceLock;

use uppsala::XsdValidator;

/// The schemas lie with the client's crate; they are compiled in, and written out once for the validator, which follows
/// their imports by file.
const FILES: [(&str, &str); 9] = [
    ("all.xsd", include_str!("../../../epp/schemas/all.xsd")),
    ("eppcom-1.0.xsd", include_str!("../../../epp/schemas/eppcom-1.0.xsd")),
    ("epp-1.0.xsd", include_str!("../../../epp/schemas/epp-1.0.xsd")),
    ("domain-1.0.xsd", include_str!("../../../epp/schemas/domain-1.0.xsd")),
    ("host-1.0.xsd", include_str!("../../../epp/schemas/host-1.0.xsd")),
    ("contact-1.0.xsd", include_str!("../../../epp/schemas/contact-1.0.xsd")),
    ("rgp-1.0.xsd", include_str!("../../../epp/schemas/rgp-1.0.xsd")),
    ("secDNS-1.1.xsd", include_str!("../../../epp/schemas/secDNS-1.1.xsd")),
    ("fee-1.0.xsd", include_str!("../../../epp/schemas/fee-1.0.xsd")),
];

/// The types of rgp-1.0 that take text between elements.
const MIXED: [&str; 2] = ["mixedType", "reportTextType"];

/// Reads the schemas, so that it is known at the start whether they can be read.
pub(super) fn prepare() -> Result<(), String> {
    validator().as_ref().map(drop).map_err(Clone::clone)
}

/// What is wrong with a frame; `None` when it is as the schemas have it.
pub(super) fn complaint(frame: &str) -> Option<String> {
    let document = match uppsala::parse(frame) {
        Ok(document) => document,
        Err(error) => return Some(format!("{error:?}")),
    };
    match validator() {
        Ok(validator) => validator.validate(&document).first().map(|error| error.message.clone()),
        Err(error) => Some(error.clone()),
    }
}

fn validator() -> &'static Result<XsdValidator, String> {
    static VALIDATOR: OnceLock<Result<XsdValidator, String>> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        for (name, text) in FILES {
            // The validator reads `mixed` on a type and not on its content; to the schema it is the same on both.
            let text = MIXED.iter().fold(text.to_owned(), |text, name| {
                let head = format!("<complexType name=\"{name}\"");
                text.replace(&format!("{head}>"), &format!("{head} mixed=\"true\">"))
            });
            std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())?;
        }
        let all = uppsala::parse(FILES[0].1).map_err(|error| format!("{error:?}"))?;
        XsdValidator::from_schema_with_base_path(&all, Some(folder.path())).map_err(|error| format!("{error:?}"))
    })
}
