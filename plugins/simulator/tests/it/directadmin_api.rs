//! DirectAdmin's API as a caller sees it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use billet_simulator::{DirectAdmin, DirectAdminOptions};

use crate::raw_http::{Raw, send};

async fn call(server: &DirectAdmin, login: &str, command: &str, form: &str) -> Raw {
    let basic = format!("Basic {}", STANDARD.encode(format!("{login}:{}", server.login_key())));
    let headers = [("Authorization", basic.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    send(&server.url(), "POST", &format!("/CMD_API_{command}"), &headers, form).await.expect("an answer")
}

#[tokio::test]
async fn success_and_refusals_are_urlencoded() {
    let server = DirectAdmin::start(DirectAdminOptions::default()).await.expect("the simulator starts");
    let create = "action=create&add=Submit&username=acme&email=a@b.example&passwd=S3cret&passwd2=S3cret&domain=a.example\
                  &package=default&ip=192.0.2.42&notify=no";
    for (login, command, form, begin) in [
        ("admin", "LOGIN_TEST", "", "error=0&"),
        ("admin", "ACCOUNT_USER", create, "error=0&"),
        ("admin", "ACCOUNT_USER", create, "error=1&text=Cannot+Create+Account&details=That+username+already+exists"),
        (
            "admin",
            "ACCOUNT_USER",
            "action=create&add=Submit",
            "error=1&text=Invalid+request&details=username+is+missing",
        ),
        ("admin", "SHOW_ALL_USERS", "", "list%5B%5D=acme"),
        ("admin|acme", "SHOW_ALL_USERS", "", "error=1&text=You+do+not+have+access"),
        ("admin|acme", "CHANGE_INFO", "evalue=c@d.example&email=Save", "error=0&"),
        ("admin", "SELECT_USERS", "location=CMD_SELECT_USERS&suspend=Suspend&select0=acme", "error=0&"),
        ("admin", "SELECT_USERS", "delete=yes&select0=acme", "error=1&text=Invalid+request&details=confirmed"),
        ("admin", "SHOW_USER_CONFIG", "user=ghost", "error=1&text=Unable+to+show+user"),
        ("admin", "SHOW_USER_CONFIG", "user=acme&colour=red", "error=1&text=Invalid+request"),
        ("admin", "MAKE_COFFEE", "", "error=1&text=Unknown+command"),
    ] {
        let answer = call(&server, login, command, form).await;
        assert_eq!(answer.status, 200, "{command}");
        assert!(answer.body.starts_with(begin), "{command}: {}", answer.body);
    }
    let user = server.user("acme").expect("it exists");
    assert_eq!((user.email.as_str(), user.suspended.as_deref()), ("c@d.example", Some("")));
}

#[tokio::test]
async fn a_wrong_login_is_the_login_page() {
    for (login_page, status) in [(true, 200), (false, 401)] {
        let options = DirectAdminOptions { login_page, ..DirectAdminOptions::default() };
        let server = DirectAdmin::start(options).await.expect("the simulator starts");
        for login in ["root", "admin|nobody", "acme|admin"] {
            let answer = call(&server, login, "LOGIN_TEST", "").await;
            assert_eq!(answer.status, status);
            assert!(answer.body.contains("DirectAdmin Login"), "{}", answer.body);
        }
        assert!(!format!("{server:?}").contains(server.login_key()));
    }
}
