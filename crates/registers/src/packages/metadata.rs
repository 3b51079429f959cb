//! The catalogue as others read it: groups, areas, packages and roles with their texts in one
//! language.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{
    catalogue::WholeCatalogue,
    dto::{
        AreaDto, FoundPackage, GroupDto, LedResource, PackageDto, ProviderDto, ResourceDto,
        RoleDto, SubtypeDto, TypeDto,
    },
    search::{PackageTexts, WordComparison, fits},
};
use foundation::http::Language;

/// Where the icons of areas are.
const ICONS: &str = "https://altinncdn.no/authorization/accesspackageicons/";
/// Provider of the types of party.
const OWN_PROVIDER: &str = "sys-altinn3";

/// A text in the three languages. One that is missing is that in Bokmål.
#[derive(Debug, Clone, Default, Deserialize)]
struct MetadataTexts {
    #[serde(default)]
    nb: String,
    #[serde(default)]
    nn: String,
    #[serde(default)]
    en: String,
}

impl MetadataTexts {
    fn get(&self, language: Language) -> &str {
        let own = match language {
            Language::Nb => &self.nb,
            Language::Nn => &self.nn,
            Language::En => &self.en,
        };
        if own.is_empty() { &self.nb } else { own }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataAreaGroup {
    id: Uuid,
    key: String,
    name: MetadataTexts,
    #[serde(default)]
    description: MetadataTexts,
    entity_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataArea {
    id: Uuid,
    urn: String,
    name: MetadataTexts,
    #[serde(default)]
    description: MetadataTexts,
    group: String,
    icon: Option<String>,
    icon_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataPackage {
    id: Uuid,
    urn: String,
    name: MetadataTexts,
    #[serde(default)]
    description: MetadataTexts,
    entity_type: String,
    area: String,
    is_delegable: bool,
    is_assignable: bool,
    is_available_for_service_owners: bool,
    /// Found by its id and its URN alone.
    #[serde(default)]
    retired: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataRole {
    id: Uuid,
    urn: String,
    code: String,
    legacy_code: Option<String>,
    legacy_urn: Option<String>,
    name: MetadataTexts,
    #[serde(default)]
    description: MetadataTexts,
    provider: String,
    #[serde(rename = "isKeyRole")]
    key: bool,
    is_available_for_service_owners: bool,
}

#[derive(Debug, Deserialize)]
struct MetadataEntityType {
    id: Uuid,
    key: String,
    name: MetadataTexts,
}

#[derive(Debug, Deserialize)]
struct MetadataProvider {
    id: Uuid,
    name: String,
    code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataRolePackage {
    role: String,
    package: String,
    variant: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataVariant {
    id: Uuid,
    code: String,
    entity_type: String,
    name: MetadataTexts,
}

/// The catalogue in the order of its files.
#[derive(Debug)]
pub struct CatalogueMetadata {
    groups: Vec<MetadataAreaGroup>,
    areas: Vec<MetadataArea>,
    packages: Vec<MetadataPackage>,
    roles: Vec<MetadataRole>,
    kinds: Vec<MetadataEntityType>,
    providers: Vec<MetadataProvider>,
    role_packages: HashMap<String, Vec<MetadataRolePackage>>,
    variants: Vec<MetadataVariant>,
}

/// What is asked of a search.
#[derive(Debug, Clone, Default)]
pub struct PackageSearch {
    /// Words; without any, every package that passes the filters.
    pub term: String,
    /// Name of a kind of party, in any of the languages.
    pub type_name: Option<String>,
    /// Parts of codes of service owners; packages without a resource of one of them are left out.
    pub provider_codes: Vec<String>,
    /// Whether to look into names of resources.
    pub in_resources: bool,
    /// How words are compared.
    pub comparison: Option<WordComparison>,
}

/// Words that a search may have: each is compared with every text.
const MAX_WORDS: usize = 20;
/// Characters of all words of a search together.
const MAX_TERM_CHARS: usize = 256;

/// Why packages cannot be searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchFault {
    /// No kind of party has this name.
    #[error("Type '{0}' not found. Try organization, organisasjon or person")]
    UnknownType(String),
    /// The term is too long.
    #[error("Term is too long. It may have {MAX_WORDS} words and {MAX_TERM_CHARS} characters")]
    LongTerm,
}

/// Why a role's packages cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownName {
    /// There is no such role.
    #[error("Role '{0}' not found")]
    Role(String),
    /// There is no such form.
    #[error("Variant '{0}' not found")]
    Variant(String),
}

fn read<T: DeserializeOwned>(catalogue: &Value, member: &str) -> anyhow::Result<Vec<T>> {
    let part = catalogue.get(member).cloned().unwrap_or_default();
    serde_json::from_value(part).with_context(|| format!("reading {member} of the catalogue"))
}

/// By name, without regard to letter case.
fn sorted_by_name<T>(mut list: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    list.sort_by_cached_key(|item| name(item).to_uppercase());
    list
}

impl CatalogueMetadata {
    /// The texts of a catalogue.
    ///
    /// # Errors
    /// A part of it is not as it should be.
    pub fn of(catalogue: &WholeCatalogue) -> anyhow::Result<Self> {
        let catalogue = &catalogue.document()?;
        let mut role_packages: HashMap<String, Vec<MetadataRolePackage>> = HashMap::new();
        for row in read::<MetadataRolePackage>(catalogue, "rolePackages")? {
            role_packages.entry(row.role.clone()).or_default().push(row);
        }
        Ok(Self {
            groups: read(catalogue, "areaGroups")?,
            areas: read(catalogue, "areas")?,
            packages: read(catalogue, "packages")?,
            roles: read(catalogue, "roles")?,
            kinds: read(catalogue, "entityTypes")?,
            providers: read(catalogue, "providers")?,
            role_packages,
            variants: read(catalogue, "variants")?,
        })
    }

    /// Packages that are offered.
    fn offered(&self) -> impl Iterator<Item = &MetadataPackage> {
        self.packages.iter().filter(|package| !package.retired)
    }

    /// The groups by name, without their areas.
    #[must_use]
    pub fn groups(&self, language: Language) -> Vec<GroupDto> {
        let groups = self.groups.iter().map(|g| self.group_dto(g, language));
        sorted_by_name(groups.collect(), |group| &group.name)
    }

    /// A group, without its areas.
    #[must_use]
    pub fn group(&self, id: Uuid, language: Language) -> Option<GroupDto> {
        self.groups
            .iter()
            .find(|g| g.id == id)
            .map(|g| self.group_dto(g, language))
    }

    /// The areas of a group by name, without their packages.
    #[must_use]
    pub fn areas_of(&self, group: Uuid, language: Language) -> Option<Vec<AreaDto>> {
        let group = self.groups.iter().find(|g| g.id == group)?;
        let areas = self.areas.iter().filter(|a| a.group == group.key);
        let areas = areas.map(|a| Self::area_dto(a, language)).collect();
        Some(sorted_by_name(areas, |area| &area.name))
    }

    /// An area, without its packages.
    #[must_use]
    pub fn area(&self, id: Uuid, language: Language) -> Option<AreaDto> {
        let area = self.areas.iter().find(|a| a.id == id)?;
        let group = self.groups.iter().find(|g| g.key == area.group);
        Some(AreaDto {
            group: group.map(|g| Box::new(self.group_dto(g, language))),
            ..Self::area_dto(area, language)
        })
    }

    /// The packages of an area by name.
    #[must_use]
    pub fn packages_of(&self, area: Uuid, language: Language) -> Option<Vec<PackageDto>> {
        let area = self.areas.iter().find(|a| a.id == area)?;
        let packages = self.offered().filter(|p| p.area == area.urn);
        let packages = packages.map(|p| self.package_dto(p, language)).collect();
        Some(sorted_by_name(packages, |package| &package.name))
    }

    /// Everything: groups with their areas with their packages.
    #[must_use]
    pub fn hierarchy(&self, language: Language) -> Vec<GroupDto> {
        let packages = |area: &MetadataArea| {
            self.offered()
                .filter(|p| p.area == area.urn)
                .map(|p| PackageDto {
                    area: None,
                    ..self.package_dto(p, language)
                })
                .collect()
        };
        let areas = |group: &MetadataAreaGroup| {
            let own = self.areas.iter().filter(|a| a.group == group.key);
            own.map(|a| AreaDto {
                packages: packages(a),
                ..Self::area_dto(a, language)
            })
            .collect()
        };
        self.groups
            .iter()
            .map(|g| GroupDto {
                areas: areas(g),
                ..self.group_dto(g, language)
            })
            .collect()
    }

    /// A package by id.
    #[must_use]
    pub fn package(&self, id: Uuid, language: Language) -> Option<PackageDto> {
        self.packages
            .iter()
            .find(|p| p.id == id)
            .map(|p| self.package_dto(p, language))
    }

    /// A package by its URN, or by the last part of that, with or without a colon before it. Letter
    /// case does not matter.
    #[must_use]
    pub fn package_by_urn(&self, urn: &str, language: Language) -> Option<PackageDto> {
        let code = urn.strip_prefix(':').unwrap_or(urn);
        let fits = |p: &&MetadataPackage| {
            p.urn.eq_ignore_ascii_case(urn)
                || p.urn
                    .rsplit(':')
                    .next()
                    .is_some_and(|last| last.eq_ignore_ascii_case(code))
        };
        self.packages
            .iter()
            .find(fits)
            .map(|p| self.package_dto(p, language))
    }

    /// URNs of all packages, as policies name them.
    #[must_use]
    pub fn package_urns(&self) -> Vec<String> {
        self.offered().map(|p| p.urn.clone()).collect()
    }

    /// Packages that a search finds, the best first; without a term, in the order of the catalogue.
    /// `resources` are those that packages lead to.
    ///
    /// # Errors
    /// There is no such kind of party, or the term is too long.
    pub fn search(
        &self,
        search: &PackageSearch,
        resources: &[LedResource],
        language: Language,
    ) -> Result<Vec<FoundPackage>, SearchFault> {
        if search.term.chars().nth(MAX_TERM_CHARS).is_some()
            || search.term.split_whitespace().nth(MAX_WORDS).is_some()
        {
            return Err(SearchFault::LongTerm);
        }
        let kind = match &search.type_name {
            None => None,
            Some(name) => Some(self.kind_named(name)?),
        };
        let codes: HashSet<String> = search
            .provider_codes
            .iter()
            .map(|code| code.to_lowercase())
            .collect();
        // Owners are few and have many resources.
        let mut asked_owners: HashMap<&str, bool> = HashMap::new();
        let mut led: HashMap<&str, Vec<&LedResource>> = HashMap::new();
        for resource in resources {
            let owner = resource.owner_code.as_str();
            let is_asked = *asked_owners.entry(owner).or_insert_with(|| {
                let owner = owner.to_lowercase();
                codes.is_empty() || codes.iter().any(|code| owner.contains(code))
            });
            if is_asked {
                led.entry(&resource.subject_urn).or_default().push(resource);
            }
        }
        let mut found = Vec::new();
        for package in self.offered() {
            if kind.is_some_and(|kind| package.entity_type != kind) {
                continue;
            }
            let urn = package.urn.to_lowercase();
            let own = led.get(urn.as_str()).map(Vec::as_slice).unwrap_or_default();
            if own.is_empty() && !search.provider_codes.is_empty() {
                continue;
            }
            let own: Vec<ResourceDto> = own.iter().map(|r| ResourceDto::of(r, language)).collect();
            found.extend(self.found(package, own, search, language));
        }
        // The sort is stable: packages that fit alike stay in the order of the catalogue.
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        Ok(found)
    }

    fn found(
        &self,
        package: &MetadataPackage,
        resources: Vec<ResourceDto>,
        search: &PackageSearch,
        language: Language,
    ) -> Option<FoundPackage> {
        let (score, fields) = if search.term.trim().is_empty() {
            (0.0, Vec::new())
        } else {
            let area = self.areas.iter().find(|a| a.urn == package.area);
            let names: Vec<String> = if search.in_resources {
                resources.iter().map(|r| r.name.clone()).collect()
            } else {
                Vec::new()
            };
            let area_description = area.map(|a| area_description(a, language));
            let texts = PackageTexts {
                name: package.name.get(language),
                description: package.description.get(language),
                area_name: area.map_or("", |a| a.name.get(language)),
                area_description: area_description.as_deref().unwrap_or_default(),
                resources: &names,
            };
            fits(
                &search.term,
                search.comparison.unwrap_or(WordComparison::Any),
                texts,
            )?
        };
        Some(FoundPackage {
            object: PackageDto {
                resources: Some(resources),
                ..self.package_dto(package, language)
            },
            score,
            fields,
        })
    }

    /// Key of a kind of party by its name in any of the languages.
    fn kind_named(&self, name: &str) -> Result<&str, SearchFault> {
        let lower = name.trim().to_lowercase();
        let is_named = |kind: &&MetadataEntityType| {
            Language::ALL
                .into_iter()
                .any(|language| kind.name.get(language).to_lowercase() == lower)
        };
        let kind = self.kinds.iter().find(is_named);
        kind.map(|kind| kind.key.as_str())
            .ok_or_else(|| SearchFault::UnknownType(name.to_owned()))
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self, language: Language) -> Vec<RoleDto> {
        self.roles
            .iter()
            .map(|r| self.role_dto(r, language))
            .collect()
    }

    /// A role by id.
    #[must_use]
    pub fn role(&self, id: Uuid, language: Language) -> Option<RoleDto> {
        self.roles
            .iter()
            .find(|r| r.id == id)
            .map(|r| self.role_dto(r, language))
    }

    /// Code of a role by its id.
    #[must_use]
    pub fn role_code(&self, id: Uuid) -> Option<&str> {
        self.roles
            .iter()
            .find(|r| r.id == id)
            .map(|r| r.code.as_str())
    }

    /// URNs by which policies name a role, in lower case.
    ///
    /// # Errors
    /// There is no such role.
    pub fn subjects_of_role(&self, code: &str) -> Result<Vec<String>, UnknownName> {
        let role = self.role_named(code)?;
        Ok([Some(&role.urn), role.legacy_urn.as_ref()]
            .into_iter()
            .flatten()
            .map(|urn| urn.to_lowercase())
            .collect())
    }

    fn role_named(&self, code: &str) -> Result<&MetadataRole, UnknownName> {
        self.roles
            .iter()
            .find(|r| r.code.eq_ignore_ascii_case(code))
            .ok_or_else(|| UnknownName::Role(code.to_owned()))
    }

    /// The spelling of a form's code in the catalogue, of whatever kind of party it is.
    ///
    /// # Errors
    /// There is no such form.
    pub fn variant(&self, code: &str) -> Result<&str, UnknownName> {
        self.variants
            .iter()
            .find(|v| v.code.eq_ignore_ascii_case(code))
            .map(|v| v.code.as_str())
            .ok_or_else(|| UnknownName::Variant(code.to_owned()))
    }

    /// Packages that are related to a role for a party of a form, each once, whatever the role may
    /// do with them.
    ///
    /// # Errors
    /// There is no such role or form.
    pub fn packages_of_role(
        &self,
        code: &str,
        variant: &str,
        language: Language,
    ) -> Result<Vec<PackageDto>, UnknownName> {
        let role = self.role_named(code)?;
        let variant = self.variant(variant)?;
        let rows = self
            .role_packages
            .get(&role.code)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let gives = |p: &&MetadataPackage| {
            rows.iter().any(|r| {
                r.package == p.urn && r.variant.as_deref().is_none_or(|form| form == variant)
            })
        };
        Ok(self
            .packages
            .iter()
            .filter(gives)
            .map(|p| self.package_dto(p, language))
            .collect())
    }

    /// The organisation forms.
    #[must_use]
    pub fn organisation_forms(&self, language: Language) -> Vec<SubtypeDto> {
        let Some(kind) = self.kinds.iter().find(|k| k.key == "organization") else {
            return Vec::new();
        };
        let forms = self.variants.iter().filter(|v| v.entity_type == kind.key);
        forms
            .map(|v| SubtypeDto {
                id: v.id,
                type_id: kind.id,
                name: v.code.clone(),
                description: v.name.get(language).to_owned(),
                r#type: None,
            })
            .collect()
    }

    fn kind(&self, key: &str, language: Language) -> Option<TypeDto> {
        let provider = self.providers.iter().find(|p| p.code == OWN_PROVIDER)?;
        self.kinds.iter().find(|k| k.key == key).map(|k| TypeDto {
            id: k.id,
            provider_id: provider.id,
            name: k.name.get(language).to_owned(),
            provider: None,
        })
    }

    fn group_dto(&self, group: &MetadataAreaGroup, language: Language) -> GroupDto {
        let kind = self.kinds.iter().find(|k| k.key == group.entity_type);
        GroupDto {
            id: group.id,
            name: group.name.get(language).to_owned(),
            urn: None,
            description: described(&group.description, &group.name, language),
            r#type: kind.map_or_else(
                || group.entity_type.clone(),
                |kind| kind.name.get(Language::Nb).to_owned(),
            ),
            areas: Vec::new(),
        }
    }

    fn area_dto(area: &MetadataArea, language: Language) -> AreaDto {
        AreaDto {
            id: area.id,
            name: area.name.get(language).to_owned(),
            urn: area.urn.clone(),
            description: area_description(area, language),
            icon_url: match (&area.icon_url, &area.icon) {
                (Some(address), _) => address.clone(),
                (None, Some(file)) => format!("{ICONS}{file}"),
                (None, None) => String::new(),
            },
            packages: Vec::new(),
            group: None,
        }
    }

    fn package_dto(&self, package: &MetadataPackage, language: Language) -> PackageDto {
        let area = self.areas.iter().find(|a| a.urn == package.area);
        PackageDto {
            id: package.id,
            name: package.name.get(language).to_owned(),
            urn: package.urn.clone(),
            description: package.description.get(language).to_owned(),
            is_delegable: package.is_delegable,
            is_assignable: package.is_assignable,
            is_resource_policy_available: package.is_available_for_service_owners,
            area: area.map(|a| Box::new(Self::area_dto(a, language))),
            r#type: self.kind(&package.entity_type, language),
            resources: None,
        }
    }

    fn role_dto(&self, role: &MetadataRole, language: Language) -> RoleDto {
        let provider = self.providers.iter().find(|p| p.code == role.provider);
        RoleDto {
            id: role.id,
            name: role.name.get(language).to_owned(),
            code: role.code.clone(),
            description: role.description.get(language).to_owned(),
            is_key_role: role.key,
            urn: role.urn.clone(),
            legacy_role_code: role.legacy_code.clone(),
            legacy_urn: role.legacy_urn.clone(),
            is_resource_policy_available: role.is_available_for_service_owners,
            provider: provider.map(|p| ProviderDto::system(p.id, &p.code, &p.name)),
        }
    }
}

fn area_description(area: &MetadataArea, language: Language) -> String {
    described(&area.description, &area.name, language)
}

/// A description; where the catalogue has none, one that its name gives.
fn described(description: &MetadataTexts, name: &MetadataTexts, language: Language) -> String {
    let own = description.get(language);
    if !own.is_empty() {
        return own.to_owned();
    }
    let name = name.get(language);
    match language {
        Language::Nb => format!("Fullmakter som gjelder {name}."),
        Language::Nn => format!("Fullmakter som gjeld {name}."),
        Language::En => format!("Powers of attorney about {name}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::words(&"a ".repeat(20), &"a ".repeat(21))]
    #[case::characters(&"\u{e5}".repeat(256), &"\u{e5}".repeat(257))]
    #[case::spaces(&" ".repeat(256), &" ".repeat(257))]
    fn a_term_has_twenty_words_of_256_characters(
        #[case] longest: &str,
        #[case] longer: &str,
        #[values(WordComparison::Any, WordComparison::All, WordComparison::Alike)]
        comparison: WordComparison,
    ) {
        let metadata = CatalogueMetadata::of(&WholeCatalogue::shipped().unwrap()).unwrap();
        let search = |term: &str| {
            let search = PackageSearch {
                term: term.to_owned(),
                comparison: Some(comparison),
                ..PackageSearch::default()
            };
            metadata.search(&search, &[], Language::Nb).map(drop)
        };
        assert_eq!(search(longest), Ok(()));
        assert_eq!(search(longer), Err(SearchFault::LongTerm));
    }
}
