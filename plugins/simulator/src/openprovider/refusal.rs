//! How the API says no: HTTP 500, or 401 for the login, with a number, words, and sometimes the registry's words.

/// A refusal.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) desc: String,
    pub(super) data: String,
}

impl Refusal {
    fn new(code: i64, desc: &str) -> Self {
        Self { status: 500, code, desc: desc.to_owned(), data: String::new() }
    }

    pub(super) fn unauthenticated() -> Self {
        Self { status: 401, ..Self::new(196, "Authentication/Authorization Failed") }
    }

    /// A guess: the real API's number for a request that is not as documented is not known.
    pub(super) fn undocumented(what: &str) -> Self {
        Self { status: 400, ..Self::new(2, &format!("the contract does not have it: {what}")) }
    }

    pub(super) fn no_domain() -> Self {
        Self::new(320, "The domain is not in your account; please transfer it to your account first.")
    }

    pub(super) fn duplicate() -> Self {
        Self::new(346, "Duplicate domain.")
    }

    pub(super) fn wrong_extension() -> Self {
        Self::new(307, "Your domain request contains an invalid extension!")
    }

    pub(super) fn wrong_period() -> Self {
        Self::new(316, "Invalid period!")
    }

    pub(super) fn wrong_auth_code() -> Self {
        Self::new(358, "Authorization code is invalid")
    }

    pub(super) fn wrong_state() -> Self {
        Self::new(366, "The action is prohibited for current domain status")
    }

    pub(super) fn no_name_servers() -> Self {
        Self::new(223, "You must specify nameservers")
    }

    pub(super) fn no_handle(handle: &str) -> Self {
        Self::new(193, &format!("The handle {handle} does not exist"))
    }

    pub(super) fn premium(fee: &str) -> Self {
        let desc = "You are about to register the premium domain. If you accept this registration fee, re-send the request \
                    with accept_premium_fee:<br>";
        Self { data: fee.to_owned(), ..Self::new(379, desc) }
    }

    /// A guess: the number is not known; 9xx are payments.
    pub(super) fn balance() -> Self {
        Self::new(900, "Your account balance is insufficient for this operation")
    }

    pub(super) fn no_zone() -> Self {
        Self::new(872, "The domain is not in your DNS account")
    }

    pub(super) fn wrong_record(why: &str) -> Self {
        Self::new(18_002, why)
    }

    pub(super) fn registry(words: &str) -> Self {
        Self { data: words.to_owned(), ..Self::new(399, "Registry error") }
    }

    /// A guess at the number.
    pub(super) fn name_server(words: &str) -> Self {
        Self::new(250, words)
    }
}
