//! Events: a vendor follows what happens, in order, and misses nothing.

use serde_json::{Value, json};

use crate::support::*;

const EVENTS: &str = "/systembruker/api/v1/events";

/// Follows the events from an address until this many came; they wait for every transaction still
/// running.
async fn follow(app: &TestApp, token: &str, next: &mut String, count: usize) -> Vec<Value> {
    let mut out = Vec::new();
    for _ in 0..2_000 {
        let page = app.get(next, token).await.expect(200).json();
        page["links"]["next"]
            .as_str()
            .unwrap()
            .strip_prefix(&app.base)
            .unwrap()
            .clone_into(next);
        out.extend(page["data"].as_array().unwrap().iter().cloned());
        if out.len() >= count {
            return out;
        }
    }
    panic!("only {} of {count} events came: {out:?}", out.len());
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|e| {
            e["type"]
                .as_str()
                .unwrap()
                .strip_prefix("no.systembruker.")
                .unwrap()
        })
        .collect()
}

#[tokio::test]
async fn a_vendor_follows_its_requests_and_system_users() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let mut next = EVENTS.to_owned();
    let first = app.get(&next, &token).await.expect(200).json();
    next = first["links"]["next"]
        .as_str()
        .unwrap()
        .strip_prefix(&app.base)
        .unwrap()
        .to_owned();

    let id = app.new_request(who::KERAMIKK, &["a-ordning"]).await;
    let oddny = app.person(who::ODDNY).await;
    app.post_empty(
        &format!(
            "/authentication/api/v1/systemuser/request/{}/{id}/approve",
            who::KERAMIKK_PARTY
        ),
        &oddny,
    )
    .await
    .expect(200);
    let user = format!(
        "/authentication/api/v1/systemuser/{}/{id}",
        who::KERAMIKK_PARTY
    );
    app.delete(&user, &oddny).await.expect(202);
    let events = follow(&app, &token, &mut next, 4).await;
    assert_eq!(
        kinds(&events),
        [
            "request.created",
            "request.accepted",
            "systemuser.created",
            "systemuser.deleted"
        ]
    );
    let mut shown = events[2].clone();
    assert_eq!(
        (
            shown["subject"].take(),
            shown["data"]["systemUserId"].take()
        ),
        (json!(id), json!(id))
    );
    for member in ["id", "time"] {
        assert!(!shown[member].take().is_null());
    }
    insta::assert_snapshot!(shown.to_string().replace(&app.base, "BASE"), @r#"{"specversion":"1.0","id":null,"source":"BASE/systembruker/api/v1/events","type":"no.systembruker.systemuser.created","subject":null,"time":null,"datacontenttype":"application/json","data":{"systemId":"390198116_fjordlonn","externalRef":"390381492","systemUserId":null,"partyOrgNo":"390381492"}}"#);
    // Nothing more, and the link stays good.
    assert_eq!(
        app.get(&next, &token).await.expect(200).json()["data"],
        json!([])
    );
    let id = app.new_request(who::KERAMIKK, &["lonn"]).await;
    app.post_empty(
        &format!(
            "/authentication/api/v1/systemuser/request/{}/{id}/reject",
            who::KERAMIKK_PARTY
        ),
        &oddny,
    )
    .await
    .expect(200);
    let events = follow(&app, &token, &mut next, 2).await;
    assert_eq!(kinds(&events), ["request.created", "request.rejected"]);
    assert!(events.iter().all(|e| e["subject"] == id.as_str()));
    // Nothing of it is another vendor's.
    let other = app
        .get(EVENTS, &app.vendor(who::SKYREGNSKAP).await)
        .await
        .expect(200)
        .text;
    assert!(!other.contains(&id) && !other.contains(who::FJORDLONN));
    app.get(
        EVENTS,
        &app.organization(who::FJORDLONN, REQUEST_WRITE).await,
    )
    .await
    .expect(403);
    app.send(reqwest::Method::GET, EVENTS, None, None)
        .await
        .expect(401);
    assert_eq!(
        app.get(&format!("{EVENTS}?after=x"), &token)
            .await
            .error_keys(),
        ["after"]
    );
}

#[tokio::test]
async fn none_is_lost_beside_writers() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let mut next = EVENTS.to_owned();
    let write = async |n: usize| {
        let mut body = request_body(who::NATTERGAL, &["lonn"]);
        body["externalRef"] = json!(format!("ref {n}"));
        app.post(
            "/authentication/api/v1/systemuser/request/vendor",
            &token,
            body,
        )
        .await
        .expect(201)
        .json()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (ids, events) = futures::join!(
        futures::future::join_all((0..40).map(write)),
        follow(&app, &token, &mut next, 40)
    );
    let mut rest = events;
    while !ids
        .iter()
        .all(|id| rest.iter().any(|e| e["subject"] == id.as_str()))
    {
        rest.extend(follow(&app, &token, &mut next, 1).await);
    }
    let seen: std::collections::BTreeSet<&str> =
        rest.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(seen.len(), rest.len(), "no event came twice");
}

#[tokio::test]
async fn a_vendor_is_told_of_time_outs_once() {
    let app = TestApp::start().await;
    let token = app.vendor(who::FJORDLONN).await;
    let id = app.new_request(who::KERAMIKK, &["lonn"]).await;
    let young = app.new_request(who::HAVBLIKK, &["lonn"]).await;
    app.run_sql(&format!(
        "update request set created = now() - interval '181 days' where id = '{id}'"
    ))
    .await;
    let pool = &app.running.state.db;
    assert!(
        systembruker::requests::timeouts::announce(pool, 180)
            .await
            .unwrap()
            >= 1
    );
    assert_eq!(
        systembruker::requests::timeouts::announce(pool, 180)
            .await
            .unwrap(),
        0
    );
    let mut next = EVENTS.to_owned();
    let events = follow(&app, &token, &mut next, 3).await;
    let told: Vec<&Value> = events
        .iter()
        .filter(|e| e["type"] == "no.systembruker.request.timedout")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["subject"], &told[0]["data"]["partyOrgNo"]),
        (&json!(id), &json!(who::KERAMIKK))
    );
    assert!(!told.iter().any(|e| e["subject"] == young.as_str()));
}
