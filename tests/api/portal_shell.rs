//! A built front end in place of our own pages: its shell, its files, the cookies of its browser, and
//! what its back end takes from them.

use std::path::{Path, PathBuf};

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{pages::Browser, support::*};

/// A proof that is sent, and further headers.
type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)]);

const UI: &str = "/accessmanagement/ui";
const API: &str = "/accessmanagement/api/v1";

/// A front end of our own, small, as a build tool writes one.
struct BuiltFrontEnd(PathBuf);

impl BuiltFrontEnd {
    fn new() -> Self {
        let name = format!("systembruker-front-end-{}", uuid::Uuid::new_v4());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        let built = Self(folder);
        built.write(
            "assets/accessmanagement.js",
            "go('https://platform.altinn.no/authentication/api/v1/logout','https://am.ui.altinn.no/accessmanagement/ui','https://info.altinn.no/')",
        );
        built.write("assets/accessmanagement.css", "body{margin:0}");
        built.write("assets/mark-A1b2C3d4.svg", "<svg/>");
        built.write("assets/plain.svg", "<svg/>");
        built.write("secret.txt", "not below assets");
        built
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for BuiltFrontEnd {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The application with a front end, and a browser.
struct Portal {
    app: TestApp,
    browser: Browser,
    _built: BuiltFrontEnd,
}

impl Portal {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(extra: &[(&str, &str)]) -> Self {
        let built = BuiltFrontEnd::new();
        let folder = built.path().display().to_string();
        let mut settings = vec![("portal.dist_dir", folder.as_str())];
        settings.extend_from_slice(extra);
        Self {
            app: TestApp::with(&settings).await,
            browser: Browser::new(),
            _built: built,
        }
    }

    /// With a person who is logged in and sees the shell.
    async fn of(person: &str) -> Self {
        let portal = Self::start().await;
        portal.log_in(person).await;
        portal
    }

    async fn log_in(&self, person: &str) {
        let address = self.address(&format!("{UI}/systemuser/overview"));
        let page = self.browser.open_as(&address, person).await;
        page.expect(200, "<div id=\"root\">");
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.app.base)
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.browser.http.get(self.address(path));
        request.send().await.unwrap()
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.browser.cookie(&self.app.base, name)
    }

    /// A call of a script of the front end that changes something.
    async fn write(&self, path: &str, proof: Option<&str>, headers: &[(&str, &str)]) -> Response {
        let request = self.browser.http.request(Method::PUT, self.address(path));
        let mut request = request.json(&json!(true));
        for (name, value) in proof
            .map(|proof| ("x-xsrf-token", proof))
            .iter()
            .chain(headers)
        {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn uuid_of_oddny(&self) -> String {
        let profile: Value = self
            .get(&format!("{API}/user/profile"))
            .await
            .json()
            .await
            .unwrap();
        profile["userUuid"].as_str().unwrap().to_owned()
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
}

const SHOW_DELETED: &str = "/accessmanagement/api/v1/user/profile/settingspreferences/showdeleted";

#[tokio::test]
async fn every_page_of_the_front_end_is_the_shell() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    for path in [
        "/accessmanagement",
        "/accessmanagement/",
        UI,
        "/accessmanagement/ui/systemuser/create",
        "/accessmanagement/ui/systemuser/request?id=x",
        "/accessmanagement/ui/no/such/page",
    ] {
        let response = portal.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        let policy = header(&response, "content-security-policy");
        let text = response.text().await.unwrap();
        let nonce = text.split_once("<script nonce=\"").expect(path).1;
        let nonce = nonce.split('"').next().unwrap();
        assert!(nonce.len() >= 16, "{path}");
        for part in [
            &format!("script-src 'self' 'nonce-{nonce}';"),
            "img-src 'self' data:;",
            "connect-src 'self';",
            "form-action 'self';",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(
            text.contains("window.featureFlags = {\"displayPopular"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_nonce_is_used_once() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let policy = async || header(&portal.get(UI).await, "content-security-policy");
    assert_ne!(policy().await, policy().await);
}

#[tokio::test]
async fn our_own_pages_stay_with_the_front_end() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    for path in ["help", "privacy", "accessibility", "loggedout"] {
        let response = portal.get(&format!("{UI}/{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(
            !response.text().await.unwrap().contains("id=\"root\""),
            "{path}"
        );
    }
    for path in ["party", "session/extend"] {
        assert_eq!(
            portal.get(&format!("{UI}/{path}")).await.status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_login_comes_back_to_the_whole_address() {
    let portal = Portal::start().await;
    for (path, query) in [
        ("/systemuser/overview", "?openAccountMenu=true"),
        ("/systemuser/create?a=%2Fb", "&openAccountMenu=true"),
        (
            "/systemuser/request?id=x&skiplogout=true&backtopage=%2Fsystemuser%2Foverview",
            "",
        ),
        ("/systemuser/agentrequest?id=x", ""),
        ("/systemuser/changerequest?id=x", ""),
    ] {
        let response = portal.get(&format!("{UI}{path}")).await;
        assert_eq!(response.status(), 302, "{path}");
        let goto = portal.address(&format!("{UI}{path}{query}"));
        let encoded: String = url::form_urlencoded::byte_serialize(goto.as_bytes()).collect();
        assert_eq!(
            header(&response, "location"),
            format!("/authentication/api/v1/authentication?goto={encoded}"),
        );
    }
}

#[tokio::test]
async fn the_shell_sets_the_cookies_that_scripts_read() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let response = portal.get(UI).await;
    let set: Vec<&str> = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let uuid = portal.uuid_of_oddny().await;
    let of = |name: &str| *set.iter().find(|c| c.starts_with(name)).expect(name);
    assert_eq!(
        of("AltinnPartyUuid="),
        format!("AltinnPartyUuid={uuid}; SameSite=Lax; Path=/")
    );
    assert!(of("AltinnPartyId=").ends_with("; SameSite=Lax; Path=/"));
    assert!(of("XSRF-TOKEN=").ends_with("; SameSite=Strict; Path=/"));
    assert!(!set.iter().any(|c| c.contains('%')));
    assert_eq!(portal.cookie("selectedLanguage").as_deref(), Some("no_nb"));
}

#[tokio::test]
async fn the_shell_has_the_language_that_its_person_has_chosen() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let session = portal.cookie("sb_session").unwrap();
    let oddny = portal.app.person(who::ODDNY).await;
    let path = format!("{API}/settings/language/selectedLanguage");
    let chosen = portal
        .app
        .post(&path, &oddny, json!({"languageCode": "no_nn"}))
        .await;
    chosen.expect(200);
    let request = portal.app.http.get(portal.address(UI));
    let request = request.header("cookie", format!("sb_session={session}"));
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("<html lang=\"nn\">"), "{text}");
}

#[tokio::test]
async fn the_page_of_a_request_acts_for_its_party() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let id = portal.app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    portal
        .get(&format!("{UI}/systemuser/request?id={id}"))
        .await;
    let keramikk = portal.app.uuid_of(who::KERAMIKK).await;
    assert_eq!(portal.cookie("AltinnPartyUuid"), Some(keramikk.clone()));
    let active = portal.app.party_of_session().await;
    assert_eq!(active, keramikk);
}

#[tokio::test]
async fn a_request_of_others_changes_no_party() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    portal
        .get(&format!(
            "{UI}/systemuser/request?id={}",
            who::NATTERGAL_REQUEST
        ))
        .await;
    let own = portal.uuid_of_oddny().await;
    assert_eq!(portal.cookie("AltinnPartyUuid"), Some(own));
}

#[tokio::test]
async fn a_cookie_is_a_wish_for_a_party() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let session = portal.cookie("sb_session").unwrap();
    let (own, keramikk) = (
        portal.uuid_of_oddny().await,
        portal.app.uuid_of(who::KERAMIKK).await,
    );
    let foreign = portal.app.uuid_of(who::TINDEVANDRER).await;
    for (wish, expected) in [(&keramikk, &keramikk), (&foreign, &keramikk), (&own, &own)] {
        let request = portal.app.http.get(portal.address(UI));
        let cookies = format!("sb_session={session}; AltinnPartyUuid={wish}");
        let response = request.header("cookie", cookies).send().await.unwrap();
        let set = response.headers().get_all("set-cookie").iter();
        let set: Vec<_> = set.map(|v| v.to_str().unwrap().to_owned()).collect();
        let found = set
            .iter()
            .any(|c| c.starts_with(&format!("AltinnPartyUuid={expected};")));
        assert!(found, "{wish}: {set:?}");
    }
}

#[tokio::test]
async fn changing_the_party_sets_its_cookies() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let keramikk = portal.app.uuid_of(who::KERAMIKK).await;
    let goto: String =
        url::form_urlencoded::byte_serialize(portal.address(UI).as_bytes()).collect();
    let path = format!("{API}/reportee/changeandredirect/?partyUuid={keramikk}&goTo={goto}");
    let response = portal.get(&path).await;
    assert_eq!(response.status(), 302);
    assert_eq!(header(&response, "location"), portal.address(UI));
    assert_eq!(portal.cookie("AltinnPartyUuid"), Some(keramikk));
    let id = portal.cookie("AltinnPartyId").unwrap();
    assert_eq!(id, who::KERAMIKK_PARTY.to_string());
}

#[tokio::test]
async fn files_of_the_front_end_are_served_with_our_names() {
    let portal = Portal::start().await;
    let shell = Box::pin(Portal::of(who::ODDNY)).await;
    let page = shell.get(UI).await.text().await.unwrap();
    let script = page.split_once("<script type=\"module\" src=\"").unwrap().1;
    let script = script.split('"').next().unwrap();
    assert!(
        script.starts_with("/accessmanagement/assets/accessmanagement.js?v="),
        "{script}"
    );
    for path in [script, "/assets/accessmanagement.js"] {
        let response = portal.get(path).await;
        assert_eq!(
            header(&response, "content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(
            header(&response, "cache-control"),
            "public, max-age=31536000, immutable"
        );
        let base = &portal.app.base;
        let expected = format!(
            "go('{base}/authentication/api/v1/logout','{base}/accessmanagement/ui','https://info.altinn.no/')"
        );
        assert_eq!(response.text().await.unwrap(), expected);
    }
    for (path, cache) in [
        (
            "/assets/mark-A1b2C3d4.svg",
            "public, max-age=31536000, immutable",
        ),
        ("/assets/plain.svg", "no-cache"),
    ] {
        let response = portal.get(path).await;
        assert_eq!(header(&response, "cache-control"), cache, "{path}");
        assert_eq!(header(&response, "content-type"), "image/svg+xml");
        let tag = header(&response, "etag");
        let again = portal.browser.http.get(portal.address(path));
        let again = again.header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
    }
}

#[tokio::test]
async fn no_file_outside_the_folders_is_served() {
    let portal = Portal::start().await;
    for (path, status) in [
        ("/assets/none.js", 404),
        ("/assets/%2E%2E%2Fsecret.txt", 404),
        ("/accessmanagement/assets/..%2fsecret.txt", 404),
        ("/accessmanagement/localizations/nb.json", 404),
    ] {
        assert_eq!(portal.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn names_of_hosts_stay_where_that_is_set() {
    let portal = Portal::with(&[("portal.rewrite_hosts", "false")]).await;
    let script = portal
        .get("/assets/accessmanagement.js")
        .await
        .text()
        .await
        .unwrap();
    assert!(script.contains("https://platform.altinn.no/"), "{script}");
}

#[tokio::test]
async fn the_back_end_takes_the_session_of_the_browser() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    for path in [
        "/user/profile",
        "/authentication/refresh",
        "/user/actorlist/old",
        "/cdn/orgdata",
    ] {
        let response = portal.get(&format!("{API}{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
    }
    portal.app.end_browser_sessions().await;
    let ended = portal.get(&format!("{API}/user/profile")).await;
    assert_eq!(ended.status(), 401);
    assert_eq!(ended.text().await.unwrap(), "");
}

#[tokio::test]
async fn no_other_api_takes_the_session_of_the_browser() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let keramikk = portal.app.uuid_of(who::KERAMIKK).await;
    for path in [
        "/authentication/api/v1/systemuser/53000001".to_owned(),
        format!("{API}/enduser/connections?party={keramikk}&from={keramikk}"),
        format!("{API}/enduser/authorizedparties"),
        "/authorization/api/v1/parties?userId=1".to_owned(),
    ] {
        let status = portal.get(&path).await.status().as_u16();
        assert_eq!(status, 401, "{path}");
    }
}

#[tokio::test]
async fn without_a_front_end_no_api_takes_a_session() {
    let app = TestApp::start().await;
    let browser = Browser::new();
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let page = format!("{}{UI}/systemuser/request?id={id}", app.base);
    browser
        .open_as(&page, who::ODDNY)
        .await
        .expect(200, "value=\"approve\"");
    let profile = format!("{}{API}/user/profile", app.base);
    assert_eq!(
        browser.http.get(profile).send().await.unwrap().status(),
        401
    );
}

#[tokio::test]
async fn a_write_needs_the_proof_of_its_session() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let proof = portal.cookie("XSRF-TOKEN").unwrap();
    let other = Box::pin(Portal::of(who::ODDNY))
        .await
        .cookie("XSRF-TOKEN")
        .unwrap();
    let cases: [Case<'_>; 5] = [
        (None, &[]),
        (Some(""), &[]),
        (Some(&other), &[]),
        (Some(&proof), &[("origin", "https://evil.example")]),
        (Some(&proof), &[("sec-fetch-site", "cross-site")]),
    ];
    for (proof, headers) in cases {
        let response = portal.write(SHOW_DELETED, proof, headers).await;
        assert_eq!(response.status(), 400, "{proof:?} {headers:?}");
        assert!(header(&response, "content-type").starts_with("application/problem+json"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["status"], 400, "{body}");
    }
    assert_eq!(portal.app.persons_who_show_deleted().await, 0);
    let own = portal.app.base.clone();
    let response = portal
        .write(SHOW_DELETED, Some(&proof), &[("origin", &own)])
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(portal.app.persons_who_show_deleted().await, 1);
}

#[tokio::test]
async fn a_script_approves_a_request() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let id = portal.app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    portal
        .get(&format!("{UI}/systemuser/request?id={id}"))
        .await;
    let party = portal.cookie("AltinnPartyId").unwrap();
    let proof = portal.cookie("XSRF-TOKEN").unwrap();
    let path = format!("{API}/systemuser/request/{party}/{id}/approve");
    let request = portal.browser.http.post(portal.address(&path));
    let response = request.header("x-xsrf-token", proof).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), "true");
}

#[tokio::test]
async fn a_good_cookie_does_not_help_a_bad_token() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    let request = portal
        .browser
        .http
        .get(portal.address(&format!("{API}/user/profile")));
    let response = request.bearer_auth("x.y.z").send().await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_logout_takes_the_cookies_of_the_front_end() {
    let portal = Box::pin(Portal::of(who::ODDNY)).await;
    portal
        .browser
        .open(&portal.address("/authentication/api/v1/logout"))
        .await;
    for name in [
        "AltinnPartyUuid",
        "AltinnPartyId",
        "XSRF-TOKEN",
        "sb_session",
    ] {
        assert_eq!(portal.cookie(name), None, "{name}");
    }
}
