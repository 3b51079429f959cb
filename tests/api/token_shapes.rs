//! What a token makes of its bearer: only whom its issuer vouches for.

use std::sync::Arc;

use foundation::token::OwnKeys;
use reqwest::Method;
use sandbox::SandboxKeys;
use serde_json::{Map, Value, json};

use testkit::prelude::{
    Caller, ENDUSER, FJORDLONN, FJORDLONN_SYSTEM, Package, SystemUser, TALLKNUSEREN,
    TALLKNUSEREN_AGENT, TINDEVANDRER_USER, World,
};

use crate::{
    journey::{Client, claims_of},
    support::*,
};

const EXCHANGE: &str = "/authentication/api/v1/exchange";
const CLIENTS: &str = "altinn:clientdelegations.read altinn:clientdelegations.write";

/// Tokens signed by the issuers of the sandbox, and by our own.
struct Forge<'a> {
    app: &'a TestApp,
    maskinporten: Arc<OwnKeys>,
    idporten: Arc<OwnKeys>,
}

impl<'a> Forge<'a> {
    fn of(app: &'a TestApp) -> Self {
        let (keys, _) = SandboxKeys::load(&home().join("sandbox")).unwrap();
        Self {
            app,
            maskinporten: keys.maskinporten,
            idporten: keys.idporten,
        }
    }

    fn sign(&self, keys: &OwnKeys, issuer: &str, claims: Value) -> String {
        let now = self.app.clock.seconds();
        let mut all = Map::new();
        for (name, value) in [("iat", now), ("exp", now + 100)] {
            all.insert(name.to_owned(), value.into());
        }
        all.insert("iss".to_owned(), issuer.into());
        let Value::Object(claims) = claims else {
            panic!("claims are an object")
        };
        all.extend(claims);
        keys.signing_key().sign(&all, &[]).unwrap()
    }

    fn maskinporten(&self, claims: Value) -> String {
        let issuer = format!("{}/", self.app.maskinporten);
        self.sign(&self.maskinporten, &issuer, claims)
    }

    fn idporten(&self, claims: Value) -> String {
        self.sign(&self.idporten, &self.app.idporten, claims)
    }

    fn own(&self, claims: Value) -> String {
        let state = &self.app.running.state;
        self.sign(&state.own_keys, &self.app.running.config.own_issuer, claims)
    }

    /// What the exchange makes of a token.
    async fn exchanged(&self, provider: &str, token: &str) -> String {
        let answer = self.app.get(&format!("{EXCHANGE}/{provider}"), token).await;
        answer.expect(200).text.clone()
    }
}

fn consumer(number: &str) -> Value {
    json!({"authority": "iso6523-actorid-upis", "ID": format!("0192:{number}")})
}

/// Asks to list, create and approve for Nattergal, in Torleif's place; the statuses.
async fn acts_as_torleif(app: &TestApp, token: &str) -> Vec<u16> {
    let party = who::NATTERGAL_PARTY;
    let users = "/authentication/api/v1/systemuser";
    let new = json!({"integrationTitle": "x", "systemId": who::FJORDLONN_SYSTEM});
    let request = who::NATTERGAL_REQUEST;
    vec![
        app.get(&format!("{users}/{party}"), token).await.status,
        app.post(&format!("{users}/{party}/create"), token, new)
            .await
            .status,
        app.post_empty(&format!("{users}/request/{party}/{request}/reject"), token)
            .await
            .status,
        app.post_empty(&format!("{users}/request/{party}/{request}/approve"), token)
            .await
            .status,
        app.get("/accessmanagement/api/v1/enduser/authorizedparties", token)
            .await
            .status,
    ]
}

/// How each of these answers a caller who is no person.
const NO_PERSON: [u16; 5] = [403, 403, 403, 403, 401];

#[tokio::test]
async fn an_organisations_token_with_an_identity_number_is_no_persons() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    for (claim, value) in [
        ("pid", json!(who::TORLEIF)),
        ("nameid", json!("22000020")),
        ("urn:altinn:userid", json!(22_000_020)),
        ("urn:altinn:partyid", json!(53_000_012)),
    ] {
        let mut claims = json!({"client_id": who::FJORDLONN_CLIENT, "consumer": consumer(who::FJORDLONN),
            "scope": format!("altinn:authentication/systemuser.request.read {PORTAL}"), "acr": "idporten-loa-high"});
        claims[claim] = value;
        let direct = forge.maskinporten(claims);
        let exchanged = forge.exchanged("maskinporten", &direct).await;
        assert!(claims_of(&exchanged).get(claim).is_none(), "{claim}");
        assert_eq!(acts_as_torleif(&app, &direct).await, NO_PERSON, "{claim}");
        assert_eq!(
            acts_as_torleif(&app, &exchanged).await,
            NO_PERSON,
            "{claim}"
        );
    }
}

#[tokio::test]
async fn maskinporten_of_the_sandbox_restricts_a_token_to_a_person() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let client = Client::seeded(who::FJORDLONN_CLIENT);
    let mut grant = client.claims(&app, "altinn:authentication/systemuser.request.read");
    grant["pid"] = json!(who::TORLEIF);
    let answer = client.send(&app, &grant).await.expect(200).json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims_of(&token)["pid"], who::TORLEIF);
    let exchanged = forge.exchanged("maskinporten", &token).await;
    assert!(claims_of(&exchanged).get("pid").is_none());
    for token in [token, exchanged] {
        let path = format!("/authentication/api/v1/systemuser/{}", who::NATTERGAL_PARTY);
        app.get(&path, &token).await.expect(403);
    }
}

#[tokio::test]
async fn altinns_token_of_an_organisation_with_a_persons_claims_is_no_persons() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let token = forge.own(json!({"urn:altinn:authenticatemethod": "maskinporten", "urn:altinn:orgNumber": who::FJORDLONN,
        "scope": PORTAL, "pid": who::TORLEIF, "urn:altinn:authlevel": 4}));
    assert_eq!(acts_as_torleif(&app, &token).await, NO_PERSON);
    // With another method, or none, it has no shape.
    for method in [json!("BankID"), Value::Null] {
        let token = forge.own(
            json!({"urn:altinn:authenticatemethod": method, "urn:altinn:orgNumber": who::FJORDLONN,
            "scope": PORTAL, "pid": who::TORLEIF, "urn:altinn:authlevel": 4}),
        );
        assert_eq!(acts_as_torleif(&app, &token).await, [401; 5]);
    }
}

#[tokio::test]
async fn a_persons_token_is_no_vendors() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let scope = "altinn:authentication/systemregister.write altinn:authentication/systemregister";
    let direct = forge.idporten(
        json!({"client_id": "c", "consumer": consumer(who::SKYREGNSKAP), "scope": scope,
        "pid": who::ODDNY, "acr": "idporten-loa-high"}),
    );
    let exchanged = forge.exchanged("id-porten", &direct).await;
    assert!(claims_of(&exchanged).get("consumer").is_none());
    for token in [direct, exchanged] {
        app.get("/authentication/api/v1/systemregister/vendor", &token)
            .await
            .expect(403);
        let system = json!({"id": format!("{}_x", who::SKYREGNSKAP), "vendor": consumer(who::SKYREGNSKAP),
            "name": {"nb": "a", "nn": "a", "en": "a"}, "description": {"nb": "a", "nn": "a", "en": "a"}});
        app.post(
            "/authentication/api/v1/systemregister/vendor",
            &token,
            system,
        )
        .await
        .expect(403);
    }
}

#[tokio::test]
async fn a_persons_token_is_no_system_users() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let direct = forge.idporten(json!({"client_id": "c", "scope": "altinn:accessmanagement/authorizedparties",
        "pid": who::ODDNY, "acr": "idporten-loa-high",
        "authorization_details": [{"type": "urn:altinn:systemuser", "systemuser_id": [who::TINDEVANDRER_USER],
            "systemuser_org": consumer("390000000"), "system_id": "x"}]}));
    let exchanged = forge.exchanged("id-porten", &direct).await;
    assert!(claims_of(&exchanged).get("authorization_details").is_none());
    let owner = app
        .organization(who::SAV, "altinn:authorization/authorize")
        .await;
    let question = json!({"token": exchanged, "checks": [{"id": "c", "resource": "a-melding", "action": "write"}]});
    let answer = app
        .post(
            "/authorization/api/v1/systemuser/authorize",
            &owner,
            question,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(answer["error"]["code"], "not_a_systemuser_token");
    // The list is Oddny's, not the system user's.
    let list = app
        .get(
            "/accessmanagement/api/v1/enduser/authorizedparties",
            &exchanged,
        )
        .await
        .expect(200);
    assert!(list.text.contains(who::KERAMIKK) && !list.text.contains(who::TINDEVANDRER));
}

#[tokio::test]
async fn an_exchanged_token_has_the_documented_claims_alone() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let surplus = json!({"x": 1, "sub": "s", "email": "e@example.org", "urn:altinn:userid": 1, "urn:systembruker:src": "session",
        "client_orgno": who::SAV, "actor": {}, "nonce_": "n"});
    let with_surplus = |mut claims: Value| {
        let (Value::Object(all), Value::Object(more)) = (&mut claims, surplus.clone()) else {
            panic!("objects")
        };
        all.extend(more);
        claims
    };
    let organization = forge.maskinporten(with_surplus(json!({"client_id": "c", "jti": "j", "scope": "a:b", "token_type": "Bearer",
        "consumer": consumer(who::FJORDLONN), "consumer_prefix": ["a"], "supplier": consumer(who::SKYREGNSKAP),
        "delegation_source": "https://x.example/", "pid": who::ODDNY})));
    let person = forge.idporten(with_surplus(json!({"client_id": "c", "jti": "j", "scope": "altinn:x", "token_type": "Bearer",
        "pid": who::ODDNY, "acr": "level4", "amr": ["BankID"], "auth_time": 1, "locale": "nb", "consumer": consumer(who::SAV)})));
    let names = |token: &str| {
        let claims = claims_of(token);
        let mut names: Vec<String> = claims.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    let organization = forge.exchanged("maskinporten", &organization).await;
    assert_eq!(
        names(&organization),
        "client_id consumer consumer_prefix delegation_source exp iat iss jti nbf scope sid supplier token_type \
         urn:altinn:authenticatemethod urn:altinn:authlevel urn:altinn:orgNumber urn:systembruker:src"
    );
    assert_eq!(
        claims_of(&organization)["urn:systembruker:src"],
        "maskinporten"
    );
    let person = forge.exchanged("id-porten", &person).await;
    assert_eq!(
        names(&person),
        "acr amr auth_time client_id exp iat iss jti locale nameid nbf pid scope sid token_type \
         urn:altinn:authenticatemethod urn:altinn:authlevel urn:altinn:party:uuid urn:altinn:partyid \
         urn:altinn:userid urn:altinn:username urn:systembruker:src"
    );
    assert_eq!(claims_of(&person)["urn:systembruker:src"], "id-porten");
}

#[tokio::test]
async fn without_a_level_no_person_logged_in() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    for acr in [Value::Null, json!(4)] {
        let token = forge
            .idporten(json!({"client_id": "c", "scope": PORTAL, "pid": who::ODDNY, "acr": acr}));
        let refused = app
            .get(&format!("{EXCHANGE}/id-porten"), &token)
            .await
            .expect(401);
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        assert!(!refused.text.is_empty());
        let path = format!("/authentication/api/v1/systemuser/{}", who::KERAMIKK_PARTY);
        app.get(&path, &token).await.expect(401);
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let claims = json!({"sub": "s", "aud": "a-login-client", "scope": PORTAL, "pid": who::ODDNY, "acr": "level4",
        "auth_time": 1, "sid": "s"});
    let path = format!("/authentication/api/v1/systemuser/{}", who::KERAMIKK_PARTY);
    let refused = app.get(&path, &forge.idporten(claims)).await.expect(401);
    assert!(refused.header("www-authenticate").contains("\"type\""));
}

#[tokio::test]
async fn the_user_id_counts_before_an_organisations_party() {
    let app = TestApp::start().await;
    let forge = Forge::of(&app);
    let claims = claims_of(
        &forge
            .exchanged(
                "id-porten",
                &forge.idporten(json!({"client_id": "c", "scope": PORTAL,
        "pid": who::ODDNY, "acr": "level4"})),
            )
            .await,
    );
    let firm = app.uuid_of(who::KERAMIKK).await;
    let named = |names: Value| {
        let mut claims_ = json!({"scope": PORTAL, "urn:altinn:authlevel": 3, "urn:altinn:authenticatemethod": "BankID"});
        let (Value::Object(all), Value::Object(names)) = (&mut claims_, names) else {
            panic!("objects")
        };
        all.extend(names);
        forge.own(claims_)
    };
    let path = format!("/authentication/api/v1/systemuser/{}", who::KERAMIKK_PARTY);
    let user_id = claims["urn:altinn:userid"].as_str().unwrap();
    for (names, status) in [
        (
            json!({"urn:altinn:userid": user_id, "urn:altinn:party:uuid": firm, "urn:altinn:partyid": who::KERAMIKK_PARTY}),
            200,
        ),
        (
            json!({"nameid": user_id, "urn:altinn:party:uuid": firm}),
            200,
        ),
        (
            json!({"urn:altinn:userid": 1, "urn:altinn:party:uuid": claims["urn:altinn:party:uuid"]}),
            200,
        ),
        (
            json!({"urn:altinn:party:uuid": firm, "urn:altinn:partyid": claims["urn:altinn:partyid"]}),
            200,
        ),
        (
            json!({"urn:altinn:party:uuid": firm, "pid": who::ODDNY}),
            200,
        ),
        (
            json!({"urn:altinn:party:uuid": firm, "urn:altinn:partyid": who::KERAMIKK_PARTY}),
            403,
        ),
        (json!({"urn:altinn:userid": ""}), 403),
    ] {
        let answer = app.get(&path, &named(names.clone())).await;
        assert_eq!(answer.status, status, "{names}");
    }
}

#[tokio::test]
async fn who_changes_something_has_logged_in_at_level_3() {
    let app = TestApp::start().await;
    let users = "/authentication/api/v1/systemuser";
    let party = who::KERAMIKK_PARTY;
    let at = async |level: &str| {
        app.token(
            "GetPersonalToken",
            &[("pid", who::ODDNY), ("scopes", PORTAL), ("authLvl", level)],
        )
        .await
    };
    let (low, high) = (at("2").await, at("3").await);
    let unknown = uuid::Uuid::new_v4();
    for (method, path, status) in [
        (Method::POST, format!("{users}/{party}/create"), 400),
        (Method::DELETE, format!("{users}/{party}/{unknown}"), 404),
        (
            Method::POST,
            format!("{users}/request/{party}/{unknown}/approve"),
            404,
        ),
        (
            Method::POST,
            format!("{users}/request/{party}/{unknown}/reject"),
            404,
        ),
        (
            Method::POST,
            format!("{users}/request/{party}/{unknown}/escalate"),
            404,
        ),
        (
            Method::POST,
            format!("{users}/changerequest/{party}/{unknown}/approve"),
            404,
        ),
    ] {
        let send = async |token: &str| {
            app.send(method.clone(), &path, Some(token), Some(json!({})))
                .await
        };
        let refused = send(&low).await;
        assert_eq!((refused.status, refused.text.as_str()), (403, ""), "{path}");
        let answer = send(&high).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

/// A system user of Tallknuseren that holds the package of client administrators.
async fn client_administrator(world: &World) -> SystemUser {
    let vendor = world.fjordlonn();
    vendor
        .offers(FJORDLONN_SYSTEM, [CLIENT_ADMINISTRATOR])
        .await;
    let request = vendor.requests(TALLKNUSEREN, [CLIENT_ADMINISTRATOR]).await;
    world.randi().approves(&request).await.assert_status(200);
    request.system_user()
}

const CLIENT_ADMINISTRATOR: Package = Package("klientadministrator");

fn clients_of(agent: &SystemUser) -> String {
    format!("{ENDUSER}/clients?agent={}", agent.id)
}

#[tokio::test]
async fn a_system_user_administers_clients() {
    let world = World::start().await;
    let administrator = client_administrator(&world).await;
    let caller = Caller::system_user(&world.app, &administrator, FJORDLONN).with_scopes(CLIENTS);
    let path = clients_of(&TALLKNUSEREN_AGENT);

    let listed = caller.get(&path).await.assert_status(200).json();
    let client = listed["data"][0]["clientId"].as_str().unwrap().to_owned();
    let of_client = format!("{path}&client={client}");
    caller.delete(&of_client).await.assert_status(200);
    caller.post_empty(&of_client).await.assert_status(200);
    let agents = format!("{ENDUSER}/agents?party={}", TALLKNUSEREN.number);
    caller.get(&agents).await.assert_status(200);

    let rows = world.app.rows_of("client.added").await;
    let by = rows.last().unwrap();
    assert_eq!(by.actor_kind, "systemuser");
    assert_eq!(by.actor_party_uuid.unwrap().to_string(), administrator.id);
}

#[tokio::test]
async fn a_system_user_without_the_package_administers_no_clients() {
    let world = World::start().await;
    let caller =
        Caller::system_user(&world.app, &TINDEVANDRER_USER, FJORDLONN).with_scopes(CLIENTS);
    let path = clients_of(&TALLKNUSEREN_AGENT);
    caller.get(&path).await.assert_status(403);
}

#[tokio::test]
async fn a_system_user_that_was_deleted_administers_no_clients() {
    let world = World::start().await;
    let administrator = client_administrator(&world).await;
    let caller = Caller::system_user(&world.app, &administrator, FJORDLONN).with_scopes(CLIENTS);
    world
        .randi()
        .deletes(&administrator)
        .await
        .assert_status(202);
    caller
        .get(&clients_of(&TALLKNUSEREN_AGENT))
        .await
        .assert_status(401);
}
