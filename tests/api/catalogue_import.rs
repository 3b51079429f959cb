//! Roles and packages that an operator's files replace while the service runs.

use std::time::Duration;

use registers::packages::catalogue::{
    self, CatalogueFile, CatalogueImportOptions, CatalogueImportOutcome, CataloguePart, ChangeKind,
    MissingPackages, WholeCatalogue,
};
use serde_json::{Value, json};
use testkit::prelude::*;

const META: &str = "/accessmanagement/api/v1/meta/info/accesspackages";

/// Imports parts of a catalogue as one file.
async fn imports(world: &World, parts: Value, missing: MissingPackages) -> CatalogueImportOutcome {
    let options = CatalogueImportOptions {
        missing,
        dry_run: false,
    };
    import_with(world, parts, options).await
}

async fn import_with(
    world: &World,
    parts: Value,
    options: CatalogueImportOptions,
) -> CatalogueImportOutcome {
    let file = CatalogueFile {
        name: "parts.json".to_owned(),
        bytes: parts.to_string().into_bytes(),
    };
    let state = &world.app.running.state;
    catalogue::import(&state.db, &[file], options)
        .await
        .expect("an import")
}

/// The packages that come with the program.
fn packages() -> Vec<Value> {
    let whole = WholeCatalogue::shipped().unwrap().document().unwrap();
    whole["packages"].as_array().unwrap().clone()
}

/// Those without one.
fn packages_without(package: Package) -> Value {
    let mut list = packages();
    list.retain(|one| one["urn"] != package.urn());
    json!({"packages": list})
}

/// Those with a new one, and another description of the first.
fn packages_with_a_new_one() -> Value {
    let mut list = packages();
    list[0]["description"] = json!({"nb": "Ny tekst.", "nn": "Ny tekst.", "en": "New text."});
    let mut new = list[0].clone();
    new["id"] = json!("00000000-0000-4000-8000-000000000001");
    new["urn"] = json!("urn:altinn:accesspackage:helt-ny");
    new["code"] = json!("helt-ny");
    new["name"] = json!({"nb": "Helt ny", "nn": "Heilt ny", "en": "Brand new"});
    list.push(new);
    json!({"packages": list})
}

/// Waits until an address answers so; it does within some seconds.
async fn until(world: &World, path: &str, is_so: impl Fn(&Answer) -> bool) -> Answer {
    let asking = async {
        loop {
            let answer = world.fjordlonn().get(path).await;
            if is_so(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .expect("the imported catalogue is used")
}

fn by_urn(package: &str) -> String {
    format!("{META}/package/urn/{package}")
}

#[tokio::test]
async fn an_imported_catalogue_is_used_by_every_instance_without_a_restart() {
    let world = World::start().await;
    let other = world.another_instance().await;

    let outcome = imports(&world, packages_with_a_new_one(), MissingPackages::Refused).await;

    assert_eq!(outcome.faults, Vec::<String>::new());
    assert_eq!((outcome.counts.added, outcome.counts.changed), (1, 1));
    for instance in [&world, &other] {
        let new = until(instance, &by_urn("helt-ny"), |answer| answer.status == 200).await;
        assert_eq!(new.json()["name"], "Helt ny");
        let changed = instance.fjordlonn().get(&by_urn("jordbruk")).await.json();
        assert_eq!(changed["description"], "Ny tekst.");
        // A vendor can ask for it at once.
        let offered = json!([{"urn": "urn:altinn:accesspackage:helt-ny"}]);
        instance
            .fjordlonn()
            .changes(FJORDLONN_SYSTEM, "accessPackages", offered)
            .await;
    }
}

#[tokio::test]
async fn who_imported_what_is_in_the_trail_and_the_same_again_changes_nothing() {
    let world = World::start().await;
    imports(&world, packages_with_a_new_one(), MissingPackages::Refused).await;
    let again = imports(&world, packages_with_a_new_one(), MissingPackages::Refused).await;

    assert_eq!(again.changes, Vec::new());
    let rows = world.app.rows_of("catalogue.imported").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].detail.as_ref().unwrap()["counts"],
        json!({"packages": {"added": 1, "changed": 1, "removed": 0, "retired": 0}})
    );
    assert_eq!(
        rows[0].detail.as_ref().unwrap()["files"],
        json!(["parts.json"])
    );
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_keeps_nothing() {
    let world = World::start().await;
    let options = CatalogueImportOptions {
        missing: MissingPackages::Refused,
        dry_run: true,
    };

    let outcome = import_with(&world, packages_with_a_new_one(), options).await;

    assert_eq!(outcome.changes.len(), 2);
    assert_eq!(world.app.audited("catalogue.imported").await, 0);
    let same = import_with(&world, packages_with_a_new_one(), options).await;
    assert_eq!(same.changes, outcome.changes);
}

#[tokio::test]
async fn a_package_that_is_used_does_not_vanish() {
    let world = World::start().await;

    let outcome = imports(
        &world,
        packages_without(A_ORDNING),
        MissingPackages::Refused,
    )
    .await;

    let named: Vec<&String> = outcome
        .faults
        .iter()
        .filter(|fault| fault.contains(&A_ORDNING.urn()) && fault.contains("used by"))
        .collect();
    assert_eq!(named.len(), 1, "{:?}", outcome.faults);
    for user in ["systems", "system users", "policies"] {
        assert!(named[0].contains(user), "{}", named[0]);
    }
    assert_eq!(world.app.audited("catalogue.imported").await, 0);
}

#[tokio::test]
async fn a_retired_package_still_counts_in_decisions_and_is_not_offered() {
    let world = World::start().await;
    let decides = async || {
        let owner = world.sav();
        let user = &TINDEVANDRER_USER;
        owner.decides(user, "write", A_MELDING, TINDEVANDRER).await
    };
    assert_eq!(decides().await, Decision::Permit);

    let outcome = imports(
        &world,
        packages_without(A_ORDNING),
        MissingPackages::Retired,
    )
    .await;

    assert_eq!(outcome.faults, Vec::<String>::new());
    let retired = outcome.changes.iter();
    let retired: Vec<_> = retired
        .filter(|change| change.kind == ChangeKind::Retired)
        .map(|change| (change.part, change.name.clone()))
        .collect();
    assert_eq!(retired, [(CataloguePart::Packages, A_ORDNING.urn())]);
    let search = format!("{META}/search?term=a-ordning");
    let is_gone = |answer: &Answer| {
        answer.status == 204 || !answer.text.contains(&format!("\"{}\"", A_ORDNING.urn()))
    };
    until(&world, &search, is_gone).await;
    assert_eq!(decides().await, Decision::Permit);
    let shown = world.fjordlonn().get(&by_urn("a-ordning")).await;
    assert_eq!(shown.assert_status(200).json()["urn"], A_ORDNING.urn());
    let asked = json!({
        "externalRef": "retired", "systemId": FJORDLONN_SYSTEM.id, "partyOrgNo": NATTERGAL.number,
        "accessPackages": [{"urn": A_ORDNING.urn()}],
    });
    world
        .fjordlonn()
        .sends_request(asked)
        .await
        .assert_status(400);

    // Back in a later file, it is one like the others.
    let back = imports(
        &world,
        json!({"packages": packages()}),
        MissingPackages::Refused,
    )
    .await;

    assert_eq!((back.counts.changed, back.faults.len()), (1, 0));
    until(&world, &search, |answer| {
        answer.status == 200 && answer.text.contains(&A_ORDNING.urn())
    })
    .await;
}

#[tokio::test]
async fn packages_of_roles_change_what_roles_may_at_once() {
    let world = World::start().await;
    let asks = async || {
        let owner = world.sav();
        let resource = Resource("skattemelding-naering");
        owner
            .decides_for(TORLEIF, "read", resource, NATTERGAL)
            .await
    };
    let whole = WholeCatalogue::shipped().unwrap().document().unwrap();
    let mut pairs = whole["rolePackages"].as_array().unwrap().clone();
    pairs.retain(|pair| pair["package"] != SKATT_NAERING.urn());
    assert_eq!(asks().await, Decision::Permit);

    let outcome = imports(
        &world,
        json!({"rolePackages": pairs}),
        MissingPackages::Refused,
    )
    .await;

    assert_eq!(outcome.faults, Vec::<String>::new());
    let waiting = async {
        while asks().await != Decision::NotApplicable {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("the director loses what the roles gave");
}

#[tokio::test]
async fn everything_that_is_wrong_is_found_and_nothing_is_written() {
    let world = World::start().await;
    let mut list = packages();
    list[0]["area"] = json!("accesspackage:area:nowhere");
    list[1]["isDelegable"] = json!("yes");
    list[2]["code"] = json!("another");
    let parts = json!({"packages": list, "roleMap": [{"has": "daglig-leder", "gets": "no-role"}], "extra": []});

    let outcome = imports(&world, parts, MissingPackages::Retired).await;

    for part in ["nowhere", "packages[1]", "code", "no-role"] {
        let found = outcome.faults.iter().any(|fault| fault.contains(part));
        assert!(found, "{part}: {:?}", outcome.faults);
    }
    assert!(outcome.warnings.iter().any(|one| one.contains("extra")));
    assert_eq!(world.app.audited("catalogue.imported").await, 0);
}

#[tokio::test]
async fn a_role_and_a_form_that_are_used_do_not_vanish() {
    let world = World::start().await;
    let whole = WholeCatalogue::shipped().unwrap().document().unwrap();
    let mut roles = whole["roles"].as_array().unwrap().clone();
    roles.retain(|role| role["code"] != "daglig-leder");
    let mut forms = whole["variants"].as_array().unwrap().clone();
    forms.retain(|form| form["code"] != "AS");

    let parts = json!({"roles": roles, "variants": forms});
    let outcome = imports(&world, parts, MissingPackages::Retired).await;

    for (name, user) in [("daglig-leder", "roles of the register"), ("AS", "parties")] {
        let is_it = |fault: &&String| fault.contains(name) && fault.contains(user);
        assert_eq!(
            outcome.faults.iter().filter(is_it).count(),
            1,
            "{name}: {:?}",
            outcome.faults
        );
    }
}

#[tokio::test]
async fn restrictions_warn_and_what_is_granted_stays() {
    let world = World::start().await;
    let mut list = packages();
    let restricted = list.iter_mut().find(|one| one["urn"] == A_ORDNING.urn());
    restricted.unwrap()["isAssignable"] = json!(false);

    let outcome = imports(&world, json!({"packages": list}), MissingPackages::Refused).await;

    assert_eq!(outcome.faults, Vec::<String>::new());
    let is_it = |one: &&String| one.contains("isAssignable") && one.contains("system users");
    assert_eq!(
        outcome.warnings.iter().filter(is_it).count(),
        1,
        "{:?}",
        outcome.warnings
    );
    let user = &TINDEVANDRER_USER;
    let decision = world
        .sav()
        .decides(user, "write", A_MELDING, TINDEVANDRER)
        .await;
    assert_eq!(decision, Decision::Permit);
}

#[tokio::test]
async fn what_was_imported_is_kept_when_the_service_starts_again() {
    let world = World::start().await;
    imports(&world, packages_with_a_new_one(), MissingPackages::Refused).await;

    let again = world.another_instance().await;

    let found = again.fjordlonn().get(&by_urn("helt-ny")).await;
    assert_eq!(found.assert_status(200).json()["name"], "Helt ny");
    let status = catalogue::status(&again.app.running.state.db)
        .await
        .unwrap();
    let status = status.unwrap();
    assert!(status.version.is_imported && status.is_another_shipped);
}
