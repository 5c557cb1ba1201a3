use super::*;

fn here(id: i64, name: &str) -> Here {
    Here {
        subscription_id: SubscriptionId(id),
        name: name.to_owned(),
        domain: format!("{name}.example"),
        panel_id: String::new(),
        package: Some("small".to_owned()),
        keeps_package: true,
        suspended: false,
        created_at_us: Some(1_000_000_000_000_000),
    }
}

fn there(name: &str) -> There {
    There {
        name: name.to_owned(),
        domain: format!("{name}.example"),
        panel_id: String::new(),
        package: Some("small".to_owned()),
        suspended: false,
        created_at_us: Some(1_000_000_000_000_000),
        owner: "root".to_owned(),
        email: String::new(),
        carries: None,
    }
}

fn told(here: &[Here], there: &[There]) -> Vec<(DriftKind, String)> {
    compare(here, there, &BTreeSet::new()).iter().map(|one| (one.kind, one.name().to_owned())).collect()
}

#[test]
fn what_is_alike_is_not_told() {
    assert!(told(&[here(1, "a"), here(2, "b")], &[there("b"), there("a")]).is_empty());
    assert!(told(&[], &[]).is_empty());
}

#[test]
fn each_difference_is_told_by_its_name() {
    let lists = [
        There { package: Some("large".to_owned()), suspended: true, ..there("a") },
        There { domain: "new.example".to_owned(), ..there("b") },
        there("stranger"),
    ];
    assert_eq!(
        told(&[here(1, "a"), here(2, "b"), here(3, "c")], &lists),
        [
            (DriftKind::Package, "a".to_owned()),
            (DriftKind::Suspension, "a".to_owned()),
            (DriftKind::Domain, "b".to_owned()),
            (DriftKind::Missing, "c".to_owned()),
            (DriftKind::Extra, "stranger".to_owned()),
        ]
    );
    let unknown = Here { package: None, domain: String::new(), ..here(1, "a") };
    assert!(told(&[unknown], &[There { package: Some("large".to_owned()), ..there("a") }]).is_empty());
}

#[test]
fn a_renamed_account_is_found_by_its_id_by_ours_or_by_its_domain() {
    let renamed = vec![(DriftKind::Renamed, "a".to_owned())];
    let by_domain = There { name: "z".to_owned(), ..there("a") };
    assert_eq!(told(&[here(1, "a")], &[by_domain]), renamed);
    let known = Here { panel_id: "guid-1".to_owned(), ..here(1, "a") };
    let by_id = There { panel_id: "guid-1".to_owned(), ..there("z") };
    assert_eq!(told(std::slice::from_ref(&known), &[by_id]), renamed);
    let by_ours = There { carries: Some(SubscriptionId(1)), ..there("z") };
    assert_eq!(told(&[here(1, "a")], &[by_ours]), renamed);
    // Where ids last, the domain on another one is somebody's new account.
    let other = There { name: "z".to_owned(), panel_id: "guid-2".to_owned(), ..there("a") };
    assert_eq!(told(&[known], &[other]), [(DriftKind::Missing, "a".to_owned()), (DriftKind::Extra, "z".to_owned())]);
}

#[test]
fn an_account_that_was_made_anew_under_the_name_is_another_one() {
    let both = [(DriftKind::Missing, "a".to_owned()), (DriftKind::Extra, "a".to_owned())];
    let younger = There { created_at_us: Some(1_000_001_000_000_000), ..there("a") };
    assert_eq!(told(&[here(1, "a")], &[younger]), both);
    let other_id = There { panel_id: "guid-2".to_owned(), ..there("a") };
    assert_eq!(told(&[Here { panel_id: "guid-1".to_owned(), ..here(1, "a") }], &[other_id]), both);
    let of_another = There { carries: Some(SubscriptionId(9)), ..there("a") };
    assert_eq!(told(&[here(1, "a")], &[of_another]), both);
}

#[test]
fn at_panels_that_name_accounts_by_their_domain_the_name_is_the_domain() {
    let reported = Here { name: "max.example".to_owned(), domain: "max.example".to_owned(), ..here(1, "max") };
    let listed = There { name: "sysuser".to_owned(), domain: "max.example".to_owned(), ..there("x") };
    assert!(told(&[reported], &[listed]).is_empty());
}

#[test]
fn nobodys_new_name_is_taken_for_somebody_elses() {
    // `b` has the domain of `a` now; both are there under their names.
    let lists = [there("a"), There { domain: "a.example".to_owned(), ..there("b") }];
    assert_eq!(told(&[here(1, "a"), here(2, "b")], &lists), [(DriftKind::Domain, "b".to_owned())]);
}

#[test]
fn what_is_under_way_is_left_for_the_next_time() {
    let passed_over = BTreeSet::from(["new".to_owned(), "other.example".to_owned()]);
    assert!(compare(&[], &[there("new"), there("other")], &passed_over).is_empty());
}
