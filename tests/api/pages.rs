//! The pages, read as a browser without script reads them.

use std::sync::{Arc, Mutex};

use reqwest::{
    Client,
    cookie::{CookieStore as _, Jar},
    redirect::Policy,
};
use serde_json::json;
use url::Url;

use crate::support::*;

/// A browser with cookies that follows redirects and refreshes inside the sandbox, and holds forms to
/// the policy of the page that it shows.
pub struct Browser {
    pub http: Client,
    jar: Arc<Jar>,
    shown: Mutex<Option<FormPolicy>>,
}

/// Where forms of a page may lead, redirects included.
#[derive(Clone)]
struct FormPolicy {
    own: Url,
    sources: Vec<String>,
}

impl FormPolicy {
    /// Of a page with this policy; none when the policy says nothing about forms.
    fn of(address: &Url, policy: &str) -> Option<Self> {
        let sources = policy
            .split(';')
            .find_map(|directive| directive.trim().strip_prefix("form-action "))?;
        Some(Self {
            own: address.clone(),
            sources: sources.split(' ').map(str::to_owned).collect(),
        })
    }

    #[track_caller]
    fn assert_permits(&self, target: &Url) {
        let is_permitted = self.sources.iter().any(|source| match source.as_str() {
            "'self'" => self.own.origin() == target.origin(),
            origin => target.origin().ascii_serialization() == origin,
        });
        assert!(
            is_permitted,
            "a form of {} leads to {target}, which form-action {:?} does not permit",
            self.own, self.sources
        );
    }
}

/// Where a page leads by itself.
fn refresh_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<meta http-equiv=\"refresh\" content=\"0; url=")?;
    let address = rest.split('"').next().unwrap();
    Some(address.replace("&#38;", "&").replace("&amp;", "&"))
}

pub struct Page {
    pub status: u16,
    pub address: Url,
    pub text: String,
    pub policy: String,
}

impl Page {
    /// Value of a hidden field in the form with this action.
    pub fn field(&self, action: &str, name: &str) -> String {
        let form = self
            .text
            .split_once(&format!("action=\"{action}\""))
            .unwrap_or_else(|| panic!("no form {action}: {}", self.text))
            .1;
        let (_, rest) = form
            .split_once(&format!("name=\"{name}\" value=\""))
            .expect("a field");
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    pub fn expect(self, status: u16, text: &str) -> Self {
        assert!(
            self.status == status && self.text.contains(text),
            "{} {}: {}",
            self.status,
            self.address,
            self.text
        );
        self
    }
}

impl Browser {
    pub fn new() -> Self {
        let jar = Arc::new(Jar::default());
        Self {
            http: Client::builder()
                .redirect(Policy::none())
                .cookie_provider(Arc::clone(&jar))
                .no_proxy()
                .build()
                .unwrap(),
            jar,
            shown: Mutex::default(),
        }
    }

    /// Value of a cookie that goes to an address.
    pub fn cookie(&self, address: &str, name: &str) -> Option<String> {
        let all = self.jar.cookies(&Url::parse(address).unwrap())?;
        all.to_str()
            .unwrap()
            .split("; ")
            .find_map(|cookie| cookie.strip_prefix(&format!("{name}=")).map(str::to_owned))
    }

    async fn send(
        &self,
        mut request: reqwest::RequestBuilder,
        mut address: Url,
        mut form: Option<FormPolicy>,
    ) -> Page {
        for _ in 0..16 {
            if let Some(policy) = &form {
                policy.assert_permits(&address);
            }
            let response = request
                .header("accept-language", "nb")
                .send()
                .await
                .unwrap();
            let status = response.status().as_u16();
            if let Some(next) = response.headers().get("location") {
                address = address.join(next.to_str().unwrap()).unwrap();
                if address.host_str() != Some("127.0.0.1") {
                    return Page {
                        status,
                        address,
                        text: String::new(),
                        policy: String::new(),
                    };
                }
                request = self.http.get(address.clone());
                continue;
            }
            let policy = response
                .headers()
                .get("content-security-policy")
                .map(|v| v.to_str().unwrap().to_owned())
                .unwrap_or_default();
            *self.shown.lock().unwrap() = FormPolicy::of(&address, &policy);
            let text = response.text().await.unwrap();
            if let Some(next) = refresh_of(&text) {
                address = address.join(&next).unwrap();
                if address.host_str() != Some("127.0.0.1") {
                    return Page {
                        status,
                        address,
                        text,
                        policy,
                    };
                }
                request = self.http.get(address.clone());
                form = None;
                continue;
            }
            return Page {
                status,
                address,
                text,
                policy,
            };
        }
        panic!("too many redirects");
    }

    pub async fn open(&self, address: &str) -> Page {
        self.send(self.http.get(address), Url::parse(address).unwrap(), None)
            .await
    }

    pub async fn post(&self, address: &str, form: &[(&str, &str)]) -> Page {
        let policy = self.shown.lock().unwrap().clone();
        self.send(
            self.http.post(address).form(form),
            Url::parse(address).unwrap(),
            policy,
        )
        .await
    }

    /// Opens a page, logging in as this person on the way.
    pub async fn open_as(&self, address: &str, pid: &str) -> Page {
        let login = self.open(address).await.expect(200, "Velg testperson");
        // Where the issuer shares a listener, a path comes first.
        let action = format!(
            "{}/authorize",
            login
                .address
                .path()
                .strip_suffix("/authorize")
                .expect("the page of the issuer")
        );
        let request = login.field(&action, "request");
        let action = login.address.join(&action).unwrap();
        self.post(
            action.as_str(),
            &[("request", &request), ("pid", pid), ("level", "3")],
        )
        .await
    }
}

fn confirm(app: &TestApp, id: &str) -> String {
    format!(
        "{}/accessmanagement/ui/systemuser/request?id={id}&DONTCHOOSEREPORTEE=true",
        app.base
    )
}

/// The policy of every page: no origin but our own.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

async fn press(app: &TestApp, browser: &Browser, page: &Page, id: &str, decision: &str) -> Page {
    let action = format!("/accessmanagement/ui/systemuser/request/{id}");
    let field = |name: &str| page.field(&action, name);
    let (csrf, party, seen) = (field("csrf"), field("party"), field("seen"));
    browser
        .post(
            &format!("{}{action}", app.base),
            &[
                ("csrf", &csrf),
                ("party", &party),
                ("seen", &seen),
                ("decision", decision),
            ],
        )
        .await
}

#[tokio::test]
async fn approving_leads_out_and_back_to_the_vendor() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["redirectUrl"] = json!("https://fjordlonn.example/kvittering?ref=7&x=y");
    let id = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &vendor,
            body,
        )
        .await
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let browser = Browser::new();
    let page = browser
        .open_as(&confirm(&app, &id), who::ODDNY)
        .await
        .expect(200, "Vil du gi Fjordlønn tilgang?");
    for text in [
        "Fjordlønn Programvare AS",
        "Oddny Ildflue Keramikk",
        "1 tilgangspakke",
        "A-ordning",
        "fjordlonn.example",
        "Testmiljø",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert_eq!(page.policy, PAGE_POLICY);
    let out = press(&app, &browser, &page, &id, "approve").await;
    assert_eq!(
        out.address.as_str(),
        "https://fjordlonn.example/kvittering?ref=7&x=y"
    );
    assert_eq!(out.status, 200, "the last page is ours");
    for text in [
        "Systemtilgangen for Fjordlønn er godkjent",
        "blir sendt tilbake til fjordlonn.example",
        "Gå tilbake til Fjordlønn</a>",
    ] {
        assert!(out.text.contains(text), "{text}: {}", out.text);
    }
    assert_eq!(out.policy, PAGE_POLICY);
    assert_eq!(
        app.decide_system_user(&id, "write", "a-melding", who::KERAMIKK)
            .await,
        "Permit"
    );
    assert_eq!(app.sessions().await, 0);
    let again = browser
        .open(&format!(
            "{}/authentication/api/v1/logout/handleloggedout",
            app.base
        ))
        .await;
    again.expect(200, "Systemtilgangen for Fjordlønn er godkjent");
    let page = browser
        .open_as(&confirm(&app, &id), who::ODDNY)
        .await
        .expect(200, "Forespørselen er allerede godkjent.");
    assert!(!page.text.contains("value=\"approve\""));
}

/// A form as a browser sends it, without following: status, `Location` and where the page leads.
async fn answer_to_form(
    browser: &Browser,
    address: &str,
    form: &[(&str, &str)],
) -> (u16, Option<String>, Option<String>) {
    let response = browser.http.post(address).form(form).send().await.unwrap();
    let location = response
        .headers()
        .get("location")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    (
        status,
        location,
        refresh_of(&response.text().await.unwrap()),
    )
}

#[tokio::test]
async fn a_decision_is_answered_with_a_page_that_leads_on() {
    let app = TestApp::start().await;
    for decision in ["approve", "reject"] {
        let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
        let browser = Browser::new();
        let page = browser.open_as(&confirm(&app, &id), who::ODDNY).await;
        let action = format!("/accessmanagement/ui/systemuser/request/{id}");
        let field = |name: &str| page.field(&action, name);
        let (csrf, party, seen) = (field("csrf"), field("party"), field("seen"));
        let form = [
            ("csrf", csrf.as_str()),
            ("party", &party),
            ("seen", &seen),
            ("decision", decision),
        ];
        let address = format!("{}{action}", app.base);
        let (status, location, refresh) = answer_to_form(&browser, &address, &form).await;
        assert_eq!((status, location), (200, None), "{decision}");
        assert!(refresh.unwrap().starts_with(&app.idporten), "{decision}");
        app.mark_all_users_deleted().await;
    }
}

#[tokio::test]
async fn the_logout_button_leads_on_by_a_page() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let browser = Browser::new();
    let page = browser.open_as(&confirm(&app, &id), who::ODDNY).await;
    let csrf = page.field("/authentication/api/v1/logout", "csrf");
    let address = format!("{}/authentication/api/v1/logout", app.base);
    let (status, location, refresh) = answer_to_form(&browser, &address, &[("csrf", &csrf)]).await;
    assert_eq!((status, location), (200, None));
    let end = browser.open(&refresh.unwrap()).await;
    assert_eq!(end.address.path(), "/accessmanagement/ui/loggedout");
}

#[tokio::test]
async fn a_form_without_a_session_leads_to_the_login_and_back() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let browser = Browser::new();
    let page = browser.open_as(&confirm(&app, &id), who::ODDNY).await;
    app.end_browser_sessions().await;
    let login = press(&app, &browser, &page, &id, "approve")
        .await
        .expect(200, "Velg testperson");
    let request = login.field("/authorize", "request");
    let action = login.address.join("/authorize").unwrap();
    let back = browser
        .post(
            action.as_str(),
            &[("request", &request), ("pid", who::ODDNY), ("level", "3")],
        )
        .await
        .expect(200, "Det du trykket på, er ikke sendt");
    assert!(back.text.contains("value=\"approve\""));
    assert_eq!(app.status_of_request(&id).await, "New");
}

#[tokio::test]
async fn the_login_button_of_the_last_page_leads_on_by_a_page() {
    let app = TestApp::start().await;
    let browser = Browser::new();
    let address = format!("{}/accessmanagement/ui/loggedout", app.base);
    let page = browser.open(&address).await.expect(200, "Du er logget ut");
    assert!(page.text.contains("name=\"from\" value=\"form\""));
    let address = format!(
        "{}/authentication/api/v1/authentication?goto=%2F&from=form",
        app.base
    );
    let response = browser.http.get(&address).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let refresh = refresh_of(&response.text().await.unwrap());
    assert_eq!(
        refresh.as_deref(),
        Some("/authentication/api/v1/authentication?goto=%2F")
    );
    browser.open(&address).await.expect(200, "Velg testperson");
}

#[tokio::test]
async fn who_may_not_decide_passes_the_request_on() {
    let app = TestApp::start().await;
    let browser = Browser::new();
    let id = who::NATTERGAL_REQUEST;
    let page = browser
        .open_as(&confirm(&app, id), who::JOSTEIN)
        .await
        .expect(200, "Send videre");
    assert!(!page.text.contains("value=\"approve\""));
    let done = press(&app, &browser, &page, id, "escalate")
        .await
        .expect(200, "Forespørselen er sendt videre");
    assert!(done.text.contains("Avslutt") && !done.text.contains("value=\"escalate\""));
    assert!(app.is_escalated(id).await);
    browser
        .open(&confirm(&app, id))
        .await
        .expect(200, "Forespørselen er allerede sendt videre");
    let end = press(&app, &browser, &done, id, "close").await;
    assert_eq!(
        end.address.as_str(),
        "https://fjordlonn.example/kvittering",
        "back to where the vendor waits"
    );
    assert!(
        end.text
            .contains("Forespørselen fra Fjordlønn er sendt videre"),
        "{}",
        end.text
    );
    // Who decides finds it, and decides.
    Browser::new()
        .open_as(&confirm(&app, id), who::TORLEIF)
        .await
        .expect(200, "value=\"approve\"");
    assert_eq!(app.published("systemuser_request_escalated").await, 1);
}

#[tokio::test]
async fn each_state_has_its_page() {
    let app = TestApp::start().await;
    let open = async |id: &str, pid: &str| Browser::new().open_as(&confirm(&app, id), pid).await;
    open(who::NATTERGAL_REQUEST, who::TORLEIF)
        .await
        .expect(200, "value=\"approve\"");
    let related = open(who::NATTERGAL_REQUEST, who::JOSTEIN)
        .await
        .expect(200, "Du kan ikke godkjenne dette selv");
    assert!(
        !related.text.contains("value=\"approve\"") && !related.text.contains("value=\"reject\"")
    );
    let stranger = open(who::NATTERGAL_REQUEST, who::ODDNY)
        .await
        .expect(403, "Du har ikke tilgang for denne virksomheten");
    assert!(!stranger.text.contains("Nattergal") && !stranger.text.contains("Fjordlønn"));
    open(&uuid::Uuid::new_v4().to_string(), who::ODDNY)
        .await
        .expect(404, "Vi finner ikke forespørselen");
    Browser::new()
        .open(&format!(
            "{}/accessmanagement/ui/systemuser/request?id=abc",
            app.base
        ))
        .await
        .expect(400, "Lenken er ikke fullstendig");
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    app.age_request(&id, 181).await;
    let expired = open(&id, who::ODDNY)
        .await
        .expect(200, "Fristen for å svare er ute");
    assert!(!expired.text.contains("value=\"approve\""));
    app.renew_request(&id).await;
    app.set_status_of_request(&id, "Rejected").await;
    open(&id, who::ODDNY)
        .await
        .expect(200, "Forespørselen er allerede avvist.");
    app.set_status_of_request(&id, "New").await;
    app.mark_system_deleted(who::FJORDLONN_SYSTEM).await;
    open(&id, who::ODDNY)
        .await
        .expect(200, "Fagsystemet er ikke lenger registrert");
    app.restore_system(who::FJORDLONN_SYSTEM).await;
    app.delete_request(&id).await;
    open(&id, who::ODDNY)
        .await
        .expect(410, "Forespørselen er trukket tilbake");
    let agent = format!(
        "{}/accessmanagement/ui/systemuser/agentrequest?id=d2028fcf-dbe6-5d3d-b2f8-c78f48978c8a",
        app.base
    );
    Browser::new()
        .open_as(&agent, who::OLAV)
        .await
        .expect(200, "klientene dine?");
    let other_kind = Browser::new()
        .open_as(
            &confirm(&app, "d2028fcf-dbe6-5d3d-b2f8-c78f48978c8a"),
            who::OLAV,
        )
        .await;
    assert!(other_kind.address.path().ends_with("/agentrequest"));
}

#[tokio::test]
async fn what_cannot_be_given_is_shown_before_anything_is_pressed() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::NATTERGAL, &["lonn", "pensjon"]);
    body["externalRef"] = json!("with-pension");
    let id = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &vendor,
            body,
        )
        .await
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let browser = Browser::new();
    let page = browser
        .open_as(&confirm(&app, &id), "05927921520")
        .await
        .expect(200, "Du kan ikke godkjenne ennå");
    assert!(
        page.text.contains("<title>Feil: ")
            && !page.text.contains("value=\"approve\"")
            && page.text.contains("value=\"reject\"")
    );
    assert!(page.text.contains("href=\"#pakke-1\"") && page.text.contains("id=\"pakke-1\" open"));
    press(&app, &browser, &page, &id, "approve")
        .await
        .expect(422, "Du kan ikke godkjenne ennå");
    assert_eq!(app.rows_of_user(&id).await, 0);
}

/// The page of a request that Oddny was shown, with what its form has.
struct Shown {
    app: TestApp,
    id: String,
    browser: Browser,
    address: String,
    logout_token: String,
    csrf: String,
    party: String,
    seen: String,
}

impl Shown {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
        let browser = Browser::new();
        let page = browser
            .open_as(&confirm(&app, &id), who::ODDNY)
            .await
            .expect(200, "value=\"approve\"");
        let action = format!("/accessmanagement/ui/systemuser/request/{id}");
        Self {
            address: format!("{}{action}", app.base),
            logout_token: page.field("/authentication/api/v1/logout", "csrf"),
            csrf: page.field(&action, "csrf"),
            party: page.field(&action, "party"),
            seen: page.field(&action, "seen"),
            app,
            id,
            browser,
        }
    }

    fn form<'a>(&self, csrf: &str, decision: &str) -> Vec<(&'a str, String)> {
        vec![
            ("csrf", csrf.to_owned()),
            ("party", self.party.clone()),
            ("seen", self.seen.clone()),
            ("decision", decision.to_owned()),
        ]
    }

    /// Sends a form; the status of the answer.
    async fn send(&self, form: &[(&str, String)], headers: &[(&str, &str)]) -> u16 {
        let mut request = self.browser.http.post(&self.address).form(form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// Presses a button of the page.
    async fn press(&self, decision: &str) -> Page {
        let form = [
            ("csrf", self.csrf.as_str()),
            ("party", &self.party),
            ("seen", &self.seen),
            ("decision", decision),
        ];
        self.browser.post(&self.address, &form).await
    }
}

#[tokio::test]
async fn a_form_without_its_own_token_decides_nothing() {
    let shown = Shown::start().await;
    for token in ["", &shown.logout_token] {
        let form = shown.form(token, "approve");
        assert_eq!(shown.send(&form, &[]).await, 403, "{token}");
    }
}

#[tokio::test]
async fn a_form_that_another_site_sends_decides_nothing() {
    let shown = Shown::start().await;
    let form = shown.form(&shown.csrf, "approve");
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(shown.send(&form, &[header]).await, 403, "{header:?}");
    }
}

#[tokio::test]
async fn a_form_with_the_token_of_another_session_decides_nothing() {
    let shown = Shown::start().await;
    let other = Browser::new();
    let page = confirm(&shown.app, &shown.id);
    other.open_as(&page, who::ODDNY).await;
    let form = shown.form(&shown.csrf, "approve");
    let sent = other.http.post(&shown.address).form(&form);
    assert_eq!(sent.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_form_without_a_session_leads_to_the_login() {
    let shown = Shown::start().await;
    let form = shown.form(&shown.csrf, "approve");
    let sent = shown.app.http.post(&shown.address).form(&form);
    let anonymous = sent.send().await.unwrap();
    assert_eq!(anonymous.status(), 200);
    assert!(
        refresh_of(&anonymous.text().await.unwrap())
            .unwrap()
            .starts_with("/authentication/api/v1/authentication?goto=")
    );
}

#[tokio::test]
async fn a_form_decides_nothing_but_what_its_page_offers() {
    let shown = Shown::start().await;
    let form = shown.form(&shown.csrf, "burn");
    assert_eq!(shown.send(&form, &[]).await, 400);
}

#[tokio::test]
async fn a_form_for_another_party_than_its_page_decides_nothing() {
    let shown = Shown::start().await;
    let mut form = shown.form(&shown.csrf, "approve");
    form[1].1 = uuid::Uuid::new_v4().to_string();
    assert_eq!(shown.send(&form, &[]).await, 403);
}

#[tokio::test]
async fn a_request_that_changed_since_its_page_was_shown_is_not_approved() {
    let shown = Shown::start().await;
    let other = packages(&["lonn"]);
    shown.app.set_packages_of_request(&shown.id, &other).await;
    let changed = shown.press("approve").await;
    changed.expect(409, "Innholdet er endret siden du åpnet siden");
    assert_eq!(shown.app.rows_of_user(&shown.id).await, 0);
}

#[tokio::test]
async fn a_request_that_another_answered_since_its_page_was_shown_is_not_answered_again() {
    let shown = Shown::start().await;
    shown.app.set_status_of_request(&shown.id, "Rejected").await;
    let raced = shown.press("reject").await;
    raced.expect(409, "Noen andre behandlet forespørselen");
}

#[tokio::test]
async fn the_browser_goes_only_where_the_vendor_says_today() {
    let app = TestApp::start().await;
    let vendor = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["redirectUrl"] = json!("https://fjordlonn.example/kvittering");
    let id = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &vendor,
            body,
        )
        .await
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let browser = Browser::new();
    let page = browser.open_as(&confirm(&app, &id), who::ODDNY).await;
    app.allow_redirect(who::FJORDLONN_SYSTEM, "https://fjordlonn.example/annet")
        .await;
    let out = press(&app, &browser, &page, &id, "reject").await;
    out.expect(200, "Forespørselen fra Fjordlønn er avvist");
    let forged = app
        .http
        .get(format!(
            "{}/authentication/api/v1/logout/handleloggedout",
            app.base
        ))
        .header(
            "cookie",
            format!("AltinnLogoutInfo=SystemuserRequestId={id}; sb_after=made-up"),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(
        forged.headers()["location"],
        "/accessmanagement/ui/loggedout"
    );
    for goto in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https://127.0.0.1@evil.example/",
        "javascript:alert(1)",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(goto.as_bytes()).collect();
        let page = Browser::new()
            .open_as(
                &format!(
                    "{}/authentication/api/v1/authentication?goto={encoded}",
                    app.base
                ),
                who::ODDNY,
            )
            .await;
        assert_eq!(page.address.path(), "/", "{goto}");
    }
}

#[tokio::test]
async fn a_login_is_bound_to_its_browser_and_used_once() {
    let app = TestApp::start().await;
    let callback = format!("{}/authentication/api/v1/upstream/callback", app.base);
    Browser::new()
        .open(&format!("{callback}?code=x&state=y"))
        .await
        .expect(400, "Vi fikk ikke logget deg inn");
    let victim = Browser::new();
    let login = victim
        .open(&format!(
            "{}/authentication/api/v1/authentication?goto=/",
            app.base
        ))
        .await
        .expect(200, "Velg testperson");
    let request = login.field("/authorize", "request");
    let action = login.address.join("/authorize").unwrap();
    let response = victim
        .http
        .post(action)
        .form(&[
            ("request", request.as_str()),
            ("pid", who::ODDNY),
            ("level", "3"),
        ])
        .send()
        .await
        .unwrap();
    let back = response.headers()["location"].to_str().unwrap().to_owned();
    Browser::new()
        .open(&back)
        .await
        .expect(400, "Vi fikk ikke logget deg inn");
    let home = victim.open(&back).await;
    assert_eq!((home.status, home.address.path()), (200, "/"));
    victim
        .open(&back)
        .await
        .expect(400, "Vi fikk ikke logget deg inn");
    let real = Browser::new();
    let login = real
        .open(&format!(
            "{}/authentication/api/v1/authentication?goto=/",
            app.base
        ))
        .await;
    let request = login.field("/authorize", "request");
    let action = login.address.join("/authorize").unwrap();
    // A number without the month of the made-up ones.
    real.post(
        action.as_str(),
        &[
            ("request", &request),
            ("pid", "01017000027"),
            ("level", "3"),
        ],
    )
    .await
    .expect(422, "syntetisk");
    let deceased = real
        .post(
            action.as_str(),
            &[
                ("request", &request),
                ("pid", "01817000000"),
                ("level", "3"),
            ],
        )
        .await;
    assert_eq!(deceased.status, 422);
}

#[tokio::test]
async fn pages_have_three_languages_and_their_headers() {
    let app = TestApp::start().await;
    for (accept, lang, title) in [
        ("nb", "nb", "Sandkassa kjører"),
        ("nn", "nn", "Sandkassa køyrer"),
        ("en-GB", "en", "The sandbox is running"),
        ("de", "nb", "Sandkassa kjører"),
    ] {
        let response = app
            .http
            .get(&app.base)
            .header("accept-language", accept)
            .send()
            .await
            .unwrap();
        for (name, value) in [
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        let text = response.text().await.unwrap();
        assert!(
            text.contains(&format!("<html lang=\"{lang}\"")) && text.contains(title),
            "{accept}"
        );
        assert!(
            !text.contains("style=\"")
                && !text.contains("<style")
                && !text.contains("http://www")
                && !text.contains("//cdn")
        );
    }
    let browser = Browser::new();
    let page = browser
        .open(&format!(
            "{}/accessmanagement/ui/lang?to=nn&return=%2Faccessmanagement%2Fui%2Fhelp",
            app.base
        ))
        .await;
    assert_eq!(page.address.path(), "/accessmanagement/ui/help");
    page.expect(200, "<html lang=\"nn\"");
    for path in [
        "/accessmanagement/ui/privacy",
        "/accessmanagement/ui/accessibility",
        "/docs",
        "/accessmanagement/ui/loggedout",
    ] {
        browser
            .open(&format!("{}{path}", app.base))
            .await
            .expect(200, "<h1");
    }
    browser
        .open(&format!(
            "{}/accessmanagement/ui/systemuser/overview",
            app.base
        ))
        .await
        .expect(404, "<h1");
}

#[tokio::test]
async fn logging_out_takes_a_form_of_ours_or_a_link_of_ours() {
    let app = TestApp::start().await;
    let browser = Browser::new();
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let page = browser.open_as(&confirm(&app, &id), who::ODDNY).await;
    let logout = format!("{}/authentication/api/v1/logout", app.base);
    let cross = browser
        .http
        .get(&logout)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .unwrap();
    assert_eq!((cross.status().as_u16(), app.sessions().await), (200, 1));
    assert_eq!(
        browser
            .http
            .post(&logout)
            .form(&[("csrf", "x")])
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    let csrf = page.field("/authentication/api/v1/logout", "csrf");
    let out = browser
        .post(&logout, &[("csrf", &csrf)])
        .await
        .expect(200, "Du er logget ut");
    assert!(out.address.path().ends_with("/loggedout"));
    assert_eq!(app.sessions().await, 0);
    let browser = Browser::new();
    browser.open_as(&confirm(&app, &id), who::ODDNY).await;
    let sid = app.upstream_session().await;
    let front = format!(
        "{}/authentication/api/v1/upstream/frontchannel-logout",
        app.base
    );
    assert_eq!(app.http.get(&front).send().await.unwrap().status(), 400);
    let ended = app
        .http
        .get(&front)
        .query(&[("iss", app.idporten.as_str()), ("sid", &sid)])
        .send()
        .await
        .unwrap();
    assert_eq!((ended.status().as_u16(), app.sessions().await), (200, 0));
}

#[tokio::test]
async fn links_to_where_the_pages_were_still_lead_there() {
    let app = TestApp::start().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let cases = [
        (
            "auth/vendorrequest?id=dd763c00-ef5a-51fc-9b94-33c923dbaf60",
            "request?id=dd763c00-ef5a-51fc-9b94-33c923dbaf60",
        ),
        (
            "auth/vendorrequest?id=%2F%2Fevil%0d%0a",
            "request?id=%2F%2Fevil%0D%0A",
        ),
        ("auth/vendorchangerequest?id=x", "changerequest?id=x"),
        ("auth/creation", "create"),
        (
            "auth/details/dd763c00-ef5a-51fc-9b94-33c923dbaf60",
            "dd763c00-ef5a-51fc-9b94-33c923dbaf60",
        ),
        ("auth/details/..", "overview"),
        ("auth/overview", "overview"),
        ("anything", "overview"),
    ];
    for (old, new) in cases {
        let response = http
            .get(format!("{}/authfront/ui/{old}", app.base))
            .send()
            .await
            .unwrap();
        // A browser keeps the first; the other pages are not there yet.
        let status = if old.contains("request") { 301 } else { 307 };
        assert_eq!(response.status(), status, "{old}");
        assert_eq!(
            response.headers()["location"],
            format!("/accessmanagement/ui/systemuser/{new}"),
            "{old}"
        );
    }
    let moved = http
        .get(format!("{}/static/licenses.txt", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(moved.status(), 307);
    let address = format!(
        "{}{}",
        app.base,
        moved.headers()["location"].to_str().unwrap()
    );
    assert!(
        Answer::of(http.get(address).send().await.unwrap())
            .await
            .expect(200)
            .text
            .contains("Inter")
    );
}

/// A change request of Fjordlønn for the system user of Tindevandrer.
async fn change(app: &TestApp, body: serde_json::Value) -> String {
    let id = uuid::Uuid::new_v4();
    let path = format!(
        "/authentication/api/v1/systemuser/changerequest/vendor?correlation-id={id}&system-user-id={}",
        who::TINDEVANDRER_USER
    );
    app.post(&path, &app.vendor(who::FJORDLONN).await, body)
        .await
        .expect(201)
        .json()["confirmUrl"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn packages(names: &[&str]) -> serde_json::Value {
    names
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect()
}

async fn press_change(app: &TestApp, browser: &Browser, page: &Page, decision: &str) -> Page {
    let id = page
        .address
        .query_pairs()
        .find(|(k, _)| k == "id")
        .unwrap()
        .1
        .into_owned();
    let action = format!("/accessmanagement/ui/systemuser/changerequest/{id}");
    let field = |name: &str| page.field(&action, name);
    let (csrf, party, seen) = (field("csrf"), field("party"), field("seen"));
    browser
        .post(
            &format!("{}{action}", app.base),
            &[
                ("csrf", &csrf),
                ("party", &party),
                ("seen", &seen),
                ("decision", decision),
            ],
        )
        .await
}

/// Fjordlønn's system lists this package alone from now on.
async fn reduce_system(app: &TestApp, package: &str) {
    let path = format!(
        "/authentication/api/v1/systemregister/vendor/{}/accesspackages",
        who::FJORDLONN_SYSTEM
    );
    let token = app.vendor(who::FJORDLONN).await;
    let body = Some(packages(&[package]));
    let reduced = app.send(reqwest::Method::PUT, &path, Some(&token), body);
    reduced.await.expect(200);
}

#[tokio::test]
async fn a_request_for_more_than_the_system_lists_now_can_only_be_rejected() {
    let app = TestApp::start().await;
    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    reduce_system(&app, "lonn").await;

    let page = Browser::new()
        .open_as(&confirm(&app, &id), who::ODDNY)
        .await
        .expect(
            200,
            "Fagsystemet tilbyr ikke lenger alt det forespørselen gjelder",
        );
    assert!(!page.text.contains("value=\"approve\""));
    assert!(page.text.contains("value=\"reject\""));
}

#[tokio::test]
async fn a_change_to_more_than_the_system_lists_now_can_only_be_rejected() {
    let app = TestApp::start().await;
    let url = change(
        &app,
        json!({"requiredAccessPackages": packages(&["pensjon"])}),
    )
    .await;
    reduce_system(&app, "lonn").await;

    let page = Browser::new().open_as(&url, who::JOSTEIN).await.expect(
        200,
        "Fagsystemet tilbyr ikke lenger alt det forespørselen gjelder",
    );
    assert!(!page.text.contains("value=\"approve\""));
    assert!(page.text.contains("value=\"reject\""));
}

#[tokio::test]
async fn a_change_is_shown_and_approved() {
    let app = TestApp::start().await;
    let body = json!({"requiredAccessPackages": packages(&["pensjon", "lonn"]), "unwantedAccessPackages": packages(&["a-ordning", "sykefravaer"]),
        "redirectUrl": "https://fjordlonn.example/kvittering?endret=1"});
    let url = change(&app, body).await;
    let browser = Browser::new();
    let page = browser
        .open_as(&url, who::JOSTEIN)
        .await
        .expect(200, "Vil du endre fullmaktene til Fjordlønn?");
    let at = |text: &str| {
        page.text
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", page.text))
    };
    // What is added comes before what is removed; what changes nothing is marked.
    assert!(
        at("Dette blir lagt til") < at("Pensjon")
            && at("Pensjon") < at("Dette blir fjernet")
            && at("Dette blir fjernet") < at("A-ordning")
    );
    assert!(
        at("Har fra før") < at("Dette blir fjernet")
            && at("Ikke aktiv i dag") > at("Dette blir fjernet")
    );
    assert!(page.text.contains("Godkjenn endringene"));
    assert_eq!(page.policy, PAGE_POLICY);
    let out = press_change(&app, &browser, &page, "approve").await;
    assert_eq!(
        out.address.as_str(),
        "https://fjordlonn.example/kvittering?endret=1"
    );
    assert_eq!(
        app.decide_system_user(
            who::TINDEVANDRER_USER,
            "write",
            "pensjon-afp",
            who::TINDEVANDRER
        )
        .await,
        "Permit"
    );
    browser
        .open(&format!(
            "{}/authentication/api/v1/logout/handleloggedout",
            app.base
        ))
        .await
        .expect(
            200,
            "Endringene i systemtilgangen for Fjordlønn er godkjent",
        );
    let page = browser
        .open_as(&url, who::JOSTEIN)
        .await
        .expect(200, "Forespørselen er allerede godkjent.");
    assert!(!page.text.contains("value=\"approve\"") && page.text.contains("value=\"close\""));
}

#[tokio::test]
async fn each_state_of_a_change_has_its_page() {
    let app = TestApp::start().await;
    let url = change(
        &app,
        json!({"requiredAccessPackages": packages(&["pensjon"])}),
    )
    .await;
    let id = Url::parse(&url)
        .unwrap()
        .query_pairs()
        .find(|(k, _)| k == "id")
        .unwrap()
        .1
        .into_owned();
    let stranger = Browser::new()
        .open_as(&url, who::ODDNY)
        .await
        .expect(403, "Du har ikke tilgang for denne virksomheten");
    assert!(!stranger.text.contains("Tindevandrer"));
    // The page of another kind leads here, and the other way round.
    let browser = Browser::new();
    let other = format!(
        "{}/accessmanagement/ui/systemuser/request?id={id}",
        app.base
    );
    let page = browser
        .open_as(&other, who::JOSTEIN)
        .await
        .expect(200, "Ingenting blir fjernet.");
    assert!(page.address.path().ends_with("/changerequest"));
    let back = browser
        .open(&url.replace(&id, who::NATTERGAL_REQUEST))
        .await;
    assert!(
        back.address.path().ends_with("/request"),
        "{}",
        back.address
    );
    browser.open(&url.replace(&id, "x")).await.expect(400, "");
    browser
        .open(&url.replace(&id, &uuid::Uuid::nil().to_string()))
        .await
        .expect(404, "");
    browser
        .open(&format!(
            "{}/authfront/ui/auth/vendorchangerequest?id={id}",
            app.base
        ))
        .await
        .expect(200, "Godkjenn endringene");
    // Altered since it was shown.
    app.set_redirect_of_change(&id, "https://fjordlonn.example/annet")
        .await;
    press_change(&app, &browser, &page, "approve")
        .await
        .expect(409, "value=\"approve\"");
    // A package that cannot be given: the content stays, with the reason.
    app.set_packages_of_change(&id, &packages(&["pensjon", "regnskapsforer-lonn"]))
        .await;
    app.add_packages_to_system(who::FJORDLONN_SYSTEM, &packages(&["regnskapsforer-lonn"]))
        .await;
    let page = browser.open(&url).await.expect(200, "Kan ikke gis");
    assert!(!page.text.contains("value=\"approve\"") && page.text.contains("value=\"reject\""));
    app.age_change(&id, 181).await;
    let page = browser.open(&url).await.expect(200, "value=\"close\"");
    assert!(!page.text.contains("value=\"reject\""));
    app.renew_change(&id).await;
    app.mark_user_deleted(who::TINDEVANDRER_USER).await;
    let page = browser.open(&url).await.expect(
        200,
        "Systemtilgangen som skulle endres, finnes ikke lenger.",
    );
    press_change(&app, &browser, &page, "reject").await;
    assert_eq!(app.status_of_change(&id).await, "Rejected");
    app.delete_change(&id).await;
    browser.open_as(&url, who::JOSTEIN).await.expect(410, "");
}
