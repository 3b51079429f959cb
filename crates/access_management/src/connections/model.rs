//! Connections on the wire, and as stored.

use foundation::http::Language;
use registers::{
    packages::{
        PackageKey, ProviderDto, RoleDto, RoleKey, VariantKey, resource_type_uuid, resource_uuid,
        service_owner_uuid,
    },
    parties::{Connection, SingleRight, Via},
    resources::rights::{NamedRight, TypedValue},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::{Uuid, uuid};

use crate::entities::{CompactPackage, CompactRole, Entity};

/// A party with what connects it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConnectionDto {
    /// The other party.
    pub party: Entity,
    /// Roles, those that others imply included; not those of client delegations.
    pub roles: Vec<CompactRole>,
    /// Packages, where they are asked for.
    pub packages: Vec<CompactPackage>,
    /// Single resources, where they are asked for.
    pub resources: Vec<ConnectedResource>,
    /// Always empty: single instances are not known here.
    #[schema(value_type = Vec<String>)]
    pub instances: Vec<Value>,
    /// Parties that are reached through this one.
    #[schema(no_recursion)]
    pub connections: Vec<ConnectionDto>,
}

/// A resource in a list of connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectedResource {
    /// Its uuid.
    pub id: Uuid,
    /// All zeros.
    pub provider_id: Uuid,
    /// All zeros.
    pub type_id: Uuid,
    /// Its title.
    pub name: String,
    /// Always null.
    pub description: Option<String>,
    /// Its identifier in the registry.
    pub ref_id: String,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub provider: Option<()>,
    /// Always null.
    #[serde(rename = "type")]
    #[schema(value_type = Option<String>)]
    pub kind: Option<()>,
}

impl ConnectedResource {
    /// A resource with its title.
    #[must_use]
    pub fn new(identifier: &str, name: String) -> Self {
        Self {
            id: resource_uuid(identifier),
            provider_id: Uuid::nil(),
            type_id: Uuid::nil(),
            name,
            description: None,
            ref_id: identifier.to_owned(),
            provider: None,
            kind: None,
        }
    }
}

/// By which ways a party has something: the sum of their flags, and their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonDto {
    /// Sum of the flags.
    pub flag: u8,
    /// One for each flag.
    pub items: Vec<ReasonItem>,
}

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonItem {
    /// `direct`, `client-delegation`, `keyrole`, `rolemap` or `parent`.
    pub name: &'static str,
    /// In a sentence.
    pub description: &'static str,
}

/// Ways by which access reaches a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayFlag {
    /// Given to the party itself.
    Direct,
    /// Delegated by a facilitator.
    Client,
    /// Through a key role in an organisation.
    KeyRole,
    /// By a role that another one implies.
    RoleMap,
    /// From the main unit, or from a firm that the giver owns.
    Parent,
}

impl WayFlag {
    const ALL: [Self; 5] = [
        Self::Direct,
        Self::Client,
        Self::KeyRole,
        Self::RoleMap,
        Self::Parent,
    ];

    /// The flag.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::Direct => 1,
            Self::Client => 2,
            Self::KeyRole => 4,
            Self::RoleMap => 8,
            Self::Parent => 16,
        }
    }

    const fn item(self) -> ReasonItem {
        let (name, description) = match self {
            Self::Direct => ("direct", "Access granted directly with assignment"),
            Self::Client => ("client-delegation", "Access granted via client delegation"),
            Self::KeyRole => ("keyrole", "Access granted through a key role"),
            Self::RoleMap => ("rolemap", "Access granted through role mapping"),
            Self::Parent => ("parent", "Access granted through parent party"),
        };
        ReasonItem { name, description }
    }
}

impl ReasonDto {
    /// The reason of these flags.
    #[must_use]
    pub fn of(flags: u8) -> Self {
        Self {
            flag: flags,
            items: WayFlag::ALL
                .into_iter()
                .filter(|way| flags & way.bit() != 0)
                .map(WayFlag::item)
                .collect(),
        }
    }
}

/// One way by which a package or a resource reaches a party.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// Who gave it.
    pub from: Entity,
    /// Who has it.
    pub to: Entity,
    /// The party it is reached through.
    pub via: Option<Entity>,
    /// Role of the relation; none of a client delegation.
    pub role: Option<CompactRole>,
    /// Role at the party it is reached through.
    pub via_role: Option<CompactRole>,
    /// The way.
    pub reason: ReasonDto,
}

impl Permission {
    /// Without the main units of the parties, as single resources and rights are shown.
    #[must_use]
    pub fn without_main_units(mut self) -> Self {
        for party in [Some(&mut self.from), Some(&mut self.to), self.via.as_mut()]
            .into_iter()
            .flatten()
        {
            party.parent = None;
        }
        self
    }
}

/// A package with the ways by which it is held.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackagePermission {
    /// The package.
    pub package: CompactPackage,
    /// The ways.
    pub permissions: Vec<Permission>,
}

/// A single resource with the ways by which it is held.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResourcePermission {
    /// The resource.
    pub resource: ConnectedResource,
    /// The ways.
    pub permissions: Vec<Permission>,
}

/// A package that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentPackageDto {
    /// Id of what was given.
    pub id: Uuid,
    /// Id of the relation that it was given on.
    pub assignment_id: Uuid,
    /// The package.
    pub package_id: Uuid,
}

/// A resource whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FullResource {
    /// Its uuid.
    pub id: Uuid,
    /// Uuid of its service owner.
    pub provider_id: Uuid,
    /// Uuid of its type.
    pub type_id: Uuid,
    /// Title.
    pub name: String,
    /// Description.
    pub description: String,
    /// Its identifier in the registry.
    pub ref_id: String,
    /// Its service owner.
    pub provider: ResourceProvider,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: NamedType,
}

/// A service owner.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceProvider {
    /// Its uuid.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Organisation number.
    pub ref_id: String,
    /// Address of its logo, where one is known.
    pub logo_url: Option<String>,
    /// Code, in lower case.
    pub code: String,
    /// Kind of provider.
    pub type_id: Uuid,
    /// Kind of provider, in answers to delegation checks.
    #[serde(rename = "type")]
    pub kind: Option<NamedType>,
}

/// A type with its name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NamedType {
    /// Its uuid.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// Whether the kind of a provider is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// In delegation checks.
    Shown,
    /// Elsewhere.
    Hidden,
}

/// Kind of a provider that is a service owner.
const SERVICE_OWNER: Uuid = uuid!("0195efb8-7c80-713e-ad96-a9896d12f444");

impl FullResource {
    /// From a resource's document, and the address of its owner's logo.
    #[must_use]
    pub fn of(
        identifier: &str,
        document: &Value,
        logo_url: Option<String>,
        language: Language,
        kind: ProviderKind,
    ) -> Self {
        let text = |pointer: &str| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (code, resource_type) = (
            text("/hasCompetentAuthority/orgcode").to_lowercase(),
            text("/resourceType"),
        );
        let description = in_language(document.get("description"), language);
        let service_owner = || NamedType {
            id: SERVICE_OWNER,
            name: match language {
                Language::Nb => "Tjenesteeier",
                Language::Nn => "Tenesteeigar",
                Language::En => "ServiceOwner",
            }
            .to_owned(),
        };
        Self {
            id: resource_uuid(identifier),
            provider_id: service_owner_uuid(&code),
            type_id: resource_type_uuid(&resource_type),
            name: in_language(document.get("title"), language),
            description: if description.is_empty() {
                "-".to_owned()
            } else {
                description
            },
            ref_id: identifier.to_owned(),
            provider: ResourceProvider {
                id: service_owner_uuid(&code),
                name: in_language(document.pointer("/hasCompetentAuthority/name"), language),
                ref_id: text("/hasCompetentAuthority/organization"),
                logo_url,
                code,
                type_id: SERVICE_OWNER,
                kind: (kind == ProviderKind::Shown).then(service_owner),
            },
            kind: NamedType {
                id: resource_type_uuid(&resource_type),
                name: resource_type,
            },
        }
    }
}

/// A text in a language, or in Bokmål where it does not exist in that language.
#[must_use]
pub fn in_language(texts: Option<&Value>, language: Language) -> String {
    let text = |code: &str| {
        texts
            .and_then(|texts| texts.get(code))
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    text(language.code())
        .or_else(|| text(Language::Nb.code()))
        .unwrap_or_default()
        .to_owned()
}

/// A right of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RightDto {
    /// Names the right in other calls.
    pub key: String,
    /// In words, in delegation checks.
    pub name: Option<String>,
    /// On what.
    pub resource: Vec<TypedValue>,
    /// What is done.
    pub action: TypedValue,
}

impl RightDto {
    /// A right with its name in words.
    #[must_use]
    pub fn named(right: NamedRight) -> Self {
        Self {
            key: right.key,
            name: Some(right.name),
            resource: right.resource,
            action: right.action,
        }
    }

    /// A right without a name in words.
    #[must_use]
    pub fn unnamed(right: NamedRight) -> Self {
        Self {
            name: None,
            ..Self::named(right)
        }
    }
}

/// Rights on a resource that a party holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightsOfResource {
    /// The resource.
    pub resource: FullResource,
    /// Rights that were given to the party itself.
    pub direct_rights: Vec<RightPermission>,
    /// Rights that it has in other ways.
    pub indirect_rights: Vec<RightPermission>,
}

/// A right with the ways by which it is held.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RightPermission {
    /// The right.
    pub right: RightDto,
    /// All ways.
    pub reason: ReasonDto,
    /// Each way.
    pub permissions: Vec<Permission>,
}

/// Whether the caller may give a package.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackageCheck {
    /// The package.
    pub package: CompactPackage,
    /// It may.
    pub result: bool,
    /// One for each way by which it may; else one that says that there is none.
    pub reasons: Vec<CheckReason>,
}

/// A role with the ways by which it is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolePermission {
    /// The role.
    pub role: ConnectionRole,
    /// The ways.
    pub permissions: Vec<Permission>,
}

/// A role that is held.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRole {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Such as `daglig-leder`.
    pub code: String,
    /// What it is for.
    pub description: String,
    /// Who holds it acts for the organisation everywhere.
    pub is_key_role: bool,
    /// Name in policies.
    pub urn: String,
    /// Code in Altinn 2.
    pub legacy_role_code: Option<String>,
    /// Name in policies of Altinn 2.
    pub legacy_urn: Option<String>,
    /// Service owners may use it in policies.
    pub is_resource_policy_available: bool,
    /// The register that it comes from.
    pub provider: Option<ProviderDto>,
    /// Always false: roles of the register are not taken back here.
    pub is_revocable: bool,
}

impl From<RoleDto> for ConnectionRole {
    fn from(role: RoleDto) -> Self {
        Self {
            id: role.id,
            name: role.name,
            code: role.code,
            description: role.description,
            is_key_role: role.is_key_role,
            urn: role.urn,
            legacy_role_code: role.legacy_role_code,
            legacy_urn: role.legacy_urn,
            is_resource_policy_available: role.is_resource_policy_available,
            provider: role.provider,
            is_revocable: false,
        }
    }
}

/// Whether the caller holds a role, and with it what policies give to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleCheck {
    /// The role.
    pub role: RoleDto,
    /// It does.
    pub result: bool,
    /// One for each way by which it does; else one that says that there is none.
    pub reasons: Vec<CheckReason>,
}

/// A way by which the caller has a role, or may give a package.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReason {
    /// The way, or `NoAccess`.
    pub description: String,
    /// Role of the relation.
    pub role_id: Option<Uuid>,
    /// Role of the relation.
    pub role_urn: Option<String>,
    /// Who gave.
    pub from_id: Option<Uuid>,
    /// Who gave.
    pub from_name: Option<String>,
    /// Who has it.
    pub to_id: Option<Uuid>,
    /// Who has it.
    pub to_name: Option<String>,
    /// The party it is reached through.
    pub via_id: Option<Uuid>,
    /// The party it is reached through.
    pub via_name: Option<String>,
    /// Role at that party.
    pub via_role_id: Option<Uuid>,
    /// Role at that party.
    pub via_role_urn: Option<String>,
}

impl CheckReason {
    /// There is no way.
    #[must_use]
    pub fn no_access() -> Self {
        Self {
            description: "NoAccess".to_owned(),
            role_id: None,
            role_urn: None,
            from_id: None,
            from_name: None,
            to_id: None,
            to_name: None,
            via_id: None,
            via_name: None,
            via_role_id: None,
            via_role_urn: None,
        }
    }
}

/// Which rights on a resource the caller may give.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResourceCheck {
    /// The resource.
    pub resource: FullResource,
    /// Each right of its policy.
    pub rights: Vec<RightCheckDto>,
}

/// Whether the caller may give a right.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightCheckDto {
    /// The right.
    pub right: RightDto,
    /// It may.
    pub result: bool,
    /// What leads to the right, or is missing, and what forbids to give it.
    pub reason_codes: Vec<&'static str>,
}

/// Rights, as a body names them.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"directRightKeys": ["01c75d2feca980dba9302c168672c013094bb592405139a500fd0767811c144221"]}))]
#[expect(dead_code, reason = "describes a body")]
pub struct RightKeys {
    /// Keys as delegation checks show them; at most 500.
    direct_right_keys: Vec<String>,
}

/// One way by which something of a giver reaches a receiver, as stored.
#[derive(Debug, Clone)]
pub struct WayRow {
    /// Party key of the giver that is shown.
    pub from_key: i32,
    /// Form of that giver.
    pub from_form: Option<VariantKey>,
    /// Party key of the receiver.
    pub to_key: i32,
    /// Party key of the party that gave: the giver, its main unit or its own firm.
    pub source_key: i32,
    /// Form of that party.
    pub source_form: Option<VariantKey>,
    /// The main unit gave it.
    pub is_main_unit: bool,
    /// A sole proprietorship that the giver owns gave it.
    pub is_own_firm: bool,
    /// Role of the relation.
    pub role_id: RoleKey,
    /// Party key of the organisation or facilitator it is reached through.
    pub via_key: Option<i32>,
    /// Key role of the receiver in that organisation.
    pub via_role: Option<RoleKey>,
    /// Form of that organisation.
    pub via_form: Option<VariantKey>,
    /// It is a client delegation.
    pub is_client: bool,
    /// Packages that were assigned, or delegated.
    pub packages: Vec<PackageKey>,
    /// Single resources that were given, or delegated.
    pub resources: Vec<String>,
    /// Rights on the resource that is asked about.
    pub rights: Option<Value>,
}

impl WayRow {
    /// The way from a person to the same person.
    #[must_use]
    pub const fn of_own_party(key: i32, role: RoleKey) -> Self {
        Self {
            from_key: key,
            from_form: None,
            to_key: key,
            source_key: key,
            source_form: None,
            is_main_unit: false,
            is_own_firm: false,
            role_id: role,
            via_key: None,
            via_role: None,
            via_form: None,
            is_client: false,
            packages: Vec::new(),
            resources: Vec::new(),
            rights: None,
        }
    }

    /// How it reaches the receiver, for the rules about parties.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            from_form: self.source_form,
            from_main_unit: self.is_main_unit,
            from_own_firm: self.is_own_firm,
            role: self.role_id,
            via: match (self.is_client, self.via_role) {
                (true, _) => Via::Client,
                (false, Some(role)) => Via::KeyRole {
                    role,
                    form: self.via_form,
                },
                (false, None) => Via::Direct,
            },
            packages: self.packages.clone(),
            rights: self
                .rights
                .as_ref()
                .map(SingleRight::list)
                .unwrap_or_default(),
        }
    }
}

/// A right-holder relation, as stored.
#[derive(Debug, Clone, Copy)]
pub struct RightHolderRow {
    /// Its id.
    pub id: Uuid,
}
