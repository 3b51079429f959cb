//! A decision as a line: fields parted by tabs, `\N` for none.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::context;
use foundation::{http::time, telemetry::masked};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    Text,
    Instant,
    Number,
    Flag,
    Context,
    Json,
}

/// Fields of a line.
pub(super) const FIELD_COUNT: usize = 31;

/// The fields of a line in order, by their names in answers and exports: those of Altinn's log,
/// and our own.
const FIELDS: [(&str, FieldKind); FIELD_COUNT] = [
    ("decisionId", FieldKind::Text),
    ("part", FieldKind::Number),
    ("created", FieldKind::Instant),
    ("endpoint", FieldKind::Text),
    ("callerOrg", FieldKind::Text),
    ("callerClientId", FieldKind::Text),
    ("callerJti", FieldKind::Text),
    ("requestId", FieldKind::Text),
    ("ipAdress", FieldKind::Text),
    ("sessionId", FieldKind::Text),
    ("subjectUserId", FieldKind::Number),
    ("subjectParty", FieldKind::Number),
    ("subjectOrgCode", FieldKind::Text),
    ("subjectOrgNumber", FieldKind::Text),
    ("subjectPartyUuid", FieldKind::Text),
    ("resourcePartyId", FieldKind::Number),
    ("resource", FieldKind::Text),
    ("instanceId", FieldKind::Text),
    ("operation", FieldKind::Text),
    ("decision", FieldKind::Number),
    ("statusCode", FieldKind::Text),
    ("reason", FieldKind::Text),
    ("policyVersion", FieldKind::Number),
    ("decidedBy", FieldKind::Text),
    ("enrichedByCaller", FieldKind::Flag),
    ("durationMicroseconds", FieldKind::Number),
    ("contextRequestJson", FieldKind::Context),
    ("explanation", FieldKind::Json),
    ("minimumLevel", FieldKind::Number),
    ("minimumLevelSystemUsers", FieldKind::Number),
    ("levelCounted", FieldKind::Text),
];

/// Columns of a table, in order.
pub const COLUMNS: [&str; 31] = [
    "created",
    "sessionId",
    "subjectUserId",
    "subjectParty",
    "subjectOrgCode",
    "subjectOrgNumber",
    "subjectPartyUuid",
    "resourcePartyId",
    "resource",
    "instanceId",
    "operation",
    "ipAdress",
    "contextRequestJson",
    "decision",
    "decisionId",
    "part",
    "endpoint",
    "callerOrg",
    "callerClientId",
    "callerJti",
    "policyVersion",
    "decidedBy",
    "statusCode",
    "reason",
    "enrichedByCaller",
    "durationMicroseconds",
    "minimumLevel",
    "minimumLevelSystemUsers",
    "levelCounted",
    "requestId",
    "explanation",
];

const NONE: &str = "\\N";

/// A decision, ready to be stored.
#[derive(Debug, Clone)]
pub struct DecisionRecord {
    /// When it was taken.
    pub created: DateTime<Utc>,
    pub(super) text: String,
}

impl DecisionRecord {
    /// Begins a line with the id of the answer, the place in it, and the time.
    #[must_use]
    pub fn begin(decision_id: Uuid, part: i32, created: DateTime<Utc>, expected: usize) -> Self {
        let mut text = String::with_capacity(expected);
        let mut buffer = Uuid::encode_buffer();
        text.push_str(decision_id.as_hyphenated().encode_lower(&mut buffer));
        let mut line = Self { created, text };
        line.number(Some(part));
        let _ = write!(line.text, "\t{}", created.timestamp_millis());
        line
    }

    /// Its length in kilobytes, at least one.
    pub(super) fn kilobytes(&self) -> u32 {
        u32::try_from(self.text.capacity() / 1024)
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// A text from outside. What would end a field or a line becomes a blank.
    pub fn text(&mut self, value: Option<&str>) {
        match value {
            Some(value)
                if value
                    .bytes()
                    .filter(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0))
                    .count()
                    > 0 =>
            {
                self.text.push('\t');
                self.text.extend(value.chars().map(|c| {
                    if matches!(c, '\t' | '\n' | '\r' | '\0') {
                        ' '
                    } else {
                        c
                    }
                }));
            }
            value => self.raw(value),
        }
    }

    /// A text of our own, which holds nothing that would have to be replaced.
    pub fn raw(&mut self, value: Option<&str>) {
        self.text.push('\t');
        self.text.push_str(value.unwrap_or(NONE));
    }

    /// A number.
    pub fn number(&mut self, value: Option<i32>) {
        self.shown(value);
    }

    /// Something that prints nothing that would have to be replaced.
    pub fn shown(&mut self, value: Option<impl std::fmt::Display>) {
        match value {
            Some(value) => {
                let _ = write!(self.text, "\t{value}");
            }
            None => self.raw(None),
        }
    }

    /// A uuid.
    pub fn uuid(&mut self, value: Option<Uuid>) {
        let mut buffer = Uuid::encode_buffer();
        self.raw(value.map(|uuid| &*uuid.as_hyphenated().encode_lower(&mut buffer)));
    }

    /// Yes or no.
    pub fn flag(&mut self, value: bool) {
        self.raw(Some(if value { "t" } else { "f" }));
    }

    /// Without identity numbers, wherever callers put them: in names and values of attributes, in
    /// ids of resources, instances and actions.
    #[must_use]
    pub(super) fn masked(self) -> Self {
        Self {
            text: masked(self.text),
            ..self
        }
    }

    /// A line that was stored or printed; none when it is damaged.
    pub(super) fn read(text: &str) -> Option<Self> {
        let is_whole =
            text.split('\t').count() == FIELD_COUNT && !text.contains(['\n', '\r', '\0']);
        key(text).filter(|_| is_whole)?;
        Some(Self {
            created: created(text)?,
            text: text.to_owned(),
        })
    }

    /// The id of the answer, and the place in it.
    pub(super) fn key(&self) -> Option<(Uuid, i32)> {
        key(&self.text)
    }

    /// The fields by their names.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        to_json(&self.text)
    }
}

/// The id of the answer of a stored line, and the place in it.
pub(super) fn key(text: &str) -> Option<(Uuid, i32)> {
    let mut fields = text.split('\t');
    Some((
        Uuid::try_parse(fields.next()?).ok()?,
        fields.next()?.parse().ok()?,
    ))
}

/// When the decision of a stored line was taken.
fn created(text: &str) -> Option<DateTime<Utc>> {
    let milliseconds = text.split('\t').nth(2)?.parse().ok()?;
    DateTime::from_timestamp_millis(milliseconds)
}

/// A stored line by the names of its fields.
#[must_use]
pub fn to_json(line: &str) -> Map<String, Value> {
    let value = |kind: FieldKind, text: &str| match kind {
        _ if text == NONE => Value::Null,
        FieldKind::Text => Value::from(text),
        FieldKind::Instant => text
            .parse()
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .map_or(Value::Null, |instant: DateTime<Utc>| {
                time::format(instant).into()
            }),
        FieldKind::Number => text.parse::<i64>().map_or(Value::Null, Value::from),
        FieldKind::Flag => Value::from(text == "t"),
        FieldKind::Context => {
            serde_json::from_str(text).map_or(Value::Null, |stored| context::to_json(&stored))
        }
        FieldKind::Json => serde_json::from_str(text).unwrap_or_default(),
    };
    FIELDS
        .iter()
        .zip(line.split('\t'))
        .map(|((name, kind), text)| ((*name).to_owned(), value(*kind, text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_a_line_has_the_names_of_its_fields() {
        let created = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let mut line = DecisionRecord::begin(Uuid::from_u128(1), 2, created, 100);
        line.raw(Some("external"));
        line.text(Some("a\tb\nc\\d\0"));
        line.text(None);
        line.raw(None);
        line.uuid(Some(Uuid::from_u128(7)));
        let json = line.to_json();
        assert_eq!(json["decisionId"], Uuid::from_u128(1).to_string());
        assert_eq!(
            (&json["part"], &json["endpoint"], &json["callerOrg"]),
            (
                &Value::from(2),
                &Value::from("external"),
                &Value::from("a b c\\d ")
            )
        );
        assert_eq!(
            (&json["callerClientId"], &json["requestId"]),
            (&Value::Null, &Value::from(Uuid::from_u128(7).to_string()))
        );
        assert_eq!(line.text.split('\t').count(), 8);
    }

    #[test]
    fn a_table_has_every_field_once() {
        let mut fields: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        let mut columns = COLUMNS.to_vec();
        fields.sort_unstable();
        columns.sort_unstable();
        assert_eq!(fields, columns);
    }
}
