//! ListAccounts. Plesk has no pages: all names are read each time, in the order of their ids, and the whole of one page.

use billet_plugin::v1::{ListAccountsRequest, ListAccountsResponse, ProblemKind};
use billet_plugin::{Answer, Done};

use crate::Plesk;
use crate::failure::refused;
use crate::packet::{everything, filter};
use crate::webspace::{WHOLE, Webspace};
use crate::work::Time;

const PAGE_SIZE_MAX: usize = 1_000;
/// What a page token begins with; the id of the last account follows.
const TOKEN: &str = "after:";

impl Plesk {
    pub(crate) async fn list(&self, request: ListAccountsRequest) -> Answer<ListAccountsResponse> {
        let size = usize::try_from(request.page_size).unwrap_or(PAGE_SIZE_MAX).clamp(1, PAGE_SIZE_MAX);
        let after = after(&request.page_token);
        let after = after.ok_or_else(|| refused(ProblemKind::Invalid, "the page token is not one of this plugin"))?;
        let mut names = self.webspaces(everything(), &["gen_info"], Time::OPEN).await?;
        if !request.owner.is_empty() {
            let reseller = self.reseller(&request.owner, Time::OPEN).await?;
            let provider = reseller.map(|reseller| reseller.guid).unwrap_or_default();
            let of_reseller = |webspace: &Webspace| !provider.is_empty() && webspace.vendor_guid == provider;
            names.retain(|webspace| webspace.owner_login == request.owner || of_reseller(webspace));
        }
        let mut ids: Vec<u64> = names.iter().filter_map(|webspace| webspace.id.parse().ok()).collect();
        ids.sort_unstable();
        ids.retain(|id| *id > after);
        let more = ids.len() > size;
        ids.truncate(size);
        if ids.is_empty() {
            return Ok(Done::new(ListAccountsResponse::default()));
        }
        let which = filter("id", ids.iter().map(u64::to_string));
        // What was removed in between is left out.
        let mut page = self.webspaces(which, WHOLE, Time::OPEN).await?;
        page.sort_by_key(|webspace| webspace.id.parse::<u64>().unwrap_or(u64::MAX));
        let around = self.around(&page, Time::OPEN).await?;
        let next_page_token = match ids.last() {
            Some(last) if more => format!("{TOKEN}{last}"),
            _ => String::new(),
        };
        Ok(Done::new(ListAccountsResponse {
            accounts: page.iter().map(|webspace| self.described(webspace, &around)).collect(),
            next_page_token,
            ..ListAccountsResponse::default()
        }))
    }
}

fn after(token: &str) -> Option<u64> {
    if token.is_empty() { Some(0) } else { token.strip_prefix(TOKEN)?.parse().ok() }
}
