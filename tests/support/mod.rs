//! The test kit by the names that older tests use.
//! New tests import `testkit::prelude`.

use serde_json::{Value, json};

pub use testkit::{
    answer::Answer,
    app::TestApp,
    cluster::home,
    facts::decision_request,
    scopes::{AUTHORIZE, LOOKUP, PORTAL, REGISTER_WRITE, REQUEST_READ, REQUEST_WRITE},
    settings::{free_port, settings},
};

/// Organisations and people of the universe.
pub mod who {
    use testkit::{organizations as o, people as p, systems as s};

    pub const FJORDLONN: &str = o::FJORDLONN.number;
    pub const SKYREGNSKAP: &str = o::SKYREGNSKAP.number;
    pub const HAVBLIKK: &str = o::HAVBLIKK.number;
    pub const SAV: &str = o::SAV.number;
    pub const KERAMIKK: &str = o::KERAMIKK.number;
    pub const KERAMIKK_PARTY: i32 = o::KERAMIKK.party;
    pub const NATTERGAL: &str = o::NATTERGAL.number;
    pub const NATTERGAL_PARTY: i32 = o::NATTERGAL.party;
    pub const TINDEVANDRER: &str = o::TINDEVANDRER.number;
    pub const TINDEVANDRER_PARTY: i32 = o::TINDEVANDRER.party;
    pub const ODDNY: &str = p::ODDNY.pid;
    pub const TORLEIF: &str = p::TORLEIF.pid;
    pub const JOSTEIN: &str = p::JOSTEIN.pid;
    pub const OLAV: &str = p::OLAV.pid;
    pub const FJORDLONN_SYSTEM: &str = s::FJORDLONN_SYSTEM.id;
    pub const FJORDLONN_CLIENT: &str = s::FJORDLONN_SYSTEM.client;
    /// Open request of Fjordlønn to Nattergal.
    pub const NATTERGAL_REQUEST: &str = "dd763c00-ef5a-51fc-9b94-33c923dbaf60";
    /// Standard system user of Tindevandrer at Fjordlønn.
    pub const TINDEVANDRER_USER: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";
    /// Managing director of Tallknuseren.
    pub const RANDI: &str = p::RANDI.pid;
    /// Agent system user of Tallknuseren.
    pub const TALLKNUSEREN_AGENT: &str = "05042226-1aa3-5372-87bc-b03f76163fdf";
}

/// What older tests do with the application.
pub trait ByHand {
    async fn organization(&self, org: &str, scopes: &str) -> String;
    async fn vendor(&self, org: &str) -> String;
    async fn person(&self, pid: &str) -> String;
    async fn raw_status(&self, request: &str) -> u16;
    async fn decide(
        &self,
        token: &str,
        subject: (&str, &str),
        action: &str,
        resource: &str,
        party: (&str, &str),
    ) -> Value;
    async fn decide_system_user(&self, id: &str, action: &str, resource: &str, org: &str)
    -> String;
    async fn new_request(&self, org: &str, packages: &[&str]) -> String;
}

impl ByHand for TestApp {
    async fn organization(&self, org: &str, scopes: &str) -> String {
        self.token("GetEnterpriseToken", &[("orgNo", org), ("scopes", scopes)])
            .await
    }

    async fn vendor(&self, org: &str) -> String {
        self.organization(
            org,
            &format!("{REGISTER_WRITE} {REQUEST_WRITE} {REQUEST_READ}"),
        )
        .await
    }

    async fn person(&self, pid: &str) -> String {
        self.token("GetPersonalToken", &[("pid", pid), ("scopes", PORTAL)])
            .await
    }

    /// Status of a request written by hand, for what an HTTP client would tidy up first.
    async fn raw_status(&self, request: &str) -> u16 {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = self.base.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("the service listens");
        stream
            .write_all(request.replace("{host}", address).as_bytes())
            .await
            .expect("a request is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer)
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or(0)
    }

    /// One decision, by attributes.
    async fn decide(
        &self,
        token: &str,
        subject: (&str, &str),
        action: &str,
        resource: &str,
        party: (&str, &str),
    ) -> Value {
        let answer = self
            .post(
                "/authorization/api/v1/authorize",
                token,
                decision_request(subject, action, resource, party),
            )
            .await
            .expect(200);
        answer.json()["response"][0].clone()
    }

    async fn decide_system_user(
        &self,
        id: &str,
        action: &str,
        resource: &str,
        org: &str,
    ) -> String {
        let token = self.organization(who::SAV, AUTHORIZE).await;
        let result = self
            .decide(
                &token,
                ("urn:altinn:systemuser:uuid", id),
                action,
                resource,
                ("urn:altinn:organization:identifier-no", org),
            )
            .await;
        result["decision"].as_str().expect("a decision").to_owned()
    }

    /// A request of Fjordlønn to a customer; its id.
    async fn new_request(&self, org: &str, packages: &[&str]) -> String {
        let token = self.vendor(who::FJORDLONN).await;
        let answer = self
            .post(
                "/authentication/api/v1/systemuser/request/vendor",
                &token,
                request_body(org, packages),
            )
            .await
            .expect(201);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}

/// Body of a request for Fjordlønn's system.
pub fn request_body(org: &str, packages: &[&str]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|p| json!({"urn": format!("urn:altinn:accesspackage:{p}")}))
        .collect();
    json!({"systemId": who::FJORDLONN_SYSTEM, "partyOrgNo": org, "accessPackages": packages})
}
