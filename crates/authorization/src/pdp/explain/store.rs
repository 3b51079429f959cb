//! Where access came from. All SQL of explanations.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use foundation::db::DbError;
use registers::packages::PackageKey;

/// Something that was granted.
#[derive(Debug)]
pub struct ExplainedGrant {
    /// `access_package`, `client_delegation` or `single_right`.
    pub kind: String,
    /// Party it is from: the reportee, or its main unit.
    pub from: Uuid,
    /// Who has it: the subject, or a unit in which it holds a key role or whose main unit it does.
    pub holder: Uuid,
    /// Who delegated a client.
    pub facilitator: Option<Uuid>,
    /// The package, when it is one.
    pub package: Option<PackageKey>,
    /// Assignment or delegation.
    pub id: Uuid,
    /// When.
    pub given: DateTime<Utc>,
    /// The request that was approved, when it came from one.
    pub request: Option<Uuid>,
}

/// By which grants a subject holds some of these packages, or a single right, for a reportee.
pub async fn grants(
    db: &mut PgConnection,
    subject: Uuid,
    reportee: Uuid,
    packages: &[PackageKey],
    assignment: Option<Uuid>,
) -> Result<Vec<ExplainedGrant>, DbError> {
    Ok(sqlx::query_as!(
        ExplainedGrant,
        r#"with user_party as (select key, uuid from party where uuid = $1),
           source as (
             select key from party where uuid = $2 union all
             select m.key from party p join party m on m.key = p.parent_key where p.uuid = $2),
           origin as (select id from request where id = $1)
           select 'access_package' as "kind!", f.uuid as "from!", u.uuid as "holder!", null::uuid as "facilitator?", ap.package_id as "package?", a.id as "id!",
             ap.created_at as "given!", (select id from origin) as "request?"
           from assignment a join user_party u on u.key = a.to_key join source s on s.key = a.from_key
           join assignment_package ap on ap.assignment_id = a.id and ap.package_id = any($3) join party f on f.key = a.from_key
           union all
           select 'client_delegation', c.uuid, u.uuid, f.uuid, dp.package_id, d.id, d.created_at, null
           from client_delegation d join user_party u on u.key = d.system_user_key join source s on s.key = d.client_key
           join client_delegation_package dp on dp.delegation_id = d.id and dp.package_id = any($3)
           join party c on c.key = d.client_key join party f on f.key = d.facilitator_key
           union all
           select 'single_right', f.uuid, h.uuid, null, null, a.id, a.created_at, (select id from origin)
           from assignment a join party f on f.key = a.from_key join party h on h.key = a.to_key where a.id = $4"#,
        subject,
        reportee,
        packages,
        assignment
    )
    .fetch_all(db)
    .await?)
}
