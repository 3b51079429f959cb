//! Service owners: they ask for decisions.

use serde_json::Value;

use crate::{
    answer::Answer,
    app::TestApp,
    caller::Caller,
    facts::{Decision, decision_request, question},
    organizations::Organization,
    packages::Resource,
    people::Person,
    scopes::AUTHORIZE,
    systems::SystemUser,
};

/// Where service owners ask for decisions.
pub const AUTHORIZE_PATH: &str = "/authorization/api/v1/authorize";

/// The kind of service owners.
#[derive(Debug, Clone, Copy)]
pub struct ServiceOwner;

/// A service owner that calls.
pub type ServiceOwnerCaller<'a> = Caller<'a, ServiceOwner>;

impl<'a> Caller<'a, ServiceOwner> {
    /// A service owner that may ask for decisions.
    #[must_use]
    pub fn service_owner(app: &'a TestApp, organization: Organization) -> Self {
        Caller::organization(app, organization, AUTHORIZE).with_kind(ServiceOwner)
    }

    /// Asks a question.
    pub async fn asks(&self, question: Value) -> Answer {
        self.post(AUTHORIZE_PATH, question).await
    }

    /// Decides whether a person may do something for an organisation.
    pub async fn decides_for(
        &self,
        person: Person,
        action: &str,
        resource: Resource,
        party: Organization,
    ) -> Decision {
        let subject = ("urn:altinn:person:identifier-no", person.pid);
        let party = ("urn:altinn:organization:identifier-no", party.number);
        let answer = self
            .asks(decision_request(subject, action, resource.0, party))
            .await;
        Decision::of(&answer.assert_status(200).json()["response"][0]["decision"])
    }

    /// Decides whether a system user may do something for an organisation.
    pub async fn decides(
        &self,
        user: &SystemUser,
        action: &str,
        resource: Resource,
        party: Organization,
    ) -> Decision {
        let answer = self.asks(question(user, action, resource, party)).await;
        Decision::of(&answer.assert_status(200).json()["response"][0]["decision"])
    }
}
