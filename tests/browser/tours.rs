//! The guided tours of the sandbox, as a newcomer takes them who has read nothing.

use super::*;

/// Presses the button of a step once it may be pressed, and waits for the outcome.
async fn take(browser: &Client, step: &str) -> String {
    let button = format!("#step-{step} button:not([disabled])");
    let button = browser.wait().for_element(Locator::Css(&button)).await;
    button.expect(step).click().await.expect("a click");
    let outcome = format!("#step-{step} .sb-outcome:not(:empty)");
    let outcome = browser.wait().for_element(Locator::Css(&outcome)).await;
    outcome.expect(step).text().await.expect("text")
}

async fn begin(app: &TestApp, driver: &Driver, tour: &str) -> Client {
    let browser = driver.browser(true, "en", 1280).await;
    browser.goto(&app.base).await.unwrap();
    press(&browser, &format!("a[href='/docs/tours/{tour}']")).await;
    arrive(&browser, &format!("{}/docs/tours/{tour}", app.base)).await;
    browser
}

/// Answers the request in the tab that the tour opened.
async fn approve_in_new_tab(app: &TestApp, browser: &Client) {
    let tour = browser.window().await.unwrap();
    let opened = tokio::time::timeout(Duration::from_secs(15), async {
        loop {
            let tabs = browser.windows().await.unwrap();
            if let Some(other) = tabs.into_iter().find(|tab| *tab != tour) {
                return other;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    let opened = opened.await.expect("another tab");
    browser.switch_to_window(opened).await.unwrap();
    arrive(browser, &app.idporten).await;
    log_in(browser, who::ODDNY).await;
    arrive(browser, &app.base).await;
    let approve = Locator::Css("button[value=approve]");
    let approve = browser.wait().for_element(approve).await;
    approve.expect("the button").click().await.unwrap();
    tokio::time::timeout(Duration::from_secs(15), async {
        while browser
            .find(Locator::Css("button[value=approve]"))
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    })
    .await
    .expect("another page");
    browser.switch_to_window(tour).await.unwrap();
}

async fn end(driver: &Driver, browser: Client, what: &str) {
    assert_accessible(&browser, what).await;
    assert_fits(&browser, what).await;
    let log = browser_log(driver, &browser).await;
    assert!(!log.contains("Content Security Policy"), "{log}");
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_tour_ends_in_a_permit() {
    let (app, driver) = (TestApp::start().await, Driver::start().await);
    let browser = begin(&app, &driver, "vendor").await;
    for step in ["vendor-token", "system", "request", "open"] {
        take(&browser, step).await;
    }
    approve_in_new_tab(&app, &browser).await;
    for step in ["status", "user-token"] {
        take(&browser, step).await;
    }
    assert_eq!(take(&browser, "decide").await, "Permit: it may.");
    end(&driver, browser, "the vendor's tour").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customers_tour_ends_in_a_permit() {
    let (app, driver) = (TestApp::start().await, Driver::start().await);
    let browser = begin(&app, &driver, "customer").await;
    for step in ["fresh-request", "open"] {
        take(&browser, step).await;
    }
    approve_in_new_tab(&app, &browser).await;
    take(&browser, "list").await;
    assert_eq!(take(&browser, "decide").await, "Permit: it may.");
    end(&driver, browser, "the customer's tour").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_owners_tour_ends_in_a_permit() {
    let (app, driver) = (TestApp::start().await, Driver::start().await);
    let browser = begin(&app, &driver, "service-owner").await;
    for step in ["owner-token", "resource", "policy", "caller-token"] {
        take(&browser, step).await;
    }
    assert_eq!(take(&browser, "decide-by-token").await, "Permit: it may.");
    end(&driver, browser, "the service owner's tour").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_tour_returns_to_a_page_that_is_there() {
    let (app, driver) = (TestApp::start().await, Driver::start().await);
    let browser = begin(&app, &driver, "vendor").await;
    for step in ["vendor-token", "system", "request", "open"] {
        take(&browser, step).await;
    }
    approve_in_new_tab(&app, &browser).await;
    let tabs = browser.windows().await.unwrap();
    browser.switch_to_window(tabs[1].clone()).await.unwrap();
    arrive(&browser, &format!("{}/docs/tours/receipt", app.base)).await;
    assert_eq!(heading(&browser).await, "Back at the vendor");
    end(&driver, browser, "the receipt").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_comes_in_appears_in_the_list_by_itself() {
    let (app, driver) = (TestApp::start().await, Driver::start().await);
    let browser = driver.browser(true, "en", 1280).await;
    let address = format!("{}/docs/tours/calls", app.base);
    browser.goto(&address).await.unwrap();
    let vendor = app.vendor(who::FJORDLONN).await;
    let path = "/authentication/api/v1/systemuser/request/vendor";
    let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
    body["systemId"] = json!("390198116_none");
    app.post(path, &vendor, body).await;
    let row = Locator::XPath("//tr[contains(., '390198116') and contains(., 'AUTH-')]");
    let row = browser.wait().for_element(row).await.expect("the call");
    assert!(row.text().await.unwrap().contains(path));
    end(&driver, browser, "the list of calls").await;
}
