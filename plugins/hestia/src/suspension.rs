//! Suspending and lifting it. HestiaCP keeps neither a reason nor who it was: whose suspension it is, only the host's own
//! record can tell.

use billet_plugin::v1::{
    ProblemKind, SuspendAccountRequest, SuspendAccountResponse, UnsuspendAccountRequest, UnsuspendAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::suspension;
use crate::failure::{is_suspended, refused};
use crate::naming;
use crate::panel::Hestia;

impl Hestia {
    pub(crate) async fn suspend(&self, request: &SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        naming::existing(name)?;
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("v-suspend-user", &[name], &[], time).await;
        let response = SuspendAccountResponse { outcome: None, suspension: Some(suspension()) };
        match changed {
            Err(failure) if is_suspended(&failure) => Ok(Done::already(response)),
            Err(failure @ Failure::Unknown(_)) => {
                let seen = self.row(name, &work).await.is_ok_and(|row| row.is_suspended());
                if seen { Ok(Done::new(response)) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
            Ok(()) => match self.row(name, &work).await {
                Ok(row) if row.is_suspended() => Ok(Done::new(response)),
                // The administrator is passed over with exit code 0.
                Ok(_) => Err(refused(ProblemKind::State, format!("HestiaCP does not suspend user {name}"))),
                Err(_) => Ok(Done::new(response).with_warnings(vec!["it could not be read back".to_owned()])),
            },
        }
    }

    pub(crate) async fn unsuspend(&self, request: &UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        let response = UnsuspendAccountResponse::default();
        // Lifting it twice is exit code 0 both times, so look first.
        if !self.row(name, &work).await?.is_suspended() {
            return Ok(Done::already(response));
        }
        let time = work.change(self.manner.time_slow_max)?;
        match self.client.change("v-unsuspend-user", &[name], &[], time).await {
            Ok(()) => Ok(Done::new(response)),
            Err(failure @ Failure::Unknown(_)) => {
                let lifted = self.row(name, &work).await.is_ok_and(|row| !row.is_suspended());
                if lifted { Ok(Done::new(response)) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }
}
