//! The kinds of the operator's format: for each, what a line holds, how it is checked alone, and
//! how all lines together are merged.

pub mod access_lists;
pub mod client_delegations;
pub mod organizations;
pub mod persons;
pub mod requests;
pub mod resources;
pub mod rightholders;
pub mod roles;
pub mod service_owners;
pub mod system_users;
pub mod systems;
pub mod vendors;

use chrono::NaiveDate;
use serde::Deserialize;
use uuid::Uuid;

use super::{Context, Kind, Options, copy::Rows, findings::Findings};
use crate::ids::{IdError, NationalId, OrgNumber};

/// Checks one line alone, and stages it when it is good.
pub fn stage(
    context: &Context,
    options: &Options,
    line: u64,
    text: &[u8],
    rows: &mut Rows,
    findings: &mut Findings,
) {
    match options.kind {
        Kind::Organizations => organizations::stage(line, text, rows, findings),
        Kind::Persons => persons::stage(context, line, text, rows, findings),
        Kind::Roles => roles::stage(context, options.mode, line, text, rows, findings),
        Kind::ClientDelegations => client_delegations::stage(context, line, text, rows, findings),
        Kind::ServiceOwners => {
            document::<service_owners::Line>(line, text, rows, findings, service_owners::check)
        }
        Kind::Resources => {
            document::<serde_json::Value>(line, text, rows, findings, resources::check)
        }
        Kind::AccessLists => {
            document::<access_lists::Line>(line, text, rows, findings, access_lists::check)
        }
        Kind::Rightholders => document::<rightholders::Line>(line, text, rows, findings, |l, c| {
            rightholders::check(context, l, c)
        }),
        Kind::Vendors => document::<vendors::Line>(line, text, rows, findings, vendors::check),
        Kind::Systems => document::<systems::Line>(line, text, rows, findings, systems::check),
        Kind::SystemUsers => document::<system_users::Line>(line, text, rows, findings, |l, c| {
            system_users::check(context, l, c)
        }),
        Kind::Requests => document::<requests::Line>(line, text, rows, findings, requests::check),
    }
}

/// Kinds of few lines wait as they were written.
fn document<T: for<'de> Deserialize<'de>>(
    line: u64,
    text: &[u8],
    rows: &mut Rows,
    findings: &mut Findings,
    check: impl FnOnce(&T, &mut Check<'_>),
) {
    let mut checked = Check::new(line, findings);
    let Some(parsed) = checked.parse::<T>(text) else {
        return;
    };
    check(&parsed, &mut checked);
    if checked.is_good()
        && let Ok(text) = std::str::from_utf8(text)
    {
        rows.row().line(line).text(text);
    }
}

/// The check of one line.
pub struct Check<'f> {
    line: u64,
    findings: &'f mut Findings,
    bad: bool,
}

impl<'f> Check<'f> {
    /// A line that is good so far.
    pub fn new(line: u64, findings: &'f mut Findings) -> Self {
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

    /// Reads the line as JSON. Members that nobody knows are warned of.
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

    /// An identity number with its check digits.
    pub fn national_id(&mut self, member: &str, text: &str) -> Option<NationalId> {
        if text.trim().is_empty() {
            return None;
        }
        match NationalId::parse_checked(text) {
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
        // Some sources write a time behind it.
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
    pub fn packages(&mut self, context: &Context, member: &str, urns: &[String]) -> Vec<i16> {
        let mut out = Vec::with_capacity(urns.len());
        for urn in urns {
            match context.catalogue.package_by_urn_ignoring_case(urn) {
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

/// The organisation or person that a line names; a finding when nobody is.
async fn party(
    tx: &mut sqlx::PgConnection,
    merge: &mut super::merge::Merge<'_>,
    line: u64,
    member: &str,
    name: Option<crate::register::PartyRef>,
) -> Result<Option<i32>, crate::db::DbError> {
    let found = match &name {
        Some(name) => {
            crate::register::keys(tx, &merge.context.identity, std::slice::from_ref(name))
                .await?
                .first()
                .copied()
        }
        None => None,
    };
    if found.is_none() {
        merge
            .findings
            .add(line, member, "UNKNOWN_PARTY", "this party is not known");
    }
    Ok(found)
}

/// Notes that a party was touched.
async fn touch(tx: &mut sqlx::PgConnection, key: i32) -> Result<(), crate::db::DbError> {
    sqlx::query!(
        "insert into staging.touched values ($1) on conflict do nothing",
        key
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that an agent lost something of a client.
async fn unhand(
    tx: &mut sqlx::PgConnection,
    system_user_key: i32,
    client_key: i32,
) -> Result<(), crate::db::DbError> {
    sqlx::query!(
        "insert into staging.unhanded values ($1, $2) on conflict do nothing",
        system_user_key,
        client_key
    )
    .execute(tx)
    .await?;
    Ok(())
}
