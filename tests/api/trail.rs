//! What leaves a row in the audit trail, and what its guards refuse.

use testkit::prelude::*;

/// A change of each guarded table past the service, and the row that it leaves.
const DIRECT_CHANGES: [(&str, &str, &str); 19] = [
    (
        "update system set is_visible = not is_visible where system_id = '390198116_fjordlonn'",
        "operator.row_updated",
        "system",
    ),
    (
        "update system_client set released_at = now() where system_internal_id =
           (select system_internal_id from system where system_id = '390198116_fjordlonn')",
        "operator.row_updated",
        "system",
    ),
    (
        "update \"system_user\" set is_deleted = true where id = '3f794e70-3593-53d5-8174-1a3371cf43dc'",
        "operator.row_updated",
        "system_user",
    ),
    (
        "update request set status = 'Accepted' where id = 'dd763c00-ef5a-51fc-9b94-33c923dbaf60'",
        "operator.row_updated",
        "request",
    ),
    (
        "delete from request where id = 'dd763c00-ef5a-51fc-9b94-33c923dbaf60'",
        "operator.row_deleted",
        "request",
    ),
    (
        "insert into change_request (id, system_user_id, system_id, party_org_no, external_ref)
           select gen_random_uuid(), id, 'x', reportee_org_no, 'x' from \"system_user\" limit 1",
        "operator.row_inserted",
        "change_request",
    ),
    (
        "update assignment set created_by = 'operator' where id = (select id from assignment limit 1)",
        "operator.row_updated",
        "delegation",
    ),
    (
        "update assignment_package set created_by = 'operator' where (assignment_id, package_id) =
           (select assignment_id, package_id from assignment_package limit 1)",
        "operator.row_updated",
        "delegation",
    ),
    (
        "insert into assignment_right (assignment_id, resource_id, action, created_by)
           select a.id, r.identifier, 'x', 'operator' from assignment a, resource r limit 1",
        "operator.row_inserted",
        "delegation",
    ),
    (
        "delete from client_delegation_package where delegation_id = (select id from client_delegation limit 1)",
        "operator.row_deleted",
        "client_delegation",
    ),
    (
        "update client_delegation set created_by = 'operator' where id = (select id from client_delegation limit 1)",
        "operator.row_updated",
        "client_delegation",
    ),
    (
        "update resource_policy set uploaded_by_org = 'operator' where (identifier, version) =
           (select identifier, version from resource_policy limit 1)",
        "operator.row_updated",
        "resource",
    ),
    (
        "update party set death_date = null, status = 'deleted' where key = (select min(key) from party)",
        "operator.row_updated",
        "party",
    ),
    (
        "insert into register_role (from_key, role_id, to_key, source)
           select o.key, r.key, p.key, 'operator' from party o, role r, party p
           where o.kind = 'organization' and r.code = 'daglig-leder' and p.kind = 'person' order by o.key desc, p.key limit 1",
        "operator.row_inserted",
        "party",
    ),
    (
        "update resource_version set document = '{}' where version_id = (select min(version_id) from resource_version)",
        "operator.row_updated",
        "resource",
    ),
    (
        "update resource set deleted = now() where identifier = (select min(identifier) from resource)",
        "operator.row_updated",
        "resource",
    ),
    (
        "insert into access_list (owner_orgcode, identifier, name, description) select orgcode, 'x', 'x', '' from service_owner limit 1",
        "operator.row_inserted",
        "access_list",
    ),
    (
        "with made as (insert into access_list (owner_orgcode, identifier, name, description)
             select orgcode, 'x', 'x', '' from service_owner limit 1 returning id)
           insert into access_list_member (list, party_key) select id, (select min(key) from party) from made",
        "operator.row_inserted",
        "access_list",
    ),
    (
        "with made as (insert into access_list (owner_orgcode, identifier, name, description)
             select orgcode, 'x', 'x', '' from service_owner limit 1 returning id)
           insert into access_list_connection (list, resource) select id, (select min(identifier) from resource) from made",
        "operator.row_inserted",
        "access_list",
    ),
];

#[tokio::test]
async fn a_change_past_the_service_leaves_a_row() {
    for (statement, action, object_kind) in DIRECT_CHANGES {
        let world = World::start().await;
        world.app.changes_directly(statement).await;

        let rows = world.app.direct_changes().await;

        assert!(!rows.is_empty(), "no row: {statement}");
        for row in rows {
            assert_eq!(
                (row.action.as_str(), row.object_kind.as_str()),
                (action, object_kind),
                "{statement}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_about_a_direct_change_names_the_row_the_role_and_the_columns() {
    let world = World::start().await;
    let request = world.request_to_nattergal();
    let statement = format!(
        "update request set status = 'Accepted', changed_by = 'x' where id = '{}'",
        request.id
    );
    world.app.changes_directly(&statement).await;

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
    world
        .app
        .changes_directly("truncate client_delegation cascade")
        .await;

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
    let partition: String = sqlx::query_scalar(
        "select tableoid::regclass::text from audit_log order by seq desc limit 1",
    )
    .fetch_one(&mut world.app.sql().await)
    .await
    .unwrap();
    assert_ne!(partition, "audit_log");
    for statement in [
        "truncate audit_log".to_owned(),
        "truncate audit_log, audit_chain".to_owned(),
        "truncate audit_chain".to_owned(),
        format!("truncate {partition}"),
        "delete from audit_chain".to_owned(),
        "update audit_chain set length = length - 1".to_owned(),
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut world.app.sql().await)
            .await
            .expect_err(&statement);
        assert!(refused.to_string().contains("append-only"), "{refused}");
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
