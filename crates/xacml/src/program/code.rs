//! Policy sets, policies, rules and the symbols of their targets as one array of `u32` words.
//!
//! A program that has not decided for a while is not in the CPU cache. As separate lists
//! its parts would be fetched one after the other, each after a cache miss; in one array they are
//! adjacent and can be fetched together.
//!
//! A node or rule begins with the words of its [`CompiledHead`], the flags of its obligations, and the sets
//! of its target, each as its length and its symbols. A policy continues with its index and its
//! rules, a policy set with its index, the offsets of its children, and the children themselves.

use super::{
    combine::CombiningAlgorithm,
    index::SymbolIndex,
    list::{ListRange, NONE},
};
use crate::policy::Effect;

/// The words. Offsets are indices of words; the root is at 0.
#[derive(Debug, Default)]
pub struct ProgramCode(Box<[u32]>);

/// The common part of nodes and rules.
#[derive(Debug, Clone, Copy)]
pub struct CompiledHead<'c> {
    /// Its number among the names of nodes, or of rules.
    pub number: u32,
    /// Number of the load error that replaces it, in a lenient load; else [`NONE`].
    pub stub: u32,
    pub target: CompiledTarget<'c>,
    pub obligations: ObligationList<'c>,
}

/// A target: first the sets, which are cheap and cannot fail, then the other clauses in document
/// order.
#[derive(Debug, Clone, Copy)]
pub struct CompiledTarget<'c> {
    sets: &'c [u32],
    pub clauses: ListRange,
}

/// The obligations and advice of a node or rule.
#[derive(Debug, Clone, Copy)]
pub struct ObligationList<'c> {
    first: u32,
    flags: &'c [u32],
}

/// An obligation or advice without its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObligationEntry {
    pub number: u32,
    pub effect: Effect,
    pub advice: bool,
    /// Whether all of its values are constants.
    pub constant: bool,
}

/// A policy set, a policy or a reference to one.
#[derive(Debug, Clone, Copy)]
pub struct ProgramNode<'c> {
    pub head: CompiledHead<'c>,
    pub kind: NodeKind<'c>,
    pub algorithm: CombiningAlgorithm,
    /// The words of the index of rules or children; empty when there is none.
    pub index: &'c [u32],
}

#[derive(Debug, Clone, Copy)]
pub enum NodeKind<'c> {
    /// The offset of its first rule, and the number of rules.
    Policy { first: u32, count: u32 },
    /// The offsets of its children.
    PolicySet(&'c [u32]),
    /// The number of the reference.
    Reference(u32),
}

#[derive(Debug, Clone, Copy)]
pub struct CompiledRule<'c> {
    pub head: CompiledHead<'c>,
    pub effect: Effect,
    /// Whether the effect could not be read. Only a rule that a load error replaces may be so.
    pub is_effect_unknown: bool,
    /// Number of the expression; [`NONE`] without a condition.
    pub condition: u32,
    /// Offset of the next rule.
    pub next: u32,
}

/// The common part of a node or rule, to be written.
#[derive(Debug)]
pub struct HeadDraft {
    pub number: u32,
    pub stub: u32,
    /// The symbols of each set, sorted.
    pub sets: Vec<Vec<u32>>,
    pub clauses: ListRange,
    /// Their numbers are consecutive.
    pub obligations: Vec<ObligationEntry>,
}

/// A node, to be written.
#[derive(Debug)]
pub struct NodeDraft {
    pub head: HeadDraft,
    pub kind: NodeKindDraft,
    pub algorithm: CombiningAlgorithm,
}

#[derive(Debug)]
pub enum NodeKindDraft {
    Policy(Vec<RuleDraft>),
    PolicySet(Vec<NodeDraft>),
    Reference(u32),
}

/// A rule, to be written.
#[derive(Debug)]
pub struct RuleDraft {
    pub head: HeadDraft,
    /// `None` when it could not be read.
    pub effect: Option<Effect>,
    pub condition: u32,
}

/// Words of a head before the flags of its obligations.
const HEAD: usize = 10;

const POLICY: u32 = 0;
const POLICY_SET: u32 = 1;
const REFERENCE: u32 = 2;

const DENY: u32 = 1;
const UNKNOWN_EFFECT: u32 = 2;
const ADVICE: u32 = 2;
const CONSTANT: u32 = 4;

impl<'c> CompiledTarget<'c> {
    /// The sets, of each of which the request must have a symbol; each is sorted. A set is an `AnyOf`
    /// whose alternatives are single equalities.
    pub fn sets(self) -> impl Iterator<Item = &'c [u32]> {
        let mut words = self.sets;
        std::iter::from_fn(move || {
            let (length, rest) = words.split_first()?;
            let (set, rest) = rest.split_at_checked(*length as usize)?;
            words = rest;
            Some(set)
        })
    }
}

impl<'c> ObligationList<'c> {
    pub const fn is_empty(self) -> bool {
        self.flags.is_empty()
    }

    pub fn iter(self) -> impl Iterator<Item = ObligationEntry> + use<'c> {
        (self.first..)
            .zip(self.flags)
            .map(|(number, flags)| ObligationEntry {
                number,
                effect: effect(*flags),
                advice: flags & ADVICE != 0,
                constant: flags & CONSTANT != 0,
            })
    }
}

const fn effect(flags: u32) -> Effect {
    if flags & DENY == 0 {
        Effect::Permit
    } else {
        Effect::Deny
    }
}

const fn flag(effect: Effect) -> u32 {
    match effect {
        Effect::Permit => 0,
        Effect::Deny => DENY,
    }
}

impl ProgramCode {
    /// Writes a policy or policy set.
    pub fn of(root: &NodeDraft) -> Self {
        let mut words = Vec::new();
        write_node(&mut words, root);
        Self(words.into())
    }

    /// Reads a word of each of the first cache lines, so that the processor fetches them in parallel.
    /// The result has no meaning; a caller hides it from the optimizer.
    #[inline]
    pub fn prefetch(&self) -> u32 {
        // A cache line of 64 bytes has sixteen words.
        self.0
            .iter()
            .step_by(16)
            .take(8)
            .fold(0, |seen, word| seen ^ word)
    }

    /// The node at an offset.
    #[inline]
    pub fn node(&self, at: u32) -> Option<ProgramNode<'_>> {
        let (head, [tag, index, members], rest) = self.head(at)?;
        let (index, rest) = rest.split_at_checked(index as usize)?;
        let kind = match tag & 3 {
            POLICY => NodeKind::Policy {
                first: u32::try_from(self.0.len() - rest.len()).ok()?,
                count: members,
            },
            POLICY_SET => NodeKind::PolicySet(rest.get(..members as usize)?),
            _ => NodeKind::Reference(members),
        };
        Some(ProgramNode {
            head,
            kind,
            algorithm: *CombiningAlgorithm::ALL.get(tag as usize >> 2)?,
            index,
        })
    }

    /// The rule at an offset.
    #[inline]
    pub fn rule(&self, at: u32) -> Option<CompiledRule<'_>> {
        let (head, [tag, condition, next], _) = self.head(at)?;
        Some(CompiledRule {
            head,
            effect: effect(tag),
            is_effect_unknown: tag & UNKNOWN_EFFECT != 0,
            condition,
            next,
        })
    }

    /// The head at an offset, the three words of it that mean different things for nodes and rules,
    /// and the words after it.
    #[inline]
    fn head(&self, at: u32) -> Option<(CompiledHead<'_>, [u32; 3], &[u32])> {
        let (head, rest) = self.0.get(at as usize..)?.split_first_chunk::<HEAD>()?;
        let [
            tag,
            number,
            stub,
            start,
            end,
            first,
            obligations,
            sets,
            one,
            other,
        ] = *head;
        let (flags, rest) = rest.split_at_checked(obligations as usize)?;
        let (sets, rest) = rest.split_at_checked(sets as usize)?;
        let (target, obligations) = (
            CompiledTarget {
                sets,
                clauses: ListRange { start, end },
            },
            ObligationList { first, flags },
        );
        Some((
            CompiledHead {
                number,
                stub,
                target,
                obligations,
            },
            [tag, one, other],
            rest,
        ))
    }
}

fn offset(words: &[u32]) -> u32 {
    u32::try_from(words.len()).unwrap_or(NONE)
}

fn write_head(words: &mut Vec<u32>, draft: &HeadDraft, [tag, one, other]: [u32; 3]) {
    let HeadDraft {
        number,
        stub,
        sets,
        clauses,
        obligations,
    } = draft;
    let length = |n: usize| u32::try_from(n).unwrap_or(NONE);
    let of_sets = sets.iter().map(|set| set.len() + 1).sum();
    let first = obligations.first().map_or(0, |entry| entry.number);
    let head: [u32; HEAD] = [
        tag,
        *number,
        *stub,
        clauses.start,
        clauses.end,
        first,
        length(obligations.len()),
        length(of_sets),
        one,
        other,
    ];
    words.extend(head);
    let mark = |is_so: bool, mark: u32| if is_so { mark } else { 0 };
    words.extend(obligations.iter().map(|entry| {
        flag(entry.effect) | mark(entry.advice, ADVICE) | mark(entry.constant, CONSTANT)
    }));
    for set in sets {
        words.push(length(set.len()));
        words.extend(set);
    }
}

// The recursion is as deep as the document, which the XML reader bounds.
fn write_node(words: &mut Vec<u32>, draft: &NodeDraft) {
    let (kind, members): (u32, Vec<&HeadDraft>) = match &draft.kind {
        NodeKindDraft::Policy(rules) => (POLICY, rules.iter().map(|rule| &rule.head).collect()),
        NodeKindDraft::PolicySet(children) => (
            POLICY_SET,
            children.iter().map(|child| &child.head).collect(),
        ),
        NodeKindDraft::Reference(_) => (REFERENCE, Vec::new()),
    };
    // A broken member is Indeterminate for every request, so the index must not rule it out.
    let sets: Vec<&[Vec<u32>]> = members
        .iter()
        .map(|head| if head.stub == NONE { &*head.sets } else { &[] })
        .collect();
    let index = SymbolIndex::new(&sets);
    let algorithm = CombiningAlgorithm::ALL
        .iter()
        .position(|a| *a == draft.algorithm)
        .unwrap_or(usize::MAX);
    let length = index.as_ref().map_or(0, SymbolIndex::words);
    let last = if let NodeKindDraft::Reference(number) = draft.kind {
        number as usize
    } else {
        members.len()
    };
    let own =
        [kind as usize | algorithm << 2, length, last].map(|n| u32::try_from(n).unwrap_or(NONE));
    write_head(words, &draft.head, own);
    let at = words.len();
    words.resize(at + length, 0);
    let mut offsets = Vec::new();
    match &draft.kind {
        NodeKindDraft::Policy(rules) => {
            for rule in rules {
                let start = words.len();
                offsets.push(offset(words));
                let tag = rule.effect.map_or(UNKNOWN_EFFECT, flag);
                write_head(words, &rule.head, [tag, rule.condition, 0]);
                words[start + HEAD - 1] = offset(words);
            }
        }
        NodeKindDraft::PolicySet(children) => {
            let table = words.len();
            words.resize(table + children.len(), 0);
            for (n, child) in children.iter().enumerate() {
                offsets.push(offset(words));
                words[table + n] = offset(words);
                write_node(words, child);
            }
        }
        NodeKindDraft::Reference(_) => {}
    }
    if let Some(index) = index {
        index.write(&offsets, &mut words[at..at + length]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::program::index;

    fn effect() -> impl Strategy<Value = Effect> {
        prop_oneof![Just(Effect::Permit), Just(Effect::Deny)]
    }

    fn head() -> impl Strategy<Value = HeadDraft> {
        let sets = prop::collection::vec(prop::collection::btree_set(0_u32..12, 0..4), 0..3);
        let obligations = prop::collection::vec((effect(), any::<bool>(), any::<bool>()), 0..3);
        (
            any::<u32>(),
            prop_oneof![4 => Just(NONE), 1 => Just(5)],
            sets,
            any::<[u32; 2]>(),
            0_u32..100,
            obligations,
        )
            .prop_map(
                |(number, stub, sets, [start, end], first, obligations)| HeadDraft {
                    number,
                    stub,
                    sets: sets
                        .into_iter()
                        .map(|set| set.into_iter().collect())
                        .collect(),
                    clauses: ListRange { start, end },
                    obligations: (first..)
                        .zip(obligations)
                        .map(|(number, (effect, advice, constant))| ObligationEntry {
                            number,
                            effect,
                            advice,
                            constant,
                        })
                        .collect(),
                },
            )
    }

    fn node() -> impl Strategy<Value = NodeDraft> {
        let rule = (head(), prop::option::of(effect()), any::<u32>()).prop_map(
            |(head, effect, condition)| RuleDraft {
                head,
                effect,
                condition,
            },
        );
        let leaf = prop_oneof![
            3 => prop::collection::vec(rule, 0..9).prop_map(NodeKindDraft::Policy),
            1 => any::<u32>().prop_map(NodeKindDraft::Reference),
        ];
        let kind = leaf.prop_recursive(3, 24, 7, |inner| {
            prop::collection::vec(
                (head(), inner, 0..CombiningAlgorithm::ALL.len()).prop_map(with_algorithm),
                0..7,
            )
            .prop_map(NodeKindDraft::PolicySet)
        });
        (head(), kind, 0..CombiningAlgorithm::ALL.len()).prop_map(with_algorithm)
    }

    fn with_algorithm((head, kind, algorithm): (HeadDraft, NodeKindDraft, usize)) -> NodeDraft {
        NodeDraft {
            head,
            kind,
            algorithm: CombiningAlgorithm::ALL[algorithm],
        }
    }

    fn assert_head(head: &CompiledHead<'_>, draft: &HeadDraft) {
        assert_eq!(
            (head.number, head.stub, head.target.clauses),
            (draft.number, draft.stub, draft.clauses)
        );
        assert_eq!(head.target.sets().collect::<Vec<_>>(), draft.sets);
        assert_eq!(
            head.obligations.iter().collect::<Vec<_>>(),
            draft.obligations
        );
    }

    /// The index, if there is one, finds each member whose sets all have one of the symbols, in
    /// document order.
    fn assert_index(words: &[u32], members: &[(u32, &HeadDraft)], present: &[u32]) {
        if words.is_empty() {
            return;
        }
        let mut found = Vec::new();
        index::candidates(words, present, &mut found);
        assert!(found.is_sorted_by(|a, b| a < b), "{found:?}");
        assert!(
            found
                .iter()
                .all(|offset| members.iter().any(|(known, _)| known == offset))
        );
        let fits = |head: &HeadDraft| {
            head.stub != NONE
                || head
                    .sets
                    .iter()
                    .all(|set| set.iter().any(|symbol| present.contains(symbol)))
        };
        assert!(
            members
                .iter()
                .all(|(offset, head)| !fits(head) || found.contains(offset)),
            "{found:?}"
        );
    }

    fn assert_node(code: &ProgramCode, offset: u32, draft: &NodeDraft, present: &[u32]) {
        let node = code.node(offset).unwrap();
        assert_head(&node.head, &draft.head);
        assert_eq!(node.algorithm, draft.algorithm);
        let members: Vec<(u32, &HeadDraft)> = match (&node.kind, &draft.kind) {
            (NodeKind::Reference(number), NodeKindDraft::Reference(written)) => {
                assert_eq!(number, written);
                Vec::new()
            }
            (NodeKind::Policy { first, count }, NodeKindDraft::Policy(rules)) => {
                assert_eq!(*count as usize, rules.len());
                let mut offset = *first;
                rules
                    .iter()
                    .map(|draft| {
                        let rule = code.rule(offset).unwrap();
                        assert_head(&rule.head, &draft.head);
                        assert_eq!(
                            (
                                (!rule.is_effect_unknown).then_some(rule.effect),
                                rule.condition
                            ),
                            (draft.effect, draft.condition)
                        );
                        (std::mem::replace(&mut offset, rule.next), &draft.head)
                    })
                    .collect()
            }
            (NodeKind::PolicySet(offsets), NodeKindDraft::PolicySet(children)) => {
                assert_eq!(offsets.len(), children.len());
                children
                    .iter()
                    .zip(*offsets)
                    .for_each(|(child, offset)| assert_node(code, *offset, child, present));
                children
                    .iter()
                    .zip(*offsets)
                    .map(|(child, offset)| (*offset, &child.head))
                    .collect()
            }
            (read, written) => panic!("{read:?} is not {written:?}"),
        };
        assert_index(node.index, &members, present);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(draft in node(), present in prop::collection::btree_set(0_u32..12, 0..6)) {
            assert_node(&ProgramCode::of(&draft), 0, &draft, &present.into_iter().collect::<Vec<_>>());
        }
    }
}
