//! The role that serves, which owns nothing.

use foundation::db;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cluster::connect;

/// The role in the tests' cluster that serves.
const ROLE: &str = "sb_app";
/// The role in the tests' cluster that owns schemas, and is no superuser.
const OWNER: &str = "sb_owner";

/// The address of a database for a role that may do there what `migrate --print-grants` says.
pub async fn serving_role(database: &SecretString) -> SecretString {
    let grants = db::grants(ROLE).expect("a name of a role");
    with_role(database, ROLE, grants).await
}

/// Takes a right from the role that serves, such as `delete on party`.
pub async fn take(database: &SecretString, right: &str) {
    let statement = format!("revoke {right} from {ROLE}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut connect(database).await)
        .await
        .expect("a superuser may");
}

/// Takes a right in a database that every role has, as owners do who give each by itself.
pub async fn take_from_public(database: &SecretString, right: &str) {
    let statement = format!("revoke {right} from public");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut connect(database).await)
        .await
        .expect("a superuser may");
}

/// The address of a database for a role to which its tables are given.
pub async fn owning_role(database: &SecretString) -> SecretString {
    let statement = format!(
        "grant usage on schema public, staging to {OWNER}; alter table party owner to {OWNER}"
    );
    with_role(database, OWNER, statement).await
}

/// Makes a role, unless another test of the cluster has, and lets a superuser give it something.
async fn with_role(database: &SecretString, role: &str, given: String) -> SecretString {
    let mut superuser = connect(database).await;
    let made = format!(
        "do $$ begin create role {role} login; exception when duplicate_object or unique_violation then null; end $$"
    );
    for statement in [made, given] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut superuser)
            .await
            .expect("a superuser may");
    }
    let url = database.expose_secret();
    url.replacen("//sb@", &format!("//{role}@"), 1).into()
}
