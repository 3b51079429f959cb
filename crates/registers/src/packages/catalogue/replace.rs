//! Putting a new state of the catalogue in the place of the stored one: all of it or nothing.

use std::{collections::BTreeSet, sync::OnceLock};

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use foundation::{
    audit::{self, Action, Actor, ObjectKind},
    db::feed::{self, FeedEntryKind},
};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    compare::{self, CatalogueChange, CatalogueChangeCounts, CataloguePart, ChangeKind},
    files::{self, CatalogueFile},
    model::{CataloguePackage, WholeCatalogue},
    store::{self, CatalogueSource, ElementNeed},
};
use crate::packages::store as rows;

/// What becomes of packages that are in use and in the new state no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPackages {
    /// The import is refused.
    Refused,
    /// They are kept for those who hold them.
    Retired,
}

/// How files are imported.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueImportOptions {
    /// What becomes of missing packages.
    pub missing: MissingPackages,
    /// Everything is done and nothing kept.
    pub dry_run: bool,
}

/// What an import does.
#[derive(Debug, Default)]
pub struct CatalogueImportOutcome {
    /// What is wrong; then nothing was written.
    pub faults: Vec<String>,
    /// What is worth a look.
    pub warnings: Vec<String>,
    /// Each change.
    pub changes: Vec<CatalogueChange>,
    /// How many there are.
    pub counts: CatalogueChangeCounts,
}

/// A new state, compared with the stored one and with what depends on it.
struct CataloguePlan {
    whole: WholeCatalogue,
    outcome: CatalogueImportOutcome,
}

/// Puts what files hold in the place of the stored parts.
///
/// # Errors
/// The database fails. What is wrong with the files is in the outcome.
pub async fn import(
    pool: &PgPool,
    files: &[CatalogueFile],
    options: CatalogueImportOptions,
) -> anyhow::Result<CatalogueImportOutcome> {
    let mut tx = pool.begin().await?;
    store::lock(&mut tx).await?;
    let stored = store::current(&mut tx).await?;
    let stored = stored.map(|version| version.content.0);
    let before = stored.context(
        "the database has no catalogue yet: start the service once, or import without --dry-run",
    )?;
    let merged = files::merge(&before, files);
    let mut plan = plan(&mut tx, &before, merged.whole, options.missing).await?;
    plan.outcome.faults.splice(0..0, merged.faults);
    plan.outcome.warnings.splice(0..0, merged.warnings);
    let outcome = plan.outcome;
    if options.dry_run || !outcome.faults.is_empty() || outcome.changes.is_empty() {
        tx.rollback().await?;
        return Ok(outcome);
    }
    let sha256 = plan.whole.sha256()?;
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    apply(&mut tx, &plan.whole, &outcome.changes, &before).await?;
    store::add_version(
        &mut tx,
        &plan.whole,
        &sha256,
        CatalogueSource::Imported,
        &names,
        "operator",
    )
    .await?;
    audit::record(
        &mut tx,
        audit::AuditEvent {
            actor: Actor::Operator,
            action: Action::CatalogueImported,
            object_kind: ObjectKind::Catalogue,
            object_id: HEXLOWER.encode(&sha256),
            party_org: None,
            vendor_org: None,
            detail: Some(json!({"counts": counts_by_part(&outcome.changes), "files": names})),
        },
    )
    .await?;
    feed::append(&mut tx, FeedEntryKind::Everything, "catalogue").await?;
    foundation::db::commit_at_last(tx).await?;
    Ok(outcome)
}

/// How many elements of each part change in which way.
fn counts_by_part(changes: &[CatalogueChange]) -> serde_json::Value {
    let mut parts = serde_json::Map::new();
    let seen: BTreeSet<CataloguePart> = changes.iter().map(|change| change.part).collect();
    for part in seen {
        let own: Vec<CatalogueChange> = changes
            .iter()
            .filter(|change| change.part == part)
            .cloned()
            .collect();
        parts.insert(
            part.wire().to_owned(),
            json!(CatalogueChangeCounts::of(&own)),
        );
    }
    parts.into()
}

async fn plan(
    db: &mut PgConnection,
    before: &WholeCatalogue,
    mut whole: WholeCatalogue,
    missing: MissingPackages,
) -> anyhow::Result<CataloguePlan> {
    let mut outcome = CatalogueImportOutcome::default();
    let present: BTreeSet<Uuid> = whole.packages.iter().map(|one| one.id).collect();
    let gone: Vec<&CataloguePackage> = before
        .packages
        .iter()
        .filter(|one| !present.contains(&one.id))
        .collect();
    let urns: Vec<String> = gone.iter().map(|one| one.urn.clone()).collect();
    let needs = store::needs_of_packages(&mut *db, &urns).await?;
    let mut retired = BTreeSet::new();
    for package in gone {
        let own: Vec<&ElementNeed> = needs.iter().filter(|n| n.name == package.urn).collect();
        if own.is_empty() {
            continue;
        }
        if !package.retired && missing == MissingPackages::Refused {
            outcome.faults.push(format!(
                "packages: {} is not in the files, and {}; --retire-missing keeps it for those who hold it",
                package.urn,
                needed(&own)
            ));
        }
        if !package.retired {
            retired.insert(package.urn.clone());
        }
        whole.packages.push(CataloguePackage {
            retired: true,
            ..package.clone()
        });
    }
    let compared = compare::compare(before, &whole);
    outcome.faults.extend(compare::faults(&whole));
    outcome.faults.extend(compare::code_faults(before, &whole));
    outcome.faults.extend(compared.faults);
    outcome.changes = compared.changes;
    for change in &mut outcome.changes {
        if change.part == CataloguePart::Packages && retired.contains(&change.name) {
            change.kind = ChangeKind::Retired;
        }
    }
    outcome.changes.sort();
    outcome.counts = CatalogueChangeCounts::of(&outcome.changes);
    let ids = |part: CataloguePart| -> Vec<Uuid> { removed_ids(&outcome.changes, part, before) };
    let of_roles = store::needs_of_roles(&mut *db, &ids(CataloguePart::Roles)).await?;
    let of_forms = store::needs_of_variants(&mut *db, &ids(CataloguePart::Variants)).await?;
    for (part, needs) in [
        (CataloguePart::Roles, of_roles),
        (CataloguePart::Variants, of_forms),
    ] {
        let names: BTreeSet<&str> = needs.iter().map(|need| &*need.name).collect();
        for name in names {
            let own: Vec<&ElementNeed> = needs.iter().filter(|need| need.name == name).collect();
            outcome.faults.push(format!(
                "{}: {name} is not in the files, and {}",
                part.wire(),
                needed(&own)
            ));
        }
    }
    outcome.warnings = compare::warnings(before, &whole);
    let restricted = compare::restricted(before, &whole);
    let urns: Vec<String> = restricted.iter().map(|(urn, _)| urn.clone()).collect();
    let needs = store::needs_of_packages(&mut *db, &urns).await?;
    for (urn, member) in restricted {
        let own: Vec<&ElementNeed> = needs.iter().filter(|need| need.name == urn).collect();
        outcome.warnings.push(format!(
            "packages: {member} of {urn} becomes false; {}, which stays as it is",
            needed(&own)
        ));
    }
    Ok(CataloguePlan { whole, outcome })
}

/// Who needs an element, in words.
fn needed(needs: &[&ElementNeed]) -> String {
    let all: Vec<String> = needs
        .iter()
        .map(|need| format!("{} {}", need.count, need.kind))
        .collect();
    if all.is_empty() {
        "nothing uses it".to_owned()
    } else {
        format!("it is used by {}", all.join(", "))
    }
}

/// Ids of the elements of a part that go.
fn removed_ids(
    changes: &[CatalogueChange],
    part: CataloguePart,
    before: &WholeCatalogue,
) -> Vec<Uuid> {
    let is_removed = |name: &str| {
        changes.iter().any(|change| {
            change.part == part && change.kind == ChangeKind::Removed && change.name == name
        })
    };
    let named: Vec<(Uuid, &str)> = match part {
        CataloguePart::Roles => before.roles.iter().map(|r| (r.id, &*r.urn)).collect(),
        CataloguePart::Variants => before.variants.iter().map(|v| (v.id, &*v.code)).collect(),
        CataloguePart::Packages => before.packages.iter().map(|p| (p.id, &*p.urn)).collect(),
        CataloguePart::Areas => before.areas.iter().map(|a| (a.id, &*a.urn)).collect(),
        CataloguePart::AreaGroups => before.area_groups.iter().map(|g| (g.id, &*g.key)).collect(),
        CataloguePart::EntityTypes
        | CataloguePart::Providers
        | CataloguePart::RoleMap
        | CataloguePart::RolePackages => Vec::new(),
    };
    named
        .into_iter()
        .filter(|(_, name)| is_removed(name))
        .map(|(id, _)| id)
        .collect()
}

/// Brings the rows in line with a state of the catalogue.
async fn apply(
    tx: &mut PgConnection,
    whole: &WholeCatalogue,
    changes: &[CatalogueChange],
    before: &WholeCatalogue,
) -> anyhow::Result<()> {
    let document = whole.document()?;
    rows::store(tx, &document).await?;
    let ids = |part: CataloguePart| removed_ids(changes, part, before);
    let removed = rows::RemovedElements {
        packages: ids(CataloguePart::Packages),
        roles: ids(CataloguePart::Roles),
        variants: ids(CataloguePart::Variants),
        areas: ids(CataloguePart::Areas),
        area_groups: ids(CataloguePart::AreaGroups),
    };
    rows::remove(tx, &document, &removed).await?;
    Ok(())
}

/// The catalogue that comes with this program, with its hash. It is read once.
fn shipped() -> anyhow::Result<(&'static WholeCatalogue, [u8; 32])> {
    static SHIPPED: OnceLock<(WholeCatalogue, [u8; 32])> = OnceLock::new();
    if SHIPPED.get().is_none() {
        let whole = WholeCatalogue::shipped()?;
        let sha256 = whole.sha256()?;
        // Another start may have been quicker, with the same.
        let _ = SHIPPED.set((whole, sha256));
    }
    let (whole, sha256) = SHIPPED.get().context("the shipped catalogue is read")?;
    Ok((whole, *sha256))
}

/// Brings the stored catalogue in line with the one that comes with this program, unless an operator
/// imported another. One starting instance does it at a time; one that finds nothing to change writes
/// nothing. Packages that are in use and come no more are retired. A role or form that is in use stops
/// it: the stored catalogue stays, and the log says why.
///
/// # Errors
/// A file cannot be read, or the database fails.
pub async fn sync(pool: &PgPool) -> anyhow::Result<()> {
    let (shipped, sha256) = shipped()?;
    let mut tx = pool.begin().await?;
    store::lock(&mut tx).await?;
    if let Some((stored, is_imported)) = store::current_hash(&mut tx).await?
        && (is_imported || stored == sha256)
    {
        if stored != sha256 {
            tracing::info!("the imported catalogue is kept; the program comes with another");
        }
        return Ok(());
    }
    let stored = store::current(&mut tx).await?;
    let before = stored.map_or_else(WholeCatalogue::default, |version| version.content.0);
    let is_first = before.packages.is_empty();
    let plan = plan(&mut tx, &before, shipped.clone(), MissingPackages::Retired).await?;
    if !plan.outcome.faults.is_empty() {
        for fault in plan.outcome.faults {
            tracing::warn!(
                fault,
                "the catalogue of this program is not put in the place of the stored one"
            );
        }
        return Ok(());
    }
    // What is retired makes the stored one another than the shipped one.
    if plan.outcome.changes.is_empty() {
        return Ok(());
    }
    apply(&mut tx, &plan.whole, &plan.outcome.changes, &before).await?;
    let stored = plan.whole.sha256()?;
    store::add_version(
        &mut tx,
        &plan.whole,
        &stored,
        CatalogueSource::Shipped,
        &[],
        "program",
    )
    .await?;
    if !is_first {
        feed::append(&mut tx, FeedEntryKind::Everything, "catalogue").await?;
    }
    foundation::db::commit_at_last(tx).await?;
    Ok(())
}

/// Which catalogue is in force.
#[derive(Debug)]
pub struct CatalogueStatus {
    /// The version, as stored.
    pub version: store::CatalogueVersion,
    /// Whether the program comes with another one.
    pub is_another_shipped: bool,
}

/// Which catalogue is in force; none where none was stored yet.
///
/// # Errors
/// The database fails.
pub async fn status(pool: &PgPool) -> anyhow::Result<Option<CatalogueStatus>> {
    let (_, shipped) = shipped()?;
    let version = store::current(&mut *pool.acquire().await?).await?;
    Ok(version.map(|version| CatalogueStatus {
        is_another_shipped: version.sha256 != shipped,
        version,
    }))
}
