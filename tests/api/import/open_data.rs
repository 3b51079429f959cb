//! The open files of the Brønnøysund registers, in all their shapes.

use edges::import::{FileImportOptions, ImportFormat, ImportKind, PersonMatch};
use serde_json::{Value, json};

use super::files::{codes, file, gzip, import, options};
use crate::support::{AUTHORIZE, ByHand as _, TestApp, who};

const MAIN: &str = "391500002";
const SUB: &str = "391533318";
const ACCOUNTANT: &str = "391566623";
const SCHOOL: &str = "391599939";

fn brreg(format: ImportFormat, array: &Value, packed: bool) -> FileImportOptions {
    let text = array.to_string();
    let path = if packed { file(gzip(text)) } else { file(text) };
    let kind = if format == ImportFormat::BrregRoles {
        ImportKind::Roles
    } else {
        ImportKind::Organizations
    };
    let source = if format == ImportFormat::BrregSubUnits {
        "brreg:underenheter"
    } else {
        "brreg"
    };
    FileImportOptions {
        format,
        source: source.to_owned(),
        ..options(kind, path)
    }
}

fn unit(number: &str, name: &str, form: &str) -> Value {
    json!({"organisasjonsnummer": number, "navn": name, "organisasjonsform": {"kode": form, "beskrivelse": "x", "_links": {}}, "konkurs": false,
        "registreringsdatoEnhetsregisteret": "2011-05-02", "respons_klasse": "Enhet", "naeringskode1": {"kode": "10.710"}, "antallAnsatte": 4})
}

fn person(first: &str, last: &str, born: &str) -> Value {
    json!({"fodselsdato": born, "navn": {"fornavn": first, "etternavn": last}, "erDoed": false})
}

#[expect(clippy::needless_pass_by_value, reason = "it reads better")]
fn role(code: &str, member: &str, holder: Value) -> Value {
    json!({"type": {"kode": code, "beskrivelse": "x"}, member: holder, "fratraadt": false, "avregistrert": false, "rekkefolge": 0})
}

fn units() -> Value {
    let mut bankrupt = unit(ACCOUNTANT, "TALL OG BALANSE AS", "AS");
    bankrupt["konkurs"] = json!(true);
    let mut main = unit(MAIN, "HOVED ENHET AS", "AS");
    main["forretningsadresse"] = json!({"land": "Norge", "landkode": "NO", "postnummer": "9999", "poststed": "VIKSUND", "adresse": ["Kringlesvingen 4", "Bakgården"]});
    let mut school = unit(SCHOOL, "SKOLEN", "ORGL");
    school["overordnetEnhet"] = json!(MAIN);
    json!([main, bankrupt, school])
}

fn roles() -> Value {
    let mut resigned = role("MEDL", "person", person("Else", "Borte", "1960-01-01"));
    resigned["fratraadt"] = json!(true);
    let mut deceased = person("Død", "Mann", "1930-01-01");
    deceased["erDoed"] = json!(true);
    json!([
        {"organisasjonsnummer": MAIN, "rollegrupper": [
            {"type": {"kode": "DAGL"}, "sistEndret": "2021-03-04", "roller": [role("DAGL", "person", person("Torleif", "Morgenrød", "1975-06-19"))]},
            {"type": {"kode": "STYR"}, "roller": [resigned, role("LEDE", "person", deceased), role("MEDL", "person", person("Ukjent", "Kvinne", "1970-01-01"))]},
            {"type": {"kode": "REGN"}, "sistEndret": "2022-01-11", "roller": [
                role("REGN", "enhet", json!({"organisasjonsnummer": ACCOUNTANT, "organisasjonsform": {"kode": "AS"}, "navn": ["TALL OG", "BALANSE AS"], "erSlettet": false})),
                role("REGN", "enhet", json!({"organisasjonsnummer": who::NATTERGAL, "navn": ["X"], "erSlettet": true})),
            ]},
            {"type": {"kode": "REVI"}, "roller": [role("REVI", "enhet", json!({"organisasjonsnummer": "392000070", "navn": ["UKJENT"]}))]},
            {"type": {"kode": "SIGN"}, "roller": [{"type": {"kode": "SIGN"}, "fritekst": {"plassering": "1"}}]},
            {"type": {"kode": "NYTT"}, "roller": [role("NYTT", "person", person("A", "B", "1980-01-01"))]},
        ]},
        {"organisasjonsnummer": ACCOUNTANT},
    ])
}

async fn decide(app: &TestApp, subject: (&str, &str), org: &str) -> String {
    let token = app.organization(who::SAV, AUTHORIZE).await;
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
async fn units_sub_units_and_roles_come_in() {
    let app = TestApp::start().await;
    let outcome = import(&app, &brreg(ImportFormat::BrregUnits, &units(), true))
        .await
        .unwrap();
    assert_eq!((outcome.refused, outcome.counts.added), (None, 3));
    let mut sub = unit(SUB, "AVDELING", "BEDR");
    sub["overordnetEnhet"] = json!(MAIN);
    sub["beliggenhetsadresse"] =
        json!({"postnummer": "9999", "poststed": "VIKSUND", "adresse": ["Kaien 1"]});
    let mut orphan = unit("391699860", "FORELDRELØS", "BEDR");
    orphan["overordnetEnhet"] = json!("391666555");
    let outcome = import(
        &app,
        &brreg(ImportFormat::BrregSubUnits, &json!([sub, orphan]), false),
    )
    .await
    .unwrap();
    assert_eq!(
        (
            &outcome.refused,
            outcome.counts.added,
            outcome.findings.warnings()[0].code.as_str()
        ),
        (&None, 2, "UNKNOWN_PARTY")
    );
    // Main units and sub-units are two files: neither ends what the other names.
    assert_eq!(app.open_data_parties("deleted").await, 0);
    assert_eq!(app.open_data_parties("bankrupt").await, 1);
    assert_eq!(app.main_unit_of(SUB).await.as_deref(), Some(MAIN));
    // A unit of the public sector is related to the one above it, and inherits nothing.
    assert_eq!(app.main_unit_of(SCHOOL).await, None);
    assert_eq!(app.registered_roles(SCHOOL, "ORGL").await, 1);

    let outcome = import(&app, &brreg(ImportFormat::BrregRoles, &roles(), true))
        .await
        .unwrap();
    let warned: Vec<String> = outcome
        .findings
        .warnings()
        .into_iter()
        .map(|w| w.code)
        .collect();
    assert_eq!(
        (&outcome.refused, outcome.counts.added, warned),
        (
            &None,
            1,
            vec!["UNKNOWN_PARTY".to_owned(), "UNKNOWN_ROLE".to_owned()]
        )
    );
    // A name and a birth date give no access.
    assert_eq!(app.unresolved_holders().await, 2);
    assert_eq!(
        decide(
            &app,
            ("urn:altinn:person:identifier-no", who::TORLEIF),
            MAIN
        )
        .await,
        "NotApplicable"
    );
    let again = import(&app, &brreg(ImportFormat::BrregRoles, &roles(), false))
        .await
        .unwrap();
    assert!(again.counts.is_nothing());
    assert_eq!(app.unresolved_holders().await, 2);
    let lookup = app
        .organization(who::SAV, "altinn:register/partylookup.admin")
        .await;
    let shown = app
        .get(&format!("/register/api/v1/organizations/{MAIN}"), &lookup)
        .await
        .json();
    assert_eq!(shown["businessAddress"], "Kringlesvingen 4, Bakgården");
}

#[tokio::test]
async fn a_unique_match_may_be_bound_outside_production() {
    let app = TestApp::start().await;
    import(&app, &brreg(ImportFormat::BrregUnits, &units(), false))
        .await
        .unwrap();
    let mut unique = brreg(ImportFormat::BrregRoles, &roles(), false);
    unique.person_match = PersonMatch::Unique;
    assert_eq!(import(&app, &unique).await.unwrap().counts.added, 2);
    assert_eq!(
        decide(
            &app,
            ("urn:altinn:person:identifier-no", who::TORLEIF),
            MAIN
        )
        .await,
        "Permit"
    );
    assert_eq!(app.unresolved_holders().await, 1);
    // Two persons of that name and day: none is chosen.
    app.store_person("torleif  MORGENRØD", "1975-06-19").await;
    unique.max_shrink = 100.0;
    assert_eq!(import(&app, &unique).await.unwrap().counts.ended, 1);
    assert_eq!(
        decide(
            &app,
            ("urn:altinn:person:identifier-no", who::TORLEIF),
            MAIN
        )
        .await,
        "NotApplicable"
    );
}

#[tokio::test]
async fn files_for_authorised_receivers_name_persons_by_number() {
    let app = TestApp::start().await;
    import(&app, &brreg(ImportFormat::BrregUnits, &units(), false))
        .await
        .unwrap();
    let mut torleif = person("Torleif", "Morgenrød", "1975-06-19");
    torleif["fodselsnummer"] = json!(who::TORLEIF);
    let list = json!([{"organisasjonsnummer": MAIN, "rollegrupper": [{"type": {"kode": "DAGL"}, "roller": [role("DAGL", "person", torleif)]}]}]);
    assert_eq!(
        import(&app, &brreg(ImportFormat::BrregRoles, &list, true))
            .await
            .unwrap()
            .counts
            .added,
        1
    );
    assert_eq!(
        decide(
            &app,
            ("urn:altinn:person:identifier-no", who::TORLEIF),
            MAIN
        )
        .await,
        "Permit"
    );
}

#[tokio::test]
async fn what_is_no_such_file_is_refused() {
    let app = TestApp::start().await;
    let whole = units().to_string();
    for (text, said) in [
        (&whole[..whole.len() - 9], "breaks off"),
        ("{}", "cannot be read"),
        ("[1", "breaks off"),
        ("", "breaks off"),
        ("[] x", "cannot be read"),
    ] {
        let options = FileImportOptions {
            file: file(text),
            ..brreg(ImportFormat::BrregUnits, &json!([]), false)
        };
        let error = import(&app, &options).await.unwrap_err();
        assert!(format!("{error:#}").contains(said), "{text}: {error:#}");
    }
    let mut wrong = unit("391500003", "FEIL", "AS");
    wrong["konkurs"] = json!("nei");
    let list = json!([
        unit(MAIN, "RETT AS", "AS"),
        wrong,
        unit("391500003", "FEIL", "AS"),
        7
    ]);
    let outcome = import(&app, &brreg(ImportFormat::BrregUnits, &list, false))
        .await
        .unwrap();
    assert_eq!(
        codes(&outcome),
        [(2, "JSON"), (3, "CHECK_DIGIT"), (4, "JSON")]
    );
    let huge = format!(
        "[{{\"organisasjonsnummer\":\"{MAIN}\",\"navn\":\"{}\"}}]",
        "x".repeat(9 * 1024 * 1024)
    );
    let error = import(
        &app,
        &FileImportOptions {
            file: file(huge),
            ..brreg(ImportFormat::BrregUnits, &json!([]), false)
        },
    )
    .await
    .unwrap_err();
    assert!(format!("{error:#}").contains("more than"), "{error:#}");
    assert_eq!(app.parties_from("brreg").await, 0);
}
