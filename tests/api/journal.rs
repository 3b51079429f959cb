//! The journal keeps what ends an access: the triggers of the database note every such change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use foundation::recovery::{JournaledTable, RowChange};
use testkit::{cluster::home, prelude::*};

use crate::{journey::Client, support::who};

/// The columns that a trigger notes, by table and by what happened.
async fn noted(world: &World) -> BTreeMap<(String, String), Vec<String>> {
    world.app.journal_triggers().await.into_iter().collect()
}

#[tokio::test]
async fn the_database_notes_what_the_journal_can_do_again() {
    let world = World::start().await;
    let mut expected = BTreeMap::new();
    for table in JournaledTable::ALL {
        let own = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let mut insert = |what: RowChange, columns| {
            expected.insert((table.name().to_owned(), what.wire().to_owned()), columns);
        };
        if !table.watched().is_empty() {
            insert(
                RowChange::Set,
                own(&[table.key(), table.watched()].concat()),
            );
        }
        if !table.added().is_empty() {
            insert(RowChange::Added, own(table.added()));
        }
        if table.loses_rows() {
            insert(RowChange::Gone, own(table.key()));
        }
    }
    assert_eq!(noted(&world).await, expected);
}

/// Tables that give no access, or whose rows are never taken away by themselves.
const OTHERS: &[&str] = &[
    // Come with the program or are loaded again.
    "catalogue_version",
    "role",
    "role_map",
    "role_package",
    "package",
    "area",
    "area_group",
    "entity_variant",
    "entity_variant_role",
    // Names of parties and owners, and what an import leaves.
    "person_former_id",
    "person_name",
    "person_preference",
    "person_lookup_failure",
    "person_lookup_failure_of_organization",
    "party_address",
    "unresolved_holder",
    "service_owner",
    "vendor",
    "import_run",
    // What is asked for gives nothing yet.
    "request",
    "request_archive",
    "change_request",
    "change_request_archive",
    // What happened.
    "audit_log",
    "attempt_batch",
    "audit_chain",
    "audit_checkpoint_file",
    "audit_start",
    "key_in_use",
    "decision_block",
    "system_change_log",
    "outbox",
    "outbox_end",
    "outbox_epoch",
    "change_feed",
    "change_feed_end",
    "feed_epoch",
    "journal_entry",
    "journal_object",
    "journal_mark",
    "journal_end",
    "recovery_run",
    // Short-lived, or of this installation.
    "login_transaction",
    "post_logout",
    "used_once",
    "idempotency_key",
    "key_set",
    "installation",
    "token_fence",
    "sandbox_client",
    "sandbox_oidc_client",
    "sandbox_authorization",
    "sandbox_pushed_request",
];

#[tokio::test]
async fn every_table_either_is_in_the_journal_or_gives_no_access() {
    let world = World::start().await;
    let known: BTreeSet<String> = JournaledTable::ALL
        .iter()
        .map(|table| table.name())
        .chain(OTHERS.iter().copied())
        .map(str::to_owned)
        .collect();
    let found: BTreeSet<String> = world.app.table_names().await.into_iter().collect();
    assert_eq!(found, known);
}

#[tokio::test]
async fn a_token_of_ours_from_before_a_restore_is_refused() {
    let world = World::start().await;
    let exchange = "/authentication/api/v1/exchange/maskinporten";
    let raw = Client::seeded(who::FJORDLONN_CLIENT)
        .token(&world.app, REQUEST_READ)
        .await;
    let ours = world.app.get(exchange, &raw).await.expect(200).text;
    let lookup = format!(
        "/authentication/api/v1/systemuser/request/vendor/{}",
        uuid::Uuid::nil()
    );
    world.app.get(&lookup, &ours).await.expect(404);

    world.app.refuse_earlier_tokens().await;
    world.app.begin_another_history().await;

    let refused = async {
        loop {
            let answer = world.app.get(&lookup, &ours).await;
            if answer.status != 404 {
                return answer.expect(401);
            }
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), refused).await;
    let refused = refused.expect("an answer");
    let said = refused.header("www-authenticate");
    assert!(said.contains("issued before recovery"), "{said}");
    world.app.get(&lookup, &raw).await.expect(404);
}

/// An installation with a journal, which a person whose system user is deleted has an object in.
struct Journaled {
    world: World,
    object: PathBuf,
}

impl Journaled {
    async fn start() -> Self {
        let folder = home().join(format!("journal-{}", uuid::Uuid::new_v4()));
        let world = World::with(&[("recovery.journal", &folder.display().to_string())]).await;
        let deleted = world.jostein().deletes(&TINDEVANDRER_USER).await;
        deleted.assert_status(202);
        let name = loop {
            if let Some(name) = world.app.written_objects().await.pop() {
                break name;
            }
        };
        Self {
            world,
            object: folder.join(name),
        }
    }

    /// Its lines but the last, which says how long the trail is when it is written.
    fn entries(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.object).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.pop();
        lines
    }

    async fn restore_vanished(&self) -> Vec<String> {
        let state = &self.world.app.running.state;
        state.recovery.restore_vanished(&state.db).await.unwrap()
    }
}

#[tokio::test]
async fn an_object_that_vanished_is_written_again() {
    let journaled = Journaled::start().await;
    let written = journaled.entries();
    fs::remove_file(&journaled.object).unwrap();

    assert_eq!(journaled.restore_vanished().await, [""; 0]);

    assert!(journaled.entries() == written, "other entries");
}

#[tokio::test]
async fn an_object_that_vanished_after_its_entries_is_named() {
    let journaled = Journaled::start().await;
    fs::remove_file(&journaled.object).unwrap();
    journaled.world.app.delete_journal_entries().await;

    let lost = journaled.restore_vanished().await;

    assert_eq!(lost.len(), 1);
    assert!(journaled.object.ends_with(&lost[0]), "{lost:?}");
}
