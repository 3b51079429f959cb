//! End users: they answer requests, and manage system users and their clients.

use crate::{
    answer::Answer, app::TestApp, caller::Caller, organizations::Organization, people::Person,
    requests::RequestHandle, scopes::PORTAL, systems::SystemUser,
};

/// Where an end user's system manages agents and their clients.
pub const ENDUSER: &str = "/authentication/api/v1/enduser/systemuser";
/// Where the portal manages agents and their clients.
pub const AGENTS: &str = "/authentication/api/v1/systemuser/agent";

/// The kind of end users.
#[derive(Debug, Clone, Copy)]
pub struct EndUser;

/// An end user that calls.
pub type EndUserCaller<'a> = Caller<'a, EndUser>;

impl<'a> Caller<'a, EndUser> {
    /// A person in the portal.
    #[must_use]
    pub fn end_user(app: &'a TestApp, person: Person) -> Self {
        Caller::person(app, person, PORTAL).with_kind(EndUser)
    }

    /// Approves a request.
    pub async fn approves(&self, request: &RequestHandle<'_>) -> Answer {
        self.post_empty(&format!("{}/approve", request.customer_path()))
            .await
    }

    /// Rejects a request.
    pub async fn rejects(&self, request: &RequestHandle<'_>) -> Answer {
        self.post_empty(&format!("{}/reject", request.customer_path()))
            .await
    }

    /// Passes a request on to a person who may answer it.
    pub async fn escalates(&self, request: &RequestHandle<'_>) -> Answer {
        self.post_empty(&format!("{}/escalate", request.customer_path()))
            .await
    }

    /// Reads a request of an organisation.
    pub async fn reads(&self, request: &RequestHandle<'_>) -> Answer {
        self.get(&request.customer_path()).await
    }

    /// Reads what the page about a request shows.
    pub async fn opens(&self, request: &RequestHandle<'_>) -> Answer {
        self.get(&request.page_path()).await
    }

    /// Reads a system user.
    pub async fn reads_user(&self, user: &SystemUser) -> Answer {
        self.get(&user.path()).await
    }

    /// Deletes a system user that is no agent.
    pub async fn deletes(&self, user: &SystemUser) -> Answer {
        self.delete(&user.path()).await
    }

    /// Deletes an agent system user.
    pub async fn deletes_agent(&self, agent: &SystemUser) -> Answer {
        let owner = agent.owner;
        self.delete(&format!(
            "{AGENTS}/{}/{}?facilitatorId={}",
            owner.party, agent.id, owner.uuid
        ))
        .await
    }

    /// Lists the clients that an agent has.
    pub async fn lists_clients(&self, agent: &SystemUser) -> Answer {
        self.get(&format!("{ENDUSER}/clients?agent={}", agent.id))
            .await
    }

    /// Lists the organisations that could be an agent's clients.
    pub async fn lists_available_clients(&self, agent: &SystemUser) -> Answer {
        self.get(&format!("{ENDUSER}/clients/available?agent={}", agent.id))
            .await
    }

    /// Gives a client to an agent.
    pub async fn adds_client(&self, agent: &SystemUser, client: Organization) -> Answer {
        self.post_empty(&client_path(agent, client)).await
    }

    /// Takes a client from an agent.
    pub async fn removes_client(&self, agent: &SystemUser, client: Organization) -> Answer {
        self.delete(&client_path(agent, client)).await
    }
}

fn client_path(agent: &SystemUser, client: Organization) -> String {
    format!(
        "{ENDUSER}/clients?agent={}&client={}",
        agent.id, client.uuid
    )
}
