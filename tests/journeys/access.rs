//! Who may call what: every method with every role, and without a token that counts.

use billet::grpc::access::METHODS;
use billet::proto::billet::v1 as pb;
use billet_domain::role::Role;
use tonic::Code;

use crate::harness::{Billet, instant, on_both};
use crate::panel::Panel;
use crate::refusal::{assert_refused, reason};

fn in_protocol(role: Role) -> pb::Role {
    match role {
        Role::Owner => pb::Role::Owner,
        Role::Accountant => pb::Role::Accountant,
        Role::Support => pb::Role::Support,
        Role::Provisioning => pb::Role::Provisioning,
        Role::ResellerAdmin => pb::Role::ResellerAdmin,
        Role::ResellerSupport => pb::Role::ResellerSupport,
        Role::Customer => pb::Role::Customer,
        Role::Auditor => pb::Role::Auditor,
        Role::Panel => pb::Role::Panel,
    }
}

impl Billet {
    /// A token with a role; bound to the customer or instance where the role needs it.
    pub async fn token_of(&self, role: pb::Role, customer_id: &str, instance_id: &str) -> pb::CreateTokenResponse {
        let only = |wanted, id: &str| if role == wanted { id.to_owned() } else { String::new() };
        let request = pb::CreateTokenRequest {
            request_id: self.request_id(),
            token: Some(pb::Token {
                name: format!("{role:?}"),
                roles: vec![role.into()],
                customer_id: only(pb::Role::Customer, customer_id),
                instance_id: only(pb::Role::Panel, instance_id),
                ..Default::default()
            }),
            seller_id: String::new(),
        };
        self.owner.admin().create_token(request).await.expect("a token").into_inner()
    }
}

#[tokio::test]
async fn every_method_for_every_role() {
    on_both(async |billet| {
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        let mut wrong = Vec::new();
        for role in Role::ALL {
            let made = billet.token_of(in_protocol(role), &acme, &panel.instance_id).await;
            let caller = billet.caller(&made.secret).await;
            for access in METHODS {
                let answer = caller.raw(access.method, Vec::new()).await;
                let code = answer.as_ref().map_or_else(tonic::Status::code, |()| Code::Ok);
                let denied = code == Code::PermissionDenied;
                if let Err(status) = &answer {
                    // Every refusal says why, for programs.
                    let why = reason(status);
                    assert!(!denied || why == "ROLE_MISSING", "{}: {status:?}", access.method);
                }
                let broken = matches!(
                    code,
                    Code::Internal | Code::Unknown | Code::Unimplemented | Code::Unauthenticated | Code::Unavailable
                );
                if broken || denied == access.roles.contains(&role) {
                    wrong.push(format!("{} as {role:?}: {answer:?}", access.method));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn without_a_token_that_counts_nobody_comes_in() {
    on_both(async |mut billet| {
        let nobody = billet.caller("blt_nobody").await;
        for access in METHODS {
            let status = nobody.raw(access.method, Vec::new()).await.expect_err("nobody may");
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "UNKNOWN_TOKEN"));
        }
        let channel = tonic::transport::Channel::from_shared(billet.url().to_owned()).expect("an address");
        let channel = channel.connect().await.expect("the daemon answers");
        let mut bare = pb::admin_service_client::AdminServiceClient::new(channel);
        assert_refused(bare.who_am_i(pb::WhoAmIRequest {}).await, Code::Unauthenticated, "NO_TOKEN");

        // Revoked: with the next call.
        let made = billet.token_of(pb::Role::Auditor, "", "").await;
        let auditor = billet.caller(&made.secret).await;
        let who = auditor.admin().who_am_i(pb::WhoAmIRequest {}).await.expect("it counts").into_inner();
        assert_eq!(who.seller_id, billet.seller_id);
        let id = made.token.expect("a token").id;
        let request = pb::RevokeTokenRequest { request_id: billet.request_id(), id };
        billet.owner.admin().revoke_token(request).await.expect("it is revoked");
        assert_refused(auditor.admin().who_am_i(pb::WhoAmIRequest {}).await, Code::Unauthenticated, "TOKEN_REVOKED");

        // Expired: when the clock says so.
        let request = pb::CreateTokenRequest {
            request_id: billet.request_id(),
            token: Some(pb::Token {
                name: "for a day".to_owned(),
                roles: vec![pb::Role::Auditor.into()],
                expires_at: instant("2027-03-02T08:00:00Z"),
                ..Default::default()
            }),
            seller_id: String::new(),
        };
        let made = billet.owner.admin().create_token(request).await.expect("a token").into_inner();
        let auditor = billet.caller(&made.secret).await;
        auditor.admin().who_am_i(pb::WhoAmIRequest {}).await.expect("it counts");
        billet.advance_to("2027-03-02T08:00:00Z").await;
        assert_refused(auditor.admin().who_am_i(pb::WhoAmIRequest {}).await, Code::Unauthenticated, "TOKEN_EXPIRED");
        // The last owner stays.
        let who = billet.owner.admin().who_am_i(pb::WhoAmIRequest {}).await.expect("the owner").into_inner();
        let request = pb::RevokeTokenRequest { request_id: billet.request_id(), id: who.token.expect("a token").id };
        assert_refused(billet.owner.admin().revoke_token(request).await, Code::FailedPrecondition, "LAST_OWNER");
    })
    .await;
}
