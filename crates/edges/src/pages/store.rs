//! All SQL of logins and log-outs.

use sqlx::{PgConnection, PgPool, types::Json};

use super::receipt::Receipt;
use foundation::{crypto::sha256, db::DbError, retention::BATCH};

/// A login under way.
#[derive(Debug, Clone)]
pub struct PendingLogin {
    pub state: String,
    pub nonce: String,
    pub code_verifier: String,
    pub goto: String,
    pub acr: String,
    pub locale: String,
}

/// Stores a login; a browser has at most five, the oldest is deleted.
pub async fn insert_login(
    pool: &PgPool,
    browser: &str,
    login: &PendingLogin,
) -> Result<(), DbError> {
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
    foundation::db::commit(tx).await?;
    Ok(())
}

/// Takes a login of this browser out: it can be finished once.
pub async fn take_login(
    pool: &PgPool,
    browser: &str,
    state: &str,
) -> Result<Option<PendingLogin>, DbError> {
    let mut tx = pool.begin().await?;
    let login = sqlx::query_as!(
        PendingLogin,
        r#"delete from login_transaction where id = $1 and browser = $2 and created > service_now() - interval '15 minutes'
           returning state, nonce, code_verifier, goto, acr, locale"#,
        &sha256(state)[..],
        &sha256(browser)[..]
    )
    .fetch_optional(&mut *tx)
    .await?;
    foundation::db::commit(tx).await?;
    Ok(login)
}

/// What happens after a log-out.
#[derive(Debug, Clone)]
pub struct PostLogout {
    pub redirect_url: Option<String>,
    pub receipt: Option<Json<Receipt>>,
}

/// Remembers what happens after a log-out.
pub async fn insert_post_logout(
    pool: &PgPool,
    token: &str,
    redirect_url: Option<&str>,
    receipt: Option<&Receipt>,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into post_logout (id, redirect_url, receipt) select $1, $2, $3 from set_config('synchronous_commit', 'local', true)",
        &sha256(token)[..],
        redirect_url,
        receipt.map(Json) as _
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What happens after a log-out. The address is given once; the receipt can be shown again.
pub async fn take_post_logout(pool: &PgPool, token: &str) -> Result<Option<PostLogout>, DbError> {
    Ok(sqlx::query_as!(
        PostLogout,
        r#"with found as (select id, redirect_url, receipt from post_logout where id = $1 and created > service_now() - interval '15 minutes' for update)
           update post_logout p set redirect_url = null
             from found cross join set_config('synchronous_commit', 'local', true) where p.id = found.id
           returning found.redirect_url as "redirect_url?", found.receipt as "receipt?: Json<Receipt>""#,
        &sha256(token)[..]
    )
    .fetch_optional(pool)
    .await?)
}

/// Whether the record of a log-out names an address that the browser was not sent to yet.
pub async fn leads_somewhere(pool: &PgPool, token: &str) -> Result<bool, DbError> {
    let found = sqlx::query_scalar!(
        r#"select exists (select 1 from post_logout
             where id = $1 and redirect_url is not null and created > service_now() - interval '15 minutes') as "exists!""#,
        &sha256(token)[..]
    );
    Ok(found.fetch_one(pool).await?)
}

/// The receipt of a log-out.
pub async fn receipt(pool: &PgPool, token: &str) -> Result<Option<Receipt>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select receipt as "receipt: Json<Receipt>" from post_logout where id = $1 and created > service_now() - interval '15 minutes'"#,
        &sha256(token)[..]
    )
    .fetch_optional(pool)
    .await?
    .flatten()
    .map(|receipt| receipt.0))
}

/// Deletes logins that were begun, and records of log-outs, of so many days ago.
pub async fn delete_old_logins(tx: &mut PgConnection, days: i32) -> Result<u64, DbError> {
    let logins = sqlx::query!(
        "delete from login_transaction where id in (
           select id from login_transaction where created < service_now() - make_interval(days => $1) limit $2)",
        days,
        BATCH
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let logouts = sqlx::query!(
        "delete from post_logout where id in (
           select id from post_logout where created < service_now() - make_interval(days => $1) limit $2)",
        days,
        BATCH
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(logins + logouts)
}

/// Deletes identifiers that could have been used a second time until ten minutes ago, and those of batches of
/// attempts that no browser sends again.
pub async fn delete_expired_ids(tx: &mut PgConnection) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "with batches as (
           delete from attempt_batch where id in (select id from attempt_batch where at < service_now() - interval '7 days' order by at limit $1))
         delete from used_once where (kind, id) in (
           select kind, id from used_once where expires_at < service_now() - interval '10 minutes' order by expires_at limit $1)",
        BATCH
    )
    .execute(tx)
    .await?
    .rows_affected())
}
