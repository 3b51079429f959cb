//! Arguments and results of functions.

use crate::{error::Fault, values::Value};

/// An evaluated argument or result.
#[derive(Debug, Clone)]
pub enum Operand<'a> {
    /// One value.
    One(Value<'a>),
    /// A bag of values of one type.
    Bag(Vec<Value<'a>>),
}

impl From<bool> for Operand<'_> {
    fn from(value: bool) -> Self {
        Self::One(Value::Boolean(value))
    }
}

impl<'a> Operand<'a> {
    /// The value.
    pub fn one(self) -> Result<Value<'a>, Fault> {
        match self {
            Self::One(value) => Ok(value),
            Self::Bag(_) => Err(MISTYPED),
        }
    }

    /// The values of the bag.
    pub fn bag(self) -> Result<Vec<Value<'a>>, Fault> {
        match self {
            Self::Bag(values) => Ok(values),
            Self::One(_) => Err(MISTYPED),
        }
    }

    /// Bytes of the texts of its values.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::One(value) => value.text_bytes(),
            Self::Bag(values) => values.iter().map(Value::text_bytes).sum(),
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Bag(values) => values.len(),
        }
    }

    /// The value of a boolean.
    pub const fn boolean(&self) -> Result<bool, Fault> {
        match self {
            Self::One(Value::Boolean(value)) => Ok(*value),
            _ => Err(MISTYPED),
        }
    }
}

/// An argument of another type than the function takes. The compiler rules it out.
pub const MISTYPED: Fault = Fault::processing("an argument has the wrong type");
