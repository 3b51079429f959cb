//! How things are written for people: names, numbers, dates, hosts.

use chrono::{DateTime, Datelike as _, Utc};
use chrono_tz::Europe::Oslo;
use serde_json::Value;

use super::texts::Language;
use foundation::ids::is_displayable_char;

const COMPANY_FORMS: [&str; 15] = [
    "AS", "ASA", "ANS", "DA", "SA", "BA", "KF", "FKF", "IKS", "SF", "HF", "NUF", "ENK", "STI",
    "ESEK",
];
const MONTHS_NO: [&str; 12] = [
    "januar",
    "februar",
    "mars",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "desember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A name in capitals only, in title case; company forms stay in capitals.
#[must_use]
pub fn name(text: &str) -> String {
    let text = safe(text);
    if text.chars().any(char::is_lowercase) {
        return text;
    }
    let word = |w: &str| {
        if COMPANY_FORMS.contains(&w) || w == "BRL" || w == "BBL" || w == "KS" {
            return w.to_owned();
        }
        let mut out = String::with_capacity(w.len());
        let mut start = true;
        for c in w.chars() {
            if start {
                out.extend(c.to_uppercase());
            } else {
                out.extend(c.to_lowercase());
            }
            start = matches!(c, '-' | '/' | '.');
        }
        out
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Text of a vendor: no control characters or line breaks, nothing that turns the reading direction,
/// at most 200 characters. Such texts are refused today, but may be stored.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut out: String = text
        .chars()
        .filter(|c| is_displayable_char(*c))
        .take(200)
        .collect();
    if text.chars().count() > 200 {
        out.push('…');
    }
    out
}

/// An organisation number in groups of three, kept on one line.
#[must_use]
pub fn org_number(number: &str) -> String {
    match (number.get(..3), number.get(3..6), number.get(6..)) {
        (Some(a), Some(b), Some(c)) if number.len() == 9 => format!("{a}\u{a0}{b}\u{a0}{c}"),
        _ => safe(number),
    }
}

/// A date.
#[must_use]
pub fn date(instant: DateTime<Utc>, language: Language) -> String {
    let local = instant.with_timezone(&Oslo);
    let month = local.month0() as usize;
    match language {
        Language::En => format!("{} {} {}", local.day(), MONTHS_EN[month], local.year()),
        _ => format!("{}. {} {}", local.day(), MONTHS_NO[month], local.year()),
    }
}

/// A date with the time of day.
#[must_use]
pub fn date_time(instant: DateTime<Utc>, language: Language) -> String {
    let local = instant.with_timezone(&Oslo);
    match language {
        Language::En => format!("{} at {}", date(instant, language), local.format("%H:%M")),
        _ => format!("{} kl. {}", date(instant, language), local.format("%H.%M")),
    }
}

/// A text in the language, else in nb, nn, en, or any; with the language it is in when that is
/// another.
#[must_use]
pub fn localized(texts: &Value, language: Language) -> Option<(String, Option<&'static str>)> {
    let non_empty = |v: &Value| {
        v.as_str()
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(safe)
    };
    let given = |code: &str| texts.get(code).and_then(non_empty);
    if let Some(text) = given(language.code()) {
        return Some((text, None));
    }
    Language::ALL
        .iter()
        .find_map(|l| given(l.code()).map(|t| (t, Some(l.code()))))
        .or_else(|| {
            texts
                .as_object()?
                .values()
                .find_map(non_empty)
                .map(|t| (t, None))
        })
}

/// Host of a URL in ASCII, for the reader to recognise.
#[must_use]
pub fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(name("NATTERGAL BAKERI AS"), "Nattergal Bakeri AS");
        assert_eq!(
            name("SIFFERHJELP V/ OLAV SIFFERSUND"),
            "Sifferhjelp V/ Olav Siffersund"
        );
        assert_eq!(name("SKJÆRGÅRD REDERI KS"), "Skjærgård Rederi KS");
        assert_eq!(name("Fjordlønn"), "Fjordlønn");
        assert_eq!(org_number("390381492"), "390\u{a0}381\u{a0}492");
        assert_eq!(safe("a\u{202e}b\nc"), "abc");
    }

    #[test]
    fn dates_follow_oslo() {
        let instant = "2026-11-22T23:30:00Z".parse().unwrap();
        assert_eq!(
            date_time(instant, Language::Nb),
            "23. november 2026 kl. 00.30"
        );
        assert_eq!(date(instant, Language::En), "23 November 2026");
    }
}
