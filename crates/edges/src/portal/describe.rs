//! Putting names to ids, in the language of the page.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum_extra::extract::cookie::CookieJar;
use http::request::Parts;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::openapi::path::Operation;

use super::model::{PackageItem, SystemRef, resource_item};
use foundation::{
    db::DbError,
    http::{
        Language,
        describe::{self, DescribeInput},
    },
};
use registers::{packages::CatalogueMetadata, parties, resources};
use system_users::systems::{self, AccessPackage, Right, System};

/// The language of the cookie that Altinn's pages share, else Bokmål.
#[derive(Debug, Clone, Copy)]
pub struct PageLanguage(Language);

impl<S: Sync> FromRequestParts<S> for PageLanguage {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let jar = CookieJar::from_headers(&parts.headers);
        Ok(Self(
            jar.get("selectedLanguage")
                .and_then(|c| Language::from_cookie(c.value()))
                .unwrap_or(Language::Nb),
        ))
    }
}

impl PageLanguage {
    /// The language.
    #[must_use]
    pub const fn language(self) -> Language {
        self.0
    }
}

/// Names in a language.
pub struct Describer<'a> {
    /// Texts of packages.
    pub metadata: &'a CatalogueMetadata,
    /// The language.
    pub language: Language,
    /// Systems that were asked for before.
    known: HashMap<String, SystemRef>,
}

impl<'a> Describer<'a> {
    /// Names in the language of a page.
    #[must_use]
    pub fn new(metadata: &'a CatalogueMetadata, language: PageLanguage) -> Self {
        Self {
            metadata,
            language: language.0,
            known: HashMap::new(),
        }
    }

    /// A system by its id, with names. One that is gone keeps its id.
    pub async fn system(&mut self, db: &mut PgConnection, id: &str) -> Result<SystemRef, DbError> {
        if let Some(known) = self.known.get(id) {
            return Ok(known.clone());
        }
        let found = match systems::by_id(&mut *db, id).await? {
            Some(system) => self.systems(db, &[system]).await?.pop(),
            None => None,
        };
        let found = found.unwrap_or_else(|| SystemRef {
            system_id: id.to_owned(),
            name: id.to_owned(),
            ..SystemRef::default()
        });
        self.known.insert(id.to_owned(), found.clone());
        Ok(found)
    }

    /// Systems, with names, in their order.
    pub async fn systems(
        &self,
        db: &mut PgConnection,
        systems: &[System],
    ) -> Result<Vec<SystemRef>, DbError> {
        let vendors: Vec<String> = systems.iter().map(|s| s.vendor_org.clone()).collect();
        let names = parties::names_of_organizations(db, &vendors).await?;
        let described = |system: &System| SystemRef {
            system_vendor_org_name: names.get(&system.vendor_org).cloned().unwrap_or_default(),
            name: system
                .name_in(self.language.code())
                .unwrap_or(&system.id)
                .to_owned(),
            system_id: system.id.clone(),
            system_vendor_org_number: system.vendor_org.clone(),
        };
        Ok(systems.iter().map(described).collect())
    }

    /// The resources of rights, in their order. One that the registry does not know is left out.
    pub async fn resources(
        &self,
        db: &mut PgConnection,
        rights: &[Right],
    ) -> Result<Vec<Value>, DbError> {
        let ids: Vec<String> = rights
            .iter()
            .filter_map(|r| r.resource_id().map(str::to_owned))
            .collect();
        let documents = resources::names(db, &ids).await?;
        Ok(ids
            .iter()
            .filter_map(|id| documents.get(id))
            .map(|d| resource_item(d, self.language))
            .collect())
    }

    /// Packages with what they lead to, in their order. One that the catalogue does not know is
    /// left out.
    pub async fn packages(
        &self,
        db: &mut PgConnection,
        packages: &[AccessPackage],
    ) -> Result<Vec<PackageItem>, DbError> {
        let mut out = Vec::with_capacity(packages.len());
        for package in packages {
            let Some(found) = self.metadata.package_by_urn(&package.urn, self.language) else {
                continue;
            };
            let documents = resources::naming(&mut *db, &found.urn).await?;
            out.push(PackageItem::new(
                found,
                documents
                    .iter()
                    .map(|d| resource_item(d, self.language))
                    .collect(),
            ));
        }
        Ok(out)
    }
}

impl DescribeInput for PageLanguage {
    fn describe(operation: &mut Operation) {
        describe::cookie(
            operation,
            "selectedLanguage",
            "Language of the names: `no_nb`, `no_nn` or `en`. `no_nb` when it is left out.",
        );
    }
}
