//! Texts of clients in lines of the log.

/// Characters of a text of a client that a line carries.
const LONGEST_TEXT: usize = 200;

/// A text of a client, cut to the length that a line carries.
#[must_use]
pub fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(LONGEST_TEXT)
        .map_or(text, |(end, _)| &text[..end])
}
