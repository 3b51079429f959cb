//! What guards the database itself: statements past the service that leave a row, those that are refused,
//! and what an owner of the database could do to the trail.

use sqlx::{AssertSqlSafe, PgPool};

use crate::app::TestApp;

/// A change of a guarded table past the service, and the row of the trail that it leaves.
#[derive(Debug, Clone, Copy)]
pub struct DirectChange {
    pub(crate) statement: &'static str,
    /// Action of the row.
    pub action: &'static str,
    /// Kind of object that the row is about.
    pub object_kind: &'static str,
}

/// A change of each guarded table.
pub const DIRECT_CHANGES: [DirectChange; 19] = [
    DirectChange {
        statement: "update system set is_visible = not is_visible where system_id = '390198116_fjordlonn'",
        action: "operator.row_updated",
        object_kind: "system",
    },
    DirectChange {
        statement: "update system_client set released_at = now() where system_internal_id =
           (select system_internal_id from system where system_id = '390198116_fjordlonn')",
        action: "operator.row_updated",
        object_kind: "system",
    },
    DirectChange {
        statement: "update \"system_user\" set is_deleted = true where id = '3f794e70-3593-53d5-8174-1a3371cf43dc'",
        action: "operator.row_updated",
        object_kind: "system_user",
    },
    DirectChange {
        statement: "update request set status = 'Accepted' where id = 'dd763c00-ef5a-51fc-9b94-33c923dbaf60'",
        action: "operator.row_updated",
        object_kind: "request",
    },
    DirectChange {
        statement: "delete from request where id = 'dd763c00-ef5a-51fc-9b94-33c923dbaf60'",
        action: "operator.row_deleted",
        object_kind: "request",
    },
    DirectChange {
        statement: "insert into change_request (id, system_user_id, system_id, party_org_no, external_ref)
           select gen_random_uuid(), id, 'x', reportee_org_no, 'x' from \"system_user\" limit 1",
        action: "operator.row_inserted",
        object_kind: "change_request",
    },
    DirectChange {
        statement: "update assignment set created_by = 'operator' where id = (select id from assignment limit 1)",
        action: "operator.row_updated",
        object_kind: "delegation",
    },
    DirectChange {
        statement: "update assignment_package set created_by = 'operator' where (assignment_id, package_id) =
           (select assignment_id, package_id from assignment_package limit 1)",
        action: "operator.row_updated",
        object_kind: "delegation",
    },
    DirectChange {
        statement: "insert into assignment_right (assignment_id, resource_id, action, created_by)
           select a.id, r.identifier, 'x', 'operator' from assignment a, resource r limit 1",
        action: "operator.row_inserted",
        object_kind: "delegation",
    },
    DirectChange {
        statement: "delete from client_delegation_package where delegation_id = (select id from client_delegation limit 1)",
        action: "operator.row_deleted",
        object_kind: "client_delegation",
    },
    DirectChange {
        statement: "update client_delegation set created_by = 'operator' where id = (select id from client_delegation limit 1)",
        action: "operator.row_updated",
        object_kind: "client_delegation",
    },
    DirectChange {
        statement: "update resource_policy set uploaded_by_org = 'operator' where (identifier, version) =
           (select identifier, version from resource_policy limit 1)",
        action: "operator.row_updated",
        object_kind: "resource",
    },
    DirectChange {
        statement: "update party set death_date = null, status = 'deleted' where key = (select min(key) from party)",
        action: "operator.row_updated",
        object_kind: "party",
    },
    DirectChange {
        statement: "insert into register_role (from_key, role_id, to_key, source)
           select o.key, r.key, p.key, 'operator' from party o, role r, party p
           where o.kind = 'organization' and r.code = 'daglig-leder' and p.kind = 'person' order by o.key desc, p.key limit 1",
        action: "operator.row_inserted",
        object_kind: "party",
    },
    DirectChange {
        statement: "update resource_version set document = '{}' where version_id = (select min(version_id) from resource_version)",
        action: "operator.row_updated",
        object_kind: "resource",
    },
    DirectChange {
        statement: "update resource set deleted = now() where identifier = (select min(identifier) from resource)",
        action: "operator.row_updated",
        object_kind: "resource",
    },
    DirectChange {
        statement: "insert into access_list (owner_orgcode, identifier, name, description) select orgcode, 'x', 'x', '' from service_owner limit 1",
        action: "operator.row_inserted",
        object_kind: "access_list",
    },
    DirectChange {
        statement: "with made as (insert into access_list (owner_orgcode, identifier, name, description)
             select orgcode, 'x', 'x', '' from service_owner limit 1 returning id)
           insert into access_list_member (list, party_key) select id, (select min(key) from party) from made",
        action: "operator.row_inserted",
        object_kind: "access_list",
    },
    DirectChange {
        statement: "with made as (insert into access_list (owner_orgcode, identifier, name, description)
             select orgcode, 'x', 'x', '' from service_owner limit 1 returning id)
           insert into access_list_connection (list, resource) select id, (select min(identifier) from resource) from made",
        action: "operator.row_inserted",
        object_kind: "access_list",
    },
];

/// What the role that the service has in production may not do.
const FORBIDDEN_TO_THE_SERVICE: [&str; 9] = [
    "update audit_log set action = 'x'",
    "delete from audit_log",
    "truncate audit_log",
    "delete from decision_block",
    "update decision_block set lines = ''",
    "alter table audit_log disable trigger user",
    "drop table party",
    "create table mine (x int)",
    "delete from _sqlx_migrations",
];

/// What a person does who owns the database and knows how to get past the guards of the trail. Rows are
/// named by their place in the chain.
#[derive(Debug, Clone, Copy)]
pub enum Tampering {
    /// Gives a row another party.
    ChangeParty(i64),
    /// Gives a row another action.
    ChangeAction(i64),
    /// Makes a row six years younger.
    ChangeTime(i64),
    /// Removes a row.
    RemoveRow(i64),
    /// Removes the rows up to this one.
    RemoveRowsTo(i64),
    /// Removes the last row, and makes the end of the chain fit.
    RemoveLastRow,
    /// Lets the second and the third row change places.
    ExchangeRows,
    /// Adds a row in the place of this one.
    AddRow(i64),
    /// Removes all rows.
    Empty,
    /// Removes all rows and the end of the chain.
    EmptyWithChain,
    /// Removes all rows, and begins the chain anew.
    BeginAnew,
}

impl Tampering {
    fn statements(self) -> String {
        match self {
            Self::ChangeParty(row) => {
                format!("update audit_log set party_org = '390028466' where chain = {row}")
            }
            Self::ChangeAction(row) => {
                format!("update audit_log set action = 'request.rejected' where chain = {row}")
            }
            Self::ChangeTime(row) => {
                format!("update audit_log set at = at + interval '6 years' where chain = {row}")
            }
            Self::RemoveRow(row) => format!("delete from audit_log where chain = {row}"),
            Self::RemoveRowsTo(row) => format!("delete from audit_log where chain <= {row}"),
            Self::RemoveLastRow => "delete from audit_log where chain = (select length from audit_chain);
                update audit_chain set length = length - 1, hash = (select hash from audit_log order by chain desc limit 1)"
                .to_owned(),
            Self::ExchangeRows => {
                "update audit_log set chain = 5 - chain where chain in (2, 3)".to_owned()
            }
            Self::AddRow(row) => format!(
                "insert into audit_log (instance, actor_kind, action, object_kind, object_id, outcome, chain, prev_hash, hash)
                 select 'x', 'vendor', 'request.approved', 'request', 'x', 'ok', chain, prev_hash, hash from audit_log where chain = {row}"
            ),
            Self::Empty => "truncate audit_log".to_owned(),
            Self::EmptyWithChain => "truncate audit_log, audit_chain".to_owned(),
            Self::BeginAnew => "truncate audit_log;
                update audit_chain set length = 0, hash = decode(repeat('00', 32), 'hex')"
                .to_owned(),
        }
    }
}

/// Runs a statement that is refused; the message and the code of Postgres.
async fn refusal(db: &PgPool, statement: &str) -> (String, String) {
    let refused = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(db)
        .await;
    let error = refused.expect_err(statement);
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let code = code.unwrap_or_default().into_owned();
    (format!("{statement}: {error}"), code)
}

impl TestApp {
    /// Does to the trail what only an owner of the database can.
    pub async fn tampers(&self, tampering: Tampering) {
        let statements = format!(
            "set session_replication_role = replica; {}",
            tampering.statements()
        );
        let done = sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
        let counts_rows = !matches!(tampering, Tampering::Empty | Tampering::EmptyWithChain);
        assert!(!counts_rows || done.rows_affected() > 0, "{tampering:?}");
    }

    /// Messages of the database to the owner of its tables who changes or empties the trail without
    /// switching off its guards.
    pub async fn refusals_of_trail(&self) -> Vec<String> {
        let db = &self.running.state.db;
        let partition: String = sqlx::query_scalar(
            "select tableoid::regclass::text from audit_log order by seq desc limit 1",
        )
        .fetch_one(db)
        .await
        .expect("a row");
        assert_ne!(partition, "audit_log");
        let mut messages = Vec::new();
        for statement in [
            "update audit_log set action = 'nothing' where chain = 1",
            "update audit_log set chain = 1000 where chain = 1",
            "delete from audit_log where chain = 1",
            "truncate audit_log",
            "truncate audit_log, audit_chain",
            "truncate audit_chain",
            &format!("truncate {partition}"),
            "delete from audit_chain",
            "update audit_chain set length = length - 1",
        ] {
            messages.push(refusal(db, statement).await.0);
        }
        messages
    }

    /// Message of the database to who gives a new row a place in the chain of the trail.
    pub async fn refusal_of_chained_row(&self) -> String {
        let statement = "insert into audit_log (instance, actor_kind, action, object_kind, object_id, outcome, chain, hash, prev_hash)
             values ('x', 'job', 'x', 'x', 'x', 'ok', 1000000, '\\x01', '\\x02')";
        refusal(&self.running.state.db, statement).await.0
    }

    /// Messages and codes of Postgres to the service's own role for what that role may not do.
    pub async fn refusals_of_role(&self) -> Vec<(String, String)> {
        let mut refusals = Vec::new();
        for statement in FORBIDDEN_TO_THE_SERVICE {
            refusals.push(refusal(&self.running.state.db, statement).await);
        }
        refusals
    }
}
