//! Making access tokens and taking them out of use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use billet_domain::id::{CustomerId, InstanceId, SellerId, TokenId};
use billet_domain::journal::sha256_hex;
use billet_domain::role::Role;
use chrono::{DateTime, Utc};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde_json::{Value, json};

use super::check::Check;
use super::{BillingError, seller};
use crate::store::token::{self, Token};
use crate::store::{self, Event, Unit};

/// What secrets begin with, so that they are recognised where they should not be (in a log, in a repository).
pub const SECRET_PREFIX: &str = "blt_";
/// How many random bytes a secret has.
const SECRET_BYTES: usize = 32;

/// What a token is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewToken {
    /// For people.
    pub name: String,
    /// What it may do, one at least.
    pub roles: Vec<Role>,
    /// Bound to this instance: for the role panel, and only for it.
    pub instance_id: Option<InstanceId>,
    /// Bound to this customer: for the role customer, and only for it.
    pub customer_id: Option<CustomerId>,
    /// When it stops working; never when none.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewToken {
    fn check(&self, now: DateTime<Utc>) -> Result<(), BillingError> {
        let mut check = Check::default();
        check.that(!self.name.trim().is_empty(), "token.name", "is required");
        check.that(!self.roles.is_empty(), "token.roles", "one role is needed at least");
        let bound = [
            (Role::Panel, self.instance_id.is_some(), "panel", "instance_id"),
            (Role::Customer, self.customer_id.is_some(), "customer", "customer_id"),
        ];
        for (role, is_bound, name, field) in bound {
            let wanted = self.roles.contains(&role);
            let field = format!("token.{field}");
            check.that(!wanted || is_bound, field.as_str(), format!("is needed for the role {name}"));
            check.that(wanted || !is_bound, field, format!("goes with the role {name} only"));
            check.that(!wanted || self.roles.len() == 1, "token.roles", format!("the role {name} stands alone"));
        }
        check.that(self.expires_at.is_none_or(|at| at > now), "token.expires_at", "must be in the future");
        check.done()
    }
}

/// Makes a token for the unit's seller or one of its direct resellers. `granter` has the roles of who asks.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `token`; [`BillingError::Denied`] for a role that the granter may not
/// give; [`BillingError::NotFound`] for a seller, instance or customer that is not theirs.
pub async fn create(
    unit: &mut Unit,
    granter: &[Role],
    for_seller: Option<SellerId>,
    mut new: NewToken,
) -> Result<(Token, String), BillingError> {
    new.roles.sort_unstable();
    new.roles.dedup();
    new.check(unit.now)?;
    if let Some(role) = new.roles.iter().find(|role| !granter.iter().any(|granter| granter.may_grant(**role))) {
        return Err(BillingError::Denied { detail: format!("nobody gives more than they have: {}", json!(role)) });
    }
    let own = unit.seller_id;
    let seller_id = for_seller.unwrap_or(own);
    let seller = store::seller::get(unit, seller_id)
        .await?
        .filter(|seller| seller.id == own || seller.parent_id == Some(own))
        .ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    if seller.parent_id.is_some() && new.roles.contains(&Role::Owner) {
        let problem = "owner is for the operator, who looks after the daemon; a reseller's owner has reseller_admin";
        return Err(BillingError::invalid("token.roles", problem));
    }
    if let Some(id) = new.instance_id
        && store::instance::get(unit, seller_id, id).await?.is_none()
    {
        return Err(BillingError::not_found("instance", id));
    }
    if let Some(id) = new.customer_id
        && store::customer::get(unit, seller_id, id).await?.is_none()
    {
        return Err(BillingError::not_found("customer", id));
    }
    issue(unit, seller_id, new).await
}

/// Makes a token without asking who may.
pub(super) async fn issue(
    unit: &mut Unit,
    seller_id: SellerId,
    new: NewToken,
) -> Result<(Token, String), BillingError> {
    let NewToken { name, roles, instance_id, customer_id, expires_at } = new;
    let id = TokenId(unit.id()?);
    let created_at = unit.now;
    let token =
        Token { seller_id, id, name, roles, instance_id, customer_id, expires_at, revoked_at: None, created_at };
    let secret = secret()?;
    token::insert(unit, &token, &sha256_hex(secret.as_bytes())).await?;
    let data = journaled(&token);
    if seller_id != unit.seller_id {
        // In both journals: who gave it away, and whose doors it opens.
        unit.event("token.created", id, data.clone());
    }
    unit.event_of(Event { seller_id, kind: "token.created", subject: id.to_string(), reason: String::new(), data });
    Ok((token, secret))
}

fn secret() -> Result<String, BillingError> {
    let mut bytes = [0; SECRET_BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
        let detail = format!("the system gives no random numbers: {error}");
        BillingError::precondition("NO_RANDOMNESS", "system", detail)
    })?;
    Ok(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Takes a token of the unit's seller out of use; one that is out of use stays so. The last token that could make others
/// stays, or nobody could come in any more.
///
/// # Errors
/// [`BillingError::NotFound`], `LAST_OWNER`.
pub async fn revoke(unit: &mut Unit, id: TokenId) -> Result<Token, BillingError> {
    let now = unit.now;
    // Two owners cannot lock each other out at the same moment.
    let seller = seller::locked(unit).await?;
    let mut found = token::get(unit, seller.id, id).await?.ok_or_else(|| BillingError::not_found("token", id))?;
    if found.revoked_at.is_some() {
        return Ok(found);
    }
    let makes_tokens = found.roles.iter().any(|role| matches!(role, Role::Owner | Role::ResellerAdmin));
    if makes_tokens && token::other_keepers(unit, seller.id, id, now).await? == 0 {
        let detail = "this is the last token that can make others: make another owner's first";
        return Err(BillingError::precondition("LAST_OWNER", id, detail));
    }
    token::revoke(unit, id).await?;
    found.revoked_at = Some(now);
    unit.event("token.revoked", id, json!({ "name": found.name }));
    Ok(found)
}

fn journaled(token: &Token) -> Value {
    json!({
        "seller_id": token.seller_id,
        "name": token.name,
        "roles": token.roles,
        "instance_id": token.instance_id,
        "customer_id": token.customer_id,
        "expires_at": token.expires_at,
    })
}
