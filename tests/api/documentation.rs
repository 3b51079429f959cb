//! The pages of the documentation: error codes, guides, and what leads to them.

use std::{collections::BTreeSet, process::Command};

use regex::Regex;
use serde_json::json;
use testkit::{description, prelude::*};

const PDP: &str = "/authorization/api/v1/authorize";
const TOKENS: &str = "/authorization/api/v1/systemuser/authorize";

fn help(world: &World, codes: &[&str]) -> String {
    let links = codes
        .iter()
        .map(|code| format!("<{}/docs/errors/{code}>; rel=\"help\"", world.app.base));
    links.collect::<Vec<_>>().join(", ")
}

fn all(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

fn without_entities(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

// Error codes

#[tokio::test]
async fn a_problem_names_the_page_about_its_code() {
    let world = World::start().await;
    let body = json!({"systemId": "390198116_unknown", "partyOrgNo": KERAMIKK.number,
        "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}]});

    let answer = world.fjordlonn().sends_request(body).await;

    answer
        .assert_problem(404, "AUTH-00011")
        .assert_header("link", &help(&world, &["AUTH-00011"]));
    let page = world.anonymous().get("/docs/errors/AUTH-00011").await;
    let page = page.assert_status(200).text;
    assert!(
        page.contains("No system with this id is registered"),
        "{page}"
    );
    assert!(page.contains("urn:altinn:error:AUTH-00011"), "{page}");
}

#[tokio::test]
async fn a_problem_names_the_pages_about_its_findings_once_each() {
    let world = World::start().await;
    let text = json!({"nb": "a", "nn": "a", "en": "a"});
    let body = json!({"id": "a b", "vendor": {"ID": FJORDLONN.identifier()}, "name": text, "description": text, "isVisible": true,
        "allowedRedirectUrls": ["nowhere"]});

    let answer = world.fjordlonn().registers(body).await.assert_status(400);

    let codes = answer.validation_codes();
    assert!(codes.len() > 1, "{codes:?}");
    let mut named: Vec<&str> = vec!["STD-00000"];
    for code in &codes {
        if !named.contains(&code.as_str()) {
            named.push(code);
        }
    }
    answer.assert_header("link", &help(&world, &named));
}

#[tokio::test]
async fn access_management_names_its_pages_too() {
    let world = World::start().await;
    let path = format!(
        "/accessmanagement/api/v1/enduser/connections?party={}&from={}&to={}",
        TINDEVANDRER.uuid, TINDEVANDRER.uuid, TINDEVANDRER.uuid
    );
    let write = "altinn:accessmanagement/enduser:connections:toothers.write";
    let answer = world.marit().with_scopes(write).post_empty(&path).await;
    let codes = answer.validation_codes();
    let mut named = vec!["STD-00000"];
    named.extend(codes.iter().map(String::as_str).take(1));
    answer.assert_header("link", &help(&world, &named));
}

#[tokio::test]
async fn decisions_name_no_page() {
    let world = World::start().await;
    let decided = world.sav().post(PDP, json!({"Request": {}})).await;
    assert_eq!(decided.header("link"), "");
    let refused = world.sav().post(TOKENS, json!({})).await.assert_status(400);
    assert_eq!(refused.header("link"), "");
}

#[tokio::test]
async fn each_code_on_the_list_has_a_page_that_says_how_to_mend_it() {
    let world = World::start().await;
    let list = world.anonymous().get("/docs/errors").await;
    let list = list.assert_status(200).text;
    let codes: BTreeSet<String> = all("href=\"/docs/errors/([^\"]+)\"", &list)
        .into_iter()
        .collect();
    assert!(codes.len() > 120, "{}", codes.len());
    for family in [
        "AUTH-00080",
        "AMUI-00999",
        "REG-00006",
        "RR-00004",
        "AM-00022",
        "AUTH.VLD-00003",
        "AM.VLD-00034",
    ] {
        assert!(codes.contains(family), "{family}");
    }
    for code in codes {
        let page = world.anonymous().get(&format!("/docs/errors/{code}")).await;
        let page = page.assert_status(200).text;
        assert!(page.contains("How to mend it"), "{code}: {page}");
    }
}

#[tokio::test]
async fn a_code_in_small_letters_leads_to_its_page_and_an_unknown_one_to_none() {
    let world = World::start().await;
    let found = world.anonymous().get("/docs/errors/auth.vld-00003").await;
    found
        .assert_status(302)
        .assert_header("location", "/docs/errors/AUTH.VLD-00003");
    let unknown = world.anonymous().get("/docs/errors/AUTH-99999").await;
    unknown.assert_status(404);
}

// Guides

async fn guides(world: &World) -> Vec<String> {
    let front = world.anonymous().get("/docs").await.assert_status(200).text;
    let guides = all("href=\"(/docs/guides/[^\"]+)\"", &front);
    assert_eq!(guides.len(), 6, "{guides:?}");
    guides
}

/// The commands of a page, in order.
fn commands(page: &str) -> String {
    let blocks = Regex::new("(?s)<code class=\"language-sh\">(.*?)</code>").unwrap();
    let blocks = blocks.captures_iter(page);
    blocks.map(|block| without_entities(&block[1])).collect()
}

/// Runs the commands of a guide in one shell; what a comment `# → …` says must be printed, in order.
fn follow(guide: &str, page: &str) {
    let script = commands(page);
    let ended = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &script])
        .env("NO_PROXY", "*")
        .output()
        .expect("bash runs");
    let (printed, errors) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{guide}: {errors}\n{printed}");
    let expected = all("(?m)^# → (.*)$", &script);
    assert!(
        !expected.is_empty(),
        "{guide} says nothing of what is printed"
    );
    let mut rest: &str = &printed;
    for text in expected {
        let at = rest.find(&text);
        let at = at.unwrap_or_else(|| panic!("{guide}: {text} is not printed\n{printed}"));
        rest = &rest[at + text.len()..];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_each_guide_do_what_they_say() {
    let world = World::start().await;
    for guide in guides(&world).await {
        let page = world.anonymous().get(&guide).await.assert_status(200).text;
        tokio::task::spawn_blocking(move || follow(&guide, &page))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn links_of_the_documentation_lead_somewhere() {
    let world = World::start().await;
    let mut pages = guides(&world).await;
    pages.extend(["/docs", "/docs/errors", "/docs/errors/AUTH-00004"].map(str::to_owned));
    let mut links = BTreeSet::new();
    for page in pages {
        let text = world.anonymous().get(&page).await.assert_status(200).text;
        links.extend(all("href=\"(/(?:docs|openapi)[^\"#]*)\"", &text));
    }
    for link in links {
        world.anonymous().get(&link).await.assert_status(200);
    }
}

/// Addresses in running text, such as `GET /register/api/v1/organizations/{orgNr}`.
#[test]
fn operations_that_the_documentation_names_exist() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let mut files = vec![format!("{root}/errors.toml")];
    let guides = std::fs::read_dir(format!("{root}/guides")).unwrap();
    files.extend(guides.map(|guide| guide.unwrap().path().display().to_string()));
    let named = Regex::new("(GET|POST|PUT|DELETE) (/[^`\"\\s?]+)").unwrap();
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for found in named.captures_iter(&text) {
            let asked = found[2].trim_end_matches(['.', ',']);
            let operation = description::committed()
                .operation_of(&format!("{} http://localhost{asked}", &found[1]));
            assert!(operation.is_some(), "{file}: {}", &found[0]);
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

// The reference

#[tokio::test]
async fn a_sandbox_gives_test_tokens_on_the_port_of_the_service() {
    let world = World::start().await;
    let page = world.anonymous().get("/docs/api").await.assert_status(200);
    assert!(page.text.contains("data-address=\"/sandbox/testtools\""));
    let path = format!(
        "/sandbox/testtools/api/GetEnterpriseToken?env=local&orgNo={}&scopes=altinn:authentication/systemregister.write",
        FJORDLONN.number
    );
    let asked = world.app.http.get(format!("{}{path}", world.app.base));
    let token = asked.basic_auth("sandbox", Some("sandbox")).send().await;
    let token = token.unwrap().text().await.unwrap();
    let path = "/authentication/api/v1/systemregister/vendor";
    world.bearer(&token).get(path).await.assert_status(200);
    world
        .anonymous()
        .get(&format!("/sandbox/testtools{path}"))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn the_reference_loads_nothing_from_elsewhere() {
    let world = World::start().await;
    let page = world.anonymous().get("/docs/api").await.assert_status(200);
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"));
    assert!(policy.contains("script-src 'self';"), "{policy}");
    for address in all("(?:src|href)=\"([^\"]+)\"", &page.text) {
        assert!(address.starts_with('/'), "{address}");
        world.anonymous().get(&address).await.assert_status(200);
    }
}
