use std::collections::BTreeMap;

use billet_simulator::MEMORY;
use prost_types::value::Kind;
use prost_types::{FieldMask, Struct, Value};
use tonic::Code;

use super::*;
use crate::grpc::testing::{Desk, by, desks, fresh_id, ok, refused, wrong_fields};
use crate::plugins::Host;
use crate::plugins::seal::Keys;

const SECRET: &str = "open-sesame";

fn keys(lines: &[&str]) -> Keys {
    Keys::parse(&lines.join("\n")).expect("keys")
}

/// The API with the panel in memory.
fn api(desk: &Desk, keys: Keys) -> InstanceApi {
    InstanceApi { billing: desk.billing.clone().with_plugins(Host::with(&[MEMORY], []), keys) }
}

async fn instance(api: &InstanceApi, desk: &Desk, plugin: &str) -> String {
    let instance = pb::Instance { plugin: plugin.to_owned(), name: fresh_id(), enabled: true, ..Default::default() };
    let request = pb::CreateInstanceRequest { request_id: fresh_id(), instance: Some(instance) };
    ok(api.create_instance(by(&desk.owner, request)).await).instance.expect("made").id
}

fn settings(id: &str, values: &[(&str, Kind)]) -> pb::InstanceSettings {
    let value = |kind: &Kind| Value { kind: Some(kind.clone()) };
    let fields = values.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect();
    pb::InstanceSettings { instance_id: id.to_owned(), settings: Some(Struct { fields }), ..Default::default() }
}

async fn configure(
    api: &InstanceApi,
    desk: &Desk,
    settings: pb::InstanceSettings,
    paths: &[&str],
    secrets: &[(&str, &str)],
) -> Result<Response<pb::ConfigureInstanceResponse>, Status> {
    let request = pb::ConfigureInstanceRequest {
        request_id: fresh_id(),
        settings: Some(settings),
        secrets: secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned())).collect(),
        update_mask: Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
    };
    api.configure_instance(by(&desk.owner, request)).await
}

async fn test(api: &InstanceApi, desk: &Desk, id: &str) -> Result<Response<pb::TestInstanceResponse>, Status> {
    api.test_instance(by(&desk.owner, pb::TestInstanceRequest { instance_id: id.to_owned() })).await
}

/// Everything that the database holds, as text.
async fn everything(desk: &Desk) -> String {
    let mut tx = desk.billing.store.snapshot().await.expect("a snapshot");
    let mut all = String::new();
    for sql in
        ["SELECT secrets FROM instance_settings", "SELECT data FROM events", "SELECT settings FROM instance_settings"]
    {
        let rows: Vec<(String,)> = tx.all(sql, &[]).await.expect("rows");
        all.extend(rows.into_iter().map(|(text,)| text));
    }
    all
}

#[tokio::test]
async fn an_instance_is_set_up_tested_and_read_without_its_secret() {
    for desk in desks().await {
        let api = api(&desk, keys(&[&"ab".repeat(32)]));
        let id = instance(&api, &desk, "memory").await;
        let unset = refused(test(&api, &desk, &id).await);
        assert_eq!(unset, (Code::FailedPrecondition, "INSTANCE_NOT_CONFIGURED".to_owned()));

        let wanted = settings(&id, &[("latency_ms", Kind::NumberValue(1.0))]);
        let set = ok(configure(&api, &desk, wanted, &["settings"], &[("token", SECRET)]).await).settings.expect("set");
        assert_eq!((set.secret_names.as_slice(), set.revision, set.weight), (&["token".to_owned()][..], 1, Some(100)));
        let answer = ok(test(&api, &desk, &id).await);
        assert_eq!((answer.problem, answer.hostname.as_str()), (None, "memory.example"));
        let read = pb::GetInstanceSettingsRequest { instance_id: id.clone() };
        assert_eq!(ok(api.get_instance_settings(by(&desk.owner, read)).await).settings, Some(set));
        let listed = pb::ListInstanceAccountsRequest { instance_id: id.clone(), ..Default::default() };
        assert!(ok(api.list_instance_accounts(by(&desk.owner, listed)).await).accounts.is_empty());

        let all = everything(&desk).await;
        assert!(all.contains("secrets_changed") && !all.contains(&format!("\"{SECRET}\"")), "{all}");
    }
}

#[tokio::test]
async fn what_the_schema_does_not_take_is_refused_with_its_field() {
    for desk in desks().await {
        let api = api(&desk, keys(&[&"ab".repeat(32)]));
        let id = instance(&api, &desk, "memory").await;
        let paths = &["settings"];
        let wrong = settings(&id, &[("latency_ms", Kind::StringValue("fast".to_owned()))]);
        let fields = wrong_fields(configure(&api, &desk, wrong, paths, &[("token", SECRET)]).await);
        assert_eq!(fields, ["settings.settings.latency_ms"]);
        let among = settings(&id, &[("token", Kind::StringValue(SECRET.to_owned()))]);
        assert_eq!(wrong_fields(configure(&api, &desk, among, paths, &[]).await), ["secrets.token"]);
        let unknown = configure(&api, &desk, settings(&id, &[]), &[], &[("pin", "1234")]).await;
        assert_eq!(wrong_fields(unknown), ["settings.settings.pin"]);
        let nothing = configure(&api, &desk, settings(&id, &[]), &[], &[]).await;
        assert_eq!(wrong_fields(nothing), ["update_mask"]);
        let crowd = pb::InstanceSettings { concurrency_max: Some(1_000), ..settings(&id, &[]) };
        let fields = wrong_fields(configure(&api, &desk, crowd, &["concurrency_max"], &[]).await);
        assert_eq!(fields, ["settings.concurrency_max"]);
        let other = instance(&api, &desk, "cobalt").await;
        let missing = refused(configure(&api, &desk, settings(&other, &[]), paths, &[]).await);
        assert_eq!(missing, (Code::FailedPrecondition, "NO_PLUGIN".to_owned()));
    }
}

#[tokio::test]
async fn a_wrong_secret_is_the_panels_problem_and_is_mended_by_a_new_one() {
    for desk in desks().await {
        let api = api(&desk, keys(&[&"ab".repeat(32)]));
        let id = instance(&api, &desk, "memory").await;
        ok(configure(&api, &desk, settings(&id, &[]), &["settings"], &[("token", "guessed")]).await);
        let problem = ok(test(&api, &desk, &id).await).problem.expect("a problem");
        assert_eq!((problem.kind.as_str(), problem.retryable), ("unauthenticated", false));
        ok(configure(&api, &desk, settings(&id, &[]), &[], &[("token", SECRET)]).await);
        assert_eq!(ok(test(&api, &desk, &id).await).problem, None);
    }
}

#[tokio::test]
async fn secrets_need_a_key_and_are_sealed_again_under_a_new_one() {
    for desk in desks().await {
        let (old, new) = ("ab".repeat(32), "cd".repeat(32));
        let keyless = api(&desk, Keys::default());
        let id = instance(&keyless, &desk, "memory").await;
        let refusal =
            refused(configure(&keyless, &desk, settings(&id, &[]), &["settings"], &[("token", SECRET)]).await);
        assert_eq!(refusal, (Code::FailedPrecondition, "NO_SECRET_KEY".to_owned()));

        let before = api(&desk, keys(&[&old]));
        ok(configure(&before, &desk, settings(&id, &[]), &["settings"], &[("token", SECRET)]).await);
        let lost = api(&desk, keys(&[&new]));
        let refusal = refused(test(&lost, &desk, &id).await);
        assert_eq!(refusal, (Code::FailedPrecondition, "SECRET_UNREADABLE".to_owned()));

        let both = api(&desk, keys(&[&new, &old]));
        let reseal = |id: &str| pb::ResealSecretsRequest { request_id: id.to_owned() };
        let done = ok(both.reseal_secrets(by(&desk.owner, reseal("first"))).await);
        assert_eq!((done.resealed_count, done.key_id.len()), (1, 8));
        assert_eq!(ok(both.reseal_secrets(by(&desk.owner, reseal("second"))).await).resealed_count, 0);
        assert_eq!(ok(test(&lost, &desk, &id).await).problem, None, "the old key is no longer needed");
    }
}

#[tokio::test]
async fn a_sealed_secret_does_not_open_at_another_instance() {
    for desk in desks().await {
        let api = api(&desk, keys(&[&"ab".repeat(32)]));
        let (one, other) = (instance(&api, &desk, "memory").await, instance(&api, &desk, "memory").await);
        ok(configure(&api, &desk, settings(&one, &[]), &["settings"], &[("token", SECRET)]).await);
        // Somebody with the database copies the sealed secret.
        let mut unit = desk.billing.begin(desk.owner.seller_id, "thief").await.expect("a unit");
        let id = one.parse().expect("an id");
        let mut stolen =
            store::instance_settings::get(&mut unit, desk.owner.seller_id, id).await.expect("read").expect("set");
        stolen.instance_id = other.parse().expect("an id");
        store::instance_settings::set(&mut unit, &stolen).await.expect("written");
        unit.commit().await.expect("committed");
        let refusal = refused(test(&api, &desk, &other).await);
        assert_eq!(refusal, (Code::FailedPrecondition, "SECRET_UNREADABLE".to_owned()));
    }
}

#[tokio::test]
async fn plugins_are_listed_with_their_settings() {
    let desk = desks().await.remove(0);
    let api = api(&desk, Keys::default());
    let plugins = ok(api.list_plugins(by(&desk.owner, pb::ListPluginsRequest {})).await).plugins;
    let names: BTreeMap<&str, &str> = plugins.iter().map(|one| (one.name.as_str(), one.kind.as_str())).collect();
    assert_eq!(names, BTreeMap::from([("memory", "panel")]));
    assert!(plugins[0].settings_schema.contains("writeOnly"));
}
