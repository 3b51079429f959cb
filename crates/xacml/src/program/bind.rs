//! Interns request values as symbol numbers, so that evaluation compares numbers instead of texts.

use super::{
    Program,
    environment::Environment,
    list::{NONE, position},
    vocabulary::AttributeTable,
    work::EvaluationMemory,
};
use crate::{
    context::Category,
    ids,
    values::{DataType, Value, time},
};

/// Attributes of the environment that the clock supplies when the request does not have them.
pub(super) const CLOCK: [(&str, DataType); 3] = [
    (ids::CURRENT_TIME, DataType::Time),
    (ids::CURRENT_DATE, DataType::Date),
    (ids::CURRENT_DATE_TIME, DataType::DateTime),
];

/// In place of the number of a link: the slot is not empty, but no expression reads its values.
const PRESENT_UNREAD: u32 = NONE - 1;

/// Bytes of a text that are hashed in the time of one step.
const BYTES_PER_STEP: usize = 256;

/// Reusable memory of decisions. A thread needs one for all of its decisions, of any program; after
/// the first few, decisions over literal targets allocate nothing.
///
/// Both parts are public, so that they can be borrowed one by one: [`PreparedRequest`] keeps the first while
/// its evaluations use the second.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For the values of a request.
    pub binding: Binding,
    /// For an evaluation.
    pub work: EvaluationMemory,
}

/// The values of a request as a program sees them, while the request is [prepared](PreparedRequest). Its memory is
/// used again by the next one.
#[derive(Debug, Default)]
pub struct Binding {
    /// Symbols of texts that the program compares and the request has; sorted, without duplicates.
    pub(super) symbols: Vec<u32>,
    /// First and last link of each slot.
    heads: Vec<(u32, u32)>,
    links: Vec<SlotValueLink>,
    /// Steps of looking at the values of the request.
    pub(super) values: usize,
}

/// A value of a slot, by its numbers in the request, and the next value of the same slot.
#[derive(Debug, Clone, Copy)]
struct SlotValueLink {
    category: u32,
    attribute: u32,
    value: u32,
    next: u32,
}

/// The categories of one decision.
#[derive(Debug, Clone, Copy)]
pub(super) enum DecisionCategories<'r> {
    Slice(&'r [Category<'r>]),
    Refs(&'r [&'r Category<'r>]),
}

impl<'r> DecisionCategories<'r> {
    pub const fn len(self) -> usize {
        match self {
            Self::Slice(list) => list.len(),
            Self::Refs(list) => list.len(),
        }
    }

    pub fn get(self, n: usize) -> Option<&'r Category<'r>> {
        match self {
            Self::Slice(list) => list.get(n),
            Self::Refs(list) => list.get(n).copied(),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = &'r Category<'r>> {
        (0..self.len()).filter_map(move |n| self.get(n))
    }
}

/// A request prepared for a program: its values are interned, and what it lacks is supplied by the
/// clock and the [`AttributeSource`](super::AttributeSource). It can be evaluated any number of
/// times.
///
/// Preparing allocates nothing once the [`Binding`] has grown to the size of its requests, unless the
/// clock or a source supplies attributes.
///
/// It is one individual decision request. A [`Request`](crate::Request) that may ask for several
/// decisions is answered by a [`Decider`](crate::Decider).
#[derive(Debug)]
pub struct PreparedRequest<'r> {
    pub(super) program: &'r Program,
    /// Categories of the request.
    pub(super) given: DecisionCategories<'r>,
    /// Attributes that came from the clock or the source.
    pub(super) extra: Vec<Category<'static>>,
    pub(super) environment: Environment<'r>,
    /// How many references lead from the root policy to this program.
    pub(super) reference_depth: usize,
    pub(super) binding: &'r Binding,
}

impl<'r> PreparedRequest<'r> {
    /// Prepares the categories of a request. A category that is repeated counts as one with the
    /// attributes of all.
    pub fn new(
        program: &'r Program,
        categories: &'r [Category<'r>],
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        Self::prepare(
            program,
            DecisionCategories::Slice(categories),
            environment,
            binding,
        )
    }

    /// Prepares categories by reference, such as some of a request's; otherwise the same as
    /// [`PreparedRequest::new`].
    pub fn from_refs(
        program: &'r Program,
        categories: &'r [&'r Category<'r>],
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        Self::prepare(
            program,
            DecisionCategories::Refs(categories),
            environment,
            binding,
        )
    }

    pub(super) fn prepare(
        program: &'r Program,
        given: DecisionCategories<'r>,
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        std::hint::black_box(program.hot.dictionaries.prefetch());
        std::hint::black_box(program.hot.code.prefetch());
        let attributes = program.hot.vocabulary.attributes();
        binding.reset(program);
        for (n, category) in given.iter().enumerate() {
            binding.add(program, &attributes, n, category);
        }
        let mut extra = Vec::new();
        if program.hot.uses_clock || environment.source.is_some() {
            extra = supplied(program, &attributes, binding, &environment);
            for (n, category) in extra.iter().enumerate() {
                binding.add(program, &attributes, given.len() + n, category);
            }
        }
        binding.symbols.sort_unstable();
        binding.symbols.dedup();
        Self {
            program,
            given,
            extra,
            environment,
            reference_depth: 0,
            binding,
        }
    }
}

/// Whether two names are equal. The pointers are compared first: attributes that a caller names by
/// the same constant share their text.
fn same(a: &str, b: &str) -> bool {
    std::ptr::eq(a, b) || a == b
}

/// Attributes that the program refers to and the request lacks.
fn supplied(
    program: &Program,
    attributes: &AttributeTable,
    binding: &Binding,
    environment: &Environment<'_>,
) -> Vec<Category<'static>> {
    let mut out: Vec<Category<'static>> = Vec::new();
    for slot in program
        .hot
        .dictionaries
        .slots()
        .filter(|slot| binding.is_empty(slot.number))
        .filter_map(|slot| attributes.get(slot.attribute))
    {
        let clock = (&*slot.category == ids::ENVIRONMENT)
            .then(|| {
                CLOCK.iter().find(|(id, data_type)| {
                    **id == *slot.attribute_id && *data_type == slot.data_type
                })
            })
            .flatten()
            .and_then(|(_, data_type)| from_clock(*data_type, environment.now));
        let values = match (clock, environment.source) {
            (Some(value), _) => vec![value],
            (None, Some(source)) => {
                source.values(&slot.category, &slot.attribute_id, slot.data_type)
            }
            (None, None) => continue,
        };
        let mut category = Category::new(slot.category.to_string());
        for value in values
            .into_iter()
            .filter(|v| v.data_type() == slot.data_type)
        {
            category.add(slot.attribute_id.to_string(), value);
        }
        out.push(category);
    }
    out
}

fn from_clock(data_type: DataType, now: i64) -> Option<Value<'static>> {
    let instant = time::from_unix(now)?;
    Some(match data_type {
        DataType::Time => Value::Time(instant.into()),
        DataType::Date => Value::Date(time::Date::try_from(instant).ok()?),
        _ => Value::DateTime(instant),
    })
}

impl Binding {
    fn reset(&mut self, program: &Program) {
        self.heads.clear();
        self.heads
            .resize(program.hot.dictionaries.len() as usize, (NONE, NONE));
        self.links.clear();
        self.symbols.clear();
        self.values = 0;
    }

    fn add(
        &mut self,
        program: &Program,
        attributes: &AttributeTable,
        number: usize,
        category: &Category<'_>,
    ) {
        let Some(names) = attributes.category(&category.category) else {
            return;
        };
        self.values += category.attributes.len();
        let number = u32::try_from(number).unwrap_or(NONE);
        let mut last: Option<(&str, &[(DataType, u32)])> = None;
        let (dictionaries, mut looked_up) = (&program.hot.dictionaries, (NONE, None));
        for (a, attribute) in category.attributes.iter().enumerate() {
            let known = match last {
                Some((id, known)) if same(id, &attribute.id) => known,
                _ => names
                    .get(&attribute.id)
                    .map(Vec::as_slice)
                    .unwrap_or_default(),
            };
            last = Some((&attribute.id, known));
            if known.is_empty() {
                continue;
            }
            self.values += attribute.values.len().saturating_sub(1);
            for (v, value) in attribute.values.iter().enumerate() {
                let value_type = value.value.data_type();
                let Some((_, wanted)) =
                    known.iter().find(|(data_type, _)| *data_type == value_type)
                else {
                    continue;
                };
                if looked_up.0 != *wanted {
                    let slot = dictionaries.slot_of(*wanted);
                    looked_up = (
                        *wanted,
                        slot.map(|slot| {
                            (
                                slot,
                                [slot.exact, slot.folded].map(|place| dictionaries.at(place)),
                            )
                        }),
                    );
                }
                let Some((slot, texts)) = &looked_up.1 else {
                    continue;
                };
                if slot.read {
                    self.link(
                        slot.number,
                        SlotValueLink {
                            category: number,
                            attribute: a as u32,
                            value: v as u32,
                            next: NONE,
                        },
                    );
                } else if let Some(head) = self.heads.get_mut(slot.number as usize) {
                    *head = (PRESENT_UNREAD, PRESENT_UNREAD);
                }
                if let Value::String(text) | Value::AnyUri(text) = &value.value {
                    self.values += text.len() / BYTES_PER_STEP;
                    for dictionary in texts.iter().flatten() {
                        self.symbols
                            .extend(dictionary.get(text, &program.hot.vocabulary.hasher));
                    }
                }
            }
        }
    }

    fn link(&mut self, slot: u32, link: SlotValueLink) {
        let number = u32::try_from(self.links.len()).unwrap_or(NONE);
        self.links.push(link);
        if let Some(head) = self.heads.get_mut(slot as usize) {
            if head.0 == NONE {
                *head = (number, number);
            } else {
                let last = std::mem::replace(&mut head.1, number);
                if let Some(last) = self.links.get_mut(last as usize) {
                    last.next = number;
                }
            }
        }
    }

    /// Whether the request has a value with this symbol.
    pub(super) fn has(&self, symbol: u32) -> bool {
        position(&self.symbols, symbol).is_some()
    }

    /// Whether the request has a value with one of these symbols, which are sorted.
    pub(super) fn has_any(&self, set: &[u32]) -> bool {
        let (fewer, more) = if set.len() <= self.symbols.len() {
            (set, &*self.symbols)
        } else {
            (&*self.symbols, set)
        };
        fewer.iter().any(|symbol| position(more, *symbol).is_some())
    }

    /// Whether the request has no value of a slot.
    pub(super) fn is_empty(&self, slot: u32) -> bool {
        self.heads
            .get(slot as usize)
            .is_none_or(|(first, _)| *first == NONE)
    }

    /// The numbers of category, attribute and value of a slot's values, in the order of the request.
    pub(super) fn values(&self, slot: u32) -> impl Iterator<Item = (u32, u32, u32)> {
        let mut at = self
            .heads
            .get(slot as usize)
            .map_or(NONE, |(first, _)| *first);
        std::iter::from_fn(move || {
            let link = self.links.get(at as usize)?;
            at = link.next;
            Some((link.category, link.attribute, link.value))
        })
    }
}
