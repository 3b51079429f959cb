//! The documentation in a browser: its pages without scripts, and "Try it out" of the reference.

use std::time::Duration;

use fantoccini::{Client, Locator, wd::TimeoutConfiguration};
use serde_json::{Value, json};

use super::{Driver, assert_accessible, assert_fits, browser_log, heading, press, support::*};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_is_accessible_and_needs_no_scripts() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let pages = [
        ("/docs", "API documentation"),
        ("/docs/errors", "Error codes"),
        ("/docs/errors/AUTH.VLD-00003", "AUTH.VLD-00003"),
        (
            "/docs/guides/vendor",
            "Vendor: from a system to a token for a system user",
        ),
        (
            "/docs/guides/authzen",
            "AuthZEN: which words this service reads",
        ),
    ];
    let plain = driver.browser(false, "en", 320).await;
    for (page, title) in pages {
        plain.goto(&format!("{}{page}", app.base)).await.unwrap();
        assert_eq!(heading(&plain).await, title);
    }
    plain.close().await.unwrap();
    for width in [320, 1280] {
        let browser = driver.browser(true, "nb", width).await;
        for (page, _) in pages {
            browser.goto(&format!("{}{page}", app.base)).await.unwrap();
            assert_accessible(&browser, page).await;
            assert_fits(&browser, page).await;
        }
        browser.close().await.unwrap();
    }
}

/// Opens the reference and waits for its operations.
async fn reference(app: &TestApp, driver: &Driver) -> Client {
    let browser = driver.browser(true, "en", 1280).await;
    let timeouts = TimeoutConfiguration::new(Some(Duration::from_secs(120)), None, None);
    browser.update_timeouts(timeouts).await.unwrap();
    browser
        .goto(&format!("{}/docs/api", app.base))
        .await
        .unwrap();
    browser
        .wait()
        .at_most(Duration::from_secs(30))
        .for_element(Locator::Css(".opblock"))
        .await
        .expect("operations");
    browser
}

/// Sends each operation: its id, the request that was sent, and the status of the answer. Of each
/// reader's, the first and the last are opened and their buttons pressed, which takes seconds each; the
/// requests of all are made by the function that "Execute" calls.
const TRY: &str = r#"
const [done] = arguments;
const until = (what, look) => new Promise((resolve, reject) => {
  const end = performance.now() + 20000;
  const step = () => {
    const found = look();
    if (found) { resolve(found); }
    else if (performance.now() > end) { reject(new Error(what)); }
    else { setTimeout(step, 2); }
  };
  step();
});
const sent = [];
const realFetch = window.fetch;
window.fetch = async (input, init) => {
  const method = init?.method ?? input.method ?? "GET";
  const call = { method: method.toUpperCase(), url: input.url ?? String(input), status: 0 };
  sent.push(call);
  const answer = await realFetch(input, init);
  call.status = answer.status;
  return answer;
};
const valueOf = (parameter) => {
  const schema = parameter.schema ?? {};
  const example = parameter.example ?? schema.example ?? schema.default ?? schema.enum?.[0];
  if (example !== undefined) { return example; }
  const types = [schema.type].flat();
  if (types.includes("integer") || types.includes("number")) { return 1; }
  if (types.includes("boolean")) { return true; }
  if (types.includes("array")) { return ["a"]; }
  return schema.format === "uuid" ? "3f794e70-3593-53d5-8174-1a3371cf43dc" : "390367767";
};
const fill = ([path, method, operation]) => {
  for (const parameter of operation.parameters ?? []) {
    if (parameter.required) { ui.specActions.changeParam([path, method], parameter.name, parameter.in, valueOf(parameter), false); }
  }
};
const call = async ([path, method, operation], execute) => {
  const before = sent.length;
  execute();
  const made = await until(`${operation.operationId} sends nothing`, () => sent.slice(before).find((call) => call.status > 0));
  return { id: operation.operationId, template: path, wanted: method.toUpperCase(), ...made };
};
const press = async (one) => {
  const id = one[2].operationId;
  const shown = ["operations", one[2].tags[0], id];
  ui.layoutActions.show(shown, true);
  const block = await until(`${id} has no block`, () => document.querySelector(`.opblock[id$="-${id}"]`));
  const button = await until(`${id} cannot be tried`, () => block.querySelector(".try-out__btn"));
  button.click();
  fill(one);
  const execute = await until(`${id} cannot be executed`, () => block.querySelector(".execute"));
  const made = await call(one, () => execute.click());
  ui.layoutActions.show(shown, false);
  return { pressed: true, ...made };
};
(async () => {
  const paths = ui.specSelectors.specJson().toJS().paths;
  const all = Object.entries(paths).flatMap(([path, item]) => Object.entries(item)
    .filter(([, operation]) => operation.operationId)
    .map(([method, operation]) => [path, method, operation]));
  const byTag = Map.groupBy(all, ([, , operation]) => operation.tags[0]);
  const out = [];
  const attempt = async (one, work) => {
    try { out.push(await work()); } catch (error) { out.push({ id: one[2].operationId, error: String(error) }); }
  };
  for (const operations of byTag.values()) {
    for (const one of new Set([operations.at(0), operations.at(-1)])) { await attempt(one, () => press(one)); }
  }
  const spec = ui.specSelectors.specJson().toJS();
  for (const one of all) {
    const [path, method, operation] = one;
    const parameters = {};
    for (const parameter of operation.parameters ?? []) { if (parameter.required) { parameters[`${parameter.in}.${parameter.name}`] = valueOf(parameter); } }
    const request = ui.fn.buildRequest({ spec, parameters, operationId: ui.fn.opId(operation, path, method) });
    await attempt(one, () => call(one, () => window.fetch(request.url, request)));
  }
  done(out);
})();
"#;

/// Whether a path is one of a template: as many parts, and the literal ones the same.
fn fits(template: &str, url: &str, base: &str) -> bool {
    let path = url.strip_prefix(base).unwrap_or(url);
    let path = path.split('?').next().unwrap_or_default();
    let (template, path): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(one, other)| one.starts_with('{') || *one == other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_it_out_sends_each_operation_to_its_own_address() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let browser = reference(&app, &driver).await;
    let done = browser.execute_async(TRY, vec![]).await.expect("a try");
    let done = done.as_array().unwrap();
    for call in done {
        let text = |name: &str| call[name].as_str().unwrap_or_default();
        assert!(call["error"].is_null(), "{call}");
        assert_eq!(text("method"), text("wanted"), "{call}");
        assert!(fits(text("template"), text("url"), &app.base), "{call}");
        let status = call["status"].as_u64().unwrap();
        assert!(status < 500 || status == 501, "{call}");
        assert_ne!(status, 405, "{call}");
    }
    let pressed = done.iter().filter(|call| call["pressed"] == true).count();
    assert_eq!(
        pressed, 11,
        "two of five readers, and the only one of Maskinporten"
    );
    assert!(done.len() - pressed > 200, "{}", done.len());
    let log = browser_log(&driver, &browser).await;
    assert!(!log.contains("Content Security Policy"), "{log}");
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_sandbox_is_sent_with_the_calls() {
    let app = TestApp::start().await;
    let driver = Driver::start().await;
    let browser = reference(&app, &driver).await;
    let block = ".opblock[id$='-listOwnSystems']";
    let needs = browser
        .execute(
            "return document.querySelector(arguments[0]).parentElement.querySelector('.sb-needs').textContent",
            vec![json!(format!("{block} .opblock-summary"))],
        )
        .await
        .unwrap();
    let scope = "altinn:authentication/systemregister.write";
    assert!(needs.as_str().unwrap().contains(scope), "{needs}");

    // The operation's own button fills in kind and scope.
    press(&browser, &format!("{block} .sb-needs button")).await;
    press(&browser, "#token-form button").await;
    let outcome = browser.find(Locator::Css("#token-outcome")).await.unwrap();
    browser
        .wait()
        .for_element(Locator::Css("#token-shown:not([hidden])"))
        .await
        .expect("a token");
    assert!(outcome.text().await.unwrap().contains("an organisation"));
    press(&browser, &format!("{block} .opblock-summary-control")).await;
    press_when_there(&browser, &format!("{block} .try-out__btn")).await;
    press_when_there(&browser, &format!("{block} .execute")).await;
    let status = browser
        .wait()
        .for_element(Locator::Css(&format!(
            "{block} .live-responses-table tbody .response-col_status"
        )))
        .await
        .expect("an answer");
    assert!(
        status.text().await.unwrap().starts_with("200"),
        "{status:?}"
    );

    let log = browser_log(&driver, &browser).await;
    assert!(!log.contains("Content Security Policy"), "{log}");
    browser.close().await.unwrap();
}

async fn press_when_there(browser: &Client, selector: &str) {
    let found = browser.wait().for_element(Locator::Css(selector)).await;
    let found: Result<(), Value> = match found {
        Ok(element) => element.click().await.map_err(|e| json!(e.to_string())),
        Err(error) => Err(json!(error.to_string())),
    };
    found.unwrap_or_else(|error| panic!("{selector}: {error}"));
}
