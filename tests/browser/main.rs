//! The journey in a real browser: headless Chromium, with and without script, in three languages,
//! and for all users.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends there"
)]

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "every test binary uses its own part"
)]
mod support;

mod documentation;
mod tours;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const AXE: &str = include_str!("axe.min.js");

/// A driver of its own per browser; it ends with the test.
struct Driver {
    process: Child,
    port: u16,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find(names: &[&str]) -> String {
    let dirs = std::env::var("PATH").unwrap_or_default();
    for dir in dirs.split(':').chain([
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/Applications/Chromium.app/Contents/MacOS",
    ]) {
        for name in names {
            let path = std::path::Path::new(dir).join(name);
            if path.is_file() {
                return path.display().to_string();
            }
        }
    }
    panic!("none of {names:?} is installed; `make test` installs them")
}

impl Driver {
    async fn start() -> Self {
        let port = free_port();
        let process = Command::new(find(&["chromedriver"]))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let driver = Self { process, port };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let status = format!("http://127.0.0.1:{port}/status");
        tokio::time::timeout(Duration::from_secs(20), async {
            while http.get(&status).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("chromedriver answers");
        driver
    }

    async fn browser(&self, script: bool, language: &str, width: u32) -> Client {
        let mut args = vec![
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            format!("--window-size={width},1000"),
            format!("--lang={language}"),
            "--force-prefers-reduced-motion".to_owned(),
        ];
        args.push(
            "--host-resolver-rules=MAP fjordlonn.example 127.0.0.1:9, EXCLUDE 127.0.0.1".to_owned(),
        );
        let mut preferences = json!({"intl.accept_languages": language});
        if !script {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let capabilities = json!({
            "goog:chromeOptions": {"args": args, "prefs": preferences, "binary": find(&["chromium", "chromium-browser", "google-chrome"])},
            "goog:loggingPrefs": {"browser": "ALL"},
            // The vendor's page at the end of the way does not answer; that is not what is tested.
            "pageLoadStrategy": "normal",
        });
        ClientBuilder::rustls()
            .expect("a TLS stack")
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .expect("a browser")
    }
}

/// No violation of the accessibility rules, and no complaint of the browser about our own security
/// policy.
async fn assert_accessible(browser: &Client, what: &str) {
    browser.execute(AXE, vec![]).await.expect("axe loads");
    let tags = json!([
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice"
    ]);
    let found = browser
        .execute_async(
            "const done = arguments[1]; axe.run(document, {runOnly: {type: 'tag', values: arguments[0]}}).then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))), e => done(['axe failed: ' + e]));",
            vec![tags],
        )
        .await
        .expect("axe runs");
    assert_eq!(found, json!([]), "{what}");
}

/// The page fits without scrolling sideways.
async fn assert_fits(browser: &Client, what: &str) {
    let overflow = browser
        .execute(
            "return document.documentElement.scrollWidth - window.innerWidth",
            vec![],
        )
        .await
        .unwrap();
    assert!(
        overflow.as_i64().unwrap() <= 0,
        "{what}: scrolls sideways by {overflow}"
    );
}

async fn press(browser: &Client, selector: &str) {
    browser
        .find(Locator::Css(selector))
        .await
        .unwrap_or_else(|e| panic!("{selector}: {e}"))
        .click()
        .await
        .expect("a click");
}

async fn heading(browser: &Client) -> String {
    browser
        .wait()
        .for_element(Locator::Css("h1"))
        .await
        .expect("a heading")
        .text()
        .await
        .expect("text")
}

/// Waits until the browser is at an address that starts so.
async fn arrive(browser: &Client, address: &str) -> String {
    let mut current = String::new();
    let arrived = tokio::time::timeout(Duration::from_secs(15), async {
        while !current.starts_with(address) {
            tokio::time::sleep(Duration::from_millis(25)).await;
            current = browser
                .current_url()
                .await
                .map_or_else(|e| e.to_string(), String::from);
        }
    });
    assert!(
        arrived.await.is_ok(),
        "never arrived at {address}, but at {current}"
    );
    current
}

async fn log_in(browser: &Client, pid: &str) {
    browser
        .find(Locator::LinkText("TestID Lag din egen testbruker"))
        .await
        .expect("the link")
        .click()
        .await
        .unwrap();
    let field = browser
        .wait()
        .for_element(Locator::Css("input[name=pid]"))
        .await
        .expect("the text box");
    field.send_keys(pid).await.unwrap();
    press(browser, "button[type=submit]").await;
}

async fn ask(app: &TestApp, external_ref: &str) -> Value {
    let vendor = app.vendor(who::FJORDLONN).await;
    let mut body = request_body(who::KERAMIKK, &["a-ordning", "sykefravaer"]);
    body["rights"] =
        json!([{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}]);
    body["redirectUrl"] = json!("http://localhost:8081/kvittering?ref=7");
    body["externalRef"] = json!(external_ref);
    app.post(
        "/authentication/api/v1/systemuser/request/vendor",
        &vendor,
        body,
    )
    .await
    .expect(201)
    .json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_confirm_page_from_link_to_vendor_with_and_without_script() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    for script in [true, false] {
        let browser = driver.browser(script, "nb", 1280).await;
        let request = ask(&app, &format!("browser-{script}")).await;
        let id = request["id"].as_str().unwrap();
        browser
            .goto(request["confirmUrl"].as_str().unwrap())
            .await
            .unwrap();
        arrive(&browser, &app.idporten).await;
        assert_eq!(heading(&browser).await, "Velg testperson");
        log_in(&browser, who::ODDNY).await;
        arrive(&browser, &app.base).await;
        assert_eq!(heading(&browser).await, "Vil du gi Fjordlønn tilgang?");
        browser
            .find(Locator::Css("details summary"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        press(&browser, "button[value=approve]").await;
        let vendor = arrive(&browser, "http://localhost:8081/kvittering").await;
        assert_eq!(
            vendor, "http://localhost:8081/kvittering?ref=7",
            "nothing is appended"
        );
        assert_eq!(
            app.decide_system_user(id, "write", "a-melding", who::KERAMIKK)
                .await,
            "Permit"
        );
        let log = browser_log(&driver, &browser).await;
        assert!(!log.contains("Content Security Policy"), "{log}");
        browser.close().await.unwrap();
    }
    assert_eq!(app.users_of(who::KERAMIKK).await, 2);
}

/// A vendor whose page leads on to another origin, with that other origin: one server that listens
/// twice.
struct Vendor {
    /// Registered with the system.
    address: String,
    /// Where the browser ends.
    end: String,
}

impl Vendor {
    async fn start() -> Self {
        let first = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let second = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = |listener: &tokio::net::TcpListener, path: &str| {
            format!("http://{}{path}", listener.local_addr().unwrap())
        };
        let (from, to) = (address(&first, "/kvittering"), address(&second, "/ferdig"));
        let leads_on = format!(
            "HTTP/1.1 302 Found\r\nlocation: {to}?fra=1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 11\r\nconnection: close\r\n\r\n<h1>Ut</h1>".to_owned();
        for (listener, answer) in [(first, leads_on), (second, page)] {
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut asked = [0; 4096];
                    let _ = stream.read(&mut asked).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
        Self {
            address: from,
            end: to,
        }
    }
}

/// A request whose answer leads to this vendor, and the address of its page.
async fn ask_for(app: &TestApp, vendor: &Vendor, external_ref: &str) -> String {
    app.allow_redirect(who::FJORDLONN_SYSTEM, &vendor.address)
        .await;
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["redirectUrl"] = json!(vendor.address);
    body["externalRef"] = json!(external_ref);
    let path = "/authentication/api/v1/systemuser/request/vendor";
    let caller = app.vendor(who::FJORDLONN).await;
    let made = app.post(path, &caller, body).await.expect(201).json();
    made["confirmUrl"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_may_lead_on_to_another_origin() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let vendor = Vendor::start().await;
    for (script, decision) in [(true, "approve"), (false, "reject")] {
        let browser = driver.browser(script, "nb", 1280).await;
        let page = ask_for(&app, &vendor, &format!("leads-on-{script}")).await;
        browser.goto(&page).await.unwrap();
        log_in(&browser, who::ODDNY).await;
        arrive(&browser, &app.base).await;
        press(&browser, &format!("button[value={decision}]")).await;
        let end = arrive(&browser, &vendor.end).await;
        assert_eq!(end, format!("{}?fra=1", vendor.end));
        let log = browser_log(&driver, &browser).await;
        assert!(!log.contains("Content Security Policy"), "{log}");
        browser.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_an_expired_session_leads_to_the_login_and_back() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let vendor = Vendor::start().await;
    let browser = driver.browser(false, "nb", 1280).await;
    let page = ask_for(&app, &vendor, "expired").await;
    browser.goto(&page).await.unwrap();
    log_in(&browser, who::ODDNY).await;
    arrive(&browser, &app.base).await;
    app.end_browser_sessions().await;
    press(&browser, "button[value=approve]").await;
    arrive(&browser, &app.idporten).await;
    log_in(&browser, who::ODDNY).await;
    arrive(&browser, &app.base).await;
    let notice = "//*[@role='status'][contains(., 'er ikke sendt')]";
    let notice = browser.wait().for_element(Locator::XPath(notice)).await;
    notice.expect("that nothing was sent");
    press(&browser, "button[value=approve]").await;
    arrive(&browser, &vendor.end).await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_out_may_log_in_again() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let browser = driver.browser(true, "nb", 1280).await;
    let vendor = Vendor::start().await;
    let page = ask_for(&app, &vendor, "log-out").await;
    browser.goto(&page).await.unwrap();
    log_in(&browser, who::ODDNY).await;
    arrive(&browser, &app.base).await;
    press(&browser, "form[action$='/logout'] button").await;
    let out = format!("{}/accessmanagement/ui/loggedout", app.base);
    arrive(&browser, &out).await;
    assert_accessible(&browser, "logged out").await;
    press(&browser, "form[action$='/authentication'] button").await;
    arrive(&browser, &app.idporten).await;
    let log = browser_log(&driver, &browser).await;
    assert!(!log.contains("Content Security Policy"), "{log}");
    browser.close().await.unwrap();
}

/// What the browser's console says.
async fn browser_log(driver: &Driver, browser: &Client) -> String {
    let session = browser.session_id().await.unwrap().unwrap();
    let address = format!("http://127.0.0.1:{}/session/{session}/se/log", driver.port);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(address)
        .json(&json!({"type": "browser"}))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_the_page_is_accessible_in_every_language() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let open = ask(&app, "open").await["id"].as_str().unwrap().to_owned();
    let rejected = ask(&app, "rejected").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let expired = ask(&app, "expired").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.set_status_of_request(&rejected, "Rejected").await;
    app.age_request(&expired, 200).await;
    let mut body = request_body(who::NATTERGAL, &["lonn", "pensjon"]);
    body["externalRef"] = json!("cannot-give");
    let cannot = app
        .post(
            "/authentication/api/v1/systemuser/request/vendor",
            &app.vendor(who::FJORDLONN).await,
            body,
        )
        .await
        .expect(201)
        .json();
    let cannot = cannot["id"].as_str().unwrap().to_owned();
    let unknown = uuid::Uuid::new_v4().to_string();
    for (language, width) in [("nb", 1280), ("nn", 320), ("en", 320)] {
        let browser = driver.browser(true, language, width).await;
        let page = |id: &str| {
            format!(
                "{}/accessmanagement/ui/systemuser/request?id={id}",
                app.base
            )
        };
        browser.goto(&app.base).await.unwrap();
        assert_accessible(&browser, &format!("landing page, {language}")).await;
        browser.goto(&page(&open)).await.unwrap();
        assert_accessible(&browser, &format!("login, {language}")).await;
        log_in(&browser, who::ODDNY).await;
        arrive(&browser, &app.base).await;
        assert_eq!(
            browser
                .find(Locator::Css("html"))
                .await
                .unwrap()
                .attr("lang")
                .await
                .unwrap()
                .as_deref(),
            Some(language)
        );
        for (id, what) in [
            (&open, "open"),
            (&rejected, "rejected"),
            (&expired, "timed out"),
            (&unknown, "not found"),
        ] {
            browser.goto(&page(id)).await.unwrap();
            assert_accessible(&browser, &format!("{what}, {language}")).await;
            assert_fits(&browser, &format!("{what}, {language}")).await;
        }
        browser.goto(&page(who::NATTERGAL_REQUEST)).await.unwrap();
        assert_accessible(&browser, &format!("not yours, {language}")).await;
        for path in ["help", "privacy", "accessibility", "loggedout"] {
            browser
                .goto(&format!("{}/accessmanagement/ui/{path}", app.base))
                .await
                .unwrap();
            assert_accessible(&browser, &format!("{path}, {language}")).await;
        }
        browser.close().await.unwrap();
    }
    let browser = driver.browser(true, "nb", 1280).await;
    browser
        .goto(&format!(
            "{}/accessmanagement/ui/systemuser/request?id={cannot}",
            app.base
        ))
        .await
        .unwrap();
    log_in(&browser, "05927921520").await;
    arrive(&browser, &app.base).await;
    assert_accessible(&browser, "cannot give").await;
    let focused = browser
        .execute("return document.activeElement.className", vec![])
        .await
        .unwrap();
    assert_eq!(focused, "ds-error-summary", "what is wrong comes first");
    assert!(
        browser
            .find(Locator::Css("button[value=approve]"))
            .await
            .is_err()
    );
    press(&browser, "button[value=reject]").await;
    arrive(
        &browser,
        &format!("{}/accessmanagement/ui/loggedout", app.base),
    )
    .await;
    assert_eq!(
        heading(&browser).await,
        "Forespørselen fra Fjordlønn er avvist"
    );
    assert_accessible(&browser, "receipt").await;
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_decided_on_an_accessible_page() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let urn = |package: &str| json!({"urn": format!("urn:altinn:accesspackage:{package}")});
    let body = json!({"requiredAccessPackages": [urn("pensjon"), urn("lonn")], "unwantedAccessPackages": [urn("sykefravaer")]});
    let path = format!(
        "/authentication/api/v1/systemuser/changerequest/vendor?correlation-id={}&system-user-id={}",
        uuid::Uuid::new_v4(),
        who::TINDEVANDRER_USER
    );
    let change = app
        .post(&path, &app.vendor(who::FJORDLONN).await, body)
        .await
        .expect(201)
        .json();
    let url = change["confirmUrl"].as_str().unwrap();
    for (language, width) in [("nn", 320), ("en", 320), ("nb", 1280)] {
        let browser = driver.browser(true, language, width).await;
        browser.goto(url).await.unwrap();
        log_in(&browser, who::JOSTEIN).await;
        arrive(&browser, &app.base).await;
        assert_accessible(&browser, &format!("change, {language}")).await;
        assert_fits(&browser, &format!("change, {language}")).await;
        if language == "nb" {
            press(&browser, "button[value=approve]").await;
            arrive(
                &browser,
                &format!("{}/accessmanagement/ui/loggedout", app.base),
            )
            .await;
            assert_eq!(
                heading(&browser).await,
                "Endringene i systemtilgangen for Fjordlønn er godkjent"
            );
        }
        browser.close().await.unwrap();
    }
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_decide_passes_the_request_on_from_an_accessible_page() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let url = format!(
        "{}/accessmanagement/ui/systemuser/request?id={}",
        app.base,
        who::NATTERGAL_REQUEST
    );
    for (language, width) in [("nn", 320), ("en", 320), ("nb", 1280)] {
        let browser = driver.browser(true, language, width).await;
        browser.goto(&url).await.unwrap();
        log_in(&browser, who::JOSTEIN).await;
        arrive(&browser, &app.base).await;
        assert_accessible(&browser, &format!("may not decide, {language}")).await;
        assert_fits(&browser, &format!("may not decide, {language}")).await;
        assert!(
            browser
                .find(Locator::Css("button[value=approve]"))
                .await
                .is_err()
        );
        if language == "nb" {
            press(&browser, "button[value=escalate]").await;
            browser
                .wait()
                .for_element(Locator::XPath("//h1[.='Forespørselen er sendt videre']"))
                .await
                .expect("the page after it");
            assert_accessible(&browser, "passed on").await;
            assert!(
                browser
                    .find(Locator::Css("button[value=escalate]"))
                    .await
                    .is_err()
            );
            browser.goto(&url).await.unwrap();
            assert_accessible(&browser, "passed on before").await;
            assert!(
                browser
                    .find(Locator::Css("button[value=escalate]"))
                    .await
                    .is_err()
            );
        }
        browser.close().await.unwrap();
    }
    assert_eq!(app.published("systemuser_request_escalated").await, 1);
}
