//! All SQL of client delegations.

use authorization::delegation::PackageBasis;
use chrono::{DateTime, NaiveDate, Utc};
use foundation::db::DbError;
use registers::{
    packages::{PackageKey, RoleKey, VariantKey},
    parties::{PartyKind, PartyStatus},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{AgentRelationRow, ClientRelationRow, DelegationRow};
use crate::entities::EntityRow;

/// Columns of a party, and of one relation that it has.
#[derive(Debug)]
struct ClientRow {
    key: i32,
    uuid: Uuid,
    party_id: Option<i32>,
    kind: PartyKind,
    form_id: Option<VariantKey>,
    form: Option<String>,
    status: PartyStatus,
    deleted_at: Option<DateTime<Utc>>,
    org_number: Option<String>,
    person_id_enc: Option<Vec<u8>>,
    user_id: Option<i32>,
    parent_key: Option<i32>,
    name: String,
    birth_date: Option<NaiveDate>,
    death_date: Option<NaiveDate>,
    role_id: RoleKey,
    packages: Vec<PackageKey>,
    resources: Vec<String>,
}

impl ClientRow {
    /// The client, and what it gives by one relation.
    fn parts(self) -> (EntityRow, ClientRelationRow) {
        let relation = ClientRelationRow {
            form_id: self.form_id,
            role_id: self.role_id,
            packages: self.packages,
            resources: self.resources,
        };
        let party = EntityRow {
            key: self.key,
            uuid: self.uuid,
            party_id: self.party_id,
            kind: self.kind,
            form: self.form,
            status: self.status,
            deleted_at: self.deleted_at,
            org_number: self.org_number,
            person_id_enc: self.person_id_enc,
            user_id: self.user_id,
            parent_key: self.parent_key,
            name: self.name,
            birth_date: self.birth_date,
            death_date: self.death_date,
            system_user_kind: None,
        };
        (party, relation)
    }
}

/// Which clients are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClientsOf {
    /// Those of a facilitator, with what they give it.
    Facilitator(i32),
    /// Those that a facilitator delegated to an agent, with what it delegated of each, be it nothing.
    Agent {
        /// Party key of the facilitator.
        facilitator: i32,
        /// Party key of the agent.
        agent: i32,
    },
}

impl ClientsOf {
    /// Keys of the clients, by name and uuid. Deleted organisations and persons who have died are left
    /// out.
    pub(super) async fn keys(self, db: &mut PgConnection) -> Result<Vec<i32>, DbError> {
        let keys = match self {
            Self::Facilitator(facilitator) => {
                sqlx::query_scalar!(
                    r#"select p.key from (
                         select from_key as key from register_role where to_key = $1
                         union
                         select from_key from assignment where to_key = $1
                       ) r join party p on p.key = r.key
                       where p.key <> $1 and p.kind in ('organization', 'person') and p.status <> 'deleted' and p.death_date is null
                       order by p.name, p.uuid"#,
                    facilitator
                )
                .fetch_all(db)
                .await?
            }
            Self::Agent { facilitator, agent } => {
                sqlx::query_scalar!(
                    r#"select p.key from (
                         select distinct client_key as key from client_delegation where facilitator_key = $1 and system_user_key = $2
                       ) d join party p on p.key = d.key
                       where p.status <> 'deleted' and p.death_date is null
                       order by p.name, p.uuid"#,
                    facilitator,
                    agent
                )
                .fetch_all(db)
                .await?
            }
        };
        Ok(keys)
    }

    /// Rows of these clients, client by client in the same order, then by code of the role.
    pub(super) async fn rows(
        self,
        db: &mut PgConnection,
        clients: &[i32],
    ) -> Result<Vec<(EntityRow, ClientRelationRow)>, DbError> {
        let rows = match self {
            Self::Facilitator(facilitator) => given_by(db, facilitator, clients).await?,
            Self::Agent { facilitator, agent } => {
                delegated_to(db, facilitator, agent, clients).await?
            }
        };
        Ok(rows.into_iter().map(ClientRow::parts).collect())
    }
}

async fn given_by(
    db: &mut PgConnection,
    facilitator: i32,
    clients: &[i32],
) -> Result<Vec<ClientRow>, DbError> {
    Ok(sqlx::query_as!(
        ClientRow,
        r#"select p.key as "key!", p.uuid as "uuid!", p.party_id, p.kind as "kind!: PartyKind", p.form_id, f.code as "form?", p.status as "status!: PartyStatus",
             p.deleted_at, p.org_number, p.person_id_enc, p.user_id, p.parent_key, p.name as "name!", p.birth_date, p.death_date,
             r.role_id as "role_id!",
             case when r.assignment is null then '{}'
                  else array(select package_id from assignment_package where assignment_id = r.assignment) end as "packages!",
             case when r.assignment is null then '{}'
                  else array(select distinct resource_id from assignment_right where assignment_id = r.assignment order by resource_id)
                  end as "resources!"
           from (
             select from_key, role_id, null::uuid as assignment from register_role where to_key = $1 and from_key = any($2)
             union all
             select from_key, role_id, id from assignment where to_key = $1 and from_key = any($2)
           ) r join party p on p.key = r.from_key join role on role.key = r.role_id
           left join entity_variant f on f.key = p.form_id
           order by p.name, p.uuid, role.code"#,
        facilitator,
        clients
    )
    .fetch_all(db)
    .await?)
}

async fn delegated_to(
    db: &mut PgConnection,
    facilitator: i32,
    agent: i32,
    clients: &[i32],
) -> Result<Vec<ClientRow>, DbError> {
    Ok(sqlx::query_as!(
        ClientRow,
        r#"select p.key as "key!", p.uuid as "uuid!", p.party_id, p.kind as "kind!: PartyKind", p.form_id, f.code as "form?", p.status as "status!: PartyStatus",
             p.deleted_at, p.org_number, p.person_id_enc, p.user_id, p.parent_key, p.name as "name!", p.birth_date, p.death_date,
             d.role_id as "role_id!",
             array(select package_id from client_delegation_package where delegation_id = d.id) as "packages!",
             array(select resource_id from client_delegation_resource where delegation_id = d.id order by resource_id) as "resources!"
           from client_delegation d join role on role.key = d.role_id join party p on p.key = d.client_key
           left join entity_variant f on f.key = p.form_id
           where d.facilitator_key = $1 and d.system_user_key = $2 and d.client_key = any($3)
           order by p.name, p.uuid, role.code"#,
        facilitator,
        agent,
        clients
    )
    .fetch_all(db)
    .await?)
}

/// Agents of a facilitator, by name and uuid: persons who are alive and active system users.
pub(super) async fn agents(
    db: &mut PgConnection,
    facilitator: i32,
) -> Result<Vec<AgentRelationRow>, DbError> {
    Ok(sqlx::query_as!(
        AgentRelationRow,
        r#"select a.to_key as key, a.created_at
           from assignment a join role r on r.key = a.role_id and r.code = 'agent' join party p on p.key = a.to_key
           left join "system_user" u on u.id = p.uuid
           where a.from_key = $1 and p.death_date is null
             and (p.kind = 'person' or (p.kind = 'system-user' and u.kind = 'agent' and not u.is_deleted))
           order by p.name, p.uuid"#,
        facilitator
    )
    .fetch_all(db)
    .await?)
}

/// Facilitators of an agent, by name and uuid.
pub(super) async fn providers(
    db: &mut PgConnection,
    agent: i32,
) -> Result<Vec<AgentRelationRow>, DbError> {
    Ok(sqlx::query_as!(
        AgentRelationRow,
        r#"select a.from_key as key, a.created_at
           from assignment a join role r on r.key = a.role_id and r.code = 'agent' join party p on p.key = a.from_key
           where a.to_key = $1 and p.status <> 'deleted' order by p.name, p.uuid"#,
        agent
    )
    .fetch_all(db)
    .await?)
}

macro_rules! delegations {
    ($where:literal, $order:literal, $($value:expr),+) => {
        sqlx::query_as!(
            DelegationRow,
            r#"select d.id, d.system_user_key as agent, d.client_key as client, d.role_id,
                 array(select package_id from client_delegation_package where delegation_id = d.id) as "packages!",
                 array(select resource_id from client_delegation_resource where delegation_id = d.id order by resource_id) as "resources!",
                 g.created_at as "agent_added_at?",
                 (select a.id from assignment a where a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id) as relation
               from client_delegation d join role on role.key = d.role_id
               join party c on c.key = d.client_key and c.status <> 'deleted' and c.death_date is null
               join party p on p.key = d.system_user_key
               left join (select a.from_key, a.to_key, a.created_at from assignment a join role r on r.key = a.role_id and r.code = 'agent') g
                 on g.from_key = d.facilitator_key and g.to_key = d.system_user_key
               where "# + $where + " order by " + $order,
            $($value),+
        )
    };
}

/// What a facilitator delegated of a client, agent by agent.
pub(super) async fn of_client(
    db: &mut PgConnection,
    facilitator: i32,
    client: i32,
) -> Result<Vec<DelegationRow>, DbError> {
    Ok(delegations!(
        "d.facilitator_key = $1 and d.client_key = $2",
        "p.name, p.uuid, role.code",
        facilitator,
        client
    )
    .fetch_all(db)
    .await?)
}

/// Single resources that a facilitator delegated to an agent, each once.
pub(super) async fn resources_of_agent(
    db: &mut PgConnection,
    facilitator: i32,
    agent: i32,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select distinct r.resource_id from client_delegation d join client_delegation_resource r on r.delegation_id = d.id
         where d.facilitator_key = $1 and d.system_user_key = $2",
        facilitator,
        agent
    )
    .fetch_all(db)
    .await?)
}

/// Single resources of a client that a facilitator delegated, each once.
pub(super) async fn resources_of_client(
    db: &mut PgConnection,
    facilitator: i32,
    client: i32,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select distinct r.resource_id from client_delegation d join client_delegation_resource r on r.delegation_id = d.id
         where d.facilitator_key = $1 and d.client_key = $2",
        facilitator,
        client
    )
    .fetch_all(db)
    .await?)
}

/// Everything that a facilitator delegated, agent by agent.
pub(super) async fn of_facilitator(
    db: &mut PgConnection,
    facilitator: i32,
) -> Result<Vec<DelegationRow>, DbError> {
    Ok(delegations!(
        "d.facilitator_key = $1 and exists (select from client_delegation_resource k where k.delegation_id = d.id)",
        "p.name, p.uuid, role.code",
        facilitator
    )
    .fetch_all(db)
    .await?)
}

/// Rows of a client at an agent of a facilitator, also of clients that are deleted.
pub(super) async fn rows_of_pair(
    db: &mut PgConnection,
    facilitator: i32,
    client: Option<i32>,
    agent: i32,
) -> Result<Vec<DelegationRow>, DbError> {
    Ok(sqlx::query_as!(
        DelegationRow,
        r#"select d.id, d.system_user_key as agent, d.client_key as client, d.role_id,
             array(select package_id from client_delegation_package where delegation_id = d.id) as "packages!",
             array(select resource_id from client_delegation_resource where delegation_id = d.id order by resource_id) as "resources!",
             null::timestamptz as agent_added_at,
             (select a.id from assignment a where a.from_key = d.client_key and a.to_key = d.facilitator_key and a.role_id = d.role_id) as relation
           from client_delegation d join role on role.key = d.role_id
           where d.facilitator_key = $1 and d.system_user_key = $3 and ($2::int is null or d.client_key = $2)
           order by d.client_key, role.code"#,
        facilitator,
        client,
        agent
    )
    .fetch_all(db)
    .await?)
}

/// The agent relation of a facilitator and an agent, kept as it is until the transaction ends.
pub(super) async fn lock_agent_relation(
    tx: &mut PgConnection,
    facilitator: i32,
    agent: i32,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select a.id from assignment a join role r on r.key = a.role_id and r.code = 'agent'
           where a.from_key = $1 and a.to_key = $2 for update of a"#,
        facilitator,
        agent
    )
    .fetch_optional(tx)
    .await?)
}

/// Makes a party an agent. None when it is one already.
pub(super) async fn add_agent(
    tx: &mut PgConnection,
    facilitator: i32,
    agent: i32,
    by: &str,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"insert into assignment (id, from_key, to_key, role_id, created_by)
           select $1, $2, $3, key, $4 from role where code = 'agent' on conflict do nothing returning id"#,
        Uuid::now_v7(),
        facilitator,
        agent,
        by
    )
    .fetch_optional(tx)
    .await?)
}

/// Ends an agent relation with everything that was delegated under it.
pub(super) async fn remove_agent(
    tx: &mut PgConnection,
    facilitator: i32,
    agent: i32,
) -> Result<(), DbError> {
    sqlx::query!(
        "delete from client_delegation where facilitator_key = $1 and system_user_key = $2",
        facilitator,
        agent
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"delete from assignment a using role r
           where r.key = a.role_id and r.code = 'agent' and a.from_key = $1 and a.to_key = $2"#,
        facilitator,
        agent
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a client gives a facilitator by one role, kept as it is until the transaction ends.
#[derive(Debug)]
pub(super) struct HeldRelation {
    /// Packages that the client assigned.
    pub assigned: Vec<PackageKey>,
    /// Single resources that the client gave.
    pub resources: Vec<String>,
}

/// The relation of a client to a facilitator by this role, if there is one.
pub(super) async fn lock_relation(
    tx: &mut PgConnection,
    client: i32,
    facilitator: i32,
    role: RoleKey,
) -> Result<Option<HeldRelation>, DbError> {
    let assignment = sqlx::query_scalar!(
        "select id from assignment where from_key = $1 and to_key = $2 and role_id = $3 for share",
        client,
        facilitator,
        role
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(assignment) = assignment else {
        let of_register = sqlx::query_scalar!(
            "select role_id from register_role where from_key = $1 and to_key = $2 and role_id = $3 for share",
            client,
            facilitator,
            role
        )
        .fetch_optional(tx)
        .await?;
        return Ok(of_register.map(|_| HeldRelation {
            assigned: Vec::new(),
            resources: Vec::new(),
        }));
    };
    let assigned = sqlx::query_scalar!(
        "select package_id from assignment_package where assignment_id = $1 order by package_id for share",
        assignment
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut resources = sqlx::query_scalar!(
        "select resource_id from assignment_right where assignment_id = $1 order by resource_id, action, extra for share",
        assignment
    )
    .fetch_all(tx)
    .await?;
    resources.dedup();
    Ok(Some(HeldRelation {
        assigned,
        resources,
    }))
}

/// The delegation of a client to an agent that rests on a relation; made when there is none.
pub(super) async fn delegation(
    tx: &mut PgConnection,
    facilitator: i32,
    client: i32,
    agent: i32,
    role: RoleKey,
    by: &str,
) -> Result<Uuid, DbError> {
    let made = sqlx::query_scalar!(
        r#"insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
           values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id"#,
        Uuid::now_v7(),
        agent,
        facilitator,
        client,
        role,
        by
    )
    .fetch_optional(&mut *tx)
    .await?;
    match made {
        Some(id) => Ok(id),
        None => Ok(sqlx::query_scalar!(
            r#"select id from client_delegation
               where system_user_key = $1 and client_key = $2 and facilitator_key = $3 and role_id = $4"#,
            agent,
            client,
            facilitator,
            role
        )
        .fetch_one(tx)
        .await?),
    }
}

/// Delegates packages. Returns those that were not delegated before.
pub(super) async fn add_packages(
    tx: &mut PgConnection,
    delegation: Uuid,
    packages: &[(PackageKey, PackageBasis)],
) -> Result<Vec<PackageKey>, DbError> {
    let (keys, bases): (Vec<PackageKey>, Vec<String>) = packages
        .iter()
        .map(|(key, basis)| (*key, basis.as_str().to_owned()))
        .unzip();
    Ok(sqlx::query_scalar!(
        r#"insert into client_delegation_package (delegation_id, package_id, basis)
           select $1, package, basis from unnest($2::int2[], $3::text[]) as t(package, basis) order by package
           on conflict do nothing returning package_id"#,
        delegation,
        &keys,
        &bases
    )
    .fetch_all(tx)
    .await?)
}

/// Delegates single resources. Returns those that were not delegated before.
pub(super) async fn add_resources(
    tx: &mut PgConnection,
    delegation: Uuid,
    resources: &[String],
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"insert into client_delegation_resource (delegation_id, resource_id)
           select $1, resource from unnest($2::text[]) as t(resource) order by resource
           on conflict do nothing returning resource_id"#,
        delegation,
        resources
    )
    .fetch_all(tx)
    .await?)
}

/// The delegation of a client to an agent that rests on a relation.
pub(super) async fn find_delegation(
    db: &mut PgConnection,
    facilitator: i32,
    client: i32,
    agent: i32,
    role: RoleKey,
) -> Result<Option<Uuid>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select id from client_delegation
           where system_user_key = $1 and client_key = $2 and facilitator_key = $3 and role_id = $4 for update"#,
        agent,
        client,
        facilitator,
        role
    )
    .fetch_optional(db)
    .await?)
}

/// Takes packages of a delegation back. Returns those that were delegated.
pub(super) async fn remove_packages(
    tx: &mut PgConnection,
    delegation: Uuid,
    packages: &[PackageKey],
) -> Result<Vec<PackageKey>, DbError> {
    Ok(sqlx::query_scalar!(
        "delete from client_delegation_package where delegation_id = $1 and package_id = any($2) returning package_id",
        delegation,
        packages
    )
    .fetch_all(tx)
    .await?)
}

/// Takes single resources of a delegation back. Returns those that were delegated.
pub(super) async fn remove_resources(
    tx: &mut PgConnection,
    delegation: Uuid,
    resources: &[String],
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "delete from client_delegation_resource where delegation_id = $1 and resource_id = any($2) returning resource_id",
        delegation,
        resources
    )
    .fetch_all(tx)
    .await?)
}

/// Deletes these delegations when nothing of them is left, or whatever is left.
pub(super) async fn remove_delegations(
    tx: &mut PgConnection,
    delegations: &[Uuid],
    only_empty: OnlyEmpty,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"delete from client_delegation d where d.id = any($1) and (not $2 or (
             not exists (select from client_delegation_package where delegation_id = d.id)
             and not exists (select from client_delegation_resource where delegation_id = d.id)))"#,
        delegations,
        only_empty == OnlyEmpty::Yes
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Which delegations are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnlyEmpty {
    /// Those without packages and resources.
    Yes,
    /// All.
    No,
}

/// Whether a party has any relation at all from another one: a role, a key role in an organisation that
/// has one, a client delegation.
pub(crate) async fn is_connected(
    db: &mut PgConnection,
    from: i32,
    to: i32,
) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"with source as (select key from party where key = $1 union all select parent_key from party where key = $1 and parent_key is not null),
           holder as (
             select $2::int as key
             union all
             select k.from_key from register_role k join role on role.key = k.role_id and role.is_key_role where k.to_key = $2)
           select exists (select from register_role r where r.from_key in (select key from source) and r.to_key in (select key from holder))
             or exists (select from assignment a where a.from_key in (select key from source) and a.to_key in (select key from holder))
             or exists (select from client_delegation d where d.client_key in (select key from source) and d.system_user_key = $2) as "exists!""#,
        from,
        to
    )
    .fetch_one(db)
    .await?)
}

/// Identifiers among these that are resources of the registry.
pub(crate) async fn known_resources(
    db: &mut PgConnection,
    identifiers: &[String],
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!(
        "select identifier from resource where identifier = any($1) and deleted is null",
        identifiers
    )
    .fetch_all(db)
    .await?)
}
