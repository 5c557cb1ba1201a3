use std::os::unix::fs::OpenOptionsExt;

use tempfile::TempDir;

use super::*;

fn write(dir: &TempDir, name: &str, mode: u32, content: &str) -> PathBuf {
    let path = dir.path().join(name);
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(&path);
    std::io::Write::write_all(file.as_mut().expect("a temporary directory is writable"), content.as_bytes())
        .expect("it has room");
    path
}

fn load(dir: &TempDir, config: &str) -> Settings {
    Settings::load(SettingsArgs { config: Some(write(dir, "hook.toml", 0o600, config)), ..SettingsArgs::default() })
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[test]
fn the_file_is_read_and_flags_come_first() {
    let dir = dir();
    let token = write(&dir, "token", 0o600, "secret-token\n");
    let config = format!(
        "url = \"https://billing.example:4410\"\ninstance = \"ins_7\"\nspool = \"/spool\"\ndeadline_ms = 500\n\
         token_file = \"{}\"\nplan_command = [\"/usr/local/bin/plan-of\", \"-q\"]\n",
        token.display()
    );
    let settings = load(&dir, &config);
    let target = settings.target.expect("the settings are right");
    assert_eq!(target.url, "https://billing.example:4410");
    assert_eq!(target.instance, Some(InstanceId(7)));
    assert_eq!(target.token.as_ref().map(Token::secret), Some("secret-token"));
    assert!(!format!("{target:?}").contains("secret-token"));
    assert_eq!(settings.spool, Path::new("/spool"));
    assert_eq!(settings.deadline, Duration::from_millis(500));
    assert_eq!(settings.plesk.plan_command, ["/usr/local/bin/plan-of", "-q"]);
    assert_eq!(settings.warnings, [""; 0]);

    let args = SettingsArgs {
        config: Some(write(&dir, "hook.toml", 0o600, &config)),
        url: Some("http://127.0.0.1:1".into()),
        instance: Some(String::new()),
        spool: Some("/other".into()),
        deadline_ms: Some("750".into()),
        ..SettingsArgs::default()
    };
    let settings = Settings::load(args);
    let target = settings.target.expect("the settings are right");
    assert_eq!((target.url.as_str(), target.instance), ("http://127.0.0.1:1", None));
    assert_eq!((settings.spool.as_path(), settings.deadline), (Path::new("/other"), Duration::from_millis(750)));
}

#[test]
fn without_settings_the_defaults_hold() {
    // An empty file, for this machine may have one of its own.
    let settings = load(&dir(), "");
    assert_eq!(settings.spool, Path::new("/var/spool/billet"));
    assert_eq!(settings.deadline, Duration::from_secs(2));
    assert_eq!(settings.target.expect("defaults are right").url, "http://127.0.0.1:4410");
}

#[test]
fn a_wrong_setting_stops_delivery_and_not_the_spool() {
    let dir = dir();
    for (config, wanted) in [
        ("url = 7", "line 1"),
        ("# mine\ntoken = \"typed-here\"", "line 2: unknown field `token`"),
        ("url = ", "line 1"),
        ("instance = \"cus_7\"", "instance is wrong"),
        ("token_file = \"/nonexistent/token\"", "cannot read the token file /nonexistent/token"),
        ("ca_file = \"/nonexistent/ca\"", "cannot read the certificate authority"),
    ] {
        let settings = load(&dir, &format!("{config}\nspool = \"/spool\"\n"));
        let error = settings.target.expect_err(config).to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("typed-here"), "{error}");
        if config != "url = " {
            assert_eq!(settings.spool, Path::new("/spool"), "{config}");
        }
    }
    let missing = SettingsArgs { config: Some(dir.path().join("missing.toml")), ..SettingsArgs::default() };
    let error = Settings::load(missing).target.expect_err("a file that is named has to be there").to_string();
    assert!(error.contains("missing.toml"), "{error}");
}

#[test]
fn a_deadline_that_is_none_is_mended() {
    for (given, wanted_ms) in [("soon", 2000), ("", 2000), ("-1", 2000), ("99999999", 60_000)] {
        let settings = Settings::load(SettingsArgs { deadline_ms: Some(given.into()), ..SettingsArgs::default() });
        assert_eq!(settings.deadline, Duration::from_millis(wanted_ms), "{given}");
        assert_eq!(settings.warnings.len(), 1, "{given}");
    }
}

#[test]
fn a_token_that_others_can_read_or_hear_is_warned_of() {
    let dir = dir();
    let token = write(&dir, "token", 0o644, "secret-token");
    let settings = Settings::load(SettingsArgs {
        url: Some("http://billing.example:4410".into()),
        token_file: Some(token.clone()),
        ..SettingsArgs::default()
    });
    settings.target.expect("both are no mistakes");
    assert_eq!(
        settings.warnings,
        [
            format!("every user of this server can read the token: chmod 600 {}", token.display()),
            "the token travels to http://billing.example:4410 unencrypted: use https".into(),
        ]
    );
    for wrong in ["", "two words", "sécret"] {
        let token_file = Some(write(&dir, "wrong", 0o600, wrong));
        let settings = Settings::load(SettingsArgs { token_file, ..SettingsArgs::default() });
        assert!(settings.target.expect_err(wrong).to_string().starts_with("the setting token_file is wrong"));
    }
}
