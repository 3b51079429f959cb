//! The operator's own files.

use edges::import::{AcceptedPersons, ImportKind, ImportMode, MergeCounts};
use foundation::{config::Profile, ids::NationalId};
use serde_json::{Value, json};

use crate::import::files::{codes, file, good, gzip, import, import_as, ndjson, options};
use crate::support::{AUTHORIZE, ByHand as _, TestApp, who};

/// Valid numbers that the universe does not use.
const ORGS: [&str; 4] = ["391500002", "391533318", "391566623", "391599939"];

fn org(number: &str, form: &str) -> Value {
    json!({"orgNumber": number, "name": format!("FIRMA {number}"), "form": form, "status": "active"})
}

fn vectors(member: &str, valid: bool) -> Vec<String> {
    let all: Value = serde_json::from_str(include_str!("../../../data/check-digits.json")).unwrap();
    let list = all[member]
        .as_array()
        .unwrap()
        .iter()
        .filter(|v| (v["valid"] == true && v["value"] != "000000000") == valid);
    list.map(|v| v["value"].as_str().unwrap().to_owned())
        .collect()
}

fn person(id: &str) -> Value {
    json!({"personId": id, "firstName": "Prøve", "lastName": "Person"})
}

async fn decide_person(app: &TestApp, person: &str, org: &str) -> String {
    let token = app.organization(who::SAV, AUTHORIZE).await;
    let subject = ("urn:altinn:person:identifier-no", person);
    let result = app
        .decide(
            &token,
            subject,
            "write",
            "altinn_access_management",
            ("urn:altinn:organization:identifier-no", org),
        )
        .await;
    result["decision"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_taken_whole_and_a_second_time_changes_nothing() {
    let app = TestApp::start().await;
    let mut sub = org(ORGS[1], "BEDR");
    sub["parent"] = json!(ORGS[0]);
    sub["address"] = json!({"beliggenhetsadresse": {"adresse": ["Kaien 1"], "postnummer": "5003", "poststed": "BERGEN"}});
    let organizations = [org(ORGS[0], "AS"), sub, org(ORGS[2], "NUF")];
    assert_eq!(
        good(&app, ImportKind::Organizations, &organizations).await,
        MergeCounts {
            added: 3,
            changed: 0,
            ended: 0
        }
    );
    let ids = vectors("personIds", true);
    let persons: Vec<Value> = ids.iter().map(|id| person(id)).collect();
    let first = good(&app, ImportKind::Persons, &persons).await;
    let roles = [
        json!({"from": ORGS[0], "role": "DAGL", "toPerson": ids[0], "validFrom": "2020-01-31"}),
        json!({"from": ORGS[2], "role": "KONT", "toPerson": ids[1]}),
    ];
    // The contact person of a foreign enterprise is its representative too.
    assert_eq!(
        good(&app, ImportKind::Roles, &roles).await,
        MergeCounts {
            added: 3,
            changed: 0,
            ended: 0
        }
    );
    assert_eq!(decide_person(&app, &ids[0], ORGS[0]).await, "Permit");
    assert_eq!(
        decide_person(&app, &ids[0], ORGS[1]).await,
        "Permit",
        "the sub-unit is reached"
    );
    assert_eq!(decide_person(&app, &ids[1], ORGS[2]).await, "Permit");
    assert_eq!(decide_person(&app, &ids[1], ORGS[0]).await, "NotApplicable");

    let before = app.entries_of_feed().await;
    assert_eq!(
        good(&app, ImportKind::Organizations, &organizations).await,
        MergeCounts::default()
    );
    assert_eq!(
        good(&app, ImportKind::Persons, &persons).await,
        MergeCounts::default()
    );
    assert_eq!(
        good(&app, ImportKind::Roles, &roles).await,
        MergeCounts::default()
    );
    assert_eq!(app.entries_of_feed().await, before);
    assert!(first.added >= ids.len() as u64 - 1);
    let lookup = app
        .organization(who::SAV, "altinn:register/partylookup.admin")
        .await;
    let shown = app
        .get(
            &format!("/register/api/v1/organizations/{}", ORGS[1]),
            &lookup,
        )
        .await
        .json();
    assert_eq!(
        (&shown["businessAddress"], &shown["businessPostalCity"]),
        (&json!("Kaien 1"), &json!("BERGEN"))
    );
    // Ids of our own begin above those of the public system.
    assert_eq!(app.operator_parties_with_foreign_ids().await, 0);
}

#[tokio::test]
async fn check_digits_hold_in_files() {
    let app = TestApp::start().await;
    let wrong = vectors("organizationNumbers", false);
    let lines: Vec<Value> = wrong.iter().map(|n| org(n, "AS")).collect();
    let outcome = import(
        &app,
        &options(ImportKind::Organizations, file(ndjson(&lines))),
    )
    .await
    .unwrap();
    assert_eq!(outcome.findings.count, wrong.len() as u64);
    assert!(outcome.refused.is_some());
    let right: Vec<Value> = vectors("organizationNumbers", true)
        .iter()
        .map(|n| org(n, "AS"))
        .collect();
    assert_eq!(
        good(&app, ImportKind::Organizations, &right).await.added,
        right.len() as u64
    );
    let wrong = vectors("personIds", false);
    let lines: Vec<Value> = wrong.iter().map(|id| person(id)).collect();
    let outcome = import(&app, &options(ImportKind::Persons, file(ndjson(&lines))))
        .await
        .unwrap();
    assert_eq!(outcome.findings.count, wrong.len() as u64);
    // No number is repeated whole.
    for id in wrong.iter().filter(|id| id.len() == 11) {
        assert!(
            outcome
                .findings
                .list
                .iter()
                .all(|f| !f.reason.contains(id.as_str()))
        );
    }
}

#[tokio::test]
async fn one_wrong_line_refuses_the_file_and_names_it() {
    let app = TestApp::start().await;
    let text = format!(
        "{}\n\n{}\nnot json\n{}\n{}\n{}\n{}\n{}\n",
        org(ORGS[0], "AS"),
        json!({"orgNumber": ORGS[1], "form": "AS"}),
        json!({"orgNumber": "391500003", "name": "A", "form": "AS", "status": "dormant", "deletedAt": "31.12.2020"}),
        json!({"orgNumber": ORGS[0], "name": "ANOTHER NAME", "form": "AS"}),
        json!({"orgNumber": ORGS[2], "name": "A", "form": "BEDR", "parent": ORGS[3]}),
        json!({"orgNumber": ORGS[3], "name": "A".repeat(70_000), "form": "AS"}),
        json!({"orgNumber": ORGS[3], "name": "a\u{0}b", "form": "AS"}),
    );
    let outcome = import(
        &app,
        &options(ImportKind::Organizations, file(text.clone())),
    )
    .await
    .unwrap();
    let expected = [
        (3, "REQUIRED"),
        (4, "JSON"),
        (5, "CHECK_DIGIT"),
        (5, "DATE"),
        (5, "STATUS"),
        (6, "DUPLICATE"),
        (7, "UNKNOWN_PARTY"),
        (8, "TOO_LONG"),
        (9, "JSON"),
    ];
    let mut found = codes(&outcome);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(outcome.refused.is_some());
    assert_eq!(app.parties_from("operator").await, 0);
    assert_eq!(app.refused_imports(9).await, 1);
    // So many may be left out, if the operator says so.
    let mut lenient = options(ImportKind::Organizations, file(text));
    lenient.max_errors = 9;
    let outcome = import(&app, &lenient).await.unwrap();
    assert_eq!(
        (
            outcome.refused,
            outcome.counts.added,
            outcome.findings.count
        ),
        (None, 1, 9)
    );
}

/// The command names it, with the kind of the trouble.
#[tokio::test]
async fn the_error_about_a_file_that_is_not_there_leaves_its_name_to_the_command() {
    let app = TestApp::start().await;
    let gone = options(ImportKind::Organizations, "/no/such/file".into());
    let error = import(&app, &gone).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.starts_with("it cannot be read: "), "{error}");
    assert!(!error.contains("/no/such/file"), "{error}");
}

#[tokio::test]
async fn a_truncated_file_writes_nothing() {
    let app = TestApp::start().await;
    let text = ndjson(&[org(ORGS[0], "AS"), org(ORGS[1], "AS")]);
    let cut = import(
        &app,
        &options(ImportKind::Organizations, file(&text[..text.len() - 20])),
    )
    .await
    .unwrap();
    assert_eq!(codes(&cut), [(2, "JSON")]);
    let packed = gzip(ndjson(
        &(0..20_000).map(|_| org(ORGS[0], "AS")).collect::<Vec<_>>(),
    ));
    let error = import(
        &app,
        &options(ImportKind::Organizations, file(&packed[..packed.len() / 2])),
    )
    .await
    .unwrap_err();
    assert!(format!("{error:#}").contains("breaks off"), "{error:#}");
    assert_eq!(app.parties_from("operator").await, 0);
    // The whole file, packed, comes after.
    let whole = import(&app, &options(ImportKind::Organizations, file(packed)))
        .await
        .unwrap();
    assert_eq!(
        (whole.refused, whole.lines, whole.counts.added),
        (None, 20_000, 1)
    );
}

#[tokio::test]
async fn what_a_snapshot_names_no_more_ends_unless_it_is_too_much() {
    let app = TestApp::start().await;
    let all: Vec<Value> = ORGS.iter().map(|n| org(n, "AS")).collect();
    good(&app, ImportKind::Organizations, &all).await;
    let ids = vectors("personIds", true);
    good(
        &app,
        ImportKind::Persons,
        &[person(&ids[0]), person(&ids[1])],
    )
    .await;
    let role = |from: &str, id: &str| json!({"from": from, "role": "DAGL", "toPerson": id});
    good(
        &app,
        ImportKind::Roles,
        &[role(ORGS[0], &ids[0]), role(ORGS[1], &ids[1])],
    )
    .await;

    let outcome = import(
        &app,
        &options(ImportKind::Roles, file(ndjson(&[role(ORGS[0], &ids[0])]))),
    )
    .await
    .unwrap();
    assert!(
        outcome
            .refused
            .as_deref()
            .is_some_and(|r| r.contains("1 of the 2 rows")),
        "{outcome:?}"
    );
    assert_eq!(decide_person(&app, &ids[1], ORGS[1]).await, "Permit");
    let mut allowed = options(ImportKind::Roles, file(ndjson(&[role(ORGS[0], &ids[0])])));
    allowed.max_shrink = 50.0;
    allowed.dry_run = true;
    assert_eq!(
        import(&app, &allowed).await.unwrap().counts,
        MergeCounts {
            added: 0,
            changed: 0,
            ended: 1
        }
    );
    assert_eq!(
        decide_person(&app, &ids[1], ORGS[1]).await,
        "Permit",
        "a dry run keeps nothing"
    );
    allowed.dry_run = false;
    import(&app, &allowed).await.unwrap();
    assert_eq!(decide_person(&app, &ids[1], ORGS[1]).await, "NotApplicable");
    assert_eq!(decide_person(&app, &ids[0], ORGS[0]).await, "Permit");

    let mut fewer = options(ImportKind::Organizations, file(ndjson(&all[..3])));
    fewer.max_shrink = 25.0;
    assert_eq!(
        import(&app, &fewer).await.unwrap().counts,
        MergeCounts {
            added: 0,
            changed: 0,
            ended: 1
        }
    );
    assert_eq!(app.status_of_organization(ORGS[3]).await, "deleted");
    // Another source ends nothing of ours.
    let mut other = options(ImportKind::Organizations, file(ndjson(&all[3..])));
    other.source = "elsewhere".to_owned();
    assert_eq!(
        import(&app, &other).await.unwrap().counts,
        MergeCounts {
            added: 0,
            changed: 1,
            ended: 0
        }
    );
}

#[tokio::test]
async fn a_delta_changes_what_it_names() {
    let app = TestApp::start().await;
    good(&app, ImportKind::Organizations, &[org(ORGS[0], "KOMM")]).await;
    let ids = vectors("personIds", true);
    good(&app, ImportKind::Persons, &[person(&ids[0])]).await;
    let delta = |lines: &[Value]| {
        let mut options = options(ImportKind::Roles, file(ndjson(lines)));
        options.mode = ImportMode::Delta;
        options
    };
    let contact = json!({"from": ORGS[0], "role": "KONT", "toPerson": ids[0], "op": "add"});
    assert_eq!(
        import(&app, &delta(std::slice::from_ref(&contact)))
            .await
            .unwrap()
            .counts
            .added,
        2
    );
    assert_eq!(
        decide_person(&app, &ids[0], ORGS[0]).await,
        "Permit",
        "the contact of a municipality is its access manager"
    );
    let mut ended = contact.clone();
    ended["op"] = json!("end");
    assert_eq!(
        import(&app, &delta(std::slice::from_ref(&ended)))
            .await
            .unwrap()
            .counts
            .ended,
        2
    );
    assert_eq!(decide_person(&app, &ids[0], ORGS[0]).await, "NotApplicable");
    assert_eq!(
        import(&app, &delta(std::slice::from_ref(&ended)))
            .await
            .unwrap()
            .counts,
        MergeCounts::default()
    );
    assert_eq!(
        codes(
            &import(&app, &options(ImportKind::Roles, file(ndjson(&[ended]))))
                .await
                .unwrap()
        ),
        [(1, "OPERATION")]
    );
}

#[tokio::test]
async fn what_roles_may_not_say() {
    let app = TestApp::start().await;
    good(
        &app,
        ImportKind::Organizations,
        &[org(ORGS[0], "AS"), org(ORGS[1], "AS"), org(ORGS[2], "BEDR")],
    )
    .await;
    let lines = [
        json!({"from": ORGS[0], "role": "XXXX", "toOrg": ORGS[1]}),
        json!({"from": ORGS[0], "role": "DAGL"}),
        json!({"from": ORGS[0], "role": "REGN", "toOrg": ORGS[0]}),
        json!({"from": ORGS[3], "role": "REGN", "toOrg": ORGS[0]}),
        json!({"from": ORGS[0], "role": "DAGL", "toPerson": vectors("personIds", true)[3]}),
        json!({"from": ORGS[2], "role": "BEDR", "toOrg": ORGS[0]}),
        json!({"from": ORGS[2], "role": "BEDR", "toOrg": ORGS[1]}),
    ];
    let outcome = import(&app, &options(ImportKind::Roles, file(ndjson(&lines))))
        .await
        .unwrap();
    let mut found = codes(&outcome);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (1, "UNKNOWN_ROLE"),
            (2, "REQUIRED"),
            (3, "SELF"),
            (4, "UNKNOWN_PARTY"),
            (5, "UNKNOWN_PARTY"),
            (7, "PARENT")
        ]
    );
    // The link of a sub-unit may come as a role as well.
    good(&app, ImportKind::Roles, &lines[5..6]).await;
    assert_eq!(app.main_unit_of(ORGS[2]).await.as_deref(), Some(ORGS[0]));
}

#[tokio::test]
async fn a_person_keeps_everything_when_the_number_changes() {
    let app = TestApp::start().await;
    let ids = vectors("personIds", true);
    good(&app, ImportKind::Organizations, &[org(ORGS[0], "AS")]).await;
    good(&app, ImportKind::Persons, &[person(&ids[0])]).await;
    good(
        &app,
        ImportKind::Roles,
        &[json!({"from": ORGS[0], "role": "DAGL", "toPerson": ids[0]})],
    )
    .await;
    let uuid = app.uuid_of_imported_person().await;
    let mut renumbered = person(&ids[1]);
    renumbered["replaces"] = json!([ids[0]]);
    assert_eq!(
        good(&app, ImportKind::Persons, std::slice::from_ref(&renumbered)).await,
        MergeCounts {
            added: 0,
            changed: 1,
            ended: 0
        }
    );
    assert_eq!(
        good(&app, ImportKind::Persons, &[renumbered]).await,
        MergeCounts::default()
    );
    assert_eq!(app.uuid_of_imported_person().await, uuid);
    for id in &ids[..2] {
        assert_eq!(decide_person(&app, id, ORGS[0]).await, "Permit");
    }
    // Two lines about one person, and a number of another person.
    let outcome = import(
        &app,
        &options(
            ImportKind::Persons,
            file(ndjson(&[person(&ids[0]), person(&ids[1])])),
        ),
    )
    .await
    .unwrap();
    assert_eq!(codes(&outcome), [(2, "CONFLICT")]);
    let mut stolen = person(&ids[2]);
    stolen["replaces"] = json!([who::TORLEIF]);
    good(&app, ImportKind::Persons, &[person(&ids[2])]).await;
    let outcome = import(&app, &options(ImportKind::Persons, file(ndjson(&[stolen]))))
        .await
        .unwrap();
    assert!(
        codes(&outcome).iter().all(|(_, code)| *code == "CONFLICT") && outcome.refused.is_some(),
        "{outcome:?}"
    );
    let mut uuids = person(&ids[2]);
    uuids["partyUuid"] = json!(uuid);
    let outcome = import(&app, &options(ImportKind::Persons, file(ndjson(&[uuids]))))
        .await
        .unwrap();
    assert!(outcome.refused.is_some());
}

#[tokio::test]
async fn what_a_lost_relation_ends_goes_in_the_same_transaction() {
    let app = TestApp::start().await;
    let decide = async || {
        app.decide_system_user(
            who::TALLKNUSEREN_AGENT,
            "read",
            "mva-melding",
            who::NATTERGAL,
        )
        .await
    };
    let clients = async || app.delegated_clients().await;
    let before = clients().await;
    let agent = &testkit::systems::TALLKNUSEREN_AGENT;
    let published = app.feed_entries(agent).await;
    let permitted = decide().await;
    let mut delta = options(
        ImportKind::Roles,
        file(ndjson(&[
            json!({"from": who::NATTERGAL, "role": "REGN", "toOrg": "390784554", "op": "end"}),
        ])),
    );
    delta.mode = ImportMode::Delta;
    assert_eq!(import(&app, &delta).await.unwrap().counts.ended, 1);
    assert_eq!(clients().await, before - 1);
    assert_eq!(decide().await, "NotApplicable", "it was {permitted}");
    assert_eq!(
        app.audited_of_client("delegation.ended", "import:operator")
            .await,
        1
    );
    assert_eq!(app.feed_entries(agent).await, published + 1);
}

#[tokio::test]
async fn death_ends_what_was_given_and_got() {
    let app = TestApp::start().await;
    assert_eq!(
        decide_person(&app, who::JOSTEIN, who::TINDEVANDRER).await,
        "Permit"
    );
    let mut deceased = json!({"personId": who::JOSTEIN, "firstName": "Jostein", "lastName": "Bekkeblom", "deathDate": "2026-11-01"});
    let counts = good(&app, ImportKind::Persons, std::slice::from_ref(&deceased)).await;
    assert_eq!((counts.ended, counts.changed), (2, 1));
    assert_eq!(
        decide_person(&app, who::JOSTEIN, who::TINDEVANDRER).await,
        "NotApplicable"
    );
    assert_eq!(app.relations_of_deceased("Jostein").await, 0);
    deceased["deathDate"] = Value::Null;
    good(&app, ImportKind::Persons, &[deceased]).await;
    assert_eq!(
        decide_person(&app, who::JOSTEIN, who::TINDEVANDRER).await,
        "NotApplicable",
        "what ended stays ended"
    );
}

fn service_owner() -> Value {
    json!({"orgcode": "nye", "orgNumber": ORGS[0], "name": {"nb": "Ny eier", "nn": "Ny eigar", "en": "New owner"}})
}

fn texts() -> Value {
    json!({"nb": "Ny", "nn": "Ny", "en": "New"})
}

/// A resource of the new service owner that asks for an access list.
fn resource() -> Value {
    let policy = file(
        include_str!("../../../data/universe/policies/a-melding.xml")
            .replace("a-melding", "nye-tjenesten"),
    );
    let texts = texts();
    json!({"identifier": "nye-tjenesten", "title": texts, "description": texts, "rightDescription": texts, "resourceType": "GenericAccessResource",
        "accessListMode": "Enabled", "contactPoints": [], "hasCompetentAuthority": {"organization": ORGS[0], "orgcode": "nye"}, "policyFile": policy.file_name().unwrap().to_str().unwrap()})
}

fn access_list(members: &[&str]) -> Value {
    json!({"owner": "nye", "identifier": "liste", "name": "Liste", "members": members, "resources": [{"resource": "nye-tjenesten"}]})
}

fn vendor() -> Value {
    json!({"orgNumber": ORGS[1], "status": "active"})
}

fn system() -> Value {
    let texts = texts();
    json!({"id": format!("{}_nytt", ORGS[1]), "vendor": format!("0192:{}", ORGS[1]), "name": texts, "description": texts, "rights": [],
        "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}], "clientId": ["ny-klient"], "allowedRedirectUrls": [], "isVisible": true})
}

fn system_user(id: &str) -> Value {
    json!({"id": id, "userType": "standard", "systemId": format!("{}_nytt", ORGS[1]), "ownerOrgNo": ORGS[2],
        "accessPackages": ["urn:altinn:accesspackage:a-ordning"], "rights": []})
}

const USER: &str = "7d1c7b52-31c0-4c8c-9f0e-0a4f7a1f6b01";

/// With three organisations, of which the first becomes a service owner.
async fn with_organizations() -> TestApp {
    let app = TestApp::start().await;
    let organizations = [org(ORGS[0], "ORGL"), org(ORGS[1], "AS"), org(ORGS[2], "AS")];
    good(&app, ImportKind::Organizations, &organizations).await;
    app
}

/// With a resource too, that an access list opens to the third, and a system of the second.
async fn with_system() -> TestApp {
    let app = with_organizations().await;
    for (kind, line) in [
        (ImportKind::ServiceOwners, service_owner()),
        (ImportKind::Resources, resource()),
        (ImportKind::AccessLists, access_list(&[ORGS[2]])),
        (ImportKind::Vendors, vendor()),
        (ImportKind::Systems, system()),
    ] {
        good(&app, kind, &[line]).await;
    }
    app
}

/// The first import adds it, and the second finds nothing to do.
async fn comes_in_once(app: &TestApp, kind: ImportKind, line: Value) {
    assert_eq!(good(app, kind, std::slice::from_ref(&line)).await.added, 1);
    assert_eq!(good(app, kind, &[line]).await, MergeCounts::default());
}

#[tokio::test]
async fn a_service_owner_comes_in_once() {
    let app = with_organizations().await;
    comes_in_once(&app, ImportKind::ServiceOwners, service_owner()).await;
}

#[tokio::test]
async fn a_resource_comes_in_once_with_its_policy() {
    let app = with_organizations().await;
    good(&app, ImportKind::ServiceOwners, &[service_owner()]).await;
    comes_in_once(&app, ImportKind::Resources, resource()).await;
}

#[tokio::test]
async fn a_policy_that_is_not_in_the_folder_of_its_file_is_refused() {
    let app = with_organizations().await;
    good(&app, ImportKind::ServiceOwners, &[service_owner()]).await;
    for path in ["../x.xml", "/etc/passwd", "missing.xml"] {
        let mut bad = resource();
        bad["policyFile"] = json!(path);
        assert!(
            import(&app, &options(ImportKind::Resources, file(ndjson(&[bad]))))
                .await
                .unwrap()
                .refused
                .is_some(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_access_list_comes_in_once_and_its_members_change() {
    let app = with_organizations().await;
    good(&app, ImportKind::ServiceOwners, &[service_owner()]).await;
    good(&app, ImportKind::Resources, &[resource()]).await;
    comes_in_once(&app, ImportKind::AccessLists, access_list(&[ORGS[1]])).await;
    let changed = good(&app, ImportKind::AccessLists, &[access_list(&[ORGS[2]])]).await;
    assert_eq!(changed.changed, 1);
}

#[tokio::test]
async fn a_vendor_comes_in() {
    let app = with_organizations().await;
    assert_eq!(good(&app, ImportKind::Vendors, &[vendor()]).await.added, 1);
}

#[tokio::test]
async fn a_right_holder_has_what_the_last_file_gives() {
    let app = with_system().await;
    let ids = vectors("personIds", true);
    good(&app, ImportKind::Persons, &[person(&ids[0])]).await;
    let holder = |packages: &[&str]| json!({"from": ORGS[1], "toPerson": ids[0], "accessPackages": packages, "rights": [{"resource": "nye-tjenesten", "actions": ["read"]}]});
    assert_eq!(
        good(
            &app,
            ImportKind::Rightholders,
            &[holder(&[
                "urn:altinn:accesspackage:tilgangsstyrer",
                "urn:altinn:accesspackage:lonn"
            ])]
        )
        .await
        .added,
        1
    );
    assert_eq!(decide_person(&app, &ids[0], ORGS[1]).await, "Permit");
    assert_eq!(
        good(
            &app,
            ImportKind::Rightholders,
            &[holder(&["urn:altinn:accesspackage:lonn"])]
        )
        .await
        .changed,
        1
    );
    assert_eq!(decide_person(&app, &ids[0], ORGS[1]).await, "NotApplicable");
    assert_eq!(
        good(
            &app,
            ImportKind::Rightholders,
            &[holder(&["urn:altinn:accesspackage:lonn"])]
        )
        .await,
        MergeCounts::default()
    );
}

#[tokio::test]
async fn a_system_comes_in_once() {
    let app = with_organizations().await;
    good(&app, ImportKind::Vendors, &[vendor()]).await;
    comes_in_once(&app, ImportKind::Systems, system()).await;
}

#[tokio::test]
async fn a_system_user_comes_in_once_and_may_do_what_it_holds() {
    let app = with_system().await;
    comes_in_once(&app, ImportKind::SystemUsers, system_user(USER)).await;
    // Its owner is on the list that the resource asks for.
    let decision = app.decide_system_user(USER, "write", "nye-tjenesten", ORGS[2]);
    assert_eq!(decision.await, "Permit");
}

#[tokio::test]
async fn a_second_system_user_of_the_same_system_and_owner_is_a_conflict() {
    let app = with_system().await;
    good(&app, ImportKind::SystemUsers, &[system_user(USER)]).await;
    let second = system_user("7d1c7b52-31c0-4c8c-9f0e-0a4f7a1f6b02");
    assert_eq!(
        codes(
            &import(
                &app,
                &options(ImportKind::SystemUsers, file(ndjson(&[second])))
            )
            .await
            .unwrap()
        ),
        [(1, "CONFLICT")]
    );
}

#[tokio::test]
async fn a_client_delegation_comes_in_once_and_changes() {
    let app = TestApp::start().await;
    let delegation = json!({"systemUserId": who::TALLKNUSEREN_AGENT, "facilitator": "390784554", "client": who::TINDEVANDRER, "role": "REGN",
        "accessPackages": ["urn:altinn:accesspackage:regnskapsforer-lonn"]});
    assert_eq!(
        good(
            &app,
            ImportKind::ClientDelegations,
            std::slice::from_ref(&delegation)
        )
        .await,
        MergeCounts {
            added: 1,
            changed: 0,
            ended: 0
        }
    );
    assert_eq!(
        good(
            &app,
            ImportKind::ClientDelegations,
            std::slice::from_ref(&delegation)
        )
        .await,
        MergeCounts::default()
    );
    let mut more = delegation;
    more["accessPackages"] =
        json!(["urn:altinn:accesspackage:regnskapsforer-med-signeringsrettighet"]);
    assert_eq!(
        good(&app, ImportKind::ClientDelegations, &[more]).await,
        MergeCounts {
            added: 0,
            changed: 1,
            ended: 0
        }
    );
}

#[tokio::test]
async fn a_request_comes_in_once() {
    let app = with_system().await;
    let request = json!({"id": "7d1c7b52-31c0-4c8c-9f0e-0a4f7a1f6b03", "userType": "standard", "systemId": format!("{}_nytt", ORGS[1]), "partyOrgNo": ORGS[2], "status": "New",
        "escalated": false, "accessPackages": [{"urn": "urn:altinn:accesspackage:lonn"}], "rights": [], "createdDaysAgo": 3});
    comes_in_once(&app, ImportKind::Requests, request).await;
}

#[tokio::test]
async fn unknown_members_and_forms_are_warned_of() {
    let app = TestApp::start().await;
    let mut line = org(ORGS[0], "XYZ");
    line["colour"] = json!("blue");
    let outcome = import(
        &app,
        &options(ImportKind::Organizations, file(ndjson(&[line]))),
    )
    .await
    .unwrap();
    let warned: Vec<String> = outcome
        .findings
        .warnings()
        .into_iter()
        .map(|w| w.code)
        .collect();
    assert_eq!((outcome.refused, outcome.counts.added), (None, 1));
    assert_eq!(warned, ["UNKNOWN_FORM", "UNKNOWN_MEMBER"]);
}

/// A number with good check digits, of a day that has no offset: it could be a real person's.
fn real_looking() -> String {
    let mut numbers = (0..100_000).map(|end| format!("010170{end:05}"));
    numbers
        .find(|number| NationalId::parse_checked(number).is_ok())
        .unwrap()
}

#[tokio::test]
async fn outside_production_no_file_brings_a_number_that_could_be_real() {
    let app = TestApp::start().await;
    let (real, made_up) = (real_looking(), vectors("personIds", true)[0].clone());
    let mut replaced = person(&made_up);
    replaced["replaces"] = json!([real]);
    for (kind, line) in [
        (ImportKind::Persons, person(&real)),
        (ImportKind::Persons, replaced),
        (
            ImportKind::Roles,
            json!({"from": who::NATTERGAL, "role": "DAGL", "toPerson": real}),
        ),
        (
            ImportKind::Rightholders,
            json!({"from": who::NATTERGAL, "toPerson": real, "accessPackages": []}),
        ),
    ] {
        let outcome = import(&app, &options(kind, file(ndjson(&[line]))))
            .await
            .unwrap();
        assert_eq!(codes(&outcome), [(1, "NOT_SYNTHETIC")], "{kind:?}");
        assert!(outcome.refused.is_some());
        assert!(!outcome.findings.list[0].reason.contains(&real));
    }
}

#[tokio::test]
async fn production_accepts_all_persons() {
    let app = TestApp::start().await;
    let persons = AcceptedPersons::of(Profile::Prod);
    let options = options(
        ImportKind::Persons,
        file(ndjson(&[person(&real_looking())])),
    );
    let outcome = import_as(&app, &options, persons).await.unwrap();
    assert_eq!((outcome.counts.added, outcome.refused), (1, None));
}
