//! Names that programs share: each attribute that some program looks at has a number.
//!
//! The names of attributes are long, and a request has a dozen of them. Looking them up where all
//! programs do keeps them at hand, while the program that decides may have been asleep: a decision
//! costs about the same among few policies and among many.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use hashbrown::DefaultHashBuilder;

use super::{compile::push, dictionary::Names};
use crate::xacml::values::DataType;

/// An attribute that some program looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributeName {
    pub category: Box<str>,
    pub attribute_id: Box<str>,
    pub data_type: DataType,
}

/// All attributes at one moment. Numbers are never given twice: what was numbered before means the
/// same later.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    list: Vec<Arc<AttributeName>>,
    /// Numbers by category and attribute id.
    names: Names<Names<Vec<(DataType, u32)>>>,
}

impl Attributes {
    pub fn get(&self, number: u32) -> Option<&AttributeName> {
        self.list.get(number as usize).map(|attribute| &**attribute)
    }

    /// Numbers by attribute id.
    pub fn category(&self, name: &str) -> Option<&Names<Vec<(DataType, u32)>>> {
        self.names.get(name)
    }

    fn find(&self, category: &str, attribute_id: &str, data_type: DataType) -> Option<u32> {
        self.category(category)?
            .get(attribute_id)?
            .iter()
            .find(|(known, _)| *known == data_type)
            .map(|(_, number)| *number)
    }
}

/// The attributes of programs that are in use together. It only grows: the program of a new policy
/// adds what is new in it.
#[derive(Debug, Default)]
pub struct Vocabulary {
    /// Of the dictionaries of the programs.
    pub(super) hasher: DefaultHashBuilder,
    attributes: ArcSwap<Attributes>,
    growing: Mutex<()>,
}

impl Vocabulary {
    /// How many attributes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.load().list.len()
    }

    /// Whether there is no attribute in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attributes as they are now.
    pub(super) fn attributes(&self) -> Guard<Arc<Attributes>> {
        self.attributes.load()
    }

    /// The numbers of attributes, some of which may be new.
    pub(super) fn numbers(&self, wanted: &[AttributeName]) -> Vec<u32> {
        let number = |all: &Attributes, a: &AttributeName| {
            all.find(&a.category, &a.attribute_id, a.data_type)
        };
        let known = self.attributes.load();
        if let Some(numbers) = wanted
            .iter()
            .map(|attribute| number(&known, attribute))
            .collect()
        {
            return numbers;
        }
        let _only = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Attributes::clone(&self.attributes.load());
        let numbers = wanted.iter().map(|attribute| {
            number(&all, attribute).unwrap_or_else(|| {
                let number = push(&mut all.list, Arc::new(attribute.clone()));
                all.names
                    .entry(&attribute.category)
                    .entry(&attribute.attribute_id)
                    .push((attribute.data_type, number));
                number
            })
        });
        let numbers = numbers.collect();
        self.attributes.store(Arc::new(all));
        numbers
    }
}
