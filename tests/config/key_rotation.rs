//! Keys are replaced while instances run: at each step of the runbook every instance knows every person.

use std::{process::Child, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use testkit::{postgres::empty_database, settings::free_ports};

use crate::installation::{Installation, RSA_KEYS, random};
use testkit::database::Database;

/// A person from before the rotation.
const FIRST: &str = "14837211191";
/// One who is imported in the middle of it.
const SECOND: &str = "29829622287";

/// A service that ends with this.
struct Instance {
    process: Child,
    port: u16,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An installation of profile `test` with a person.
struct Rotation {
    installation: Installation,
    database: SecretString,
}

impl Rotation {
    async fn begin() -> Self {
        let database = empty_database().await;
        let mut installation = Installation::new();
        installation.set("DATABASE_URL", database.expose_secret());
        installation.set("SERVER__PROFILE", "test");
        installation.set("SERVER__PUBLIC_BASE_URL", "http://127.0.0.1:1");
        installation.set("SERVER__ALLOWED_HOSTS", "127.0.0.1");
        let document = json!({"keys": [RSA_KEYS[2].public_jwk()]});
        installation.write("platform.json", &document.to_string());
        installation.name("PLATFORM_TOKENS__KEYS__PLATFORM", "platform.json");
        installation.write("blind-index-2", &random("blind-index-2"));
        installation.write("person-id-2", &random("person-id-2"));
        let rotation = Self {
            installation,
            database,
        };
        rotation.import(FIRST);
        rotation
    }

    /// Names the keys by their numbers, the present one first.
    fn keys(&mut self, numbers: &[u8]) {
        for name in ["blind-index", "person-id"] {
            self.keys_of(name, numbers);
        }
    }

    /// As [`Self::keys`], of one setting.
    fn keys_of(&mut self, name: &str, numbers: &[u8]) {
        let file = |number: &u8| match number {
            1 => self.installation.path(name),
            number => self.installation.path(&format!("{name}-{number}")),
        };
        let files: Vec<String> = numbers.iter().map(file).collect();
        let setting = format!("KEYS__{}", name.replace('-', "_").to_uppercase());
        self.installation.set(&setting, &files.join(","));
    }

    fn import(&self, id: &str) {
        let person = json!({"personId": id, "firstName": "Prøve", "lastName": "Person"});
        self.installation
            .write("import.ndjson", &format!("{person}\n"));
        let file = self.installation.path("import.ndjson");
        let arguments = ["import", "persons", &file, "--mode", "delta"];
        let ended = self.installation.run(&arguments);
        assert_eq!(ended.code, 0, "{}{}", ended.output, ended.errors);
    }

    fn rekey(&self) -> String {
        let ended = self.installation.run(&["keys", "rekey"]);
        assert_eq!(ended.code, 0, "{}{}", ended.output, ended.errors);
        ended.output
    }

    async fn start(&mut self) -> Instance {
        let port = free_ports(&[0, 1]);
        self.installation
            .set("SERVER__LISTEN", &format!("127.0.0.1:{port}"));
        let internal = format!("127.0.0.1:{}", port + 1);
        self.installation.set("SERVER__INTERNAL_LISTEN", &internal);
        let mut instance = Instance {
            process: self.installation.spawn(&["serve"]),
            port,
        };
        let ready = async {
            loop {
                let address = format!("http://127.0.0.1:{port}/health/ready");
                let answer = client().get(address).send().await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    return;
                }
                let ended = instance.process.try_wait().unwrap();
                assert!(ended.is_none(), "it ended");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let is_ready = tokio::time::timeout(Duration::from_secs(60), ready).await;
        assert!(is_ready.is_ok(), "it does not get ready");
        instance
    }

    /// The service, an import and `doctor` refuse the keys.
    fn must_refuse(&self, message: &str) {
        self.installation.write("import.ndjson", "");
        let file = self.installation.path("import.ndjson");
        let commands: [(&[&str], i32); 3] = [
            (&["serve"], 3),
            (&["import", "persons", &file, "--mode", "delta"], 3),
            (&["doctor"], 1),
        ];
        for (command, code) in commands {
            let ended = self.installation.run(command);
            let text = format!("{}{}", ended.output, ended.errors);
            assert_eq!(ended.code, code, "{command:?}: {text}");
            assert!(text.contains(message), "{command:?}: {text}");
        }
    }

    fn stored(&self) -> Database {
        Database::at(self.database.clone())
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A platform token that the installation takes.
fn platform_token() -> String {
    let claims = json!({"iss": "platform", "exp": 4_000_000_000_i64, "urn:altinn:app": "test"});
    RSA_KEYS[2].sign(&claims, &[]).unwrap()
}

/// Every instance finds each person by the identity number, and reads the number that is stored.
async fn assert_all_know(instances: &[&Instance], persons: &[&str]) {
    for instance in instances {
        for person in persons {
            let port = instance.port;
            let address = format!("http://127.0.0.1:{port}/register/api/v1/parties/lookup");
            let asked = client()
                .post(address)
                .header("PlatformAccessToken", platform_token());
            let answer = asked.json(&json!({"ssn": person})).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{person}");
            let party: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(party["ssn"], **person);
        }
    }
}

#[tokio::test]
async fn keys_for_identity_numbers_are_replaced_without_a_gap() {
    let mut rotation = Rotation::begin().await;
    let before = rotation.start().await;
    assert_all_know(&[&before], &[FIRST]).await;

    // 1: every instance knows the new keys.
    rotation.keys(&[1, 2]);
    let (first, second) = (rotation.start().await, rotation.start().await);
    drop(before);
    // 2: every person is found by the new key as well.
    assert!(rotation.rekey().contains("1 persons, of whom 1 were"));
    assert_all_know(&[&first, &second], &[FIRST]).await;

    // 3: one instance after the other writes with the new keys.
    drop(first);
    rotation.keys(&[2, 1]);
    let first = rotation.start().await;
    rotation.import(SECOND);
    assert_all_know(&[&first, &second], &[FIRST, SECOND]).await;
    drop(second);
    let second = rotation.start().await;
    // 4: what the old keys wrote is written anew.
    assert!(rotation.rekey().contains("2 persons"));
    assert_all_know(&[&first, &second], &[FIRST, SECOND]).await;

    // 5: the old keys are gone.
    rotation.keys(&[2]);
    let last = rotation.start().await;
    assert_all_know(&[&first, &last], &[FIRST, SECOND]).await;
    drop((first, second));
    rotation.rekey();
    assert!(rotation.rekey().contains("2 persons, of whom 0 were"));
    assert_all_know(&[&last], &[FIRST, SECOND]).await;
    assert_eq!(rotation.stored().former_ids().await, 0);
    drop(last);

    // By the old key alone no person would be found any more.
    rotation.keys(&[1]);
    let message = "keys.blind_index: what this database holds was written with other keys";
    rotation.must_refuse(message);
}

#[tokio::test]
async fn a_new_key_is_recorded_and_the_first_one_is_not() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    assert_eq!(rotation.stored().key_rotations().await, 0);

    rotation.keys(&[1, 2]);
    drop(rotation.start().await);

    assert_eq!(
        rotation.stored().rotated_settings().await,
        ["keys.blind_index", "keys.person_id"]
    );
    let before = rotation.stored().key_rotations().await;
    drop(rotation.start().await);
    assert_eq!(
        rotation.stored().key_rotations().await,
        before,
        "once for each key"
    );
}

#[tokio::test]
async fn a_service_does_not_start_with_keys_that_the_database_never_had() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    rotation.keys(&[2]);

    let ended = rotation.installation.run(&["serve"]);

    assert_eq!(ended.code, 3, "{}", ended.errors);
    let message = "keys.blind_index: what this database holds was written with other keys";
    assert!(ended.errors.contains(message), "{}", ended.errors);
}

#[tokio::test]
async fn a_key_is_not_taken_out_before_what_it_encrypted_is_written_anew() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    rotation.keys(&[1, 2]);
    drop(rotation.start().await);
    rotation.rekey();
    rotation.keys(&[2, 1]);
    drop(rotation.start().await);
    // Without the second `keys rekey`.
    rotation.keys(&[2]);

    rotation.must_refuse(
        "keys.person_id: numbers of persons may be encrypted with a key that is not named any more",
    );
}

#[tokio::test]
async fn a_new_key_is_not_the_only_one_before_every_person_is_found_by_it() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    rotation.keys(&[1, 2]);
    drop(rotation.start().await);
    // Without any `keys rekey`.
    rotation.keys(&[2]);

    rotation.must_refuse("keys.blind_index: what this database holds was written with other keys");
}

impl Rotation {
    /// As in a database that was upgraded: keys were used before it was noted whether anything rests on them.
    async fn removes_what_rests_on_keys(&self) {
        self.stored().remove_what_rests_on_keys().await;
    }
}

#[tokio::test]
async fn a_retired_key_is_refused_although_it_was_used_before_that_was_noted() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    rotation.keys(&[1, 2]);
    drop(rotation.start().await);
    rotation.rekey();
    rotation.keys(&[2, 1]);
    drop(rotation.start().await);
    rotation.rekey();
    rotation.keys(&[2]);
    rotation.rekey();
    rotation.removes_what_rests_on_keys().await;
    drop(rotation.start().await);
    assert_eq!(rotation.stored().keys_in_use("keys.blind_index").await, 1);
    rotation.removes_what_rests_on_keys().await;

    rotation.keys_of("blind-index", &[1]);

    rotation.must_refuse("keys.blind_index: what this database holds was written with other keys");
}

#[tokio::test]
async fn a_key_that_encrypts_is_needed_although_it_was_used_before_that_was_noted() {
    let mut rotation = Rotation::begin().await;
    drop(rotation.start().await);
    rotation.keys(&[1, 2]);
    drop(rotation.start().await);
    rotation.rekey();
    rotation.keys(&[2, 1]);
    drop(rotation.start().await);
    rotation.removes_what_rests_on_keys().await;
    // Without the second `keys rekey`.
    rotation.keys(&[2]);

    rotation.must_refuse(
        "keys.person_id: numbers of persons may be encrypted with a key that is not named any more",
    );
}

#[tokio::test]
async fn a_former_number_that_is_stored_by_its_index_alone_is_reported() {
    let mut rotation = Rotation::begin().await;
    rotation.stored().store_former_ids_by_index().await;
    rotation.keys(&[1, 2]);

    let ended = rotation.installation.run(&["keys", "rekey"]);

    assert_eq!(ended.code, 1, "{}", ended.errors);
    let message = "1 former numbers are stored by their index alone";
    assert!(ended.errors.contains(message), "{}", ended.errors);
}

#[tokio::test]
async fn a_number_that_no_key_reads_is_reported() {
    let mut rotation = Rotation::begin().await;
    rotation.installation.write("person-id", &random("another"));
    rotation.keys(&[1]);

    let ended = rotation.installation.run(&["keys", "rekey"]);

    assert_eq!(ended.code, 1, "{}", ended.errors);
    let message = "the numbers of 1 persons cannot be read";
    assert!(ended.errors.contains(message), "{}", ended.errors);
}
