//! What is wrong with a file, line by line. Identity numbers are never repeated whole.

use std::collections::BTreeMap;

use foundation::telemetry;

/// One thing that is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct ImportFinding {
    /// Line, or element of an array, from 1.
    pub line: u64,
    /// Member; empty when the line as a whole is meant.
    pub member: String,
    /// Stable code, such as `CHECK_DIGIT`.
    pub code: String,
    /// In words.
    pub reason: String,
}

/// Something that is taken, but should be looked at: how often, and where first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ImportWarning {
    /// Stable code.
    pub code: String,
    /// In words.
    pub reason: String,
    /// How many lines.
    pub count: u64,
    /// The first of them.
    pub first_line: u64,
}

/// So many findings are kept in words; all are counted.
const KEPT: usize = 1_000;

/// All findings of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportFindings {
    /// The first ones.
    pub list: Vec<ImportFinding>,
    /// How many there are.
    pub count: u64,
    warnings: BTreeMap<(String, String), (u64, u64)>,
}

impl ImportFindings {
    /// Adds a finding: a line is wrong.
    pub fn add(&mut self, line: u64, member: &str, code: &str, reason: impl Into<String>) {
        self.count += 1;
        if self.list.len() < KEPT {
            self.list.push(ImportFinding {
                line,
                member: member.to_owned(),
                code: code.to_owned(),
                reason: masked(&reason.into()),
            });
        }
    }

    /// Adds a warning.
    pub fn warn(&mut self, line: u64, code: &str, reason: impl Into<String>) {
        let seen = self
            .warnings
            .entry((code.to_owned(), masked(&reason.into())))
            .or_insert((0, line));
        seen.0 += 1;
        seen.1 = seen.1.min(line);
    }

    /// What is to be looked at.
    #[must_use]
    pub fn warnings(&self) -> Vec<ImportWarning> {
        let warning =
            |((code, reason), (count, first)): (&(String, String), &(u64, u64))| ImportWarning {
                code: code.clone(),
                reason: reason.clone(),
                count: *count,
                first_line: *first,
            };
        self.warnings.iter().map(warning).collect()
    }

    /// Adds the findings of another reading.
    pub fn extend(&mut self, other: Self) {
        self.count += other.count;
        self.list.extend(
            other
                .list
                .into_iter()
                .take(KEPT - self.list.len().min(KEPT)),
        );
        for (key, (count, first)) in other.warnings {
            let seen = self.warnings.entry(key).or_insert((0, first));
            seen.0 += count;
            seen.1 = seen.1.min(first);
        }
    }
}

fn masked(text: &str) -> String {
    String::from_utf8_lossy(&telemetry::identity_numbers(text.as_bytes())).into_owned()
}
