//! Client delegations: clients, agents, packages and single resources, in both versions.

use serde_json::{Value, json};
use testkit::prelude::*;
use uuid::Uuid;

use crate::access::{
    CONNECTIONS, MY_CLIENTS_READ, MY_CLIENTS_WRITE, V1, V2, data, errors, hege, of_party, one, urns,
};

const TO_OTHERS_WRITE: &str = "altinn:accessmanagement/enduser:connections:toothers.write";

/// Names of the query in a version.
#[derive(Clone, Copy)]
struct Api {
    base: &'static str,
    client: &'static str,
    agent: &'static str,
}

const FIRST: Api = Api {
    base: V1,
    client: "from",
    agent: "to",
};
const SECOND: Api = Api {
    base: V2,
    client: "client",
    agent: "agent",
};

impl Api {
    fn agents(self, party: Organization) -> String {
        format!("{}/agents?party={}", self.base, party.uuid)
    }

    fn agent(self, party: Organization, agent: &str) -> String {
        format!("{}&{}={agent}", self.agents(party), self.agent)
    }

    /// A path on one client of one agent.
    fn pair(self, path: &str, party: Organization, client: &str, agent: &str) -> String {
        format!(
            "{}/{path}?party={}&{}={client}&{}={agent}",
            self.base, party.uuid, self.client, self.agent
        )
    }

    /// Takes packages of a client of Tallknuseren back.
    async fn takes(
        self,
        caller: &EndUserCaller<'_>,
        client: &str,
        agent: &str,
        body: Value,
    ) -> Answer {
        if self.base == V1 {
            let path = self.pair("agents/accesspackages", TALLKNUSEREN, client, agent);
            caller.delete_named(&path, body).await
        } else {
            let path = self.pair("agents/accesspackages/delete", TALLKNUSEREN, client, agent);
            caller.post(&path, body).await
        }
    }
}

fn batch(role: &str, packages: &[Package]) -> Value {
    let packages: Vec<String> = packages.iter().map(|package| package.urn()).collect();
    json!({"values": [{"role": role, "packages": packages}]})
}

fn resource_batch(resources: &[Resource]) -> Value {
    let resources: Vec<&str> = resources.iter().map(|resource| resource.0).collect();
    json!({"values": [{"role": "rettighetshaver", "resources": resources}]})
}

/// Stian, client administrator of Tallknuseren.
fn administrator(world: &World) -> EndUserCaller<'_> {
    world
        .stian()
        .with_scopes(&format!("{CLIENTS_READ} {CLIENTS_WRITE}"))
}

fn own(world: &World, person: Person) -> EndUserCaller<'_> {
    world
        .person(person)
        .with_scopes(&format!("{MY_CLIENTS_READ} {MY_CLIENTS_WRITE}"))
}

/// Makes Hege an agent of Tallknuseren.
async fn adds_hege(world: &World) -> Value {
    let path = SECOND.agents(TALLKNUSEREN);
    let added = administrator(world).post(&path, hege()).await;
    added.assert_status(200).json()
}

/// Delegates packages of Rotfast to an agent of Tallknuseren.
async fn gives_rotfast(world: &World, agent: &str, packages: &[Package]) -> Answer {
    let path = SECOND.pair("agents/accesspackages", TALLKNUSEREN, ROTFAST.uuid, agent);
    administrator(world)
        .post(&path, batch("rettighetshaver", packages))
        .await
}

/// Needs the package `skatt-naering`.
const TAX_RETURN: Resource = Resource("skattemelding-naering");

#[tokio::test]
async fn a_person_becomes_an_agent_by_number_and_last_name() {
    let world = World::start().await;
    let before = adds_hege(&world).await;
    assert_eq!(before["fromId"], TALLKNUSEREN.uuid);
    assert_eq!(before["toId"], HEGE.uuid);
    assert_eq!(before["roleId"], "ff4c33f5-03f7-4445-85ed-1e60b8aafb30");
    assert_eq!(adds_hege(&world).await, before);
    assert_eq!(world.app.audited("agent.added").await, 1);

    let agents = data(administrator(&world).get(&FIRST.agents(TALLKNUSEREN)).await);

    let hege = of_party(&agents, "agent", HEGE.uuid).unwrap();
    let added_at = hege["agentAddedAt"].as_str().unwrap();
    assert!(added_at.ends_with("+00:00"), "{added_at}");
    let access = hege["access"].as_array().unwrap();
    assert_eq!(access.len(), 1);
    assert_eq!(access[0]["role"]["code"], "agent");
    assert_eq!(access[0]["packages"], json!([]));
    assert_eq!(access[0].get("resources"), None);
}

#[tokio::test]
async fn an_agent_with_packages_is_removed_by_cascade_alone() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        let administrator = administrator(&world);
        adds_hege(&world).await;
        gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING])
            .await
            .assert_status(200);
        let path = api.agent(TALLKNUSEREN, HEGE.uuid);

        let refused = administrator.delete(&path).await;

        assert_eq!(errors(&refused), one("AM.VLD-00031", "$QUERY/cascade"));
        let cascade = format!("{path}&cascade=true");
        for _ in 0..2 {
            let removed = administrator.delete(&cascade).await;
            removed.assert_status(204).assert_empty();
        }
        assert_eq!(world.app.audited("agent.removed").await, 1);
        let sav = world.sav();
        let decision = sav.decides_for(HEGE, "read", TAX_RETURN, ROTFAST).await;
        assert_eq!(decision, NotApplicable);
    }
}

#[tokio::test]
async fn what_an_agent_is_delegated_decides_at_once_on_every_instance() {
    let world = World::start().await;
    let other = world.another_instance().await;
    adds_hege(&world).await;
    let decision = async |world: &World, party| {
        let sav = world.sav();
        sav.decides_for(HEGE, "read", TAX_RETURN, party).await
    };
    assert_eq!(decision(&world, ROTFAST).await, NotApplicable);
    assert_eq!(decision(&other, ROTFAST).await, NotApplicable);

    let given = gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING]).await;

    let position = given.header("systembruker-position").to_owned();
    assert!(!position.is_empty());
    assert_eq!(decision(&world, ROTFAST).await, Permit);
    assert_eq!(decision(&world, TALLKNUSEREN).await, NotApplicable);
    let sav = other.sav().with_header("Systembruker-At-Least", &position);
    let there = sav.decides_for(HEGE, "read", TAX_RETURN, ROTFAST).await;
    assert_eq!(there, Permit);
}

#[tokio::test]
async fn delegated_packages_are_listed_by_agent_and_by_client() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        let administrator = administrator(&world);
        adds_hege(&world).await;
        let path = api.pair(
            "agents/accesspackages",
            TALLKNUSEREN,
            ROTFAST.uuid,
            HEGE.uuid,
        );
        let body = batch("urn:altinn:role:rettighetshaver", &[SKATT_NAERING]);

        let first = administrator.post(&path, body.clone()).await;
        let second = administrator.post(&path, body).await;

        let expected = |changed: bool| {
            json!([{
                "roleId": "42cae370-2dc1-4fdc-9c67-c2f4b0f0f829",
                "packageId": "1dba50d6-f604-48e9-bd41-82321b13e85c",
                "viaId": TALLKNUSEREN.uuid,
                "fromId": ROTFAST.uuid,
                "toId": HEGE.uuid,
                "changed": changed,
            }])
        };
        first.assert_status(200).assert_json(&expected(true));
        second.assert_status(200).assert_json(&expected(false));
        let by_agent = format!(
            "{}/agents/accesspackages?party={}&{}={}",
            api.base, TALLKNUSEREN.uuid, api.agent, HEGE.uuid
        );
        let clients = data(administrator.get(&by_agent).await);
        let access = &of_party(&clients, "client", ROTFAST.uuid).unwrap()["access"][0];
        assert_eq!(urns(access), [SKATT_NAERING.urn()]);
        assert_eq!(access.get("resources"), None);
        let by_client = format!(
            "{}/clients/accesspackages?party={}&{}={}",
            api.base, TALLKNUSEREN.uuid, api.client, ROTFAST.uuid
        );
        let agents = data(administrator.get(&by_client).await);
        let agent = of_party(&agents, "agent", HEGE.uuid).unwrap();
        assert_eq!(urns(&agent["access"][0]), [SKATT_NAERING.urn()]);
        assert!(agent["agentAddedAt"].is_string());
    }
}

#[tokio::test]
async fn a_package_that_is_taken_back_decides_no_more_and_the_client_goes_with_the_last() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        let administrator = administrator(&world);
        adds_hege(&world).await;
        gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING, MERVERDIAVGIFT])
            .await
            .assert_status(200);
        let take = |package| {
            let body = batch("rettighetshaver", &[package]);
            api.takes(&administrator, ROTFAST.uuid, HEGE.uuid, body)
        };

        let taken = take(SKATT_NAERING).await.assert_status(200);

        assert_eq!(taken.json()[0]["changed"], true);
        let again = take(SKATT_NAERING).await.assert_status(200);
        assert_eq!(again.json()[0]["changed"], false);
        let sav = world.sav();
        let decision = sav.decides_for(HEGE, "read", TAX_RETURN, ROTFAST).await;
        assert_eq!(decision, NotApplicable);
        take(MERVERDIAVGIFT).await.assert_status(200);
        assert_eq!(world.app.stored_delegations(HEGE.uuid).await, 0);
    }
}

#[tokio::test]
async fn a_system_user_for_clients_becomes_an_agent_on_the_way() {
    let world = World::start().await;
    let given = gives_rotfast(&world, &TALLKNUSEREN_AGENT.id, &[SKATT_NAERING]).await;
    assert_eq!(given.assert_status(200).json()[0]["changed"], true);

    let agents = data(
        administrator(&world)
            .get(&SECOND.agents(TALLKNUSEREN))
            .await,
    );

    let agent = of_party(&agents, "agent", &TALLKNUSEREN_AGENT.id).unwrap();
    assert_eq!(agent["agent"]["type"], "Systembruker");
    assert_eq!(agent["agent"]["variant"], "AgentSystem");
    assert_eq!(agent["agent"]["partyid"], Value::Null);
    let sav = world.sav();
    let decision = sav.decides(&TALLKNUSEREN_AGENT, "read", TAX_RETURN, ROTFAST);
    assert_eq!(decision.await, Permit);
    let event = world.app.last_event_of_client(ROTFAST).await;
    assert_eq!(event.as_deref(), Some("systemuser_client_added"));
}

#[tokio::test]
async fn a_client_that_a_system_user_loses_is_an_event_for_its_vendor() {
    let world = World::start().await;
    let agent = &TALLKNUSEREN_AGENT.id;
    gives_rotfast(&world, agent, &[SKATT_NAERING])
        .await
        .assert_status(200);
    let path = SECOND.pair("agents/clients", TALLKNUSEREN, ROTFAST.uuid, agent);
    let cascade = format!("{path}&cascade=true");
    let removed = administrator(&world).delete(&cascade).await;
    removed.assert_status(204);
    let event = world.app.last_event_of_client(ROTFAST).await;
    assert_eq!(event.as_deref(), Some("systemuser_client_removed"));
}

#[tokio::test]
async fn a_client_is_taken_from_an_agent() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        adds_hege(&world).await;
        gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING])
            .await
            .assert_status(200);
        let path = api.pair("agents/clients", TALLKNUSEREN, ROTFAST.uuid, HEGE.uuid);
        let cascade = format!("{path}&cascade=true");

        let removed = administrator(&world).delete(&cascade).await;

        removed.assert_status(204);
        let sav = world.sav();
        let decision = sav.decides_for(HEGE, "write", TAX_RETURN, ROTFAST);
        assert_eq!(decision.await, NotApplicable);
    }
}

#[tokio::test]
async fn standard_and_foreign_system_users_are_no_agents() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        let (stian, berit) = (world.stian(), world.person(BERIT));
        let path = format!("$QUERY/{}", api.agent);
        for (caller, party, user) in [
            (&stian, TALLKNUSEREN, &*GRANSKEREN_AGENT.id),
            (&berit, GRANSKEREN, &*TALLKNUSEREN_AGENT.id),
            (&stian, TALLKNUSEREN, &*NATTERGAL_USER.id),
        ] {
            let added = caller.post_empty(&api.agent(party, user)).await;
            assert_eq!(errors(&added), one("AM.VLD-00008", &path));
            let pair = api.pair("agents/accesspackages", party, SOLBAKKEN.uuid, user);
            let given = caller
                .post(&pair, batch("REGN", &[REGNSKAPSFORER_LONN]))
                .await;
            assert_eq!(errors(&given), one("AM.VLD-00008", &path));
        }
    }
}

#[tokio::test]
async fn an_organisation_is_no_agent() {
    let world = World::start().await;
    let path = SECOND.agent(TALLKNUSEREN, GRANSKEREN.uuid);
    let refused = world.stian().post_empty(&path).await;
    assert_eq!(errors(&refused), one("AM.VLD-00008", "$QUERY/agent"));
    let error = &refused.json()["validationErrors"][0];
    assert_eq!(
        error["8c216e2f-afdd-4234-9ba2-691c727bb33d"],
        "Entity type is not supported as an agent. Supported types: <Person, Systembruker>."
    );
    assert_eq!(error["detail"], "This entity type is not allowed here.");
}

#[tokio::test]
async fn an_agent_that_is_not_named_or_not_known_is_refused() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        let stian = world.stian();
        let named = format!("QUERY/{}", api.agent);
        let none = stian.post_empty(&api.agents(TALLKNUSEREN)).await;
        let all = format!("{named} /PersonIdentifier /LastName");
        assert_eq!(errors(&none), one("STD.VLD-00000", &all));
        let zero = api.agent(TALLKNUSEREN, &Uuid::nil().to_string());
        let zero = stian.post_empty(&zero).await;
        assert_eq!(errors(&zero), one("STD.VLD-00000", &all));
        // A stranger is named by number and last name.
        for uuid in [&Uuid::new_v4().to_string(), PER.uuid] {
            let unknown = stian.post_empty(&api.agent(TALLKNUSEREN, uuid)).await;
            assert_eq!(errors(&unknown), one("AM.VLD-00006", &named));
            let error = &unknown.json()["validationErrors"][0];
            let text = format!("Cannot find any parties with uuid '{uuid}'.");
            assert_eq!(error[api.agent], text);
        }
    }
}

#[tokio::test]
async fn blank_members_of_a_person_are_findings() {
    let world = World::start().await;
    let path = SECOND.agents(TALLKNUSEREN);
    let body = json!({"personidentifier": " ", "LASTNAME": null, "more": 1});
    let refused = world.stian().post(&path, body).await;
    let expected = [
        one("STD.VLD-00000", "/PersonIdentifier"),
        one("STD.VLD-00000", "/LastName"),
    ];
    assert_eq!(errors(&refused), expected.concat());
}

#[tokio::test]
async fn two_wrong_look_ups_lock_the_caller_for_an_hour() {
    let world = World::start().await;
    let stian = world.stian();
    let path = SECOND.agents(TALLKNUSEREN);
    let wrong = || json!({"personIdentifier": HEGE.pid, "lastName": "Andersen"});
    for _ in 0..2 {
        let refused = stian.post(&path, wrong()).await;
        let both = "/PersonIdentifier /LastName";
        assert_eq!(errors(&refused), one("AM.VLD-00034", both));
    }

    let locked = stian.post(&path, hege()).await;

    let problem = locked.problem();
    assert_eq!(locked.status, 429);
    assert_eq!(problem["code"], "AM-00026");
    assert_eq!(problem.get("type"), None);
    assert_eq!(problem["title"], "Too Many Requests");
    let seconds: i64 = locked.header("retry-after").parse().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    // Another caller is not locked, and the hour passes.
    let randi = world.randi().post(&path, hege()).await;
    randi.assert_status(200);
    world.app.advance(days(1)).await;
    stian.post(&path, hege()).await.assert_status(200);
}

/// A system user of an owner that holds a package, with the scopes of client administration and
/// connections.
async fn holder<'w>(world: &'w World, owner: Organization, package: &'static str) -> Caller<'w> {
    let user = world.app.standard_user_with(owner, Package(package)).await;
    Caller::system_user(&world.app, &user, SKYREGNSKAP)
        .with_scopes(&format!("{CLIENTS_WRITE} {TO_OTHERS_WRITE}"))
}

#[tokio::test]
async fn system_users_of_one_owner_have_four_wrong_look_ups_together() {
    let world = World::start().await;
    let wrong = json!({"personIdentifier": HEGE.pid, "lastName": "Andersen"});
    let agents = SECOND.agents(TALLKNUSEREN);
    for package in ["klientadministrator", "hovedadministrator"] {
        let user = holder(&world, TALLKNUSEREN, package).await;
        for _ in 0..2 {
            let refused = user.post(&agents, wrong.clone()).await;
            refused.assert_status(400);
        }
    }

    let third = holder(&world, TALLKNUSEREN, "tilgangsstyrer").await;
    let party = TALLKNUSEREN.uuid;
    let path = format!("{CONNECTIONS}?party={party}&from={party}");
    let locked = third.post(&path, hege()).await;

    assert_eq!(
        (locked.status, &locked.problem()["code"]),
        (429, &json!("AM-00026"))
    );
    let seconds: i64 = locked.header("retry-after").parse().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    // A person of the same owner is not locked, and the hour passes.
    let randi = world.randi().post(&agents, hege()).await;
    randi.assert_status(200);
    world.app.advance(days(1)).await;
    third.post(&path, hege()).await.assert_status(200);
}

#[tokio::test]
async fn system_users_of_one_vendor_share_wrong_look_ups() {
    let world = World::with(&[("access.person_lookup_attempts_of_vendor", "3")]).await;
    let wrong = json!({"personIdentifier": HEGE.pid, "lastName": "Andersen"});
    let one = holder(&world, TALLKNUSEREN, "klientadministrator").await;
    let other = holder(&world, GRANSKEREN, "klientadministrator").await;
    for (user, owner) in [
        (&one, TALLKNUSEREN),
        (&one, TALLKNUSEREN),
        (&other, GRANSKEREN),
    ] {
        let refused = user.post(&SECOND.agents(owner), wrong.clone()).await;
        refused.assert_status(400);
    }

    let locked = other.post(&SECOND.agents(GRANSKEREN), hege()).await;

    locked.assert_status(429);
}

#[tokio::test]
async fn wrong_look_ups_at_the_same_time_are_counted_too() {
    let world = World::start().await;
    let stian = world.stian();
    let path = SECOND.agents(TALLKNUSEREN);
    let wrong = json!({"personIdentifier": HEGE.pid, "lastName": "Andersen"});
    let calls = (0..5).map(|_| stian.post(&path, wrong.clone()));
    let held = world.app.hold_writes("person_lookup_failure").await;

    let answers = held.race(calls).await;

    let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [400, 400, 429, 429, 429]);
}

#[tokio::test]
async fn an_agent_has_its_clients_again_when_the_facilitator_is_active_again() {
    let world = World::start().await;
    adds_hege(&world).await;
    let path = SECOND.pair(
        "agents/accesspackages",
        TALLKNUSEREN,
        NATTERGAL.uuid,
        HEGE.uuid,
    );
    let packages = [REGNSKAPSFORER_MED_SIGNERING, REGNSKAPSFORER_LONN];
    administrator(&world)
        .post(&path, batch("regnskapsforer", &packages))
        .await
        .assert_status(200);
    let sav = world.sav();
    let decision = async || sav.decides_for(HEGE, "write", A_MELDING, NATTERGAL).await;
    assert_eq!(decision().await, Permit);
    world.app.delete_organization(TALLKNUSEREN).await;
    world.app.caught_up().await;
    assert_eq!(decision().await, NotApplicable);

    world.app.restore_organization(TALLKNUSEREN).await;

    world.app.caught_up().await;
    assert_eq!(decision().await, Permit);
}

#[tokio::test]
async fn who_has_died_and_who_has_a_user_name_is_not_found() {
    let world = World::start().await;
    let path = SECOND.agents(TALLKNUSEREN);
    let both = "/PersonIdentifier /LastName";
    for (number, name) in [(DAGNY.pid, "Minnelund"), ("hege", "Mellomregning")] {
        let body = json!({"personIdentifier": number, "lastName": name});
        let refused = world.stian().post(&path, body).await;
        assert_eq!(errors(&refused), one("AM.VLD-00034", both));
    }
}

#[tokio::test]
async fn what_is_unknown_in_a_batch_is_collected_and_nothing_is_written() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        adds_hege(&world).await;
        let stian = world.stian();
        let unknown_party = Uuid::new_v4().to_string();
        let path = api.pair(
            "agents/accesspackages",
            TALLKNUSEREN,
            &unknown_party,
            &unknown_party,
        );
        let body = json!({"values": [
            {"role": "ingen-rolle", "packages": ["finnes-ikke"]},
            {"role": "rettighetshaver", "packages": [SKATT_NAERING.urn(), TILGANGSSTYRER.urn()]},
        ]});

        let refused = stian.post(&path, body).await;

        let expected = [
            one("AM.VLD-00029", "/values[0]/role"),
            one("AM.VLD-00030", "/values[0]/packages[0]"),
            one("AM.VLD-00033", "/values[1]/packages[1]"),
            one("AM.VLD-00006", &format!("$QUERY/{}", api.client)),
            one("AM.VLD-00006", &format!("$QUERY/{}", api.agent)),
        ];
        assert_eq!(errors(&refused), expected.concat());
        let list = refused.json()["validationErrors"].clone();
        assert_eq!(list[0]["ingen-rolle"], "Role does not exist.");
        assert_eq!(list[1]["finnes-ikke"], "Package does not exist.");
        assert_eq!(list[3][&unknown_party], "entity do not exist.");
        assert_eq!(world.app.stored_delegations(HEGE.uuid).await, 0);
    }
}

#[tokio::test]
async fn what_the_client_does_not_give_is_not_delegated() {
    let world = World::start().await;
    adds_hege(&world).await;
    let path = SECOND.pair(
        "agents/accesspackages",
        TALLKNUSEREN,
        ROTFAST.uuid,
        HEGE.uuid,
    );
    let body = json!({"values": [
        {"role": "revisor", "packages": [ANSVARLIG_REVISOR.urn()]},
        {"role": "rettighetshaver", "packages": [SKATT_NAERING.urn(), JORDBRUK.urn()]},
    ]});

    let refused = world.stian().post(&path, body).await;

    let expected = [
        one("AM.VLD-00032", "/values[0]/role"),
        one("AM.VLD-00026", "/values[1]/packages[1]"),
    ];
    assert_eq!(errors(&refused), expected.concat());
    let list = refused.json()["validationErrors"].clone();
    let (facilitator, client) = (TALLKNUSEREN.uuid, ROTFAST.uuid);
    assert_eq!(
        list[0]["urn:altinn:external-role:ccr:revisor"],
        format!("Role is not assigned to '{facilitator}' from '{client}'.")
    );
    assert_eq!(world.app.stored_delegations(HEGE.uuid).await, 0);
}

#[tokio::test]
async fn who_is_no_agent_is_delegated_nothing() {
    let world = World::start().await;
    let refused = gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING]).await;
    assert_eq!(errors(&refused), one("AM.VLD-00032", "$QUERY/agent"));
    let organisation = gives_rotfast(&world, GRANSKEREN.uuid, &[SKATT_NAERING]).await;
    let expected = [
        one("AM.VLD-00032", "$QUERY/agent"),
        one("AM.VLD-00008", "$QUERY/agent"),
    ];
    assert_eq!(errors(&organisation), expected.concat());
    let body = batch("rettighetshaver", &[SKATT_NAERING]);
    let taken = SECOND
        .takes(&world.stian(), ROTFAST.uuid, HEGE.uuid, body)
        .await;
    assert_eq!(errors(&taken), one("AM.VLD-00032", "$QUERY/agent"));
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_model_state() {
    let world = World::start().await;
    let stian = world.stian();
    let path = SECOND.pair(
        "agents/accesspackages",
        TALLKNUSEREN,
        ROTFAST.uuid,
        HEGE.uuid,
    );
    for (body, key) in [
        (json!({}), "values"),
        (json!({"values": null}), "values"),
        (
            json!({"values": [{"role": "rettighetshaver"}]}),
            "values[0].packages",
        ),
    ] {
        let refused = stian.post(&path, body).await;
        refused.assert_error_keys([key]);
    }
    let empty = stian.post(&path, json!({"values": []})).await;
    empty.assert_status(200).assert_json(&json!([]));
    let missing = format!("{V2}/agents/accesspackages?party={}", TALLKNUSEREN.uuid);
    let missing = stian.post(&missing, json!({"values": []})).await;
    missing.assert_error_keys(["client", "agent"]);
}

#[tokio::test]
async fn a_value_without_packages_makes_a_client_that_decides_nothing() {
    let world = World::start().await;
    adds_hege(&world).await;
    let given = gives_rotfast(&world, HEGE.uuid, &[]).await;
    given.assert_status(200).assert_json(&json!([]));
    let clients = data(own(&world, HEGE).get(&format!("{V2}/my/clients")).await);
    let clients = clients[0]["clients"].as_array().unwrap();
    let rotfast = of_party(clients, "client", ROTFAST.uuid).unwrap();
    assert_eq!(rotfast["access"][0]["packages"], json!([]));
}

async fn clients_of_tallknuseren(world: &World, api: Api, filter: &str) -> Vec<Value> {
    let path = format!("{}/clients?party={}{filter}", api.base, TALLKNUSEREN.uuid);
    data(world.stian().get(&path).await)
}

#[tokio::test]
async fn clients_come_by_name_with_what_may_be_delegated() {
    let world = World::start().await;
    let all = clients_of_tallknuseren(&world, SECOND, "").await;
    let names: Vec<&str> = all
        .iter()
        .map(|client| client["client"]["name"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let rotfast = of_party(&all, "client", ROTFAST.uuid).unwrap();
    assert_eq!(rotfast["access"][0]["role"]["code"], "rettighetshaver");
    assert_eq!(
        urns(&rotfast["access"][0]),
        [MERVERDIAVGIFT.urn(), SKATT_NAERING.urn()]
    );
    assert_eq!(rotfast["access"][0]["resources"], json!([]));
    let nattergal = of_party(&all, "client", NATTERGAL.uuid).unwrap();
    assert_eq!(urns(&nattergal["access"][0]).len(), 3);
}

#[tokio::test]
async fn clients_are_filtered_by_role_and_package_in_each_spelling() {
    let world = World::start().await;
    for filter in [
        "&packages=skatt-naering",
        "&packages=:SKATT-naering",
        "&packages=urn:altinn:accesspackage:skatt-naering&packages=finnes-ikke",
        "&roles=rettighetshaver&packages=skatt-naering",
        "&roles=42cae370-2dc1-4fdc-9c67-c2f4b0f0f829&packages=skatt-naering",
    ] {
        for api in [FIRST, SECOND] {
            let found = clients_of_tallknuseren(&world, api, filter).await;
            let ids: Vec<&Value> = found.iter().map(|client| &client["client"]["id"]).collect();
            assert_eq!(ids, [ROTFAST.uuid], "{filter}");
            assert_eq!(urns(&found[0]["access"][0]), [SKATT_NAERING.urn()]);
        }
    }
    for filter in ["&roles=ingen", "&packages=ingen", "&roles=revisor"] {
        let found = clients_of_tallknuseren(&world, FIRST, filter).await;
        assert_eq!(found, Vec::<Value>::new(), "{filter}");
    }
    for filter in ["&roles=REGN", "&roles=urn:altinn:rolecode:regn"] {
        let found = clients_of_tallknuseren(&world, FIRST, filter).await;
        assert!(of_party(&found, "client", NATTERGAL.uuid).is_some());
        assert!(of_party(&found, "client", ROTFAST.uuid).is_none());
    }
}

/// Names and ids of the clients of a list, in its order.
fn named(clients: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    clients
        .iter()
        .map(|one| (text(&one["client"]["name"]), text(&one["client"]["id"])))
        .collect()
}

#[tokio::test]
async fn lists_of_many_clients_are_written_in_pieces_and_hold_each_once_by_name() {
    let world = World::start().await;
    let agent = &TALLKNUSEREN_AGENT;
    world.app.add_many_clients(TALLKNUSEREN, agent).await;
    for api in [FIRST, SECOND] {
        let path = format!("{}/clients?party={}", api.base, TALLKNUSEREN.uuid);
        let of_agent = format!(
            "{}/agents/accesspackages?party={}&{}={}",
            api.base, TALLKNUSEREN.uuid, api.agent, &*agent.id
        );
        for (path, least) in [(path, 11_500), (of_agent, 9_000)] {
            let answer = administrator(&world).get(&path).await;
            assert_eq!(answer.header("content-length"), "", "{path}");
            let clients = named(&data(answer));
            assert!(clients.len() > least, "{path}: {}", clients.len());
            let mut sorted = clients.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(clients, sorted, "{path}");
        }
    }
}

#[tokio::test]
async fn the_many_clients_of_an_agent_are_within_its_facilitator() {
    let world = World::start().await;
    let agent = &TALLKNUSEREN_AGENT;
    world.app.add_many_clients(TALLKNUSEREN, agent).await;
    let path = format!(
        "{V2}/agents/accesspackages?party={}&agent={}",
        TALLKNUSEREN.uuid, &*agent.id
    );
    let with_packages = named(&data(administrator(&world).get(&path).await));
    let caller = Caller::system_user(&world.app, agent, SKYREGNSKAP).with_scopes(MY_CLIENTS_READ);
    for base in [V1, V2] {
        let answer = caller.get(&format!("{base}/my/clients")).await;
        assert_eq!(answer.header("content-length"), "");
        let mine = data(answer);
        assert_eq!(mine.len(), 1);
        let mut clients = mine[0]["clients"].as_array().unwrap().clone();
        clients.retain(|one| one["access"][0]["packages"] != json!([]));
        assert_eq!(named(&clients), with_packages, "{base}");
    }
}

#[tokio::test]
async fn housing_has_packages_by_its_form() {
    let world = World::start().await;
    let path = format!("{V1}/clients?party={}", GAARDSTUN.uuid);
    let all = data(world.grete().get(&path).await);
    for housing in [SOLBAKKEN, UTSIKTEN] {
        let client = of_party(&all, "client", housing.uuid).unwrap();
        assert_eq!(
            urns(&client["access"][0]),
            ["urn:altinn:accesspackage:forretningsforer-eiendom"]
        );
    }
}

#[tokio::test]
async fn entities_and_roles_have_the_members_of_the_public_service() {
    let world = World::start().await;
    adds_hege(&world).await;
    let answer = administrator(&world)
        .get(&SECOND.agents(TALLKNUSEREN))
        .await;
    let text = answer.assert_status(200).text;
    let begin = text.find(r#"{"agent":{"id":"e80c3060"#).unwrap();
    let added = text[begin..].find(r#""agentAddedAt""#).unwrap();
    insta::assert_snapshot!("agent_entity", &text[begin..begin + added]);
    let access = begin + text[begin..].find(r#""access""#).unwrap();
    let end = access + text[access..].find("]}]").unwrap();
    insta::assert_snapshot!("agent_access", &text[access..end + 3]);
}

#[tokio::test]
async fn an_agent_sees_its_clients_and_gives_them_up() {
    for api in [FIRST, SECOND] {
        let world = World::start().await;
        adds_hege(&world).await;
        gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING, MERVERDIAVGIFT])
            .await
            .assert_status(200);
        let hege = own(&world, HEGE);
        let path = format!("{}/my/clients", api.base);
        let mine = data(hege.get(&path).await);
        let provider = of_party(&mine, "provider", TALLKNUSEREN.uuid).unwrap();
        assert_eq!(provider["clients"][0]["client"]["id"], ROTFAST.uuid);
        let other = format!("{path}?provider={}", Uuid::new_v4());
        assert_eq!(data(hege.get(&other).await), Vec::<Value>::new());

        let (provider, client) = (TALLKNUSEREN.uuid, ROTFAST.uuid);
        let pair = format!("provider={provider}&{}={client}", api.client);
        let body = batch("rettighetshaver", &[SKATT_NAERING]);
        let taken = if api.base == V1 {
            let path = format!("{path}/accesspackages?{pair}");
            hege.delete_named(&path, body).await
        } else {
            let path = format!("{path}/accesspackages/delete?{pair}");
            hege.post(&path, body).await
        };
        assert_eq!(taken.assert_status(200).json()[0]["changed"], true);
        let refused = hege.delete(&format!("{path}?{pair}")).await;
        assert_eq!(errors(&refused), one("AM.VLD-00031", "$QUERY/cascade"));
        let cascade = format!("{path}?{pair}&cascade=true");
        hege.delete(&cascade).await.assert_status(204);
        let mine = data(hege.get(&path).await);
        assert_eq!(mine[0]["clients"], json!([]));
    }
}

#[tokio::test]
async fn version_1_takes_packages_that_a_body_of_giving_a_client_up_names() {
    let world = World::start().await;
    adds_hege(&world).await;
    gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING])
        .await
        .assert_status(200);
    let (provider, client) = (TALLKNUSEREN.uuid, ROTFAST.uuid);
    let path = format!("{V1}/my/clients?provider={provider}&from={client}");
    let body = batch("rettighetshaver", &[SKATT_NAERING]);
    let taken = own(&world, HEGE).delete_named(&path, body).await;
    assert_eq!(taken.assert_status(200).json()[0]["changed"], true);
}

#[tokio::test]
async fn an_agent_sees_its_facilitators_and_leaves_them() {
    let world = World::start().await;
    adds_hege(&world).await;
    let hege = own(&world, HEGE);
    let first = data(hege.get(&format!("{V1}/my/clientproviders")).await);
    // Version 1 has them under the name of the agent.
    assert_eq!(first[0]["agent"]["id"], TALLKNUSEREN.uuid);
    assert!(first[0]["agentAddedAt"].is_string());
    let second = data(hege.get(&format!("{V2}/my/clientproviders")).await);
    assert_eq!(second[0]["provider"]["id"], TALLKNUSEREN.uuid);
    assert!(second[0]["providerAddedAt"].is_string());
    let path = format!("{V2}/my/clientproviders?provider={}", TALLKNUSEREN.uuid);
    for _ in 0..2 {
        hege.delete(&path).await.assert_status(204);
    }
    let left = data(hege.get(&format!("{V2}/my/clientproviders")).await);
    assert_eq!(left, Vec::<Value>::new());
}

#[tokio::test]
async fn a_system_user_sees_its_own_clients() {
    let world = World::start().await;
    let agent = Caller::system_user(&world.app, &TALLKNUSEREN_AGENT, SKYREGNSKAP)
        .with_scopes(MY_CLIENTS_READ);
    let mine = data(agent.get(&format!("{V1}/my/clients")).await);
    let provider = of_party(&mine, "provider", TALLKNUSEREN.uuid).unwrap();
    let clients = provider["clients"].as_array().unwrap();
    assert!(of_party(clients, "client", NATTERGAL.uuid).is_some());
}

#[tokio::test]
async fn an_organisation_has_no_clients_of_its_own() {
    let world = World::start().await;
    let caller = world.organization(TALLKNUSEREN, MY_CLIENTS_READ);
    let answer = caller.get(&format!("{V1}/my/clients")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.problem()["title"], "Unauthorized");
}

#[tokio::test]
async fn each_route_asks_for_its_own_scope() {
    let world = World::start().await;
    let agents = FIRST.agents(TALLKNUSEREN);
    for (scopes, read, write) in [
        (CLIENTS_READ, 200, 403),
        (CLIENTS_WRITE, 403, 200),
        (PORTAL, 200, 200),
        (MY_CLIENTS_READ, 403, 403),
    ] {
        let stian = world.stian().with_scopes(scopes);
        stian.get(&agents).await.assert_status(read);
        stian.post(&agents, hege()).await.assert_status(write);
    }
    let stian = world.stian().with_scopes(CLIENTS_READ);
    let mine = stian.get(&format!("{V1}/my/clients")).await;
    mine.assert_forbidden();
}

#[tokio::test]
async fn only_client_administrators_of_the_facilitator_may() {
    let world = World::start().await;
    for path in [
        FIRST.agents(TALLKNUSEREN),
        FIRST.agents(GRANSKEREN),
        format!("{V1}/agents"),
        format!("{V1}/agents?party=x"),
        format!("{V1}/agents?party={}", Uuid::new_v4()),
        format!("{V1}/agents?party={}", ODDNY.uuid),
    ] {
        let answer = world.oddny().get(&path).await;
        answer.assert_forbidden().assert_empty();
    }
}

#[tokio::test]
async fn paging_headers_are_read_and_change_nothing() {
    let world = World::start().await;
    let path = format!("{V1}/clients?party={}", TALLKNUSEREN.uuid);
    let all = data(world.stian().get(&path).await);
    let some = world.stian().with_header("X-Page-Size", "1");
    assert_eq!(data(some.get(&path).await), all);
    let wrong = world.stian().with_header("X-Page-Number", "-1");
    wrong.get(&path).await.assert_error_keys(["X-Page-Number"]);
}

/// Synnøve gives Tallknuseren rights on a resource for Rotfast: these alone.
async fn rotfast_gives(world: &World, resource: Resource, actions: &[&str]) {
    let check = format!(
        "{CONNECTIONS}/resources/delegationcheck?party={}&resource={}",
        ROTFAST.uuid, resource.0
    );
    let synnove = world.person(SYNNOVE);
    let checked = synnove.get(&check).await.assert_status(200).json();
    let keys: Vec<&Value> = checked["rights"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|right| actions.contains(&right["right"]["action"]["value"].as_str().unwrap()))
        .map(|right| &right["right"]["key"])
        .collect();
    assert_eq!(keys.len(), actions.len(), "{checked}");
    let path = format!(
        "{CONNECTIONS}/resources/rights?party={}&to={}&resource={}",
        ROTFAST.uuid, TALLKNUSEREN.uuid, resource.0
    );
    let given = synnove.put(&path, json!({"directRightKeys": keys})).await;
    given.assert_status(200);
}

async fn gives_resource(world: &World, agent: &str, resource: Resource) -> Answer {
    let path = SECOND.pair("agents/resources", TALLKNUSEREN, ROTFAST.uuid, agent);
    administrator(world)
        .post(&path, resource_batch(&[resource]))
        .await
}

const DELEGATED: Resource = INNTEKTSMELDING;

#[tokio::test]
async fn a_delegated_resource_has_the_rights_that_the_client_gives_now() {
    let world = World::start().await;
    adds_hege(&world).await;
    rotfast_gives(&world, DELEGATED, &["read", "write"]).await;
    for agent in [HEGE.uuid, &*TALLKNUSEREN_AGENT.id] {
        let given = gives_resource(&world, agent, DELEGATED).await;
        assert_eq!(given.assert_status(200).json()[0]["changed"], true);
    }
    let sav = world.sav();
    let decisions = async |action: &str| {
        let user = &TALLKNUSEREN_AGENT;
        (
            sav.decides_for(HEGE, action, DELEGATED, ROTFAST).await,
            sav.decides(user, action, DELEGATED, ROTFAST).await,
        )
    };
    assert_eq!(decisions("write").await, (Permit, Permit));

    rotfast_gives(&world, DELEGATED, &["read"]).await;

    assert_eq!(decisions("write").await, (NotApplicable, NotApplicable));
    assert_eq!(decisions("read").await, (Permit, Permit));
    let path = format!(
        "{CONNECTIONS}/resources?party={}&from={}&to={}&resource={}",
        ROTFAST.uuid, ROTFAST.uuid, TALLKNUSEREN.uuid, DELEGATED.0
    );
    let synnove = world.person(SYNNOVE);
    synnove.delete(&path).await.assert_status(204);
    assert_eq!(decisions("read").await, (NotApplicable, NotApplicable));
    assert_eq!(world.app.stored_delegations(HEGE.uuid).await, 0);
}

#[tokio::test]
async fn delegated_resources_decide_nothing_where_they_are_switched_off() {
    let world = World::with(&[("access.client_resources_decide", "false")]).await;
    adds_hege(&world).await;
    rotfast_gives(&world, DELEGATED, &["read"]).await;
    gives_resource(&world, HEGE.uuid, DELEGATED)
        .await
        .assert_status(200);
    let sav = world.sav();
    let decision = sav.decides_for(HEGE, "read", DELEGATED, ROTFAST).await;
    assert_eq!(decision, NotApplicable);
}

#[tokio::test]
async fn delegated_resources_are_listed_and_given_up() {
    let world = World::start().await;
    adds_hege(&world).await;
    rotfast_gives(&world, DELEGATED, &["read"]).await;
    gives_resource(&world, HEGE.uuid, DELEGATED)
        .await
        .assert_status(200);
    let (stian, hege) = (administrator(&world), own(&world, HEGE));
    let by_agent = format!(
        "{V2}/agents/resources?party={}&agent={}",
        TALLKNUSEREN.uuid, HEGE.uuid
    );
    let clients = data(stian.get(&by_agent).await);
    let access = &clients[0]["access"][0];
    assert_eq!(access["resources"][0]["refId"], DELEGATED.0);
    assert_eq!(access.get("packages"), None);
    let by_client = format!(
        "{V2}/clients/resources?party={}&client={}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    let agents = data(stian.get(&by_client).await);
    assert_eq!(agents[0]["agent"]["id"], HEGE.uuid);
    assert_eq!(agents[0].get("agentAddedAt"), None);
    let agents = data(stian.get(&SECOND.agents(TALLKNUSEREN)).await);
    let access = &of_party(&agents, "agent", HEGE.uuid).unwrap()["access"];
    assert_eq!(access[0]["role"]["code"], "agent");
    assert_eq!(access[1]["resources"][0]["refId"], DELEGATED.0);
    let path = format!(
        "{V2}/my/clients/resources/delete?provider={}&client={}",
        TALLKNUSEREN.uuid, ROTFAST.uuid
    );
    for changed in [true, false] {
        let taken = hege.post(&path, resource_batch(&[DELEGATED])).await;
        assert_eq!(taken.assert_status(200).json()[0]["changed"], changed);
    }
}

#[tokio::test]
async fn a_resource_that_is_not_given_as_such_is_not_delegated() {
    let world = World::start().await;
    adds_hege(&world).await;
    let place = "/values[0]/resources[0]";
    let refused = gives_resource(&world, HEGE.uuid, DELEGATED).await;
    assert_eq!(errors(&refused), one("AM.VLD-00026", place));
    let unknown = gives_resource(&world, HEGE.uuid, UNKNOWN_RESOURCE).await;
    assert_eq!(errors(&unknown), one("AM.VLD-00012", place));
    let unknown_party = Uuid::new_v4().to_string();
    let path = SECOND.pair(
        "agents/resources/delete",
        TALLKNUSEREN,
        &unknown_party,
        &unknown_party,
    );
    let refused = administrator(&world)
        .post(&path, resource_batch(&[DELEGATED]))
        .await;
    let expected = [
        one("AM.VLD-00006", "$QUERY/client"),
        one("AM.VLD-00006", "$QUERY/agent"),
        one("AM.VLD-00032", "$QUERY/agent"),
    ];
    assert_eq!(errors(&refused), expected.concat());
}

#[tokio::test]
async fn what_an_agent_has_is_in_lists_of_parties_with_its_facilitator() {
    let world = World::start().await;
    adds_hege(&world).await;
    rotfast_gives(&world, DELEGATED, &["read"]).await;
    gives_resource(&world, HEGE.uuid, DELEGATED)
        .await
        .assert_status(200);
    gives_rotfast(&world, HEGE.uuid, &[SKATT_NAERING])
        .await
        .assert_status(200);
    let path = "/accessmanagement/api/v1/enduser/authorizedparties?includeAccessPackages=true&includeResources=true";
    let parties = data(world.person(HEGE).get(path).await);
    let of = |organization: Organization| {
        let is = |party: &&Value| party["partyUuid"] == organization.uuid;
        parties.iter().find(is).unwrap()
    };
    let rotfast = of(ROTFAST);
    assert_eq!(
        rotfast["authorizedAccessPackages"],
        json!(["skatt-naering"])
    );
    assert_eq!(rotfast["authorizedResources"], json!([DELEGATED.0]));
    assert_eq!(of(TALLKNUSEREN)["authorizedAccessPackages"], json!([]));
}

#[tokio::test]
async fn a_system_user_administers_clients_for_its_owner_alone() {
    let world = World::start().await;
    let package = Package("klientadministrator");
    let user = world.app.standard_user_with(TALLKNUSEREN, package).await;
    let user = Caller::system_user(&world.app, &user, SKYREGNSKAP)
        .with_scopes(&format!("{CLIENTS_READ} {CLIENTS_WRITE}"));
    let added = user.post(&SECOND.agents(TALLKNUSEREN), hege()).await;
    added.assert_status(200);
    let path = SECOND.pair(
        "agents/accesspackages",
        TALLKNUSEREN,
        ROTFAST.uuid,
        HEGE.uuid,
    );
    let given = user
        .post(&path, batch("rettighetshaver", &[SKATT_NAERING]))
        .await;
    given.assert_status(200);
    let others = user.get(&SECOND.agents(GRANSKEREN)).await;
    others.assert_forbidden();
    let rows = world.app.rows_of("agent.added").await;
    assert_eq!(rows[0].actor_kind, "systemuser");
}

#[tokio::test]
async fn rows_of_the_trail_have_channel_and_scopes() {
    let world = World::start().await;
    let channels = async |action: &str| -> Vec<Value> {
        let rows = world.app.rows_of(action).await;
        let details = rows.iter().map(|row| row.detail.clone().unwrap());
        details
            .map(|detail| json!([detail["channel"], detail["scopes"]]))
            .collect()
    };
    let scopes = format!("{CLIENTS_READ} {CLIENTS_WRITE}");
    let administrator = world.stian().with_scopes(&scopes);
    let path = SECOND.agents(TALLKNUSEREN);
    administrator.post(&path, hege()).await.assert_status(200);
    let portal = "/accessmanagement/api/v1/clientdelegations/agents";
    let portal = format!("{portal}?party={}&to={}", TALLKNUSEREN.uuid, HEGE.uuid);
    world.stian().delete(&portal).await.assert_status(204);

    let (added, removed) = (
        channels("agent.added").await,
        channels("agent.removed").await,
    );

    assert_eq!(added, [json!(["enduser-api", [CLIENTS_WRITE]])]);
    assert_eq!(removed, [json!(["portal", [PORTAL]])]);
}

#[tokio::test]
async fn a_party_uuid_of_a_system_user_makes_a_caller_where_that_is_allowed() {
    for (allowed, status) in [("true", 200), ("false", 401)] {
        let world = World::with(&[("compat.systemuser_by_party_uuid", allowed)]).await;
        let parameters = [
            ("partyuuid", &*TALLKNUSEREN_AGENT.id),
            ("scopes", MY_CLIENTS_READ),
        ];
        let token = world.app.token("GetPersonalToken", &parameters).await;
        let caller = world.bearer(&token);
        let mine = caller.get(&format!("{V1}/my/clients")).await;
        mine.assert_status(status);
    }
}

#[tokio::test]
async fn a_party_uuid_of_a_deleted_system_user_makes_no_caller() {
    let world = World::with(&[("compat.systemuser_by_party_uuid", "true")]).await;
    let deleted = world.randi().deletes_agent(&TALLKNUSEREN_AGENT).await;
    deleted.assert_status(200);
    let parameters = [
        ("partyuuid", &*TALLKNUSEREN_AGENT.id),
        ("scopes", MY_CLIENTS_READ),
    ];
    let token = world.app.token("GetPersonalToken", &parameters).await;
    let mine = world.bearer(&token).get(&format!("{V1}/my/clients")).await;
    mine.assert_status(401);
}

#[tokio::test]
async fn a_refused_system_user_and_the_party_it_asked_for_are_in_the_trail() {
    let world = World::start().await;
    let package = Package("klientadministrator");
    let user = world.app.standard_user_with(TALLKNUSEREN, package).await;
    let caller = Caller::system_user(&world.app, &user, SKYREGNSKAP)
        .with_scopes(&format!("{CLIENTS_READ} {CLIENTS_WRITE}"));
    let refused = caller.post(&SECOND.agents(GRANSKEREN), hege()).await;
    refused.assert_forbidden();
    let rows = world.app.rows_of("agent.added").await;
    assert_eq!((rows.len(), rows[0].outcome.as_str()), (1, "denied"));
    assert_eq!(
        rows[0].actor_party_uuid.map(|id| id.to_string()),
        Some(user.id.to_string())
    );
    assert_eq!(rows[0].detail.as_ref().unwrap()["party"], GRANSKEREN.uuid);
}

#[tokio::test]
async fn a_person_who_is_known_calls_whatever_party_uuid_the_token_has() {
    let world = World::with(&[("compat.systemuser_by_party_uuid", "true")]).await;
    let parameters = [
        ("pid", ODDNY.pid),
        ("partyuuid", &*TALLKNUSEREN_AGENT.id),
        ("scopes", MY_CLIENTS_READ),
    ];
    let token = world.app.token("GetPersonalToken", &parameters).await;
    let mine = world.bearer(&token).get(&format!("{V1}/my/clients")).await;
    assert_eq!(mine.assert_status(200).json()["data"], json!([]));
}
