//! `create_session` of the operator `server`: sessions that a visitor's browser picks up once.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::events::Occurrence;
use super::filter::added;
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::{ADMIN_LOGIN, State};
use super::xml::Element;
use crate::secret::Secret;

/// So many sessions are remembered.
const SESSIONS_MAX: usize = 1_000;

/// The sessions that were made: who, from where.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<VecDeque<(Secret, String, String)>>);

impl Sessions {
    fn begin(&self, login: &str, address: IpAddr) -> Secret {
        let id = Secret::random();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            sessions.pop_front();
        }
        sessions.push_back((id.clone(), login.to_owned(), address.to_string()));
        id
    }

    /// The login name and the address of a session.
    pub(super) fn find(&self, id: &str) -> Option<(String, String)> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().find(|session| session.0.reveal() == id).map(|(_, login, ip)| (login.clone(), ip.clone()))
    }
}

/// Makes a session for a login name. The visitor's address is base64, and so is the page to return to.
pub(super) fn create(panel: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    added(try_create(panel, state, body))
}

fn try_create(panel: &Panel, state: &State, body: &Element) -> Result<Vec<Element>, Refusal> {
    let missing = |name: &str| Refusal::parse(format!("server.create_session: '{name}' is missing"));
    let login = body.text_of("login").ok_or_else(|| missing("login"))?;
    let data = body.get("data").ok_or_else(|| missing("data"))?;
    data.get("source_server").ok_or_else(|| missing("source_server"))?;
    let address = data.text_of("user_ip").ok_or_else(|| missing("user_ip"))?;
    let address = STANDARD.decode(address).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let address = address.and_then(|text| text.parse().ok());
    let address = address.ok_or_else(|| Refusal::value("The IP address is not valid."))?;
    if login != ADMIN_LOGIN && state.login_is_free(login) {
        return Err(Refusal::not_found("User"));
    }
    Ok(vec![Element::leaf("id", panel.sessions.begin(login, address).reveal())])
}
