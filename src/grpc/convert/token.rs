//! Tokens between the protocol and the domain.

use billet_domain::role::Role;

use super::{instant_optional, parse_optional, required, to_instant};
use crate::billing::BillingError;
use crate::billing::token::NewToken;
use crate::proto::billet::v1 as pb;
use crate::store::token::Token;

/// What a token is to be.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `token`.
pub fn new_token(given: &pb::Token) -> Result<NewToken, BillingError> {
    let roles = given.roles.iter().enumerate().map(|(index, role)| {
        let role = pb::Role::try_from(*role).ok().and_then(role_of);
        role.ok_or_else(|| BillingError::invalid(format!("token.roles[{index}]"), "no such role"))
    });
    Ok(NewToken {
        name: required("token.name", &given.name, 200)?,
        roles: roles.collect::<Result<_, _>>()?,
        instance_id: parse_optional("token.instance_id", &given.instance_id)?,
        customer_id: parse_optional("token.customer_id", &given.customer_id)?,
        expires_at: instant_optional("token.expires_at", given.expires_at)?,
    })
}

fn role_of(role: pb::Role) -> Option<Role> {
    Role::ALL.into_iter().find(|known| to_role(*known) == role)
}

/// A role for the protocol.
#[must_use]
pub fn to_role(role: Role) -> pb::Role {
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

/// A token for the protocol.
#[must_use]
pub fn to_token(token: Token) -> pb::Token {
    pb::Token {
        id: token.id.to_string(),
        name: token.name,
        roles: token.roles.into_iter().map(|role| to_role(role).into()).collect(),
        instance_id: token.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        customer_id: token.customer_id.map(|id| id.to_string()).unwrap_or_default(),
        expires_at: token.expires_at.map(to_instant),
        revoked_at: token.revoked_at.map(to_instant),
        created_at: Some(to_instant(token.created_at)),
    }
}
