use chrono::DateTime;
use proptest::prelude::*;

use super::*;

const SECRET: &str = "MUST-BE-REDACTED";

/// An environment as Plesk sets it: with passwords.
fn read(event: &str, variables: &[(&str, &str)]) -> Captured {
    let variables: Vec<(&str, OsString)> = variables.iter().map(|(name, value)| (*name, value.into())).collect();
    read_os(event, &variables)
}

fn read_os(event: &str, variables: &[(&str, OsString)]) -> Captured {
    let variable = |name: &str| {
        let secrets = ["NEW_PASSWORD", "OLD_PASSWORD", "NEW_SYSTEM_USER_PASSWORD"];
        let set = variables.iter().find(|(it, _)| *it == name).map(|(_, value)| value.clone());
        set.or_else(|| secrets.contains(&name).then(|| SECRET.into()))
    };
    let captured = capture(event, &variable, &Stamp::new(DateTime::from_timestamp(1_795_521_600, 0)));
    assert!(!format!("{captured:?}").contains(SECRET), "{captured:?}");
    captured
}

fn hook(captured: Captured) -> Hook {
    match captured {
        Captured::Event(hook) => hook,
        other => panic!("an event was expected, not {other:?}"),
    }
}

fn code(captured: Captured) -> UnclearCode {
    match captured {
        Captured::Unclear(unclear) => unclear.code,
        other => panic!("it should be unclear, not {other:?}"),
    }
}

fn assert_nothing(captured: &Captured) {
    assert!(matches!(captured, Captured::Nothing(_)), "{captured:?}");
}

#[test]
fn a_subscription_is_created_and_deleted() {
    let created = hook(read(
        "domain_create",
        &[("NEW_DOMAIN_NAME", "acme-one.example"), ("OLD_DOMAIN_NAME", ""), ("NEW_LOGIN_NAME", "acme")],
    ));
    assert_eq!(created.external_ref, "acme-one.example");
    assert_eq!(created.source, "Plesk domain_create");
    assert_eq!(lacks_plan(&created), Some("acme-one.example"));
    let international = hook(read("domain_create", &[("NEW_DOMAIN_NAME", "Söhne.Example")]));
    assert_eq!(international.external_ref, "xn--shne-5qa.example", "as Billet has domains");
    let deleted = hook(read("domain_delete", &[("OLD_DOMAIN_NAME", "acme-one.example"), ("NEW_DOMAIN_NAME", "")]));
    assert_eq!((deleted.external_ref.as_str(), &deleted.change), ("acme-one.example", &Change::AccountTerminated));
    assert_eq!(lacks_plan(&deleted), None);
}

#[test]
fn the_plan_comes_from_plesk_or_from_a_wrapper() {
    let of = |captured| hook(captured).change;
    let created = |package: &str| Change::AccountCreated {
        package: package.into(),
        domain: "acme.example".into(),
        contact_email: String::new(),
        owner: String::new(),
    };
    let lacking = || hook(read("domain_create", &[("NEW_DOMAIN_NAME", "acme.example")]));
    assert_eq!(of(with_plan(lacking(), Ok(Some("Gold".into())))), created("Gold"));
    // The account is there, whatever its plan.
    assert_eq!(of(with_plan(lacking(), Ok(None))), created(""));
    assert_eq!(of(with_plan(lacking(), Err("no plesk".into()))), created(""));

    let variables = [("NEW_DOMAIN_NAME", "acme.example"), ("OLD_SERVICE_PLAN", "Silver"), ("NEW_SERVICE_PLAN", "Gold")];
    let switched = hook(read("domain_update", &variables));
    assert_eq!(lacks_plan(&switched), None);
    assert_eq!(switched.change, Change::PackageChanged { from_package: "Silver".into(), to_package: "Gold".into() });

    let updated = || hook(read("domain_limits_update", &[("NEW_DOMAIN_NAME", "acme.example")]));
    assert_eq!(lacks_plan(&updated()), Some("acme.example"));
    let change = Change::PackageChanged { from_package: String::new(), to_package: "Gold".into() };
    assert_eq!(of(with_plan(updated(), Ok(Some("Gold".into())))), change);
    assert_nothing(&with_plan(updated(), Ok(None)));
    assert_eq!(code(with_plan(updated(), Err("no plesk".into()))), UnclearCode::PlanUnknown);
}

#[test]
fn a_status_is_a_suspension_only_if_a_bit_says_so() {
    let status = |old: &str, new: &str| {
        let variables = [("NEW_DOMAIN_NAME", "acme.example"), ("OLD_STATUS", old), ("NEW_STATUS", new)];
        read("domain_status_update", &variables)
    };
    let suspended = |why: &str| Change::AccountSuspended { reason: why.into() };
    let by_admin = suspended("suspended by the administrator");
    assert_eq!(hook(status("0", "16")).change, by_admin);
    assert_eq!(hook(status("0", "272")).change, by_admin);
    assert_eq!(hook(status("0", "2")).change, suspended("suspended with its customer"));
    assert_eq!(hook(status("0", "64")).change, suspended("suspended by the customer"));
    assert_eq!(hook(status("", "256")).change, suspended("expired"));
    assert_eq!(hook(status("16", "0")).change, Change::AccountUnsuspended);
    assert_eq!(hook(status("", "active")).change, Change::AccountUnsuspended);
    // A backup begins before the suspension is lifted, and ends after it.
    assert_eq!(hook(status("16", "4")).change, Change::AccountUnsuspended);
    for (old, new) in [("0", "4"), ("4", "0"), ("", "4"), ("8", "0"), ("16", "272"), ("16", "20"), ("0", "0")] {
        assert_nothing(&status(old, new));
    }
    for unknown in ["", "1", "-1", "perhaps", "128"] {
        assert_eq!(code(status("0", unknown)), UnclearCode::StatusUnknown, "{unknown}");
    }
}

#[test]
fn the_other_spelling_of_the_status_is_understood() {
    let variables = [("NEW_DOMAIN_NAME", "acme.example"), ("OLD_DOMAIN_STATUS", "0"), ("NEW_DOMAIN_STATUS", "32")];
    let change = Change::AccountSuspended { reason: "suspended by the reseller".into() };
    assert_eq!(hook(read("domain_status_update", &variables)).change, change);
}

#[test]
fn resellers_and_customers() {
    let variables = [("NEW_LOGIN_NAME", "reseller1"), ("NEW_EMAIL", "billing@reseller.example")];
    let created = hook(read("reseller_create", &variables));
    let contact_email = "billing@reseller.example".to_owned();
    assert_eq!(created.external_ref, "reseller1");
    assert_eq!(created.change, Change::ResellerCreated { package: String::new(), contact_email });
    for event in NOT_BILLED {
        assert_nothing(&read(event, &variables));
    }
}

#[test]
fn what_cannot_be_told_is_unclear() {
    assert_eq!(code(read("domain_created", &[("NEW_DOMAIN_NAME", "a.example")])), UnclearCode::Unreadable);
    assert_eq!(code(read("domain_create", &[])), UnclearCode::Unnamed);
    assert_eq!(code(read("domain_delete", &[("OLD_DOMAIN_NAME", "a\nb")])), UnclearCode::BadName);
    let renamed = [("OLD_DOMAIN_NAME", "a.example"), ("NEW_DOMAIN_NAME", "b.example")];
    assert_eq!(code(read("domain_update", &renamed)), UnclearCode::Renamed);
    let same = [("OLD_DOMAIN_NAME", "A.example"), ("NEW_DOMAIN_NAME", "a.example")];
    assert_eq!(hook(read("domain_update", &same)).external_ref, "a.example");
}

#[test]
fn bytes_that_are_not_utf8_are_no_name() {
    use std::os::unix::ffi::OsStringExt;
    let wrong = || OsString::from_vec(b"k\xe4rcher.example".to_vec());
    assert_eq!(code(read_os("domain_create", &[("NEW_DOMAIN_NAME", wrong())])), UnclearCode::BadName);
    // An owner is good to have, and no more.
    let variables = [("NEW_DOMAIN_NAME", "a.example".into()), ("NEW_LOGIN_NAME", wrong())];
    let Change::AccountCreated { owner, .. } = hook(read_os("domain_create", &variables)).change else {
        panic!("it was created");
    };
    assert_eq!(owner, "");
}

proptest! {
    #[test]
    fn no_environment_makes_it_panic(event in 0_usize..6, name in "\\PC{0,300}", status in "\\PC{0,20}") {
        let variables = [("NEW_DOMAIN_NAME", name.as_str()), ("NEW_STATUS", &status), ("NEW_LOGIN_NAME", &name)];
        let variables: Vec<_> = variables.into_iter().filter(|(_, value)| !value.contains('\0')).collect();
        read(EVENTS[event], &variables);
    }
}
