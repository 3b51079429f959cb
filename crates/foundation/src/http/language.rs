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

    /// The first that `Accept-Language` names.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        value
            .split(',')
            .filter_map(|part| part.split(';').next())
            .find_map(Self::parse)
    }
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
        describe::speaks_languages(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_recognised() {
        assert_eq!(
            Language::from_header("de, nn-NO;q=0.8, en"),
            Some(Language::Nn)
        );
        assert_eq!(Language::from_header("no"), Some(Language::Nb));
        assert_eq!(Language::from_cookie("no_nn"), Some(Language::Nn));
    }
}
