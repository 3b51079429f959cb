//! `serve` in production connects as a role that owns nothing, and as no other.

use std::{process::Child, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use testkit::{postgres::empty_database, roles::serving_role, settings::free_ports};

use crate::installation::Installation;

const FUNCTIONS: &str = "execute on all functions in schema public";

/// An installation whose database is migrated, at the address of its owner.
async fn migrated() -> (Installation, SecretString) {
    let owner = empty_database().await;
    let mut installation = Installation::new();
    let url = owner.expose_secret();
    installation.set("DATABASE_URL", url);
    let ended = installation.run(&["migrate"]);
    assert_eq!(ended.code, 0, "{}", ended.errors);
    (installation, owner)
}

#[tokio::test]
async fn a_superuser_does_not_serve() {
    let (installation, _) = migrated().await;
    let ended = installation.run(&["serve"]);
    assert_eq!(ended.code, 3);
    assert!(ended.errors.contains("is a superuser"), "{}", ended.errors);
    assert!(ended.errors.contains("--print-grants"), "{}", ended.errors);
}

#[tokio::test]
async fn an_owner_of_the_tables_does_not_serve() {
    let (mut installation, owner) = migrated().await;
    let url = testkit::roles::owning_role(&owner).await;
    installation.set("DATABASE_URL", url.expose_secret());
    let ended = installation.run(&["serve"]);
    assert_eq!(ended.code, 3);
    assert!(ended.errors.contains("owns tables"), "{}", ended.errors);
}

/// A process that ends with this.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_role_with_the_printed_grants_serves() {
    let (installation, owner) = migrated().await;
    let url = serving_role(&owner).await;
    must_serve(installation, &url).await;
}

#[tokio::test]
async fn a_role_with_the_printed_grants_serves_where_functions_are_not_public() {
    let (installation, owner) = migrated().await;
    testkit::roles::take_from_public(&owner, FUNCTIONS).await;
    let url = serving_role(&owner).await;
    must_serve(installation, &url).await;
}

#[tokio::test]
async fn what_a_role_may_not_call_or_number_is_named() {
    let (mut installation, owner) = migrated().await;
    let url = serving_role(&owner).await;
    testkit::roles::take_from_public(&owner, FUNCTIONS).await;
    for right in [
        "execute on function number_changes(integer)",
        "usage on sequence party_id_seq",
        "truncate on staging.person",
    ] {
        testkit::roles::take(&owner, right).await;
    }
    installation.set("DATABASE_URL", url.expose_secret());

    let ended = installation.run(&["serve"]);

    assert_eq!(ended.code, 3);
    for missing in [
        "function number_changes(integer) (execute)",
        "sequence party_id_seq (usage)",
        "staging.person (truncate)",
    ] {
        assert!(ended.errors.contains(missing), "{}", ended.errors);
    }
}

async fn must_serve(mut installation: Installation, url: &SecretString) {
    installation.set("DATABASE_URL", url.expose_secret());
    let port = free_ports(&[0, 1]);
    installation.set("SERVER__LISTEN", &format!("127.0.0.1:{port}"));
    installation.set(
        "SERVER__INTERNAL_LISTEN",
        &format!("127.0.0.1:{}", port + 1),
    );
    let mut serving = Serving(installation.spawn(&["serve"]));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = async {
        loop {
            let address = format!("http://127.0.0.1:{port}/health/ready");
            let answer = http.get(address).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(serving.0.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let is_ready = tokio::time::timeout(Duration::from_secs(60), ready).await;
    assert!(is_ready.is_ok(), "it does not get ready");
}

#[test]
fn a_name_that_is_none_is_wrong_use() {
    let ended = Installation::new().run(&["migrate", "--print-grants", "a'b"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.errors.contains("no name of a role"),
        "{}",
        ended.errors
    );
}
