//! Bounds on the cost of an evaluation.

use std::borrow::Cow;

use super::operand::Operand;
use crate::{
    error::Fault,
    limits::Limits,
    values::{Value, time::TimezoneOffset},
};

/// What one evaluation may still cost.
#[derive(Debug)]
pub struct Budget<'l> {
    /// Bounds on bags and texts.
    pub limits: &'l Limits,
    /// Implicit zone of times and dates.
    pub zone: TimezoneOffset,
    /// Steps left.
    pub steps: u32,
    /// Regular expressions that may still be compiled.
    pub patterns: u32,
}

impl Budget<'_> {
    /// Takes steps, unless too few are left.
    pub fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        if let Some(left) = u32::try_from(steps)
            .ok()
            .and_then(|s| self.steps.checked_sub(s))
        {
            self.steps = left;
            Ok(())
        } else {
            self.steps = 0;
            Err(Fault::processing("the decision takes too many steps"))
        }
    }

    /// A text, unless it is too long.
    pub fn text(&self, text: String) -> Result<Cow<'static, str>, Fault> {
        if text.len() > self.limits.text_bytes {
            Err(Fault::processing("a text is too long"))
        } else {
            Ok(Cow::Owned(text))
        }
    }

    /// A bag, unless it is too large.
    pub fn bag<'a>(&self, values: Vec<Value<'a>>) -> Result<Operand<'a>, Fault> {
        if values.len() > self.limits.bag_values {
            Err(Fault::processing("a bag is too large"))
        } else {
            Ok(Operand::Bag(values))
        }
    }
}
