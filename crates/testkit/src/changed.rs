//! Changes past the service: what no client could bring about, or not in the time of a test.

use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::{app::TestApp, guards::DirectChange};

impl TestApp {
    // Requests

    /// Gives a request another status.
    pub async fn set_status_of_request(&self, id: &str, status: &str) {
        let statement = "update request set status = $2 where id::text = $1";
        self.change(statement, &[id, status]).await;
    }

    /// Makes a request so many days older.
    pub async fn age_request(&self, id: &str, days: u32) {
        let statement = "update request set created = created - make_interval(days => $2::int) where id::text = $1";
        self.change(statement, &[id, &days.to_string()]).await;
    }

    /// Makes a request as old as if it were sent now.
    pub async fn renew_request(&self, id: &str) {
        let statement = "update request set created = now() where id::text = $1";
        self.change(statement, &[id]).await;
    }

    /// Marks a request as taken back.
    pub async fn delete_request(&self, id: &str) {
        let statement = "update request set is_deleted = true where id::text = $1";
        self.change(statement, &[id]).await;
    }

    /// Makes a request ask for other packages, as they are stored.
    pub async fn set_packages_of_request(&self, id: &str, packages: &Value) {
        let statement = "update request set access_packages = $2::jsonb where id::text = $1";
        self.change(statement, &[id, &packages.to_string()]).await;
    }

    /// Stores an open request for an agent, for a system that may have none.
    pub async fn store_agent_request(
        &self,
        id: &str,
        system_id: &str,
        customer: &str,
        packages: &Value,
    ) {
        let statement = "insert into request (id, kind, system_id, party_org_no, external_ref, rights, access_packages)
             values ($1::uuid, 'agent', $2, $3, 'for-clients', '[]', $4::jsonb)";
        self.change(statement, &[id, system_id, customer, &packages.to_string()])
            .await;
    }

    /// Makes a change request lead to another address after its answer.
    pub async fn set_redirect_of_change(&self, id: &str, address: &str) {
        let statement = "update change_request set redirect_url = $2 where id::text = $1";
        self.change(statement, &[id, address]).await;
    }

    /// Makes a change request ask for other packages.
    pub async fn set_packages_of_change(&self, id: &str, packages: &Value) {
        let statement =
            "update change_request set required_access_packages = $2::jsonb where id::text = $1";
        self.change(statement, &[id, &packages.to_string()]).await;
    }

    /// Makes a change request so many days older.
    pub async fn age_change(&self, id: &str, days: u32) {
        let statement = "update change_request set created = created - make_interval(days => $2::int) where id::text = $1";
        self.change(statement, &[id, &days.to_string()]).await;
    }

    /// Makes a change request as old as if it were sent now.
    pub async fn renew_change(&self, id: &str) {
        let statement = "update change_request set created = now() where id::text = $1";
        self.change(statement, &[id]).await;
    }

    /// Marks a change request as taken back.
    pub async fn delete_change(&self, id: &str) {
        let statement = "update change_request set is_deleted = true where id::text = $1";
        self.change(statement, &[id]).await;
    }

    // Systems

    /// Marks a system as deleted.
    pub async fn mark_system_deleted(&self, system_id: &str) {
        let statement = "update system set is_deleted = true where system_id = $1";
        self.change(statement, &[system_id]).await;
        self.publish_everything().await;
    }

    /// Marks a deleted system as active again.
    pub async fn restore_system(&self, system_id: &str) {
        let statement = "update system set is_deleted = false where system_id = $1";
        self.change(statement, &[system_id]).await;
        self.publish_everything().await;
    }

    /// Makes an address the only one that a system's vendor lets requests lead on to.
    pub async fn allow_redirect(&self, system_id: &str, address: &str) {
        let statement = "update system set allowed_redirect_urls = array[$2] where system_id = $1";
        self.change(statement, &[system_id, address]).await;
    }

    /// Makes a system list these packages, as they are stored, also those that its vendor could not list.
    pub async fn set_packages_of_system(&self, system_id: &str, packages: &Value) {
        let statement = "update system set access_packages = $2::jsonb where system_id = $1";
        self.change(statement, &[system_id, &packages.to_string()])
            .await;
    }

    /// Makes a system list these packages too.
    pub async fn add_packages_to_system(&self, system_id: &str, packages: &Value) {
        let statement =
            "update system set access_packages = access_packages || $2::jsonb where system_id = $1";
        self.change(statement, &[system_id, &packages.to_string()])
            .await;
    }

    /// Makes a system list these rights, as they are stored, also those that its vendor could not list.
    pub async fn set_rights_of_system(&self, system_id: &str, rights: &Value) {
        let statement = "update system set rights = $2::jsonb where system_id = $1";
        self.change(statement, &[system_id, &rights.to_string()])
            .await;
    }

    /// Takes a client at Maskinporten from its system.
    pub async fn release_client(&self, client_id: &str) {
        let statement = "update system_client set released_at = now() where client_id = $1";
        self.change(statement, &[client_id]).await;
        self.publish_everything().await;
    }

    /// Gives a system the client back that was taken from it.
    pub async fn take_client_back(&self, client_id: &str) {
        let statement = "update system_client set released_at = null where client_id = $1";
        self.change(statement, &[client_id]).await;
        self.publish_everything().await;
    }

    // System users and what they hold

    /// Marks a system user as deleted.
    pub async fn mark_user_deleted(&self, id: &str) {
        let statement = "update \"system_user\" set is_deleted = true where id::text = $1";
        self.change(statement, &[id]).await;
        self.publish_everything().await;
    }

    /// Marks every system user as deleted.
    pub async fn mark_all_users_deleted(&self) {
        self.change("update \"system_user\" set is_deleted = true", &[])
            .await;
    }

    /// Gives a system user to another organisation.
    pub async fn set_owner_of_user(&self, id: &str, org_number: &str) {
        let statement = "update \"system_user\" set reportee_org_no = $2 where id::text = $1";
        self.change(statement, &[id, org_number]).await;
        self.publish_everything().await;
    }

    /// Takes every package from every holder.
    pub async fn take_all_packages(&self) {
        self.change("delete from assignment_package", &[]).await;
        self.caught_up().await;
    }

    /// Makes every single right one to a task of its resource.
    pub async fn restrict_rights_to_task(&self, task: &str) {
        let statement = "update assignment_right set extra = jsonb_build_array(jsonb_build_array('urn:altinn:task', $1))";
        self.change(statement, &[task]).await;
        self.caught_up().await;
    }

    /// Takes away what the operator's files have given: roles and rights.
    pub async fn take_what_operator_gave(&self) {
        self.change("delete from register_role where source = 'operator'", &[])
            .await;
        self.change(
            "delete from assignment where created_by = 'import:operator'",
            &[],
        )
        .await;
    }

    /// Marks the organisation with this number as deleted today.
    pub async fn mark_organization_deleted(&self, org_number: &str) {
        let statement =
            "update party set status = 'deleted', deleted_at = now() where org_number = $1";
        self.change(statement, &[org_number]).await;
        self.publish_everything().await;
    }

    /// Marks every person as dropped by the source that they came from.
    pub async fn drop_all_persons(&self) {
        self.change(
            "update party set dropped_at = now() where kind = 'person'",
            &[],
        )
        .await;
    }

    /// Stores a person by name and day of birth (`YYYY-MM-DD`).
    pub async fn store_person(&self, name: &str, birth_date: &str) {
        let statement = r"insert into party (uuid, kind, person_id_hmac, name, birth_date, source)
             values (gen_random_uuid(), 'person', '\x01', $1, $2::date, 'x')";
        self.change(statement, &[name, birth_date]).await;
    }

    // Sessions and keys

    /// Makes every session of a browser end in so many minutes.
    pub async fn shorten_sessions(&self, minutes: u32) {
        let statement = "update session set expires = now() + make_interval(mins => $1::int)";
        self.change(statement, &[&minutes.to_string()]).await;
    }

    /// Makes the stored key sets of issuers so many hours older.
    pub async fn age_key_sets(&self, hours: u32) {
        let statement =
            "update key_set set fetched_at = fetched_at - make_interval(hours => $1::int)";
        self.change(statement, &[&hours.to_string()]).await;
    }

    /// Stores so many ids that were used once and have expired.
    pub async fn store_used_ids(&self, count: u32) {
        let statement = "insert into used_once (kind, id, expires_at)
             select 'test', int4send(n), now() from generate_series(1, $1::int) n";
        self.change(statement, &[&count.to_string()]).await;
    }

    // Resources

    /// Stores a resource with its policy, whatever the checks of an upload would say.
    pub async fn store_resource(&self, identifier: &str, document: &Value, policy: &[u8]) {
        sqlx::query(
            "with r as (insert into resource (identifier) values ($1)),
               v as (insert into resource_version (identifier, document) values ($1, $2))
             insert into resource_policy (identifier, version, xml, sha256) values ($1, 1, $3, sha256($3))",
        )
        .bind(identifier)
        .bind(document)
        .bind(policy)
        .execute(&mut self.sql().await)
        .await
        .expect("a resource");
    }

    /// Replaces the policy of a resource, whatever the checks of an upload would say.
    pub async fn replace_policy(&self, identifier: &str, policy: &[u8]) {
        sqlx::query(
            "update resource_policy set xml = $1, sha256 = sha256($1) where identifier = $2",
        )
        .bind(policy)
        .bind(identifier)
        .execute(&mut self.sql().await)
        .await
        .expect("a policy");
        self.publish_everything().await;
    }

    /// Removes the policy of a resource.
    pub async fn remove_policy(&self, identifier: &str) {
        let statement = "delete from resource_policy where identifier = $1";
        self.change(statement, &[identifier]).await;
    }

    /// Opens a resource to an organisation by an access list of a service owner.
    pub async fn let_in_by_access_list(&self, orgcode: &str, resource: &str, org_number: &str) {
        let statement = "with l as (insert into access_list (owner_orgcode, identifier, name, description) values ($1, 'fangst', 'x', 'y') returning id),
               m as (insert into access_list_member (list, party_key) select l.id, p.key from l, party p where p.org_number = $3)
             insert into access_list_connection (resource, list) select $2, id from l";
        self.change(statement, &[orgcode, resource, org_number])
            .await;
        self.publish_everything().await;
    }

    // Events, trail, journal and decision log

    /// Takes the places of the retention samples among the events from them.
    pub async fn hide_sample_events(&self) {
        self.change(
            "update outbox set position = null where event = 'test'",
            &[],
        )
        .await;
    }

    /// Loses the last two events, their places and the history they were in, as a fail-over to a server
    /// that lagged.
    pub async fn lose_two_events(&self) {
        for statement in [
            "delete from outbox where position > (select position - 2 from outbox_end)",
            "update outbox_end set position = position - 2",
            "update feed_epoch set epoch = '00000000000000aa'",
        ] {
            self.change(statement, &[]).await;
        }
    }

    /// Deletes what waits to be written to the journal.
    pub async fn delete_journal_entries(&self) {
        self.change("delete from journal_entry", &[]).await;
    }

    /// Takes the decision log away.
    pub async fn take_decision_log_away(&self) {
        self.change(
            "alter table decision_block rename to decision_block_away",
            &[],
        )
        .await;
    }

    /// Brings the decision log back.
    pub async fn bring_decision_log_back(&self) {
        self.change(
            "alter table decision_block_away rename to decision_block",
            &[],
        )
        .await;
    }

    /// Makes the partition of the decision log for 31 January 2020.
    pub async fn make_decision_partition_of_2020(&self) {
        self.change(
            "create table decision_block_20200131 partition of decision_block
             for values from ('2020-01-31') to ('2020-02-01')",
            &[],
        )
        .await;
    }

    /// Takes away the record of which migrations were applied.
    pub async fn take_migrations_away(&self) {
        self.change("alter table _sqlx_migrations rename to away", &[])
            .await;
    }

    /// Takes the client delegations away with all that refers to them, as only the owner of the database
    /// may.
    pub async fn empty_client_delegations(&self) {
        self.change("truncate client_delegation cascade", &[]).await;
    }

    /// Ends that a client belongs to its system, past the service.
    pub async fn release_client_directly(&self, client_id: &str) {
        let statement = "update system_client set released_at = now() where client_id = $1";
        self.change(statement, &[client_id]).await;
    }

    /// A recovery that accepted the loss of what a checkpoint with this hash has.
    pub async fn note_recovery(&self, hash: &[u8]) {
        sqlx::query(
            "insert into recovery_run (kind, revocations, checkpoint) values ('restore', 0, encode($1, 'hex'))",
        )
        .bind(hash)
        .execute(&mut self.sql().await)
        .await
        .expect("a recovery");
    }

    /// Tables of the service.
    pub async fn tables(&self) -> Vec<String> {
        self.texts("select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')")
            .await
    }

    /// Tables whose changes past the service are published.
    pub async fn published_tables(&self) -> Vec<String> {
        self.texts("select c.relname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname = 'publish_direct_change'")
            .await
    }

    /// Answers a request past the service.
    pub async fn accept_directly(&self, id: &str) {
        let statement =
            "update request set status = 'Accepted', changed_by = 'x' where id::text = $1";
        self.change(statement, &[id]).await;
    }

    /// A change of a guarded table.
    pub async fn changes_directly(&self, change: &DirectChange) {
        sqlx::query(AssertSqlSafe(change.statement.to_owned()))
            .execute(&mut self.sql().await)
            .await
            .expect("a change");
    }
}
