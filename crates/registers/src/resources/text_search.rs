//! Search for resources by words, in one language: pure rules over what is shown of a resource.

/// Words of one search.
const MAX_WORDS: usize = 50;
/// What a word in an identifier or title that is searched for as a whole counts more.
const EXACT: usize = 2;

/// Which resources are searched. System resources and Maskinporten schemas are nothing that people give.
#[derive(Debug, Clone, Default)]
pub struct TextFilter {
    /// Codes of service owners, in lower case; all when empty.
    pub owners: Vec<String>,
    /// Leave out services of Altinn 2.
    pub without_altinn_2: bool,
    /// Also what is deprecated, and apps that were moved over.
    pub with_expired: bool,
}

/// What is searched of a resource, in one language.
#[derive(Debug, Clone, Default)]
pub struct ResourceTexts {
    /// Identifier in the registry.
    pub identifier: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// What a receiver gets.
    pub right_description: String,
    /// Name of the service owner.
    pub owner: String,
    /// Keywords of this language.
    pub keywords: Vec<String>,
}

/// A search has more words than can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("At most {MAX_WORDS} words can be searched for.")]
pub struct TooManyWords;

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchWords {
    whole: String,
    words: Vec<String>,
}

impl SearchWords {
    /// Splits a text at blanks.
    ///
    /// # Errors
    /// There are more than 50 words.
    pub fn of(text: &str) -> Result<Self, TooManyWords> {
        let whole = text.trim().to_lowercase();
        let words: Vec<String> = whole
            .split_whitespace()
            .take(MAX_WORDS + 1)
            .map(str::to_owned)
            .collect();
        if words.len() > MAX_WORDS {
            return Err(TooManyWords);
        }
        Ok(Self { whole, words })
    }

    /// How well a resource fits: the number of words that it has, and two more for each of its identifier
    /// and its title that is the search itself. None when it has no word. Without words, everything fits
    /// alike.
    #[must_use]
    pub fn score(&self, resource: &ResourceTexts) -> Option<usize> {
        if self.words.is_empty() {
            return Some(0);
        }
        let single = [
            &resource.identifier,
            &resource.title,
            &resource.description,
            &resource.right_description,
            &resource.owner,
        ];
        let texts: Vec<String> = single
            .into_iter()
            .chain(&resource.keywords)
            .map(|text| text.to_lowercase())
            .collect();
        let is_in = |word: &&String| texts.iter().any(|text| text.contains(word.as_str()));
        let found = self.words.iter().filter(is_in).count();
        if found == 0 {
            return None;
        }
        let named = [&resource.identifier, &resource.title];
        let is_whole = |text: &&&String| text.trim().to_lowercase() == self.whole;
        Some(found + EXACT * named.iter().filter(is_whole).count())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn melding() -> ResourceTexts {
        ResourceTexts {
            identifier: "a-melding".to_owned(),
            title: "A-ordningen".to_owned(),
            description: "Melding om lønn".to_owned(),
            right_description: "Gir tilgang".to_owned(),
            owner: "Skatteverket".to_owned(),
            keywords: vec!["Trekk".to_owned()],
        }
    }

    #[rstest]
    #[case("", Some(0))]
    #[case("  ", Some(0))]
    #[case("LØNN", Some(1))]
    #[case("lønn trekk bolig", Some(2))]
    #[case("skatte tilgang", Some(2))]
    #[case("bolig", None)]
    #[case(" A-melding ", Some(3))]
    #[case("a-ordningen", Some(3))]
    fn a_resource_fits_by_its_words(#[case] text: &str, #[case] expected: Option<usize>) {
        assert_eq!(SearchWords::of(text).unwrap().score(&melding()), expected);
    }

    #[test]
    fn a_search_has_fifty_words_at_most() {
        assert!(SearchWords::of(&"x ".repeat(50)).is_ok());
        assert_eq!(SearchWords::of(&"x ".repeat(51)), Err(TooManyWords));
    }
}
