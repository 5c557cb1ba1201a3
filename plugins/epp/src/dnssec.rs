//! Keys of signed zones (RFC 5910).

use billet_plugin::Failure;
use billet_plugin::v1::{DnssecKey, ProblemKind};

use crate::namespace;
use crate::xml::Element;

/// RFC 4034: DNSKEY records of DNSSEC have this protocol.
const PROTOCOL: &str = "3";

/// The keys that an answer to domain:info tells.
#[must_use]
pub fn read(extension: &Element) -> Vec<DnssecKey> {
    let Some(data) = extension.of(namespace::SECDNS, "infData") else { return Vec::new() };
    let number = |element: &Element, name: &str| element.text_of(name).parse().unwrap_or(0);
    let ds = data.all("dsData").map(|ds| DnssecKey {
        key_tag: number(ds, "keyTag"),
        algorithm: number(ds, "alg"),
        digest_type: number(ds, "digestType"),
        digest: ds.text_of("digest").to_ascii_uppercase(),
        ..DnssecKey::default()
    });
    let keys = data.all("keyData").map(|key| DnssecKey {
        flags: number(key, "flags"),
        algorithm: number(key, "alg"),
        public_key: key.text_of("pubKey").split_whitespace().collect(),
        ..DnssecKey::default()
    });
    ds.chain(keys).collect()
}

/// The extension of a create; `None` without keys.
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub fn create(keys: &[DnssecKey]) -> Result<Option<Element>, Failure> {
    check(keys)?;
    Ok((!keys.is_empty()).then(|| root("create").with_all(keys.iter().map(write))))
}

/// The extension of an update that brings `now` to `wanted`; `None` when they are the same.
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub fn update(now: &[DnssecKey], wanted: &[DnssecKey]) -> Result<Option<Element>, Failure> {
    check(wanted)?;
    let wanted: Vec<DnssecKey> = wanted.iter().map(normal).collect();
    let gone: Vec<_> = now.iter().filter(|key| !wanted.contains(&normal(key))).collect();
    let new: Vec<_> = wanted.iter().filter(|key| !now.iter().any(|one| normal(one) == **key)).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(None);
    }
    let mut update = root("update");
    if !gone.is_empty() {
        update = update.with(Element::new("secDNS:rem").with_all(gone.into_iter().map(write)));
    }
    if !new.is_empty() {
        update = update.with(Element::new("secDNS:add").with_all(new.into_iter().map(write)));
    }
    Ok(Some(update))
}

fn root(verb: &str) -> Element {
    Element::new(&format!("secDNS:{verb}")).attr("xmlns:secDNS", namespace::SECDNS)
}

fn write(key: &DnssecKey) -> Element {
    if key.flags == 0 {
        return Element::new("secDNS:dsData")
            .with(Element::leaf("secDNS:keyTag", key.key_tag.to_string()))
            .with(Element::leaf("secDNS:alg", key.algorithm.to_string()))
            .with(Element::leaf("secDNS:digestType", key.digest_type.to_string()))
            .with(Element::leaf("secDNS:digest", key.digest.to_ascii_uppercase()));
    }
    Element::new("secDNS:keyData")
        .with(Element::leaf("secDNS:flags", key.flags.to_string()))
        .with(Element::leaf("secDNS:protocol", PROTOCOL))
        .with(Element::leaf("secDNS:alg", key.algorithm.to_string()))
        .with(Element::leaf("secDNS:pubKey", key.public_key.clone()))
}

fn normal(key: &DnssecKey) -> DnssecKey {
    DnssecKey { digest: key.digest.to_ascii_uppercase(), ..key.clone() }
}

fn check(keys: &[DnssecKey]) -> Result<(), Failure> {
    let invalid = |words: &str| Err(Failure::refused(ProblemKind::Invalid, "", words));
    if keys.iter().any(|key| key.flags == 0) && keys.iter().any(|key| key.flags != 0) {
        return invalid("dnssec: DS records and keys cannot be mixed (RFC 5910)");
    }
    for key in keys {
        let hexadecimal = key.digest.len() % 2 == 0 && key.digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if key.flags == 0 && (key.digest.is_empty() || !hexadecimal) {
            return invalid("dnssec: a DS record needs a digest in hexadecimal");
        }
        if key.flags != 0 && key.public_key.is_empty() {
            return invalid("dnssec: a key needs its public_key in base64");
        }
        if key.algorithm == 0
            || key.algorithm > 255
            || key.key_tag > 65_535
            || key.digest_type > 255
            || key.flags > 65_535
        {
            return invalid("dnssec: algorithm, key_tag, digest_type or flags is out of range");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ds(digest: &str) -> DnssecKey {
        DnssecKey { key_tag: 1, algorithm: 13, digest_type: 2, digest: digest.to_owned(), ..DnssecKey::default() }
    }

    #[test]
    fn only_what_differs_is_changed_and_case_does_not_count() {
        assert_eq!(update(&[ds("AB")], &[ds("ab")]).expect("valid"), None);
        let update = update(&[ds("AB"), ds("CD")], &[ds("CD"), ds("EF")]).expect("valid").expect("differs");
        let digests = |part: &str| -> Vec<String> {
            update.get(part).expect("there").all("dsData").map(|ds| ds.text_of("digest").to_owned()).collect()
        };
        assert_eq!((digests("rem"), digests("add")), (vec!["AB".to_owned()], vec!["EF".to_owned()]));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let key = DnssecKey { flags: 257, algorithm: 13, public_key: "AAAA".to_owned(), ..DnssecKey::default() };
        for bad in [vec![ds("")], vec![ds("abc")], vec![ds("zz")], vec![ds("AB"), key]] {
            assert!(create(&bad).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{bad:?}");
        }
        assert_eq!(create(&[]).expect("valid"), None);
    }
}
