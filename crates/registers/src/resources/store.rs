//! All SQL of the resource registry.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{
    compiled,
    document::ResourceType,
    rights::{self, SubjectAttribute},
    text_search::{ResourceTexts, TextFilter},
};
use foundation::{
    crypto::sha256,
    db::{
        AdvisoryLock, DbError,
        feed::{self, FeedEntryKind},
    },
};
use xacml::PolicyTree;

/// A resource as the decision path needs it.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct CurrentResourceRow {
    pub identifier: String,
    pub resource_type: String,
    pub delegable: bool,
    pub access_list_enabled: bool,
    pub owner_org: String,
    pub owner_code: String,
    pub policy_version: Option<i32>,
    pub sha256: Option<Vec<u8>>,
    /// Text of the policy, unless its digest is among the known ones.
    pub xml: Option<Vec<u8>>,
}

/// The latest versions of live resources with their current policies: of these, or of all.
pub async fn current(
    db: &mut PgConnection,
    identifiers: &[String],
    known: &[Vec<u8>],
) -> Result<Vec<CurrentResourceRow>, DbError> {
    Ok(sqlx::query_as!(
        CurrentResourceRow,
        r#"select /* hot path */ r.identifier as "identifier!", coalesce(v.document->>'resourceType', 'Default') as "resource_type!",
             coalesce((v.document->>'delegable')::bool, true) as "delegable!",
             coalesce(v.document->>'accessListMode' = 'Enabled', false) as "access_list_enabled!",
             coalesce(v.document#>>'{hasCompetentAuthority,organization}', '') as "owner_org!",
             lower(coalesce(v.document#>>'{hasCompetentAuthority,orgcode}', 'unknown')) as "owner_code!",
             p.version as "policy_version?", p.sha256 as "sha256?", case when p.sha256 <> all($2) then p.xml end as "xml?"
           from (select identifier from resource where identifier = any($1) and deleted is null) r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           left join lateral (select version, sha256, xml from resource_policy where identifier = r.identifier order by version desc limit 1) p
             on true"#,
        identifiers,
        known
    )
    .fetch_all(db)
    .await?)
}

/// Identifiers of all live resources.
pub async fn live_identifiers(db: &mut PgConnection) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select identifier from resource where deleted is null order by identifier"
    )
    .fetch_all(db)
    .await?)
}

/// Bytes of the current policies of an owner's live resources, without one of them.
pub async fn policy_bytes_of_owner(
    db: &mut PgConnection,
    owner: &str,
    without: &str,
) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(p.bytes), 0)::bigint as "bytes!" from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           cross join lateral (select octet_length(xml) as bytes from resource_policy where identifier = r.identifier order by version desc limit 1) p
           where r.deleted is null and r.identifier <> $2 and v.document#>>'{hasCompetentAuthority,organization}' = $1"#,
        owner,
        without
    )
    .fetch_one(db)
    .await?)
}

/// Type of a resource, for those that list resources as rights.
#[derive(Debug, Clone)]
pub struct ResourceKind {
    /// `resourceType`
    pub resource_type: String,
}

/// Types of the live resources among these identifiers.
pub async fn kinds(
    db: &mut PgConnection,
    identifiers: &[String],
) -> Result<HashMap<String, ResourceKind>, DbError> {
    let rows = sqlx::query!(
        r#"select r.identifier, coalesce(v.document->>'resourceType', 'Default') as "resource_type!"
           from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.identifier = any($1) and r.deleted is null"#,
        identifiers
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            (
                r.identifier,
                ResourceKind {
                    resource_type: r.resource_type,
                },
            )
        })
        .collect())
}

/// Documents of the live resources among these identifiers, for display.
pub async fn names(
    db: &mut PgConnection,
    identifiers: &[String],
) -> Result<HashMap<String, Value>, DbError> {
    let rows = sqlx::query!(
        r#"select r.identifier, v.document from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.identifier = any($1) and r.deleted is null"#,
        identifiers
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.identifier, r.document))
        .collect())
}

/// Action filters of the access lists that connect this resource with this party; none at all when
/// it is on no list. An empty filter admits every action.
pub async fn access_list_filters(
    db: &mut PgConnection,
    resource: &str,
    party_key: i32,
) -> Result<Vec<Vec<String>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select /* hot path */ c.action_filters from access_list_connection c join access_list_member m on m.list = c.list
           where c.resource = $1 and m.party_key = $2"#,
        resource,
        party_key
    )
    .fetch_all(db)
    .await?)
}

/// Stores a resource and its policy. What is stored already is left alone; returns whether anything
/// changed.
pub async fn upsert(
    tx: &mut PgConnection,
    document: &Value,
    xml: &[u8],
    owner_org: Option<&str>,
) -> Result<bool, DbError> {
    let identifier = document
        .get("identifier")
        .and_then(Value::as_str)
        .unwrap_or_default();
    sqlx::query!(
        "insert into resource (identifier) values ($1) on conflict do nothing",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    let versions = sqlx::query!(
        r#"insert into resource_version (identifier, document)
           select $1, $2 where (select document from resource_version where identifier = $1 order by version_id desc limit 1) is distinct from $2"#,
        identifier,
        document
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let subjects = match PolicyTree::read(xml, &compiled::LOAD) {
        Ok((PolicyTree::Policy(policy), _)) => rights::subjects(&policy),
        // It is stored as it is, and decides nothing.
        Ok((PolicyTree::PolicySet(_) | PolicyTree::Reference(_), _)) | Err(_) => BTreeSet::new(),
    };
    let policy = put_policy(&mut *tx, identifier, xml, &subjects, owner_org).await?;
    let is_changed = versions > 0 || policy;
    if is_changed {
        number_change(&mut *tx, identifier, ResourceChangeKind::Policy).await?;
    }
    if versions > 0 {
        feed::append(tx, FeedEntryKind::Resource, identifier).await?;
    }
    Ok(is_changed)
}

/// What changed of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceChangeKind {
    /// Its description.
    Document,
    /// Its policy, which from now on it has had.
    Policy,
}

/// Gives a resource the next number of the changes, for those who follow them.
pub async fn number_change(
    tx: &mut PgConnection,
    identifier: &str,
    what: ResourceChangeKind,
) -> Result<(), DbError> {
    // Numbers and times become visible in the order of the lock.
    AdvisoryLock::ResourceChanges.take(tx).await?;
    sqlx::query!(
        r#"update resource set change_no = nextval('resource_change_seq'), changed_at = service_now(), policy_uploaded = policy_uploaded or $2
           where identifier = $1"#,
        identifier,
        what == ResourceChangeKind::Policy
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A resource in the list of changes.
#[derive(Debug, Clone)]
pub struct ChangedResource {
    /// Its identifier.
    pub identifier: String,
    /// Number of its latest change.
    pub change_no: i64,
    /// When that was.
    pub changed_at: DateTime<Utc>,
}

/// Live resources that have had a policy, each at its latest change, in the order of the changes
/// after a number.
pub async fn changes(
    db: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<ChangedResource>, DbError> {
    Ok(sqlx::query_as!(
        ChangedResource,
        r#"select identifier, change_no, changed_at from resource
           where change_no > $1 and policy_uploaded and deleted is null order by change_no limit $2"#,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// What is stored under an identifier.
#[derive(Debug)]
pub struct StoredResource {
    /// It was deleted.
    pub is_deleted: bool,
    /// The latest document.
    pub document: Option<Value>,
    /// SHA-256 of the current policy.
    pub policy_sha256: Option<Vec<u8>>,
}

/// What is stored under an identifier, deleted or not.
pub async fn stored(
    db: &mut PgConnection,
    identifier: &str,
) -> Result<Option<StoredResource>, DbError> {
    Ok(sqlx::query_as!(
        StoredResource,
        r#"select r.deleted is not null as "is_deleted!",
             (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) as "document?",
             (select sha256 from resource_policy where identifier = r.identifier order by version desc limit 1) as "policy_sha256?"
           from resource r where r.identifier = $1"#,
        identifier
    )
    .fetch_optional(db)
    .await?)
}

/// Rebuilds the index of which subjects a resource's policy names. Pairs that are gone stay,
/// marked, for those who follow the index. One writer at a time, so that its times are in the order
/// of the commits.
async fn index_subjects(
    tx: &mut PgConnection,
    identifier: &str,
    subjects: &BTreeSet<SubjectAttribute>,
) -> Result<(), DbError> {
    let subjects: BTreeSet<String> = subjects.iter().map(|s| s.urn().to_lowercase()).collect();
    let subjects: Vec<String> = subjects.into_iter().collect();
    // Numbers and times become visible in the order of the lock.
    AdvisoryLock::ResourceChanges.take(tx).await?;
    sqlx::query!(
        r#"update resource_subject set deleted = true, updated_at = clock_timestamp()
           where identifier = $1 and not deleted and subject_urn <> all($2)"#,
        identifier,
        &subjects
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"insert into resource_subject (identifier, subject_urn, updated_at) select $1, s, clock_timestamp() from unnest($2::text[]) as s
           on conflict (identifier, subject_urn) do update set deleted = false, updated_at = excluded.updated_at where resource_subject.deleted"#,
        identifier,
        &subjects
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores a resource under a new identifier; its version, or none when the identifier is taken or
/// was once.
pub async fn create(
    tx: &mut PgConnection,
    identifier: &str,
    document: &Value,
) -> Result<Option<i32>, DbError> {
    let made = sqlx::query!(
        "insert into resource (identifier) values ($1) on conflict do nothing",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() == 0 {
        Ok(None)
    } else {
        add_version(tx, identifier, document).await.map(Some)
    }
}

/// Stores a new version of a resource.
pub async fn add_version(
    tx: &mut PgConnection,
    identifier: &str,
    document: &Value,
) -> Result<i32, DbError> {
    let version = sqlx::query_scalar!(
        "insert into resource_version (identifier, document) values ($1, $2) returning version_id",
        identifier,
        document
    )
    .fetch_one(&mut *tx)
    .await?;
    number_change(&mut *tx, identifier, ResourceChangeKind::Document).await?;
    feed::append(tx, FeedEntryKind::Resource, identifier).await?;
    Ok(version)
}

/// Removes a resource with its versions and policies. The identifier stays reserved.
pub async fn delete(tx: &mut PgConnection, identifier: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update resource set deleted = service_now() where identifier = $1",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from access_list_connection where resource = $1",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from resource_policy where identifier = $1",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from resource_version where identifier = $1",
        identifier
    )
    .execute(&mut *tx)
    .await?;
    index_subjects(&mut *tx, identifier, &BTreeSet::new()).await?;
    feed::append(tx, FeedEntryKind::Resource, identifier).await?;
    Ok(())
}

/// Stores a policy as the current one of a resource; the ones before stay as versions. Says whether
/// it is another one than before.
pub async fn put_policy(
    tx: &mut PgConnection,
    identifier: &str,
    xml: &[u8],
    subjects: &BTreeSet<SubjectAttribute>,
    owner_org: Option<&str>,
) -> Result<bool, DbError> {
    let digest = sha256(xml);
    let stored = sqlx::query!(
        r#"insert into resource_policy (identifier, version, xml, sha256, uploaded_by_org)
           select $1, coalesce((select max(version) from resource_policy where identifier = $1), 0) + 1, $2, $3, $4
           where (select sha256 from resource_policy where identifier = $1 order by version desc limit 1) is distinct from $3"#,
        identifier,
        xml,
        &digest[..],
        owner_org
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if stored > 0 {
        index_subjects(&mut *tx, identifier, subjects).await?;
        feed::append(tx, FeedEntryKind::Resource, identifier).await?;
    }
    Ok(stored > 0)
}

/// A stored document with its version.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// Version, counted over all resources.
    pub version_id: i32,
    /// As it was stored.
    pub document: Value,
}

/// The latest version of a live resource, or the named one.
pub async fn read(
    db: &mut PgConnection,
    identifier: &str,
    version_id: Option<i32>,
) -> Result<Option<StoredDocument>, DbError> {
    Ok(sqlx::query_as!(
        StoredDocument,
        r#"select v.version_id, v.document from resource r join resource_version v on v.identifier = r.identifier
           where r.identifier = $1 and r.deleted is null and ($2::int is null or v.version_id = $2) order by v.version_id desc limit 1"#,
        identifier,
        version_id
    )
    .fetch_optional(db)
    .await?)
}

/// As [`read`], and locks the resource until the transaction ends.
pub async fn lock(
    tx: &mut PgConnection,
    identifier: &str,
) -> Result<Option<StoredDocument>, DbError> {
    sqlx::query!(
        "select identifier from resource where identifier = $1 for update",
        identifier
    )
    .fetch_optional(&mut *tx)
    .await?;
    read(tx, identifier, None).await
}

/// What a resource must be like to be found; a filter that is not given lets everything through.
/// Texts are looked for without regard to case.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "parameters of the search")]
pub struct ResourceFilter {
    pub id: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub resource_type: Option<String>,
    pub keyword: Option<String>,
    pub reference: Option<String>,
    pub org_code: Option<String>,
    pub organization_id: Option<String>,
    /// Leave out resources of these types.
    pub without_types: Vec<String>,
}

/// Latest versions of the live resources that pass a filter, by identifier.
pub async fn search(
    db: &mut PgConnection,
    filter: &ResourceFilter,
) -> Result<Vec<StoredDocument>, DbError> {
    Ok(sqlx::query_as!(
        StoredDocument,
        r#"select v.version_id, v.document from resource r
           cross join lateral (select version_id, document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.deleted is null
             and ($1::text is null or position(lower($1) in lower(r.identifier)) > 0)
             and ($2::text is null or exists (select from jsonb_each_text(v.document->'title') t where position(lower($2) in lower(t.value)) > 0))
             and ($3::text is null
               or exists (select from jsonb_each_text(v.document->'description') t where position(lower($3) in lower(t.value)) > 0))
             and ($4::text is null or v.document->>'resourceType' = $4)
             and ($5::text is null
               or exists (select from jsonb_array_elements(v.document->'keywords') k where position(lower($5) in lower(k->>'word')) > 0))
             and ($6::text is null or exists (
               select from jsonb_array_elements(v.document->'resourceReferences') f where position(lower($6) in lower(f->>'reference')) > 0))
             and ($7::text is null or lower(v.document#>>'{hasCompetentAuthority,orgcode}') = lower($7))
             and ($8::text is null or lower(v.document#>>'{hasCompetentAuthority,organization}') = lower($8))
             and coalesce(v.document->>'resourceType', '') <> all($9)
           order by r.identifier"#,
        filter.id,
        filter.title,
        filter.description,
        filter.resource_type,
        filter.keyword,
        filter.reference,
        filter.org_code,
        filter.organization_id,
        &filter.without_types
    )
    .fetch_all(db)
    .await?)
}

/// Texts in a language of the visible resources that pass a filter, in their latest versions, by
/// identifier.
pub async fn texts(
    db: &mut PgConnection,
    filter: &TextFilter,
    language: &str,
) -> Result<Vec<ResourceTexts>, DbError> {
    let mut without_types = vec![
        ResourceType::MaskinportenSchema.as_str().to_owned(),
        ResourceType::Systemresource.as_str().to_owned(),
    ];
    if filter.without_altinn_2 {
        without_types.push(ResourceType::Altinn2Service.as_str().to_owned());
    }
    if !filter.with_expired {
        without_types.push(ResourceType::MigratedApp.as_str().to_owned());
    }
    Ok(sqlx::query_as!(
        ResourceTexts,
        r#"select r.identifier,
             coalesce(nullif(v.document->'title'->>$1, ''), v.document#>>'{title,nb}', '') as "title!",
             coalesce(nullif(v.document->'description'->>$1, ''), v.document#>>'{description,nb}', '') as "description!",
             coalesce(nullif(v.document->'rightDescription'->>$1, ''), v.document#>>'{rightDescription,nb}', '') as "right_description!",
             coalesce(nullif(v.document#>'{hasCompetentAuthority,name}'->>$1, ''), v.document#>>'{hasCompetentAuthority,name,nb}', '') as "owner!",
             array(select k->>'word' from jsonb_array_elements(v.document->'keywords') k
               where k->>'language' = $1 and k->>'word' is not null) as "keywords!"
           from resource r
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where r.deleted is null and v.document->>'visible' = 'true'
             and (cardinality($2::text[]) = 0 or lower(v.document#>>'{hasCompetentAuthority,orgcode}') = any($2))
             and coalesce(v.document->>'resourceType', '') <> all($3)
             and ($4 or lower(coalesce(v.document->>'status', '')) <> 'deprecated')
           order by r.identifier"#,
        language,
        &filter.owners,
        &without_types,
        filter.with_expired
    )
    .fetch_all(db)
    .await?)
}

/// A service owner as a resource names it.
#[derive(Debug)]
#[expect(missing_docs, reason = "members of the document")]
pub struct ResourceOwnerRow {
    pub orgcode: String,
    pub organization: String,
    pub name: Value,
}

/// Owners of live resources of these types, each once.
pub async fn owners_of_types(
    db: &mut PgConnection,
    types: &[String],
) -> Result<Vec<ResourceOwnerRow>, DbError> {
    Ok(sqlx::query_as!(
        ResourceOwnerRow,
        r#"select distinct on (lower(o.owner->>'orgcode')) o.owner->>'orgcode' as "orgcode!", coalesce(o.owner->>'organization', '') as "organization!",
             coalesce(o.owner->'name', '{}') as "name!"
           from (
             select v.document->'hasCompetentAuthority' as owner, r.identifier from resource r
             cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
             where r.deleted is null and v.document->>'resourceType' = any($1)) o
           where o.owner->>'orgcode' <> ''
           order by lower(o.owner->>'orgcode'), o.identifier"#,
        types
    )
    .fetch_all(db)
    .await?)
}

/// The text of the current policy of a live resource.
pub async fn current_policy(
    db: &mut PgConnection,
    identifier: &str,
) -> Result<Option<Vec<u8>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select p.xml from resource r join resource_policy p on p.identifier = r.identifier
           where r.identifier = $1 and r.deleted is null order by p.version desc limit 1"#,
        identifier
    )
    .fetch_optional(db)
    .await?)
}

/// Subjects among these, in lower case, with the live resources whose policies name them.
pub async fn resources_of_subjects(
    db: &mut PgConnection,
    subjects: &[String],
) -> Result<Vec<(String, Vec<String>)>, DbError> {
    let rows = sqlx::query!(
        r#"select s.subject_urn, array_agg(s.identifier order by s.identifier) as "identifiers!" from resource_subject s
           where s.subject_urn = any($1) and not s.deleted group by s.subject_urn order by s.subject_urn"#,
        subjects
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (r.subject_urn, r.identifiers))
        .collect())
}

/// A pair of resource and subject that came or went.
#[derive(Debug, Clone)]
pub struct UpdatedSubjectRow {
    /// Resource.
    pub identifier: String,
    /// Subject, in lower case.
    pub subject_urn: String,
    /// When.
    pub updated_at: DateTime<Utc>,
    /// It went.
    pub deleted: bool,
}

/// Pairs that came or went since a time, oldest first; `after` is the pair of that very time to go
/// on after it.
pub async fn updated_since(
    db: &mut PgConnection,
    since: Option<DateTime<Utc>>,
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<UpdatedSubjectRow>, DbError> {
    let (identifier, subject) = after.unzip();
    Ok(sqlx::query_as!(
        UpdatedSubjectRow,
        r#"select identifier, subject_urn, updated_at, deleted from resource_subject
           where updated_at >= coalesce($1, '-infinity'::timestamptz)
             and ($2::text is null or (updated_at, identifier, subject_urn) > ($1, $2, $3))
           order by updated_at, identifier, subject_urn limit $4"#,
        since,
        identifier,
        subject,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Live resources whose policies name a subject, such as an access package, as documents.
pub async fn naming(db: &mut PgConnection, subject_urn: &str) -> Result<Vec<Value>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select v.document from resource_subject s join resource r on r.identifier = s.identifier and r.deleted is null
           cross join lateral (select document from resource_version where identifier = r.identifier order by version_id desc limit 1) v
           where s.subject_urn = lower($1) and not s.deleted order by r.identifier limit 1000"#,
        subject_urn
    )
    .fetch_all(db)
    .await?)
}
