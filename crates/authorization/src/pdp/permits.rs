//! Questions from inside the service: may this person or system user do this?

use uuid::Uuid;

use super::{DecisionMode, PartialRequest, Pdp, RequiredLevel, question};
use foundation::db::DbError;
use xacml::{Decision, ids};

/// Answer to a question from inside the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitAnswer {
    /// Permitted, if the level suffices.
    pub permit: bool,
    /// Authentication level that the caller must have.
    pub min_level: u8,
}

/// Who asks from inside the service.
#[derive(Debug, Clone, Copy)]
pub enum PermitSubject {
    /// A person, by party uuid.
    Person(Uuid),
    /// A system user.
    SystemUser(Uuid),
}

impl Pdp {
    /// May this caller do this for the party with this integer id?
    ///
    /// # Errors
    /// The facts cannot be had.
    pub async fn permits(
        &self,
        asker: PermitSubject,
        action: &str,
        resource: &str,
        party_id: i32,
    ) -> Result<PermitAnswer, DbError> {
        let mut request = PartialRequest::default();
        match asker {
            PermitSubject::Person(uuid) => {
                request.add(ids::SUBJECT, question::PARTY_UUID, uuid.to_string());
            }
            PermitSubject::SystemUser(uuid) => {
                request.add(ids::SUBJECT, question::SYSTEM_USER, uuid.to_string());
            }
        }
        request.add(ids::ACTION, ids::ACTION_ID, action);
        request.add(ids::RESOURCE, question::RESOURCE, resource);
        request.add(ids::RESOURCE, question::PARTY_ID, party_id.to_string());
        let decided = self.decide(DecisionMode::default(), &request).await?;
        let level = decided.required_level();
        Ok(PermitAnswer {
            // No caller has a level that cannot be read.
            permit: decided.decision == Decision::Permit && level != RequiredLevel::Unreadable,
            min_level: level.number().unwrap_or(0),
        })
    }
}
