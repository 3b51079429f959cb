//! The language of an answer.

use axum::extract::FromRequestParts;
use http::{header::ACCEPT_LANGUAGE, request::Parts};
use utoipa::openapi::path::Operation;

use super::describe::{self, DescribeInput};

/// A language that texts are there in.
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
        match code
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
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

    /// The one that `Accept-Language` gives the most weight, and of several the first (RFC 9110,
    /// 12.5.4). A range whose weight cannot be read does not count.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let mut weights: [Option<u16>; 3] = [None; 3];
        let mut best: Option<(Self, u16)> = None;
        let mut others = None;
        for (range, weight) in value.split(',').filter_map(weighted) {
            if range == "*" {
                others = others.or(Some(weight));
                continue;
            }
            let Some(language) = Self::parse(range) else {
                continue;
            };
            weights[language as usize].get_or_insert(weight);
            if weight > best.map_or(0, |(_, most)| most) {
                best = Some((language, weight));
            }
        }
        // `*` is any language that is not named.
        let unnamed = Self::ALL
            .into_iter()
            .find(|language| weights[*language as usize].is_none());
        match (best, others, unnamed) {
            (Some((_, most)), Some(weight), Some(unnamed)) if weight > most => Some(unnamed),
            (None, Some(1..), unnamed) => unnamed,
            (best, _, _) => best.map(|(language, _)| language),
        }
    }
}

/// A range of `Accept-Language` and its weight in thousandths.
fn weighted(entry: &str) -> Option<(&str, u16)> {
    let mut parts = entry.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = match parts.next() {
        None => 1.0,
        Some(parameter) => {
            let (name, value) = parameter.split_once('=')?;
            let value: f32 = value.trim().parse().ok()?;
            (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&value))
                .then_some(value)?
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let thousandths = (weight * 1000.0).round() as u16;
    Some((range, thousandths))
}

/// What `Accept-Language` asks for, and Bokmål when it asks for none of ours.
impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts
            .headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|v| v.to_str().ok())
            .and_then(Self::from_header)
            .unwrap_or(Self::Nb))
    }
}

impl DescribeInput for Language {
    fn describe(operation: &mut Operation) {
        describe::answers_in_languages(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_most_weight_is_taken() {
        for (header, language) in [
            ("de, nn-NO;q=0.8, en;q=0.5", Some(Language::Nn)),
            ("nn;q=0.1, en;q=0.9", Some(Language::En)),
            ("en;q=0.2, nb", Some(Language::Nb)),
            ("en ; q=0.2 , nn ; q=0.3", Some(Language::Nn)),
            ("en, nb", Some(Language::En)),
            ("nb;q=0, en", Some(Language::En)),
            ("nb;q=0", None),
            ("nb;q=0, *", Some(Language::Nn)),
            ("de, *;q=0.1", Some(Language::Nb)),
            ("en;q=x, nn;q=0.1", Some(Language::Nn)),
            ("en;q=2, nn;q=0.1", Some(Language::Nn)),
            ("", None),
        ] {
            assert_eq!(Language::from_header(header), language, "{header}");
        }
    }

    #[test]
    fn languages_are_recognised() {
        assert_eq!(Language::from_header("no"), Some(Language::Nb));
        assert_eq!(Language::from_cookie("no_nn"), Some(Language::Nn));
    }
}
