//! How a decision came about.

use super::{Bag, Match, Program, Span, dictionary::Dictionary};
use crate::xacml::{
    context::{Decision, MissingAttribute},
    error::Code,
};

/// The steps of a decision, outer before inner, in the order of evaluation.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<TraceStep>,
}

/// A policy set, policy or rule, and what became of it.
#[derive(Debug, Clone)]
pub struct TraceStep {
    /// How deep it lies; the root is at 0.
    pub depth: usize,
    /// `PolicySet`, `Policy`, `Reference` or `Rule`.
    pub element: &'static str,
    /// Its identifier.
    pub id: String,
    /// What it came to.
    pub outcome: Decision,
    /// Why.
    pub because: Because,
}

/// Why a part of a policy came to its outcome.
#[derive(Debug, Clone)]
pub enum Because {
    /// It applies, or its children decided.
    Applies,
    /// Its target does not fit: attributes looked at by the first clause that fails, and the texts
    /// that it wants.
    NoMatch {
        /// Category and attribute id.
        attributes: Vec<(String, String)>,
        /// Texts of which it wants one; empty when it compares otherwise.
        wanted: Vec<String>,
    },
    /// Its condition is false.
    ConditionFalse,
    /// Something went wrong.
    Fault {
        /// Status code.
        code: Code,
        /// In words.
        message: &'static str,
        /// The attribute that is missing.
        missing: Option<MissingAttribute>,
    },
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Applies => f.write_str("it applies"),
            Self::ConditionFalse => f.write_str("its condition is false"),
            Self::NoMatch { attributes, wanted } => {
                let names: Vec<&str> = attributes.iter().map(|(_, id)| id.as_str()).collect();
                write!(f, "its target does not match: {}", names.join(", "))?;
                if wanted.is_empty() {
                    Ok(())
                } else {
                    write!(f, " is not {}", wanted.join(" or "))
                }
            }
            Self::Fault {
                code,
                message,
                missing,
            } => {
                write!(f, "{}: {message}", code.name())?;
                missing
                    .as_ref()
                    .map_or(Ok(()), |m| write!(f, " ({})", m.attribute_id))
            }
        }
    }
}

impl Program {
    pub(super) fn describe_symbols(&self, symbols: &[u32]) -> Because {
        let (mut attributes, mut wanted) = (Vec::new(), Vec::new());
        let all = self.hot.vocabulary.attributes();
        for slot in self.hot.dictionaries.slots() {
            let mut texts: Vec<String> = [slot.exact, slot.folded]
                .iter()
                .filter_map(|place| self.hot.dictionaries.at(*place))
                .flat_map(Dictionary::texts)
                .filter(|(_, s)| symbols.binary_search(s).is_ok())
                .map(|(text, _)| text)
                .collect();
            if !texts.is_empty() {
                attributes.extend(
                    all.get(slot.attribute)
                        .map(|a| (a.category.to_string(), a.attribute_id.to_string())),
                );
                wanted.append(&mut texts);
            }
        }
        wanted.sort();
        Because::NoMatch { attributes, wanted }
    }

    pub(super) fn describe_alternatives(&self, all_ofs: Span) -> Because {
        let mut attributes: Vec<(String, String)> = Vec::new();
        let all = self.hot.vocabulary.attributes();
        for m in all_ofs
            .of(&self.all_ofs)
            .iter()
            .flat_map(|all_of| all_of.of(&self.matches))
        {
            let (Match::Symbol { designator, .. }
            | Match::General {
                bag: Bag::Designator(designator),
                ..
            }) = m
            else {
                continue;
            };
            let slot = self
                .designators
                .get(*designator as usize)
                .and_then(|d| self.attribute_of(d.slot, &all));
            if let Some(name) = slot
                .map(|s| (s.category.to_string(), s.attribute_id.to_string()))
                .filter(|n| !attributes.contains(n))
            {
                attributes.push(name);
            }
        }
        Because::NoMatch {
            attributes,
            wanted: Vec::new(),
        }
    }
}
