//! Names of attributes that programs share: each attribute that a program refers to has a number.
//!
//! The names of attributes are long, and a request has a dozen of them. All programs look them up in
//! one table, which is therefore in the CPU cache even when the program that decides is not: a decision
//! takes about as long among many programs as among few.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use hashbrown::DefaultHashBuilder;

use super::{dictionary::NameTable, list::push};
use crate::values::DataType;

/// An attribute that a program refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributeName {
    pub category: Box<str>,
    pub attribute_id: Box<str>,
    pub data_type: DataType,
}

/// A version of the table. Later versions add attributes, and have the same numbers for these.
#[derive(Debug, Clone, Default)]
pub struct AttributeTable {
    list: Vec<Arc<AttributeName>>,
    /// Data types and numbers by category and attribute id.
    names: NameTable<NameTable<Vec<(DataType, u32)>>>,
}

impl AttributeTable {
    pub fn get(&self, number: u32) -> Option<&AttributeName> {
        self.list.get(number as usize).map(|attribute| &**attribute)
    }

    /// Data types and numbers of a category by attribute id.
    pub fn category(&self, name: &str) -> Option<&NameTable<Vec<(DataType, u32)>>> {
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

/// The attribute names of programs that are used together: category, identifier and data type
/// of each attribute that a policy refers to.
///
/// Give the same one to [`Program::compile`](super::Program::compile) for all policies that one
/// service decides by. It is shared between threads by `Arc`; decisions read it without a lock, and
/// compiling adds to it. It only grows: names of policies that were dropped remain, so that a service
/// whose policies come and go should start a new one when [`len`](Self::len) has grown far beyond
/// what is in use. Programs keep the one that they were compiled with.
#[derive(Debug, Default)]
pub struct Vocabulary {
    /// Hashes the texts of all programs' dictionaries.
    pub(super) hasher: DefaultHashBuilder,
    attributes: ArcSwap<AttributeTable>,
    growing: Mutex<()>,
}

impl Vocabulary {
    /// How many attributes have a number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.load().list.len()
    }

    /// Whether no program has been compiled with it, or only such as refer to no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attributes as they are now.
    pub(super) fn attributes(&self) -> Guard<Arc<AttributeTable>> {
        self.attributes.load()
    }

    /// The numbers of attributes; new ones are added.
    pub(super) fn numbers(&self, wanted: &[AttributeName]) -> Vec<u32> {
        let number = |all: &AttributeTable, a: &AttributeName| {
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
        let _lock = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = AttributeTable::clone(&self.attributes.load());
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
