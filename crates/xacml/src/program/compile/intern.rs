//! Interns attributes and texts as numbers.

use super::compiler::Compiler;
use crate::{
    functions::Operation,
    policy,
    program::{
        CompiledDesignator,
        dictionary::{DictionaryDraft, Slot},
        list::{NONE, push},
        vocabulary::AttributeName,
    },
    values::{DataType, Value},
};

impl Compiler<'_> {
    /// The number of a designator.
    pub(super) fn designator(
        &mut self,
        designator: &policy::Designator,
        data_type: DataType,
    ) -> u32 {
        let slot = self.slot(&designator.category, &designator.attribute_id, data_type);
        let key = (slot, designator.issuer.clone(), designator.must_be_present);
        let program = &mut self.program;
        *self.designators.entry(key).or_insert_with(|| {
            let issuer = designator.issuer.as_deref().map(Into::into);
            push(
                &mut program.designators,
                CompiledDesignator {
                    slot,
                    issuer,
                    must_be_present: designator.must_be_present,
                },
            )
        })
    }

    fn slot(&mut self, category: &str, attribute_id: &str, data_type: DataType) -> u32 {
        let attribute = AttributeName {
            category: category.into(),
            attribute_id: attribute_id.into(),
            data_type,
        };
        let (slots, attributes) = (&mut self.slots, &mut self.attributes);
        *self
            .numbers
            .entry(attribute)
            .or_insert_with_key(|attribute| {
                attributes.push(attribute.clone());
                let number = u32::try_from(slots.len()).unwrap_or(NONE);
                push(
                    slots,
                    Slot {
                        attribute: NONE,
                        number,
                        exact: NONE,
                        folded: NONE,
                        read: false,
                    },
                )
            })
    }

    /// The symbol of a text that is compared for equality with an attribute of any issuer; none when
    /// a comparison of numbers is not enough.
    pub(super) fn symbol(
        &mut self,
        operation: Operation,
        value: &Value<'_>,
        designator: u32,
    ) -> Option<u32> {
        let designator = self
            .program
            .designators
            .get(designator as usize)
            .filter(|d| d.issuer.is_none() && d.slot != NONE)?;
        let slot = self.slots.get_mut(designator.slot as usize)?;
        let text = match value {
            Value::String(text) | Value::AnyUri(text) => &**text,
            _ => return None,
        };
        let (dictionary, ignores_case) = match operation {
            Operation::Equal => (&mut slot.exact, false),
            Operation::EqualIgnoreCase => (&mut slot.folded, true),
            _ => return None,
        };
        if *dictionary == NONE {
            *dictionary = push(&mut self.dictionaries, DictionaryDraft::new(ignores_case));
        }
        let symbol = self
            .dictionaries
            .get_mut(*dictionary as usize)?
            .number(text, self.symbols);
        self.symbols += u32::from(symbol == self.symbols);
        Some(symbol)
    }
}
