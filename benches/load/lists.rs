//! What the lists of an accountant with 94,000 clients cost: time to the first byte, time to the last,
//! and the memory that the service takes for each.

use std::time::{Duration, Instant};

use reqwest::Client;

use crate::{program::Service, rows::Database};

/// Tallknuseren, its managing director, who is an agent too, and its agent that is a system user.
const ACCOUNTANT: &str = "c7916978-44e4-553b-ad8a-6e3d794b3571";
const DIRECTOR: &str = "13837347860";
const AGENT: &str = "05042226-1aa3-5372-87bc-b03f76163fdf";
const CLIENTS: usize = 94_000;
const ROUNDS: usize = 3;

impl Database {
    /// An accountant with 94,000 clients among so many organisations, all of them delegated to its agents.
    pub async fn add_clients(&mut self, organizations: usize) {
        let nth = (organizations / CLIENTS).max(1);
        let package = "urn:altinn:accesspackage:regnskapsforer-lonn";
        let statements = [
            format!(
                "insert into party (uuid, party_id, kind, org_number, name, form_id, source)
                 select gen_random_uuid(), nextval('party_id_seq'), 'organization', (800000000 + n)::text, md5(n::text) || ' AS', f.key, 'bench'
                 from generate_series(1, {organizations}) n cross join (select key from entity_variant where code = 'AS') f"
            ),
            format!(
                "insert into register_role (from_key, role_id, to_key, source)
                 select m.key, r.key, p.key, 'bench' from party m, party p, role r
                 where m.source = 'bench' and m.org_number::int % {nth} = 0 and p.uuid = '{ACCOUNTANT}' and r.code = 'regnskapsforer' limit {CLIENTS}"
            ),
            format!(
                "insert into assignment (id, from_key, to_key, role_id, created_by)
                 select gen_random_uuid(), p.key, d.to_key, r.key, 'bench' from party p
                 join register_role d on d.from_key = p.key join role dr on dr.key = d.role_id and dr.code = 'daglig-leder'
                 join role r on r.code = 'agent' where p.uuid = '{ACCOUNTANT}'"
            ),
            format!(
                "with given as (
                   insert into client_delegation (id, system_user_key, facilitator_key, client_key, role_id, created_by)
                   select gen_random_uuid(), a.to_key, r.to_key, r.from_key, r.role_id, 'bench' from register_role r
                   join assignment a on a.from_key = r.to_key join role on role.key = a.role_id and role.code = 'agent'
                   join party t on t.key = a.to_key where r.source = 'bench' and (t.kind = 'person' or t.uuid = '{AGENT}') returning id)
                 insert into client_delegation_package (delegation_id, package_id, basis)
                 select g.id, k.key, 'role-package' from given g, package k where k.urn = '{package}'"
            ),
            "vacuum analyze party, register_role, assignment, client_delegation, client_delegation_package; checkpoint"
                .to_owned(),
        ];
        for statement in statements {
            for one in statement.split(';') {
                self.execute(one).await;
            }
        }
    }
}

/// A list, and the scope that opens it.
struct List {
    name: &'static str,
    path: String,
    scope: &'static str,
}

fn lists() -> Vec<List> {
    let delegations = "/accessmanagement/api";
    let list = |name, path: String, scope| List { name, path, scope };
    let (read, own) = (
        "altinn:clientdelegations.read",
        "altinn:clientdelegations/myclients.read",
    );
    let portal = "altinn:portal/enduser";
    vec![
        list(
            "clients, v1",
            format!("{delegations}/v1/enduser/clientdelegations/clients?party={ACCOUNTANT}"),
            read,
        ),
        list(
            "clients, v2",
            format!("{delegations}/v2/enduser/clientdelegations/clients?party={ACCOUNTANT}"),
            read,
        ),
        list(
            "clients of an agent, v1",
            format!(
                "{delegations}/v1/enduser/clientdelegations/agents/accesspackages?party={ACCOUNTANT}&to={AGENT}"
            ),
            read,
        ),
        list(
            "clients of an agent, v2",
            format!(
                "{delegations}/v2/enduser/clientdelegations/agents/accesspackages?party={ACCOUNTANT}&agent={AGENT}"
            ),
            read,
        ),
        list(
            "an agent's own clients, v1",
            format!("{delegations}/v1/enduser/clientdelegations/my/clients"),
            own,
        ),
        list(
            "an agent's own clients, v2",
            format!("{delegations}/v2/enduser/clientdelegations/my/clients"),
            own,
        ),
        list(
            "connections from others",
            format!("{delegations}/v1/enduser/connections?party={ACCOUNTANT}&to={ACCOUNTANT}"),
            "altinn:accessmanagement/enduser:connections:fromothers.read",
        ),
        list(
            "roles at others",
            format!(
                "{delegations}/v1/enduser/connections/roles?party={ACCOUNTANT}&to={ACCOUNTANT}"
            ),
            "altinn:accessmanagement/enduser:connections:fromothers.read",
        ),
        list(
            "packages of others",
            format!(
                "{delegations}/v1/enduser/connections/accesspackages?party={ACCOUNTANT}&to={ACCOUNTANT}"
            ),
            "altinn:accessmanagement/enduser:connections:fromothers.read",
        ),
        list(
            "authorized parties",
            format!(
                "{delegations}/v1/enduser/authorizedparties?includeRoles=true&includeAccessPackages=true"
            ),
            "altinn:accessmanagement/authorizedparties",
        ),
        list(
            "the portal's clients",
            format!("{delegations}/v1/clientdelegations/clients?party={ACCOUNTANT}"),
            portal,
        ),
        list(
            "the portal's actors",
            format!("{delegations}/v1/user/actorlist/old"),
            portal,
        ),
        list(
            "the portal's right-holders",
            format!("{delegations}/v1/connection/rightholders?party={ACCOUNTANT}&to={ACCOUNTANT}"),
            portal,
        ),
        list(
            "clients that a system user could have",
            format!("/authentication/api/v1/enduser/systemuser/clients/available?agent={AGENT}"),
            read,
        ),
        list(
            "clients of a system user",
            format!("/authentication/api/v1/enduser/systemuser/clients?agent={AGENT}"),
            read,
        ),
    ]
}

/// What one reading of a list took.
struct Reading {
    first: Duration,
    whole: Duration,
    bytes: usize,
    mib: u64,
}

async fn read(service: &Service, http: &Client, list: &List, token: &str) -> Reading {
    let before = service.process.resident_mib();
    service.process.reset_peak();
    let began = Instant::now();
    let request = http
        .get(format!("http://{}{}", service.host, list.path))
        .bearer_auth(token);
    let mut answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", list.name);
    let (mut first, mut bytes) = (None, 0);
    while let Some(piece) = answer.chunk().await.unwrap() {
        first.get_or_insert_with(|| began.elapsed());
        bytes += piece.len();
    }
    Reading {
        first: first.expect("a body"),
        whole: began.elapsed(),
        bytes,
        mib: service.process.peak_mib().saturating_sub(before),
    }
}

/// Reads each list some times.
pub async fn measure(service: &Service) {
    let http = Client::builder().no_proxy().build().unwrap();
    println!("lists of an accountant with {CLIENTS} clients, the slowest of {ROUNDS} readings:");
    for list in lists() {
        let token = service.token_of_person(&http, DIRECTOR, list.scope).await;
        let (mut slowest, mut size) = ((Duration::ZERO, Duration::ZERO, 0), 0);
        for _ in 0..ROUNDS {
            let reading = read(service, &http, &list, &token).await;
            slowest.0 = slowest.0.max(reading.first);
            slowest.1 = slowest.1.max(reading.whole);
            slowest.2 = slowest.2.max(reading.mib);
            size = reading.bytes;
        }
        println!(
            "{}: first byte {:.0?}, whole {:.2?}, {} MB, the service took {} MiB more",
            list.name,
            slowest.0,
            slowest.1,
            size / 1_000_000,
            slowest.2
        );
    }
}
