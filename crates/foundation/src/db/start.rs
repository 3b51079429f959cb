//! What a program that starts says about a database that it cannot use: the cause, and what helps.

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgDatabaseError},
};

use super::{DatabaseCondition, DbError, DbFault, is_migrated, servers::refuse_standby};

/// A program that starts gives up a connection after this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Chooses among the servers of the database, and connects once without the pool, which would repeat a refused connection and report only that it
/// took too long.
///
/// # Errors
/// The database does not answer or does not admit us; the text names the cause and what helps.
pub async fn require_connection(
    pool: &PgPool,
    condition: &DatabaseCondition,
) -> anyhow::Result<()> {
    // Where none of several takes changes, the first one says why.
    condition.servers().choose(std::slice::from_ref(pool)).await;
    let options = pool.connect_options();
    let connecting = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        refuse_standby(&mut connection).await?;
        Ok(connection)
    };
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    match connected {
        Ok(Ok(connection)) => {
            // It has served its purpose; an error in closing it changes nothing.
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(error)) => {
            let advice = explain(&error).unwrap_or_default();
            Err(error).with_context(|| format!("{}{advice}", cannot_connect(&options)))
        }
        Err(_) => anyhow::bail!(
            "{}: no answer within {} seconds. Check the host and port of database.url (DATABASE_URL), and firewalls between here and there",
            cannot_connect(&options),
            CONNECT_TIMEOUT.as_secs()
        ),
    }
}

fn cannot_connect(options: &PgConnectOptions) -> String {
    let at = options.get_socket().map_or_else(
        || format!("{}:{}", options.get_host(), options.get_port()),
        |socket| socket.display().to_string(),
    );
    format!("the database at {at} cannot be used")
}

/// The oldest major version of Postgres that will do.
const OLDEST_VERSION: i32 = 15;

/// The version of the server.
///
/// # Errors
/// It is too old, or cannot be asked for.
pub async fn require_version(pool: &PgPool) -> anyhow::Result<String> {
    let found = sqlx::query!(
        r#"select current_setting('server_version') as "name!", current_setting('server_version_num')::int / 10000 as "major!""#
    )
    .fetch_one(pool)
    .await?;
    anyhow::ensure!(
        found.major >= OLDEST_VERSION,
        "{} is too old: Postgres {OLDEST_VERSION} or later is needed",
        found.name
    );
    Ok(found.name)
}

/// Refuses a database whose schema is older than this program.
///
/// # Errors
/// Migrations are missing, or it cannot be found out; the text names the cause and what helps.
pub async fn require_migrations(pool: &PgPool) -> anyhow::Result<()> {
    match is_migrated(pool).await {
        Ok(true) => Ok(()),
        Ok(false) => anyhow::bail!(
            "the database is not up to date: run `systembruker migrate` as the owner of the schema"
        ),
        Err(DbError::Unavailable(error)) if error.fault == DbFault::PermissionDenied => {
            anyhow::bail!(
                "the role of database.url (DATABASE_URL) may not read the schema: {}. Grant it usage of the schema, and select, insert, update and delete on its tables, as the owner of the schema",
                error.message
            )
        }
        Err(error) => Err(error).context("reading which migrations are applied"),
    }
}

/// What helps against an error at the start; it begins with a blank, to be appended.
#[must_use]
pub fn explain(error: &sqlx::Error) -> Option<&'static str> {
    const ADDRESS: &str =
        " (is Postgres running there, and are host and port of database.url (DATABASE_URL) right?)";
    const TLS: &str = " (see sslmode and sslrootcert in database.url (DATABASE_URL))";
    const ROLE: &str = " (see user and password in database.url (DATABASE_URL), and pg_hba.conf)";
    const DATABASE: &str = " (create the database, or name another in database.url (DATABASE_URL))";
    const STARTING: &str = " (it starts or stops; try again soon)";
    const FULL: &str = " (raise max_connections of the server or the limit of the role, or lower database.max_connections of the instances)";
    const POOLER: &str =
        " (this is a pooler: set database.pooler to its mode, `session` or `transaction`)";
    const SHARED: &str = " (a pooler shares sessions and does not know prepared statements: let it pool sessions, with database.pooler = \"session\"; or use PgBouncer from 1.21 with max_prepared_statements, and database.pooler = \"transaction\")";
    match error {
        sqlx::Error::Io(_) => Some(ADDRESS),
        sqlx::Error::Tls(_) => Some(TLS),
        sqlx::Error::Database(error) => {
            let is_of_pooler = error
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|error| error.message().contains("unsupported startup parameter"));
            if is_of_pooler {
                return Some(POOLER);
            }
            let code = error.code()?;
            match &*code {
                "3D000" => Some(DATABASE),
                "57P03" => Some(STARTING),
                "53300" => Some(FULL),
                "26000" | "42P05" => Some(SHARED),
                _ if code.starts_with("28") => Some(ROLE),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Refuses a role that cannot see which history of the database it follows, on a server that knows it.
///
/// # Errors
/// The text says what the role lacks; or the database cannot be asked.
pub async fn require_history(pool: &PgPool) -> anyhow::Result<&'static str> {
    let found = sqlx::query!(
        r#"select feed_origin() <> '' as "is_known!", to_regprocedure('pg_control_system()') is not null as "is_there!""#
    )
    .fetch_one(pool)
    .await
    .context("reading which history the database has")?;
    if found.is_known {
        return Ok("is known");
    }
    anyhow::ensure!(
        !found.is_there,
        "the role may not see which history the database has, so that a fail-over or a restore under a running service is noticed late. \
         Run as a superuser: grant execute on function pg_control_system(), pg_current_wal_lsn(), pg_walfile_name(pg_lsn) to the role"
    );
    Ok("is not known to this server: a fail-over is noticed by the journal")
}
