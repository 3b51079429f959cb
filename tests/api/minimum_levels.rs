//! The authentication level that a policy asks of system users in particular.

use authorization::pdp::PermitSubject;
use serde_json::{Value, json};
use testkit::prelude::*;

const INTERNAL: &str = "/authorization/api/v1/decision";
const TOKEN: &str = "/authorization/api/v1/systemuser/authorize";
const GENERAL: &str = "urn:altinn:minimum-authenticationlevel";
const SYSTEM_USERS: &str = "urn:altinn:minimum-authenticationlevel-systemuser";

/// What a policy states, whether a system user has it, and which level counts.
type Case = (&'static [(&'static str, u8)], bool, Option<u8>);

const CASES: [Case; 6] = [
    (&[(GENERAL, 4), (SYSTEM_USERS, 3)], true, Some(3)),
    (&[(GENERAL, 3), (SYSTEM_USERS, 4)], false, Some(4)),
    (&[(GENERAL, 4)], false, Some(4)),
    (&[(SYSTEM_USERS, 4)], false, Some(4)),
    (
        &[(SYSTEM_USERS, 2), (SYSTEM_USERS, 4), (GENERAL, 1)],
        false,
        Some(4),
    ),
    (&[], true, None),
];

/// A policy that lets package `a-ordning` write, at these levels.
fn policy(levels: &[(&str, u8)]) -> String {
    let matched = |category: &str, id: &str, value: &str| {
        format!(
            "<AnyOf><AllOf><Match MatchId=\"urn:oasis:names:tc:xacml:1.0:function:string-equal\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#string\">{value}</AttributeValue><AttributeDesignator AttributeId=\"{id}\" Category=\"{category}\" DataType=\"http://www.w3.org/2001/XMLSchema#string\" MustBePresent=\"false\"/></Match></AllOf></AnyOf>"
        )
    };
    let target = [
        matched(
            "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject",
            "urn:altinn:accesspackage",
            A_ORDNING.0,
        ),
        matched(
            "urn:oasis:names:tc:xacml:3.0:attribute-category:resource",
            "urn:altinn:resource",
            A_MELDING.0,
        ),
    ]
    .concat();
    let obligations: String = levels
        .iter()
        .enumerate()
        .map(|(n, (category, level))| {
            format!(
                "<ObligationExpression ObligationId=\"urn:o{n}\" FulfillOn=\"Permit\"><AttributeAssignmentExpression AttributeId=\"urn:a{n}\" Category=\"{category}\"><AttributeValue DataType=\"http://www.w3.org/2001/XMLSchema#integer\">{level}</AttributeValue></AttributeAssignmentExpression></ObligationExpression>"
            )
        })
        .collect();
    let obligations = if obligations.is_empty() {
        String::new()
    } else {
        format!("<ObligationExpressions>{obligations}</ObligationExpressions>")
    };
    format!(
        "<Policy xmlns=\"urn:oasis:names:tc:xacml:3.0:core:schema:wd-17\" PolicyId=\"urn:p\" Version=\"1.0\" RuleCombiningAlgId=\"urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides\"><Target/><Rule RuleId=\"urn:r\" Effect=\"Permit\"><Target>{target}</Target></Rule>{obligations}</Policy>"
    )
}

/// Stores a policy of the a-melding.
async fn upload(world: &World, levels: &[(&str, u8)]) {
    let owner = world.organization(SAV, "altinn:resourceregistry/resource.write");
    let file = reqwest::multipart::Part::text(policy(levels)).file_name("policy.xml");
    let request = world
        .app
        .http
        .post(format!(
            "{}/resourceregistry/api/v1/resource/{}/policy",
            world.app.base, A_MELDING.0
        ))
        .bearer_auth(owner.token().await.unwrap())
        .multipart(reqwest::multipart::Form::new().part("policyFile", file));
    Answer::of(request.send().await.unwrap())
        .await
        .assert_status(201);
}

fn authzen() -> Value {
    json!({"subject": {"type": "systemuser", "id": &*TINDEVANDRER_USER.id}, "action": {"name": "write"},
        "resource": {"type": "resource", "id": A_MELDING.0, "properties": {"organization": TINDEVANDRER.number}}})
}

#[tokio::test]
async fn with_a_token_the_level_for_system_users_replaces_the_general_one() {
    let world = World::start().await;
    let parameters = [
        ("systemUserId", &*TINDEVANDRER_USER.id),
        ("systemUserOrg", TINDEVANDRER.number),
        ("scopes", "test:scope"),
    ];
    let token = world.app.token("GetSystemUserToken", &parameters).await;
    for (levels, has_it, level) in CASES {
        upload(&world, levels).await;
        let body =
            json!({"token": token, "checks": [{"resource": A_MELDING.0, "action": "write"}]});
        let answer = world.sav().post(TOKEN, body).await.assert_status(200);
        let result = answer.json()["results"][0].clone();
        assert_eq!(result["decision"], "Permit", "{levels:?}");
        assert_eq!(result["authorized"], has_it, "{levels:?}");
        assert_eq!(
            result["minimumAuthenticationLevel"],
            json!(level),
            "{levels:?}"
        );
    }
}

#[tokio::test]
async fn authzen_judges_a_system_user_by_the_level_for_system_users() {
    let world = World::start().await;
    for (levels, has_it, level) in CASES {
        upload(&world, levels).await;
        let answer = world.sav().post("/access/v1/evaluation", authzen()).await;
        let answer = answer.assert_status(200).json();
        assert_eq!(answer["decision"], has_it, "{levels:?}");
        let context = &answer["context"];
        assert_eq!(
            context.get("minimum_authentication_level"),
            level.map(|level| json!(level)).as_ref(),
            "{levels:?}"
        );
        assert_eq!(
            context["reason"] == "insufficient_authentication_level",
            !has_it,
            "{levels:?}"
        );
    }
}

#[tokio::test]
async fn a_search_has_hits_that_evaluate_to_true_at_the_level_for_system_users() {
    let world = World::start().await;
    let mut search = authzen();
    search["subject"] = json!({"type": "systemuser"});
    for (levels, has_it, _) in CASES {
        upload(&world, levels).await;
        let answer = world
            .sav()
            .post("/access/v1/search/subject", search.clone())
            .await;
        let found = answer.assert_status(200).json();
        let hit = json!({"type": "systemuser", "id": &*TINDEVANDRER_USER.id});
        let is_found = found["results"].as_array().unwrap().contains(&hit);
        assert_eq!(is_found, has_it, "{levels:?}");
    }
}

#[tokio::test]
async fn the_service_itself_judges_a_system_user_by_the_level_for_system_users() {
    let world = World::start().await;
    let user = PermitSubject::SystemUser(TINDEVANDRER_USER.id.parse().unwrap());
    for (levels, _, level) in CASES {
        upload(&world, levels).await;
        let pdp = &world.app.running.state.pdp;
        let verdict = pdp.permits(user, "write", A_MELDING.0, TINDEVANDRER.party);
        let verdict = verdict.await.unwrap();
        assert!(verdict.permit, "{levels:?}");
        assert_eq!(verdict.min_level, level.unwrap_or(0), "{levels:?}");
    }
}

#[tokio::test]
async fn who_enforces_itself_gets_all_obligations() {
    let world = World::start().await;
    let levels = [(GENERAL, 4), (SYSTEM_USERS, 3)];
    upload(&world, &levels).await;
    for path in [AUTHORIZE_PATH, INTERNAL] {
        let body = question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER);
        let answer = world.sav().post(path, body).await.assert_status(200);
        let result = answer.json()["response"][0].clone();
        assert_eq!(result["decision"], "Permit");
        let obligations: Vec<(String, String)> = result["obligations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|obligation| {
                let assignment = &obligation["attributeAssignment"][0];
                let text = |name: &str| assignment[name].as_str().unwrap().to_owned();
                (text("category"), text("value"))
            })
            .collect();
        let expected = levels.map(|(category, level)| (category.to_owned(), level.to_string()));
        assert_eq!(obligations, expected, "{path}");
    }
}

#[tokio::test]
async fn an_explanation_contains_both_levels() {
    let world = World::start().await;
    upload(&world, &[(GENERAL, 4), (SYSTEM_USERS, 3)]).await;
    let body = question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER);
    let path = format!("{AUTHORIZE_PATH}?explain=true");
    let answer = world
        .sav()
        .post(&path, body)
        .await
        .assert_status(200)
        .json();
    let steps = &answer["response"][0]["explanation"]["steps"];
    let step = steps
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["code"] == "level_required")
        .unwrap();
    assert_eq!(
        step["facts"],
        json!({"minimumAuthenticationLevel": 3, "general": 4, "systemUsers": 3})
    );
}

#[tokio::test]
async fn the_log_keeps_both_levels_and_which_of_them_counts() {
    let world = World::start().await;
    upload(&world, &[(GENERAL, 4), (SYSTEM_USERS, 3)]).await;
    let body = question(&TINDEVANDRER_USER, "write", A_MELDING, TINDEVANDRER);
    let sav = world.sav();
    let answer = sav.post(AUTHORIZE_PATH, body).await.assert_status(200);
    let id = answer.header("systembruker-decision-id");

    let logged = sav
        .get(&format!("/systembruker/api/v1/decisions/{id}"))
        .await;

    let decision = logged.assert_status(200).json()["decisions"][0].clone();
    assert_eq!(decision["minimumLevel"], 4);
    assert_eq!(decision["minimumLevelSystemUsers"], 3);
    assert_eq!(decision["levelCounted"], "systemUsers");
}
