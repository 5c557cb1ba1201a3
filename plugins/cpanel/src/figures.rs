//! Numbers, flags and sizes as WHM writes them: integers in new versions, strings in old ones, `unlimited`, `12M`.

use serde_json::Value;

/// The bytes of a MiB, which WHM calls MB.
pub(crate) const MIB: i64 = 1024 * 1024;

/// A whole number, also as text or with a fraction of zero; `None` for anything else.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            // Beyond 2^53 a float is not exact, and no panel counts that far.
            (float.is_finite() && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
        }),
        Value::String(text) => {
            let text = text.trim();
            let digits = match text.split_once('.') {
                Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => whole,
                _ => text,
            };
            digits.parse().ok()
        }
        _ => None,
    }
}

/// Whether a 1/0 member is on.
pub(crate) fn flag(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        other => whole(other).is_some_and(|number| number != 0),
    }
}

/// A text, empty when there is none.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A limit that is counted; `None` for `unlimited` and what is not a number.
pub(crate) fn limit(value: &Value) -> Option<i64> {
    whole(value).filter(|number| *number >= 0)
}

/// A size in MiB (`12M`, `150000`, `12.5`) in bytes; `None` for `unlimited`, `none` and what cannot be read.
pub(crate) fn mib(value: &Value) -> Option<i64> {
    let size = match value {
        Value::String(text) => {
            let number = text.trim();
            whole(&Value::String(number.strip_suffix(['M', 'm']).unwrap_or(number).to_owned()))?
        }
        other => whole(other)?,
    };
    size.checked_mul(MIB).filter(|bytes| *bytes >= 0)
}

/// The same for a limit, where 0 means none.
pub(crate) fn mib_limit(value: &Value) -> Option<i64> {
    mib(value).filter(|bytes| *bytes > 0)
}

/// Bytes as whole MiB, rounded up: nobody gets less than they paid for.
pub(crate) fn to_mib(bytes: i64) -> i64 {
    bytes.div_euclid(MIB) + i64::from(bytes.rem_euclid(MIB) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_in_every_spelling() {
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!("12"), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12.00"), Some(12)),
            (json!("unlimited"), None),
            (json!(null), None),
            (json!(""), None),
            (json!("1e99"), None),
            (json!([1]), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
        assert!(flag(&json!("1")) && flag(&json!(true)) && !flag(&json!("0")) && !flag(&json!(null)));
    }

    #[test]
    fn sizes_become_bytes() {
        assert_eq!(mib(&json!("14M")), Some(14 * MIB));
        assert_eq!(mib(&json!(0)), Some(0));
        assert_eq!(mib_limit(&json!("0M")), None);
        assert_eq!(mib_limit(&json!("unlimited")), None);
        assert_eq!(mib(&json!("9223372036854775807M")), None, "no wrapping");
        assert_eq!(to_mib(MIB + 1), 2);
        assert_eq!(to_mib(MIB), 1);
    }
}
