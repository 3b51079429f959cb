//! What a new state of the catalogue changes, and what is wrong with it. Pure rules.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use serde::Serialize;

use super::model::{
    AreaGroup, CatalogueArea, CatalogueEntityType, CataloguePackage, CatalogueProvider,
    CatalogueRole, CatalogueRolePackage, CatalogueVariant, ImpliedRole, WholeCatalogue,
};

/// Parts of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named by their wire texts")]
pub enum CataloguePart {
    EntityTypes,
    Providers,
    Variants,
    Roles,
    RoleMap,
    AreaGroups,
    Areas,
    Packages,
    RolePackages,
}

impl CataloguePart {
    /// The member of a file.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::EntityTypes => "entityTypes",
            Self::Providers => "providers",
            Self::Variants => "variants",
            Self::Roles => "roles",
            Self::RoleMap => "roleMap",
            Self::AreaGroups => "areaGroups",
            Self::Areas => "areas",
            Self::Packages => "packages",
            Self::RolePackages => "rolePackages",
        }
    }
}

/// What happens to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another than before.
    Changed,
    /// It goes.
    Removed,
    /// A package that is in use went missing: it is kept for those who hold it.
    Retired,
}

impl ChangeKind {
    /// In counts of the audit trail.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Retired => "retired",
        }
    }
}

/// A change of one element.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogueChange {
    /// Its part.
    pub part: CataloguePart,
    /// What happens to it.
    pub kind: ChangeKind,
    /// Its URN, code or pair.
    pub name: String,
}

impl fmt::Display for CatalogueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.kind.wire(),
            self.part.wire(),
            self.name
        )
    }
}

/// An element that is found again in another state of the catalogue.
pub(super) trait CatalogueElement: PartialEq {
    const PART: CataloguePart;
    /// What it is found by.
    fn key(&self) -> String;
    /// What people call it.
    fn name(&self) -> String;
    /// What of it never changes.
    fn fixed(&self) -> Vec<(&'static str, &str)>;
}

/// Elements with an id: a member is what people call them, and some members never change.
macro_rules! elements_with_ids {
    ($($type:ty, $part:ident, $name:ident: [$($member:ident = $wire:literal),+];)+) => {
        $(impl CatalogueElement for $type {
            const PART: CataloguePart = CataloguePart::$part;
            fn key(&self) -> String {
                self.id.to_string()
            }
            fn name(&self) -> String {
                self.$name.clone()
            }
            fn fixed(&self) -> Vec<(&'static str, &str)> {
                vec![$(($wire, &*self.$member)),+]
            }
        })+
    };
}

elements_with_ids! {
    CatalogueEntityType, EntityTypes, key: [key = "key"];
    CatalogueProvider, Providers, code: [code = "code"];
    CatalogueVariant, Variants, code: [code = "code", entity_type = "entityType"];
    CatalogueRole, Roles, urn: [urn = "urn", code = "code", entity_type = "entityType"];
    AreaGroup, AreaGroups, key: [key = "key", entity_type = "entityType"];
    CatalogueArea, Areas, urn: [urn = "urn"];
    CataloguePackage, Packages, urn: [urn = "urn", code = "code", entity_type = "entityType"];
}

/// Elements that are nothing but what they connect.
macro_rules! connecting_elements {
    ($($type:ty, $part:ident: |$one:ident| $name:expr;)+) => {
        $(impl CatalogueElement for $type {
            const PART: CataloguePart = CataloguePart::$part;
            fn key(&self) -> String {
                self.name()
            }
            fn name(&self) -> String {
                let $one = self;
                $name
            }
            fn fixed(&self) -> Vec<(&'static str, &str)> {
                Vec::new()
            }
        })+
    };
}

connecting_elements! {
    ImpliedRole, RoleMap: |one| format!("{} → {}", one.has, one.gets);
    CatalogueRolePackage, RolePackages: |one| {
        let form = one.variant.as_deref().unwrap_or("any form");
        format!("{} → {} ({form})", one.role, one.package)
    };
}

/// What is found by comparing.
#[derive(Debug, Default)]
pub(super) struct CatalogueComparison {
    pub changes: Vec<CatalogueChange>,
    pub faults: Vec<String>,
}

/// Compares two states of a catalogue. `before` is empty where nothing is stored yet.
pub(super) fn compare(before: &WholeCatalogue, after: &WholeCatalogue) -> CatalogueComparison {
    let mut out = CatalogueComparison::default();
    let is_first = before.packages.is_empty();
    out.part(&before.entity_types, &after.entity_types);
    out.part(&before.providers, &after.providers);
    out.part(&before.variants, &after.variants);
    out.part(&before.roles, &after.roles);
    out.part(&before.role_map, &after.role_map);
    out.part(&before.area_groups, &after.area_groups);
    out.part(&before.areas, &after.areas);
    out.part(&before.packages, &after.packages);
    out.part(&before.role_packages, &after.role_packages);
    if !is_first {
        let of = |change: &&CatalogueChange| {
            matches!(
                change.part,
                CataloguePart::EntityTypes | CataloguePart::Providers
            )
        };
        let fixed = out.changes.iter().filter(of);
        let faults: Vec<String> = fixed
            .filter(|change| change.kind != ChangeKind::Changed)
            .map(|change| {
                format!(
                    "{}: {} cannot be {}; kinds of party and providers stay",
                    change.part.wire(),
                    change.name,
                    change.kind.wire()
                )
            })
            .collect();
        out.faults.extend(faults);
    }
    out
}

impl CatalogueComparison {
    fn part<T: CatalogueElement>(&mut self, before: &[T], after: &[T]) {
        let old: BTreeMap<String, &T> = before.iter().map(|one| (one.key(), one)).collect();
        let by_name: HashMap<String, String> =
            before.iter().map(|one| (one.name(), one.key())).collect();
        let mut kept = BTreeSet::new();
        for one in after {
            let (key, name) = (one.key(), one.name());
            let Some(found) = old.get(&key) else {
                if by_name.contains_key(&name) {
                    self.faults.push(format!(
                        "{}: {name} has another id than the one that is stored",
                        T::PART.wire()
                    ));
                }
                self.change::<T>(ChangeKind::Added, name);
                continue;
            };
            kept.insert(key);
            for ((member, was), (_, is)) in found.fixed().into_iter().zip(one.fixed()) {
                if was != is {
                    self.faults.push(format!(
                        "{}: {member} of {} is {was}, and cannot become {is}: that is another one, with another id",
                        T::PART.wire(),
                        found.key()
                    ));
                }
            }
            if *found != one {
                self.change::<T>(ChangeKind::Changed, name);
            }
        }
        for (key, one) in old {
            if !kept.contains(&key) {
                self.change::<T>(ChangeKind::Removed, one.name());
            }
        }
    }

    fn change<T: CatalogueElement>(&mut self, kind: ChangeKind, name: String) {
        self.changes.push(CatalogueChange {
            part: T::PART,
            kind,
            name,
        });
    }
}

/// How many elements change in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "kinds of change")]
pub struct CatalogueChangeCounts {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub retired: usize,
}

impl CatalogueChangeCounts {
    /// Counts changes.
    #[must_use]
    pub fn of(changes: &[CatalogueChange]) -> Self {
        let count = |kind| changes.iter().filter(|one| one.kind == kind).count();
        Self {
            added: count(ChangeKind::Added),
            changed: count(ChangeKind::Changed),
            removed: count(ChangeKind::Removed),
            retired: count(ChangeKind::Retired),
        }
    }
}

/// What is wrong with a catalogue by itself.
pub(super) fn faults(whole: &WholeCatalogue) -> Vec<String> {
    let mut out = CatalogueFaults(Vec::new());
    out.unique(&whole.entity_types);
    out.unique(&whole.providers);
    out.unique(&whole.roles);
    out.unique(&whole.role_map);
    out.unique(&whole.area_groups);
    out.unique(&whole.areas);
    out.unique(&whole.packages);
    out.unique(&whole.role_packages);
    out.unique_ids(&whole.variants);
    out.packages(whole);
    out.references(whole);
    out.0
}

struct CatalogueFaults(Vec<String>);

impl CatalogueFaults {
    fn unique<T: CatalogueElement>(&mut self, elements: &[T]) {
        self.unique_ids(elements);
        self.twice(T::PART, elements.iter().map(CatalogueElement::name));
    }

    fn unique_ids<T: CatalogueElement>(&mut self, elements: &[T]) {
        self.twice(T::PART, elements.iter().map(CatalogueElement::key));
    }

    fn twice(&mut self, part: CataloguePart, names: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.clone()) {
                let fault = format!("{}: {name} is there twice", part.wire());
                if !self.0.contains(&fault) {
                    self.0.push(fault);
                }
            }
        }
    }

    fn packages(&mut self, whole: &WholeCatalogue) {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        for package in &whole.packages {
            let end = package.urn.strip_prefix("urn:altinn:accesspackage:");
            if !end.is_some_and(|end| !end.is_empty() && end.bytes().all(is_plain)) {
                self.0.push(format!(
                    "packages: {} is not urn:altinn:accesspackage: and small letters, digits and hyphens",
                    package.urn
                ));
            }
        }
        let codes = whole.packages.iter().map(|package| package.code.clone());
        self.twice(CataloguePart::Packages, codes);
    }

    fn references(&mut self, whole: &WholeCatalogue) {
        let roles: HashMap<&str, &CatalogueRole> =
            whole.roles.iter().map(|r| (&*r.code, r)).collect();
        let packages: HashMap<&str, &CataloguePackage> =
            whole.packages.iter().map(|p| (&*p.urn, p)).collect();
        let kinds: BTreeSet<&str> = whole.entity_types.iter().map(|k| &*k.key).collect();
        let providers: BTreeSet<&str> = whole.providers.iter().map(|p| &*p.code).collect();
        let groups: BTreeSet<&str> = whole.area_groups.iter().map(|g| &*g.key).collect();
        let areas: BTreeSet<&str> = whole.areas.iter().map(|a| &*a.urn).collect();
        let forms: BTreeSet<&str> = whole
            .variants
            .iter()
            .filter(|v| v.entity_type == "organization")
            .map(|v| &*v.code)
            .collect();
        for role in &whole.roles {
            self.known(CataloguePart::Roles, &role.urn, &role.provider, &providers);
            self.known(CataloguePart::Roles, &role.urn, &role.entity_type, &kinds);
        }
        for pair in &whole.role_map {
            for end in [&pair.has, &pair.gets] {
                if !roles.contains_key(&**end) {
                    self.unknown(CataloguePart::RoleMap, &pair.name(), end);
                }
            }
        }
        for variant in &whole.variants {
            self.known(
                CataloguePart::Variants,
                &variant.code,
                &variant.entity_type,
                &kinds,
            );
            for role in &variant.roles {
                if !roles.contains_key(&**role) {
                    self.unknown(CataloguePart::Variants, &variant.code, role);
                }
            }
        }
        for group in &whole.area_groups {
            self.known(
                CataloguePart::AreaGroups,
                &group.key,
                &group.entity_type,
                &kinds,
            );
        }
        for area in &whole.areas {
            self.known(CataloguePart::Areas, &area.urn, &area.group, &groups);
        }
        for package in &whole.packages {
            self.known(CataloguePart::Packages, &package.urn, &package.area, &areas);
            self.known(
                CataloguePart::Packages,
                &package.urn,
                &package.entity_type,
                &kinds,
            );
        }
        for row in &whole.role_packages {
            let name = row.name();
            if let Some(form) = &row.variant {
                self.known(CataloguePart::RolePackages, &name, form, &forms);
            }
            match (roles.get(&*row.role), packages.get(&*row.package)) {
                (Some(role), Some(package)) if role.entity_type != package.entity_type => {
                    self.0.push(format!(
                        "rolePackages: {name}: the role is of the kind {}, the package of the kind {}",
                        role.entity_type, package.entity_type
                    ));
                }
                (Some(_), Some(_)) => {}
                (None, _) => self.unknown(CataloguePart::RolePackages, &name, &row.role),
                (_, None) => self.unknown(CataloguePart::RolePackages, &name, &row.package),
            }
        }
    }

    fn known(&mut self, part: CataloguePart, name: &str, named: &str, known: &BTreeSet<&str>) {
        if !known.contains(named) {
            self.unknown(part, name, named);
        }
    }

    fn unknown(&mut self, part: CataloguePart, name: &str, named: &str) {
        self.0.push(format!(
            "{}: {name} names {named}, which is not there",
            part.wire()
        ));
    }
}

/// Codes that are not the end of their URN, and were not stored so.
pub(super) fn code_faults(before: &WholeCatalogue, after: &WholeCatalogue) -> Vec<String> {
    let stored: BTreeSet<(&str, &str)> = before
        .packages
        .iter()
        .map(|one| (&*one.urn, &*one.code))
        .collect();
    let shipped_first = before.packages.is_empty();
    after
        .packages
        .iter()
        .filter(|one| one.code != one.value())
        .filter(|one| !shipped_first && !stored.contains(&(&*one.urn, &*one.code)))
        .map(|one| format!("packages: the code of {} is not the end of it", one.urn))
        .collect()
}

/// Changes that are allowed and worth a word.
pub(super) fn warnings(before: &WholeCatalogue, after: &WholeCatalogue) -> Vec<String> {
    let roles: BTreeMap<_, &CatalogueRole> = before.roles.iter().map(|one| (one.id, one)).collect();
    let mut out = Vec::new();
    for role in &after.roles {
        let Some(was) = roles.get(&role.id) else {
            continue;
        };
        if was.is_key != role.is_key {
            out.push(format!(
                "roles: {} is {} key role any more: who reaches what through it changes at once",
                role.urn,
                if role.is_key { "now a" } else { "no" }
            ));
        }
        if was.provider != role.provider {
            out.push(format!("roles: {} has another provider", role.urn));
        }
    }
    out
}

/// URNs of packages that may not be given any more, or not be passed on.
pub(super) fn restricted(
    before: &WholeCatalogue,
    after: &WholeCatalogue,
) -> Vec<(String, &'static str)> {
    let packages: BTreeMap<_, &CataloguePackage> =
        before.packages.iter().map(|p| (p.id, p)).collect();
    let mut out = Vec::new();
    for package in &after.packages {
        let Some(was) = packages.get(&package.id) else {
            continue;
        };
        if was.is_assignable && !package.is_assignable {
            out.push((package.urn.clone(), "isAssignable"));
        }
        if was.is_delegable && !package.is_delegable {
            out.push((package.urn.clone(), "isDelegable"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> WholeCatalogue {
        WholeCatalogue::shipped().unwrap()
    }

    #[test]
    fn what_is_shipped_has_no_fault() {
        let whole = shipped();
        assert_eq!(faults(&whole), Vec::<String>::new());
        assert_eq!(
            code_faults(&WholeCatalogue::default(), &whole),
            Vec::<String>::new()
        );
        assert!(compare(&whole, &whole).changes.is_empty());
    }

    #[test]
    fn each_reference_must_lead_somewhere() {
        let mut whole = shipped();
        whole.role_map[0].gets = "nowhere".to_owned();
        whole.variants[0].roles = vec!["no-role".to_owned()];
        whole.areas[0].group = "no-group".to_owned();
        whole.packages[0].area = "no-area".to_owned();
        whole.role_packages[0].variant = Some("NIX".to_owned());
        whole.role_packages[1].package = "urn:altinn:accesspackage:nix".to_owned();
        let found = faults(&whole);
        for name in ["nowhere", "no-role", "no-group", "no-area", "NIX", ":nix"] {
            assert_eq!(
                found.iter().filter(|f| f.contains(name)).count(),
                1,
                "{name}: {found:?}"
            );
        }
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn duplicates_and_urns_of_another_form_are_faults() {
        let mut whole = shipped();
        let mut twin = whole.packages[0].clone();
        twin.id = uuid::Uuid::nil();
        whole.packages.push(twin);
        whole.packages[1].urn = "urn:altinn:accesspackage:Store".to_owned();
        whole
            .role_packages
            .retain(|row| row.package != shipped().packages[1].urn);
        let found = faults(&whole);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn urn_code_and_kind_of_an_id_stay_and_so_does_the_id_of_a_urn() {
        let before = shipped();
        let mut after = before.clone();
        after.packages[0].urn.push('x');
        after.packages[1].id = uuid::Uuid::nil();
        after.roles[0].entity_type = "person".to_owned();
        let found = compare(&before, &after).faults;
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn changes_are_counted_by_what_happens() {
        let before = shipped();
        let mut after = before.clone();
        after.role_map.pop();
        after.packages[0].name.nb.push('!');
        after.areas.push(CatalogueArea {
            id: uuid::Uuid::nil(),
            urn: "accesspackage:area:nytt".to_owned(),
            ..after.areas[0].clone()
        });
        let counts = CatalogueChangeCounts::of(&compare(&before, &after).changes);
        assert_eq!(
            counts,
            CatalogueChangeCounts {
                added: 1,
                changed: 1,
                removed: 1,
                retired: 0
            }
        );
    }
}
