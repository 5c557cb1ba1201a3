//! Field masks of updates (AIP-134): what they name is copied from the request over what is stored, and the whole is then
//! read and checked like a new one.

use prost_types::FieldMask;

use crate::billing::BillingError;

/// How many paths a mask can have.
const PATHS_MAX: usize = 100;

/// Copies the fields that a mask names; `copy` answers whether it knows a path.
///
/// # Errors
/// [`BillingError::Invalid`] with `update_mask` for an empty mask or a path that cannot be changed.
pub fn apply(mask: Option<&FieldMask>, mut copy: impl FnMut(&str) -> bool) -> Result<(), BillingError> {
    let refuse = |words: String| Err(BillingError::invalid("update_mask", words));
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    if paths.is_empty() {
        return refuse("names the fields to change; it must not be empty".to_owned());
    }
    if paths.len() > PATHS_MAX {
        return refuse(format!("at most {PATHS_MAX} paths"));
    }
    match paths.iter().find(|path| !copy(path)) {
        Some(path) => {
            refuse(format!("`{}` is no field that can be changed", path.chars().take(64).collect::<String>()))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_names_what_is_known() {
        let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() };
        let mut copied = Vec::new();
        let mut copy = |path: &str| {
            copied.push(path.to_owned());
            path != "id"
        };
        apply(Some(&mask(&["name", "url"])), &mut copy).expect("known");
        for wrong in [Some(&mask(&["id"])), Some(&mask(&[])), None] {
            let error = apply(wrong, &mut copy).expect_err("refused");
            assert!(error.to_string().starts_with("update_mask: "), "{error}");
        }
        assert_eq!(copied, ["name", "url", "id"]);
    }
}
