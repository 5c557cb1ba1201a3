//! Projects and sub-accounts of customers.

use billet_domain::id::{CustomerId, ProjectId};
use serde_json::json;

use super::BillingError;
use crate::store::project::{self, Project};
use crate::store::{self, Unit};

/// Makes a project of a customer of the unit's seller.
///
/// # Errors
/// [`BillingError::NotFound`] when there is no such customer.
pub async fn create(unit: &mut Unit, customer_id: CustomerId, name: String) -> Result<Project, BillingError> {
    let seller_id = unit.seller_id;
    if store::customer::get(unit, seller_id, customer_id).await?.is_none() {
        return Err(BillingError::not_found("customer", customer_id));
    }
    let project = Project { id: ProjectId(unit.id()?), customer_id, name };
    project::insert(unit, &project).await?;
    unit.event("project.created", project.id, json!({ "customer_id": customer_id, "name": project.name }));
    Ok(project)
}
