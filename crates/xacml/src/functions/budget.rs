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
pub struct EvaluationBudget<'l> {
    /// Bounds on bags and texts.
    pub limits: &'l Limits,
    /// Implicit zone of times and dates.
    pub zone: TimezoneOffset,
    /// Steps left.
    pub steps: u32,
    /// Regular expressions that may still be compiled.
    pub patterns: u32,
    /// More steps were asked for than were left. Whatever the evaluation yields then, it is no
    /// decision.
    pub is_exceeded: bool,
}

/// The fault of an evaluation that needs more steps than it has.
pub const EXCEEDED: Fault = Fault::processing("the decision takes too many steps");

/// Bytes of a text that are compared, copied or searched in the time of one step.
const BYTES_PER_STEP: usize = 64;
/// Values of a bag that are copied in the time of one step.
const COPIES_PER_STEP: usize = 2;

impl EvaluationBudget<'_> {
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
            self.is_exceeded = true;
            Err(EXCEEDED)
        }
    }

    /// Takes the steps of working through a text of so many bytes.
    pub fn spend_text(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes / BYTES_PER_STEP)
    }

    /// Takes the steps of copying a bag of so many values.
    pub fn spend_copy(&mut self, values: usize) -> Result<(), Fault> {
        self.spend(values / COPIES_PER_STEP)
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
