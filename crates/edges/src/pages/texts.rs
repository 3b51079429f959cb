//! Texts of the pages in the three languages, embedded.

use std::{collections::HashMap, sync::LazyLock};

pub use foundation::http::Language;

type TextTable = HashMap<String, String>;

static TABLES: LazyLock<[TextTable; 3]> = LazyLock::new(|| {
    [
        include_str!("../../../../locales/nb.toml"),
        include_str!("../../../../locales/nn.toml"),
        include_str!("../../../../locales/en.toml"),
    ]
    .map(|file| toml::from_str(file).unwrap_or_default())
});

/// A text; the key itself when there is none, which a test makes impossible.
#[must_use]
pub fn text(language: Language, key: &str) -> &str {
    let table = &TABLES[language as usize];
    // The tables exist as long as the process; a returned key exists as long as the caller's.
    table.get(key).map_or(key, String::as_str)
}

/// A text with its placeholders filled.
#[must_use]
pub fn filled(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(text(language, key).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
}

/// A text for a number: `.one` for 1, `.other` otherwise.
#[must_use]
pub fn counted(language: Language, key: &str, count: usize) -> String {
    let form = if count == 1 { "one" } else { "other" };
    filled(
        language,
        &format!("{key}.{form}"),
        &[("count", &count.to_string())],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<String> {
        text.split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    #[test]
    fn the_three_files_have_the_same_keys_and_placeholders() {
        let [nb, nn, en] = &*TABLES;
        assert!(nb.len() > 300);
        for (key, text) in nb {
            assert!(!text.trim().is_empty(), "{key} is empty");
            for other in [nn, en] {
                let translated = other.get(key).unwrap_or_else(|| panic!("{key} is missing"));
                assert_eq!(placeholders(text), placeholders(translated), "{key}");
            }
        }
        assert_eq!((nb.len(), nb.len()), (nn.len(), en.len()));
    }

    #[test]
    fn every_key_a_template_names_exists() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates");
        for entry in std::fs::read_dir(dir).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for part in text
                .split("f.t(\"")
                .skip(1)
                .chain(text.split("f.fill(\"").skip(1))
            {
                let key = part.split('"').next().unwrap();
                assert!(TABLES[0].contains_key(key), "{key}");
            }
        }
    }
}
