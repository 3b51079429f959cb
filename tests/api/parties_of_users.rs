//! Whom the one who is signed in may act for, as older portals and apps ask.

use serde_json::{Value, json};
use testkit::prelude::*;

const PARTIES: &str = "/authorization/api/v1/parties";
const ROLES: &str = "/authorization/api/v1/roles";

async fn user_id(world: &World) -> i64 {
    let path = "/accessmanagement/api/v1/user/profile";
    let profile = world.marit().get(path).await.assert_status(200).json();
    profile["userId"].as_i64().unwrap()
}

#[tokio::test]
async fn the_parties_of_the_one_who_is_signed_in() {
    let world = World::start().await;
    let marit = user_id(&world).await;
    let answer = world
        .marit()
        .get(&format!("{PARTIES}?USERID={marit}"))
        .await;
    let list = answer.assert_status(200).list();
    let own = list
        .iter()
        .find(|party| party["orgNumber"] == TINDEVANDRER.number)
        .unwrap();
    assert_eq!(own["partyTypeName"], 2);
    assert_eq!(own["partyId"].to_string(), TINDEVANDRER.party.to_string());
    assert_eq!(own["ssn"], json!(null));
    assert_eq!(own["childParties"], json!(null));
    let person = list.iter().find(|party| party["partyTypeName"] == 1);
    let person = person.unwrap();
    assert_eq!(
        (&person["orgNumber"], &person["ssn"]),
        (&json!(""), &json!(MARIT.pid))
    );
}

#[tokio::test]
async fn a_party_of_the_one_who_is_signed_in_is_valid() {
    let world = World::start().await;
    let marit = user_id(&world).await;
    for (party, valid) in [(TINDEVANDRER, true), (KERAMIKK, false)] {
        let path = format!("{PARTIES}/{}/validate?userId={marit}", party.party);
        let answer = world.marit().get(&path).await.assert_status(200);
        assert_eq!(answer.json(), valid);
    }
    for (path, status) in [
        (format!("{PARTIES}/{}/validate", TINDEVANDRER.party), 404),
        (format!("{PARTIES}/0/validate?userId={marit}"), 404),
        (
            format!("{PARTIES}/{}/validate?userId=1", TINDEVANDRER.party),
            403,
        ),
        (
            format!("{PARTIES}/{}/validate?userId=x", TINDEVANDRER.party),
            400,
        ),
    ] {
        world.marit().get(&path).await.assert_status(status);
    }
}

#[tokio::test]
async fn the_roles_for_a_party_and_for_oneself() {
    let world = World::start().await;
    let marit = user_id(&world).await;
    let codes = async |party: &Value| {
        let path = format!("{ROLES}?coveredByUserId={marit}&offeredByPartyId={party}");
        let answer = world.marit().get(&path).await.assert_status(200);
        answer.list()
    };
    let director = codes(&json!(TINDEVANDRER.party)).await;
    assert!(
        director.contains(&json!({"type": "altinn", "value": "DAGL"})),
        "{director:?}"
    );
    let profile = world
        .marit()
        .get("/accessmanagement/api/v1/user/profile")
        .await
        .json();
    let own = codes(&profile["partyId"]).await;
    assert!(
        own.contains(&json!({"type": "altinn", "value": "PRIV"})),
        "{own:?}"
    );
}

#[tokio::test]
async fn no_person_asks_for_another_person() {
    let world = World::start().await;
    let marit = user_id(&world).await;
    for (path, status) in [
        (format!("{PARTIES}?userId={marit}"), 403),
        (PARTIES.to_owned(), 404),
        (
            format!("{ROLES}?coveredByUserId={marit}&offeredByPartyId=1"),
            403,
        ),
        (ROLES.to_owned(), 403),
    ] {
        world.oddny().get(&path).await.assert_status(status);
    }
    let marits = world.marit();
    let path = format!("{ROLES}?coveredByUserId={marit}");
    marits.get(&path).await.assert_status(400);
    let path = format!("{path}&offeredByPartyId={}", KERAMIKK.party);
    marits.get(&path).await.assert_status(404);
    world.anonymous().get(PARTIES).await.assert_unauthorized();
}

#[tokio::test]
async fn a_deceased_person_has_no_party_and_no_role() {
    let world = World::start().await;
    let marit = user_id(&world).await;
    world.app.record_death(MARIT).await;
    let caller = world.marit();

    let parties = caller.get(&format!("{PARTIES}?userId={marit}")).await;
    parties.assert_status(404);
    let valid = format!("{PARTIES}/{}/validate?userId={marit}", TINDEVANDRER.party);
    assert_eq!(caller.get(&valid).await.assert_status(200).json(), false);
    let roles = format!(
        "{ROLES}?coveredByUserId={marit}&offeredByPartyId={}",
        TINDEVANDRER.party
    );
    caller.get(&roles).await.assert_status(404);
    let portal = "/accessmanagement/api/v1";
    let shown = caller.get(&format!("{portal}/user/actorlist")).await;
    assert_eq!(shown.assert_status(200).json(), json!([]));
    for path in ["user/reportee", "lookup/party"] {
        let party = format!("{portal}/{path}/{}", TINDEVANDRER.uuid);
        caller.get(&party).await.assert_status(404);
    }
}
