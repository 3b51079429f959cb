//! Evaluation, after the tables of the standard.

use std::collections::HashMap;

use super::model::{AllOf, AnyOf, Combining, Decision, Effect, Match, MatchFunction, Obligation, Policy, Rule};

/// Values of one attribute: data type and text.
pub type Bag = Vec<(String, String)>;

/// The attributes of a request, by category and id.
#[derive(Debug, Clone, Default)]
pub struct Attributes(HashMap<String, HashMap<String, Bag>>);

impl Attributes {
    /// Adds a value.
    pub fn add(&mut self, category: &str, attribute_id: &str, data_type: &str, value: impl Into<String>) {
        self.0.entry(category.to_owned()).or_default().entry(attribute_id.to_owned()).or_default().push((data_type.to_owned(), value.into()));
    }

    /// Every value of an attribute.
    #[must_use]
    pub fn bag(&self, category: &str, attribute_id: &str) -> &[(String, String)] {
        self.0.get(category).and_then(|c| c.get(attribute_id)).map(Vec::as_slice).unwrap_or_default()
    }

    /// First value of an attribute, whatever its type.
    #[must_use]
    pub fn first(&self, category: &str, attribute_id: &str) -> Option<&str> {
        self.bag(category, attribute_id).first().map(|(_, value)| value.as_str())
    }
}

/// Why an evaluation is Indeterminate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is not.
    Ok,
    /// An attribute that must be there is not.
    MissingAttribute,
    /// The policy holds something that cannot be evaluated.
    Unsupported,
}

/// Result of evaluating a policy.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The decision.
    pub decision: Decision,
    /// Why, when Indeterminate.
    pub status: Status,
    /// Obligations that go with the decision.
    pub obligations: Vec<&'a Obligation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matched {
    Yes,
    No,
    Unknown(Status),
}

impl Policy {
    /// Decides.
    #[must_use]
    pub fn evaluate(&self, request: &Attributes) -> Outcome<'_> {
        let (decision, status) = match target(&self.target, request) {
            Matched::No => (Decision::NotApplicable, Status::Ok),
            Matched::Yes => self.combine(request),
            // An unknown target leaves only what the rules could not have made worse.
            Matched::Unknown(status) => match self.combine(request).0 {
                Decision::NotApplicable => (Decision::NotApplicable, Status::Ok),
                _ => (Decision::Indeterminate, status),
            },
        };
        let effect = match decision {
            Decision::Permit => Some(Effect::Permit),
            Decision::Deny => Some(Effect::Deny),
            _ => None,
        };
        let obligations = self.obligations.iter().filter(|o| Some(o.fulfill_on) == effect).collect();
        Outcome { decision, status, obligations }
    }

    /// Obligations that go with a Permit, for a Permit that came from elsewhere.
    pub fn permit_obligations(&self) -> impl Iterator<Item = &Obligation> {
        self.obligations.iter().filter(|o| o.fulfill_on == Effect::Permit)
    }

    fn combine(&self, request: &Attributes) -> (Decision, Status) {
        if self.combining == Combining::Unsupported {
            return (Decision::Indeterminate, Status::Unsupported);
        }
        let mut tally = Tally::default();
        for rule in &self.rules {
            let matched = rule.applies(request);
            if self.combining == Combining::FirstApplicable {
                match matched {
                    Matched::No => continue,
                    Matched::Yes => return (rule.effect.decision(), Status::Ok),
                    Matched::Unknown(status) => return (Decision::Indeterminate, status),
                }
            }
            tally.count(rule.effect, matched);
        }
        tally.decide(self.combining)
    }
}

impl Effect {
    const fn decision(self) -> Decision {
        match self {
            Self::Permit => Decision::Permit,
            Self::Deny => Decision::Deny,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    permit: bool,
    deny: bool,
    maybe_permit: Option<Status>,
    maybe_deny: Option<Status>,
}

impl Tally {
    fn count(&mut self, effect: Effect, matched: Matched) {
        match (effect, matched) {
            (_, Matched::No) => {}
            (Effect::Permit, Matched::Yes) => self.permit = true,
            (Effect::Deny, Matched::Yes) => self.deny = true,
            (Effect::Permit, Matched::Unknown(status)) => self.maybe_permit = self.maybe_permit.or(Some(status)),
            (Effect::Deny, Matched::Unknown(status)) => self.maybe_deny = self.maybe_deny.or(Some(status)),
        }
    }

    fn decide(&self, combining: Combining) -> (Decision, Status) {
        let overriding = |wins: bool, maybe_wins: Option<Status>, other: bool, maybe_other: Option<Status>, effect: Effect, rest: Effect| {
            if wins {
                return (effect.decision(), Status::Ok);
            }
            if let Some(status) = maybe_wins {
                return (Decision::Indeterminate, status);
            }
            if other {
                return (rest.decision(), Status::Ok);
            }
            maybe_other.map_or((Decision::NotApplicable, Status::Ok), |status| (Decision::Indeterminate, status))
        };
        match combining {
            Combining::DenyOverrides => overriding(self.deny, self.maybe_deny, self.permit, self.maybe_permit, Effect::Deny, Effect::Permit),
            Combining::PermitOverrides => overriding(self.permit, self.maybe_permit, self.deny, self.maybe_deny, Effect::Permit, Effect::Deny),
            Combining::DenyUnlessPermit => (if self.permit { Decision::Permit } else { Decision::Deny }, Status::Ok),
            Combining::PermitUnlessDeny => (if self.deny { Decision::Deny } else { Decision::Permit }, Status::Ok),
            Combining::FirstApplicable => (Decision::NotApplicable, Status::Ok),
            Combining::Unsupported => (Decision::Indeterminate, Status::Unsupported),
        }
    }
}

impl Rule {
    fn applies(&self, request: &Attributes) -> Matched {
        match target(&self.target, request) {
            Matched::Yes if self.unsupported => Matched::Unknown(Status::Unsupported),
            other => other,
        }
    }
}

fn target(target: &[AnyOf], request: &Attributes) -> Matched {
    all(target.iter().map(|any_of| any(any_of.iter().map(|all_of| all_match(all_of, request)))))
}

fn all_match(all_of: &AllOf, request: &Attributes) -> Matched {
    all(all_of.iter().map(|m| m.holds(request)))
}

/// Yes when all are; no as soon as one is not, whatever the others.
fn all(items: impl Iterator<Item = Matched>) -> Matched {
    let mut unknown = None;
    for item in items {
        match item {
            Matched::No => return Matched::No,
            Matched::Yes => {}
            Matched::Unknown(status) => unknown = unknown.or(Some(status)),
        }
    }
    unknown.map_or(Matched::Yes, Matched::Unknown)
}

/// Yes as soon as one is; no when all are not.
fn any(items: impl Iterator<Item = Matched>) -> Matched {
    let mut unknown = None;
    for item in items {
        match item {
            Matched::Yes => return Matched::Yes,
            Matched::No => {}
            Matched::Unknown(status) => unknown = unknown.or(Some(status)),
        }
    }
    unknown.map_or(Matched::No, Matched::Unknown)
}

impl Match {
    fn holds(&self, request: &Attributes) -> Matched {
        let mut typed = request.bag(&self.category, &self.attribute_id).iter().filter(|(t, _)| *t == self.data_type).map(|(_, v)| v).peekable();
        if typed.peek().is_none() {
            return if self.must_be_present { Matched::Unknown(Status::MissingAttribute) } else { Matched::No };
        }
        if self.function == MatchFunction::Unsupported {
            return Matched::Unknown(Status::Unsupported);
        }
        if typed.any(|value| self.compares(value)) { Matched::Yes } else { Matched::No }
    }

    fn compares(&self, value: &str) -> bool {
        match self.function {
            MatchFunction::StringEqual | MatchFunction::AnyUriEqual => value == self.value,
            MatchFunction::StringEqualIgnoreCase => {
                value.eq_ignore_ascii_case(&self.value) || (!value.is_ascii() && value.to_lowercase() == self.value.to_lowercase())
            }
            MatchFunction::IntegerEqual => matches!((value.trim().parse::<i64>(), self.value.trim().parse::<i64>()), (Ok(a), Ok(b)) if a == b),
            MatchFunction::Unsupported => false,
        }
    }
}
