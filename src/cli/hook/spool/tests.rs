use billet_domain::hook::Change;
use chrono::DateTime;
use tempfile::TempDir;

use super::super::capture::Stamp;
use super::*;

struct Fixture {
    dir: TempDir,
    spool: Spool,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let spool = Spool::open(&dir.path().join("spool")).expect("it can be created");
    Fixture { dir, spool }
}

fn hook(external_ref: &str) -> Hook {
    Stamp::new(DateTime::from_timestamp(1_795_521_600, 0)).hook(external_ref.into(), Change::AccountTerminated, "test")
}

impl Fixture {
    fn waiting(&self) -> Vec<String> {
        self.spool.waiting(usize::MAX, &BTreeSet::new()).expect("it can be listed")
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join("spool")).expect("it can be listed");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| name != "rejected" && name != "lock").collect();
        names.sort();
        names
    }

    /// Makes a file look as if it was written ten minutes ago.
    fn age(&self, path: &Path) {
        let file = OpenOptions::new().write(true).open(path).expect("it is there");
        file.set_modified(SystemTime::now() - Duration::from_secs(600)).expect("it is ours");
    }

    fn take_up_drafts(&self) {
        let lock = self.spool.try_lock().expect("it can be locked").expect("nobody has it");
        self.spool.take_up_drafts(&lock).expect("they can be taken up");
    }

    fn read(&self, id: &str) -> Hook {
        self.spool.read(id).expect("it can be read").expect("it is there").expect("it is whole")
    }
}

#[test]
fn what_is_saved_waits_in_order_and_comes_back_the_same() {
    let it = fixture();
    let hooks: Vec<_> = (0..20).map(|number| hook(&format!("account{number}"))).collect();
    for hook in hooks.iter().rev() {
        it.spool.save(hook).expect("there is room");
    }
    let waiting: Vec<_> = it.waiting().iter().map(|id| it.read(id)).collect();
    assert_eq!(waiting, hooks);
    let skipped = BTreeSet::from([hooks[0].event_id.clone()]);
    assert_eq!(it.spool.waiting(1, &skipped).expect("it can be listed"), [hooks[1].event_id.clone()]);
    it.spool.remove(&hooks[0].event_id).expect("it is there");
    it.spool.remove(&hooks[0].event_id).expect("once more is no error");
    assert!(it.spool.read(&hooks[0].event_id).expect("it can be looked at").is_none());
    assert_eq!(it.waiting().len(), 19);
}

#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let it = fixture();
    it.spool.save(&hook("acmeone")).expect("there is room");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&it.spool.root), 0o700);
    assert_eq!(mode(&it.spool.path(&it.waiting()[0], "json")), 0o600);
}

#[test]
fn a_name_from_elsewhere_leads_nowhere() {
    let it = fixture();
    it.spool.save(&Hook { event_id: "../../outside".into(), ..hook("acmeone") }).expect("there is room");
    assert_eq!(it.waiting().len(), 1);
    assert!(!it.dir.path().join("outside.json").exists());
}

#[test]
fn one_process_delivers_at_a_time() {
    let it = fixture();
    let lock = it.spool.try_lock().expect("it can be locked");
    assert!(lock.is_some());
    assert!(it.spool.try_lock().expect("it can be tried").is_none());
    drop(lock);
    assert!(it.spool.try_lock().expect("it can be locked").is_some());
}

#[test]
fn a_draft_becomes_final_under_its_own_id() {
    let it = fixture();
    let drafted = hook("acmeone");
    let draft = it.spool.draft(&drafted).expect("there is room");
    assert_eq!(it.waiting(), [""; 0]);
    let complete = Hook { source: "completed".into(), ..drafted };
    draft.finish(&complete).expect("there is room");
    assert_eq!(it.files(), [format!("{}.json", complete.event_id)]);
    assert_eq!(it.read(&complete.event_id), complete);
    it.spool.draft(&hook("acmetwo")).expect("there is room").give_up().expect("it is there");
    assert_eq!(it.files().len(), 1);
}

#[test]
fn a_draft_is_taken_up_once_its_process_is_gone() {
    let it = fixture();
    let hook = hook("acmeone");
    drop(it.spool.draft(&hook).expect("there is room"));
    it.take_up_drafts();
    assert_eq!(it.waiting(), [""; 0], "its process may still be asking Plesk");
    // Killed between writing the completed event and putting it in the draft's place.
    fs::write(it.spool.path(&hook.event_id, "next"), "{\"schema\":1").expect("there is room");
    it.age(&it.spool.path(&hook.event_id, "draft"));
    it.take_up_drafts();
    assert_eq!(it.files(), [format!("{}.json", hook.event_id)]);
    assert_eq!(it.read(&hook.event_id), hook);
}

#[test]
fn a_draft_that_was_cut_off_is_shown() {
    let it = fixture();
    let hook = hook("acmeone");
    let draft = it.spool.path(&hook.event_id, "draft");
    fs::write(&draft, "{\"schema\":1,\"hook\":{\"event_id\":\"").expect("there is room");
    it.age(&draft);
    it.take_up_drafts();
    assert_eq!(it.files(), [""; 0]);
    let rejected = it.spool.rejected().expect("it can be listed");
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].reason.code.as_str(), &rejected[0].hook), ("UNREADABLE", &None));
}

#[test]
fn damaged_and_newer_entries_are_told_apart() {
    let it = fixture();
    let id = Uuid::now_v7().to_string();
    let wrong = |content: &str| {
        fs::write(it.spool.path(&id, "json"), content).expect("there is room");
        it.spool.read(&id).expect("it can be read").expect("it is there").expect_err("it is wrong").to_string()
    };
    for content in ["", "null", "{\"schema\":1}", "{\"hook\":{}}", "\u{0}\u{0}\u{0}"] {
        assert_eq!(wrong(content), "the entry is damaged", "{content}");
    }
    assert_eq!(wrong("{\"schema\":2,\"news\":1}"), "the entry has format 2, and this program knows 1");
}

#[test]
fn the_rejected_wait_again_when_asked_to() {
    let it = fixture();
    let hook = hook("acmeone");
    it.spool.save(&hook).expect("there is room");
    let reason = Reason::new("INVALID_ARGUMENT", "external_ref is required".into());
    it.spool.reject(&hook.event_id, &reason).expect("it can be moved");
    assert_eq!(it.waiting(), [""; 0]);

    let rejected = it.spool.rejected().expect("it can be listed");
    assert_eq!(rejected.len(), 1);
    assert_eq!((&rejected[0].reason, rejected[0].hook.as_ref()), (&reason, Some(&hook)));

    assert_eq!(it.spool.retry_rejected().expect("it can be moved"), 1);
    assert_eq!(it.waiting(), std::slice::from_ref(&hook.event_id));
    assert!(it.spool.rejected().expect("it can be listed").is_empty());
}

#[test]
fn reports_that_nobody_understands_do_not_fill_the_disk() {
    let it = fixture();
    for number in 0..WAITING_BESIDE_UNCLEAR_MAX {
        fs::write(it.spool.path(&format!("{number}"), "json"), "").expect("there is room");
    }
    let error = it.spool.save_unclear(&hook("?")).expect_err("enough is enough").to_string();
    assert!(error.ends_with("too many events wait there already"), "{error}");
    it.spool.save(&hook("acmeone")).expect("an event is always kept");
    it.spool.remove("0").expect("it is there");
    it.spool.remove("1").expect("it is there");
    it.spool.save_unclear(&hook("?")).expect("there is room again");
}

#[test]
fn a_spool_that_is_not_there_is_empty() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let spool = Spool::at(&dir.path().join("nowhere"));
    assert!(spool.waiting(1, &BTreeSet::new()).expect("empty").is_empty());
    assert!(spool.rejected().expect("empty").is_empty());
}

#[test]
fn a_spool_that_cannot_be_made_says_where() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("there is room");
    let error = Spool::open(&file).expect_err("a file is no directory").to_string();
    assert!(error.starts_with(&format!("cannot create {}", file.display())), "{error}");
}
