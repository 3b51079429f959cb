//! A restore that lost much: how long it takes to end again what had ended.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use private_postgres::Cluster;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    PROGRAM, Sandbox,
    checker::Tally,
    clusters::{ask_database, cluster, socket_folder},
    figures::note,
    free_base_port,
    support::*,
};

const JOURNAL: &str = "SYSTEMBRUKER__RECOVERY__JOURNAL";
/// Entries that a system user and its grants leave when they end one after the other.
const ENTRIES_EACH: i64 = 8;
/// A restore is over within this time, however slow the machine is.
const BOUND: Duration = Duration::from_secs(300);

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

async fn run_sql(cluster: &Cluster, statements: String) {
    let url = cluster.url("postgres");
    let mut db = PgConnection::connect(url.expose_secret()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut db)
        .await
        .unwrap();
}

fn copy(from: &Cluster, to: &Cluster) {
    let client = |program: &str, cluster: &Cluster| {
        let folder = socket_folder(&cluster.url("postgres"));
        let mut command = Command::new(program);
        command.args(["--username", "sb", "--dbname", "postgres", "--host"]);
        command.arg::<&Path>(&folder);
        command
    };
    let dumped = client("pg_dump", from).output().unwrap();
    assert!(dumped.status.success());
    let mut restored = client("psql", to)
        .args(["--quiet", "--set", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = restored.stdin.take().unwrap();
    input.write_all(&dumped.stdout).unwrap();
    drop(input);
    assert!(restored.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_mixed_entries_are_replayed_in_seconds() {
    let entries: i64 =
        std::env::var("CHAOS_ENTRIES").map_or(6_000, |text| text.parse().expect("a number"));
    let (first, second) = (cluster("replay"), cluster("replay-restored"));
    let folder = home().join(format!("replay-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    let journal = folder.join("journal");
    let url = first.url("postgres");
    let port = free_base_port();
    let mut command = Sandbox::command(port, &folder.join("sandbox"), Some(url.expose_secret()));
    command.env(JOURNAL, &journal);
    let mut sandbox = Sandbox::run(command, port);
    sandbox.ready().await;
    let since = Instant::now();
    while !journal.join("head.json").exists() {
        assert!(since.elapsed() < BOUND, "the journal has no head");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let users = (entries / ENTRIES_EACH).to_string();
    run_sql(&first, FILL.replace("$N", &users)).await;
    copy(&first, &second);
    let older = "update journal_mark set at = at - interval '1 day'; update journal_object set claimed_at = claimed_at - interval '1 day'";
    run_sql(&second, older.to_owned()).await;
    run_sql(&first, END.to_owned()).await;
    let waiting = "select count(*) from journal_entry e left join journal_object o on o.name = e.object where o.written_at is null";
    while ask_database::<i64>(&first, waiting).await > 0 {
        assert!(since.elapsed() < BOUND, "the journal is not written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sandbox.stop().await, 0);
    assert!(ask_database::<i64>(&second, LEFT).await > 0);

    let since = Instant::now();
    let recovered = Command::new(PROGRAM)
        .args(["recover", "--confirm", "--data-dir"])
        .arg(folder.join("sandbox"))
        .env("DATABASE_URL", second.url("postgres").expose_secret())
        .env(JOURNAL, &journal)
        .output()
        .unwrap();
    let took = since.elapsed();

    let text = String::from_utf8(recovered.stdout).unwrap();
    assert!(recovered.status.success(), "{text}");
    assert_eq!(ask_database::<i64>(&second, LEFT).await, 0, "{text}");
    assert!(took < BOUND, "{took:?}");
    note(
        &format!("replay of {entries} entries"),
        took,
        &Tally::default(),
    );
}
