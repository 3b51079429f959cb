//! Words of a text: of identifiers, comments, literals and prose alike.

use std::collections::HashMap;

use super::list::{List, Word};

/// Finds the words of a list.
#[derive(Debug)]
pub struct Finder<'l> {
    list: &'l List,
    /// Forms by their first word, each as words with what it is a form of.
    forms: HashMap<String, Vec<(Vec<String>, &'l Word)>>,
}

/// A word of the list in a text.
#[derive(Debug)]
pub struct Hit<'l> {
    pub line: usize,
    /// As the text has it, on one line.
    pub text: String,
    pub word: &'l Word,
}

/// A run of letters in one case, or that begins with a capital letter.
#[derive(Debug, Clone, Copy)]
struct Part<'t> {
    text: &'t str,
    start: usize,
}

impl Part<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

impl<'l> Finder<'l> {
    pub fn new(list: &'l List) -> Self {
        let mut forms: HashMap<String, Vec<_>> = HashMap::new();
        for word in &list.words {
            for form in &word.forms {
                let words: Vec<String> = form.split(' ').map(str::to_lowercase).collect();
                let first = words.first().cloned().unwrap_or_default();
                forms.entry(first).or_default().push((words, word));
            }
        }
        Self { list, forms }
    }

    /// The words in a file that no exception covers; sets `used` for each exception that covers one.
    pub fn find(&self, path: &str, text: &str, used: &mut [bool]) -> Vec<Hit<'l>> {
        let mut allowed = Vec::new();
        for (number, one) in self.list.allowed.iter().enumerate() {
            if one.place == "*" || path.starts_with(&one.place) {
                let found = text.match_indices(&one.text);
                allowed.extend(found.map(|(at, text)| (at..at + text.len(), number)));
            }
        }
        let parts = parts(text);
        let mut hits = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let forms = self.forms.get(&part.text.to_lowercase());
            for (words, word) in forms.into_iter().flatten() {
                let Some(found) = parts.get(at..at + words.len()) else {
                    continue;
                };
                if !is_phrase(text, found, words) || is_key_material(text, part.start) {
                    continue;
                }
                let end = found.last().map_or(part.end(), Part::end);
                let mut exceptions = allowed
                    .iter()
                    .filter(|(range, _)| range.start <= part.start && end <= range.end)
                    .peekable();
                if exceptions.peek().is_none() {
                    let words: Vec<&str> = found.iter().map(|part| part.text).collect();
                    hits.push(Hit {
                        line: text[..part.start].matches('\n').count() + 1,
                        text: words.join(" "),
                        word,
                    });
                }
                for (_, number) in exceptions {
                    used[*number] = true;
                }
            }
        }
        hits
    }
}

/// Whether these parts are the words of a form, with nothing between them but space, signs of a
/// comment, and what joins words of an identifier.
fn is_phrase(text: &str, found: &[Part<'_>], words: &[String]) -> bool {
    let same = found.iter().zip(words);
    let is_joined = |pair: &[Part<'_>]| {
        let between = &text[pair[0].end()..pair[1].start];
        between
            .chars()
            .all(|c| c.is_whitespace() || "/!#>_-\\".contains(c))
    };
    same.into_iter()
        .all(|(part, word)| part.text.to_lowercase() == *word)
        && found.windows(2).all(is_joined)
}

/// Whether a position is in a run of at least so many letters and digits with both of them, such as
/// a key or a digest in base64. Its letters are no words.
fn is_key_material(text: &str, at: usize) -> bool {
    const MIN_LENGTH: usize = 20;
    let is_other = |letter: char| !letter.is_ascii_alphanumeric();
    let before = text[..at].rsplit(is_other).next().unwrap_or_default();
    let run = text[at - before.len()..]
        .split(is_other)
        .next()
        .unwrap_or_default();
    run.len() >= MIN_LENGTH && run.contains(|letter: char| letter.is_ascii_digit())
}

/// Splits at all that is no letter, and in an identifier where a capital letter begins a word. The
/// letter of an escape (`\n`) is none.
fn parts(text: &str) -> Vec<Part<'_>> {
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let mut parts = Vec::new();
    let mut start = None;
    let mut is_escaped = false;
    for (number, &(at, letter)) in letters.iter().enumerate() {
        let is_escape = is_escaped && "nrt0".contains(letter);
        is_escaped = letter == '\\' && !is_escaped;
        let is_letter = letter.is_alphabetic() && !is_escape;
        let before = number.checked_sub(1).map(|number| letters[number].1);
        let after = letters.get(number + 1).map(|next| next.1);
        let begins = letter.is_uppercase()
            && (before.is_some_and(char::is_lowercase) || after.is_some_and(char::is_lowercase));
        if let Some(begun) = start
            && (!is_letter || begins)
        {
            parts.push(Part {
                text: &text[begun..at],
                start: begun,
            });
            start = None;
        }
        if is_letter && start.is_none() {
            start = Some(at);
        }
    }
    if let Some(begun) = start {
        parts.push(Part {
            text: &text[begun..],
            start: begun,
        });
    }
    parts
}
