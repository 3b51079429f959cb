//! System users that end in great number, and are ended again in a copy of their database.

use sqlx::AssertSqlSafe;

use crate::database::Database;

/// System users with a grant, a delegation, a place on a list and a session each.
const FILL: &str = r#"
set sb.writer = 'service';
create temp table made as select gen_random_uuid() as id, n from generate_series(1, $N) n;
create temp table owner as select key, org_number from party where kind = 'organization' order by key limit 1;
create temp table picked as select (select min(key) from role) as role, (select min(key) from package) as package;
insert into party (uuid, party_id, kind, name, source) select id, nextval('party_id_seq')::int, 'system-user', 'Prøve', 'replay' from made;
insert into "system_user" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, created_by, sequence_no)
  select m.id, 'Prøve', s.id, o.key, o.org_number, 'standard', 'replay-' || m.n, 'replay', nextval('system_user_sequence')
  from made m, (select system_internal_id as id from system order by 1 limit 1) s, owner o;
create temp table keys as select p.key, p.uuid from party p join made m on m.id = p.uuid;
insert into assignment (id, from_key, to_key, role_id, created_by) select gen_random_uuid(), o.key, k.key, p.role, 'replay' from keys k, owner o, picked p;
insert into assignment_package (assignment_id, package_id, created_by) select a.id, p.package, 'replay' from assignment a, picked p where a.created_by = 'replay';
insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
  select gen_random_uuid(), k.key, o.key, o.key, p.role, 'replay' from keys k, owner o, picked p;
insert into client_delegation_package (delegation_id, package_id, basis)
  select d.id, p.package, 'role-package' from client_delegation d, picked p where d.created_by = 'replay';
insert into access_list_member (list, party_key, party_uuid) select (select min(id) from access_list), key, uuid from keys;
insert into session (id, person_uuid, user_id, level, acr, csrf_secret, expires)
  select sha256(uuid::text::bytea), uuid, 1, 3, 'replay', '\x00', now() + interval '8 hours' from keys;
"#;

/// Ends all that, one system user after the other, so that entries of different tables and kinds take turns.
const END: &str = r#"
set sb.writer = 'service';
do $$ declare ended record; begin
  for ended in select u.id, p.key from "system_user" u join party p on p.uuid = u.id where u.created_by = 'replay' loop
    update "system_user" set is_deleted = true, deleted_at = now() where id = ended.id;
    delete from assignment where to_key = ended.key;
    delete from client_delegation where system_user_key = ended.key;
    delete from access_list_member where party_key = ended.key;
    delete from session where person_uuid = ended.id;
    delete from "system_user" where id = ended.id;
  end loop;
end $$;
"#;

/// What is left of it.
const LEFT: &str = r#"
select (select count(*) from "system_user" where created_by = 'replay') + (select count(*) from assignment where created_by = 'replay')
  + (select count(*) from client_delegation where created_by = 'replay') + (select count(*) from session where acr = 'replay')
  + (select count(*) from access_list_member m join party p on p.key = m.party_key where p.source = 'replay')
"#;

impl Database {
    /// Stores so many system users with what each of them has.
    pub async fn store_replayed(&self, users: i64) {
        let statements = FILL.replace("$N", &users.to_string());
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.sql().await)
            .await
            .expect("system users");
    }

    /// Ends all that, one system user after the other.
    pub async fn end_replayed(&self) {
        sqlx::raw_sql(END)
            .execute(&mut self.sql().await)
            .await
            .expect("an end");
    }

    /// Rows of it that are left.
    pub async fn replayed_left(&self) -> i64 {
        self.counted(LEFT).await
    }

    /// Entries of the journal that no written object has.
    pub async fn unwritten_entries(&self) -> i64 {
        self.counted(
            "select count(*) from journal_entry e left join journal_object o on o.name = e.object where o.written_at is null",
        )
        .await
    }
}
