//! The audit trail: what happens writes its row, and a changed row is noticed.

use std::process::Command;

use foundation::{
    audit::{self, CheckpointKey, Checkpoints},
    recovery, retention,
};
use serde_json::json;
use testkit::guards::Tampering;

use crate::support::*;

/// A trail of some rows, sealed, with a checkpoint.
struct Trail {
    app: TestApp,
    key: CheckpointKey,
    file: std::path::PathBuf,
}

impl Trail {
    async fn start() -> Self {
        let app = TestApp::start().await;
        for customer in [who::KERAMIKK, who::NATTERGAL] {
            let mut body = request_body(customer, &["a-ordning"]);
            body["externalRef"] = json!("audit");
            app.post(
                "/authentication/api/v1/systemuser/request/vendor",
                &app.vendor(who::FJORDLONN).await,
                body,
            )
            .await
            .expect(201);
        }
        let id = app.new_request(who::KERAMIKK, &["lonn"]).await;
        let approve = format!(
            "/authentication/api/v1/systemuser/request/{}/{id}/approve",
            who::KERAMIKK_PARTY
        );
        app.post_empty(&approve, &app.person(who::ODDNY).await)
            .await
            .expect(200);
        let file = home().join(format!("checkpoints-{}.jsonl", uuid::Uuid::new_v4()));
        let trail = Self {
            app,
            key: CheckpointKey::new(&[7; 32]).unwrap(),
            file,
        };
        trail.seal().await;
        trail
    }

    /// Seals until nothing waits, as the service does every other second, and writes a checkpoint.
    async fn seal(&self) {
        let checkpoints =
            Checkpoints::open(self.file.clone(), CheckpointKey::new(&[7; 32]).unwrap()).unwrap();
        while self.app.unchained_rows().await > 0 {
            audit::seal(&self.app.running.state.db, None, self.app.clock.now())
                .await
                .unwrap();
        }
        audit::seal(
            &self.app.running.state.db,
            Some(&checkpoints),
            self.app.clock.now(),
        )
        .await
        .unwrap();
    }

    async fn verify(&self) -> audit::ChainVerification {
        audit::verify(
            &self.app.running.state.db,
            &self.key.read(&self.file).unwrap(),
            |_, _| {},
        )
        .await
        .unwrap()
    }

    async fn tampers(&self, tampering: Tampering) {
        self.app.tampers(tampering).await;
    }

    #[track_caller]
    fn expect_fault(verdict: &audit::ChainVerification, parts: &[&str]) {
        let fault = verdict.fault.as_deref().expect("a fault");
        assert!(parts.iter().all(|part| fault.contains(part)), "{fault}");
    }
}

#[tokio::test]
async fn a_trail_without_changes_holds() {
    let trail = Box::pin(Trail::start()).await;
    let verdict = trail.verify().await;
    assert_eq!(
        (verdict.fault, verdict.waiting.0, verdict.checkpoints),
        (None, 0, 1)
    );
    assert_eq!(verdict.rows, 6);
    assert_eq!(verdict.rows, trail.app.length_of_chain().await);
    // The chain goes on where it was.
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.seal().await;
    let later = trail.verify().await;
    assert_eq!((later.fault, later.rows), (None, verdict.rows + 1));
}

#[tokio::test]
async fn a_changed_row_is_named() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::ChangeParty(2)).await;
    let verdict = trail.verify().await;
    Trail::expect_fault(&verdict, &["row 2 ", "was changed"]);
    assert_eq!(verdict.rows, 1);
}

#[tokio::test]
async fn a_row_removed_from_the_middle_is_named() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::RemoveRow(3)).await;
    Trail::expect_fault(&trail.verify().await, &["row 3: is missing"]);
}

#[tokio::test]
async fn the_first_rows_cannot_go_without_a_checkpoint() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::RemoveRowsTo(2)).await;
    Trail::expect_fault(&trail.verify().await, &["row 1: is missing, up to row 2"]);
}

#[tokio::test]
async fn rows_cut_off_at_the_end_are_missed() {
    let trail = Box::pin(Trail::start()).await;
    // The owner of the database makes the rest fit, but cannot sign.
    trail.tampers(Tampering::RemoveLastRow).await;
    Trail::expect_fault(&trail.verify().await, &["is missing", "the checkpoint of"]);
}

#[tokio::test]
async fn rows_that_changed_places_are_named() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::ExchangeRows).await;
    Trail::expect_fault(&trail.verify().await, &["row 2 "]);
}

#[tokio::test]
async fn an_added_row_is_named() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::AddRow(2)).await;
    Trail::expect_fault(&trail.verify().await, &["row 2 "]);
}

#[tokio::test]
async fn an_emptied_trail_is_missed() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::Empty).await;
    Trail::expect_fault(&trail.verify().await, &["row 1: is missing"]);
}

#[tokio::test]
async fn a_trail_emptied_with_its_chain_is_missed() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::EmptyWithChain).await;
    Trail::expect_fault(&trail.verify().await, &["table audit_chain is empty"]);
}

#[tokio::test]
async fn a_trail_emptied_and_begun_anew_is_missed_by_its_checkpoint() {
    let trail = Box::pin(Trail::start()).await;
    trail.tampers(Tampering::BeginAnew).await;
    Trail::expect_fault(
        &trail.verify().await,
        &["row 1: is missing", "the checkpoint of"],
    );
}

#[tokio::test]
async fn a_forged_checkpoint_is_refused() {
    let trail = Box::pin(Trail::start()).await;
    let text = std::fs::read_to_string(&trail.file).unwrap();
    std::fs::write(&trail.file, text.replacen("\"length\":", "\"length\":1", 1)).unwrap();
    let error = format!("{:#}", trail.key.read(&trail.file).unwrap_err());
    assert!(
        error.contains("line 1") && error.contains("not signed"),
        "{error}"
    );
    assert!(
        CheckpointKey::new(&[8; 32])
            .unwrap()
            .read(&trail.file)
            .is_err(),
        "another key"
    );
}

#[tokio::test]
async fn a_new_row_claims_no_place_in_the_chain() {
    let trail = Box::pin(Trail::start()).await;
    let error = trail.app.refusal_of_chained_row().await;
    assert!(error.contains("no place in its chain"), "{error}");
}

#[tokio::test]
async fn a_row_that_is_committed_after_later_rows_were_sealed_is_chained() {
    let trail = Box::pin(Trail::start()).await;
    let begun = trail.app.begin_audit_entry().await;
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.seal().await;

    begun.commit().await;
    trail.seal().await;

    assert_eq!(trail.verify().await.fault, None);
    assert_eq!(trail.app.unchained_rows().await, 0);
}

#[tokio::test]
async fn the_command_says_yes_or_names_the_row() {
    let trail = Box::pin(Trail::start()).await;
    let run = || {
        use secrecy::ExposeSecret as _;
        let dir = home().join("sandbox");
        let mut command = Command::new(env!("CARGO_BIN_EXE_systembruker"));
        command
            .args(["audit", "verify", "--data-dir"])
            .arg(dir)
            .env("DATABASE_URL", trail.app.database.expose_secret());
        command
            .args(["--checkpoints"])
            .arg(home().join("none-here"));
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, _, printed) = run();
    assert!(
        code == 1 && printed.contains("the checkpoints are missing"),
        "{printed}"
    );
    trail.tampers(Tampering::ChangeAction(2)).await;
    let (code, _, printed) = run();
    assert!(
        code == 1 && printed.contains("does not hold: row 2 ") && printed.contains("was changed"),
        "{printed}"
    );
}

/// Later than every month that is kept.
const LATER: u64 = 5 * 366 + 31;

impl Trail {
    /// Lets the years pass, and more happen, which is sealed with a checkpoint.
    async fn grows_old(&self) {
        self.app.advance(testkit::clock::days(LATER)).await;
        self.app.new_request(who::HAVBLIKK, &["lonn"]).await;
        self.seal().await;
    }

    async fn drop_expired(&self) -> u64 {
        let key = CheckpointKey::new(&[7; 32]).unwrap();
        let checkpoints = Checkpoints::open(self.file.clone(), key).unwrap();
        let now = self.app.clock.now();
        retention::drop_expired_trail(&self.app.running.state.db, Some(&checkpoints), 5, now)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_expired_month_is_dropped_and_the_rest_still_holds() {
    let trail = Box::pin(Trail::start()).await;
    trail.grows_old().await;
    let before = trail.app.rows_of_trail().await;

    assert_ne!(trail.drop_expired().await, 0);

    trail.seal().await;
    let verdict = trail.verify().await;
    assert_eq!(verdict.fault, None);
    assert!(verdict.rows < before, "{verdict:?}");
}

#[tokio::test]
async fn a_month_of_fewer_years_is_kept() {
    let trail = Box::pin(Trail::start()).await;
    trail.app.advance(testkit::clock::days(5 * 365 - 31)).await;
    assert_eq!(trail.drop_expired().await, 0);
}

#[tokio::test]
async fn an_expired_month_with_rows_that_are_not_sealed_is_kept() {
    let trail = Box::pin(Trail::start()).await;
    // No rows are sealed meanwhile: the task of the background passes over a row that is locked.
    let _held = trail.app.hold_chain().await;
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.app.advance(testkit::clock::days(LATER)).await;
    let before = trail.app.rows_of_trail().await;

    trail.drop_expired().await;

    assert_eq!(trail.app.rows_of_trail().await, before);
}

#[tokio::test]
async fn a_month_that_went_without_a_checkpoint_is_missed() {
    let trail = Box::pin(Trail::start()).await;
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.app.seals_trail().await;
    trail.grows_old().await;
    let dropped =
        retention::drop_expired_trail(&trail.app.running.state.db, None, 5, trail.app.clock.now())
            .await;
    assert_ne!(dropped.unwrap(), 0);

    let verdict = trail.verify().await;

    Trail::expect_fault(&verdict, &["row 1: is missing", "no checkpoint vouches"]);
}

#[tokio::test]
async fn a_row_numbered_before_what_was_dropped_is_still_checked() {
    let trail = Box::pin(Trail::start()).await;
    // As when a transaction began in the new month and got its number before one of the old month.
    trail.tampers(Tampering::ChangeTime(2)).await;
    trail.grows_old().await;
    trail.drop_expired().await;

    let verdict = trail.verify().await;

    Trail::expect_fault(&verdict, &["row 2 ", "was changed"]);
}

impl Trail {
    async fn checkpoint_file(&self) -> audit::CheckpointFile {
        let key = CheckpointKey::new(&[7; 32]).unwrap();
        let checkpoints = Checkpoints::open(self.file.clone(), key).unwrap();
        let mut db = self.app.running.state.db.acquire().await.unwrap();
        audit::checkpoint_file(&mut db, &checkpoints).await.unwrap()
    }

    /// More happens, and is sealed hours later with a checkpoint.
    async fn goes_on(&self) {
        self.app.new_request(who::HAVBLIKK, &["lonn"]).await;
        self.app.advance(testkit::clock::hours(3)).await;
        self.seal().await;
    }
}

impl Trail {
    /// How many rows the newest checkpoint counts that the trail does not hold.
    async fn lost_rows(&self) -> Option<i64> {
        let mut db = self.app.running.state.db.acquire().await.unwrap();
        let all = self.key.read_as_written(&self.file).unwrap();
        let lost = recovery::lost_checkpoint(&mut db, all).await.unwrap();
        lost.map(|checkpoint| checkpoint.length)
    }

    /// Writes a checkpoint of rows that the trail does not hold, so many hours from now.
    fn checkpoint_of_lost_rows(&self, length: i64, hash: &[u8], hours: i64) {
        let key = CheckpointKey::new(&[7; 32]).unwrap();
        let checkpoints = Checkpoints::open(self.file.clone(), key).unwrap();
        let at = self.app.clock.now() + chrono::Duration::hours(hours);
        assert!(checkpoints.note(length, hash, at).unwrap());
    }
}

#[tokio::test]
async fn a_loss_after_another_is_seen_although_fewer_rows_were_lost() {
    let trail = Box::pin(Trail::start()).await;
    assert_eq!(trail.lost_rows().await, None);
    trail.checkpoint_of_lost_rows(90_000, b"first", 2);
    assert_eq!(trail.lost_rows().await, Some(90_000));
    trail.app.note_recovery(b"first").await;
    assert_eq!(trail.lost_rows().await, None);

    trail.checkpoint_of_lost_rows(80_000, b"second", 4);

    assert_eq!(trail.lost_rows().await, Some(80_000));
}

#[tokio::test]
async fn the_end_of_a_month_that_was_dropped_is_no_loss() {
    let trail = Box::pin(Trail::start()).await;
    trail.grows_old().await;
    assert!(trail.drop_expired().await >= 1);

    assert_eq!(trail.lost_rows().await, None);
}

#[tokio::test]
async fn a_file_of_checkpoints_that_is_whole_lacks_nothing() {
    let trail = Box::pin(Trail::start()).await;
    trail.goes_on().await;

    let file = trail.checkpoint_file().await;

    assert!(file.newest.is_some());
    assert_eq!((file.missing, file.overdue_since), (None, None));
    assert_eq!(file.age, chrono::Duration::zero());
}

#[tokio::test]
async fn a_file_of_checkpoints_that_vanished_is_noticed() {
    let trail = Box::pin(Trail::start()).await;
    std::fs::remove_file(&trail.file).unwrap();

    let file = trail.checkpoint_file().await;

    let missing = file.missing.unwrap();
    assert!(
        matches!(missing, audit::CheckpointsMissing::All(_)),
        "{missing}"
    );
}

#[tokio::test]
async fn a_file_of_checkpoints_that_was_begun_anew_is_noticed() {
    let trail = Box::pin(Trail::start()).await;
    std::fs::remove_file(&trail.file).unwrap();
    trail.goes_on().await;

    let file = trail.checkpoint_file().await;

    let missing = file.missing.unwrap();
    assert!(
        matches!(missing, audit::CheckpointsMissing::First { begun, before } if begun > before),
        "{missing}"
    );
}

#[tokio::test]
async fn an_older_copy_of_a_file_of_checkpoints_is_noticed() {
    let trail = Box::pin(Trail::start()).await;
    let copy = std::fs::read(&trail.file).unwrap();
    trail.goes_on().await;
    std::fs::write(&trail.file, copy).unwrap();

    let file = trail.checkpoint_file().await;

    let missing = file.missing.unwrap();
    assert!(
        matches!(missing, audit::CheckpointsMissing::Last(_)),
        "{missing}"
    );
}

#[tokio::test]
async fn a_file_of_checkpoints_that_is_not_continued_gets_old() {
    let trail = Box::pin(Trail::start()).await;
    trail.app.advance(testkit::clock::hours(3)).await;
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.app.seals_trail().await;

    let file = trail.checkpoint_file().await;

    assert!(file.age >= chrono::Duration::hours(3), "{:?}", file.age);
    assert!(file.overdue_since.is_some());
    assert_eq!(file.missing, None);
}

#[tokio::test]
async fn checkpoints_of_the_key_before_are_still_read() {
    let trail = Box::pin(Trail::start()).await;
    let both = || CheckpointKey::with_earlier(&[8; 32], &[vec![7; 32]]).unwrap();
    trail.app.new_request(who::HAVBLIKK, &["lonn"]).await;
    trail.app.seals_trail().await;
    let checkpoints = Checkpoints::open(trail.file.clone(), both()).unwrap();
    let later = trail.app.clock.now() + chrono::Duration::hours(2);
    audit::seal(&trail.app.running.state.db, Some(&checkpoints), later)
        .await
        .unwrap();

    let read = both().read(&trail.file).unwrap();

    let verdict = audit::verify(&trail.app.running.state.db, &read, |_, _| {})
        .await
        .unwrap();
    assert_eq!((verdict.fault, verdict.checkpoints), (None, 2));
    let old_alone = trail.key.read(&trail.file).unwrap_err();
    assert!(format!("{old_alone:#}").contains("not signed"));
}
