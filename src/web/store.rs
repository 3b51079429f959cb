//! All SQL of sessions, logins and log-outs.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{db::DbError, token::sha256};

/// A live session.
#[derive(Debug, Clone)]
pub struct Session {
    pub person_uuid: Uuid,
    pub level: i16,
    pub csrf_secret: Vec<u8>,
    pub language: Option<String>,
    pub flash: Option<String>,
}

/// A session to be stored.
#[derive(Debug)]
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
}

/// The session of a cookie, if it lives; its idle time starts anew, and its flash is taken.
pub async fn touch_session(
    pool: &PgPool,
    token: &str,
    idle_minutes: i32,
) -> Result<Option<Session>, DbError> {
    Ok(sqlx::query_as!(
        Session,
        r#"with live as (
             select id, flash from session where id = $1 and expires > now() and last_seen > now() - make_interval(mins => $2) for update)
           update session s set last_seen = now(), flash = null from live where s.id = live.id
           returning s.person_uuid, s.level, s.csrf_secret, s.language, live.flash as "flash?""#,
        &sha256(token)[..],
        idle_minutes
    )
    .fetch_optional(pool)
    .await?)
}

/// What tokens of a session are made of.
#[derive(Debug, Clone)]
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

/// A session by its id, if it lives.
pub async fn live_session(
    pool: &PgPool,
    id: &[u8],
    idle_minutes: i32,
) -> Result<Option<LiveSession>, DbError> {
    Ok(sqlx::query_as!(
        LiveSession,
        "select id, person_uuid, level, acr, amr, auth_time, csrf_secret, expires from session
         where id = $1 and expires > now() and last_seen > now() - make_interval(mins => $2)",
        id,
        idle_minutes
    )
    .fetch_optional(pool)
    .await?)
}

/// The idle time of a session starts anew.
pub async fn slide_session(pool: &PgPool, id: &[u8]) -> Result<(), DbError> {
    sqlx::query!("update session set last_seen = now() where id = $1", id)
        .execute(pool)
        .await?;
    Ok(())
}

/// Stores a session; a person has at most ten, the oldest ends.
pub async fn insert_session(pool: &PgPool, new: &NewSession<'_>) -> Result<(), DbError> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        r#"insert into session (id, person_uuid, user_id, level, acr, auth_time, upstream_sid, upstream_issuer, csrf_secret, language, flash, expires, amr)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + make_interval(hours => $12), $13)"#,
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
    sqlx::query!("delete from session where id in (select id from session where person_uuid = $1 order by created desc offset 10)", new.person_uuid)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a session.
pub async fn delete_session(pool: &PgPool, token: &str) -> Result<(), DbError> {
    sqlx::query!("delete from session where id = $1", &sha256(token)[..])
        .execute(pool)
        .await?;
    Ok(())
}

/// Ends every session that a login of the identity provider led to.
pub async fn delete_upstream_sessions(
    pool: &PgPool,
    issuer: &str,
    sid: &str,
) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "delete from session where upstream_issuer = $1 and upstream_sid = $2",
        issuer,
        sid
    )
    .execute(pool)
    .await?
    .rows_affected())
}

/// A login under way.
#[derive(Debug, Clone)]
pub struct Login {
    pub state: String,
    pub nonce: String,
    pub code_verifier: String,
    pub goto: String,
    pub acr: String,
    pub locale: String,
}

/// Stores a login; a browser has at most five, the oldest is forgotten.
pub async fn insert_login(pool: &PgPool, browser: &str, login: &Login) -> Result<(), DbError> {
    let browser = sha256(browser);
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "insert into login_transaction (id, browser, state, nonce, code_verifier, goto, acr, locale) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &sha256(&login.state)[..],
        &browser[..],
        login.state,
        login.nonce,
        login.code_verifier,
        login.goto,
        login.acr,
        login.locale
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from login_transaction where id in (select id from login_transaction where browser = $1 order by created desc offset 5)",
        &browser[..]
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Takes a login of this browser out: it can be finished once.
pub async fn take_login(
    pool: &PgPool,
    browser: &str,
    state: &str,
) -> Result<Option<Login>, DbError> {
    Ok(sqlx::query_as!(
        Login,
        r#"delete from login_transaction where id = $1 and browser = $2 and created > now() - interval '15 minutes'
           returning state, nonce, code_verifier, goto, acr, locale"#,
        &sha256(state)[..],
        &sha256(browser)[..]
    )
    .fetch_optional(pool)
    .await?)
}

/// What happens after a log-out.
#[derive(Debug, Clone)]
pub struct PostLogout {
    pub redirect_url: Option<String>,
    pub receipt: Option<Value>,
}

/// Remembers what happens after a log-out.
pub async fn insert_post_logout(
    pool: &PgPool,
    token: &str,
    redirect_url: Option<&str>,
    receipt: Option<&Value>,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into post_logout (id, redirect_url, receipt) values ($1, $2, $3)",
        &sha256(token)[..],
        redirect_url,
        receipt
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What happens after a log-out. The address is given once; the receipt can be shown again.
pub async fn take_post_logout(pool: &PgPool, token: &str) -> Result<Option<PostLogout>, DbError> {
    Ok(sqlx::query_as!(
        PostLogout,
        r#"with found as (select id, redirect_url, receipt from post_logout where id = $1 and created > now() - interval '15 minutes' for update)
           update post_logout p set redirect_url = null from found where p.id = found.id
           returning found.redirect_url as "redirect_url?", found.receipt as "receipt?""#,
        &sha256(token)[..]
    )
    .fetch_optional(pool)
    .await?)
}

/// Whether the record of a log-out names an address that the browser was not sent to yet.
pub async fn leads_somewhere(pool: &PgPool, token: &str) -> Result<bool, DbError> {
    let found = sqlx::query_scalar!(
        r#"select exists (select 1 from post_logout
             where id = $1 and redirect_url is not null and created > now() - interval '15 minutes') as "exists!""#,
        &sha256(token)[..]
    );
    Ok(found.fetch_one(pool).await?)
}

/// The party that a session acts for from now on.
pub async fn set_active_party(pool: &PgPool, token: &str, party: Uuid) -> Result<(), DbError> {
    sqlx::query!(
        "update session set active_party = $2 where id = $1",
        &sha256(token)[..],
        party
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The receipt of a log-out.
pub async fn receipt(pool: &PgPool, token: &str) -> Result<Option<Value>, DbError> {
    Ok(sqlx::query_scalar!(
        "select receipt from post_logout where id = $1 and created > now() - interval '15 minutes'",
        &sha256(token)[..]
    )
    .fetch_optional(pool)
    .await?
    .flatten())
}

/// Removes what ended more than a day ago.
pub async fn forget_expired(pool: &PgPool) -> Result<(), DbError> {
    sqlx::query!("delete from session where expires < now() - interval '1 day' or last_seen < now() - interval '2 days'").execute(pool).await?;
    sqlx::query!("delete from login_transaction where created < now() - interval '1 day'")
        .execute(pool)
        .await?;
    sqlx::query!("delete from post_logout where created < now() - interval '1 day'")
        .execute(pool)
        .await?;
    sqlx::query!("delete from used_once where expires_at < now() - interval '10 minutes'")
        .execute(pool)
        .await?;
    Ok(())
}
