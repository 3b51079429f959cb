//! The steps of an evaluation, and the explanation of a mismatch.

use hashbrown::HashSet;

use super::symbol_texts::SymbolTexts;
use super::{BagSource, CompiledMatch, Program, dictionary::Dictionary, list::ListRange};
use crate::{
    context::{Decision, MissingAttribute},
    error::Code,
};

/// How a decision came about, as recorded by [`PreparedRequest::explain`](super::PreparedRequest::explain).
///
/// It names attributes and literals of the policy, but no values of the request.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Trace {
    /// Policy sets, policies and rules in the order in which they were evaluated, each before its
    /// children. What the combining algorithm did not need is absent, and so are the parts of
    /// referenced policies.
    pub steps: Vec<TraceStep>,
}

/// The evaluation of one policy set, policy, reference or rule.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TraceStep {
    /// Depth in the document; the root is at 0.
    pub depth: usize,
    /// `PolicySet`, `Policy`, `Reference` or `Rule`.
    pub element: &'static str,
    /// `PolicySetId`, `PolicyId` or `RuleId`.
    pub id: String,
    /// The number of a rule among the rules of its policy, from 1; `None` for other elements.
    pub rule_number: Option<u32>,
    /// Whether another rule of the policy has the same identifier, so that the number alone shows
    /// which one it is.
    pub is_id_repeated: bool,
    /// The value of the element.
    pub outcome: Decision,
    /// Why it has that value.
    pub because: StepReason,
}

/// Why an element of a policy has its value. As text it is an English phrase: `its condition is
/// false`.
#[derive(Debug, Clone)]
pub enum StepReason {
    /// The element applies: a rule has its effect, a policy or policy set what its combining
    /// algorithm made of its children.
    Applies,
    /// The target does not match the request.
    NoMatch {
        /// Category and identifier of the attributes that the first `AnyOf` without a match refers
        /// to.
        attributes: Vec<(String, String)>,
        /// The literals of which that `AnyOf` needs one, sorted; those compared in any letter case
        /// are in lower case. Empty when it does more than compare strings or URIs for equality.
        wanted: Vec<String>,
    },
    /// The condition of the rule is false.
    ConditionFalse,
    /// The evaluation failed, and the value is Indeterminate.
    Fault {
        /// Status code.
        code: Code,
        /// What went wrong, as an English phrase.
        message: &'static str,
        /// The attribute that is missing, if that is what went wrong.
        missing: Option<MissingAttribute>,
    },
}

impl std::fmt::Display for StepReason {
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

impl TraceStep {
    /// An element at the root whose evaluation begins.
    pub(super) fn of(element: &'static str, id: Option<&str>) -> Self {
        Self {
            depth: 0,
            element,
            id: id.unwrap_or_default().to_owned(),
            rule_number: None,
            is_id_repeated: false,
            outcome: Decision::NotApplicable,
            because: StepReason::Applies,
        }
    }
}

fn symbol_texts(program: &Program) -> SymbolTexts {
    let mut texts = Vec::new();
    for slot in program.hot.dictionaries.slots() {
        let dictionaries = [slot.exact, slot.folded]
            .into_iter()
            .filter_map(|offset| program.hot.dictionaries.at(offset));
        for (text, symbol) in dictionaries.flat_map(Dictionary::texts) {
            let symbol = symbol as usize;
            if texts.len() <= symbol {
                texts.resize(symbol + 1, None);
            }
            texts[symbol] = Some((slot.attribute, text.into()));
        }
    }
    SymbolTexts(texts)
}

impl Program {
    /// Explains that the request has none of these symbols.
    pub(super) fn describe_symbols(&self, symbols: &[u32]) -> StepReason {
        let texts = self.symbol_texts.get_or_init(|| symbol_texts(self));
        let (mut numbers, mut wanted) = (Vec::new(), Vec::new());
        for (attribute, text) in symbols
            .iter()
            .filter_map(|symbol| texts.0.get(*symbol as usize)?.as_ref())
        {
            numbers.push(*attribute);
            wanted.push(text.to_string());
        }
        numbers.sort_unstable();
        numbers.dedup();
        wanted.sort();
        let all = self.hot.vocabulary.attributes();
        let attributes = numbers
            .into_iter()
            .filter_map(|number| all.get(number))
            .map(|a| (a.category.to_string(), a.attribute_id.to_string()))
            .collect();
        StepReason::NoMatch { attributes, wanted }
    }

    /// Explains that no alternative of an `AnyOf` holds.
    pub(super) fn describe_alternatives(&self, all_ofs: ListRange) -> StepReason {
        let all = self.hot.vocabulary.attributes();
        let (mut seen, mut names) = (HashSet::new(), HashSet::new());
        let attributes = all_ofs
            .of(&self.all_ofs)
            .iter()
            .flat_map(|all_of| all_of.of(&self.matches))
            .filter_map(|m| match m {
                CompiledMatch::Symbol { designator, .. }
                | CompiledMatch::Never {
                    bag: BagSource::Designator(designator),
                }
                | CompiledMatch::General {
                    bag: BagSource::Designator(designator),
                    ..
                } => self.designators.get(*designator as usize),
                CompiledMatch::Never { .. } | CompiledMatch::General { .. } => None,
            })
            .filter(|designator| seen.insert(designator.slot))
            .filter_map(|designator| self.attribute_of(designator.slot, &all))
            .map(|a| (a.category.to_string(), a.attribute_id.to_string()))
            .filter(|name| names.insert(name.clone()))
            .collect();
        StepReason::NoMatch {
            attributes,
            wanted: Vec::new(),
        }
    }
}
