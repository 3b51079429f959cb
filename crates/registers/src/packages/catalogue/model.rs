//! The elements of the catalogue, as files hold them.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::super::store::{PACKAGES, ROLE_PACKAGES, ROLES, VARIANTS};

/// A text in the three languages. One that is missing is that in Bokmål.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueTexts {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nb: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nn: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub en: String,
}

/// A kind of party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntityType {
    pub id: Uuid,
    pub key: String,
    pub name: CatalogueTexts,
}

/// Where roles and packages come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueProvider {
    pub id: Uuid,
    pub code: String,
    pub name: String,
}

/// An organisation form, or another variant of a kind of party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueVariant {
    pub id: Uuid,
    pub code: String,
    pub entity_type: String,
    pub name: CatalogueTexts,
    #[serde(default)]
    pub is_sub_unit: bool,
    /// Codes of the roles that occur with it.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueRole {
    pub id: Uuid,
    pub code: String,
    pub urn: String,
    pub name: CatalogueTexts,
    pub provider: String,
    pub entity_type: String,
    #[serde(rename = "isKeyRole")]
    pub is_key: bool,
    #[serde(default)]
    pub description: CatalogueTexts,
    #[serde(default)]
    pub legacy_code: Option<String>,
    #[serde(default)]
    pub legacy_urn: Option<String>,
    #[serde(default)]
    pub register_code: Option<String>,
    #[serde(default)]
    pub is_assignable: bool,
    #[serde(default)]
    pub is_available_for_service_owners: bool,
}

/// Who holds the one role holds the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpliedRole {
    pub has: String,
    pub gets: String,
}

/// A group of areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AreaGroup {
    pub id: Uuid,
    pub key: String,
    pub name: CatalogueTexts,
    pub entity_type: String,
    #[serde(default)]
    pub description: CatalogueTexts,
}

/// An area of packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueArea {
    pub id: Uuid,
    pub urn: String,
    pub name: CatalogueTexts,
    /// Key of its group.
    pub group: String,
    #[serde(default)]
    pub description: CatalogueTexts,
    /// Name of a file.
    #[serde(default)]
    pub icon: Option<String>,
    /// Absolute.
    #[serde(default)]
    pub icon_url: Option<String>,
}

/// An access package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CataloguePackage {
    pub id: Uuid,
    pub urn: String,
    /// The end of its URN, unless it was stored with another one.
    #[serde(default)]
    pub code: String,
    pub name: CatalogueTexts,
    #[serde(default)]
    pub description: CatalogueTexts,
    pub entity_type: String,
    /// URN of its area.
    pub area: String,
    #[serde(default = "own_provider")]
    pub provider: String,
    pub is_delegable: bool,
    pub is_assignable: bool,
    pub is_available_for_service_owners: bool,
    /// No file sets it: the package went missing while it was in use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

fn own_provider() -> String {
    "sys-altinn3".to_owned()
}

impl CataloguePackage {
    /// The end of its URN.
    #[must_use]
    pub fn value(&self) -> &str {
        self.urn.rsplit(':').next().unwrap_or_default()
    }
}

/// A package that a role gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueRolePackage {
    /// Code of the role.
    pub role: String,
    /// URN of the package.
    pub package: String,
    /// Only for givers of this form.
    #[serde(default)]
    pub variant: Option<String>,
    pub has_access: bool,
    pub can_delegate: bool,
    #[serde(default)]
    pub can_assign: bool,
}

/// A whole catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "parts of the files")]
pub struct WholeCatalogue {
    pub entity_types: Vec<CatalogueEntityType>,
    pub providers: Vec<CatalogueProvider>,
    pub variants: Vec<CatalogueVariant>,
    pub roles: Vec<CatalogueRole>,
    pub role_map: Vec<ImpliedRole>,
    pub area_groups: Vec<AreaGroup>,
    pub areas: Vec<CatalogueArea>,
    pub packages: Vec<CataloguePackage>,
    pub role_packages: Vec<CatalogueRolePackage>,
}

impl WholeCatalogue {
    /// The catalogue that comes with this program.
    ///
    /// # Errors
    /// One of its files is not as it should be.
    pub fn shipped() -> anyhow::Result<Self> {
        let mut members = serde_json::Map::new();
        for (file, names) in [
            (ROLES, &["entityTypes", "providers", "roles", "roleMap"][..]),
            (PACKAGES, &["areaGroups", "areas", "packages"]),
            (ROLE_PACKAGES, &["rolePackages"]),
            (VARIANTS, &["variants"]),
        ] {
            let mut whole: Value = serde_json::from_str(file)?;
            for name in names {
                let part = whole.get_mut(name).map(Value::take);
                members.insert((*name).to_owned(), part.unwrap_or_default());
            }
        }
        Ok(serde_json::from_value(Value::Object(members))?)
    }

    /// As it is stored.
    ///
    /// # Errors
    /// None that is known: texts and flags can be written.
    pub fn document(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    /// A hash of all of it.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub fn sha256(&self) -> serde_json::Result<[u8; 32]> {
        let bytes = serde_json::to_vec(self)?;
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_read_as_its_files_have_it() {
        let whole = WholeCatalogue::shipped().unwrap();
        assert_eq!(
            (whole.packages.len(), whole.role_packages.len()),
            (223, 1285)
        );
        let again: WholeCatalogue = serde_json::from_value(whole.document().unwrap()).unwrap();
        assert_eq!(again, whole);
        assert_eq!(again.sha256().unwrap(), whole.sha256().unwrap());
    }
}
