//! Rows in numbers, like those that are there.

use std::time::Duration;

use indicatif::ProgressBar;
use private_postgres::Cluster;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

/// The system user that the others are like, and the agent.
pub const SYSTEM_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";
const AGENT: &str = "05042226-1aa3-5372-87bc-b03f76163fdf";
/// Clients of an agent.
const CLIENTS: usize = 5_000;

/// A database of a cluster.
pub struct Database(PgConnection);

impl Database {
    pub async fn open(cluster: &Cluster, name: &str) -> Self {
        let mut db = PgConnection::connect(cluster.url(name).expose_secret())
            .await
            .unwrap();
        // Rows that fit each other need no checks of their keys.
        sqlx::raw_sql("set statement_timeout = 0; set session_replication_role = replica; set synchronous_commit = off")
            .execute(&mut db)
            .await
            .unwrap();
        Self(db)
    }

    pub async fn execute(&mut self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.0)
            .await
            .expect("a statement");
    }

    /// Lines in the log, once no more come.
    pub async fn lines(&mut self) -> i64 {
        let mut before = -1;
        loop {
            let now = sqlx::query_scalar(
                "select coalesce(sum(decisions), 0)::bigint from decision_block",
            )
            .fetch_one(&mut self.0)
            .await
            .unwrap();
            if now == before {
                return now;
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// So many resources like one that is there: `load-1`, `load-2`, …
    pub async fn add_resources(&mut self, count: usize, like: &str) {
        self.execute(&format!(
            r"with made as (
                 insert into resource (identifier) select 'load-' || n from generate_series(1, {count}) n returning identifier
               ), versions as (
                 insert into resource_version (identifier, document)
                 select m.identifier, v.document || jsonb_build_object('identifier', m.identifier) from made m
                 cross join (select document from resource_version where identifier = '{like}' order by version_id desc limit 1) v
               )
               insert into resource_policy (identifier, version, xml, sha256)
               select m.identifier, 1, t.xml, sha256(t.xml) from made m
               cross join (select convert_from(xml, 'UTF8') as xml from resource_policy where identifier = '{like}' order by version desc limit 1) p
               cross join lateral (select convert_to(replace(p.xml, '{like}', m.identifier), 'UTF8') as xml) t;
             insert into change_feed (kind, key) values ('everything', 'load')"
        ))
        .await;
    }

    /// So many system users, each of an organisation of its own, and for every thousand of them an
    /// agent with clients among the organisations; how many clients were delegated.
    pub async fn add_system_users(&mut self, count: usize, progress: &ProgressBar) -> usize {
        let (agents, clients) = ((count / 1_000).max(1), CLIENTS.min(count / 2));
        let all = count + agents;
        let steps = [
            ("names", format!(
                "create unlogged table load_user as
                 select n, gen_random_uuid() as id, gen_random_uuid() as owner, (800000000 + n)::text as org, n > {count} as is_agent,
                   b.key + n as owner_key, b.key + {all} + n as user_key
                 from generate_series(1, {all}) n cross join (select max(key) as key from party) b"
            )),
            ("organisations",
                "insert into party (key, uuid, party_id, kind, org_number, name, source, form_id) overriding system value
                 select l.owner_key, l.owner, nextval('party_id_seq'), 'organization', l.org, 'Load ' || l.n, 'load', p.form_id
                 from load_user l cross join (select form_id from party where org_number = '390367767') p".to_owned()),
            ("parties of system users",
                "insert into party (key, uuid, kind, name, source) overriding system value
                 select user_key, id, 'system-user', 'Load ' || n, 'system-user' from load_user".to_owned()),
            ("system users", format!(
                "insert into \"system_user\" (id, integration_title, system_internal_id, owner_key, reportee_org_no, kind, external_ref, access_packages,
                   created_by, sequence_no)
                 select l.id, 'Load', u.system_internal_id, l.owner_key, l.org, u.kind, l.org, u.access_packages, 'load', nextval('system_user_sequence')
                 from load_user l join \"system_user\" u on u.id = case when l.is_agent then '{AGENT}'::uuid else '{SYSTEM_USER}'::uuid end"
            )),
            ("what they hold", format!(
                "create unlogged table load_assignment as select gen_random_uuid() as id, owner_key, user_key from load_user where not is_agent;
                 insert into assignment (id, from_key, to_key, role_id, created_by)
                 select l.id, l.owner_key, l.user_key, m.role_id, 'load' from load_assignment l
                 cross join (select a.role_id from assignment a join party p on p.key = a.to_key where p.uuid = '{SYSTEM_USER}' limit 1) m;
                 insert into assignment_package (assignment_id, package_id, created_by)
                 select l.id, m.package_id, 'load' from load_assignment l cross join (
                   select ap.package_id from assignment_package ap join assignment a on a.id = ap.assignment_id join party p on p.key = a.to_key
                   where p.uuid = '{SYSTEM_USER}') m"
            )),
            ("clients", format!(
                "create unlogged table load_delegation as
                 select gen_random_uuid() as id, a.id as agent, a.user_key, a.owner_key as facilitator_key, c.owner_key as client_key, c.org, k
                 from load_user a cross join generate_series(1, {clients}) k join load_user c on c.n = 1 + (a.n::bigint * 7919 + k * 199) % {count}
                 where a.is_agent;
                 insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
                 select l.id, l.user_key, l.facilitator_key, l.client_key, m.role_id, 'load' from load_delegation l cross join (
                   select d.role_id from client_delegation d join party p on p.key = d.system_user_key where p.uuid = '{AGENT}' limit 1) m"
            )),
            ("what agents hold for them", format!(
                "insert into client_delegation_package (delegation_id, package_id, basis)
                 select l.id, m.package_id, m.basis from load_delegation l cross join (
                   select package_id, basis from client_delegation_package where delegation_id = (
                     select d.id from client_delegation d join party p on p.key = d.system_user_key where p.uuid = '{AGENT}' limit 1)) m"
            )),
            ("order", "analyze; insert into change_feed (kind, key) values ('everything', 'load'); checkpoint".to_owned()),
        ];
        progress.set_length(steps.len() as u64);
        for (name, statement) in steps {
            progress.set_message(name);
            self.execute(&statement).await;
            progress.inc(1);
        }
        progress.finish_and_clear();
        agents * clients
    }

    /// System users and the organisations that they act for: at most so many for their own, and as
    /// many agents for clients.
    pub async fn acting(&mut self, each: usize) -> [Vec<(String, String)>; 2] {
        let own = format!(
            "select id::text, org from load_user where not is_agent order by n limit {each}"
        );
        let clients =
            format!("select agent::text, org from load_delegation order by k, agent limit {each}");
        let mut out = [Vec::new(), Vec::new()];
        for (query, out) in [own, clients].into_iter().zip(&mut out) {
            *out = sqlx::query_as(sqlx::AssertSqlSafe(query))
                .fetch_all(&mut self.0)
                .await
                .unwrap();
        }
        out
    }
}
