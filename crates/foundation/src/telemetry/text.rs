//! Texts of clients in lines of the log.

/// Characters of a text of a client that a line carries.
const LONGEST_TEXT: usize = 200;

/// A text of a client as one line: cut, with a blank for each character that moves a cursor, ends a line
/// or turns the direction of what follows.
#[must_use]
pub fn one_line(text: &str) -> String {
    let is_harmless = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let clean = |c| if is_harmless(c) { c } else { ' ' };
    shortened(text).chars().map(clean).collect()
}

/// A text of a client, cut to the length that a line carries.
#[must_use]
pub fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(LONGEST_TEXT)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_and_shows_what_it_says() {
        let hostile = "a\tb\u{1b}[31m\u{85}c\u{9b}d\u{2028}e\u{202e}f\r\n";
        assert_eq!(one_line(hostile), "a b [31m c d e f  ");
        assert_eq!(one_line("Firefox/1.0 (æøå; 中)"), "Firefox/1.0 (æøå; 中)");
        assert_eq!(one_line(&"x".repeat(1_000)).len(), LONGEST_TEXT);
    }
}
