//! The key-set client against issuers of every temper.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::rsa::KeySize;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use foundation::{
    config::Jwks,
    token::{JwksClient, JwksError, SigningKey},
};
use serde_json::{Value, json};
use testkit::{log::SecurityLog, prelude::*};
use tokio::sync::RwLock;

#[derive(Clone)]
struct Issuer(Arc<Inner>);

struct Inner {
    base: String,
    metadata: Mutex<Value>,
    keys: Mutex<Answer>,
    fetches: AtomicUsize,
    /// Held by a test, so that no key set is answered.
    answering: RwLock<()>,
}

#[derive(Clone)]
enum Answer {
    Json(Value),
    Status(u16),
    Redirect,
    Large,
}

impl Issuer {
    async fn start(keys: Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({"issuer": format!("{base}/"), "jwks_uri": format!("{base}/jwk")});
        let inner = Inner {
            base,
            metadata: Mutex::new(metadata),
            keys: Mutex::new(Answer::Json(keys)),
            fetches: AtomicUsize::new(0),
            answering: RwLock::default(),
        };
        let issuer = Self(Arc::new(inner));
        let router = Router::new()
            .route(
                "/.well-known/oauth-authorization-server",
                get(async |State(i): State<Issuer>| {
                    axum::Json(i.0.metadata.lock().unwrap().clone())
                }),
            )
            .route("/jwk", get(serve_keys))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn client(&self, settings: Jwks) -> JwksClient {
        JwksClient::new(
            &format!("{}/", self.0.base),
            &format!("{}/.well-known/oauth-authorization-server", self.0.base),
            settings,
            true,
        )
        .unwrap()
    }

    fn set(&self, answer: Answer) {
        *self.0.keys.lock().unwrap() = answer;
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

async fn serve_keys(State(issuer): State<Issuer>) -> Response {
    issuer.0.fetches.fetch_add(1, Ordering::SeqCst);
    let _answering = issuer.0.answering.read().await;
    let answer = issuer.0.keys.lock().unwrap().clone();
    match answer {
        Answer::Json(value) => axum::Json(value).into_response(),
        Answer::Status(status) => http::StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect => Redirect::to("/jwk").into_response(),
        Answer::Large => vec![b' '; 300 * 1024].into_response(),
    }
}

const fn settings(min_interval_s: u64, max_stale_s: u64) -> Jwks {
    Jwks {
        refresh_s: 3600,
        min_interval_s,
        max_stale_s,
        timeout_s: 2,
    }
}

fn key(kid: &str) -> SigningKey {
    SigningKey::generate(KeySize::Rsa2048, "")
        .unwrap()
        .with_kid(kid)
}

fn set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|k| k.public_jwk().clone()).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_new_key_works_after_one_refetch_and_a_removed_one_stops() {
    let (a, b) = (key("a"), key("b"));
    let issuer = Issuer::start(set(&[&a])).await;
    let client = issuer.client(settings(0, 3600));
    assert!(client.key("a").await.is_ok());
    issuer.set(Answer::Json(set(&[&b])));
    assert!(client.key("a").await.is_ok(), "known keys cause no fetch");
    assert_eq!(issuer.fetches(), 1);
    assert!(client.key("b").await.is_ok());
    assert_eq!(client.key("a").await.unwrap_err(), JwksError::UnknownKey);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch() {
    let a = key("a");
    let issuer = Issuer::start(set(&[&a])).await;
    let client = issuer.client(settings(60, 3600));
    let answered = AtomicUsize::new(0);
    let held = issuer.0.answering.write().await;
    let calls = (0..1000).map(async |n| {
        let found = client.key(&format!("unknown-{n}")).await;
        answered.fetch_add(1, Ordering::SeqCst);
        found.err()
    });
    // Each of the calls has begun when this begins.
    let release = async {
        while issuer.fetches() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(answered.load(Ordering::SeqCst), 0);
        drop(held);
    };

    let (results, ()) = futures::join!(futures::future::join_all(calls), release);

    assert_eq!(results, vec![Some(JwksError::UnknownKey); 1000]);
    assert_eq!(issuer.fetches(), 1);
    assert!(client.key("a").await.is_ok());
}

#[tokio::test]
async fn what_looks_wrong_never_replaces_what_was_good() {
    let a = key("a");
    let issuer = Issuer::start(set(&[&a])).await;
    let client = issuer.client(settings(0, 3600));
    assert!(client.key("a").await.is_ok());
    let weak = json!({"keys": [{"kty": "RSA", "kid": "w", "n": "AQAB", "e": "AQAB"}]});
    for poison in [
        Answer::Status(500),
        Answer::Redirect,
        Answer::Large,
        Answer::Json(json!({"keys": []})),
        Answer::Json(weak),
        Answer::Json(json!([])),
    ] {
        issuer.set(poison);
        assert_eq!(client.key("b").await.unwrap_err(), JwksError::UnknownKey);
        assert!(client.key("a").await.is_ok());
    }
    issuer.set(Answer::Json(set(&[&key("b")])));
    *issuer.0.metadata.lock().unwrap() =
        json!({"issuer": "https://evil.example/", "jwks_uri": format!("{}/jwk", issuer.0.base)});
    let fresh = issuer.client(settings(0, 3600));
    assert_eq!(fresh.key("b").await.unwrap_err(), JwksError::Unavailable);
    *issuer.0.metadata.lock().unwrap() =
        json!({"issuer": format!("{}/", issuer.0.base), "jwks_uri": "http://localhost:1/jwk"});
    assert_eq!(
        fresh.key("b").await.unwrap_err(),
        JwksError::Unavailable,
        "keys on another host"
    );
}

#[tokio::test]
async fn a_set_too_old_is_not_believed() {
    let a = key("a");
    let issuer = Issuer::start(set(&[&a])).await;
    let client = issuer.client(settings(3600, 0));
    assert_eq!(client.key("a").await.err(), Some(JwksError::Unavailable));
}

#[tokio::test]
async fn an_instance_that_starts_while_the_issuer_is_away_has_the_stored_keys() {
    let a = key("a");
    let issuer = Issuer::start(set(&[&a])).await;
    let app = TestApp::start().await;
    let pool = &app.running.state.db;
    issuer.client(settings(60, 3600)).begin(pool).await;
    issuer.set(Answer::Status(500));

    let client = issuer.client(settings(60, 3600));
    client.begin(pool).await;
    assert!(client.key("a").await.is_ok());

    app.age_key_sets(2).await;
    let client = issuer.client(settings(60, 3600));
    client.begin(pool).await;
    assert_eq!(
        client.key("a").await.unwrap_err(),
        JwksError::Unavailable,
        "a set too old is not believed"
    );
}

#[tokio::test]
async fn padded_and_standard_base64_are_read_and_double_ids_are_not() {
    let a = key("a");
    let mut padded = set(&[&a]);
    let n = padded["keys"][0]["n"]
        .as_str()
        .unwrap()
        .replace('-', "+")
        .replace('_', "/");
    padded["keys"][0]["n"] = json!(format!("{n}=="));
    let issuer = Issuer::start(padded).await;
    assert!(issuer.client(settings(0, 3600)).key("a").await.is_ok());
    let twice = set(&[&key("x"), &key("x"), &a]);
    issuer.set(Answer::Json(twice));
    let client = issuer.client(settings(60, 3600));
    assert!(client.key("a").await.is_ok());
    assert_eq!(client.key("x").await.unwrap_err(), JwksError::UnknownKey);
}

#[tokio::test]
async fn a_key_that_the_issuer_does_not_publish_is_logged() {
    let issuer = Issuer::start(set(&[&key("a")])).await;
    let client = issuer.client(settings(60, 3600));
    let log = SecurityLog::capture();
    assert_eq!(client.key("b").await.unwrap_err(), JwksError::UnknownKey);

    let event = log.only("auth.unknown_kid");

    assert_eq!(event["issuer"], format!("{}/", issuer.0.base));
}

#[tokio::test]
async fn keys_that_are_not_accepted_are_logged() {
    let issuer = Issuer::start(json!({"keys": []})).await;
    let client = issuer.client(settings(60, 3600));
    issuer.set(Answer::Status(500));
    let log = SecurityLog::capture();
    assert_eq!(client.key("a").await.unwrap_err(), JwksError::Unavailable);

    let event = log.only("jwks.rejected");

    assert_eq!(event["issuer"], format!("{}/", issuer.0.base));
}
