//! Tokens of a browser's session: in a cookie of the APIs, and renewed. Only where they are
//! switched on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::pages::Browser;
use crate::{journey::claims_of, support::*};

const REFRESH: &str = "/authentication/api/v1/refresh";
const RUNTIME: &str = "AltinnStudioRuntime";

/// A person who has logged in, with the cookies that the login set.
struct LoggedIn {
    app: TestApp,
    browser: Browser,
}

impl LoggedIn {
    /// The cookie that the APIs take.
    fn runtime(&self) -> String {
        format!("{RUNTIME}={}", self.cookie(RUNTIME).expect("a token"))
    }

    async fn start(extra: &[(&str, &str)]) -> Self {
        let app = TestApp::with(extra).await;
        let browser = Browser::new();
        browser
            .open_as(
                &format!(
                    "{}/authentication/api/v1/authentication?goto=/accessmanagement/ui/help",
                    app.base
                ),
                who::ODDNY,
            )
            .await;
        Self { app, browser }
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.browser.cookie(&self.app.base, name)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = self
            .app
            .http
            .request(method, format!("{}{path}", self.app.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }
}

fn own_list() -> String {
    format!("/authentication/api/v1/systemuser/{}", who::KERAMIKK_PARTY)
}

#[tokio::test]
async fn cookies_are_neither_set_nor_read_unless_they_are_switched_on() {
    let l = LoggedIn::start(&[]).await;
    assert_eq!((l.cookie(RUNTIME), l.cookie("XSRF-TOKEN")), (None, None));
    let token = l.app.person(who::ODDNY).await;
    for name in [".ALTINNTOKEN", RUNTIME] {
        assert_eq!(
            l.call(
                Method::GET,
                &own_list(),
                &[("cookie", &format!("{name}={token}"))],
                None
            )
            .await
            .status,
            401
        );
    }
    let off = l
        .call(
            Method::GET,
            REFRESH,
            &[("authorization", &format!("Bearer {token}"))],
            None,
        )
        .await
        .expect(404);
    assert_eq!(
        off.header("content-type"),
        "application/problem+json; charset=utf-8"
    );
}

#[tokio::test]
async fn the_token_of_a_login_says_who_logged_in_how_and_for_how_long() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let claims = claims_of(&l.cookie(RUNTIME).expect("a token"));
    assert_eq!(
        (
            &claims["urn:systembruker:src"],
            &claims["urn:altinn:authlevel"],
            &claims["acr"]
        ),
        (
            &json!("session"),
            &json!(3),
            &json!("idporten-loa-substantial")
        )
    );
    assert_eq!(
        (&claims["amr"], &claims["urn:altinn:authenticatemethod"]),
        (&json!(["TestID"]), &json!("TestID"))
    );
    assert_eq!(
        claims["sub"],
        format!(
            "urn:altinn:party:uuid:{}",
            claims["urn:altinn:party:uuid"].as_str().unwrap()
        )
    );
    assert_eq!(
        claims["scope"],
        "openid digdir:dialogporten.noconsent altinn:portal/enduser altinn:instances.read"
    );
    assert!(
        claims.get("pid").is_none()
            && claims["exp"].as_i64().unwrap() <= claims["iat"].as_i64().unwrap() + 1_800
    );
}

#[tokio::test]
async fn the_apis_take_the_token_of_a_login_from_its_cookie_in_the_order_of_altinn() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let cookie = format!("{RUNTIME}={token}");
    l.call(Method::GET, &own_list(), &[("cookie", &cookie)], None)
        .await
        .expect(200);
    l.call(
        Method::GET,
        &own_list(),
        &[("cookie", &format!("{RUNTIME}=x; .ALTINNTOKEN={token}"))],
        None,
    )
    .await
    .expect(200);
    l.call(
        Method::GET,
        &own_list(),
        &[("cookie", &format!(".ALTINNTOKEN=x; {cookie}"))],
        None,
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn a_header_is_the_only_credential_of_a_request_that_has_one() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let cookie = l.runtime();
    l.call(
        Method::GET,
        &own_list(),
        &[("cookie", &cookie), ("authorization", "Bearer x")],
        None,
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn the_cookie_of_the_session_itself_is_none_of_the_apis() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let session = l.cookie("sb_session").unwrap();
    l.call(
        Method::GET,
        &own_list(),
        &[("cookie", &format!("sb_session={session}"))],
        None,
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn the_back_end_of_the_portal_takes_no_cookie_of_a_login() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let cookie = l.runtime();
    let portal = format!(
        "/accessmanagement/api/v1/systemuser/{}",
        who::KERAMIKK_PARTY
    );
    l.call(Method::GET, &portal, &[("cookie", &cookie)], None)
        .await
        .expect(401);
}

#[tokio::test]
async fn the_token_of_an_organization_is_no_persons_in_a_cookie() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let vendor = l.app.vendor(who::FJORDLONN).await;
    let create = "/authentication/api/v1/systemuser/request/vendor";
    let body = request_body(who::KERAMIKK, &["a-ordning"]);
    l.call(
        Method::POST,
        create,
        &[("cookie", &format!("{RUNTIME}={vendor}"))],
        Some(body),
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn a_request_belongs_to_the_caller_of_its_header_and_not_of_its_cookie() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let vendor = l.app.vendor(who::FJORDLONN).await;
    let create = "/authentication/api/v1/systemuser/request/vendor";
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["systemId"] = json!("390184387_skyregnskap");
    let bearer = format!("Bearer {vendor}");
    let foreign = l.app.vendor(who::SKYREGNSKAP).await;
    let mixed = [
        ("authorization", bearer.as_str()),
        ("cookie", &format!("{RUNTIME}={foreign}")),
    ];
    let answer = l.call(Method::POST, create, &mixed, Some(body)).await;
    assert_eq!(answer.code(), "AUTH-00011", "another vendor's system");
}

/// A request to Keramikk; its id and the path that approves it.
async fn asked(l: &LoggedIn) -> (String, String) {
    let id = l.app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let approve = format!(
        "/authentication/api/v1/systemuser/request/{}/{id}/approve",
        who::KERAMIKK_PARTY
    );
    (id, approve)
}

#[tokio::test]
async fn a_change_by_the_cookie_of_a_login_without_proof_from_the_own_pages_is_refused() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let cookie = l.runtime();
    let proof = l.cookie("XSRF-TOKEN").expect("a proof");
    let (id, approve) = asked(&l).await;
    let other = LoggedIn::start(&[("compat.runtime_cookie", "true")])
        .await
        .cookie("XSRF-TOKEN")
        .unwrap();
    for headers in [
        vec![],
        vec![("x-xsrf-token", "x")],
        vec![("x-xsrf-token", other.as_str())],
        vec![("x-xsrf-token", proof.as_str()), ("origin", "null")],
        vec![
            ("x-xsrf-token", proof.as_str()),
            ("origin", "https://evil.example"),
        ],
        vec![
            ("x-xsrf-token", proof.as_str()),
            ("sec-fetch-site", "same-site"),
        ],
    ] {
        let all: Vec<(&str, &str)> = headers
            .iter()
            .copied()
            .chain([("cookie", cookie.as_str())])
            .collect();
        l.call(Method::POST, &approve, &all, None).await.expect(403);
    }
    assert_eq!(l.app.status_of_request(&id).await, "New");
}

#[tokio::test]
async fn a_token_that_is_no_sessions_proves_nothing() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let proof = l.cookie("XSRF-TOKEN").expect("a proof");
    let (_, approve) = asked(&l).await;
    let generated = l.app.person(who::ODDNY).await;
    let lonely = format!("{RUNTIME}={generated}");
    l.call(Method::GET, &own_list(), &[("cookie", &lonely)], None)
        .await
        .expect(200);
    l.call(
        Method::POST,
        &approve,
        &[("cookie", &lonely), ("x-xsrf-token", &proof)],
        None,
    )
    .await
    .expect(403);
}

#[tokio::test]
async fn a_change_by_the_cookie_of_a_login_with_proof_is_made() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let cookie = l.runtime();
    let proof = l.cookie("XSRF-TOKEN").expect("a proof");
    let (_, approve) = asked(&l).await;
    let origin = l.app.base.clone();
    let proven = [
        ("cookie", cookie.as_str()),
        ("x-xsrf-token", &proof),
        ("origin", &origin),
        ("sec-fetch-site", "same-origin"),
    ];
    l.call(Method::POST, &approve, &proven, None)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_token_is_renewed_while_its_session_is_valid() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let bearer = format!("Bearer {token}");
    l.app.clock.shift(60);
    let renewed = l
        .call(Method::GET, REFRESH, &[("authorization", &bearer)], None)
        .await
        .expect(200);
    assert_eq!(
        (renewed.header("content-type"), renewed.header("set-cookie")),
        ("text/plain; charset=utf-8", "")
    );
    let (old, new) = (claims_of(&token), claims_of(&renewed.text));
    assert_eq!(old["sid"], new["sid"]);
    assert!(new["exp"].as_i64() > old["exp"].as_i64() && new.get("pid").is_none());
    l.call(
        Method::GET,
        &own_list(),
        &[("authorization", &format!("Bearer {}", renewed.text))],
        None,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn a_token_is_renewed_as_json_for_who_asks_for_it() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let bearer = format!("Bearer {token}");
    let json = l
        .call(
            Method::GET,
            &format!("{REFRESH}?enrichPid=true"),
            &[("authorization", &bearer), ("accept", "application/json")],
            None,
        )
        .await;
    assert!(json.expect(200).json().is_string());
}

#[tokio::test]
async fn a_token_that_is_renewed_by_cookie_is_set_anew_out_of_the_reach_of_scripts() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let by_cookie = l
        .call(
            Method::GET,
            REFRESH,
            &[("cookie", &format!("{RUNTIME}={token}"))],
            None,
        )
        .await
        .expect(200);
    // Two cookies, in no order: the token out of the reach of scripts, and the proof within it.
    let set: Vec<&str> = by_cookie
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|v| v.to_str().unwrap())
        .collect();
    assert_eq!(set.len(), 2);
    assert!(set.iter().any(|cookie| cookie.starts_with(&format!("{RUNTIME}=")) && cookie.contains("HttpOnly")), "{set:?}");
    assert!(
        set.iter()
            .any(|cookie| cookie.starts_with("XSRF-TOKEN=") && !cookie.contains("HttpOnly")),
        "{set:?}"
    );
}

#[tokio::test]
async fn the_other_apis_take_no_cookie_where_only_renewing_does() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    l.call(
        Method::GET,
        &own_list(),
        &[("cookie", &format!("{RUNTIME}={token}"))],
        None,
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn a_token_of_another_origin_than_a_login_is_not_renewed() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    for other in [
        l.app.person(who::ODDNY).await,
        l.app.vendor(who::FJORDLONN).await,
        "x".to_owned(),
    ] {
        let refused = l
            .call(
                Method::GET,
                REFRESH,
                &[("authorization", &format!("Bearer {other}"))],
                None,
            )
            .await
            .expect(401);
        assert_eq!(refused.json()["title"], "Unauthorized");
    }
    l.call(Method::GET, REFRESH, &[], None).await.expect(401);
}

#[tokio::test]
async fn a_token_is_not_renewed_beyond_the_end_of_its_session() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let bearer = format!("Bearer {token}");
    l.app.shorten_sessions(5).await;
    let short = l
        .call(Method::GET, REFRESH, &[("authorization", &bearer)], None)
        .await
        .expect(200)
        .text;
    assert!(
        claims_of(&short)["exp"].as_i64().unwrap() - claims_of(&short)["iat"].as_i64().unwrap()
            <= 300
    );
}

#[tokio::test]
async fn a_token_is_not_renewed_after_its_session_ended() {
    let l = LoggedIn::start(&[("compat.refresh", "true")]).await;
    let token = l.cookie(RUNTIME).expect("a token");
    let bearer = format!("Bearer {token}");
    l.app.end_browser_sessions().await;
    for path in [REFRESH.to_owned(), own_list()] {
        l.call(Method::GET, &path, &[("authorization", &bearer)], None)
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn a_log_out_takes_the_cookies_with_it() {
    let l = LoggedIn::start(&[("compat.runtime_cookie", "true")]).await;
    let token = l.cookie(RUNTIME).unwrap();
    l.browser
        .open(&format!("{}/authentication/api/v1/logout", l.app.base))
        .await;
    assert_eq!(
        (
            l.cookie(RUNTIME),
            l.cookie("XSRF-TOKEN"),
            l.cookie("sb_session")
        ),
        (None, None, None)
    );
    l.call(
        Method::GET,
        &own_list(),
        &[("authorization", &format!("Bearer {token}"))],
        None,
    )
    .await
    .expect(401);
}
