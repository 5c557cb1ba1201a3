//! ReportService.

use tonic::{Request, Response, Status};

use super::call::open;
use super::convert;
use crate::billing::Billing;
use crate::billing::trial_balance::{AccountBalance, TrialBalance, trial_balance};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::report_service_server::ReportService;

/// Reports on the ledger.
#[derive(Debug, Clone)]
pub struct ReportApi {
    /// The use cases.
    pub billing: Billing,
}

#[tonic::async_trait]
impl ReportService for ReportApi {
    async fn get_trial_balance(
        &self,
        request: Request<pb::GetTrialBalanceRequest>,
    ) -> Result<Response<pb::GetTrialBalanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let as_of = convert::date_optional("as_of", request.as_of)?;
        let mut tx = self.billing.store.snapshot().await?;
        let TrialBalance { accounts, differences } = trial_balance(&mut tx, caller.seller_id, as_of).await?;
        Ok(Response::new(pb::GetTrialBalanceResponse {
            accounts: accounts.into_iter().map(to_account).collect(),
            differences: differences.into_iter().map(|(currency, minor)| convert::to_money(minor, currency)).collect(),
        }))
    }
}

fn to_account(account: AccountBalance) -> pb::AccountBalance {
    let money = |minor| Some(convert::to_money(minor, account.currency));
    pb::AccountBalance {
        debit: money(account.debit_minor),
        credit: money(account.credit_minor),
        balance: money(account.balance_minor),
        account: account.account,
    }
}
