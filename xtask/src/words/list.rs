//! The list of words that are not used, and of exceptions.

use anyhow::{Result, bail};

/// What the list contains.
#[derive(Debug, Default)]
pub struct List {
    pub words: Vec<Word>,
    pub allowed: Vec<Allowed>,
}

/// A word in its forms, which may be phrases.
#[derive(Debug)]
pub struct Word {
    pub forms: Vec<String>,
    pub meanings: Vec<Meaning>,
}

/// What replaces a word where it has one of its meanings.
#[derive(Debug)]
pub struct Meaning {
    pub place: String,
    pub instead: String,
}

/// A text in which a word is allowed.
#[derive(Debug)]
pub struct Allowed {
    pub text: String,
    /// Beginning of the paths of the files; `*` for all files.
    pub place: String,
}

impl List {
    /// Reads lines of three columns with `|` between. Below `[words]`: forms with commas between,
    /// where the word occurs, what to write instead; a line without forms adds a meaning to the word
    /// before it. Below `[allowed]`: the text, where it is allowed, the reason. Empty lines and lines
    /// that begin with `#` are comments.
    pub fn parse(text: &str) -> Result<Self> {
        let mut list = Self::default();
        let mut section = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let is_read = match (section, columns.as_slice()) {
                ("[words]", [forms, place, instead]) if !instead.is_empty() => {
                    list.add(forms, place, instead)
                }
                ("[allowed]", [text, place, reason])
                    if ![text, place, reason].iter().any(|column| column.is_empty()) =>
                {
                    list.allowed.push(Allowed {
                        text: (*text).to_owned(),
                        place: (*place).to_owned(),
                    });
                    true
                }
                _ => false,
            };
            if !is_read {
                bail!("line {}: not a row of a section", number + 1);
            }
        }
        Ok(list)
    }

    /// Adds a word, or a meaning to the last word; false when there is none.
    fn add(&mut self, forms: &str, place: &str, instead: &str) -> bool {
        let meaning = Meaning {
            place: place.to_owned(),
            instead: instead.to_owned(),
        };
        if !forms.is_empty() {
            let forms = forms.split(',').map(|form| form.trim().to_owned());
            self.words.push(Word {
                forms: forms.collect(),
                meanings: vec![meaning],
            });
            return true;
        }
        match self.words.last_mut() {
            Some(word) => word.meanings.push(meaning),
            None => return false,
        }
        true
    }

    /// The words as a table of the glossary.
    pub fn table(&self) -> String {
        let mut out = "| Word | Where it occurs | Write instead |\n|---|---|---|\n".to_owned();
        for word in &self.words {
            let mut forms = word.forms.join(", ");
            for Meaning { place, instead } in &word.meanings {
                let row = format!("| {forms} | {place} | {instead} |\n");
                out.push_str(&row.replace("|  |", "| |"));
                forms.clear();
            }
        }
        out
    }
}

impl Word {
    /// What to write instead, by meaning where there are several.
    pub fn instead(&self) -> String {
        let meanings = self.meanings.iter().map(|meaning| {
            if meaning.place.is_empty() {
                format!("write {}", meaning.instead)
            } else {
                format!("for {}: {}", meaning.place, meaning.instead)
            }
        });
        meanings.collect::<Vec<_>>().join("; ")
    }
}
