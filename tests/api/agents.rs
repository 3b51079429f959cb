//! Agent system users as their owners manage them.

use serde_json::json;
use testkit::prelude::*;
use uuid::Uuid;

const BASE: &str = "/authentication/api/v1/systemuser";
const STREAM: &str = "/authentication/api/v1/systemuser/internal/systemusers";
const SYSTEM_USER_ADMIN: &str = "altinn:authentication/systemuser.admin";

fn unknown() -> SystemUser {
    SystemUser {
        id: Uuid::nil().to_string().into(),
        owner: TALLKNUSEREN,
    }
}

#[tokio::test]
async fn agents_are_listed_with_the_packages_that_they_require() {
    let world = World::start().await;
    let path = format!("{AGENTS}/{}", TALLKNUSEREN.party);

    let list = world.randi().get(&path).await.assert_status(200).list();

    let agent = list
        .iter()
        .find(|user| user["id"] == *TALLKNUSEREN_AGENT.id)
        .unwrap();
    assert_eq!(
        agent["accessPackages"],
        packages([REGNSKAPSFORER_MED_SIGNERING, REGNSKAPSFORER_LONN])
    );
    for user in &list {
        assert_eq!(user["userType"], "agent");
        assert_eq!(user.get("rights"), None);
    }
}

#[tokio::test]
async fn agents_are_not_listed_among_standard_system_users() {
    let world = World::start().await;
    let path = format!("{BASE}/{}", TALLKNUSEREN.party);
    let list = world.randi().get(&path).await.assert_status(200).list();
    assert!(list.iter().all(|user| user["userType"] == "standard"));
}

#[tokio::test]
async fn an_agent_holds_nothing_of_its_owner() {
    let world = World::start().await;
    let path = format!("{}/delegations", TALLKNUSEREN_AGENT.path());
    let held = world.randi().get(&path).await.assert_status(200);
    assert_eq!(held.json()["accessPackages"], json!([]));
}

#[tokio::test]
async fn an_agent_that_is_unknown_or_of_another_owner_is_not_deleted() {
    let world = World::start().await;
    let randi = world.randi();
    randi
        .deletes_agent(&unknown())
        .await
        .assert_problem(404, "AUTH-00015");
    randi
        .deletes_agent(&TINDEVANDRER_USER.as_if_owned_by(TALLKNUSEREN))
        .await
        .assert_problem(403, "AUTH-00024");
}

#[tokio::test]
async fn an_agent_is_deleted_for_its_facilitator() {
    let world = World::start().await;
    let randi = world.randi();
    let path = format!("{AGENTS}/{}/{}", TALLKNUSEREN.party, TALLKNUSEREN_AGENT.id);
    for query in [String::new(), format!("?facilitatorId={}", Uuid::new_v4())] {
        randi
            .delete(&format!("{path}{query}"))
            .await
            .assert_problem(400, "AUTH-00033");
    }
    randi
        .delete(&format!("{path}?facilitatorId=x"))
        .await
        .assert_error_keys(["facilitatorId"]);
}

#[tokio::test]
async fn the_name_of_the_facilitator_matches_in_any_case() {
    let world = World::start().await;
    let path = format!(
        "{AGENTS}/{}/{}?FacilitatorId={}",
        TALLKNUSEREN.party, TALLKNUSEREN_AGENT.id, TALLKNUSEREN.uuid
    );
    world.randi().delete(&path).await.assert_status(200);
}

#[tokio::test]
async fn a_deleted_agent_is_gone_with_its_clients() {
    let world = World::start().await;
    let (randi, sav) = (world.randi(), world.sav());
    let decide = || sav.decides(&TALLKNUSEREN_AGENT, "sign", MVA_MELDING, NATTERGAL);
    assert_eq!(decide().await, Permit);

    randi
        .deletes_agent(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200)
        .assert_empty();

    randi
        .deletes_agent(&TALLKNUSEREN_AGENT)
        .await
        .assert_problem(404, "AUTH-00015");
    assert_eq!(decide().await, NotApplicable);
    assert_eq!(world.app.stored_clients(&TALLKNUSEREN_AGENT).await, 0);
}

#[tokio::test]
async fn a_deleted_agent_is_gone_for_the_platform() {
    let world = World::start().await;
    world
        .randi()
        .deletes_agent(&TALLKNUSEREN_AGENT)
        .await
        .assert_status(200);
    world
        .organization(DIGDIR, SYSTEM_USER_ADMIN)
        .get(&format!("{STREAM}/{}", TALLKNUSEREN_AGENT.id))
        .await
        .assert_status(410);
}

/// Path of the question whether an agent acts for its owner.
fn acts_for_owner(agent: &SystemUser, owner_uuid: &str) -> String {
    let party = TALLKNUSEREN.party;
    format!("{AGENTS}/{party}/{}/self/?partyUuid={owner_uuid}", agent.id)
}

fn of_tallknuseren() -> String {
    acts_for_owner(&TALLKNUSEREN_AGENT, TALLKNUSEREN.uuid)
}

/// A world where the agent requires a package that its owner can give itself.
async fn with_package_for_owner() -> World {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, [SKATT_NAERING])
        .await;
    world
        .app
        .list_in_system(SKYREGNSKAP_BYRA, [SKATT_NAERING, LONN])
        .await;
    world
}

#[tokio::test]
async fn an_agent_does_not_act_for_its_owner_with_packages_for_clients() {
    let world = World::start().await;
    let randi = world.randi();
    randi
        .get(&of_tallknuseren())
        .await
        .assert_status(200)
        .assert_text("false");

    let refused = randi.post_empty(&of_tallknuseren()).await;

    let problem = refused.assert_problem(400, "AUTH-00064").problem();
    assert!(problem["NotDelegablePackages"].is_string(), "{problem}");
}

#[tokio::test]
async fn an_agent_may_be_let_act_for_its_owner() {
    let world = with_package_for_owner().await;
    let randi = world.randi();
    for _ in 0..2 {
        for answer in [
            randi.post_empty(&of_tallknuseren()).await,
            randi.get(&of_tallknuseren()).await,
        ] {
            answer.assert_status(200).assert_text("true");
        }
    }
    let path = format!("{}/delegations", TALLKNUSEREN_AGENT.path());
    let held = randi.get(&path).await.assert_status(200);
    assert_eq!(held.json()["accessPackages"], packages([SKATT_NAERING]));
}

#[tokio::test]
async fn an_agent_stops_acting_for_its_owner_and_keeps_its_clients() {
    let world = with_package_for_owner().await;
    let randi = world.randi();
    randi
        .post_empty(&of_tallknuseren())
        .await
        .assert_status(200);
    for _ in 0..2 {
        randi
            .delete(&of_tallknuseren())
            .await
            .assert_status(200)
            .assert_text("true");
        randi
            .get(&of_tallknuseren())
            .await
            .assert_status(200)
            .assert_text("false");
    }
    let sav = world.sav();
    let decision = sav.decides(&TALLKNUSEREN_AGENT, "sign", MVA_MELDING, NATTERGAL);
    assert_eq!(decision.await, Permit);
}

#[tokio::test]
async fn an_agent_acts_for_an_owner_that_is_named() {
    let world = with_package_for_owner().await;
    let path = acts_for_owner(&TALLKNUSEREN_AGENT, &Uuid::new_v4().to_string());
    world
        .randi()
        .post_empty(&path)
        .await
        .assert_problem(400, "AUTH-00049");
}

#[tokio::test]
async fn an_unknown_agent_does_not_act_for_an_owner() {
    let world = World::start().await;
    let path = acts_for_owner(&unknown(), TALLKNUSEREN.uuid);
    let refused = world.randi().post_empty(&path).await;
    assert_eq!(
        refused.problem()["errors"]["return"][0],
        format!("SystemUser with Id {} Not Found", Uuid::nil())
    );
}

#[tokio::test]
async fn an_agent_of_another_owner_does_not_act_for_an_owner() {
    let world = World::start().await;
    let path = acts_for_owner(&TINDEVANDRER_USER, TALLKNUSEREN.uuid);
    world.randi().post_empty(&path).await.assert_forbidden();
}

#[tokio::test]
async fn an_agent_acts_for_its_owner_with_packages_that_the_system_lists() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, [SKATT_NAERING])
        .await;
    world.app.list_in_system(SKYREGNSKAP_BYRA, [LONN]).await;

    let refused = world.randi().post_empty(&of_tallknuseren()).await;

    let problem = refused.assert_problem(400, "AUTH-00063").problem();
    assert!(problem["NotFoundPackages"].is_string(), "{problem}");
}

#[tokio::test]
async fn an_agent_without_packages_does_not_act_for_its_owner() {
    let world = World::start().await;
    world
        .app
        .require_of_agent(&TALLKNUSEREN_AGENT, NO_PACKAGES)
        .await;
    world
        .randi()
        .post_empty(&of_tallknuseren())
        .await
        .assert_problem(400, "AUTH-00063");
}

#[tokio::test]
async fn a_standard_system_user_is_not_let_act_for_its_owner_as_an_agent() {
    let world = World::start().await;
    world.app.make_standard(&TALLKNUSEREN_AGENT).await;
    world
        .randi()
        .post_empty(&of_tallknuseren())
        .await
        .assert_problem(400, "AUTH-00034");
}

#[tokio::test]
async fn a_stranger_does_not_see_whether_an_agent_acts_for_its_owner() {
    let world = World::start().await;
    world
        .oddny()
        .get(&of_tallknuseren())
        .await
        .assert_forbidden();
}

#[tokio::test]
async fn the_portal_lets_an_agent_act_for_its_owner_too() {
    let world = with_package_for_owner().await;
    let randi = world.randi();
    let path = format!(
        "/accessmanagement/api/v1/systemuser/agentdelegation/{}/{}/self?partyuuid={}",
        TALLKNUSEREN.party, TALLKNUSEREN_AGENT.id, TALLKNUSEREN.uuid
    );
    randi.post_empty(&path).await.assert_status(200);
    randi.get(&path).await.assert_text("true");
    randi.delete(&path).await.assert_status(200);
    randi.get(&path).await.assert_text("false");
}
