//! A change is known by the next decision here, and soon everywhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";
const DELETE: &str = "/authentication/api/v1/systemuser";
const CLIENTS: &str = "altinn:clientdelegations.write";

fn question() -> Value {
    let subject = ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER);
    decision_request(
        subject,
        "write",
        "a-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    )
}

/// A decision on facts at least this new, if a position is given.
async fn decide(app: &TestApp, token: &str, at_least: Option<&str>) -> Answer {
    let mut request = app
        .http
        .request(Method::POST, format!("{}{AUTHORIZE_PATH}", app.base))
        .bearer_auth(token)
        .json(&question());
    if let Some(position) = at_least {
        request = request.header("Systembruker-At-Least", position);
    }
    Answer::of(request.send().await.unwrap()).await
}

fn decision(answer: &Answer) -> String {
    answer.json()["response"][0]["decision"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_write_answers_with_its_position_and_is_seen_at_once() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    assert_eq!(decision(&decide(&app, &token, None).await), "Permit");
    let director = app
        .person(&director_of(&app, who::TINDEVANDRER).await)
        .await;
    let deleted = app
        .delete(
            &format!(
                "{DELETE}/{}/{}",
                who::TINDEVANDRER_PARTY,
                who::TINDEVANDRER_USER
            ),
            &director,
        )
        .await;
    assert!(deleted.status < 300, "{}", deleted.text);
    let position: i64 = deleted.header("systembruker-position").parse().unwrap();
    assert!(position > 0);
    assert_eq!(decision(&decide(&app, &token, None).await), "NotApplicable");
    assert_eq!(
        decision(&decide(&app, &token, Some(&position.to_string())).await),
        "NotApplicable"
    );
    // What changes no decision answers with none.
    assert_eq!(
        app.post(AUTHORIZE_PATH, &token, question())
            .await
            .expect(200)
            .header("systembruker-position"),
        ""
    );
}

/// Identity number of somebody who manages access for an organisation.
async fn director_of(app: &TestApp, org: &str) -> String {
    for pid in [who::ODDNY, who::TORLEIF, who::JOSTEIN, who::OLAV] {
        let path = format!(
            "/authentication/api/v1/systemuser/{}",
            app.count(&format!(
                "select party_id::bigint from party where org_number = '{org}'"
            ))
            .await
        );
        if app.get(&path, &app.person(pid).await).await.status == 200 {
            return pid.to_owned();
        }
    }
    panic!("nobody manages access for {org}")
}

/// An instance that permitted, its token, and the answer of another one that deleted the system
/// user since, and when.
async fn deleted_elsewhere() -> (TestApp, String, Answer, Instant) {
    let here = TestApp::start().await;
    let there = TestApp::on(here.database.clone(), &[]).await;
    let token = there.organization(who::SAV, AUTHORIZE).await;
    let director = here
        .person(&director_of(&here, who::TINDEVANDRER).await)
        .await;
    assert_eq!(decision(&decide(&there, &token, None).await), "Permit");
    let deleted = here
        .delete(
            &format!(
                "{DELETE}/{}/{}",
                who::TINDEVANDRER_PARTY,
                who::TINDEVANDRER_USER
            ),
            &director,
        )
        .await;
    let since = Instant::now();
    assert!(deleted.status < 300, "{}", deleted.text);
    (there, token, deleted, since)
}

#[tokio::test]
async fn another_instance_knows_at_once_when_asked_and_soon_when_not() {
    let (there, token, deleted, _) = deleted_elsewhere().await;
    let position = deleted.header("systembruker-position").to_owned();
    assert_eq!(
        decision(&decide(&there, &token, Some(&position)).await),
        "NotApplicable"
    );
}

#[tokio::test]
async fn without_asking_a_change_elsewhere_is_known_within_the_bound() {
    let (there, token, _, since) = deleted_elsewhere().await;
    loop {
        let asked = since.elapsed();
        if decision(&decide(&there, &token, None).await) == "NotApplicable" {
            break;
        }
        assert!(
            asked < Duration::from_secs(1),
            "a stale Permit after {asked:?}"
        );
    }
}

#[tokio::test]
async fn a_position_is_a_number() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    for wrong in ["soon", "-1", "1.5", ""] {
        assert_eq!(
            decide(&app, &token, Some(wrong)).await.status,
            400,
            "{wrong:?}"
        );
    }
    let authzen = json!({"subject": {"type": "systemuser", "id": who::TINDEVANDRER_USER}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}}});
    let request = app
        .http
        .post(format!("{}/access/v1/evaluation", app.base))
        .bearer_auth(&token)
        .json(&authzen)
        .header("Systembruker-At-Least", "x");
    assert_eq!(request.send().await.unwrap().status(), 400);
    // A position that never comes is answered from the database, not never.
    assert_eq!(
        decision(&decide(&app, &token, Some("9000000000000000")).await),
        "Permit"
    );
}

#[tokio::test]
async fn who_asks_for_newer_facts_than_memory_has_gets_them_everywhere() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let resource = json!({"type": "resource", "id": "a-melding", "properties": {"organization": who::TINDEVANDRER}});
    let search = json!({"subject": {"type": "systemuser"}, "action": {"name": "write"}, "resource": resource});
    let raw = crate::journey::Client::seeded(who::FJORDLONN_CLIENT)
        .system_user_token(&app, who::TINDEVANDRER, None)
        .await
        .expect(200)
        .json();
    let raw = raw["access_token"].as_str().unwrap();
    let check = json!({"token": raw, "checks": [{"resource": "a-melding", "action": "write"}]});
    let ask = async |path: &str, body: &Value, at_least: Option<&str>| {
        let request = app
            .http
            .post(format!("{}{path}", app.base))
            .bearer_auth(&token)
            .json(body);
        let request = at_least.iter().fold(request, |request, position| {
            request.header("Systembruker-At-Least", *position)
        });
        Answer::of(request.send().await.unwrap())
            .await
            .expect(200)
            .json()
    };
    let all = async |at_least: Option<&str>| {
        let decided = decision(&decide(&app, &token, at_least).await) == "Permit";
        let found = ask("/access/v1/search/subject", &search, at_least).await;
        let listed = found["results"]
            .as_array()
            .unwrap()
            .iter()
            .any(|hit| hit["id"] == who::TINDEVANDRER_USER);
        let inspected = ask(
            "/authorization/api/v1/systemuser/authorize",
            &check,
            at_least,
        )
        .await;
        (
            decided,
            listed,
            inspected["active"] == true && inspected["authorized"] == true,
        )
    };
    assert_eq!(all(None).await, (true, true, true));
    // Nobody tells about this change: memory does not know it, the database does.
    app.run_sql(&format!(
        "update \"system_user\" set is_deleted = true where id = '{}'",
        who::TINDEVANDRER_USER
    ))
    .await;
    assert_eq!(all(Some("9000000000000000")).await, (false, false, false));
    app.run_sql("insert into change_feed (kind, key) values ('everything', 'test')")
        .await;
    app.caught_up().await;
    assert_eq!(all(None).await, (false, false, false));
}

#[tokio::test]
async fn numbers_that_never_come_hide_nothing() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    assert_eq!(decision(&decide(&app, &token, None).await), "Permit");
    // One transaction takes a number and waits, another is rolled back, a third commits behind
    // them.
    let mut open = app.sql().await;
    let run = |statement: &'static str| sqlx::raw_sql(statement);
    run("begin; update \"system_user\" set is_deleted = true where id = '3f794e70-3593-53d5-8174-1a3371cf43dc';
         insert into change_feed (kind, key) values ('system-user', '3f794e70-3593-53d5-8174-1a3371cf43dc')")
    .execute(&mut open)
    .await
    .unwrap();
    run("begin; insert into change_feed (kind, key) values ('party', 'x'); rollback")
        .execute(&mut app.sql().await)
        .await
        .unwrap();
    app.run_sql("insert into change_feed (kind, key) values ('party', 'y')")
        .await;
    assert!(app.running.state.feed.catch_up().await);
    assert_eq!(
        decision(&decide(&app, &token, None).await),
        "Permit",
        "it is not committed yet"
    );
    run("commit").execute(&mut open).await.unwrap();
    assert!(app.running.state.feed.catch_up().await);
    assert_eq!(decision(&decide(&app, &token, None).await), "NotApplicable");
}

#[tokio::test]
async fn a_feed_that_cannot_be_followed_is_done_without() {
    let app = TestApp::start().await;
    let token = app.organization(who::SAV, AUTHORIZE).await;
    assert_eq!(decision(&decide(&app, &token, None).await), "Permit");
    app.run_sql("alter table change_feed rename to change_feed_away")
        .await;
    while app.running.state.feed.is_followed() {
        tokio::task::yield_now().await;
    }
    // Nobody tells about this change: it is read from the database all the same.
    assert_eq!(decision(&decide(&app, &token, None).await), "Permit");
    app.run_sql(&format!(
        "update \"system_user\" set is_deleted = true where id = '{}'",
        who::TINDEVANDRER_USER
    ))
    .await;
    assert_eq!(decision(&decide(&app, &token, None).await), "NotApplicable");
    app.run_sql("alter table change_feed_away rename to change_feed")
        .await;
    assert!(app.running.state.feed.catch_up().await);
}

/// Asks in the background until it is told to stop; how many decisions it got.
fn ask_on(app: &TestApp, token: &str, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<i64> {
    let (http, base, token, stop) = (
        app.http.clone(),
        app.base.clone(),
        token.to_owned(),
        Arc::clone(stop),
    );
    tokio::spawn(async move {
        let mut decided = 0;
        while !stop.load(Ordering::Relaxed) {
            let answer = http
                .post(format!("{base}{AUTHORIZE_PATH}"))
                .bearer_auth(&token)
                .json(&question())
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            decided += 1;
        }
        decided
    })
}

/// Asks until the answer is another one; how long that took, and how often it asked.
async fn until(app: &TestApp, token: &str, body: &Value, expected: &str) -> (Duration, i64) {
    let since = Instant::now();
    let mut asked = 0;
    loop {
        let began = since.elapsed();
        let answer = app
            .post(AUTHORIZE_PATH, token, body.clone())
            .await
            .expect(200);
        asked += 1;
        if decision(&answer) == expected {
            return (began, asked);
        }
        assert!(
            began < Duration::from_secs(1),
            "still {} after {began:?}",
            decision(&answer)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_under_load_never_hold_on_to_what_was_revoked_and_log_every_decision() {
    let first = TestApp::start().await;
    let apps = [
        TestApp::on(first.database.clone(), &[]).await,
        TestApp::on(first.database.clone(), &[]).await,
        first,
    ];
    // Clocks of instances differ a little; nothing of this goes by the clock.
    apps[0].clock.shift(6);
    apps[1].clock.shift(-6);
    // Each instance has issuers of its own here.
    let mut tokens = Vec::new();
    for app in &apps {
        tokens.push((
            app.organization(who::SAV, AUTHORIZE).await,
            app.person(who::ODDNY).await,
            crate::resources::owner(app).await,
        ));
    }
    let before = apps[0].count("select count(*) from decision_log").await;
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = apps
        .iter()
        .zip(&tokens)
        .map(|(app, (token, ..))| ask_on(app, token, &stop))
        .collect();
    let mut asked = 0;

    // System users are approved on one instance, used on all, deleted on another.
    for round in 0..12 {
        let (here, there) = (&apps[round % 3], &apps[(round + 1) % 3]);
        let ((_, oddny, _), (token, oddny_there, _)) =
            (&tokens[round % 3], &tokens[(round + 1) % 3]);
        let mut body = request_body(who::KERAMIKK, &["a-ordning"]);
        body["externalRef"] = json!(format!("round {round}"));
        let made = here
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &here.vendor(who::FJORDLONN).await,
                body,
            )
            .await
            .expect(201);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        here.post_empty(
            &format!("{DELETE}/request/{}/{id}/approve", who::KERAMIKK_PARTY),
            oddny,
        )
        .await
        .expect(200);
        let body = decision_request(
            ("urn:altinn:systemuser:uuid", &id),
            "write",
            "a-melding",
            ("urn:altinn:organization:identifier-no", who::KERAMIKK),
        );
        for (app, (token, ..)) in apps.iter().zip(&tokens) {
            asked += until(app, token, &body, "Permit").await.1;
        }
        if round % 4 == 3 {
            // Whoever listens for notifications is cut off; polling goes on.
            there.run_sql("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'").await;
        }
        let deleted = there
            .delete(
                &format!("{DELETE}/{}/{id}", who::KERAMIKK_PARTY),
                oddny_there,
            )
            .await;
        assert!(deleted.status < 300, "{}", deleted.text);
        // Where it was deleted, the very next decision knows.
        assert_eq!(
            decision(
                &there
                    .post(AUTHORIZE_PATH, token, body.clone())
                    .await
                    .expect(200)
            ),
            "NotApplicable"
        );
        asked += 1;
        for (app, (token, ..)) in apps.iter().zip(&tokens) {
            asked += until(app, token, &body, "NotApplicable").await.1;
        }
    }

    // A client is handed to an agent on one instance, used on all, taken back on another.
    let client = apps[0]
        .sql_text(&format!(
            "select uuid::text from party where org_number = '{}'",
            who::TINDEVANDRER
        ))
        .await;
    let change = format!(
        "/authentication/api/v1/enduser/systemuser/clients?agent={}&client={client}",
        who::TALLKNUSEREN_AGENT
    );
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TALLKNUSEREN_AGENT),
        "read",
        "mva-melding",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    for round in 0..12 {
        let (here, there) = (&apps[round % 3], &apps[(round + 2) % 3]);
        let administrator = async |app: &TestApp| {
            app.token(
                "GetPersonalToken",
                &[("pid", who::RANDI), ("scopes", CLIENTS)],
            )
            .await
        };
        here.post_empty(&change, &administrator(here).await)
            .await
            .expect(200);
        for (app, (token, ..)) in apps.iter().zip(&tokens) {
            asked += until(app, token, &body, "Permit").await.1;
        }
        there
            .delete(&change, &administrator(there).await)
            .await
            .expect(200);
        assert_eq!(
            decision(
                &there
                    .post(AUTHORIZE_PATH, &tokens[(round + 2) % 3].0, body.clone())
                    .await
                    .expect(200)
            ),
            "NotApplicable"
        );
        asked += 1;
        for (app, (token, ..)) in apps.iter().zip(&tokens) {
            asked += until(app, token, &body, "NotApplicable").await.1;
        }
    }

    // A policy is replaced on one instance, and decides on the others.
    apps[0]
        .post(
            "/resourceregistry/api/v1/resource",
            &tokens[0].2,
            crate::resources::resource("sav-fangst"),
        )
        .await
        .expect(201);
    let body = decision_request(
        ("urn:altinn:systemuser:uuid", who::TINDEVANDRER_USER),
        "read",
        "sav-fangst",
        ("urn:altinn:organization:identifier-no", who::TINDEVANDRER),
    );
    for round in 0..6 {
        let (package, expected) = if round % 2 == 0 {
            ("lonn", "Permit")
        } else {
            ("jordbruk", "NotApplicable")
        };
        let here = &apps[round % 3];
        let xml = crate::resources::policy("sav-fangst", &[package]);
        crate::resources::upload(here, &tokens[round % 3].2, "sav-fangst", "policyFile", &xml)
            .await
            .expect(201);
        for (app, (token, ..)) in apps.iter().zip(&tokens) {
            asked += until(app, token, &body, expected).await.1;
        }
    }

    stop.store(true, Ordering::Relaxed);
    for task in load {
        asked += task.await.unwrap();
    }
    for app in &apps {
        app.running.state.pdp.log().flush().await;
    }
    assert_eq!(
        apps[0].count("select count(*) from decision_log").await - before,
        asked,
        "every decision is in the log, once"
    );
}
