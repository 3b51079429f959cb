//! Who hands out.

use registers::parties::{Party, Person};

/// Who decides, and for whom. That the person may is settled before.
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
