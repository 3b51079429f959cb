//! The settings that each session of the service has.

use sqlx::PgConnection;

use crate::config::Database;

/// Name and value of what each session of the service has.
pub(super) type SessionSettings = [(&'static str, String); 7];

pub(super) fn session_settings(settings: &Database) -> SessionSettings {
    [
        (
            "statement_timeout",
            format!("{}s", settings.statement_timeout_s),
        ),
        ("lock_timeout", format!("{}s", settings.lock_timeout_s)),
        ("idle_in_transaction_session_timeout", "10s".to_owned()),
        ("timezone", "UTC".to_owned()),
        // A change by a connection without it leaves a row in the audit trail (`note_direct_change`).
        ("sb.writer", "service".to_owned()),
        // Statements are prepared once per connection. With large tables Postgres would plan each
        // decision anew, which takes ten times as long as deciding.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // Compiling the plan of a list takes longer than running it.
        ("jit", "off".to_owned()),
    ]
}

/// Gives them to the session of a connection.
pub(super) async fn apply(
    connection: &mut PgConnection,
    settings: &SessionSettings,
) -> Result<(), sqlx::Error> {
    let names: Vec<String> = settings
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let values: Vec<String> = settings.iter().map(|(_, value)| value.clone()).collect();
    sqlx::query!(
        r#"select set_config(s.name, s.value, false) as "set" from unnest($1::text[], $2::text[]) as s(name, value)"#,
        &names,
        &values
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}
