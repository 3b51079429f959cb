//! What the frame around the portal's pages asks and keeps.

use serde_json::{Value, json};
use testkit::prelude::*;

const UI: &str = "/accessmanagement/api/v1";

async fn read(world: &World, person: Person, path: &str) -> Value {
    let answer = world.person(person).get(&format!("{UI}{path}")).await;
    answer.assert_status(200).json()
}

fn has_digits_of(body: &Value, person: Person) -> bool {
    body.to_string().contains(person.pid)
}

#[tokio::test]
async fn a_login_that_holds_is_refreshed() {
    let world = World::start().await;
    let path = format!("{UI}/authentication/refresh");
    world.oddny().get(&path).await.assert_status(200);
    world.anonymous().get(&path).await.assert_unauthorized();
}

#[tokio::test]
async fn the_profile_says_who_is_logged_in_without_a_birth_number() {
    let world = World::start().await;
    let profile = read(&world, MARIT, "/user/profile").await;
    assert_eq!(profile["userType"], 1);
    assert_eq!(profile["party"]["partyTypeName"], 1);
    assert_eq!(profile["party"]["person"]["name"], profile["party"]["name"]);
    assert_eq!(profile["partyId"], profile["party"]["partyId"]);
    let preference = &profile["profileSettingPreference"];
    assert_eq!(preference["language"], "nb");
    assert_eq!(preference["shouldShowDeletedEntities"], false);
    assert!(!has_digits_of(&profile, MARIT), "{profile}");
}

#[tokio::test]
async fn whether_deleted_parties_are_shown_is_kept() {
    let world = World::start().await;
    let marit = world.marit();
    let path = format!("{UI}/user/profile/settingspreferences/showdeleted");
    let kept = marit
        .put(&path, json!(true))
        .await
        .assert_status(200)
        .json();
    assert_eq!(kept["shouldShowDeletedEntities"], true);
    let profile = read(&world, MARIT, "/user/profile").await;
    assert_eq!(
        profile["profileSettingPreference"]["shouldShowDeletedEntities"],
        true
    );
    let others = read(&world, ODDNY, "/user/profile").await;
    assert_eq!(
        others["profileSettingPreference"]["shouldShowDeletedEntities"],
        false
    );
    marit.put(&path, json!("yes")).await.assert_status(400);
}

#[tokio::test]
async fn a_login_below_level_3_changes_nothing() {
    let world = World::start().await;
    let marit = world.marit().at_level(2);
    let favorite = format!("{UI}/user/actorlist/favorites/{}", TINDEVANDRER.uuid);
    for answer in [
        marit
            .put(
                &format!("{UI}/user/profile/settingspreferences/showdeleted"),
                json!(true),
            )
            .await,
        marit
            .post(
                &format!("{UI}/settings/language/selectedLanguage"),
                json!({"languageCode": "no_nn"}),
            )
            .await,
        marit.put(&favorite, Value::Null).await,
        marit.delete(&favorite).await,
    ] {
        answer.assert_forbidden();
    }
    let profile = read(&world, MARIT, "/user/profile").await;
    let kept = &profile["profileSettingPreference"];
    assert_eq!(kept["shouldShowDeletedEntities"], false);
    assert_eq!(kept["language"], "nb");
}

#[tokio::test]
async fn the_language_is_kept_in_the_profile_and_in_the_cookie() {
    let world = World::start().await;
    let path = format!("{UI}/settings/language/selectedLanguage");
    let answer = world
        .marit()
        .post(&path, json!({"languageCode": "no_nn"}))
        .await
        .assert_status(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("selectedLanguage=no_nn;"), "{cookie}");
    let profile = read(&world, MARIT, "/user/profile").await;
    assert_eq!(profile["profileSettingPreference"]["language"], "nn");
}

#[tokio::test]
async fn a_language_that_there_is_not_is_refused() {
    let world = World::start().await;
    let path = format!("{UI}/settings/language/selectedLanguage");
    for (body, text) in [
        (json!({}), "Language code is required."),
        (json!({"languageCode": " "}), "Language code is required."),
        (json!({"languageCode": "de"}), "Unsupported language code."),
    ] {
        let answer = world.marit().post(&path, body).await.assert_status(400);
        assert_eq!(answer.text, text);
    }
}

#[tokio::test]
async fn a_person_sees_the_parties_that_the_person_may_act_for() {
    let world = World::start().await;
    let list = read(&world, MARIT, "/user/actorlist/old").await;
    let own = list
        .as_array()
        .unwrap()
        .iter()
        .find(|party| party["organizationNumber"] == TINDEVANDRER.number)
        .unwrap();
    assert_eq!(own["type"], "Organization");
    assert_eq!(own["partyUuid"], TINDEVANDRER.uuid);
    assert!(!has_digits_of(&list, MARIT), "{list}");

    let connections = read(&world, MARIT, "/user/actorlist").await;
    let own = connections
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["party"]["organizationIdentifier"] == TINDEVANDRER.number)
        .unwrap();
    assert_eq!(own["party"]["type"], "Organisasjon");
    assert_eq!(own["party"].as_object().unwrap().len(), 10);
    let roles = own["roles"].as_array().unwrap();
    assert!(
        roles.iter().any(|role| role["code"] == "daglig-leder"),
        "{roles:?}"
    );
}

#[tokio::test]
async fn one_party_is_read_by_those_who_may_act_for_it() {
    let world = World::start().await;
    let path = format!("/user/reportee/{}", TINDEVANDRER.uuid);
    let party = read(&world, MARIT, &path).await;
    assert_eq!(party["organizationNumber"], TINDEVANDRER.number);
    let strange = world.oddny().get(&format!("{UI}{path}")).await;
    strange.assert_status(404);
    let party = read(
        &world,
        MARIT,
        &format!("/lookup/party/{}", TINDEVANDRER.uuid),
    )
    .await;
    assert_eq!(party["orgNumber"], TINDEVANDRER.number);
    assert_eq!(party["organization"]["orgNumber"], TINDEVANDRER.number);
    let path = format!("{UI}/lookup/party/{}", TINDEVANDRER.uuid);
    world.oddny().get(&path).await.assert_status(404);
    world
        .marit()
        .get(&format!("{UI}/user/reportee/x"))
        .await
        .assert_status(400);
}

#[tokio::test]
async fn a_person_looks_itself_and_organisations_up() {
    let world = World::start().await;
    let own = read(&world, MARIT, "/lookup/party/user").await;
    assert_eq!(own["partyTypeName"], 1);
    assert!(!has_digits_of(&own, MARIT), "{own}");
    let path = format!("/lookup/org/{}", KERAMIKK.number);
    assert_eq!(read(&world, MARIT, &path).await["partyUuid"], KERAMIKK.uuid);
    for unknown in ["999999999", "x"] {
        let answer = world
            .marit()
            .get(&format!("{UI}/lookup/org/{unknown}"))
            .await;
        answer.assert_error_keys(["orgNumber"]);
    }
}

#[tokio::test]
async fn parties_are_marked_and_unmarked() {
    let world = World::start().await;
    let marit = world.marit();
    let path = format!("{UI}/user/actorlist/favorites/{}", TINDEVANDRER.uuid);
    for _ in 0..2 {
        marit.put(&path, json!(null)).await.assert_status(200);
    }
    assert_eq!(
        read(&world, MARIT, "/user/actorlist/favorites").await,
        json!([TINDEVANDRER.uuid])
    );
    assert_eq!(
        read(&world, ODDNY, "/user/actorlist/favorites").await,
        json!([])
    );
    marit.delete(&path).await.assert_status(200);
    marit.delete(&path).await.assert_status(404);
    world
        .oddny()
        .put(&path, json!(null))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn what_a_director_and_a_stranger_may() {
    let world = World::start().await;
    for name in [
        "isAdmin",
        "isClientAdmin",
        "isHovedadmin",
        "isMaskinportenAdmin",
        "isInstanceAdmin",
    ] {
        let path = format!("/user/{name}?party={}", TINDEVANDRER.uuid);
        assert_eq!(read(&world, MARIT, &path).await, true, "{name}");
        assert_eq!(read(&world, ODDNY, &path).await, false, "{name}");
    }
    // The resource of notification addresses is not imported.
    let path = format!("/user/isCompanyProfileAdmin?party={}", TINDEVANDRER.uuid);
    assert_eq!(read(&world, MARIT, &path).await, false);
}

#[tokio::test]
async fn there_is_nothing_to_count() {
    let world = World::start().await;
    for path in [
        format!("/request/received/count?party={}", TINDEVANDRER.uuid),
        format!("/request/sent/count?party={}", TINDEVANDRER.uuid),
        format!("/consent/count/{}", TINDEVANDRER.uuid),
    ] {
        assert_eq!(read(&world, MARIT, &path).await, 0, "{path}");
    }
}

#[tokio::test]
async fn service_owners_are_listed_by_their_codes() {
    let world = World::start().await;
    let owners = read(&world, MARIT, "/cdn/orgdata").await;
    assert_eq!(owners["sav"]["orgnr"], SAV.number);
    assert!(owners["sav"]["name"]["nb"].is_string());
}

#[tokio::test]
async fn the_roles_that_a_person_holds_for_a_party() {
    let world = World::start().await;
    let own = read(&world, MARIT, "/lookup/party/user").await;
    let marit = own["partyUuid"].as_str().unwrap();
    let path = format!(
        "/role/permissions?party={marit}&to={marit}&from={}",
        TINDEVANDRER.uuid
    );
    let roles = read(&world, MARIT, &path).await;
    let director = roles
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["role"]["code"] == "daglig-leder")
        .unwrap();
    assert_eq!(
        director["permissions"][0]["from"]["organizationIdentifier"],
        TINDEVANDRER.number
    );
    let way = director["permissions"][0].as_object().unwrap();
    assert_eq!(way["viaRole"], json!(null));
    assert_eq!(way["role"]["code"], "daglig-leder");
    assert_eq!(
        way["reason"],
        json!({"items": [{"name": "direct", "description": "Access granted directly with assignment"}]})
    );
    let members: Vec<&str> = way["from"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members.len(), 14, "{members:?}");
    assert!(!has_digits_of(&roles, MARIT), "{roles}");
    let strange = world.oddny().get(&format!("{UI}{path}")).await;
    strange.assert_status(403);
    // One end is enough.
    let everywhere = format!("/role/permissions?party={marit}&to={marit}");
    let everywhere = read(&world, MARIT, &everywhere).await;
    assert!(
        everywhere
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["role"]["code"] == "daglig-leder")
    );
    let refuses = async |part: String| {
        let answer = world
            .marit()
            .get(&format!("{UI}/role/permissions{part}"))
            .await;
        answer.assert_status(400)
    };
    let neither = refuses(format!("?party={marit}")).await;
    assert!(neither.text.contains("'from' or 'to'"), "{}", neither.text);
    refuses(format!("?party={marit}&to={marit}&from=x")).await;
}

#[tokio::test]
async fn roles_by_key_role_name_the_organisation_between() {
    let world = World::start().await;
    let path = format!(
        "/role/permissions?party={0}&to={0}&from={1}",
        RANDI.uuid, NATTERGAL.uuid
    );
    let roles = read(&world, RANDI, &path).await;
    let mut roles = roles.as_array().unwrap().iter();
    let accountant = roles
        .find(|one| one["role"]["code"] == "regnskapsforer")
        .unwrap();
    let way = &accountant["permissions"][0];
    assert_eq!(way["via"]["id"], TALLKNUSEREN.uuid);
    assert!(way["viaRole"]["code"].is_string());
}

#[tokio::test]
async fn a_person_has_no_system_users() {
    let world = World::start().await;
    let own = read(&world, MARIT, "/lookup/party/user").await;
    let (id, uuid) = (&own["partyId"], own["partyUuid"].as_str().unwrap());
    for path in [
        format!("/systemuser/{id}"),
        format!("/systemuser/agent/{id}"),
        format!("/systemuser/{uuid}/pending"),
    ] {
        assert_eq!(read(&world, MARIT, &path).await, json!([]), "{path}");
    }
}
