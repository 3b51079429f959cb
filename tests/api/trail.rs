//! What leaves a row in the audit trail, and what its guards refuse.

use testkit::{guards::DIRECT_CHANGES, prelude::*};

#[tokio::test]
async fn a_change_past_the_service_leaves_a_row() {
    for change in DIRECT_CHANGES {
        let world = World::start().await;
        world.app.changes_directly(&change).await;

        let rows = world.app.direct_changes().await;

        assert!(!rows.is_empty(), "no row: {change:?}");
        for row in rows {
            assert_eq!(
                (row.action.as_str(), row.object_kind.as_str()),
                (change.action, change.object_kind),
                "{change:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_about_a_direct_change_names_the_row_the_role_and_the_columns() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    world.app.accept_directly(&request.id).await;

    let rows = world.app.direct_changes().await;

    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].object_id, request.id);
    let detail = rows[0].detail.as_ref().unwrap();
    assert_eq!(detail["table"], "request");
    assert_eq!(
        detail["columns"],
        serde_json::json!(["changed_by", "status"])
    );
    assert!(detail["role"].is_string());
}

#[tokio::test]
async fn emptying_a_guarded_table_leaves_a_row() {
    let world = World::start().await;
    world.app.empty_client_delegations().await;

    let actions: Vec<String> = world
        .app
        .direct_changes()
        .await
        .into_iter()
        .map(|row| row.action)
        .collect();

    // With it go the tables that refer to it.
    assert_eq!(actions, ["operator.table_truncated"; 3]);
}

#[tokio::test]
async fn changes_by_the_service_and_by_imports_leave_no_row_about_the_database() {
    let world = World::start().await;
    let request = world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.oddny().approves(&request).await.assert_status(200);

    // The universe was imported before.
    assert_eq!(world.app.direct_changes().await.len(), 0);
}

#[tokio::test]
async fn the_trail_cannot_be_emptied_by_a_plain_statement() {
    let world = World::start().await;
    world.fjordlonn().requests(KERAMIKK, [A_ORDNING]).await;
    world.app.seals_trail().await;
    for refused in world.app.refusals_of_trail().await {
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn an_identity_number_in_a_reference_does_not_reach_the_trail() {
    let world = World::start().await;
    let mut body = request_for(FJORDLONN_SYSTEM, KERAMIKK, [A_ORDNING]);
    body["externalRef"] = serde_json::json!(format!("kunde {}", ODDNY.pid));
    let request = world.fjordlonn().requests_as(KERAMIKK, body).await;
    world.oddny().approves(&request).await.assert_status(200);

    let rows = world.app.rows_of("request.approved").await;

    let detail = rows[0].detail.as_ref().unwrap();
    assert_eq!(detail["externalRef"], "kunde ***********");
}
