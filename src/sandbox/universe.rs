//! Loading the made-up universe: a small country of organisations, people, systems and requests.
//!
//! It is loaded once per version, in the order of its manifest, in one transaction. What was changed since then by
//! playing stays: rows that are there are left alone.

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use rust_embed::RustEmbed;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    delegation::{self, RightOutcome},
    ids::{NationalId, OrgNumber},
    packages::Catalogue,
    register::{self, IdentityKeys},
    resources::{self, RightKey},
    systems::{AccessPackage, Right, rules::canonical_redirect_url},
    token::sha256,
};

#[derive(RustEmbed)]
#[folder = "data/universe"]
struct Files;

const SOURCE: &str = "sandbox";

/// What loading did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// The universe was stored.
    Now,
    /// This version was there already.
    Before,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    load_order: Vec<String>,
    sha256: std::collections::BTreeMap<String, String>,
}

fn file(name: &str) -> anyhow::Result<Vec<u8>> {
    Files::get(name).map(|f| f.data.into_owned()).with_context(|| format!("{name} is not embedded"))
}

/// Maskinporten clients of the universe's systems.
///
/// # Errors
/// The file is damaged.
pub fn client_ids() -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Clients {
        #[serde(rename = "clientId")]
        ids: Vec<String>,
    }
    Ok(lines::<Clients>(&file("systems.ndjson")?)?.into_iter().flat_map(|c| c.ids).collect())
}

/// Loads the universe; `progress` is told each file.
///
/// # Errors
/// A file is damaged, the database holds parties of another source, or it fails.
pub async fn load(pool: &PgPool, catalogue: &Catalogue, identity: &IdentityKeys, progress: impl Fn(&str)) -> anyhow::Result<Loaded> {
    let manifest_text = file("manifest.json")?;
    let manifest: Manifest = serde_json::from_slice(&manifest_text).context("manifest.json")?;
    let version = sha256(&manifest_text);
    let mut tx = pool.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1) as locked", crate::db::START_LOCK).fetch_one(&mut *tx).await?;
    let known = sqlx::query_scalar!("select count(*) as \"count!\" from import_run where kind = 'universe' and file_sha256 = $1", &version[..])
        .fetch_one(&mut *tx)
        .await?;
    if known > 0 {
        return Ok(Loaded::Before);
    }
    let foreign = sqlx::query_scalar!("select exists (select 1 from party where source not in ($1, 'system-user', 'login')) as \"foreign!\"", SOURCE)
        .fetch_one(&mut *tx)
        .await?;
    ensure!(!foreign, "the database holds parties of another source; the sandbox's universe is not mixed with them");
    let loader = Loader { catalogue, identity };
    for name in &manifest.load_order {
        progress(name);
        let bytes = file(name)?;
        let digest: String = sha256(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        ensure!(manifest.sha256.get(name) == Some(&digest), "{name} is not the file the manifest names");
        loader.load(&mut tx, name, &bytes).await.with_context(|| format!("loading {name}"))?;
    }
    sqlx::query!(
        r#"insert into import_run (id, kind, source, file_sha256, mode, counts, started, ended) values ($1, 'universe', $2, $3, 'snapshot', '{}', now(), now())"#,
        Uuid::now_v7(),
        SOURCE,
        &version[..]
    )
    .execute(&mut *tx)
    .await?;
    crate::db::feed::append(&mut tx, crate::db::feed::Touched::Everything, SOURCE).await?;
    tx.commit().await?;
    // The planner should know what it deals with.
    for table in ["party", "register_role", "assignment", "assignment_package", "system_user", "request"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("analyze {table}"))).execute(pool).await?;
    }
    Ok(Loaded::Now)
}

struct Loader<'a> {
    catalogue: &'a Catalogue,
    identity: &'a IdentityKeys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrganizationLine {
    org_number: String,
    name: String,
    form: String,
    parent: Option<String>,
    status: String,
    deleted_at: Option<NaiveDate>,
    party_id: i32,
    party_uuid: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersonLine {
    person_id: String,
    first_name: String,
    middle_name: Option<String>,
    last_name: String,
    birth_date: Option<NaiveDate>,
    death_date: Option<NaiveDate>,
    party_id: i32,
    party_uuid: Uuid,
    user_id: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleLine {
    from: String,
    role: String,
    to_person: Option<String>,
    to_org: Option<String>,
    valid_from: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceOwnerLine {
    orgcode: String,
    org_number: String,
    name: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessListLine {
    owner: String,
    identifier: String,
    name: String,
    description: String,
    members: Vec<String>,
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedResource {
    resource: String,
    #[serde(default)]
    action_filters: Vec<String>,
}

#[derive(Deserialize)]
struct RightLine {
    resource: String,
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RightHolderLine {
    from: String,
    to_person: Option<String>,
    to_org: Option<String>,
    #[serde(default)]
    access_packages: Vec<String>,
    #[serde(default)]
    rights: Vec<RightLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemLine {
    id: String,
    vendor: Value,
    name: Value,
    description: Value,
    rights: Vec<Right>,
    access_packages: Vec<AccessPackage>,
    client_id: Vec<String>,
    allowed_redirect_urls: Vec<String>,
    is_visible: bool,
    is_deleted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemUserLine {
    id: Uuid,
    user_type: String,
    system_id: String,
    integration_title: String,
    owner_org_no: String,
    external_ref: Option<String>,
    #[serde(default)]
    access_packages: Vec<String>,
    #[serde(default)]
    rights: Vec<RightLine>,
    is_deleted: bool,
    created_days_ago: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientDelegationLine {
    system_user_id: Uuid,
    facilitator: String,
    client: String,
    role: String,
    access_packages: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestLine {
    id: Uuid,
    user_type: String,
    system_id: String,
    party_org_no: String,
    external_ref: Option<String>,
    integration_title: Option<String>,
    status: String,
    escalated: bool,
    access_packages: Vec<AccessPackage>,
    rights: Vec<Right>,
    redirect_url: Option<String>,
    created_days_ago: i32,
}

fn lines<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<Vec<T>> {
    bytes
        .split(|b| *b == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| serde_json::from_slice(line).with_context(|| format!("line {}", number + 1)))
        .collect()
}

impl Loader<'_> {
    async fn load(&self, tx: &mut PgConnection, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        match name {
            "organizations.ndjson" => self.organizations(tx, lines(bytes)?).await,
            "persons.ndjson" => self.persons(tx, lines(bytes)?).await,
            "roles.ndjson" => self.roles(tx, lines(bytes)?).await,
            "service-owners.ndjson" => service_owners(tx, lines(bytes)?).await,
            "resources.ndjson" => resources::read_resources(tx, bytes, file).await.map(|_| ()),
            "access-lists.ndjson" => access_lists(tx, lines(bytes)?).await,
            "rightholders.ndjson" => self.right_holders(tx, lines(bytes)?).await,
            "systems.ndjson" => systems(tx, lines(bytes)?).await,
            "system-users.ndjson" => self.system_users(tx, lines(bytes)?).await,
            "client-delegations.ndjson" => self.client_delegations(tx, lines(bytes)?).await,
            "requests.ndjson" => requests(tx, lines(bytes)?).await,
            other => anyhow::bail!("{other} is not a kind of file this program knows"),
        }
    }

    async fn organizations(&self, tx: &mut PgConnection, all: Vec<OrganizationLine>) -> anyhow::Result<()> {
        for o in &all {
            OrgNumber::parse_checked(&o.org_number).with_context(|| format!("organisation {}", o.org_number))?;
            let form = self.catalogue.variant_by_code(&o.form).with_context(|| format!("form {} is not known", o.form))?;
            sqlx::query!(
                r#"insert into party (uuid, party_id, kind, form_id, status, org_number, name, deleted_at, source)
                   values ($1, $2, 'organization', $3, $4, $5, $6, $7::date, $8)
                   on conflict (org_number) do update set name = excluded.name, form_id = excluded.form_id, updated_at = now()"#,
                o.party_uuid,
                o.party_id,
                form.key,
                o.status,
                o.org_number,
                o.name,
                o.deleted_at,
                SOURCE
            )
            .execute(&mut *tx)
            .await?;
        }
        let parents: Value = all.iter().filter_map(|o| Some(json!({"child": o.org_number, "parent": o.parent.as_ref()?}))).collect();
        // The link is a relation of the register too, from the sub-unit to its main unit.
        sqlx::query!(
            r#"with link as (
                 select c.key as child, m.key as main, r.key as role
                 from jsonb_to_recordset($1) as f(child text, parent text)
                 join party c on c.org_number = f.child join party m on m.org_number = f.parent
                 join entity_variant v on v.key = c.form_id and v.is_sub_unit
                 join role r on r.code = case v.code when 'AAFY' then 'ikke-naeringsdrivende-hovedenhet' else 'hovedenhet' end
               ), parent as (update party p set parent_key = link.main from link where p.key = link.child)
               insert into register_role (from_key, role_id, to_key, source) select child, role, main, $2 from link on conflict do nothing"#,
            parents,
            SOURCE
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn persons(&self, tx: &mut PgConnection, all: Vec<PersonLine>) -> anyhow::Result<()> {
        for p in all {
            let id = NationalId::parse_checked(&p.person_id).context("an identity number")?;
            ensure!(id.is_synthetic(), "an identity number does not look made up");
            let name = [Some(p.first_name.as_str()), p.middle_name.as_deref(), Some(p.last_name.as_str())];
            let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let key = sqlx::query_scalar!(
                r#"insert into party (uuid, party_id, user_id, kind, person_id_hmac, person_id_enc, name, birth_date, death_date, source)
                   values ($1, $2, $3, 'person', $4, $5, $6, $7, $8, $9)
                   on conflict (person_id_hmac) do update set uuid = excluded.uuid, party_id = excluded.party_id, user_id = excluded.user_id,
                     name = excluded.name, source = excluded.source, updated_at = now() returning key"#,
                p.party_uuid,
                p.party_id,
                p.user_id,
                self.identity.index(&id),
                self.identity.encrypt(&id)?,
                name,
                p.birth_date,
                p.death_date,
                SOURCE
            )
            .fetch_one(&mut *tx)
            .await?;
            sqlx::query!(
                "insert into person_name (key, first_name, middle_name, last_name) values ($1, $2, $3, $4) on conflict do nothing",
                key,
                p.first_name,
                p.middle_name,
                p.last_name
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }

    async fn party(&self, tx: &mut PgConnection, org: Option<&str>, person: Option<&str>) -> anyhow::Result<register::Party> {
        let found = match (org, person) {
            (Some(org), _) => register::party_by_org_number(tx, org).await?,
            (None, Some(person)) => register::party_by_national_id(tx, self.identity, &NationalId::parse(person)?).await?,
            (None, None) => None,
        };
        found.with_context(|| format!("{} is not known", org.unwrap_or("a person")))
    }

    async fn roles(&self, tx: &mut PgConnection, all: Vec<RoleLine>) -> anyhow::Result<()> {
        for line in all {
            let from = self.party(&mut *tx, Some(&line.from), None).await?;
            let to = self.party(&mut *tx, line.to_org.as_deref(), line.to_person.as_deref()).await?;
            let form = from.form.and_then(|f| self.catalogue.variant(f)).map(|v| v.code.clone()).unwrap_or_default();
            // A contact person is more in some organisation forms.
            let derived = match (line.role.as_str(), form.as_str()) {
                ("KONT", "KOMM" | "FYLK") => Some("KOMK"),
                ("KONT", "REV") => Some("SREVA"),
                ("KONT", "NUF") => Some("KNUF"),
                ("KONT", "ADOS") => Some("KEMN"),
                _ => None,
            };
            for code in std::iter::once(line.role.as_str()).chain(derived) {
                let role = self.catalogue.role_by_register_code(code).with_context(|| format!("role {code} is not known"))?;
                sqlx::query!(
                    r#"insert into register_role (from_key, role_id, to_key, source, valid_from) values ($1, $2, $3, $4, $5)
                       on conflict do nothing"#,
                    from.key,
                    role.key,
                    to.key,
                    SOURCE,
                    line.valid_from
                )
                .execute(&mut *tx)
                .await?;
            }
        }
        Ok(())
    }

    async fn give(&self, tx: &mut PgConnection, from: i32, to: i32, packages: &[String], rights: &[RightLine]) -> anyhow::Result<()> {
        let keys = packages
            .iter()
            .map(|urn| self.catalogue.package_by_urn(urn).map(|p| p.key).with_context(|| format!("{urn} is not known")))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let granted = |actions: &[String]| actions.iter().map(|a| RightKey { action: a.clone(), extra: Vec::new() }).collect();
        let rights: Vec<RightOutcome> =
            rights.iter().map(|r| RightOutcome { resource: r.resource.clone(), granted: granted(&r.actions), reasons: Vec::new() }).collect();
        delegation::give(tx, from, to, &keys, &rights, SOURCE).await?;
        Ok(())
    }

    async fn right_holders(&self, tx: &mut PgConnection, all: Vec<RightHolderLine>) -> anyhow::Result<()> {
        for line in all {
            let from = self.party(&mut *tx, Some(&line.from), None).await?;
            let to = self.party(&mut *tx, line.to_org.as_deref(), line.to_person.as_deref()).await?;
            self.give(&mut *tx, from.key, to.key, &line.access_packages, &line.rights).await?;
        }
        Ok(())
    }

    async fn system_users(&self, tx: &mut PgConnection, all: Vec<SystemUserLine>) -> anyhow::Result<()> {
        for u in all {
            let owner = self.party(&mut *tx, Some(&u.owner_org_no), None).await?;
            let packages: Value = u.access_packages.iter().map(|urn| json!({"urn": urn})).collect();
            let stored = sqlx::query!(
                r#"insert into system_user (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref,
                     access_packages, created, created_by, sequence_no, is_deleted, deleted_at)
                   select $1, $2, s.system_internal_id, $3, $4, $5, $6, $7, now() - make_interval(days => $8), $9,
                     nextval('system_user_sequence'), $10, case when $10 then now() end
                   from system s where s.system_id = $11 on conflict do nothing"#,
                u.id,
                u.integration_title,
                owner.key,
                u.owner_org_no,
                u.user_type,
                u.external_ref.as_deref().unwrap_or(&u.owner_org_no),
                packages,
                u.created_days_ago,
                SOURCE,
                u.is_deleted,
                u.system_id
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if stored == 0 {
                continue;
            }
            let key = register::system_user_party(&mut *tx, u.id, &u.integration_title).await?;
            if u.user_type == "standard" && !u.is_deleted {
                self.give(&mut *tx, owner.key, key, &u.access_packages, &u.rights).await?;
            }
        }
        Ok(())
    }

    async fn client_delegations(&self, tx: &mut PgConnection, all: Vec<ClientDelegationLine>) -> anyhow::Result<()> {
        for d in all {
            let role = self.catalogue.role_by_register_code(&d.role).or_else(|| self.catalogue.role_by_code(&d.role));
            let role = role.with_context(|| format!("role {} is not known", d.role))?;
            let agent = self.catalogue.role_by_code("agent").context("role agent is not known")?;
            let user = register::party_by_uuid(&mut *tx, d.system_user_id).await?.context("a system user is not known")?;
            let facilitator = self.party(&mut *tx, Some(&d.facilitator), None).await?;
            let client = self.party(&mut *tx, Some(&d.client), None).await?;
            let keys: Vec<i16> = d.access_packages.iter().filter_map(|urn| self.catalogue.package_by_urn(urn).map(|p| p.key)).collect();
            ensure!(keys.len() == d.access_packages.len(), "an access package is not known");
            let basis = if role.code == "rettighetshaver" { "assignment-package" } else { "role-package" };
            sqlx::query!(
                r#"insert into assignment (id, from_key, to_key, role_id, created_by) values ($1, $2, $3, $4, $5) on conflict do nothing"#,
                Uuid::now_v7(),
                facilitator.key,
                user.key,
                agent.key,
                SOURCE
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                r#"with given as (
                     insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
                     values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id)
                   insert into client_delegation_package (delegation_id, package_id, basis)
                   select given.id, p, $8 from given cross join unnest($7::int2[]) as p"#,
                Uuid::now_v7(),
                user.key,
                facilitator.key,
                client.key,
                role.key,
                SOURCE,
                &keys,
                basis
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}

async fn service_owners(tx: &mut PgConnection, all: Vec<ServiceOwnerLine>) -> anyhow::Result<()> {
    for o in all {
        sqlx::query!(
            r#"insert into service_owner (orgcode, org_number, name) values ($1, $2, $3)
               on conflict (orgcode) do update set org_number = excluded.org_number, name = excluded.name"#,
            o.orgcode,
            o.org_number,
            o.name
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn access_lists(tx: &mut PgConnection, all: Vec<AccessListLine>) -> anyhow::Result<()> {
    for l in all {
        let id = sqlx::query_scalar!(
            r#"insert into access_list (owner_orgcode, identifier, name, description) values ($1, $2, $3, $4)
               on conflict (owner_orgcode, identifier) do update set name = excluded.name, description = excluded.description returning id"#,
            l.owner,
            l.identifier,
            l.name,
            l.description
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into access_list_member (list, party_key) select $1, key from party where org_number = any($2) on conflict do nothing",
            id,
            &l.members
        )
        .execute(&mut *tx)
        .await?;
        for connected in l.resources {
            sqlx::query!(
                "insert into access_list_connection (resource, list, action_filters) values ($1, $2, $3) on conflict do nothing",
                connected.resource,
                id,
                &connected.action_filters
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(())
}

async fn systems(tx: &mut PgConnection, all: Vec<SystemLine>) -> anyhow::Result<()> {
    for s in all {
        let vendor = s.vendor.as_str().or_else(|| s.vendor.get("ID").and_then(Value::as_str)).unwrap_or_default();
        let vendor = OrgNumber::from_iso6523(vendor).with_context(|| format!("vendor of {}", s.id))?;
        let urls: Vec<String> = s.allowed_redirect_urls.iter().filter_map(|u| canonical_redirect_url(u, &["https", "http"])).collect();
        sqlx::query!(
            r#"with stored as (
                 insert into system (system_internal_id, system_id, vendor_org_number, name, description, rights, access_packages,
                   allowed_redirect_urls, is_visible, is_deleted, created)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp()) on conflict (system_id) do nothing returning system_internal_id)
               insert into system_client (client_id, system_internal_id, position, released_at)
               select c.id, stored.system_internal_id, c.position::int, case when $10 then now() end
               from stored cross join unnest($11::text[]) with ordinality as c(id, position)"#,
            Uuid::new_v4(),
            s.id,
            vendor.as_str(),
            s.name,
            s.description,
            serde_json::to_value(&s.rights)?,
            serde_json::to_value(&s.access_packages)?,
            &urls,
            s.is_visible,
            s.is_deleted,
            &s.client_id
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn requests(tx: &mut PgConnection, all: Vec<RequestLine>) -> anyhow::Result<()> {
    for r in all {
        sqlx::query!(
            r#"insert into request (id, kind, system_id, party_org_no, external_ref, integration_title, rights, access_packages, status, escalated,
                 redirect_url, created)
               values ($1, $2, $3, $4, $5, coalesce($6, (select name->>'nb' from system where system_id = $3)), $7, $8, $9, $10, $11,
                 now() - make_interval(days => $12))
               on conflict do nothing"#,
            r.id,
            r.user_type,
            r.system_id,
            r.party_org_no,
            r.external_ref.as_deref().unwrap_or(&r.party_org_no),
            r.integration_title,
            serde_json::to_value(&r.rights)?,
            serde_json::to_value(&r.access_packages)?,
            r.status,
            r.escalated,
            r.redirect_url,
            r.created_days_ago
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
