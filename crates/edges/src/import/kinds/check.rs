//! The check of one line, alone.

use chrono::NaiveDate;
use foundation::ids::{IdError, NationalId, OrgNumber, is_displayable};
use serde::Deserialize;
use uuid::Uuid;

use crate::import::{AcceptedPersons, ImportContext, findings::ImportFindings};

/// The check of one line.
pub struct LineCheck<'f> {
    line: u64,
    findings: &'f mut ImportFindings,
    bad: bool,
}

impl<'f> LineCheck<'f> {
    /// A line that is good so far.
    pub fn new(line: u64, findings: &'f mut ImportFindings) -> Self {
        Self {
            line,
            findings,
            bad: false,
        }
    }

    /// Nothing was found.
    pub fn is_good(&self) -> bool {
        !self.bad
    }

    /// Something is wrong.
    pub fn wrong(&mut self, member: &str, code: &str, reason: impl Into<String>) {
        self.bad = true;
        self.findings.add(self.line, member, code, reason);
    }

    /// Something should be looked at.
    pub fn warn(&mut self, code: &str, reason: impl Into<String>) {
        self.findings.warn(self.line, code, reason);
    }

    /// Reads the line as JSON. Unknown members become warnings.
    pub fn parse<'de, T: Deserialize<'de>>(&mut self, text: &'de [u8]) -> Option<T> {
        if memchr::memchr(0, text).is_some() || memchr::memmem::find(text, b"\\u0000").is_some() {
            self.wrong("", "JSON", "a NUL character cannot be stored");
            return None;
        }
        let mut unknown = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let parsed =
            serde_ignored::deserialize(&mut deserializer, |path| unknown.push(path.to_string()));
        match parsed.and_then(|value| deserializer.end().map(|()| value)) {
            Ok(value) => {
                for member in unknown {
                    self.warn("UNKNOWN_MEMBER", format!("member {member} is not known"));
                }
                Some(value)
            }
            Err(error) => {
                self.wrong("", "JSON", error.to_string());
                None
            }
        }
    }

    /// A member that must be there and not blank.
    pub fn required<'v>(&mut self, member: &str, value: Option<&'v str>) -> &'v str {
        let text = value.unwrap_or_default();
        if text.trim().is_empty() {
            self.wrong(member, "REQUIRED", format!("{member} is required"));
        }
        text
    }

    /// A text that people are shown, when there is one.
    pub fn displayable(&mut self, member: &str, text: Option<&str>) {
        if !text.is_none_or(is_displayable) {
            self.wrong(
                member,
                "TEXT",
                format!("{member} has control characters, line breaks or characters that change the direction of text"),
            );
        }
    }

    /// An organisation number with its check digit.
    pub fn org_number(&mut self, member: &str, text: &str) -> Option<OrgNumber> {
        if text.trim().is_empty() {
            return None;
        }
        let number = OrgNumber::parse_checked(text);
        if let Err(error) = number {
            self.wrong(member, code_of(error), format!("{text} {error}"));
        }
        number.ok()
    }

    /// An identity number with its check digits, of a person whom this installation may know.
    pub fn national_id(
        &mut self,
        context: &ImportContext,
        member: &str,
        text: &str,
    ) -> Option<NationalId> {
        if text.trim().is_empty() {
            return None;
        }
        match NationalId::parse_checked(text) {
            Ok(id) if context.persons == AcceptedPersons::Synthetic && !id.is_synthetic() => {
                self.wrong(
                    member,
                    "NOT_SYNTHETIC",
                    format!("{id} may be a real person's; outside profile prod only made-up persons are taken, whose month has an offset of 80, 65 or 40"),
                );
                None
            }
            Ok(id) => Some(id),
            Err(error) => {
                let shown: String = text.chars().take(6).collect();
                self.wrong(member, code_of(error), format!("{shown}***** {error}"));
                None
            }
        }
    }

    /// A date as `2026-01-31`.
    pub fn date(&mut self, member: &str, text: Option<&str>) -> Option<NaiveDate> {
        let text = text?;
        // Some sources write a time after it.
        let date = text
            .get(..10)
            .filter(|_| text.len() == 10 || text.as_bytes().get(10) == Some(&b'T'))
            .unwrap_or(text);
        let parsed = date.parse().ok();
        if parsed.is_none() {
            self.wrong(
                member,
                "DATE",
                format!("{text} is no date such as 2026-01-31"),
            );
        }
        parsed
    }

    /// A uuid that must be there.
    pub fn uuid(&mut self, member: &str, text: Option<&str>) -> Option<Uuid> {
        let text = self.required(member, text);
        let parsed = Uuid::try_parse(text).ok();
        if parsed.is_none() && !text.trim().is_empty() {
            self.wrong(member, "UUID", format!("{text} is no uuid"));
        }
        parsed
    }

    /// An id of the first generation: positive.
    pub fn positive(&mut self, member: &str, id: Option<i32>) -> Option<i32> {
        if id.is_some_and(|id| id <= 0) {
            self.wrong(member, "RANGE", format!("{member} must be greater than 0"));
        }
        id
    }

    /// Packages by URN.
    pub fn packages(&mut self, context: &ImportContext, member: &str, urns: &[String]) -> Vec<i16> {
        let mut out = Vec::with_capacity(urns.len());
        for urn in urns {
            match context.catalogue.package_by_urn(urn) {
                Some(package) => out.push(package.key),
                None => self.wrong(
                    member,
                    "UNKNOWN_PACKAGE",
                    format!("{urn} is not in the catalogue"),
                ),
            }
        }
        out
    }
}

const fn code_of(error: IdError) -> &'static str {
    match error {
        IdError::Form => "FORM",
        IdError::CheckDigit => "CHECK_DIGIT",
    }
}

/// A single right in a line: a resource, and what may be done with it.
#[derive(Debug, Clone, Deserialize)]
pub struct RightLine {
    /// Identifier of the resource.
    pub resource: String,
    /// Actions.
    pub actions: Vec<String>,
}
