//! Findings about batches, in the words of the public API: they differ by what a batch lists, what it does,
//! and whose route it came by.

use uuid::Uuid;

use super::{
    bind::BatchItems,
    model::{DelegationEnds, DelegationPartyNames},
};
use crate::errors::{InvalidCode, InvalidInput};

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchDirection {
    Give,
    Take,
}

/// The words in which findings about a batch differ.
pub(super) struct BatchWording {
    pub(super) items: BatchItems,
    pub(super) direction: BatchDirection,
    pub(super) names: DelegationPartyNames,
}

impl BatchWording {
    pub(super) const fn unknown_role(&self) -> &'static str {
        match (self.items, self.direction) {
            (BatchItems::Packages, BatchDirection::Take) => "role do not exist.",
            (BatchItems::Packages, BatchDirection::Give) | (BatchItems::Resources, _) => {
                "Role does not exist."
            }
        }
    }

    pub(super) const fn unknown_package(&self) -> &'static str {
        match self.direction {
            BatchDirection::Give => "Package does not exist.",
            BatchDirection::Take => "package do not exist.",
        }
    }

    pub(super) const fn unknown_entity(&self) -> &'static str {
        match self.items {
            BatchItems::Packages => "entity do not exist.",
            BatchItems::Resources => "entity does not exist.",
        }
    }

    pub(super) fn unknown_client(&self, ends: DelegationEnds) -> String {
        match self.items {
            BatchItems::Packages => self.unknown_entity().to_owned(),
            BatchItems::Resources => format!(
                "'{}' is not a valid existing Client for '{}'.",
                ends.client, ends.party
            ),
        }
    }

    pub(super) fn no_agent(&self, ends: DelegationEnds) -> InvalidInput {
        let text = match self.items {
            BatchItems::Packages => format!(
                "Role is not assigned to '{}' from '{}'.",
                ends.agent, ends.party
            ),
            BatchItems::Resources => format!(
                "The user '{}' is not a valid registered Agent for '{}'.",
                ends.agent, ends.party
            ),
        };
        let path = format!("$QUERY/{}", self.names.agent);
        InvalidInput::new(
            InvalidCode::RoleNotHeld,
            path,
            "urn:altinn:role:agent",
            text,
        )
    }

    pub(super) fn unfit_system_user(&self, ends: DelegationEnds) -> InvalidInput {
        let text = match self.items {
            BatchItems::Packages => format!(
                "system user '{}' is not created for client delegation.",
                ends.agent
            ),
            BatchItems::Resources => format!(
                "system user '{}' is not supported, client delegation only supports system users of the 'AgentSystem' variant.",
                ends.agent
            ),
        };
        let path = format!("$QUERY/{}", self.names.agent);
        InvalidInput::new(
            InvalidCode::KindNotAllowed,
            path,
            ends.agent.to_string(),
            text,
        )
    }
}

pub(super) fn unknown_entity(name: &str, uuid: Uuid, text: impl Into<String>) -> InvalidInput {
    let path = format!("$QUERY/{name}");
    InvalidInput::new(InvalidCode::UnknownParty, path, uuid.to_string(), text)
}

/// The facilitator does not have the role for the client.
pub(super) fn role_not_held(index: usize, urn: &str, ends: DelegationEnds) -> InvalidInput {
    InvalidInput::new(
        InvalidCode::RoleNotHeld,
        format!("/values[{index}]/role"),
        urn,
        format!(
            "Role is not assigned to '{}' from '{}'.",
            ends.party, ends.client
        ),
    )
}
