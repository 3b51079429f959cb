//! Pages of a search: what is asked for, and the token that leads to the next one. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use foundation::crypto::{base64url, sha256, unbase64url};
use registers::parties::IdentityKeys;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// How long a token leads on, in seconds.
const LIFETIME: i64 = 15 * 60;
/// What a token is signed for.
const PURPOSE: &str = "authzen page";

/// Where a search goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCursor {
    /// Which search, by whom, for what.
    bound_to: String,
    /// After this hit.
    pub after: String,
    /// Hits of a page.
    pub limit: usize,
    /// Hits in all, when they were counted.
    pub total: Option<usize>,
    expires: i64,
}

/// The page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestedSearchPage {
    /// It was asked for by name.
    pub explicit: bool,
    /// It is a later one.
    pub is_later: bool,
    /// Where it begins.
    pub place: SearchCursor,
}

impl RequestedSearchPage {
    /// Reads member `page` of a search by a caller.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(
        members: &Map<String, Value>,
        search: &str,
        caller: &str,
        keys: &IdentityKeys,
        now: i64,
    ) -> Result<Self, String> {
        let bound_to = bound_to(members, search, caller);
        let page = match members.get("page") {
            None | Some(Value::Null) => None,
            Some(Value::Object(page)) => Some(page),
            Some(_) => return Err("page must be an object".to_owned()),
        };
        let member = |name: &str| {
            page.and_then(|page| page.get(name))
                .filter(|value| !value.is_null())
        };
        let limit = match member("limit") {
            None => None,
            Some(limit) => match limit
                .as_u64()
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| *limit > 0)
            {
                Some(limit) => Some(limit.min(MAX_LIMIT)),
                None => return Err("page.limit must be a positive integer".to_owned()),
            },
        };
        let token = match member("token") {
            None => "",
            Some(token) => token
                .as_str()
                .ok_or_else(|| "page.token must be a string".to_owned())?,
        };
        if token.is_empty() {
            let place = SearchCursor {
                bound_to,
                after: String::new(),
                limit: limit.unwrap_or(DEFAULT_LIMIT),
                total: None,
                expires: now + LIFETIME,
            };
            return Ok(Self {
                explicit: page.is_some(),
                is_later: false,
                place,
            });
        }
        let place = open(token, keys)
            .filter(|place| place.expires > now)
            .ok_or("page.token is none of ours, or has expired")?;
        if place.bound_to != bound_to {
            return Err("page.token belongs to another search".to_owned());
        }
        if limit.is_some_and(|limit| limit != place.limit) {
            return Err("page.limit differs from that of the first page".to_owned());
        }
        Ok(Self {
            explicit: true,
            is_later: true,
            place,
        })
    }

    /// The answer: `page` where there is something to say of it, and `results`.
    pub fn answer(
        &self,
        results: &[Value],
        next: Option<String>,
        total: Option<usize>,
        keys: &IdentityKeys,
        now: i64,
    ) -> Value {
        if !self.explicit && next.is_none() {
            return json!({"results": results});
        }
        let token = next
            .map(|after| {
                seal(
                    &SearchCursor {
                        after,
                        total,
                        expires: now + LIFETIME,
                        ..self.place.clone()
                    },
                    keys,
                )
            })
            .unwrap_or_default();
        let mut page = json!({"next_token": token, "count": results.len()});
        if let Some(total) = total {
            page["total"] = json!(total);
        }
        json!({"page": page, "results": results})
    }
}

fn bound_to(members: &Map<String, Value>, search: &str, caller: &str) -> String {
    let mut text = format!("{search}\n{caller}");
    for (name, value) in members
        .iter()
        .filter(|(name, _)| ["subject", "action", "resource", "context"].contains(&name.as_str()))
    {
        text.push('\n');
        text.push_str(name);
        canonical(value, &mut text);
    }
    base64url(&sha256(&text)[..16])
}

/// JSON in one spelling, whatever the order of members.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            out.push('{');
            for name in names {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(&members[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn seal(place: &SearchCursor, keys: &IdentityKeys) -> String {
    let payload = serde_json::to_vec(place).unwrap_or_default();
    let signature = keys.sign(PURPOSE, &payload);
    format!("{}.{}", base64url(payload), base64url(signature))
}

fn open(token: &str, keys: &IdentityKeys) -> Option<SearchCursor> {
    let (payload, signature) = token.split_once('.')?;
    let (payload, signature) = (unbase64url(payload)?, unbase64url(signature)?);
    keys.is_signed(PURPOSE, &payload, &signature)
        .then(|| serde_json::from_slice(&payload).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> IdentityKeys {
        IdentityKeys::new(&[1; 32], &[2; 32]).unwrap()
    }

    fn members(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_token_leads_on_in_its_own_search_alone() {
        let first = members(r#"{"subject":{"type":"a","id":"b"},"page":{"limit":2}}"#);
        let asked = RequestedSearchPage::read(&first, "action", "me", &keys(), 100).unwrap();
        let token =
            asked.answer(&[], Some("x".to_owned()), Some(9), &keys(), 100)["page"]["next_token"]
                .as_str()
                .unwrap()
                .to_owned();
        let follow = |subject: &str, limit: &str| {
            members(&format!(
                "{{{subject},\"page\":{{\"token\":\"{token}\"{limit}}}}}"
            ))
        };
        let same = r#""subject":{"id":"b","type":"a"}"#;
        let next =
            RequestedSearchPage::read(&follow(same, ""), "action", "me", &keys(), 200).unwrap();
        assert_eq!(
            (
                next.place.after.as_str(),
                next.place.limit,
                next.place.total
            ),
            ("x", 2, Some(9))
        );
        assert!(
            RequestedSearchPage::read(&follow(same, ",\"limit\":2"), "action", "me", &keys(), 200)
                .is_ok()
        );
        assert!(
            RequestedSearchPage::read(&follow(same, ",\"limit\":3"), "action", "me", &keys(), 200)
                .is_err()
        );
        assert!(
            RequestedSearchPage::read(
                &follow(r#""subject":{"id":"c","type":"a"}"#, ""),
                "action",
                "me",
                &keys(),
                200
            )
            .is_err()
        );
        assert!(
            RequestedSearchPage::read(&follow(same, ""), "resource", "me", &keys(), 200).is_err()
        );
        assert!(
            RequestedSearchPage::read(&follow(same, ""), "action", "you", &keys(), 200).is_err()
        );
        assert!(
            RequestedSearchPage::read(&follow(same, ""), "action", "me", &keys(), 100 + LIFETIME)
                .is_err()
        );
        assert!(
            RequestedSearchPage::read(
                &follow(same, ""),
                "action",
                "me",
                &IdentityKeys::new(&[3; 32], &[2; 32]).unwrap(),
                200
            )
            .is_err()
        );
    }

    #[test]
    fn a_page_that_is_not_asked_for_is_not_mentioned() {
        let asked = RequestedSearchPage::read(&Map::new(), "action", "me", &keys(), 0).unwrap();
        assert_eq!(
            asked.answer(&[], None, Some(0), &keys(), 0),
            json!({"results": []})
        );
        for wrong in [
            r#"{"page":1}"#,
            r#"{"page":{"limit":0}}"#,
            r#"{"page":{"limit":"2"}}"#,
            r#"{"page":{"token":7}}"#,
            r#"{"page":{"token":"x.y"}}"#,
        ] {
            assert!(
                RequestedSearchPage::read(&members(wrong), "action", "me", &keys(), 0).is_err(),
                "{wrong}"
            );
        }
        let asked = RequestedSearchPage::read(
            &members(r#"{"page":{"limit":5000}}"#),
            "action",
            "me",
            &keys(),
            0,
        )
        .unwrap();
        assert_eq!(asked.place.limit, MAX_LIMIT);
        assert_eq!(
            asked.answer(&[], None, Some(0), &keys(), 0)["page"],
            json!({"next_token": "", "count": 0, "total": 0})
        );
    }
}
