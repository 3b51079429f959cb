//! Sessions of browsers: which of them a login and a log-out end.

use std::time::Duration;

use testkit::prelude::*;

use crate::pages::Browser;

const RUNTIME_COOKIE: &str = "AltinnStudioRuntime";

impl Browser {
    /// Begins a login at a level of assurance, and finishes it as a person.
    async fn logs_in(&self, app: &TestApp, person: Person, acr: &str, level: &str) {
        let address = format!(
            "{}/authentication/api/v1/authentication?goto=/accessmanagement/ui/help&acr_values={acr}",
            app.base
        );
        let page = self.open(&address).await.expect(200, "Velg testperson");
        let request = page.field("/authorize", "request");
        let action = page.address.join("/authorize").unwrap();
        let form = [
            ("request", request.as_str()),
            ("pid", person.pid),
            ("level", level),
        ];
        self.post(action.as_str(), &form).await;
    }

    fn session(&self, app: &TestApp) -> String {
        self.cookie(&app.base, "sb_session").expect("a session")
    }
}

/// Whether a page takes the cookie of a session; otherwise it asks for a login.
async fn is_live(app: &TestApp, session: &str) -> bool {
    let page = format!(
        "{}/accessmanagement/ui/systemuser/request?id={}",
        app.base,
        uuid::Uuid::new_v4()
    );
    let answer = app
        .http
        .get(page)
        .header("cookie", format!("sb_session={session}"))
        .send()
        .await
        .expect("an answer");
    match answer.headers().get("location") {
        Some(next) => {
            assert!(next.to_str().unwrap().contains("/authentication?"));
            false
        }
        None => true,
    }
}

#[tokio::test]
async fn a_step_up_ends_the_session_that_the_browser_had() {
    let world = World::start().await;
    let browser = Browser::new();
    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
        .await;
    let before = browser.session(&world.app);
    assert!(is_live(&world.app, &before).await);

    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-high", "4")
        .await;

    assert!(!is_live(&world.app, &before).await);
    assert!(is_live(&world.app, &browser.session(&world.app)).await);
}

#[tokio::test]
async fn a_token_of_the_session_before_a_step_up_is_refused() {
    let world = World::with(&[("compat.runtime_cookie", "true")]).await;
    let browser = Browser::new();
    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
        .await;
    let token = browser.cookie(&world.app.base, RUNTIME_COOKIE).unwrap();
    let own_list = format!("/authentication/api/v1/systemuser/{}", KERAMIKK.party);
    world.bearer(&token).get(&own_list).await.assert_status(200);

    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-high", "4")
        .await;

    world
        .bearer(&token)
        .get(&own_list)
        .await
        .assert_unauthorized();
}

#[tokio::test]
async fn a_person_who_works_in_the_portal_is_not_idle() {
    let world = World::with(&[("compat.runtime_cookie", "true")]).await;
    let browser = Browser::new();
    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
        .await;
    let token = browser
        .cookie(&world.app.base, RUNTIME_COOKIE)
        .expect("a token");
    let most_of_the_idle_time = Duration::from_secs(29 * 60);

    world.app.advance(most_of_the_idle_time).await;
    let works = world.bearer(&token);
    let checked = works
        .get("/accessmanagement/api/v1/authentication/refresh")
        .await;
    checked.assert_status(200);
    world.app.advance(most_of_the_idle_time).await;

    assert!(is_live(&world.app, &browser.session(&world.app)).await);
}

#[tokio::test]
async fn a_failed_login_leaves_the_session_of_the_browser() {
    let world = World::start().await;
    let browser = Browser::new();
    browser
        .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
        .await;
    let session = browser.session(&world.app);

    let callback = format!(
        "{}/authentication/api/v1/upstream/callback?code=x&state=y",
        world.app.base
    );
    browser.open(&callback).await.expect(400, "logget deg inn");

    assert!(is_live(&world.app, &session).await);
}

/// Two browsers of one person whose sessions came out of one login at the identity provider.
async fn browsers_of_one_login(world: &World) -> (Browser, Browser) {
    let browsers = (Browser::new(), Browser::new());
    for browser in [&browsers.0, &browsers.1] {
        browser
            .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
            .await;
    }
    world.app.share_login_of_sessions().await;
    browsers
}

#[tokio::test]
async fn logging_out_ends_every_session_of_the_same_login() {
    let world = World::start().await;
    let (browser, other) = browsers_of_one_login(&world).await;

    let logout = format!("{}/authentication/api/v1/logout", world.app.base);
    let session = browser.session(&world.app);
    browser.open(&logout).await;

    assert!(!is_live(&world.app, &session).await);
    assert!(!is_live(&world.app, &other.session(&world.app)).await);
}

#[tokio::test]
async fn logging_out_ends_the_tokens_of_every_session_of_the_same_login() {
    let world = World::with(&[("compat.runtime_cookie", "true")]).await;
    let (browser, other) = browsers_of_one_login(&world).await;
    let token = other.cookie(&world.app.base, RUNTIME_COOKIE).unwrap();
    let own_list = format!("/authentication/api/v1/systemuser/{}", KERAMIKK.party);
    world.bearer(&token).get(&own_list).await.assert_status(200);

    let logout = format!("{}/authentication/api/v1/logout", world.app.base);
    browser.open(&logout).await;

    world
        .bearer(&token)
        .get(&own_list)
        .await
        .assert_unauthorized();
}

#[tokio::test]
async fn logging_out_leaves_sessions_of_other_logins() {
    let world = World::start().await;
    let (browser, other) = (Browser::new(), Browser::new());
    for browser in [&browser, &other] {
        browser
            .logs_in(&world.app, ODDNY, "idporten-loa-substantial", "3")
            .await;
    }

    let logout = format!("{}/authentication/api/v1/logout", world.app.base);
    browser.open(&logout).await;

    assert!(is_live(&world.app, &other.session(&world.app)).await);
}
