//! The plugin as a program.

use std::process::Command;

#[test]
fn started_by_hand_it_explains_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_billet-cpanel")).env_clear().output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cpanel") && said.contains("plugin of Billet"), "{said}");
    assert!(output.stdout.is_empty(), "no handshake without a host");
}

#[test]
fn what_it_says_of_itself_is_whole() {
    let described = (billet_cpanel::PLUGIN.describe)();
    let schema: serde_json::Value = serde_json::from_str(&described.settings_schema).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["token"]["writeOnly"], true);
    assert_eq!((described.name.as_str(), described.capabilities.len()), ("cpanel", 22));
    let reserved = described.username_rules.expect("rules").reserved;
    for name in ["root", "mysql", "cpanel", "nobody"] {
        assert!(reserved.iter().any(|known| known == name), "{name}");
    }
}
