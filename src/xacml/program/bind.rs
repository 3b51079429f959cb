//! Bringing a request before a program: its values are numbered once, so that the decision compares
//! numbers.

use std::sync::Arc;

use super::{NONE, Program, vocabulary::Attributes};
use crate::xacml::{
    context::Category,
    ids,
    limits::Limits,
    policy::Reference,
    values::{
        DataType, Value,
        time::{self, TimezoneOffset},
    },
};

/// Attributes that the clock supplies when the request does not.
pub(super) const CLOCK: [(&str, DataType); 3] = [
    (ids::CURRENT_TIME, DataType::Time),
    (ids::CURRENT_DATE, DataType::Date),
    (ids::CURRENT_DATE_TIME, DataType::DateTime),
];

/// Supplies attributes that a request lacks.
pub trait AttributeSource: Sync {
    /// The values of an attribute; none when it does not know.
    fn values(
        &self,
        category: &str,
        attribute_id: &str,
        data_type: DataType,
    ) -> Vec<Value<'static>>;
}

/// Finds policies that others refer to.
pub trait PolicyResolver: Sync {
    /// The policy or set with the highest version that will do.
    fn resolve(&self, reference: &Reference) -> Option<Arc<Program>>;
}

/// What a decision takes from its surroundings.
#[derive(Clone, Copy)]
pub struct Environment<'e> {
    /// The instant of the decision, in seconds of the Unix clock.
    pub now: i64,
    /// Bounds.
    pub limits: &'e Limits,
    /// Minutes that a date without a zone is ahead of UTC.
    pub implicit_zone: i16,
    /// Where attributes come from that the request lacks.
    pub source: Option<&'e dyn AttributeSource>,
    /// Where references lead.
    pub resolver: Option<&'e dyn PolicyResolver>,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Environment<'_> {
    /// An instant, and nothing else.
    #[must_use]
    pub const fn at(now: i64) -> Self {
        Self {
            now,
            limits: &Limits::DEFAULT,
            implicit_zone: 0,
            source: None,
            resolver: None,
        }
    }

    pub(super) fn zone(&self) -> TimezoneOffset {
        TimezoneOffset::new(self.implicit_zone).unwrap_or(TimezoneOffset::UTC)
    }
}

/// In place of a link: there are values, but nobody looks at them.
const UNREAD: u32 = NONE - 1;

/// Memory that decisions use again and again, one at a time.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For the request.
    pub binding: Binding,
    /// For its evaluation.
    pub work: Work,
}

/// The values of a request by slot, and its symbols: what stays of a request while it is prepared.
#[derive(Debug, Default)]
pub struct Binding {
    /// Sorted.
    pub(super) symbols: Vec<u32>,
    /// First and last link of each slot.
    heads: Vec<(u32, u32)>,
    links: Vec<Link>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    category: u32,
    attribute: u32,
    value: u32,
    next: u32,
}

/// What an evaluation piles up. One will do for all requests of a thread.
#[derive(Debug, Default)]
pub struct Work {
    pub(super) candidates: Vec<u32>,
    pub(super) emissions: Vec<super::evaluation::Emission>,
    pub(super) contributions: Vec<super::evaluation::Contribution>,
}

/// The categories of one decision.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'r> {
    All(&'r [Category<'r>]),
    Some(&'r [&'r Category<'r>]),
}

impl<'r> Given<'r> {
    pub const fn len(self) -> usize {
        match self {
            Self::All(list) => list.len(),
            Self::Some(list) => list.len(),
        }
    }

    pub fn get(self, n: usize) -> Option<&'r Category<'r>> {
        match self {
            Self::All(list) => list.get(n),
            Self::Some(list) => list.get(n).copied(),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = &'r Category<'r>> {
        (0..self.len()).filter_map(move |n| self.get(n))
    }
}

/// A request brought before a program.
#[derive(Debug)]
pub struct Prepared<'r> {
    pub(super) program: &'r Program,
    pub(super) given: Given<'r>,
    /// Attributes that came from the clock or the source.
    pub(super) extra: Vec<Category<'static>>,
    pub(super) environment: Environment<'r>,
    /// References that led here.
    pub(super) reference_depth: usize,
    pub(super) binding: &'r Binding,
}

impl<'r> Prepared<'r> {
    /// Numbers the values of all categories.
    pub fn new(
        program: &'r Program,
        categories: &'r [Category<'r>],
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        Self::given(program, Given::All(categories), environment, binding)
    }

    /// Numbers the values of some categories.
    pub fn of(
        program: &'r Program,
        categories: &'r [&'r Category<'r>],
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        Self::given(program, Given::Some(categories), environment, binding)
    }

    pub(super) fn given(
        program: &'r Program,
        given: Given<'r>,
        environment: Environment<'r>,
        binding: &'r mut Binding,
    ) -> Self {
        std::hint::black_box(program.hot.dictionaries.glance());
        std::hint::black_box(program.hot.code.glance());
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

/// Whether two names are equal. Names that callers write down are one and the same in memory.
fn same(a: &str, b: &str) -> bool {
    std::ptr::eq(a, b) || a == b
}

/// Attributes that the program looks at and the request lacks.
fn supplied(
    program: &Program,
    attributes: &Attributes,
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
    }

    fn add(
        &mut self,
        program: &Program,
        attributes: &Attributes,
        number: usize,
        category: &Category<'_>,
    ) {
        let Some(names) = attributes.category(&category.category) else {
            return;
        };
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
                        Link {
                            category: number,
                            attribute: a as u32,
                            value: v as u32,
                            next: NONE,
                        },
                    );
                } else if let Some(head) = self.heads.get_mut(slot.number as usize) {
                    *head = (UNREAD, UNREAD);
                }
                if let Value::String(text) | Value::AnyUri(text) = &value.value {
                    for dictionary in texts.iter().flatten() {
                        self.symbols
                            .extend(dictionary.get(text, &program.hot.vocabulary.hasher));
                    }
                }
            }
        }
    }

    fn link(&mut self, slot: u32, link: Link) {
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

    /// Whether a slot has no values.
    pub(super) fn is_empty(&self, slot: u32) -> bool {
        self.heads
            .get(slot as usize)
            .is_none_or(|(first, _)| *first == NONE)
    }

    /// Category, attribute and value numbers of a slot's values, in request order.
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

/// Where a number stands among others, which are sorted.
pub(super) fn position(sorted: &[u32], number: u32) -> Option<usize> {
    // Among few, looking at each is quicker.
    const FEW: usize = 8;
    if sorted.len() <= FEW {
        sorted.iter().position(|n| *n == number)
    } else {
        sorted.binary_search(&number).ok()
    }
}
