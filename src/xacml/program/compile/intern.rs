//! Numbers for attributes and texts, so that the decision compares numbers.

use hashbrown::HashMap;

use super::{Compiler, push};
use crate::xacml::{
    functions::Operation,
    policy,
    program::{Designator, NONE, Slot, dictionary::Dictionary},
    values::{DataType, Value},
};

/// Designators met so far: slot, issuer, presence.
#[derive(Debug, Default)]
pub struct Interned(HashMap<(u32, Option<String>, bool), u32>);

impl Compiler<'_> {
    /// The number of a designator.
    pub(super) fn designator(&mut self, designator: &policy::Designator, data_type: DataType) -> u32 {
        let slot = self.slot(&designator.category, &designator.attribute_id, data_type);
        let key = (slot, designator.issuer.clone(), designator.must_be_present);
        let program = &mut self.program;
        *self.interned.0.entry(key).or_insert_with(|| {
            let issuer = designator.issuer.as_deref().map(Into::into);
            push(&mut program.designators, Designator { slot, issuer, must_be_present: designator.must_be_present })
        })
    }

    fn slot(&mut self, category: &str, attribute_id: &str, data_type: DataType) -> u32 {
        let program = &mut self.program;
        let known = program.names.entry(category).entry(attribute_id);
        let found = known.iter().copied().find(|n| program.slots.get(*n as usize).is_some_and(|s| s.data_type == data_type));
        found.unwrap_or_else(|| {
            let slot = Slot {
                category: category.into(),
                attribute_id: attribute_id.into(),
                data_type,
                exact: Dictionary::new(false),
                folded: Dictionary::new(true),
                read: false,
            };
            let number = push(&mut program.slots, slot);
            known.push(number);
            number
        })
    }

    /// The symbol of a text that is compared for equality with an attribute of any issuer; none when it takes more
    /// than comparing numbers.
    pub(super) fn symbol(&mut self, operation: Operation, value: &Value<'_>, designator: u32) -> Option<u32> {
        let designator = self.program.designators.get(designator as usize).filter(|d| d.issuer.is_none() && d.slot != NONE)?;
        let slot = self.program.slots.get_mut(designator.slot as usize)?;
        let text = match value {
            Value::String(text) | Value::AnyUri(text) => &**text,
            _ => return None,
        };
        let next = self.program.symbol_count;
        let symbol = match operation {
            Operation::Equal => slot.exact.number(text, next),
            Operation::EqualIgnoreCase => slot.folded.number(text, next),
            _ => return None,
        };
        if symbol == next {
            self.program.symbol_count += 1;
        }
        Some(symbol)
    }
}
