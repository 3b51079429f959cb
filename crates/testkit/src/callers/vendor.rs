//! Vendors: they register systems and make requests.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    answer::Answer,
    app::TestApp,
    caller::Caller,
    organizations::Organization,
    packages::{Package, packages},
    requests::{
        RequestHandle, RequestKind, VENDOR_AGENT_REQUESTS, VENDOR_CHANGES, VENDOR_REQUESTS,
        request_for,
    },
    scopes::{REGISTER_WRITE, REQUEST_READ, REQUEST_WRITE},
    systems::{FJORDLONN_SYSTEM, SKYREGNSKAP_BYRA, System, SystemUser},
};

/// Where systems are registered.
pub const SYSTEMS: &str = "/authentication/api/v1/systemregister/vendor";

/// The kind of vendors.
#[derive(Debug, Clone, Copy)]
pub struct Vendor {
    /// Who it is.
    pub organization: Organization,
}

/// A vendor that calls.
pub type VendorCaller<'a> = Caller<'a, Vendor>;

impl<'a> Caller<'a, Vendor> {
    /// A vendor with the scopes that vendors have.
    #[must_use]
    pub fn vendor(app: &'a TestApp, organization: Organization) -> Self {
        let scopes = format!("{REGISTER_WRITE} {REQUEST_WRITE} {REQUEST_READ}");
        Caller::organization(app, organization, &scopes).with_kind(Vendor { organization })
    }

    /// A handle of the request that an answer shows.
    #[track_caller]
    fn handle(
        &self,
        kind: RequestKind,
        customer: Organization,
        answer: &Answer,
    ) -> RequestHandle<'a> {
        RequestHandle {
            app: self.app,
            id: answer.json()["id"].as_str().expect("an id").to_owned(),
            kind,
            vendor: self.kind.organization,
            customer,
        }
    }

    /// Asks a customer for a system user of Fjordlønn's system with these packages.
    pub async fn requests(
        &self,
        customer: Organization,
        list: impl IntoIterator<Item = Package>,
    ) -> RequestHandle<'a> {
        self.requests_as(customer, request_for(FJORDLONN_SYSTEM, customer, list))
            .await
    }

    /// Asks a customer for a system user; the body is the test's.
    pub async fn requests_as(&self, customer: Organization, body: Value) -> RequestHandle<'a> {
        let answer = self.sends_request(body).await.assert_status(201);
        self.handle(RequestKind::Standard, customer, &answer)
    }

    /// Asks a customer for an agent of Skyregnskap's system with these packages.
    pub async fn requests_agent(
        &self,
        customer: Organization,
        list: impl IntoIterator<Item = Package>,
    ) -> RequestHandle<'a> {
        let body = request_for(SKYREGNSKAP_BYRA, customer, list);
        self.requests_agent_as(customer, body).await
    }

    /// Asks a customer for an agent; the body is the test's.
    pub async fn requests_agent_as(
        &self,
        customer: Organization,
        body: Value,
    ) -> RequestHandle<'a> {
        let answer = self.sends_agent_request(body).await.assert_status(201);
        self.handle(RequestKind::Agent, customer, &answer)
    }

    /// Asks for a change of a system user.
    pub async fn requests_change(&self, user: &SystemUser, body: Value) -> RequestHandle<'a> {
        let answer = self
            .sends_change(Uuid::new_v4(), user, body)
            .await
            .assert_status(201);
        self.handle(RequestKind::Change, user.owner, &answer)
    }

    /// Posts a request.
    pub async fn sends_request(&self, body: Value) -> Answer {
        self.post(VENDOR_REQUESTS, body).await
    }

    /// Posts a request for an agent.
    pub async fn sends_agent_request(&self, body: Value) -> Answer {
        self.post(VENDOR_AGENT_REQUESTS, body).await
    }

    /// Posts a change request under an id of the vendor's choice.
    pub async fn sends_change(&self, id: Uuid, user: &SystemUser, body: Value) -> Answer {
        let query = format!("correlation-id={id}&system-user-id={}", user.id);
        self.post(&format!("{VENDOR_CHANGES}?{query}"), body).await
    }

    /// Reads a request.
    pub async fn reads(&self, request: &RequestHandle<'_>) -> Answer {
        self.get(&request.vendor_path()).await
    }

    /// Takes a request back.
    pub async fn takes_back(&self, request: &RequestHandle<'_>) -> Answer {
        self.delete(&request.vendor_path()).await
    }

    /// Registers a system.
    pub async fn registers(&self, body: Value) -> Answer {
        self.post(SYSTEMS, body).await
    }

    /// Reads a system.
    pub async fn reads_system(&self, system_id: &str) -> Answer {
        self.get(&format!("{SYSTEMS}/{system_id}")).await
    }

    /// Replaces a system, or a part of one such as `{id}/rights`.
    pub async fn replaces(&self, path: &str, body: Value) -> Answer {
        self.put(&format!("{SYSTEMS}/{path}"), body).await
    }

    /// Changes one member of a system, and leaves the others as they are.
    pub async fn changes(&self, system: System, member: &str, value: Value) {
        let mut body = self.reads_system(system.id).await.assert_status(200).json();
        body[member] = value;
        self.replaces(system.id, body).await.assert_status(200);
    }

    /// Deletes a system.
    pub async fn deletes_system(&self, system_id: &str) -> Answer {
        self.delete(&format!("{SYSTEMS}/{system_id}")).await
    }

    /// Offers these packages with a system from now on, and no others.
    pub async fn offers(&self, system: System, list: impl IntoIterator<Item = Package>) {
        self.replaces(&format!("{}/accesspackages", system.id), packages(list))
            .await
            .assert_status(200);
    }
}
