//! Who delegates.

use foundation::audit::Actor;
use registers::parties::{Party, Person};
use uuid::Uuid;

/// Who decides, and for whom. That the person may has been checked before.
#[derive(Debug, Clone, Copy)]
pub struct Approver<'a> {
    /// The person.
    pub person: &'a Person,
    /// The party the person decides for.
    pub party: &'a Party,
}

impl Approver<'_> {
    /// As it is written down who changed something.
    #[must_use]
    pub fn name(&self) -> String {
        format!("user_id:{}", self.person.0.user_id.unwrap_or(0))
    }
}

/// Who administers clients, and for which party. That it may has been checked before.
#[derive(Debug, Clone, Copy)]
pub struct ClientAdministrator<'a> {
    /// The person or system user.
    pub by: Administrator<'a>,
    /// The party whose clients they are.
    pub party: &'a Party,
}

/// A person or a system user.
#[derive(Debug, Clone, Copy)]
pub enum Administrator<'a> {
    /// A person.
    Person(&'a Person),
    /// A system user, by its id.
    SystemUser(Uuid),
}

impl ClientAdministrator<'_> {
    /// As it is written down who changed something.
    #[must_use]
    pub fn name(&self) -> String {
        match self.by {
            Administrator::Person(person) => format!("user_id:{}", person.0.user_id.unwrap_or(0)),
            Administrator::SystemUser(id) => format!("systemuser:{id}"),
        }
    }

    /// As the audit trail knows it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self.by {
            Administrator::Person(person) => Actor::Person(person.0.uuid),
            Administrator::SystemUser(id) => Actor::SystemUser(id),
        }
    }
}

impl<'a> From<Approver<'a>> for ClientAdministrator<'a> {
    fn from(approver: Approver<'a>) -> Self {
        Self {
            by: Administrator::Person(approver.person),
            party: approver.party,
        }
    }
}
