//! Bulk import: registers from files, at national size.
//!
//! A file is read once, line by line, into staging tables (`read`), and one transaction merges it
//! (`apply`): all of it or nothing. What was staged survives a kill, so that the next run of the
//! same file goes on where it stopped. Every kind of the operator's format has a file in `kinds`;
//! `brreg` reads the open files of the Brønnøysund registers into the same tables. The sandbox's
//! universe comes in this way too.

mod apply;
mod batch;
pub mod brreg;
mod copy;
mod findings;
mod kinds;
mod merge;
mod read;
mod run;
mod source;
mod store;

use std::{path::PathBuf, sync::Arc};

pub use findings::{ImportFinding, ImportFindings, ImportWarning};
pub use kinds::systems::client_ids;
pub use merge::MergeCounts;
pub use run::{FileImportOutcome, import, import_embedded};
pub use store::delete_old_runs;

pub use foundation::config::PersonMatch;
use foundation::config::Profile;
use registers::{packages::Catalogue, parties::IdentityKeys};

/// What a file holds. The order is the one to load them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum ImportKind {
    /// Organisations and their sub-units.
    Organizations,
    /// Persons, by identity number.
    Persons,
    /// Who holds what register role for whom.
    Roles,
    /// Organisations that own resources.
    ServiceOwners,
    /// Resources with their policies.
    Resources,
    /// Who may be decided about, for resources that ask.
    AccessLists,
    /// Packages and rights that parties gave each other.
    Rightholders,
    /// Who may use the vendor console.
    Vendors,
    /// Registered systems.
    Systems,
    /// System users with what they hold.
    SystemUsers,
    /// Clients that facilitators delegated to agents.
    ClientDelegations,
    /// Requests of vendors.
    Requests,
}

impl ImportKind {
    /// Every kind, in load order.
    pub const ALL: [Self; 12] = [
        Self::Organizations,
        Self::Persons,
        Self::Roles,
        Self::ServiceOwners,
        Self::Resources,
        Self::AccessLists,
        Self::Rightholders,
        Self::Vendors,
        Self::Systems,
        Self::SystemUsers,
        Self::ClientDelegations,
        Self::Requests,
    ];

    /// Name, as in commands and file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Persons => "persons",
            Self::Roles => "roles",
            Self::ServiceOwners => "service-owners",
            Self::Resources => "resources",
            Self::AccessLists => "access-lists",
            Self::Rightholders => "rightholders",
            Self::Vendors => "vendors",
            Self::Systems => "systems",
            Self::SystemUsers => "system-users",
            Self::ClientDelegations => "client-delegations",
            Self::Requests => "requests",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The form in which a file contains its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// The operator's: one object a line.
    Ndjson,
    /// Open data: one array of main units.
    BrregUnits,
    /// Open data: one array of sub-units.
    BrregSubUnits,
    /// Open data: one array of units with their roles.
    BrregRoles,
}

/// What happens to what a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ImportMode {
    /// The file is everything this source knows: what it names no more has ended.
    #[default]
    Snapshot,
    /// The file is what changed: the rest stays.
    Delta,
}

impl ImportMode {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
        }
    }
}

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct FileImportOptions {
    /// What the file holds.
    pub kind: ImportKind,
    /// Its form.
    pub format: ImportFormat,
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// Who says so; what a source named, only that source ends.
    pub source: String,
    /// What happens to the rest.
    pub mode: ImportMode,
    /// Do everything but keep it.
    pub dry_run: bool,
    /// So many bad lines are left out; one more refuses the file.
    pub max_errors: u64,
    /// Greatest part of a source's rows, in percent, that a snapshot may end.
    pub max_shrink: f64,
    /// How nameless persons are found.
    pub person_match: PersonMatch,
    /// Member of a person in open role files that holds the identity number, where one does.
    pub person_id_member: String,
}

/// What readers of files need: catalogue and keys.
#[derive(Debug, Clone)]
pub struct ImportContext {
    /// Roles, packages and forms.
    pub catalogue: Arc<Catalogue>,
    /// Keys for identity numbers.
    pub identity: Arc<IdentityKeys>,
    /// Whose identity numbers are taken.
    pub persons: AcceptedPersons,
}

/// Whose identity numbers an installation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedPersons {
    /// Those of all persons.
    All,
    /// Those of made-up persons alone, whose month of birth has an offset.
    Synthetic,
}

impl AcceptedPersons {
    /// Real persons are in production and nowhere else.
    #[must_use]
    pub const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Prod => Self::All,
            Profile::Test | Profile::Sandbox => Self::Synthetic,
        }
    }
}
