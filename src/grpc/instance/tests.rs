use prost_types::FieldMask;
use tonic::Code;

use super::*;
use crate::grpc::auth::Caller;
use crate::grpc::testing::{Desk, by, desks, fresh_id, ok, refused, wrong_fields};

fn api(desk: &Desk) -> InstanceApi {
    InstanceApi { billing: desk.billing.clone() }
}

fn panel(name: &str) -> pb::Instance {
    pb::Instance {
        plugin: "cpanel".to_owned(),
        name: name.to_owned(),
        group: "eu".to_owned(),
        url: "https://panel.example:2087".to_owned(),
        enabled: true,
        ..pb::Instance::default()
    }
}

async fn create(desk: &Desk, instance: pb::Instance) -> Result<Response<pb::CreateInstanceResponse>, Status> {
    let request = pb::CreateInstanceRequest { request_id: fresh_id(), instance: Some(instance) };
    api(desk).create_instance(by(&desk.owner, request)).await
}

async fn update(
    desk: &Desk,
    instance: pb::Instance,
    paths: &[&str],
) -> Result<Response<pb::UpdateInstanceResponse>, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
    let request = pb::UpdateInstanceRequest { request_id: fresh_id(), instance: Some(instance), update_mask };
    api(desk).update_instance(by(&desk.owner, request)).await
}

async fn get(desk: &Desk, caller: &Caller, id: &str) -> Result<Response<pb::GetInstanceResponse>, Status> {
    api(desk).get_instance(by(caller, pb::GetInstanceRequest { id: id.to_owned() })).await
}

#[tokio::test]
async fn an_instance_is_found_by_id_and_by_name_by_its_seller_only() {
    for desk in desks().await {
        let made = ok(create(&desk, panel("web-1")).await).instance.expect("made");
        assert_eq!(made.unknown_customer(), pb::UnknownCustomerPolicy::Park);
        assert_eq!(ok(get(&desk, &desk.owner, &made.id).await).instance, Some(made.clone()));
        assert_eq!(ok(get(&desk, &desk.owner, "name:web-1").await).instance, Some(made.clone()));
        let stranger = Caller { seller_id: billet_domain::id::SellerId(999_999), ..desk.owner.clone() };
        for id in [made.id.as_str(), "name:web-1"] {
            assert_eq!(refused(get(&desk, &stranger, id).await).0, Code::NotFound);
        }
        assert_eq!(wrong_fields(get(&desk, &desk.owner, "web-1").await), ["id"]);
        let taken = refused(create(&desk, panel("web-1")).await);
        assert_eq!(taken, (Code::AlreadyExists, "NAME_TAKEN".to_owned()));
    }
}

#[tokio::test]
async fn lists_go_by_name_in_the_same_order_on_both_engines() {
    for desk in desks().await {
        for name in ["b", "a", "B", "_x", "a.1", "a-1"] {
            ok(create(&desk, panel(name)).await);
        }
        let mut names = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListInstancesRequest { page_size: 4, page_token };
            let page = ok(api(&desk).list_instances(by(&desk.owner, request)).await);
            names.extend(page.instances.into_iter().map(|instance| instance.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(names, ["B", "_x", "a", "a-1", "a.1", "b"]);
    }
}

#[tokio::test]
async fn switching_on_again_tries_again_what_waited() {
    for desk in desks().await {
        let made = ok(create(&desk, panel("web-1")).await).instance.expect("made");
        let jobs = "SELECT kind, payload, state FROM jobs";
        let off = pb::Instance { id: made.id.clone(), enabled: false, url: "elsewhere".to_owned(), ..made.clone() };
        let changed = ok(update(&desk, off, &["enabled"]).await).instance.expect("changed");
        assert_eq!((changed.enabled, changed.url.as_str()), (false, made.url.as_str()));
        assert!(desk.rows::<(String, String, String)>(jobs).await.is_empty());

        ok(update(&desk, made.clone(), &["enabled"]).await);
        ok(update(&desk, made.clone(), &["enabled"]).await);
        let id = &made.id;
        let payload =
            format!(r#"{{"instance_group":"","instance_id":"{id}","package":"","reason":"INSTANCE_DISABLED"}}"#);
        let expected = [("replay_parked".to_owned(), payload, "ready".to_owned())];
        assert_eq!(desk.rows::<(String, String, String)>(jobs).await, expected, "once, for it was on the second time");
        let events = desk.events(&desk.owner).await;
        assert_eq!(events[2..], ["instance.created", "instance.updated", "instance.updated"]);
    }
}

#[tokio::test]
async fn updates_are_checked_like_new_ones() {
    for desk in desks().await {
        let made = ok(create(&desk, panel("web-1")).await).instance.expect("made");
        ok(create(&desk, panel("web-2")).await);
        let renamed = pb::Instance { name: "web-2".to_owned(), ..made.clone() };
        assert_eq!(refused(update(&desk, renamed, &["name"]).await), (Code::AlreadyExists, "NAME_TAKEN".to_owned()));
        let renamed = pb::Instance { name: "web 3".to_owned(), ..made.clone() };
        assert_eq!(wrong_fields(update(&desk, renamed, &["name"]).await), ["instance.name"]);
        let other = pb::Instance { plugin: "plesk".to_owned(), ..made.clone() };
        assert_eq!(wrong_fields(update(&desk, other, &["plugin"]).await), ["update_mask"]);
        let nobody = pb::Instance { id: "ins_999999".to_owned(), ..made.clone() };
        assert_eq!(refused(update(&desk, nobody, &["name"]).await).0, Code::NotFound);
        for (wrong, field) in [
            (pb::Instance { plugin: "cPanel".to_owned(), ..panel("x") }, "instance.plugin"),
            (pb::Instance { plugin: String::new(), ..panel("x") }, "instance.plugin"),
            (pb::Instance { name: String::new(), ..panel("x") }, "instance.name"),
            (pb::Instance { group: "a b".to_owned(), ..panel("x") }, "instance.group"),
            (pb::Instance { unknown_customer: 9, ..panel("x") }, "instance.unknown_customer"),
        ] {
            assert_eq!(wrong_fields(create(&desk, wrong).await), [field]);
        }
        let moved = pb::Instance { name: "web-9".to_owned(), group: String::new(), ..made.clone() };
        let moved = ok(update(&desk, moved, &["name", "group"]).await).instance.expect("changed");
        assert_eq!(ok(get(&desk, &desk.owner, "name:web-9").await).instance, Some(moved));
    }
}
