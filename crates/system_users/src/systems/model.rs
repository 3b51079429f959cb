//! Systems and what they list, as data and on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use registers::packages::Catalogue;

/// One attribute of a right: `urn:altinn:resource` and a resource id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributePair {
    /// Attribute id.
    pub id: String,
    /// Its value.
    pub value: String,
}

/// A single right: a resource, perhaps a part of it. The action is kept and echoed, and means
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Right {
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Usually one pair.
    pub resource: Vec<AttributePair>,
}

impl Right {
    /// As the change log keeps it.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        json!({"Action": self.action, "Resource": self.resource})
    }

    /// The resource the right is on: the value of the first `urn:altinn:resource` pair.
    #[must_use]
    pub fn resource_id(&self) -> Option<&str> {
        self.resource
            .iter()
            .find(|p| p.id == "urn:altinn:resource")
            .map(|p| p.value.as_str())
    }
}

/// An access package, by URN. URNs are compared without regard to letter case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct AccessPackage {
    /// `urn:altinn:accesspackage:{code}`, as the catalogue spells it. One that the catalogue does not
    /// have is as it was sent.
    pub urn: String,
}

impl AccessPackage {
    /// Whether it is the package of a URN, in any letter case.
    #[must_use]
    pub fn is(&self, urn: &str) -> bool {
        self.urn.eq_ignore_ascii_case(urn)
    }

    /// Spells packages as the catalogue does.
    pub fn spell(packages: &mut [Self], catalogue: &Catalogue) {
        for package in packages {
            if let Some(known) = catalogue.package_by_urn(&package.urn)
                && known.urn != package.urn
            {
                package.urn.clone_from(&known.urn);
            }
        }
    }
}

/// Texts by language.
pub type SystemTexts = Map<String, Value>;

/// A registered system.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns of the register")]
pub struct System {
    pub internal_id: Uuid,
    pub id: String,
    pub vendor_org: String,
    pub name: Value,
    pub description: Value,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub redirect_urls: Vec<String>,
    pub is_visible: bool,
    pub is_deleted: bool,
}

impl System {
    /// A text in a language, else in the first of nb, nn, en that there is.
    #[must_use]
    pub fn name_in(&self, language: &str) -> Option<&str> {
        [language, "nb", "nn", "en"]
            .iter()
            .find_map(|l| self.name.get(l)?.as_str().filter(|t| !t.trim().is_empty()))
    }
}

/// A system to be stored, as the vendor sent it, trimmed.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "members of the body")]
pub struct NewSystem {
    pub id: String,
    pub vendor_id: String,
    pub name: SystemTexts,
    pub description: SystemTexts,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub client_ids: Vec<String>,
    pub redirect_urls: Vec<String>,
    pub is_visible: bool,
}

impl NewSystem {
    /// The snapshot the change log keeps: everything as sent, in the spelling of the public
    /// system's log.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        json!({
            "Id": self.id, "Name": self.name, "Rights": self.rights.iter().map(Right::snapshot).collect::<Vec<_>>(),
            "Vendor": {"ID": self.vendor_id}, "ClientId": self.client_ids, "IsVisible": self.is_visible, "Description": self.description,
            "AccessPackages": self.access_packages.iter().map(|p| json!({"Urn": p.urn})).collect::<Vec<_>>(),
            "AllowedRedirectUrls": self.redirect_urls,
        })
    }
}

/// One change of a system.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeLogEntry {
    pub system_internal_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by_org_number: Option<String>,
    /// `create`, `update`, `rightsupdate`, `accesspackageupdate` or `delete`.
    pub change_type: String,
    /// What was sent, in the spelling of the public system's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChangedData>)]
    pub changed_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    pub created: String,
}

/// Answer to a change that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Succeeded)]
pub struct SuccessAnswer {
    /// Always true.
    pub succeeded: bool,
}

/// Vendor of a system, on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub struct VendorInfo {
    /// `0192:{organisation number}`
    #[serde(rename = "ID")]
    pub id: String,
}

/// A system as its vendor sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "members of the wire model")]
pub struct RegisteredSystem {
    pub id: String,
    pub vendor: VendorInfo,
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub name: Value,
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub description: Value,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub is_deleted: bool,
    pub client_id: Vec<String>,
    pub is_visible: bool,
    pub allowed_redirect_urls: Vec<String>,
}

impl RegisteredSystem {
    /// The vendor's view of a system.
    #[must_use]
    pub fn new(system: System, client_id: Vec<String>) -> Self {
        Self {
            id: system.id,
            vendor: VendorInfo {
                id: format!("0192:{}", system.vendor_org),
            },
            name: system.name,
            description: system.description,
            rights: system.rights,
            access_packages: system.access_packages,
            is_deleted: system.is_deleted,
            client_id,
            is_visible: system.is_visible,
            allowed_redirect_urls: system.redirect_urls,
        }
    }
}

/// A system as portals see it, and as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemDto {
    pub system_id: String,
    pub system_vendor_org_number: String,
    /// Always empty: readers look the name up themselves.
    pub system_vendor_org_name: String,
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub name: Value,
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub description: Value,
    pub rights: Vec<Right>,
    pub access_packages: Vec<AccessPackage>,
    pub is_visible: bool,
}

impl From<System> for SystemDto {
    fn from(system: System) -> Self {
        Self {
            system_id: system.id,
            system_vendor_org_number: system.vendor_org,
            system_vendor_org_name: String::new(),
            name: system.name,
            description: system.description,
            rights: system.rights,
            access_packages: system.access_packages,
            is_visible: system.is_visible,
        }
    }
}

/// A system to be registered, or as it shall be from now on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "390198116_fjordlonn-eksempel",
    "vendor": {"ID": "0192:390198116"},
    "name": {"nb": "Fjordlønn", "nn": "Fjordløn", "en": "Fjordlønn"},
    "description": {"nb": "Lønn for små bedrifter", "nn": "Løn for små bedrifter", "en": "Payroll for small firms"},
    "rights": [{"resource": [{"id": "urn:altinn:resource", "value": "inntektsmelding"}]}],
    "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}, {"urn": "urn:altinn:accesspackage:lonn"}],
    "clientId": ["6f1c1f0e-9f5b-4a35-9d3f-0d3c5a0f6f2b"],
    "allowedRedirectUrls": ["https://fjordlonn.example/kvittering"],
    "isVisible": true
}))]
pub struct SystemBody {
    /// The vendor's organisation number, `_`, and a name of the vendor's own. No spaces.
    pub id: String,
    /// The vendor.
    pub vendor: VendorInfo,
    /// Name by language: `nb`, `nn` and `en`.
    pub name: BTreeMap<String, String>,
    /// What the system is for, by language.
    pub description: BTreeMap<String, String>,
    /// Single rights that the system may ask for.
    #[serde(default)]
    pub rights: Vec<Right>,
    /// Access packages that the system may ask for.
    #[serde(default)]
    pub access_packages: Vec<AccessPackage>,
    /// Clients at Maskinporten that may have tokens for the system's users.
    #[serde(default)]
    pub client_id: Vec<String>,
    /// Where customers may be sent back to: `https` alone.
    #[serde(default)]
    pub allowed_redirect_urls: Vec<String>,
    /// Whether customers may choose the system themselves. `true` when left out.
    #[serde(default)]
    pub is_visible: bool,
}

/// What of a system a change log entry keeps, in the spelling of the public system's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedSystem {
    /// Id of the system.
    pub id: String,
    /// Name by language.
    pub name: BTreeMap<String, Option<String>>,
    /// Single rights.
    pub rights: Vec<LoggedItem>,
    /// The vendor.
    pub vendor: VendorInfo,
    /// Clients at Maskinporten.
    pub client_id: Vec<String>,
    /// Whether customers may choose the system themselves.
    pub is_visible: bool,
    /// What the system is for, by language.
    pub description: BTreeMap<String, Option<String>>,
    /// Access packages.
    pub access_packages: Vec<LoggedItem>,
    /// Where customers may be sent back to.
    pub allowed_redirect_urls: Vec<String>,
}

/// A right or an access package, in the spelling of the public system's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedItem {
    /// Of a right: free text.
    pub action: Option<String>,
    /// Of a right: usually one pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Vec<AttributePair>>,
    /// Of an access package: its URN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urn: Option<String>,
}

/// What was sent: a system, rights or access packages, by the kind of change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangedData {
    /// Of `create` and `update`.
    System(Box<LoggedSystem>),
    /// Of `rightsupdate` and `accesspackageupdate`.
    List(Vec<LoggedItem>),
}
