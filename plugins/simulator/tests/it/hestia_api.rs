//! HestiaCP's API as a caller sees it.

use billet_simulator::{Hestia, HestiaOptions};

use crate::raw_http::{Raw, send};

const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

async fn call(server: &Hestia, form: &str) -> Raw {
    let keys = format!("access_key={}&secret_key={}", server.access_key(), server.secret_key());
    send(&server.url(), "POST", "/api/", &FORM, &format!("{keys}&{form}")).await.expect("an answer")
}

#[tokio::test]
async fn both_shapes_of_answers() {
    let server = Hestia::start(HestiaOptions::default()).await.expect("the simulator starts");
    let add = "cmd=v-add-user&arg1=acme&arg2=S3cret-pw&arg3=a@b.example";
    let made = call(&server, &format!("{add}&returncode=yes")).await;
    assert_eq!((made.status, made.body.as_str()), (200, "0"));
    let again = call(&server, &format!("{add}&returncode=yes")).await;
    assert_eq!((again.status, again.body.as_str()), (200, "4"));
    let again = call(&server, &format!("{add}&returncode=no")).await;
    assert_eq!((again.status, again.body.as_str()), (400, "Error: user acme exists"));
    let suspended = call(&server, "cmd=v-suspend-user&arg1=acme").await;
    assert_eq!((suspended.status, suspended.body.as_str()), (204, ""));
    let listed = call(&server, "cmd=v-list-user&arg1=acme&arg2=json").await;
    assert!(listed.body.contains("\"SUSPENDED\": \"yes\"") && !listed.body.contains("S3cret-pw"), "{}", listed.body);
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let permitted = vec!["v-list-users".to_owned(), "v-add-user".to_owned()];
    let server = Hestia::start(HestiaOptions { permitted, ..HestiaOptions::default() }).await.expect("it starts");
    for (form, status, words) in [
        ("cmd=v-add-user&arg1=acme", 400, "Error: Usage: v-add-user"),
        ("cmd=v-delete-user&arg1=acme", 401, "Error: Key don't have permission"),
        ("cmd=v-no-such-command", 401, "Error: Key don't have permission"),
        ("cmd=v-list-users&arg1=json&colour=red", 422, "Error: the simulator knows no parameter colour"),
        ("arg1=json", 422, "Error: Command not provided"),
        ("cmd=v-add-user&arg1=9bad&arg2=S3cret-pw&arg3=a@b.example", 422, "Error: invalid user format"),
        (
            "cmd=v-add-user&arg1=acme&arg2=S3cret-pw&arg3=a@b.example&arg4=none",
            400,
            "Error: package none doesn't exist",
        ),
    ] {
        let answer = call(&server, form).await;
        assert_eq!(answer.status, status, "{form}: {}", answer.body);
        assert!(answer.body.starts_with(words), "{form}: {}", answer.body);
    }
    let denied = send(&server.url(), "POST", "/api/", &FORM, "cmd=v-list-users&hash=A:B&returncode=yes").await;
    let denied = denied.expect("an answer");
    assert_eq!((denied.status, denied.body.as_str()), (401, "9"));
    let page = send(&server.url(), "GET", "/login/", &[], "").await.expect("an answer");
    assert!(page.body.contains("Hestia Control Panel"));
    assert!(!format!("{server:?}").contains(server.secret_key()));
}
