//! `If-Match` and its kin: conditions on the version of a list, and the header that shows it. Pure.

use chrono::{DateTime, Utc};
use foundation::{
    crypto::{base64url, unbase64url},
    http::ModelState,
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
    },
};
use registers::access_lists::AccessList;
use serde::{Deserialize, Serialize};

/// What an entity tag is made of.
#[derive(Debug, Serialize, Deserialize)]
struct EntityTagContent {
    version: String,
}

/// Versions that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EntityTags {
    /// Whichever there is.
    Any,
    /// One of these.
    Versions(Vec<i64>),
}

impl EntityTags {
    fn contain(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// How conditions and a list agree; the worst of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionResult {
    /// They hold.
    Met,
    /// The caller has this version already.
    Unmodified,
    /// They do not hold.
    Failed,
}

/// The conditions of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestConditions {
    matching: Option<EntityTags>,
    none_matching: Option<EntityTags>,
    unmodified_since: Option<DateTime<Utc>>,
    modified_since: Option<DateTime<Utc>>,
}

impl RequestConditions {
    /// Reads the headers.
    ///
    /// # Errors
    /// Model state under `key` for a list of tags that cannot be read, is strong, or is none of ours.
    pub fn read(headers: &HeaderMap, key: &str) -> Result<Self, ModelState> {
        let tags = |name: HeaderName, shown: &str| {
            tags(headers, &name).map_err(|fault| {
                ModelState::of(key, format!("Invalid {shown} header.{}", fault.rest()))
            })
        };
        let matching = tags(IF_MATCH, "If-Match")?;
        let none_matching = tags(IF_NONE_MATCH, "If-None-Match")?;
        Ok(Self {
            unmodified_since: date(headers, &IF_UNMODIFIED_SINCE).filter(|_| matching.is_none()),
            modified_since: date(headers, &IF_MODIFIED_SINCE).filter(|_| none_matching.is_none()),
            matching,
            none_matching,
        })
    }

    /// How they and a list agree.
    #[must_use]
    pub fn judge(&self, list: &AccessList) -> ConditionResult {
        let updated_at = list.updated_at.timestamp();
        let unless = |holds: bool, otherwise: ConditionResult| {
            if holds {
                ConditionResult::Met
            } else {
                otherwise
            }
        };
        let matching = self
            .matching
            .as_ref()
            .is_none_or(|tags| tags.contain(list.version));
        let unmodified = self
            .unmodified_since
            .is_none_or(|date| updated_at <= date.timestamp());
        let none_matching = self
            .none_matching
            .as_ref()
            .is_none_or(|tags| !tags.contain(list.version));
        let modified = self
            .modified_since
            .is_none_or(|date| updated_at > date.timestamp());
        unless(matching && unmodified, ConditionResult::Failed).max(unless(
            none_matching && modified,
            ConditionResult::Unmodified,
        ))
    }

    /// Whether they can hold only for a list that exists.
    #[must_use]
    pub const fn need_a_list(&self) -> bool {
        self.matching.is_some() || self.modified_since.is_some()
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderFault {
    Unreadable,
    Strong,
    Foreign,
}

impl HeaderFault {
    const fn rest(self) -> &'static str {
        match self {
            Self::Unreadable => "",
            Self::Strong => " Only weak etags are supported.",
            Self::Foreign => " Invalid etag.",
        }
    }
}

/// The tags of a header, which may come several times.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<EntityTags>, HeaderFault> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().map_err(|_| HeaderFault::Unreadable)?);
    }
    if values.is_empty() {
        return Ok(None);
    }
    let text = values.join(",");
    if text.trim() == "*" {
        return Ok(Some(EntityTags::Any));
    }
    let mut versions = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(further) = rest.strip_prefix(',') {
            rest = further.trim_start();
            continue;
        }
        let (is_weak, opaque) = match rest.strip_prefix("W/") {
            Some(opaque) => (true, opaque),
            None => (false, rest),
        };
        let (content, further) = opaque
            .strip_prefix('"')
            .and_then(|opaque| opaque.split_once('"'))
            .ok_or(HeaderFault::Unreadable)?;
        if !is_weak {
            return Err(HeaderFault::Strong);
        }
        versions.push(version_of(content).ok_or(HeaderFault::Foreign)?);
        rest = further.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(HeaderFault::Unreadable);
        }
    }
    if versions.is_empty() {
        Err(HeaderFault::Unreadable)
    } else {
        Ok(Some(EntityTags::Versions(versions)))
    }
}

fn version_of(content: &str) -> Option<i64> {
    let content: EntityTagContent = serde_json::from_slice(&unbase64url(content)?).ok()?;
    content.version.parse().ok().filter(|version| *version > 0)
}

/// An HTTP date; none when it comes twice or cannot be read.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    let mut values = headers.get_all(name).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|at| at.to_utc())
}

/// Headers that show the version of a list.
#[must_use]
pub fn version_headers(list: &AccessList) -> [(HeaderName, HeaderValue); 2] {
    let content = EntityTagContent {
        version: list.version.to_string(),
    };
    let tag = base64url(serde_json::to_vec(&content).unwrap_or_default());
    let date = list.updated_at.format("%a, %d %b %Y %H:%M:%S GMT");
    let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    [
        (ETAG, value(format!("W/\"{tag}\""))),
        (LAST_MODIFIED, value(date.to_string())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(version: i64) -> AccessList {
        AccessList {
            key: 1,
            owner: "sav".to_owned(),
            identifier: "godkjente".to_owned(),
            name: String::new(),
            description: String::new(),
            version,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::from_timestamp(1_764_228_480, 500).unwrap(),
        }
    }

    fn tag_of(version: i64) -> String {
        version_headers(&list(version))[0]
            .1
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn conditions(headers: &[(HeaderName, &str)]) -> Result<RequestConditions, ModelState> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        RequestConditions::read(&headers, "conditions")
    }

    #[test]
    fn a_tag_is_weak_and_a_date_has_whole_seconds() {
        let [tag, date] = version_headers(&list(12)).map(|(_, value)| value);
        assert_eq!(tag, "W/\"eyJ2ZXJzaW9uIjoiMTIifQ\"");
        assert_eq!(date, "Thu, 27 Nov 2025 07:28:00 GMT");
    }

    #[rstest::rstest]
    #[case(&[], ConditionResult::Met)]
    #[case(&[(IF_MATCH, "*".to_owned())], ConditionResult::Met)]
    #[case(&[(IF_MATCH, format!("{}, {}", tag_of(3), tag_of(7)))], ConditionResult::Met)]
    #[case(&[(IF_MATCH, tag_of(6))], ConditionResult::Failed)]
    #[case(&[(IF_NONE_MATCH, "*".to_owned())], ConditionResult::Unmodified)]
    #[case(&[(IF_NONE_MATCH, tag_of(7))], ConditionResult::Unmodified)]
    #[case(&[(IF_NONE_MATCH, tag_of(6))], ConditionResult::Met)]
    #[case(&[(IF_MATCH, tag_of(6)), (IF_NONE_MATCH, tag_of(7))], ConditionResult::Failed)]
    #[case(&[(IF_MODIFIED_SINCE, "Thu, 27 Nov 2025 07:28:00 GMT".to_owned())], ConditionResult::Unmodified)]
    #[case(&[(IF_MODIFIED_SINCE, "Thu, 27 Nov 2025 07:27:59 GMT".to_owned())], ConditionResult::Met)]
    #[case(&[(IF_MODIFIED_SINCE, "yesterday".to_owned())], ConditionResult::Met)]
    #[case(&[(IF_UNMODIFIED_SINCE, "Thu, 27 Nov 2025 07:28:00 GMT".to_owned())], ConditionResult::Met)]
    #[case(&[(IF_UNMODIFIED_SINCE, "Thu, 27 Nov 2025 07:27:59 GMT".to_owned())], ConditionResult::Failed)]
    #[case(&[(IF_MATCH, "*".to_owned()), (IF_UNMODIFIED_SINCE, "Thu, 27 Nov 2025 07:27:59 GMT".to_owned())], ConditionResult::Met)]
    fn conditions_agree_with_version_seven(
        #[case] headers: &[(HeaderName, String)],
        #[case] verdict: ConditionResult,
    ) {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str()))
            .collect();
        assert_eq!(conditions(&headers).unwrap().judge(&list(7)), verdict);
    }

    #[rstest::rstest]
    #[case(
        "\"eyJ2ZXJzaW9uIjoiMTIifQ\"",
        "Invalid If-Match header. Only weak etags are supported."
    )]
    #[case("eyJ2", "Invalid If-Match header.")]
    #[case("W/\"a\" W/\"b\"", "Invalid If-Match header. Invalid etag.")]
    #[case("*, W/\"a\"", "Invalid If-Match header.")]
    #[case("W/\"nothing\"", "Invalid If-Match header. Invalid etag.")]
    fn a_tag_that_is_none_of_ours_is_refused(#[case] header: &str, #[case] sentence: &str) {
        let found = conditions(&[(IF_MATCH, header)]).unwrap_err();
        assert_eq!(found, ModelState::of("conditions", sentence));
    }

    #[test]
    fn some_conditions_need_a_list() {
        let need = |headers: &[(HeaderName, &str)]| conditions(headers).unwrap().need_a_list();
        assert!(need(&[(IF_MATCH, "*")]));
        assert!(need(&[(
            IF_MODIFIED_SINCE,
            "Thu, 27 Nov 2025 07:28:00 GMT"
        )]));
        assert!(!need(&[(IF_NONE_MATCH, "*")]));
        assert!(!need(&[(
            IF_UNMODIFIED_SINCE,
            "Thu, 27 Nov 2025 07:28:00 GMT"
        )]));
    }
}
