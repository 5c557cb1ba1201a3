use billet_domain::role::Role;
use tonic::Code;

use super::*;
use crate::billing::seller::found;
use crate::billing::{customer, instance};
use crate::grpc::auth::Caller;
use crate::grpc::testing::{Desk, by, desks, fresh_id, ok, refused, some_seller, start, wrong_fields};
use crate::store::instance::UnknownCustomer;

fn api(desk: &Desk) -> AdminApi {
    AdminApi { billing: desk.billing.clone(), authenticator: desk.authenticator.clone() }
}

fn wanted(roles: &[pb::Role]) -> pb::Token {
    let roles = roles.iter().map(|&role| role.into()).collect();
    pb::Token { name: "Some token".to_owned(), roles, ..pb::Token::default() }
}

fn create(token: pb::Token) -> pb::CreateTokenRequest {
    pb::CreateTokenRequest { request_id: fresh_id(), token: Some(token), seller_id: String::new() }
}

async fn admit(desk: &Desk, secret: &str) -> Result<Caller, (Code, String)> {
    let found = desk.authenticator.admit(Some(&format!("Bearer {secret}")), &Role::ALL).await;
    found.map_err(|status| refused::<()>(Err(status)))
}

async fn reseller(desk: &Desk) -> Caller {
    let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
    let parent = Some(desk.owner.seller_id);
    let (_, owner) = found(&mut unit, parent, some_seller("Reseller Example"), "Rita").await.expect("founded");
    unit.commit().await.expect("committed");
    owner.token.into()
}

async fn panel_of(desk: &Desk, caller: &Caller) -> String {
    let mut unit = desk.billing.begin(caller.seller_id, "test").await.expect("a unit");
    let new = instance::NewInstance {
        plugin: "plesk".to_owned(),
        name: "web-1".to_owned(),
        group: String::new(),
        url: String::new(),
        unknown_customer: UnknownCustomer::Park,
        enabled: true,
    };
    let instance = instance::create(&mut unit, new).await.expect("made");
    unit.commit().await.expect("committed");
    instance.id.to_string()
}

#[tokio::test]
async fn a_token_opens_until_it_is_revoked_or_expires() {
    for desk in desks().await {
        let api = api(&desk);
        let until = start() + chrono::TimeDelta::hours(1);
        let mut token = wanted(&[pb::Role::Support, pb::Role::Auditor, pb::Role::Support]);
        token.expires_at = Some(to_instant(until));
        let request = create(token);
        let made = ok(api.create_token(by(&desk.owner, request.clone())).await);
        assert!(made.secret.starts_with("blt_") && made.secret.len() == 4 + 43, "32 bytes");
        let again = ok(api.create_token(by(&desk.owner, request)).await);
        assert_eq!((again.token, again.secret.as_str()), (made.token.clone(), ""));

        let caller = admit(&desk, &made.secret).await.expect("admitted");
        assert_eq!(caller.roles, [Role::Support, Role::Auditor]);
        let me = ok(api.who_am_i(by(&caller, pb::WhoAmIRequest {})).await);
        assert_eq!((me.token, me.seller_id), (made.token.clone(), desk.owner.seller_id.to_string()));

        let id = made.token.expect("made").id;
        let revoke = pb::RevokeTokenRequest { request_id: fresh_id(), id: id.clone() };
        let revoked = ok(api.revoke_token(by(&desk.owner, revoke)).await).token.expect("revoked");
        assert_eq!(revoked.revoked_at, Some(to_instant(start())));
        assert_eq!(admit(&desk, &made.secret).await, Err((Code::Unauthenticated, "TOKEN_REVOKED".to_owned())));
        let revoke = pb::RevokeTokenRequest { request_id: fresh_id(), id };
        assert_eq!(ok(api.revoke_token(by(&desk.owner, revoke)).await).token, Some(revoked), "it stays so");

        let mut token = wanted(&[pb::Role::Support]);
        token.expires_at = Some(to_instant(until));
        let made = ok(api.create_token(by(&desk.owner, create(token))).await);
        desk.billing.clock.advance(until).expect("ahead");
        assert_eq!(admit(&desk, &made.secret).await, Err((Code::Unauthenticated, "TOKEN_EXPIRED".to_owned())));
        let events = desk.events(&desk.owner).await;
        assert_eq!(events[2..], ["token.created", "token.revoked", "token.created"]);
        let data: Vec<(String,)> = desk.rows("SELECT data FROM events").await;
        assert!(data.iter().all(|(data,)| !data.contains("blt_")), "no secret in the journal");
    }
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    for desk in desks().await {
        let api = api(&desk);
        let rita = reseller(&desk).await;
        let denied = refused(api.create_token(by(&rita, create(wanted(&[pb::Role::Owner])))).await);
        assert_eq!(denied.0, Code::PermissionDenied);
        ok(api.create_token(by(&rita, create(wanted(&[pb::Role::ResellerAdmin])))).await);
        let support = Caller { roles: vec![Role::Support], ..desk.owner.clone() };
        let denied = refused(api.create_token(by(&support, create(wanted(&[pb::Role::Support])))).await);
        assert_eq!(denied.0, Code::PermissionDenied);

        // For a reseller: by its parent, and never with the daemon in hand.
        let for_rita =
            |role| pb::CreateTokenRequest { seller_id: rita.seller_id.to_string(), ..create(wanted(&[role])) };
        let made = ok(api.create_token(by(&desk.owner, for_rita(pb::Role::ResellerAdmin))).await);
        assert_eq!(admit(&desk, &made.secret).await.expect("admitted").seller_id, rita.seller_id);
        let wrong = wrong_fields(api.create_token(by(&desk.owner, for_rita(pb::Role::Owner))).await);
        assert_eq!(wrong, ["token.roles"]);
        let for_operator = pb::CreateTokenRequest {
            seller_id: desk.owner.seller_id.to_string(),
            ..create(wanted(&[pb::Role::Auditor]))
        };
        assert_eq!(refused(api.create_token(by(&rita, for_operator)).await).0, Code::NotFound);
        assert_eq!(desk.events(&rita).await.iter().filter(|kind| *kind == "token.created").count(), 3);
    }
}

#[tokio::test]
async fn a_panel_and_a_customer_are_bound_to_what_is_theirs() {
    for desk in desks().await {
        let api = api(&desk);
        let rita = reseller(&desk).await;
        let instance_id = panel_of(&desk, &rita).await;
        let panel = |instance_id: &str| pb::Token { instance_id: instance_id.to_owned(), ..wanted(&[pb::Role::Panel]) };
        let made = ok(api.create_token(by(&rita, create(panel(&instance_id)))).await);
        let caller = admit(&desk, &made.secret).await.expect("admitted");
        assert_eq!(caller.instance_id.map(|id| id.to_string()), Some(instance_id.clone()));
        let stranger = refused(api.create_token(by(&desk.owner, create(panel(&instance_id)))).await);
        assert_eq!(stranger.0, Code::NotFound, "the instance is another seller's");
        let via_parent =
            pb::CreateTokenRequest { seller_id: rita.seller_id.to_string(), ..create(panel(&instance_id)) };
        ok(api.create_token(by(&desk.owner, via_parent)).await);

        let mut unit = desk.billing.begin(rita.seller_id, "test").await.expect("a unit");
        let mut new = customer::NewCustomer::default();
        new.party.name = "Customer Example".to_owned();
        let customer_id = customer::create(&mut unit, new).await.expect("made").id.to_string();
        unit.commit().await.expect("committed");
        let portal = pb::Token { customer_id: customer_id.clone(), ..wanted(&[pb::Role::Customer]) };
        let made = ok(api.create_token(by(&rita, create(portal.clone()))).await);
        let caller = admit(&desk, &made.secret).await.expect("admitted");
        assert_eq!(caller.customer_id.map(|id| id.to_string()), Some(customer_id));
        assert_eq!(refused(api.create_token(by(&desk.owner, create(portal.clone()))).await).0, Code::NotFound);

        let past = Some(to_instant(start()));
        for (token, fields) in [
            (wanted(&[pb::Role::Panel]), vec!["token.instance_id"]),
            (wanted(&[pb::Role::Customer]), vec!["token.customer_id"]),
            (pb::Token { instance_id, ..wanted(&[pb::Role::Support]) }, vec!["token.instance_id"]),
            (pb::Token { roles: vec![7, 3], ..portal }, vec!["token.roles"]),
            (wanted(&[]), vec!["token.roles"]),
            (pb::Token { roles: vec![3, 99], ..wanted(&[]) }, vec!["token.roles[1]"]),
            (wanted(&[pb::Role::Unspecified]), vec!["token.roles[0]"]),
            (pb::Token { name: String::new(), ..wanted(&[pb::Role::Support]) }, vec!["token.name"]),
            (pb::Token { expires_at: past, ..wanted(&[pb::Role::Support]) }, vec!["token.expires_at"]),
        ] {
            assert_eq!(wrong_fields(api.create_token(by(&rita, create(token))).await), fields);
        }
    }
}

#[tokio::test]
async fn the_last_key_stays_and_strangers_tokens_too() {
    for desk in desks().await {
        let api = api(&desk);
        let rita = reseller(&desk).await;
        let revoke = |caller: &Caller, id: String| {
            let request = by(caller, pb::RevokeTokenRequest { request_id: fresh_id(), id });
            let api = api.clone();
            async move { api.revoke_token(request).await }
        };
        let last = refused(revoke(&desk.owner, desk.owner.token_id.to_string()).await);
        assert_eq!(last, (Code::FailedPrecondition, "LAST_OWNER".to_owned()));
        assert_eq!(refused(revoke(&desk.owner, rita.token_id.to_string()).await).0, Code::NotFound);
        admit(&desk, &desk.secret).await.expect("still works");

        let second = ok(api.create_token(by(&desk.owner, create(wanted(&[pb::Role::Owner])))).await);
        ok(revoke(&desk.owner, desk.owner.token_id.to_string()).await);
        assert_eq!(admit(&desk, &desk.secret).await, Err((Code::Unauthenticated, "TOKEN_REVOKED".to_owned())));
        let owner = admit(&desk, &second.secret).await.expect("admitted");
        let list = |page_token| by(&owner, pb::ListTokensRequest { page_size: 1, page_token });
        let first = ok(api.list_tokens(list(String::new())).await);
        assert!(first.tokens[0].revoked_at.is_some());
        let rest = ok(api.list_tokens(list(first.next_page_token)).await);
        assert_eq!((rest.tokens, rest.next_page_token.as_str()), (vec![second.token.expect("made")], ""));
    }
}

#[tokio::test]
async fn a_simulated_clock_moves_ahead_only() {
    let desks = desks().await;
    let desk = desks.first().expect("SQLite is always there");
    let api = api(desk);
    let clock = ok(api.get_clock(by(&desk.owner, pb::GetClockRequest {})).await);
    assert_eq!((clock.now, clock.simulated), (Some(to_instant(start())), true));
    let to = start() + chrono::TimeDelta::days(1);
    let advance = |to| by(&desk.owner, pb::AdvanceClockRequest { to });
    assert_eq!(ok(api.advance_clock(advance(Some(to_instant(to)))).await).now, Some(to_instant(to)));
    let back = refused(api.advance_clock(advance(Some(to_instant(start())))).await);
    assert_eq!(back, (Code::FailedPrecondition, "CLOCK_ONLY_AHEAD".to_owned()));
    assert_eq!(wrong_fields(api.advance_clock(advance(None)).await), ["to"]);
    let system = Billing::new(desk.billing.store.clone(), crate::billing::Clock::System);
    let system = AdminApi { billing: system, authenticator: desk.authenticator.clone() };
    let refusal = refused(system.advance_clock(advance(Some(to_instant(to)))).await);
    assert_eq!(refusal, (Code::FailedPrecondition, "CLOCK_NOT_SIMULATED".to_owned()));
}
