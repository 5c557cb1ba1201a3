//! What an edit changed, for the journal.

use billet_domain::document::Party;
use serde_json::{Map, Value, json};

/// Each field of two JSON objects that is not the same: `{"language": {"from": "de", "to": "en"}}`.
pub(super) fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let mut changes = Map::new();
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return changes };
    for (field, to) in after {
        let from = before.get(field).unwrap_or(&Value::Null);
        if from != to {
            changes.insert(field.clone(), json!({ "from": from, "to": to }));
        }
    }
    changes
}

/// The names of a party's fields that are not the same: what stood in them is personal data and not for the journal,
/// which cannot forget.
pub(super) fn party_fields(before: &Party, after: &Party) -> Vec<&'static str> {
    let fields = [
        ("name", &before.name, &after.name),
        ("address_line", &before.address_line, &after.address_line),
        ("address_line_2", &before.address_line_2, &after.address_line_2),
        ("post_code", &before.post_code, &after.post_code),
        ("city", &before.city, &after.city),
        ("country_code", &before.country, &after.country),
        ("vat_id", &before.vat_id, &after.vat_id),
        ("tax_number", &before.tax_number, &after.tax_number),
        ("registration", &before.registration, &after.registration),
        ("email", &before.email, &after.email),
        ("phone", &before.phone, &after.phone),
    ];
    fields.into_iter().filter(|(_, from, to)| from != to).map(|(name, ..)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let changed = changes(&json!({"a": 1, "b": 2}), &json!({"a": 1, "b": 3, "c": null}));
        assert_eq!(Value::Object(changed), json!({"b": {"from": 2, "to": 3}}));
        let before = Party { name: "A".to_owned(), city: "B".to_owned(), ..Party::default() };
        let after = Party { city: "C".to_owned(), phone: "1".to_owned(), ..before.clone() };
        assert_eq!(party_fields(&before, &after), ["city", "phone"]);
    }
}
