//! In processes of their own.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use billet_plugin::v1::ProblemKind;

use super::process::{kill, processes};
use super::world::{TIME, account, as_child, behaving, host_of, is_later, test};

/// Waits until an instance answers again.
async fn recovers(instance: &billet::plugins::Running) {
    let end = Instant::now() + Duration::from_secs(60);
    while test(instance, TIME).await.is_err() {
        assert!(Instant::now() < end, "the instance does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_called_as_a_linked_plugin_is() {
    let host = as_child();
    assert_eq!(host.describe("memory").await.expect("a description").description.title, "A panel in memory");
    let panel = behaving(&host, 1, "well").await;
    assert_eq!(test(&panel, TIME).await.expect("an answer").value.hostname, "memory.example");
    assert!(!panel.call(account("alpha", 1), TIME).await.expect("made").already);
    let conflict = panel.call(account("alpha", 1), TIME).await.expect_err("taken");
    assert!(conflict.is_refused(ProblemKind::Conflict));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_or_hangs_harms_only_its_own_instance() {
    let host = as_child();
    let (dying, hanging, flooding, well) = (
        behaving(&host, 1, "die").await,
        behaving(&host, 2, "hang").await,
        behaving(&host, 3, "flood").await,
        behaving(&host, 4, "well").await,
    );
    well.call(account("alpha", 1), TIME).await.expect("made");
    assert!(is_later(&test(&dying, TIME).await), "it died while it was asked");
    assert!(is_later(&test(&hanging, Duration::from_millis(300)).await));
    assert!(test(&flooding, TIME).await.is_ok(), "its flood is read and cut");
    assert!(test(&well, TIME).await.is_ok());
    // It is started again, with what it was configured with.
    let end = Instant::now() + Duration::from_secs(30);
    while dying.call(account("beta", 1), TIME).await.is_err() {
        assert!(Instant::now() < end, "the program was not started again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let kept = well.call(account("alpha", 1), TIME).await.expect_err("the same process all the time");
    assert!(kept.is_refused(ProblemKind::Conflict));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_are_no_plugins_are_told_apart_in_words() {
    for (command, words) in [
        (&["/nonexistent/plugin"][..], "cannot be started"),
        (&["sh", "-c", "exit 1"], "without a handshake"),
        (&["sh", "-c", "echo hello; sleep 5"], "handshake"),
        (&["sh", "-c", "echo '1|9|unix|/tmp/x|grpc'; sleep 5"], "protocol version `9`"),
        (&["sh", "-c", "echo '1|1|unix|/nonexistent/socket|grpc'; sleep 5"], "socket"),
        (&["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; sleep 5"], "handshake"),
    ] {
        let host = host_of(command);
        let said = host.describe("memory").await.expect_err(words).to_string();
        assert!(said.contains(words), "{command:?}: {said}");
        let panel = behaving_blindly(&host).await;
        assert!(panel.is_err(), "{command:?}");
    }
}

async fn behaving_blindly(host: &billet::plugins::Host) -> Result<(), billet_plugin::Failure> {
    let spec = super::world::spec(1, &serde_json::json!({}));
    host.instance(&spec).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_answers_nonsense_is_a_broken_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(&[0xff; 4_096]);
        }
    });
    let script = format!("echo '1|1|unix|{}|grpc'; cat >/dev/null", path.display());
    let host = host_of(&["sh", "-c", &script]);
    let said = host.describe("memory").await.expect_err("nonsense").to_string();
    assert!(said.contains("Describe") || said.contains("socket"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_is_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    // A name of its own, to find the process by.
    let program = folder.path().join("billet-to-kill");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_billet"), &program).expect("a link");
    let host = host_of(&[&program.to_string_lossy(), "plugin", "memory"]);
    let panel = behaving(&host, 1, "well").await;
    recovers(&panel).await;
    kill(&processes(&program)).expect("one process");
    recovers(&panel).await;
    assert_eq!(processes(&program).len(), 1);
    drop((panel, host));
    let end = Instant::now() + Duration::from_secs(30);
    while !processes(&program).is_empty() {
        assert!(Instant::now() < end, "the process outlives its instance");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
