//! All SQL of browser sessions.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    audit::{self, Action, Actor, ObjectKind},
    crypto::sha256,
    db::DbError,
    http::context,
    retention::BATCH,
    telemetry::security::SecurityEvent,
};

/// A live session.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct Session {
    pub person_uuid: Uuid,
    pub level: i16,
    pub csrf_secret: Vec<u8>,
    pub language: Option<String>,
    pub flash: Option<String>,
    /// Party that the person acts for; none before one was chosen.
    pub active_party: Option<Uuid>,
}

/// A session to be stored.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct NewSession<'a> {
    pub token: &'a str,
    pub person_uuid: Uuid,
    pub user_id: i32,
    pub level: u8,
    pub acr: &'a str,
    pub amr: &'a [String],
    pub auth_time: Option<DateTime<Utc>>,
    pub upstream_sid: Option<&'a str>,
    pub upstream_issuer: &'a str,
    pub csrf_secret: &'a [u8],
    pub language: Option<&'a str>,
    pub flash: Option<&'a str>,
    pub absolute_hours: i32,
    /// Cookie of the session that the browser had before, which ends.
    pub replaces: Option<&'a str>,
}

/// The session of a cookie, if it is valid; its idle time starts anew, and its flash is taken. That
/// waits for no standby: pages are shown while one is away.
pub async fn touch_session(
    pool: &PgPool,
    token: &str,
    idle_minutes: i32,
) -> Result<Option<Session>, DbError> {
    Ok(sqlx::query_as!(
        Session,
        r#"with live as (
             select id, flash from session where id = $1 and expires > service_now() and last_seen > service_now() - make_interval(mins => $2) for update)
           update session s set last_seen = service_now(), flash = null
             from live cross join set_config('synchronous_commit', 'local', true) where s.id = live.id
           returning s.person_uuid, s.level, s.csrf_secret, s.language, live.flash as "flash?", s.active_party"#,
        &sha256(token)[..],
        idle_minutes
    )
    .fetch_optional(pool)
    .await?)
}

/// What tokens of a session are made of.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct LiveSession {
    /// SHA-256 of its cookie.
    pub id: Vec<u8>,
    pub person_uuid: Uuid,
    pub level: i16,
    pub acr: String,
    pub amr: Vec<String>,
    pub auth_time: Option<DateTime<Utc>>,
    pub csrf_secret: Vec<u8>,
    pub expires: DateTime<Utc>,
}

/// A session by its id, if it is valid.
pub async fn live_session(
    pool: &PgPool,
    id: &[u8],
    idle_minutes: i32,
) -> Result<Option<LiveSession>, DbError> {
    Ok(sqlx::query_as!(
        LiveSession,
        "select id, person_uuid, level, acr, amr, auth_time, csrf_secret, expires from session
         where id = $1 and expires > service_now() and last_seen > service_now() - make_interval(mins => $2)",
        id,
        idle_minutes
    )
    .fetch_optional(pool)
    .await?)
}

/// The idle time of a session starts anew.
pub async fn slide_session(pool: &PgPool, id: &[u8]) -> Result<(), DbError> {
    sqlx::query!(
        "update session set last_seen = service_now() from set_config('synchronous_commit', 'local', true) where id = $1",
        id
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Stores a session in place of the one that the browser had; a person has at most ten, the oldest
/// ends.
pub async fn insert_session(pool: &PgPool, new: &NewSession<'_>) -> Result<(), DbError> {
    let mut tx = pool.begin().await?;
    if let Some(token) = new.replaces {
        let replaced = sqlx::query_as!(
            EndedSession,
            "delete from session where id = $1 returning id, person_uuid",
            &sha256(token)[..]
        );
        let replaced = replaced.fetch_all(&mut *tx).await?;
        note_ended(&mut tx, replaced, EndCause::Replaced).await?;
    }
    sqlx::query!(
        r#"insert into session (id, person_uuid, user_id, level, acr, auth_time, upstream_sid, upstream_issuer, csrf_secret, language, flash, expires, amr)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, service_now() + make_interval(hours => $12), $13)"#,
        &sha256(new.token)[..],
        new.person_uuid,
        new.user_id,
        i16::from(new.level),
        new.acr,
        new.auth_time,
        new.upstream_sid,
        new.upstream_issuer,
        new.csrf_secret,
        new.language,
        new.flash,
        new.absolute_hours,
        new.amr
    )
    .execute(&mut *tx)
    .await?;
    let id = sha256(new.token);
    let detail = json!({"level": new.level, "acr": new.acr});
    let started = event(Action::SessionStarted, &id, new.person_uuid, detail);
    audit::record(&mut tx, started).await?;
    let oldest = sqlx::query_as!(
        EndedSession,
        "delete from session where id in (select id from session where person_uuid = $1 order by created desc offset 10)
         returning id, person_uuid",
        new.person_uuid
    );
    let oldest = oldest.fetch_all(&mut *tx).await?;
    note_ended(&mut tx, oldest, EndCause::TooMany).await?;
    crate::db::commit(tx).await?;
    Ok(())
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndCause {
    /// The browser logged in anew, or stepped up.
    Replaced,
    /// The person has newer ones, as many as one may have.
    TooMany,
    /// The person logged out here.
    LoggedOut,
    /// The identity provider says that its session ended.
    IdentityProvider,
}

impl EndCause {
    /// The text in the audit trail.
    const fn wire(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::TooMany => "too_many",
            Self::LoggedOut => "logged_out",
            Self::IdentityProvider => "identity_provider",
        }
    }
}

/// A session that was deleted.
#[derive(Debug)]
struct EndedSession {
    id: Vec<u8>,
    person_uuid: Uuid,
}

/// A row of the trail about a session of a person.
fn event(action: Action, id: &[u8], person: Uuid, detail: Value) -> audit::AuditEvent<'static> {
    audit::AuditEvent {
        actor: Actor::Person(person),
        action,
        object_kind: ObjectKind::Session,
        object_id: short_id(id),
        party_org: None,
        vendor_org: None,
        detail: Some(detail),
    }
}

/// The first 16 hexadecimal digits of the id of a session, by which the trail names it.
fn short_id(id: &[u8]) -> String {
    id.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes the rows of sessions that ended.
async fn note_ended(
    tx: &mut PgConnection,
    sessions: Vec<EndedSession>,
    cause: EndCause,
) -> Result<(), DbError> {
    for ended in sessions {
        let detail = json!({"cause": cause.wire()});
        let event = event(Action::SessionEnded, &ended.id, ended.person_uuid, detail);
        audit::record(&mut *tx, event).await?;
        context::report(SecurityEvent::SessionEnded {
            person: ended.person_uuid,
            cause: cause.wire(),
        });
    }
    Ok(())
}

/// Ends a session and every other one that came out of the same login at the identity provider: who
/// logs out there is logged out of all of them.
pub async fn delete_sessions_of_login(pool: &PgPool, token: &str) -> Result<(), DbError> {
    let mut tx = pool.begin().await?;
    let ended = sqlx::query_as!(
        EndedSession,
        "delete from session s using session own
         where own.id = $1
           and (s.id = own.id or (s.upstream_issuer = own.upstream_issuer and s.upstream_sid = own.upstream_sid))
         returning s.id, s.person_uuid",
        &sha256(token)[..]
    );
    let ended = ended.fetch_all(&mut *tx).await?;
    note_ended(&mut tx, ended, EndCause::LoggedOut).await?;
    crate::db::commit(tx).await
}

/// Ends every session that a login of the identity provider led to.
pub async fn delete_upstream_sessions(
    pool: &PgPool,
    issuer: &str,
    sid: &str,
) -> Result<(), DbError> {
    let mut tx = pool.begin().await?;
    let ended = sqlx::query_as!(
        EndedSession,
        "delete from session where upstream_issuer = $1 and upstream_sid = $2 returning id, person_uuid",
        issuer,
        sid
    );
    let ended = ended.fetch_all(&mut *tx).await?;
    note_ended(&mut tx, ended, EndCause::IdentityProvider).await?;
    crate::db::commit(tx).await
}

/// The party that a session acts for from now on.
pub async fn set_active_party(pool: &PgPool, token: &str, party: Uuid) -> Result<(), DbError> {
    sqlx::query!(
        "update session set active_party = $2 from set_config('synchronous_commit', 'local', true) where id = $1",
        &sha256(token)[..],
        party
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Deletes sessions that ended so many days ago; they end when they expire, or when they were not used
/// for so many minutes.
pub async fn delete_ended(
    tx: &mut PgConnection,
    idle_minutes: i32,
    days: i32,
) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "delete from session where id in (
           select id from session
           where least(expires, last_seen + make_interval(mins => $1)) < service_now() - make_interval(days => $2)
           limit $3)",
        idle_minutes,
        days,
        BATCH
    )
    .execute(tx)
    .await?
    .rows_affected())
}
