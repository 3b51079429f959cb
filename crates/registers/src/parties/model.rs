//! Parties and connections, without I/O.

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use crate::packages::{PackageKey, RoleKey, VariantKey};

/// Kind of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyKind {
    /// A human being.
    Person,
    /// An organisation of any form.
    Organization,
    /// A system user: its uuid is the system user's id.
    SystemUser,
    /// Accepted in imports, given nothing.
    Other,
}

impl PartyKind {
    /// From the stored word; none for another one.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Some(match word {
            "person" => Self::Person,
            "organization" => Self::Organization,
            "system-user" => Self::SystemUser,
            "self-identified-user" | "enterprise-user" => Self::Other,
            _ => return None,
        })
    }
}

foundation::text_column!(PartyKind);

/// State of an organisation. Only deletion has an effect; the others are information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "words of the register")]
pub enum PartyStatus {
    Active,
    Bankrupt,
    WindingUp,
    Deleted,
}

impl PartyStatus {
    /// From the stored word; none for another one.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Some(match word {
            "active" => Self::Active,
            "bankrupt" => Self::Bankrupt,
            "winding-up" => Self::WindingUp,
            "deleted" => Self::Deleted,
            _ => return None,
        })
    }
}

foundation::text_column!(PartyStatus);

/// A party.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct Party {
    pub key: i32,
    pub uuid: Uuid,
    pub party_id: Option<i32>,
    pub kind: PartyKind,
    pub form: Option<VariantKey>,
    pub status: PartyStatus,
    pub org_number: Option<String>,
    pub user_id: Option<i32>,
    pub parent_key: Option<i32>,
    pub name: String,
    pub death_date: Option<NaiveDate>,
}

impl Party {
    /// A deleted organisation, or a deceased person: nothing is had for it, and it has nothing.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == PartyStatus::Deleted || self.death_date.is_some()
    }
}

/// A person, alive or deceased, found by the names in a token.
#[derive(Debug, Clone)]
pub struct Person(pub Party);

/// How a relation reaches its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// From the giver to the subject.
    Direct,
    /// From the giver to an organisation in which the subject holds a key role.
    KeyRole {
        /// That key role.
        role: RoleKey,
        /// Form of that organisation.
        form: Option<VariantKey>,
    },
    /// Delegated by a facilitator to an agent: a system user or a person.
    Client,
}

/// One relation that counts for a subject and a reportee.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Form of the party the relation comes from.
    pub from_form: Option<VariantKey>,
    /// The relation comes from the reportee's main unit.
    pub from_main_unit: bool,
    /// The relation comes from a sole proprietorship that the reportee, a person, owns.
    pub from_own_firm: bool,
    /// Role of the relation.
    pub role: RoleKey,
    /// How it reaches the subject.
    pub via: Via,
    /// Packages assigned on a right-holder relation, or delegated in a client delegation.
    pub packages: Vec<PackageKey>,
    /// Rights assigned on a right-holder relation; in a client delegation, those that the client has
    /// given the facilitator on the resources that were delegated.
    pub rights: Vec<SingleRight>,
}

/// A right to one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleRight {
    /// Identifier of the resource.
    pub resource: String,
    /// Action.
    pub action: String,
    /// Further resource attributes that must be in the request: id and value.
    pub further: Vec<(String, String)>,
    /// Id of the assignment it belongs to, when that is asked for.
    pub assignment: Option<Uuid>,
}

impl SingleRight {
    /// Rights as queries gather them: a list of resource, action, and pairs of further attributes,
    /// if there may be any.
    #[must_use]
    pub fn list(stored: &Value) -> Vec<Self> {
        let text =
            |value: &Value, at: usize| value.get(at).and_then(Value::as_str).map(str::to_owned);
        // Without an attribute that it needs, a right would be to more.
        let further = |stored: Option<&Value>| match stored {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(pairs)) => pairs
                .iter()
                .map(|pair| Some((text(pair, 0)?, text(pair, 1)?)))
                .collect(),
            Some(_) => None,
        };
        let right = |stored: &Value| {
            Some(Self {
                resource: text(stored, 0)?,
                action: text(stored, 1)?,
                further: further(stored.get(2))?,
                assignment: text(stored, 3).and_then(|id| id.parse().ok()),
            })
        };
        let rights = stored.as_array().into_iter().flatten();
        rights.filter_map(right).collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!([["a", "read"]]), &[0])]
    #[case(json!([["a", "read", null]]), &[0])]
    #[case(json!([["a", "read", []]]), &[0])]
    #[case(json!([["a", "read", [["urn:altinn:task", "Task_1"]]]]), &[1])]
    #[case(json!([["a", "read", [["urn:altinn:task"]]], ["a", "write"]]), &[0])]
    #[case(json!([["a", "read", "urn:altinn:task"]]), &[])]
    #[case(json!([["a"]]), &[])]
    fn a_right_whose_attributes_cannot_be_read_is_none(
        #[case] stored: Value,
        #[case] further: &[usize],
    ) {
        let rights = SingleRight::list(&stored);
        let counts: Vec<usize> = rights.iter().map(|right| right.further.len()).collect();
        assert_eq!(counts, further);
    }
}
