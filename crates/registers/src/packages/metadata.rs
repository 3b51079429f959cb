//! The catalogue as others read it: groups, areas, packages and roles with their texts in one
//! language.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{PACKAGES, ROLE_PACKAGES, ROLES, VARIANTS, part};
use foundation::http::Language;

/// Where the icons of areas are.
const ICONS: &str = "https://altinncdn.no/authorization/accesspackageicons/";
/// Provider of the types of party.
const OWN_PROVIDER: &str = "sys-altinn3";

/// A text in the three languages.
#[derive(Debug, Clone, Deserialize)]
struct Texts {
    nb: String,
    nn: String,
    en: String,
}

impl Texts {
    fn get(&self, language: Language) -> &str {
        match language {
            Language::Nb => &self.nb,
            Language::Nn => &self.nn,
            Language::En => &self.en,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id: Uuid,
    key: String,
    name: Texts,
    entity_type: String,
}

#[derive(Debug, Deserialize)]
struct Area {
    id: Uuid,
    urn: String,
    name: Texts,
    group: String,
    icon: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    id: Uuid,
    urn: String,
    name: Texts,
    description: Texts,
    entity_type: String,
    area: String,
    is_delegable: bool,
    is_assignable: bool,
    is_available_for_service_owners: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    id: Uuid,
    urn: String,
    code: String,
    legacy_code: Option<String>,
    legacy_urn: Option<String>,
    name: Texts,
    description: Texts,
    provider: String,
    #[serde(rename = "isKeyRole")]
    key: bool,
    is_available_for_service_owners: bool,
}

#[derive(Debug, Deserialize)]
struct Kind {
    id: Uuid,
    key: String,
    name: Texts,
}

#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
/// Who a role comes from.
pub struct ProviderDto {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `sys-ccr` for the Entity Registry, `sys-altinn3`, …
    pub code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolePackage {
    role: String,
    package: String,
    variant: Option<String>,
    has_access: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    id: Uuid,
    code: String,
    entity_type: String,
    name: Texts,
}

/// The catalogue in the order of its files.
#[derive(Debug)]
pub struct Metadata {
    groups: Vec<Group>,
    areas: Vec<Area>,
    packages: Vec<Package>,
    roles: Vec<Role>,
    kinds: Vec<Kind>,
    providers: Vec<ProviderDto>,
    role_packages: HashMap<String, Vec<RolePackage>>,
    variants: Vec<Variant>,
}

/// A kind of party.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeDto {
    pub id: Uuid,
    pub name: String,
    pub provider_id: Option<Uuid>,
}

/// A group of areas. Its areas are there where they were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct GroupDto {
    pub id: Uuid,
    pub name: String,
    pub urn: String,
    pub description: Option<String>,
    /// Kind of party.
    pub r#type: String,
    #[schema(no_recursion)]
    pub areas: Option<Vec<AreaDto>>,
}

/// An area of packages. Its packages or its group are there where they were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct AreaDto {
    pub id: Uuid,
    pub name: String,
    pub urn: String,
    pub description: Option<String>,
    pub icon_url: String,
    #[schema(no_recursion)]
    pub packages: Option<Vec<PackageDto>>,
    #[schema(no_recursion)]
    pub group: Option<Box<GroupDto>>,
}

/// An access package.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct PackageDto {
    pub id: Uuid,
    pub name: String,
    pub urn: String,
    pub description: String,
    /// May be passed on, in particular to clients' agents.
    pub is_delegable: bool,
    /// May be given directly.
    pub is_assignable: bool,
    /// Service owners may use it in policies.
    pub is_resource_policy_available: bool,
    #[schema(no_recursion)]
    pub area: Option<Box<AreaDto>>,
    /// Kind of party that it is about.
    pub r#type: Option<TypeDto>,
    /// What it leads to. Only told of one package at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<ResourceDto>>,
}

/// A resource that a package leads to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct ResourceDto {
    /// An id made of the identifier.
    pub id: Uuid,
    pub name: String,
    pub description: String,
    /// Identifier in the resource registry.
    pub ref_id: String,
    /// Its owner.
    pub provider: OwnerDto,
    /// Its type, such as `GenericAccessResource`.
    pub r#type: ResourceTypeDto,
}

/// Owner of a resource.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnerDto {
    pub name: String,
    /// Code of the service owner.
    pub code: String,
    /// Organisation number.
    pub ref_id: String,
}

/// Type of a resource.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResourceTypeDto {
    pub name: String,
}

impl ResourceDto {
    /// From a resource's document.
    #[must_use]
    pub fn of(document: &serde_json::Value, language: Language) -> Self {
        let text = |pointer: &str| {
            document
                .pointer(pointer)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let told = |pointer: &str| {
            let own = text(&format!("{pointer}/{}", language.code()));
            if own.is_empty() {
                text(&format!("{pointer}/nb"))
            } else {
                own
            }
        };
        let identifier = text("/identifier");
        let digest = foundation::crypto::sha256(format!("urn:altinn:resource:{identifier}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self {
            id: uuid::Builder::from_custom_bytes(bytes).into_uuid(),
            name: told("/title"),
            description: told("/description"),
            ref_id: identifier,
            provider: OwnerDto {
                name: told("/hasCompetentAuthority/name"),
                code: text("/hasCompetentAuthority/orgcode"),
                ref_id: text("/hasCompetentAuthority/organization"),
            },
            r#type: ResourceTypeDto {
                name: text("/resourceType"),
            },
        }
    }
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members as on the wire")]
pub struct RoleDto {
    pub id: Uuid,
    pub name: String,
    pub code: String,
    pub description: String,
    pub is_key_role: bool,
    pub urn: String,
    pub legacy_role_code: Option<String>,
    pub legacy_urn: Option<String>,
    /// Service owners may use it in policies.
    pub is_resource_policy_available: bool,
    pub provider: Option<ProviderDto>,
}

/// An organisation form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubtypeDto {
    /// Its id.
    pub id: Uuid,
    /// Id of the kind of party.
    pub type_id: Uuid,
    /// Its code, such as `AS`.
    pub name: String,
    /// Its name in words.
    pub description: String,
}

/// A package that a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPackage {
    /// The package.
    pub object: PackageDto,
    /// How well it fits; the best come first.
    pub score: u32,
    /// Where the term stands.
    pub fields: Vec<FoundField>,
}

/// A text that holds the term of a search.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundField {
    /// `name`, `urn`, `area` or `description`.
    pub field: &'static str,
    /// The text.
    pub value: String,
    /// What it adds to the score.
    pub score: u32,
}

fn read<T: DeserializeOwned>(file: &str, member: &str) -> anyhow::Result<Vec<T>> {
    serde_json::from_value(part(file, member)?)
        .with_context(|| format!("reading {member} of an embedded catalogue"))
}

impl Metadata {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// One of them is not as it should be.
    pub fn read() -> anyhow::Result<Self> {
        let mut role_packages: HashMap<String, Vec<RolePackage>> = HashMap::new();
        for row in read::<RolePackage>(ROLE_PACKAGES, "rolePackages")? {
            role_packages.entry(row.role.clone()).or_default().push(row);
        }
        Ok(Self {
            groups: read(PACKAGES, "areaGroups")?,
            areas: read(PACKAGES, "areas")?,
            packages: read(PACKAGES, "packages")?,
            roles: read(ROLES, "roles")?,
            kinds: read(ROLES, "entityTypes")?,
            providers: read(ROLES, "providers")?,
            role_packages,
            variants: read(VARIANTS, "variants")?,
        })
    }

    /// The groups, without their areas.
    #[must_use]
    pub fn groups(&self, language: Language) -> Vec<GroupDto> {
        self.groups
            .iter()
            .map(|g| Self::group_dto(g, language))
            .collect()
    }

    /// A group, without its areas.
    #[must_use]
    pub fn group(&self, id: Uuid, language: Language) -> Option<GroupDto> {
        self.groups
            .iter()
            .find(|g| g.id == id)
            .map(|g| Self::group_dto(g, language))
    }

    /// The areas of a group, without their packages.
    #[must_use]
    pub fn areas_of(&self, group: Uuid, language: Language) -> Option<Vec<AreaDto>> {
        let group = self.groups.iter().find(|g| g.id == group)?;
        Some(
            self.areas
                .iter()
                .filter(|a| a.group == group.key)
                .map(|a| Self::area_dto(a, language))
                .collect(),
        )
    }

    /// An area, without its packages.
    #[must_use]
    pub fn area(&self, id: Uuid, language: Language) -> Option<AreaDto> {
        self.areas
            .iter()
            .find(|a| a.id == id)
            .map(|a| self.area_in_group(a, language))
    }

    /// The packages of an area.
    #[must_use]
    pub fn packages_of(&self, area: Uuid, language: Language) -> Option<Vec<PackageDto>> {
        let area = self.areas.iter().find(|a| a.id == area)?;
        Some(
            self.packages
                .iter()
                .filter(|p| p.area == area.urn)
                .map(|p| self.package_dto(p, language))
                .collect(),
        )
    }

    /// Everything: groups with their areas with their packages.
    #[must_use]
    pub fn hierarchy(&self, language: Language) -> Vec<GroupDto> {
        let packages = |area: &Area| {
            self.packages
                .iter()
                .filter(|p| p.area == area.urn)
                .map(|p| self.package_alone(p, language))
                .collect()
        };
        let areas = |group: &Group| {
            let own = self.areas.iter().filter(|a| a.group == group.key);
            own.map(|a| AreaDto {
                packages: Some(packages(a)),
                ..Self::area_dto(a, language)
            })
            .collect()
        };
        self.groups
            .iter()
            .map(|g| GroupDto {
                areas: Some(areas(g)),
                ..Self::group_dto(g, language)
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
        let fits = |p: &&Package| {
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

    /// Packages whose texts hold each word of a term, the best first.
    #[must_use]
    pub fn search(&self, term: &str, language: Language) -> Vec<FoundPackage> {
        let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<FoundPackage> = self
            .packages
            .iter()
            .filter_map(|p| self.found(p, &words, language))
            .collect();
        found.sort_by_key(|f| std::cmp::Reverse(f.score));
        found
    }

    fn found(
        &self,
        package: &Package,
        words: &[String],
        language: Language,
    ) -> Option<FoundPackage> {
        let area = self
            .areas
            .iter()
            .find(|a| a.urn == package.area)
            .map_or("", |a| a.name.get(language));
        let texts = [
            ("name", package.name.get(language), 8),
            ("urn", &package.urn, 4),
            ("area", area, 2),
            ("description", package.description.get(language), 1),
        ];
        let lowered = texts.map(|(field, text, weight)| (field, text, weight, text.to_lowercase()));
        if words.is_empty()
            || !words.iter().all(|word| {
                lowered
                    .iter()
                    .any(|(.., text)| text.contains(word.as_str()))
            })
        {
            return None;
        }
        let whole = words.join(" ");
        // A text that is the term says more than one that holds it.
        let hits = |text: &str| {
            let found = words
                .iter()
                .filter(|word| text.contains(word.as_str()))
                .count()
                * if text == whole { 4 } else { 1 };
            u32::try_from(found).unwrap_or(0)
        };
        let fields: Vec<FoundField> = lowered
            .iter()
            .map(|(field, value, weight, text)| FoundField {
                field,
                value: (*value).to_owned(),
                score: weight * hits(text),
            })
            .filter(|f| f.score > 0)
            .collect();
        Some(FoundPackage {
            object: self.package_dto(package, language),
            score: fields.iter().map(|f| f.score).sum(),
            fields,
        })
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

    /// Packages that a role gives for a party of an organisation form; without one, those that it
    /// gives for every form. None when there is no such role or form.
    #[must_use]
    pub fn packages_of_role(
        &self,
        code: &str,
        variant: Option<&str>,
        language: Language,
    ) -> Option<Vec<PackageDto>> {
        let role = self
            .roles
            .iter()
            .find(|r| r.code.eq_ignore_ascii_case(code))?;
        let variant = match variant {
            None => None,
            Some(code) => Some(
                self.variants
                    .iter()
                    .find(|v| v.code.eq_ignore_ascii_case(code))?
                    .code
                    .as_str(),
            ),
        };
        let rows = self
            .role_packages
            .get(&role.code)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let gives = |p: &&Package| {
            rows.iter().any(|r| {
                r.package == p.urn
                    && r.has_access
                    && (r.variant.is_none() || r.variant.as_deref() == variant)
            })
        };
        Some(
            self.packages
                .iter()
                .filter(gives)
                .map(|p| self.package_dto(p, language))
                .collect(),
        )
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
            })
            .collect()
    }

    fn kind(&self, key: &str, language: Language) -> Option<TypeDto> {
        let provider_id = self
            .providers
            .iter()
            .find(|p| p.code == OWN_PROVIDER)
            .map(|p| p.id);
        self.kinds.iter().find(|k| k.key == key).map(|k| TypeDto {
            id: k.id,
            name: k.name.get(language).to_owned(),
            provider_id,
        })
    }

    fn group_dto(group: &Group, language: Language) -> GroupDto {
        GroupDto {
            id: group.id,
            name: group.name.get(language).to_owned(),
            urn: format!("accesspackage:areagroup:{}", group.key),
            description: None,
            r#type: group.entity_type.clone(),
            areas: None,
        }
    }

    fn area_dto(area: &Area, language: Language) -> AreaDto {
        AreaDto {
            id: area.id,
            name: area.name.get(language).to_owned(),
            urn: area.urn.clone(),
            description: None,
            icon_url: format!("{ICONS}{}", area.icon),
            packages: None,
            group: None,
        }
    }

    fn area_in_group(&self, area: &Area, language: Language) -> AreaDto {
        let group = self
            .groups
            .iter()
            .find(|g| g.key == area.group)
            .map(|g| Box::new(Self::group_dto(g, language)));
        AreaDto {
            group,
            ..Self::area_dto(area, language)
        }
    }

    fn package_alone(&self, package: &Package, language: Language) -> PackageDto {
        PackageDto {
            id: package.id,
            name: package.name.get(language).to_owned(),
            urn: package.urn.clone(),
            description: package.description.get(language).to_owned(),
            is_delegable: package.is_delegable,
            is_assignable: package.is_assignable,
            is_resource_policy_available: package.is_available_for_service_owners,
            area: None,
            r#type: self.kind(&package.entity_type, language),
            resources: None,
        }
    }

    fn package_dto(&self, package: &Package, language: Language) -> PackageDto {
        let area = self
            .areas
            .iter()
            .find(|a| a.urn == package.area)
            .map(|a| Box::new(self.area_in_group(a, language)));
        PackageDto {
            area,
            ..self.package_alone(package, language)
        }
    }

    fn role_dto(&self, role: &Role, language: Language) -> RoleDto {
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
            provider: self
                .providers
                .iter()
                .find(|p| p.code == role.provider)
                .cloned(),
        }
    }
}
