//! System users as vendors find and list them, and as the platform follows them.

use std::collections::{BTreeMap, BTreeSet};

use foundation::crypto::base64url;
use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

const BASE: &str = "/authentication/api/v1/systemuser";
const STREAM: &str = "/authentication/api/v1/systemuser/internal/systemusers";
const SYSTEM_USER_ADMIN: &str = "altinn:authentication/systemuser.admin";

fn by_query(rest: &str) -> String {
    format!(
        "{BASE}/vendor/byquery?system-id={}&orgno={}{rest}",
        FJORDLONN_SYSTEM.id, TINDEVANDRER.number
    )
}

fn by_system(system_id: &str) -> String {
    format!("{BASE}/vendor/bysystem/{system_id}")
}

/// Fjordlønn, with the scope that these lists need.
fn reader(world: &World) -> VendorCaller<'_> {
    world.fjordlonn().with_scopes(REGISTER_WRITE)
}

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_vendor_finds_a_system_user_by_its_owner() {
    let world = World::start().await;
    let found = world.fjordlonn().get(&by_query("")).await;
    let found = found.assert_status(200).json();
    assert_eq!(found["id"], json!(TINDEVANDRER_USER.id));
    assert_eq!(found["productName"], "");
    assert_eq!(found.get("partyId"), None);
}

#[tokio::test]
async fn a_vendor_finds_a_system_user_by_its_external_reference() {
    let world = World::start().await;
    let own = format!("&external-ref={}", TINDEVANDRER.number);
    for (external_ref, status) in [(own.as_str(), 200), ("&external-ref=other", 404)] {
        world
            .fjordlonn()
            .get(&by_query(external_ref))
            .await
            .assert_status(status);
    }
}

#[tokio::test]
async fn a_vendor_does_not_find_the_system_user_of_another_vendor() {
    let world = World::start().await;
    let missing = world.skyregnskap().get(&by_query("")).await;
    let problem = missing.assert_status(404).problem();
    assert_eq!(problem["title"], "Not Found");
}

#[tokio::test]
async fn a_token_that_reads_requests_finds_no_system_user() {
    let world = World::start().await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_READ)
        .get(&by_query(""))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn a_vendor_names_the_system_and_the_owner() {
    let world = World::start().await;
    for (query, key) in [("orgno=1", "system-id"), ("system-id=x&orgno=", "orgno")] {
        world
            .fjordlonn()
            .get(&format!("{BASE}/vendor/byquery?{query}"))
            .await
            .assert_error_keys([key]);
    }
}

#[tokio::test]
async fn system_users_of_a_deleted_system_are_found_and_listed_by_their_vendor() {
    let world = World::start().await;
    let vendor = world.fjordlonn();
    vendor
        .deletes_system(FJORDLONN_SYSTEM.id)
        .await
        .assert_status(200);
    vendor.get(&by_query("")).await.assert_status(200);
    reader(&world)
        .get(&by_system(FJORDLONN_SYSTEM.id))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_vendor_pages_through_the_users_of_a_system_while_they_come_and_go() {
    let world = World::with(&[("pagination.page_size", "2")]).await;
    let copies = world.app.copy_user(&TINDEVANDRER_USER, 5).await;
    let mut pages = Vec::new();
    let mut next = Some(by_system(FJORDLONN_SYSTEM.id));
    while let Some(path) = next {
        let page = reader(&world).get(&path).await.assert_status(200).json();
        let members: Vec<&String> = page.as_object().unwrap().keys().collect();
        assert_eq!(members, ["links", "data"]);
        next = page["links"]["next"]
            .as_str()
            .map(|link| world.app.path_of(link));
        pages.push(ids(&page));
        if pages.len() == 1 {
            world.marit().deletes(&copies[0]).await.assert_status(202);
        }
    }

    let (_, full) = pages.split_last().unwrap();
    assert!(full.iter().all(|page| page.len() == 2), "{pages:?}");
    let seen: Vec<&String> = pages.iter().flatten().collect();
    let distinct: BTreeSet<&&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{pages:?}");
    for user in [&TINDEVANDRER_USER, &LYNGMARK_USER]
        .into_iter()
        .chain(&copies[1..])
    {
        assert!(seen.iter().any(|id| **id == user.id), "{user:?}");
    }
}

#[tokio::test]
async fn the_link_to_the_next_page_has_the_address_that_the_proxy_was_called_by() {
    let world = World::with(&[
        ("pagination.page_size", "1"),
        ("server.trusted_proxies", "127.0.0.0/8"),
    ])
    .await;
    let page = reader(&world)
        .with_header(
            "x-forwarded-host",
            "first.example,second.example,third.example:8443",
        )
        .with_header("x-forwarded-proto", "https")
        .get(&by_system(FJORDLONN_SYSTEM.id))
        .await
        .assert_status(200)
        .json();
    let next = page["links"]["next"].as_str().unwrap();
    let expected = format!("https://third.example:8443{}", by_system(""));
    assert!(next.starts_with(&expected), "{next}");
}

#[tokio::test]
async fn users_of_a_system_that_is_not_the_vendors_are_not_listed() {
    let world = World::start().await;
    for system_id in [SKYREGNSKAP_BYRA.id, "none"] {
        reader(&world)
            .get(&by_system(system_id))
            .await
            .assert_problem(404, "AUTH-00011");
    }
}

#[tokio::test]
async fn a_place_in_the_users_of_a_system_is_a_number() {
    let world = World::with(&[("pagination.page_size", "2")]).await;
    let path = by_system(FJORDLONN_SYSTEM.id);
    reader(&world)
        .get(&format!("{path}?token=%21"))
        .await
        .assert_error_keys(["token"]);
    // Before the first.
    let token = base64url("-5");
    let page = reader(&world).get(&format!("{path}?token={token}")).await;
    assert_eq!(ids(&page.assert_status(200).json()).len(), 2);
}

#[tokio::test]
async fn users_of_a_system_are_listed_with_the_scope_of_the_register() {
    let world = World::start().await;
    world
        .fjordlonn()
        .with_scopes(REQUEST_WRITE)
        .get(&by_system(FJORDLONN_SYSTEM.id))
        .await
        .assert_forbidden();
}

fn platform(world: &World) -> Caller<'_> {
    world.organization(DIGDIR, SYSTEM_USER_ADMIN)
}

/// The stream from after a number on.
fn stream_after(number: i64) -> String {
    format!("{STREAM}/stream?token={}", base64url(number.to_string()))
}

async fn last_number(world: &World) -> i64 {
    let page = platform(world).get(&format!("{STREAM}/stream")).await;
    let stats = page.assert_status(200).json()["stats"].take();
    stats["sequenceMax"].as_i64().unwrap()
}

async fn page(world: &World, path: &str) -> (Value, Option<String>) {
    let page = platform(world).get(path).await.assert_status(200).json();
    let next = page["links"]["next"]
        .as_str()
        .map(|link| world.app.path_of(link));
    (page, next)
}

#[tokio::test]
async fn the_stream_has_pages_of_a_hundred_and_an_empty_last_one() {
    let world = World::start().await;
    let start = last_number(&world).await;
    world.app.copy_user(&TINDEVANDRER_USER, 102).await;

    let mut sizes = Vec::new();
    let mut next = Some(stream_after(start));
    while let Some(path) = next {
        let shown;
        (shown, next) = page(&world, &path).await;
        let users = shown["data"].as_array().unwrap();
        sizes.push(users.len());
        let stats = &shown["stats"];
        assert_eq!(stats["sequenceMax"], start + 102);
        if let (Some(first), Some(last)) = (users.first(), users.last()) {
            assert_eq!(stats["pageStart"], first["sequenceNo"]);
            assert_eq!(stats["pageEnd"], last["sequenceNo"]);
        } else {
            assert_eq!(stats["pageStart"], start + 102);
            assert_eq!(shown["links"], json!({}));
        }
    }

    assert_eq!(sizes, [100, 2, 0]);
}

#[tokio::test]
async fn the_platform_reads_a_system_user_whole() {
    let world = World::start().await;
    let token = world
        .app
        .token(
            "GetPlatformAccessToken",
            &[("env", "tt02"), ("app", "register")],
        )
        .await;

    let shown = world
        .anonymous()
        .with_header("PlatformAccessToken", &token)
        .get(&format!("{STREAM}/{}", TINDEVANDRER_USER.id))
        .await;

    let mut shown = shown.assert_status(200).json();
    for member in ["created", "lastChanged", "sequenceNo"] {
        assert!(!shown[member].take().is_null(), "{member}");
    }
    insta::assert_snapshot!(shown.to_string(), @r#"{"id":"3f794e70-3593-53d5-8174-1a3371cf43dc","partyOrgNo":"390367767","partyId":"52000084","integrationTitle":"Fjordlønn","isDeleted":false,"lastChanged":null,"created":null,"sequenceNo":null,"systemUserType":"standard"}"#);
}

#[tokio::test]
async fn a_deleted_system_user_comes_again_at_the_end_of_the_stream() {
    let world = World::start().await;
    let start = last_number(&world).await;

    world
        .jostein()
        .deletes(&TINDEVANDRER_USER)
        .await
        .assert_status(202);

    let (shown, _) = page(&world, &stream_after(start)).await;
    assert_eq!(ids(&shown), [&*TINDEVANDRER_USER.id]);
    assert_eq!(shown["data"][0]["isDeleted"], true);
}

#[tokio::test]
async fn a_system_user_that_is_deleted_or_unknown_is_gone_for_the_platform() {
    let world = World::start().await;
    world
        .jostein()
        .deletes(&TINDEVANDRER_USER)
        .await
        .assert_status(202);
    for id in [&*TINDEVANDRER_USER.id, &Uuid::nil().to_string()] {
        platform(&world)
            .get(&format!("{STREAM}/{id}"))
            .await
            .assert_status(410);
    }
    platform(&world)
        .get(&format!("{STREAM}/x"))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn the_stream_is_for_the_platform() {
    let world = World::start().await;
    let path = format!("{STREAM}/stream");
    world.fjordlonn().get(&path).await.assert_forbidden();
    world.anonymous().get(&path).await.assert_unauthorized();
}

#[tokio::test]
async fn a_stream_without_system_users_is_empty() {
    let world = World::start().await;
    world.app.remove_all_users().await;
    platform(&world)
        .get(&format!("{STREAM}/stream"))
        .await
        .assert_status(200)
        .assert_json(&json!({
            "stats": {"pageStart": 0, "pageEnd": 0, "sequenceMax": 0},
            "links": {},
            "data": [],
        }));
}

/// A request to Nattergal.
async fn asked(world: &World, n: usize) -> RequestHandle<'_> {
    let body = request_for(FJORDLONN_SYSTEM, NATTERGAL, [LONN]);
    let body = with(body, "externalRef", json!(format!("ref {n}")));
    world.fjordlonn().requests_as(NATTERGAL, body).await
}

#[tokio::test]
async fn who_follows_the_stream_during_writes_misses_none() {
    let world = World::start().await;
    let mut path = stream_after(last_number(&world).await);
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let requests = futures::future::join_all((0..5).map(|n| asked(&world, n))).await;
    let torleif = world.torleif();
    let held = world.app.hold_writes("\"system_user\"").await;
    let writers = held.race(requests.iter().map(async |request| {
        torleif.approves(request).await.assert_status(200);
        &request.id
    }));
    tokio::pin!(writers);
    let mut written = None;
    loop {
        let read = if written.is_some() {
            page(&world, &path).await
        } else {
            tokio::select! {
                ids = &mut writers => { written = Some(ids); continue }
                read = page(&world, &path) => read,
            }
        };
        let (shown, next) = read;
        for user in shown["data"].as_array().unwrap() {
            seen.insert(
                user["id"].as_str().unwrap().to_owned(),
                user["sequenceNo"].as_i64().unwrap(),
            );
        }
        match next {
            Some(next) => path = next,
            None if written.is_some() => break,
            None => {}
        }
    }
    for id in written.unwrap() {
        assert!(seen.contains_key(id), "{id} was passed by");
    }
}
