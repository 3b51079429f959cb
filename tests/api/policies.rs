//! Policies as service owners upload them: what is accepted, with which warnings, and what they say
//! afterwards.

use serde_json::{Value, json};
use testkit::prelude::*;

use crate::{
    import::files::{file, import, ndjson, options},
    resources::{resource, upload},
};

const RESOURCE: &str = "sav-fangst";
const REGISTRY: &str = "/resourceregistry/api/v1/resource";
const WRITE: &str = "altinn:resourceregistry/resource.write";
const ADMIN: &str = "altinn:resourceregistry/resource.admin";
const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
const INTEGER: &str = "http://www.w3.org/2001/XMLSchema#integer";
const ACCESS_PACKAGE: &str = "urn:altinn:accesspackage";

/// An alternative with one equality.
fn alternative(category: &str, attribute: &str, value: &str) -> String {
    format!(
        r#"<AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="{STRING}">{value}</AttributeValue><AttributeDesignator AttributeId="{attribute}" Category="urn:oasis:names:tc:xacml:{category}" DataType="{STRING}" MustBePresent="false"/></Match></AllOf>"#
    )
}

fn subject(attribute: &str, value: &str) -> String {
    alternative("1.0:subject-category:access-subject", attribute, value)
}

fn named(id: &str) -> String {
    alternative("3.0:attribute-category:resource", "urn:altinn:resource", id)
}

fn action(name: &str) -> String {
    let id = "urn:oasis:names:tc:xacml:1.0:action:action-id";
    alternative("3.0:attribute-category:action", id, name)
}

/// A rule with these alternatives of subject, resource and action, on a line of its own.
fn rule(id: &str, effect: &str, alternatives: [&str; 3]) -> String {
    let any_ofs: String = alternatives
        .iter()
        .map(|alternatives| format!("<AnyOf>{alternatives}</AnyOf>"))
        .collect();
    format!("\n<Rule RuleId=\"{id}\" Effect=\"{effect}\"><Target>{any_ofs}</Target></Rule>")
}

/// A rule that permits an action by a package.
fn permit(id: &str, package: Package, action_name: &str) -> String {
    let subject = subject(ACCESS_PACKAGE, package.0);
    rule(
        id,
        "Permit",
        [&subject, &named(RESOURCE), &action(action_name)],
    )
}

fn policy(rules: &str) -> String {
    format!(
        r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>{rules}
</Policy>"#
    )
}

/// Two rules with one identifier: `lonn` reads, `a-ordning` writes.
fn repeated() -> String {
    policy(&(permit("same", LONN, "read") + &permit("same", A_ORDNING, "write")))
}

/// The same rule with an integer where its action is compared.
fn with_integer(rule: &str) -> String {
    let last = rule.rfind(&format!("DataType=\"{STRING}\">")).unwrap();
    let (before, after) = rule.split_at(last);
    before.to_owned() + &after.replacen(STRING, INTEGER, 1)
}

/// A world in which the tax agency has described a resource without a policy.
async fn world() -> World {
    let world = World::start().await;
    world
        .organization(SAV, WRITE)
        .post(REGISTRY, resource(RESOURCE))
        .await
        .assert_status(201);
    world
}

async fn uploads(world: &World, xml: &str) -> Answer {
    let token = world.organization(SAV, WRITE).token().await.unwrap();
    upload(&world.app, &token, RESOURCE, "policyFile", xml).await
}

/// What every caller reads about the policy.
async fn shown(world: &World, part: &str) -> Answer {
    world
        .anonymous()
        .get(&format!("{REGISTRY}/{RESOURCE}/policy/{part}"))
        .await
}

async fn decides(world: &World, action: &str) -> Decision {
    let user = &TINDEVANDRER_USER;
    let resource = Resource(RESOURCE);
    world
        .sav()
        .decides(user, action, resource, TINDEVANDRER)
        .await
}

/// Stores a policy as versions before today's checks did.
async fn stored_before(world: &World, xml: &str) {
    uploads(world, &policy(&permit("first", LONN, "read")))
        .await
        .assert_status(201);
    world.app.replace_policy(RESOURCE, xml.as_bytes()).await;
}

#[tokio::test]
async fn rules_with_the_same_identifier_are_accepted_and_all_decide() {
    let world = world().await;
    uploads(&world, &repeated())
        .await
        .assert_status(201)
        .assert_empty();
    assert_eq!(decides(&world, "read").await, Permit);
    assert_eq!(decides(&world, "write").await, Permit);
}

#[tokio::test]
async fn the_answer_to_an_upload_counts_the_warnings() {
    let world = world().await;
    let header = "systembruker-policy-warnings";
    uploads(&world, &repeated())
        .await
        .assert_header(header, "1");
    let good = policy(&permit("only", LONN, "read"));
    uploads(&world, &good).await.assert_header(header, "");
}

#[tokio::test]
async fn what_will_surprise_its_author_is_warned_about_and_taken() {
    let world = world().await;
    let unknown = policy(&permit("only", LONN, "read")).replace(">lonn<", ">lønn<");
    uploads(&world, &unknown)
        .await
        .assert_header("systembruker-policy-warnings", "1")
        .assert_status(201);
    let warnings = shown(&world, "warnings").await.assert_status(200).list();
    assert_eq!(warnings[0]["kind"], "unknown-package");
    assert_eq!(warnings[0].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn warnings_are_listed_with_their_lines() {
    let world = world().await;
    let typed = with_integer(&permit("typed", LONN, "1"));
    let rules = permit("same", LONN, "read") + &permit("same", A_ORDNING, "write") + &typed;
    uploads(&world, &policy(&rules)).await.assert_status(201);
    let warnings = shown(&world, "warnings").await.assert_status(200).list();
    let found: Vec<(&Value, &Value)> = warnings.iter().map(|w| (&w["kind"], &w["line"])).collect();
    assert_eq!(
        found,
        [
            (&json!("repeated-rule-id"), &json!(3)),
            (&json!("match-never-holds"), &json!(4))
        ]
    );
    let text = warnings[0]["text"].as_str().unwrap();
    assert!(text.contains("rule 2 has the RuleId of rule 1"), "{text}");
}

#[tokio::test]
async fn a_resource_without_a_policy_has_no_list_of_warnings() {
    let world = world().await;
    shown(&world, "warnings").await.assert_status(404);
}

#[tokio::test]
async fn an_explanation_numbers_the_rules() {
    let world = world().await;
    uploads(&world, &repeated()).await.assert_status(201);
    let asked = question(
        &TINDEVANDRER_USER,
        "write",
        Resource(RESOURCE),
        TINDEVANDRER,
    );
    let answer = world
        .sav()
        .post(&format!("{AUTHORIZE_PATH}?explain=true"), asked)
        .await
        .assert_status(200)
        .json();
    let explanation = &answer["explanation"];
    let explanation = if explanation.is_null() {
        &answer["response"][0]["explanation"]
    } else {
        explanation
    };
    let explanation = explanation.as_array().map_or(explanation, |list| &list[0]);
    let rules = explanation["policy"]["rules"].as_array().unwrap();
    let found: Vec<_> = rules
        .iter()
        .map(|r| (&r["number"], &r["outcome"]))
        .collect();
    assert_eq!(
        found,
        [
            (&json!(1), &json!("NotApplicable")),
            (&json!(2), &json!("Permit"))
        ]
    );
}

#[tokio::test]
async fn a_literal_of_the_wrong_type_closes_its_own_rule_alone() {
    let world = world().await;
    let typed = with_integer(&permit("typed", LONN, "1"));
    let rules = permit("plain", LONN, "read") + &typed;
    uploads(&world, &policy(&rules)).await.assert_status(201);
    assert_eq!(decides(&world, "read").await, Permit);
    assert_eq!(decides(&world, "1").await, NotApplicable);
}

#[tokio::test]
async fn a_literal_of_the_wrong_type_in_a_rule_that_denies_is_refused() {
    let world = world().await;
    let denying = with_integer(&permit("typed", LONN, "1")).replace("Permit", "Deny");
    let refused = uploads(&world, &policy(&denying)).await.assert_status(400);
    assert!(refused.text.contains("line 2") && refused.text.contains("must be string"));
}

#[tokio::test]
async fn a_literal_of_the_wrong_type_in_the_target_of_a_policy_is_refused() {
    let world = world().await;
    let any_of = format!(
        "<AnyOf>{}</AnyOf>",
        action("1").replacen(STRING, INTEGER, 1)
    );
    let xml = policy(&permit("plain", LONN, "read")).replacen(
        "<Target/>",
        &format!("<Target>{any_of}</Target>"),
        1,
    );
    uploads(&world, &xml).await.assert_status(400);
}

#[tokio::test]
async fn a_broken_rule_that_is_stored_leaves_the_others_their_decisions() {
    let world = world().await;
    let broken = permit("broken", LONN, "write").replacen("string-equal", "string-like", 1);
    let rules = broken + &permit("plain", LONN, "read");
    stored_before(&world, &policy(&rules)).await;
    assert_eq!(decides(&world, "read").await, Permit);
    assert_eq!(decides(&world, "write").await, Indeterminate);
    let warnings = shown(&world, "warnings").await.assert_status(200).list();
    assert_eq!(warnings[0]["kind"], "broken");
}

/// Imports the resource with a policy.
async fn imports(world: &World, xml: &str) -> edges::import::FileImportOutcome {
    let path = file(xml);
    let mut line = resource(RESOURCE);
    line["policyFile"] = json!(path.file_name().unwrap().to_str().unwrap());
    let lines = file(ndjson(&[line]));
    import(
        &world.app,
        &options(edges::import::ImportKind::Resources, lines),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn an_import_warns_of_what_an_upload_warns_of() {
    let world = world().await;
    let outcome = imports(&world, &repeated()).await;
    assert_eq!(outcome.refused, None);
    let reasons: Vec<String> = outcome
        .findings
        .warnings()
        .into_iter()
        .map(|w| w.reason)
        .collect();
    assert!(
        reasons.iter().any(|r| r.contains("repeated-rule-id")),
        "{reasons:?}"
    );
    assert_eq!(decides(&world, "write").await, Permit);
}

#[tokio::test]
async fn an_import_refuses_what_an_upload_refuses_and_the_policy_that_was_there_stays() {
    let world = world().await;
    let good = policy(&permit("plain", LONN, "read"));
    uploads(&world, &good).await.assert_status(201);
    let outcome = imports(&world, &good.replacen("string-equal", "string-like", 1)).await;
    assert!(outcome.refused.is_some());
    let path = format!("{REGISTRY}/{RESOURCE}/policy");
    world.anonymous().get(&path).await.assert_text(&good);
}

#[tokio::test]
async fn an_import_refuses_a_rule_that_names_no_resource_and_would_permit_all() {
    let world = world().await;
    let good = policy(&permit("plain", LONN, "read"));
    uploads(&world, &good).await.assert_status(201);
    let open = policy("\n<Rule RuleId=\"all\" Effect=\"Permit\"/>");
    let outcome = imports(&world, &open).await;
    assert!(outcome.refused.is_some());
    let path = format!("{REGISTRY}/{RESOURCE}/policy");
    world.anonymous().get(&path).await.assert_text(&good);
}

#[tokio::test]
async fn a_policy_that_spells_its_resource_otherwise_is_refused_for_that() {
    let world = world().await;
    let xml = policy(&permit("plain", LONN, "read").replace(RESOURCE, "Sav-Fangst"));
    let refused = uploads(&world, &xml).await.assert_status(400);
    assert!(
        refused
            .text
            .contains("Contains rules for a different registry resource")
            && refused
                .text
                .contains("Sav-Fangst is not sav-fangst; letter case counts"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn one_rule_names_one_resource() {
    let world = world().await;
    let own = named(RESOURCE);
    let both = own.replace("</AllOf>", "") + &named("mva-melding").replace("<AllOf>", "");
    let xml = policy(&permit("plain", LONN, "read").replace(&own, &both));
    let refused = uploads(&world, &xml).await.assert_status(400);
    assert!(
        refused
            .text
            .contains("Contains rules for a different registry resource")
    );
}

fn of_owner(organization: Organization, code: &str) -> Value {
    let mut body = resource(RESOURCE);
    body["hasCompetentAuthority"]["organization"] = json!(organization.number);
    body["hasCompetentAuthority"]["orgcode"] = json!(code);
    body
}

#[tokio::test]
async fn a_service_owner_does_not_use_the_code_of_another() {
    let world = World::start().await;
    let sav = world.organization(SAV, WRITE);
    sav.post(REGISTRY, of_owner(SAV, "aye"))
        .await
        .assert_forbidden();
    sav.post(REGISTRY, of_owner(SAV, "SAV"))
        .await
        .assert_status(201);
    sav.put(&format!("{REGISTRY}/{RESOURCE}"), of_owner(SAV, "aye"))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn an_organisation_without_a_code_uses_none() {
    let world = World::start().await;
    let vendor = world.organization(FJORDLONN, WRITE);
    vendor
        .post(REGISTRY, of_owner(FJORDLONN, "sav"))
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn the_admin_scope_uses_any_code() {
    let world = World::start().await;
    let admin = world.organization(SAV, ADMIN);
    admin
        .post(REGISTRY, of_owner(AYE, "fok"))
        .await
        .assert_status(201);
}

#[tokio::test]
async fn subjects_keep_attribute_and_value_apart() {
    let world = world().await;
    let listed = subject("urn:altinn:access-list", "ttd:min-liste");
    let scoped = subject("urn:scope", "altinn:serviceowner/instances.read");
    let alternatives = [&*(listed + &scoped), &named(RESOURCE), &action("read")];
    uploads(&world, &policy(&rule("r", "Permit", alternatives)))
        .await
        .assert_status(201);
    let expected = json!([
        {"type": "urn:altinn:access-list", "value": "ttd:min-liste", "urn": "urn:altinn:access-list:ttd:min-liste"},
        {"type": "urn:scope", "value": "altinn:serviceowner/instances.read", "urn": "urn:scope:altinn:serviceowner/instances.read"},
    ]);
    assert_eq!(shown(&world, "subjects").await.json()["data"], expected);
    let found = world
        .anonymous()
        .post(
            &format!("{REGISTRY}/bysubjects"),
            json!(["urn:altinn:access-list:ttd:min-liste"]),
        )
        .await
        .assert_status(200)
        .json();
    assert_eq!(found["data"][0]["subject"], expected[0]);
}

/// A rule of so many alternatives of each kind.
fn product(size: usize) -> String {
    let many = |one: &dyn Fn(usize) -> String| (0..size).map(one).collect::<String>();
    let resources = many(&|n| {
        let task = alternative(
            "3.0:attribute-category:resource",
            "urn:altinn:task",
            &format!("t{n}"),
        );
        named(RESOURCE).replace("</AllOf>", "") + &task.replace("<AllOf>", "")
    });
    rule(
        "product",
        "Permit",
        [
            &many(&|n| subject("urn:altinn:rolecode", &format!("s{n}"))),
            &resources,
            &many(&|n| action(&format!("a{n}"))),
        ],
    )
}

#[tokio::test]
async fn a_policy_with_too_many_combinations_is_refused_with_their_number() {
    let world = world().await;
    let refused = uploads(&world, &policy(&product(22)))
        .await
        .assert_status(400);
    assert!(
        refused.text.contains("10648") && refused.text.contains("10000"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn every_combination_of_an_accepted_policy_is_listed() {
    let world = world().await;
    uploads(&world, &policy(&product(21)))
        .await
        .assert_status(201);
    assert_eq!(
        shown(&world, "rules").await.assert_status(200).list().len(),
        9_261
    );
    let rights = shown(&world, "rights").await.assert_status(200).list();
    assert_eq!(rights.len(), 441);
    assert_eq!(rights[0]["subjects"].as_array().unwrap().len(), 21);
}

#[tokio::test]
async fn a_policy_from_before_the_bound_is_not_taken_apart() {
    let world = world().await;
    stored_before(&world, &policy(&product(60))).await;
    for part in ["rules", "rights"] {
        let refused = shown(&world, part).await.assert_status(422);
        assert!(
            refused.text.contains("216000 combinations"),
            "{}",
            refused.text
        );
    }
    world
        .anonymous()
        .get(&format!(
            "/resourceregistry/api/v2/resource/{RESOURCE}/policy/rights"
        ))
        .await
        .assert_status(422);
}

#[tokio::test]
async fn policies_of_one_owner_are_bounded_together() {
    let world = World::with(&[("pdp.max_owner_policy_bytes", "1024")]).await;
    world
        .organization(SAV, WRITE)
        .post(REGISTRY, resource(RESOURCE))
        .await
        .assert_status(201);

    let refused = uploads(&world, &repeated()).await.assert_status(400);

    assert!(
        refused.text.contains("more than 1024 bytes together"),
        "{}",
        refused.text
    );
}
