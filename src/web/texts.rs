//! Texts of the pages in the three languages, embedded.

use std::{collections::HashMap, sync::LazyLock};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Bokmål.
    Nb,
    /// Nynorsk.
    Nn,
    /// English.
    En,
}

impl Language {
    /// All, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Nb, Self::Nn, Self::En];

    /// As in `lang` attributes and in texts of others.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::Nn => "nn",
            Self::En => "en",
        }
    }

    /// Value of the cookie that Altinn's pages share.
    #[must_use]
    pub const fn cookie(self) -> &'static str {
        match self {
            Self::Nb => "no_nb",
            Self::Nn => "no_nn",
            Self::En => "en",
        }
    }

    /// From a code, such as `nb`, `no` or `en-GB`.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        match code.split(['-', '_']).next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "nb" | "no" => Some(Self::Nb),
            "nn" => Some(Self::Nn),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// From the shared cookie.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.cookie() == value)
    }

    /// The first that `Accept-Language` names.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        value.split(',').filter_map(|part| part.split(';').next()).find_map(Self::parse)
    }
}

type Table = HashMap<String, String>;

static TABLES: LazyLock<[Table; 3]> = LazyLock::new(|| {
    [include_str!("../../locales/nb.toml"), include_str!("../../locales/nn.toml"), include_str!("../../locales/en.toml")]
        .map(|file| toml::from_str(file).unwrap_or_default())
});

/// A text; the key itself when there is none, which a test makes impossible.
#[must_use]
pub fn text(language: Language, key: &str) -> &str {
    let table = &TABLES[language as usize];
    // The tables live as long as the process; keys handed back live as long as the caller's.
    table.get(key).map_or(key, String::as_str)
}

/// A text with its placeholders filled.
#[must_use]
pub fn filled(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text(language, key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// A text for a number: `.one` for 1, `.other` otherwise.
#[must_use]
pub fn counted(language: Language, key: &str, count: usize) -> String {
    let form = if count == 1 { "one" } else { "other" };
    filled(language, &format!("{key}.{form}"), &[("count", &count.to_string())])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_owned()).collect()
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
    fn languages_are_recognised() {
        assert_eq!(Language::from_header("de, nn-NO;q=0.8, en"), Some(Language::Nn));
        assert_eq!(Language::from_header("no"), Some(Language::Nb));
        assert_eq!(Language::from_cookie("no_nn"), Some(Language::Nn));
    }

    #[test]
    fn every_key_a_template_names_exists() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        for entry in std::fs::read_dir(dir).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for part in text.split("f.t(\"").skip(1).chain(text.split("f.fill(\"").skip(1)) {
                let key = part.split('"').next().unwrap();
                assert!(TABLES[0].contains_key(key), "{key}");
            }
        }
    }
}
