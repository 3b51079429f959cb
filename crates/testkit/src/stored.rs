//! What is stored of parties, imports, requests and system users, and no client can see.

use crate::database::Database;

impl Database {
    // Parties

    /// Party uuid of the organisation with this number.
    pub async fn uuid_of(&self, org_number: &str) -> String {
        let statement = "select uuid::text from party where org_number = $1";
        self.found(statement, org_number).await
    }

    /// Party id of the organisation with this number.
    pub async fn party_id_of(&self, org_number: &str) -> i64 {
        let statement = "select party_id::bigint from party where org_number = $1";
        self.found(statement, org_number).await
    }

    /// Name of the organisation with this number.
    pub async fn name_of(&self, org_number: &str) -> String {
        let statement = "select name from party where org_number = $1";
        self.found(statement, org_number).await
    }

    /// Party id of the party with this uuid.
    pub async fn party_id_of_uuid(&self, uuid: &str) -> String {
        let statement = "select party_id::text from party where uuid::text = $1";
        self.found(statement, uuid).await
    }

    /// User id of the person with this party uuid.
    pub async fn user_id_of_uuid(&self, uuid: &str) -> String {
        let statement = "select user_id::text from party where uuid::text = $1";
        self.found(statement, uuid).await
    }

    /// Numbers of all organisations.
    pub async fn organization_numbers(&self) -> Vec<String> {
        let statement = "select org_number from party where org_number is not null";
        self.texts(statement).await
    }

    /// Party uuid of a person with a registered role at an organisation.
    pub async fn uuid_of_role_holder(&self, org_number: &str) -> String {
        let statement = "select t.uuid::text from party t join person_name n on n.key = t.key
             join register_role r on r.to_key = t.key join party o on o.key = r.from_key
             where o.org_number = $1 and t.uuid is not null limit 1";
        self.found(statement, org_number).await
    }

    /// Registered roles of this code that one organisation has given another.
    pub async fn roles_between(&self, from: &str, code: &str, to: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from register_role r join role k on k.key = r.role_id
             join party f on f.key = r.from_key join party t on t.key = r.to_key
             where f.org_number = $1 and k.code = $2 and t.org_number = $3",
        )
        .bind(from)
        .bind(code)
        .bind(to)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Roles of an organisation by their code in the register.
    pub async fn registered_roles(&self, from: &str, register_code: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from register_role r join role k on k.key = r.role_id
             join party f on f.key = r.from_key where f.org_number = $1 and k.register_code = $2",
        )
        .bind(from)
        .bind(register_code)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    // Imports

    /// Parties that came from a source.
    pub async fn parties_from(&self, source: &str) -> i64 {
        let statement = "select count(*) from party where source = $1";
        self.found(statement, source).await
    }

    /// Parties from the operator's files whose party id, or a person's user id, is in the range of those
    /// that are given by others.
    pub async fn operator_parties_with_foreign_ids(&self) -> i64 {
        self.counted(
            "select count(*) from party where source = 'operator'
             and (party_id <= 1000000000 or kind = 'person' and user_id <= 1000000000)",
        )
        .await
    }

    /// Uuid of the only person from the operator's files.
    pub async fn uuid_of_imported_person(&self) -> String {
        let statement = "select uuid::text from party where source = $1 and kind = 'person'";
        self.found(statement, "operator").await
    }

    /// Status of the organisation with this number.
    pub async fn status_of_organization(&self, org_number: &str) -> String {
        let statement = "select status from party where org_number = $1";
        self.found(statement, org_number).await
    }

    /// Parties of the open register with a status.
    pub async fn open_data_parties(&self, status: &str) -> i64 {
        let statement = "select count(*) from party where source like 'brreg%' and status = $1";
        self.found(statement, status).await
    }

    /// Number of the main unit of a sub-unit.
    pub async fn main_unit_of(&self, org_number: &str) -> Option<String> {
        let statement = "select m.org_number from party u left join party m on m.key = u.parent_key
             where u.org_number = $1";
        self.found(statement, org_number).await
    }

    /// Imports that were refused for so many faults.
    pub async fn refused_imports(&self, faults: i32) -> i64 {
        sqlx::query_scalar(
            "select count(*) from import_run where state = 'refused' and jsonb_array_length(errors) = $1",
        )
        .bind(faults)
        .fetch_one(&mut self.sql().await)
        .await
        .expect("a number")
    }

    /// Holders of roles by name and day of birth who are no known person.
    pub async fn unresolved_holders(&self) -> i64 {
        self.counted("select count(*) from unresolved_holder").await
    }

    /// What persons of this first name hold who are deceased.
    pub async fn relations_of_deceased(&self, first_name: &str) -> i64 {
        self.found(
            "select count(*) from assignment a join party p on p.key = a.to_key
             where p.death_date is not null and p.name like $1 || '%'",
            first_name,
        )
        .await
    }

    /// Entries of the change feed.
    pub async fn entries_of_feed(&self) -> i64 {
        self.counted("select count(*) from change_feed").await
    }

    // Requests

    /// Status of a request.
    pub async fn status_of_request(&self, id: &str) -> String {
        let statement = "select status from request where id::text = $1";
        self.found(statement, id).await
    }

    /// Status of a change request.
    pub async fn status_of_change(&self, id: &str) -> String {
        let statement = "select status from change_request where id::text = $1";
        self.found(statement, id).await
    }

    /// Whether a request was passed on.
    pub async fn is_escalated(&self, id: &str) -> bool {
        let statement = "select escalated from request where id::text = $1";
        self.found(statement, id).await
    }

    // System users

    /// Rows of a system user, deleted ones too.
    pub async fn rows_of_user(&self, id: &str) -> i64 {
        let statement = "select count(*) from \"system_user\" where id::text = $1";
        self.found(statement, id).await
    }

    /// System users of an organisation that are not deleted.
    pub async fn users_of(&self, org_number: &str) -> i64 {
        let statement =
            "select count(*) from \"system_user\" where reportee_org_no = $1 and not is_deleted";
        self.found(statement, org_number).await
    }

    /// Ids of the system users that are not deleted.
    pub async fn user_ids(&self) -> Vec<String> {
        let statement = "select id::text from \"system_user\" where not is_deleted";
        self.texts(statement).await
    }

    /// Kind of a system user.
    pub async fn kind_of_user(&self, id: &str) -> String {
        let statement = "select kind from \"system_user\" where id::text = $1";
        self.found(statement, id).await
    }

    /// Number of the organisation that a system user belongs to; none when it is deleted or there is none.
    pub async fn owner_of_user(&self, id: &str) -> Option<String> {
        self.found(
            "select (select reportee_org_no from \"system_user\" where id::text = $1 and not is_deleted)",
            id,
        )
        .await
    }

    /// System users that are not deleted and whose external reference is a uuid.
    pub async fn users_with_uuid_as_reference(&self) -> i64 {
        self.counted(
            "select count(*) from \"system_user\" where external_ref like '%-%-%-%-%' and not is_deleted",
        )
        .await
    }

    /// Id of the system user that was made last.
    pub async fn newest_user(&self) -> String {
        let statement = "select id::text from \"system_user\" order by sequence_no desc limit 1";
        let found = self.texts(statement).await;
        found.into_iter().next().expect("a system user")
    }

    /// Actions of the single rights that a system user holds.
    pub async fn actions_held_by(&self, id: &str) -> Vec<String> {
        let statement = "select distinct g.action from assignment_right g join assignment a on a.id = g.assignment_id
             join party p on p.key = a.to_key where p.uuid::text = $1 order by 1";
        self.texts_of(statement, id).await
    }

    /// Uuid of a client of an agent.
    pub async fn client_of_agent(&self, id: &str) -> String {
        let statement =
            "select c.uuid::text from client_delegation d join party c on c.key = d.client_key
             join party u on u.key = d.system_user_key where u.uuid::text = $1 limit 1";
        self.found(statement, id).await
    }

    /// Uuids and organisation numbers of a facilitator's clients.
    pub async fn clients_of_facilitator(&self, org_number: &str) -> Vec<String> {
        let statement = "select unnest(array[c.uuid::text, c.org_number]) from client_delegation d
             join party f on f.key = d.facilitator_key join party c on c.key = d.client_key where f.org_number = $1";
        let texts: Vec<Option<String>> = sqlx::query_scalar(statement)
            .bind(org_number)
            .fetch_all(&mut self.sql().await)
            .await
            .expect("texts");
        texts.into_iter().flatten().collect()
    }

    /// Clients that are delegated to agents.
    pub async fn delegated_clients(&self) -> i64 {
        self.counted("select count(*) from client_delegation").await
    }
}
