//! What no client can set up, by names of the universe, and what is stored of it.

use sqlx::AssertSqlSafe;

use crate::{
    app::TestApp,
    organizations::Organization,
    packages::{Package, Resource, packages, rights},
    people::Person,
    requests::RequestHandle,
    systems::{System, SystemUser},
};

impl TestApp {
    async fn count_where(&self, statement: &'static str, value: &str) -> i64 {
        sqlx::query_scalar(statement)
            .bind(value)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a number")
    }

    /// Puts an object where a list is stored, in each row of the column, as no release writes it.
    pub async fn make_unreadable(&self, table: &str, column: &str) {
        let statement = format!("update {table} set {column} = '{{}}'");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.sql().await)
            .await
            .expect("the column is written");
    }

    /// Messages in the outbox with this event.
    pub async fn published(&self, event: &str) -> i64 {
        self.count_where("select count(*) from outbox where event = $1", event)
            .await
    }

    /// Messages in the outbox about this kind of subject.
    pub async fn published_about(&self, subject_kind: &str) -> i64 {
        self.count_where(
            "select count(*) from outbox where subject_kind = $1",
            subject_kind,
        )
        .await
    }

    /// Rows of a system user, deleted ones too. Approving twice must not make two.
    pub async fn stored_users(&self, user: &SystemUser) -> i64 {
        self.count_where(
            "select count(*) from \"system_user\" where id::text = $1",
            &user.id,
        )
        .await
    }

    /// Place of a system user in the stream of system users.
    pub async fn sequence_number(&self, user: &SystemUser) -> i64 {
        self.count_where(
            "select sequence_no::bigint from \"system_user\" where id::text = $1",
            &user.id,
        )
        .await
    }

    /// Parties that a system user is in the register.
    pub async fn stored_parties(&self, user: &SystemUser) -> i64 {
        self.count_where("select count(*) from party where uuid::text = $1", &user.id)
            .await
    }

    /// What a system user still holds: relations from any party to it.
    pub async fn stored_assignments(&self, user: &SystemUser) -> i64 {
        self.count_where(
            "select count(*) from assignment a join party p on p.key = a.to_key where p.uuid::text = $1",
            &user.id,
        )
        .await
    }

    /// Makes an agent require these packages, as if its system had asked for them.
    pub async fn require_of_agent(
        &self,
        agent: &SystemUser,
        list: impl IntoIterator<Item = Package>,
    ) {
        sqlx::query("update \"system_user\" set access_packages = $1 where id::text = $2")
            .bind(packages(list))
            .bind(&*agent.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Gives a service owner a logo, as an import does.
    pub async fn give_logo(&self, orgcode: &str, address: &str) {
        sqlx::query("update service_owner set logo = $1 where orgcode = $2")
            .bind(address)
            .bind(orgcode)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Makes all sessions of browsers come out of one login at the identity provider, as when it
    /// remembers the person.
    pub async fn share_login_of_sessions(&self) {
        sqlx::query("update session set upstream_sid = (select min(upstream_sid) from session)")
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Gives a system user an owner by this number, whom no register knows.
    pub async fn set_unknown_owner(&self, user: &SystemUser, number: &str) {
        sqlx::query("update \"system_user\" set reportee_org_no = $1 where id::text = $2")
            .bind(number)
            .bind(&*user.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Registers a role of one organisation at another, by its code in the register.
    pub async fn register_role(&self, from: Organization, code: &str, to: Organization) {
        sqlx::query(
            "insert into register_role (from_key, role_id, to_key, source)
             select f.key, r.key, t.key, 'test' from party f, party t, role r
             where f.org_number = $1 and r.register_code = $2 and t.org_number = $3",
        )
        .bind(from.number)
        .bind(code)
        .bind(to.number)
        .execute(&mut self.sql().await)
        .await
        .expect("a role");
    }

    /// What agents hold for a client: role, package and what the package rests on.
    pub async fn client_grants(&self, client: Organization) -> Vec<String> {
        sqlx::query_scalar(
            "select r.code || ' ' || replace(k.urn, 'urn:altinn:accesspackage:', '') || ' ' || p.basis
             from client_delegation d join role r on r.key = d.role_id
             join client_delegation_package p on p.delegation_id = d.id
             join package k on k.key = p.package_id
             join party c on c.key = d.client_key where c.org_number = $1 order by 1",
        )
        .bind(client.number)
        .fetch_all(&mut self.sql().await)
        .await
        .expect("a list")
    }

    /// Delegations of clients that a party has, by its uuid.
    pub async fn stored_delegations(&self, agent: &str) -> i64 {
        self.count_where(
            "select count(*) from client_delegation d join party u on u.key = d.system_user_key where u.uuid::text = $1",
            agent,
        )
        .await
    }

    /// Makes a standard system user of an organisation that holds a package of it.
    pub async fn standard_user_with(&self, owner: Organization, package: Package) -> SystemUser {
        let id: String = sqlx::query_scalar(
            "with made as (
               insert into \"system_user\" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref,
                 created_by, sequence_no)
               select gen_random_uuid(), 'Eget system', s.system_internal_id, o.key, o.org_number, 'standard', 'eget ' || $2, 'test',
                 nextval('system_user_sequence')
               from system s, party o where s.system_id = $3 and o.org_number = $1 returning id, owner_key),
             known as (
               insert into party (uuid, kind, name, source) select id, 'system-user', 'Eget system', 'test' from made returning key, uuid),
             relation as (
               insert into assignment (id, from_key, to_key, role_id, created_by)
               select gen_random_uuid(), m.owner_key, k.key, r.key, 'test' from made m, known k, role r where r.code = 'rettighetshaver'
               returning id),
             given as (
               insert into assignment_package (assignment_id, package_id, created_by)
               select r.id, p.key, 'test' from relation r, package p where p.urn = $2)
             select uuid::text from known",
        )
        .bind(owner.number)
        .bind(package.urn())
        .bind(crate::systems::SKYREGNSKAP_SYSTEM.id)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a system user");
        SystemUser {
            id: id.into(),
            owner,
        }
    }

    /// Relations that an agent has to clients.
    pub async fn stored_clients(&self, agent: &SystemUser) -> i64 {
        self.count_where(
            "select count(*) from client_delegation d join party u on u.key = d.system_user_key where u.uuid::text = $1",
            &agent.id,
        )
        .await
    }

    /// Id of a delegation of a facilitator.
    pub async fn delegation_id(&self, facilitator: Organization) -> String {
        sqlx::query_scalar(
            "select d.id::text from client_delegation d join party f on f.key = d.facilitator_key where f.org_number = $1 limit 1",
        )
        .bind(facilitator.number)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a delegation")
    }

    /// Entries of the change feed about a system user.
    pub async fn feed_entries(&self, user: &SystemUser) -> i64 {
        self.count_where(
            "select count(*) from change_feed where kind = 'system-user' and key = $1",
            &user.id,
        )
        .await
    }

    /// Lists these packages in a system, also those that its vendor could not list.
    pub async fn list_in_system(&self, system: System, list: impl IntoIterator<Item = Package>) {
        sqlx::query("update system set access_packages = $1 where system_id = $2")
            .bind(packages(list))
            .bind(system.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Marks a request as passed on.
    pub async fn mark_escalated(&self, request: &RequestHandle<'_>) {
        sqlx::query("update request set escalated = true where id::text = $1")
            .bind(&request.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Marks an organisation as deleted today.
    pub async fn delete_organization(&self, organization: Organization) {
        sqlx::query(
            "with changed as (update party set status = 'deleted', deleted_at = now() where org_number = $1 returning uuid)
             insert into change_feed (kind, key) select 'party', uuid::text from changed",
        )
        .bind(organization.number)
        .execute(&mut self.sql().await)
        .await
        .expect("a change");
    }

    /// Marks a deleted organisation as active again.
    pub async fn restore_organization(&self, organization: Organization) {
        sqlx::query(
            "with changed as (update party set status = 'active', deleted_at = null where org_number = $1 returning uuid)
             insert into change_feed (kind, key) select 'party', uuid::text from changed",
        )
            .bind(organization.number)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Records that a person died today.
    pub async fn record_death(&self, person: Person) {
        sqlx::query("update party set death_date = now() where uuid::text = $1")
            .bind(person.uuid)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Lists these rights in a system, also those that its vendor could not list.
    pub async fn list_rights_in_system(
        &self,
        system: System,
        list: impl IntoIterator<Item = Resource>,
    ) {
        sqlx::query("update system set rights = $1 where system_id = $2")
            .bind(rights(list))
            .bind(system.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Makes a standard system user of an agent.
    pub async fn make_standard(&self, agent: &SystemUser) {
        sqlx::query("update \"system_user\" set kind = 'standard' where id::text = $1")
            .bind(&*agent.id)
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Makes copies of a system user, each with an external reference of its own.
    pub async fn copy_user(&self, user: &SystemUser, count: i32) -> Vec<SystemUser> {
        let ids: Vec<String> = sqlx::query_scalar(
            "insert into \"system_user\" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind,
               external_ref, created_by, sequence_no)
             select gen_random_uuid(), 'Kopi', system_internal_id, owner_key, reportee_org_no, 'standard', 'kopi ' || n, 'test',
               nextval('system_user_sequence')
             from \"system_user\", generate_series(1, $2) n where id::text = $1 returning id::text",
        )
        .bind(&*user.id)
        .bind(count)
        .fetch_all(&mut self.sql().await)
        .await
        .expect("copies");
        let copy = |id: String| SystemUser {
            id: id.into(),
            owner: user.owner,
        };
        ids.into_iter().map(copy).collect()
    }

    /// Removes all system users.
    pub async fn remove_all_users(&self) {
        sqlx::query("truncate \"system_user\" cascade")
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// Takes every client from every agent.
    pub async fn remove_all_clients(&self) {
        sqlx::query("delete from client_delegation")
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }

    /// The last event that vendors hear of a client.
    pub async fn last_event_of_client(&self, client: Organization) -> Option<String> {
        sqlx::query_scalar(
            "select event from outbox where payload->>'client' = $1 order by seq desc limit 1",
        )
        .bind(client.uuid)
        .fetch_optional(&mut self.sql().await)
        .await
        .expect("an event")
    }

    /// Gives a provider 11 500 clients and its agent those of them that are its by the role of an
    /// accountant. Names repeat, so that the uuid decides about the order; a tenth has another
    /// role, which gives the agent nothing.
    pub async fn add_many_clients(&self, provider: Organization, agent: &SystemUser) {
        let mut connection = self.sql().await;
        sqlx::query(
            "with made as (
               insert into party (uuid, kind, org_number, name, source)
               select gen_random_uuid(), 'organization', (800000000 + n)::text, 'KUNDE ' || n / 3, 'test'
               from generate_series(1, 11500) n returning key, org_number)
             insert into register_role (from_key, role_id, to_key, source)
             select m.key, r.key, p.key, 'test' from made m, party p, role r
             where p.org_number = $1
               and r.code = case when m.org_number::int % 10 = 0 then 'revisor' else 'regnskapsforer' end",
        )
        .bind(provider.number)
        .execute(&mut connection)
        .await
        .expect("clients");
        sqlx::query(
            "with delegated as (
               insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
               select gen_random_uuid(), a.key, r.to_key, r.from_key, r.role_id, 'test' from register_role r, party a
               where r.source = 'test' and a.uuid::text = $1 returning id, client_key)
             insert into client_delegation_package (delegation_id, package_id, basis)
             select d.id, k.key, 'role-package' from delegated d, package k
             where k.urn = 'urn:altinn:accesspackage:regnskapsforer-lonn' and d.client_key % 5 <> 0",
        )
        .bind(&*agent.id)
        .execute(&mut connection)
        .await
        .expect("delegations");
    }
}
