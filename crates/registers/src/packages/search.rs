//! Searching access packages: by words that texts contain, or by words that are much alike. Pure.

use std::collections::HashSet;

use super::dto::{FoundField, FoundWord};

/// The texts of a package in one language.
#[derive(Debug, Clone, Copy)]
pub struct PackageTexts<'p> {
    pub name: &'p str,
    pub description: &'p str,
    pub area_name: &'p str,
    pub area_description: &'p str,
    /// Names of resources, where they are looked into.
    pub resources: &'p [String],
}

/// How words are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordComparison {
    /// A text contains one of the words.
    Any,
    /// Each of the words is contained in some text.
    All,
    /// A word of a text is much like one of the words.
    Alike,
}

/// What fits a term, with the score; none when nothing does.
#[must_use]
pub fn fits(
    term: &str,
    comparison: WordComparison,
    texts: PackageTexts<'_>,
) -> Option<(f64, Vec<FoundField>)> {
    match comparison {
        WordComparison::Any | WordComparison::All => {
            contains(term, comparison == WordComparison::All, texts)
        }
        WordComparison::Alike => alike(term, texts),
    }
}

/// A text that is looked into, with what it is worth.
struct SearchField<'p> {
    field: &'static str,
    text: &'p str,
    lower: String,
    /// Whether it must begin with what is looked for.
    is_prefix: bool,
    points: f64,
}

impl SearchField<'_> {
    fn holds(&self, word: &str) -> bool {
        if self.is_prefix {
            self.lower.starts_with(word)
        } else {
            self.lower.contains(word)
        }
    }
}

fn contains(
    term: &str,
    is_strict: bool,
    texts: PackageTexts<'_>,
) -> Option<(f64, Vec<FoundField>)> {
    let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
    let rules: [(&'static str, &str, bool, f64); 5] = [
        ("name.prefix", texts.name, true, 100.0),
        ("name", texts.name, false, 50.0),
        ("description", texts.description, false, 10.0),
        ("area.name.prefix", texts.area_name, true, 25.0),
        ("area.description", texts.area_description, false, 5.0),
    ];
    let rules = rules.map(|(field, text, is_prefix, points)| SearchField {
        field,
        text,
        lower: text.to_lowercase(),
        is_prefix,
        points,
    });
    let resources: Vec<(&str, String)> = texts
        .resources
        .iter()
        .map(|name| (name.as_str(), name.to_lowercase()))
        .collect();
    let mut found = Vec::new();
    if words.len() > 1 {
        let phrase = words.join(" ");
        for rule in rules.iter().filter(|rule| rule.holds(&phrase)) {
            let field = format!("{}.phrase", rule.field);
            found.push(field_of(&field, rule.text, rule.points * 2.0));
        }
    }
    for word in &words {
        for rule in rules.iter().filter(|rule| rule.holds(word)) {
            found.push(field_of(rule.field, rule.text, rule.points));
        }
        for (name, lower) in &resources {
            if lower.contains(word) {
                found.push(field_of("resources.name", name, 2.0));
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    if is_strict && words.len() > 1 {
        let found_texts: HashSet<&str> = found.iter().map(|f| f.value.as_str()).collect();
        let lower: Vec<String> = found_texts.iter().map(|text| text.to_lowercase()).collect();
        let is_somewhere = |word: &String| lower.iter().any(|text| text.contains(word));
        if !words.iter().all(is_somewhere) {
            return None;
        }
    }
    Some((found.iter().map(|field| field.score).sum(), found))
}

fn field_of(field: &str, value: &str, score: f64) -> FoundField {
    FoundField {
        field: field.to_owned(),
        value: value.to_owned(),
        score,
        words: Vec::new(),
    }
}

/// How much two words may differ.
#[derive(Debug, Clone, Copy)]
struct WordTolerance {
    score: f64,
    edits: usize,
}

const HIGH: WordTolerance = WordTolerance {
    score: 0.55,
    edits: 5,
};
const MEDIUM: WordTolerance = WordTolerance {
    score: 0.75,
    edits: 3,
};
const LOW: WordTolerance = WordTolerance {
    score: 0.85,
    edits: 1,
};

fn alike(term: &str, texts: PackageTexts<'_>) -> Option<(f64, Vec<FoundField>)> {
    let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
    let resources = texts.resources.join(", ");
    let mut rules: Vec<(&str, &str, f64, WordTolerance)> = vec![
        ("Name", texts.name, 2.0, HIGH),
        ("Description", texts.description, 0.8, LOW),
        ("Area_Name", texts.area_name, 1.5, MEDIUM),
    ];
    if !texts.resources.is_empty() {
        rules.push(("Resources (Combined)", &resources, 1.2, HIGH));
    }
    let (mut found, mut weights, mut matched, mut all) = (Vec::new(), 0.0, 0_usize, 0_usize);
    for (field, text, weight, tolerance) in rules {
        let compared: Vec<FoundWord> = text
            .split_whitespace()
            .map(|word| compared(word, &words, tolerance))
            .collect();
        let hits = compared.iter().filter(|word| word.is_match).count();
        if hits == 0 {
            continue;
        }
        let sum: f64 = compared.iter().map(|word| word.score).sum();
        weights += weight;
        matched += hits;
        all += compared.len();
        found.push(FoundField {
            words: compared,
            ..field_of(field, text, sum * weight)
        });
    }
    if found.is_empty() {
        return None;
    }
    let sum: f64 = found.iter().map(|field| field.score).sum();
    Some((sum / weights * (matched as f64 / all as f64), found))
}

fn compared(word: &str, asked: &[String], tolerance: WordTolerance) -> FoundWord {
    let lower: String = word
        .to_lowercase()
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned();
    let best = asked
        .iter()
        .map(|other| likeness(&lower, other, tolerance.edits))
        .fold(0.0, f64::max);
    let is_match = best >= tolerance.score;
    FoundWord {
        content: word.to_owned(),
        lowercase_content: lower,
        is_match,
        score: if is_match { best } else { 0.0 },
    }
}

/// From 0 to 1: letters in common, edits from one to the other, and groups of three letters in
/// common.
fn likeness(one: &str, other: &str, max_edits: usize) -> f64 {
    let longer = one.chars().count().max(other.chars().count());
    if longer == 0 {
        return 0.0;
    }
    let edits = strsim::levenshtein(one, other).min(max_edits + 1);
    let by_edits = 1.0 - (edits.min(longer) as f64 / longer as f64);
    0.4 * strsim::jaro(one, other) + 0.4 * by_edits + 0.2 * trigrams_in_common(one, other)
}

fn trigrams_in_common(one: &str, other: &str) -> f64 {
    let trigrams = |text: &str| {
        let letters: Vec<char> = text.chars().collect();
        letters
            .windows(3)
            .map(<[char]>::to_vec)
            .collect::<HashSet<Vec<char>>>()
    };
    let (one, other) = (trigrams(one), trigrams(other));
    let either = one.union(&other).count();
    if either == 0 {
        return 0.0;
    }
    one.intersection(&other).count() as f64 / either as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: PackageTexts<'_> = PackageTexts {
        name: "Kunst og underholdning",
        description: "Sceneteater og museum.",
        area_name: "Kultur og frivillighet",
        area_description: "Kultur for alle.",
        resources: &[],
    };

    fn fields(term: &str, comparison: WordComparison) -> Vec<(String, f64)> {
        fits(term, comparison, TEXTS)
            .map(|(_, fields)| fields.into_iter().map(|f| (f.field, f.score)).collect())
            .unwrap_or_default()
    }

    #[rstest::rstest]
    #[case("kunst", &[("name.prefix", 100.0), ("name", 50.0)])]
    #[case("UNDER", &[("name", 50.0)])]
    #[case("museum", &[("description", 10.0)])]
    #[case("kultur", &[("area.name.prefix", 25.0), ("area.description", 5.0)])]
    #[case("kunst og", &[("name.prefix.phrase", 200.0), ("name.phrase", 100.0), ("name.prefix", 100.0), ("name", 50.0), ("name", 50.0), ("description", 10.0)])]
    #[case("nothing", &[])]
    fn texts_that_contain_a_word_have_points(#[case] term: &str, #[case] expected: &[(&str, f64)]) {
        let expected: Vec<(String, f64)> = expected
            .iter()
            .map(|(f, s)| ((*f).to_owned(), *s))
            .collect();
        assert_eq!(fields(term, WordComparison::Any), expected);
    }

    #[test]
    fn strictly_each_word_is_somewhere() {
        assert!(fits("kunst qqqq", WordComparison::Any, TEXTS).is_some());
        assert!(fits("kunst qqqq", WordComparison::All, TEXTS).is_none());
        assert!(fits("kunst museum", WordComparison::All, TEXTS).is_some());
    }

    #[test]
    fn names_of_resources_have_two_points_each() {
        let resources = ["A-meldingen".to_owned(), "A-ordningen".to_owned()];
        let texts = PackageTexts {
            resources: &resources,
            ..TEXTS
        };
        let (score, found) = fits("a-meldingen", WordComparison::Any, texts).unwrap();
        assert!((score - 2.0).abs() < f64::EPSILON && found[0].field == "resources.name");
        assert!(fits("a-meldingen", WordComparison::Any, TEXTS).is_none());
    }

    #[test]
    fn a_word_with_a_letter_missing_is_alike_and_not_contained() {
        assert!(fits("underholdnig", WordComparison::Any, TEXTS).is_none());
        let (_, found) = fits("underholdnig", WordComparison::Alike, TEXTS).unwrap();
        assert_eq!(found[0].field, "Name");
        let matches: Vec<bool> = found[0].words.iter().map(|word| word.is_match).collect();
        assert_eq!(matches, [false, false, true]);
        assert!(fits("zzzz", WordComparison::Alike, TEXTS).is_none());
    }
}
