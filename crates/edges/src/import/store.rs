//! Runs of imports, and the tables that files wait in.

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{
    FileImportOptions,
    batch::{ImportBatch, StagingTable},
    findings::ImportFinding,
};
use foundation::{
    db::{AdvisoryLock, DbError},
    retention::BATCH,
};

/// Takes the lock that only one import holds, until the connection closes. False when another holds
/// it. A run that was just killed may hold it for a short time.
pub async fn lock(db: &mut PgConnection) -> Result<bool, DbError> {
    for _ in 0..30 {
        if AdvisoryLock::Import.try_take_for_connection(db).await? {
            return Ok(true);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(false)
}

/// Settings of a connection for long statements.
pub async fn configure_import_session(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in [
        "statement_timeout = 0",
        "lock_timeout = '60s'",
        "idle_in_transaction_session_timeout = 0",
        "work_mem = '64MB'",
        "jit = off",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("set {setting}")))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Empties the tables that files wait in.
pub async fn clear(db: &mut PgConnection) -> Result<(), DbError> {
    sqlx::query!(
        r#"truncate staging.organization, staging.person, staging.role, staging.relation, staging.client_delegation, staging.document,
             staging.finding, staging.touched, staging.gone, staging.unhanded"#
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A run that has begun.
#[derive(Debug, Clone, Copy)]
pub struct ImportRun {
    /// Its id.
    pub id: Uuid,
    /// Lines that an earlier run of the same file has staged.
    pub done: u64,
}

/// Begins a run, or goes on with one that was cut off: same file, kind, source and mode, and its
/// lines still there.
pub async fn begin(
    db: &mut PgConnection,
    options: &FileImportOptions,
    sha256: &[u8],
) -> Result<ImportRun, DbError> {
    let mut tx = db.begin().await?;
    let open = sqlx::query!(
        r#"select id, staged_lines, kind = $1 and source = $2 and mode = $3 and file_sha256 = $4 as "same!" from import_run where state = 'staging'"#,
        options.kind.as_str(),
        options.source,
        options.mode.as_str(),
        sha256
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(run) = open {
        // A crash of Postgres empties staging tables.
        let there = sqlx::query_scalar!(
            r#"select exists (select from staging.organization) or exists (select from staging.person) or exists (select from staging.role)
               or exists (select from staging.client_delegation) or exists (select from staging.document) or exists (select from staging.finding)
               as "there!""#
        )
        .fetch_one(&mut *tx)
        .await?;
        if run.same && there {
            foundation::db::commit_at_last(tx).await?;
            return Ok(ImportRun {
                id: run.id,
                done: u64::try_from(run.staged_lines).unwrap_or_default(),
            });
        }
        sqlx::query!("delete from import_run where id = $1", run.id)
            .execute(&mut *tx)
            .await?;
    }
    clear(&mut tx).await?;
    let id = Uuid::now_v7();
    sqlx::query!(
        r#"insert into import_run (id, kind, source, file_sha256, mode, counts, started, state) values ($1, $2, $3, $4, $5, '{}', service_now(), 'staging')"#,
        id,
        options.kind.as_str(),
        options.source,
        sha256,
        options.mode.as_str()
    )
    .execute(&mut *tx)
    .await?;
    foundation::db::commit_at_last(tx).await?;
    Ok(ImportRun { id, done: 0 })
}

const fn copy_statement(table: StagingTable) -> &'static str {
    match table {
        StagingTable::Organization => {
            "copy staging.organization (line, org_number, name, form, parent, status, deleted_at, party_id, party_uuid, address) from stdin"
        }
        StagingTable::Person => {
            "copy staging.person (line, hmac, enc, former, former_enc, first_name, middle_name, last_name, birth_date, death_date, party_id, party_uuid, user_id) from stdin"
        }
        StagingTable::Role => {
            "copy staging.role (line, from_org, role_id, to_org, to_hmac, to_name, to_birth, valid_from, ends) from stdin"
        }
        StagingTable::ClientDelegation => {
            r#"copy staging.client_delegation (line, "system_user", person, facilitator, client, role_id, packages) from stdin"#
        }
        StagingTable::Document => "copy staging.document (line, document) from stdin",
    }
}

/// Stages a batch: rows, findings, and how far the file is read; all or nothing.
pub async fn stage(
    db: &mut PgConnection,
    table: StagingTable,
    batch: &ImportBatch,
    run: Option<Uuid>,
) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    if batch.rows.count > 0 {
        let mut copy = tx.copy_in_raw(copy_statement(table)).await?;
        copy.send(batch.rows.bytes.as_slice()).await?;
        copy.finish().await?;
    }
    if !batch.findings.list.is_empty() {
        keep_findings(&mut tx, &batch.findings.list).await?;
    }
    if let Some(run) = run {
        let lines = i64::try_from(batch.last_line).unwrap_or(i64::MAX);
        sqlx::query!(
            "update import_run set staged_lines = $2 where id = $1",
            run,
            lines
        )
        .execute(&mut *tx)
        .await?;
    }
    foundation::db::commit_at_last(tx).await?;
    Ok(())
}

async fn keep_findings(tx: &mut PgConnection, findings: &[ImportFinding]) -> Result<(), DbError> {
    let lines: Vec<i64> = findings
        .iter()
        .map(|f| i64::try_from(f.line).unwrap_or(i64::MAX))
        .collect();
    let texts = |part: fn(&ImportFinding) -> &String| {
        findings
            .iter()
            .map(|f| part(f).clone())
            .collect::<Vec<String>>()
    };
    sqlx::query!(
        "insert into staging.finding (line, member, code, reason) select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])",
        &lines,
        &texts(|f| &f.member),
        &texts(|f| &f.code),
        &texts(|f| &f.reason)
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends a run, in the transaction that merges it or after that was given up.
pub async fn end(
    db: &mut PgConnection,
    run: Uuid,
    state: &str,
    counts: &Value,
    errors: &Value,
) -> Result<(), DbError> {
    sqlx::query!(
        "update import_run set state = $2, counts = $3, errors = $4, ended = service_now() where id = $1",
        run,
        state,
        counts,
        errors
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes a run that was only tried.
pub async fn delete_run(db: &mut PgConnection, run: Uuid) -> Result<(), DbError> {
    sqlx::query!("delete from import_run where id = $1", run)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes records of imports that ended so many days ago.
pub async fn delete_old_runs(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "delete from import_run where id in (
           select id from import_run where state <> 'staging' and ended < service_now() - make_interval(days => $1)
           order by ended limit $2)",
        days,
        BATCH
    )
    .execute(tx)
    .await?
    .rows_affected())
}
