//! Tells the panels to call us: prints the commands, or runs them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::settings::Settings;
use super::{DONE, FAILED, complain, cpanel, plesk, say};

/// The script that cPanel runs. Its hooks take a path, not a command with arguments.
pub const CPANEL_SCRIPT: &str = "/usr/local/cpanel/3rdparty/bin/billet-hook";
/// cPanel's utility for hooks.
pub const MANAGE_HOOKS: &str = "/usr/local/cpanel/bin/manage_hooks";
/// Plesk runs handlers with a higher number first; this is its own default.
const PLESK_PRIORITY: &str = "50";

/// One step of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write an executable script.
    Script {
        /// Where.
        path: PathBuf,
        /// What.
        content: String,
    },
    /// Run a command.
    Run {
        /// Program and arguments.
        words: Vec<String>,
        /// Whether failing is all right: what it takes away need not be there.
        may_fail: bool,
    },
    /// Run a command unless another one's output contains a text already.
    Unless {
        /// Program and arguments of the one that lists what is there.
        list: Vec<String>,
        /// What it lists then.
        contains: String,
        /// Program and arguments.
        words: Vec<String>,
    },
}

/// The JSON by which `manage_hooks add script` without `--manual` registers a script: it calls it with `--describe`.
pub fn cpanel_description(script: &Path) -> String {
    let hooks: Vec<_> = cpanel::EVENTS
        .iter()
        .map(|event| {
            json!({
                "category": cpanel::CATEGORY, "event": event, "stage": "post",
                "hook": script.display().to_string(), "exectype": "script",
            })
        })
        .collect();
    serde_json::Value::from(hooks).to_string()
}

/// The steps for cPanel. Each hook is taken away before it is added: `manage_hooks` would add it twice.
pub fn cpanel(script: &Path, manage_hooks: &Path, settings: &Settings) -> Vec<Step> {
    // It says where it is itself: --describe has to name it.
    let command = line(&own_command(settings, &["hook", "cpanel"]));
    let content = format!("#!/bin/sh\nexec {command} --script \"$0\" \"$@\"\n");
    let mut steps = vec![Step::Script { path: script.to_owned(), content }];
    for event in cpanel::EVENTS {
        for (action, may_fail) in [("delete", true), ("add", false)] {
            let (manage_hooks, script) = (manage_hooks.display().to_string(), script.display().to_string());
            let mut words = vec![manage_hooks, action.into(), "script".into(), script];
            let rest = ["--manual", "--category", cpanel::CATEGORY, "--event", event, "--stage", "post"];
            words.extend(rest.map(String::from));
            steps.push(Step::Run { words, may_fail });
        }
    }
    steps
}

/// The steps for Plesk.
pub fn plesk(settings: &Settings) -> Vec<Step> {
    let utility = |arguments: &[&str]| -> Vec<String> {
        let program = settings.plesk.program.display().to_string();
        [program.as_str(), "bin", "event_handler"]
            .into_iter()
            .chain(arguments.iter().copied())
            .map(String::from)
            .collect()
    };
    plesk::EVENTS
        .iter()
        .map(|event| {
            let command = line(&own_command(settings, &["hook", "plesk", "--event", event]));
            let arguments =
                ["--create", "-command", &command, "-priority", PLESK_PRIORITY, "-user", "root", "-event", event];
            Step::Unless { list: utility(&["--list"]), words: utility(&arguments), contains: command }
        })
        .collect()
}

/// This program with arguments, as the panel has to call it.
fn own_command(settings: &Settings, arguments: &[&str]) -> Vec<String> {
    let program = std::env::current_exe().map_or_else(|_| "billet".into(), |path| path.display().to_string());
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    std::iter::once(program).chain(arguments).chain(settings.flags.iter().cloned()).collect()
}

/// Prints the steps as commands for a shell, or carries them out.
pub fn run(steps: &[Step], carry_out: bool) -> u8 {
    if !carry_out {
        for step in steps {
            say(&shown(step));
        }
        return DONE;
    }
    let mut exit = DONE;
    for step in steps {
        match carry_out_step(step) {
            Ok(done) => {
                say(&done);
            }
            Err(error) => {
                complain(&error);
                exit = FAILED;
            }
        }
    }
    exit
}

fn carry_out_step(step: &Step) -> Result<String, String> {
    match step {
        Step::Script { path, content } => {
            write_script(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Ok(format!("wrote {}", path.display()))
        }
        Step::Run { words, may_fail } => match execute(words) {
            Err(_) if *may_fail => Ok(format!("(nothing to take away) {}", line(words))),
            result => result.map(|_| format!("ran {}", line(words))),
        },
        Step::Unless { list, contains, words } => {
            if execute(list)?.contains(contains) {
                return Ok(format!("registered already: {contains}"));
            }
            execute(words).map(|_| format!("ran {}", line(words)))
        }
    }
}

fn write_script(path: &Path, content: &str) -> io::Result<()> {
    // In one step: cPanel may be calling the old one.
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, path)
}

fn execute(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else { return Ok(String::new()) };
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} ended with {}: {}{}", line(words), output.status, text.trim(), why.trim()))
}

/// A step as a shell takes it.
fn shown(step: &Step) -> String {
    match step {
        Step::Script { path, content } => {
            let path = quoted(&path.display().to_string());
            format!("cat > {path} <<'SCRIPT'\n{content}SCRIPT\nchmod 755 {path}")
        }
        Step::Run { words, may_fail: true } => format!("{} || true", line(words)),
        Step::Run { words, may_fail: false } => line(words),
        Step::Unless { list, contains, words } => {
            format!("{} | grep -qF -- {} || {}", line(list), quoted(contains), line(words))
        }
    }
}

fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::hook::settings::SettingsArgs;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("Accounts::Create"), "Accounts::Create");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn each_event_is_registered_once_and_never_before_it_happened() {
        let settings = Settings::load(SettingsArgs::default());
        let steps = cpanel(Path::new(CPANEL_SCRIPT), Path::new(MANAGE_HOOKS), &settings);
        let added: Vec<_> = steps.iter().map(shown).filter(|line| line.contains(" add ")).collect();
        assert_eq!(added.len(), 6);
        assert_eq!(
            added[0],
            "/usr/local/cpanel/bin/manage_hooks add script /usr/local/cpanel/3rdparty/bin/billet-hook --manual \
             --category Whostmgr --event Accounts::Create --stage post"
        );
        assert!(!steps.iter().any(|step| shown(step).contains("--stage pre")));
    }

    #[test]
    fn what_was_given_is_what_the_panel_will_call_with() {
        let given = SettingsArgs {
            url: Some("https://billing.example:4410".to_owned()),
            token_file: Some("/etc/billet/token".into()),
            spool: Some("/var/spool/own place".into()),
            ..SettingsArgs::default()
        };
        let settings = Settings::load(given);
        let flags = "--url https://billing.example:4410 --token-file /etc/billet/token --spool '/var/spool/own place'";
        let script = shown(&cpanel(Path::new(CPANEL_SCRIPT), Path::new(MANAGE_HOOKS), &settings)[0]);
        assert!(script.contains(&format!("hook cpanel {flags} --script \"$0\"")), "{script}");
        let handlers = plesk(&settings);
        assert!(handlers.iter().all(|step| matches!(step, Step::Unless { contains, .. } if contains.ends_with(flags))));
    }
}
