//! The texts that policies compare with, by the numbers that programs have for them.

/// Number of the attribute and text of each symbol.
#[derive(Debug)]
pub struct SymbolTexts(pub Vec<Option<(u32, Box<str>)>>);
