//! Files of an operator: each holds some parts of the catalogue.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::{CataloguePackage, CatalogueTexts, WholeCatalogue};

/// Greatest size of a file.
pub const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A file with its name.
#[derive(Debug, Clone)]
pub struct CatalogueFile {
    /// As the operator named it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Members that the shipped files have in addition to the parts.
const PASSED_OVER: [&str; 2] = ["source", "counts"];

/// What files make of a catalogue.
#[derive(Debug, Default)]
pub(super) struct MergedCatalogue {
    pub whole: WholeCatalogue,
    pub faults: Vec<String>,
    pub warnings: Vec<String>,
}

/// Puts the parts that files hold in the place of those of `stored`.
pub(super) fn merge(stored: &WholeCatalogue, files: &[CatalogueFile]) -> MergedCatalogue {
    let mut merged = MergedCatalogue {
        whole: stored.clone(),
        ..MergedCatalogue::default()
    };
    let mut seen: Vec<String> = Vec::new();
    for file in files {
        let members = match serde_json::from_slice(&file.bytes) {
            Ok(Value::Object(members)) => members,
            Ok(_) => {
                merged
                    .faults
                    .push(format!("{}: it is no object", file.name));
                continue;
            }
            Err(error) => {
                merged.faults.push(format!("{}: {error}", file.name));
                continue;
            }
        };
        for (name, value) in members {
            if PASSED_OVER.contains(&name.as_str()) {
                continue;
            }
            if seen.contains(&name) {
                let fault = format!("{}: {name} is in another file too", file.name);
                merged.faults.push(fault);
                continue;
            }
            merged.place(file, &name, value);
            seen.push(name);
        }
    }
    for package in &mut merged.whole.packages {
        if package.code.is_empty() {
            package.code = package.value().to_owned();
        }
    }
    merged.warn_of_missing_texts(&seen);
    merged
}

impl MergedCatalogue {
    fn place(&mut self, file: &CatalogueFile, name: &str, value: Value) {
        let whole = &mut self.whole;
        let faults = &mut self.faults;
        match name {
            "entityTypes" => read(file, name, value, &mut whole.entity_types, faults),
            "providers" => read(file, name, value, &mut whole.providers, faults),
            "variants" => read(file, name, value, &mut whole.variants, faults),
            "roles" => read(file, name, value, &mut whole.roles, faults),
            "roleMap" => read(file, name, value, &mut whole.role_map, faults),
            "areaGroups" => read(file, name, value, &mut whole.area_groups, faults),
            "areas" => read(file, name, value, &mut whole.areas, faults),
            "packages" => {
                let mut packages: Vec<CataloguePackage> = Vec::new();
                read(file, name, value, &mut packages, faults);
                for package in &mut packages {
                    package.retired = false;
                }
                whole.packages = packages;
            }
            "rolePackages" => read(file, name, value, &mut whole.role_packages, faults),
            _ => self
                .warnings
                .push(format!("{}: {name} is no part of a catalogue", file.name)),
        }
    }

    fn warn_of_missing_texts(&mut self, seen: &[String]) {
        let whole = &self.whole;
        let roles = whole.roles.iter().map(|one| (&*one.urn, &one.name));
        let packages = whole.packages.iter().map(|one| (&*one.urn, &one.name));
        let areas = whole.areas.iter().map(|one| (&*one.urn, &one.name));
        let groups = whole.area_groups.iter().map(|one| (&*one.key, &one.name));
        let forms = whole.variants.iter().map(|one| (&*one.code, &one.name));
        let named: [(&str, Vec<(&str, &CatalogueTexts)>); 5] = [
            ("roles", roles.collect()),
            ("packages", packages.collect()),
            ("areas", areas.collect()),
            ("areaGroups", groups.collect()),
            ("variants", forms.collect()),
        ];
        for (part, elements) in named {
            if !seen.iter().any(|name| name == part) {
                continue;
            }
            for (name, texts) in elements {
                for (language, text) in [("nn", &texts.nn), ("en", &texts.en)] {
                    if text.is_empty() {
                        self.warnings.push(format!(
                            "{part}: {name} has no name in {language}; that in nb is used"
                        ));
                    }
                }
            }
        }
    }
}

/// Reads the elements of a part one by one, so that each fault names its element.
fn read<T: DeserializeOwned>(
    file: &CatalogueFile,
    part: &str,
    value: Value,
    place: &mut Vec<T>,
    faults: &mut Vec<String>,
) {
    let Value::Array(elements) = value else {
        faults.push(format!("{}: {part} is no list", file.name));
        return;
    };
    place.clear();
    for (number, element) in elements.into_iter().enumerate() {
        match serde_json::from_value(element) {
            Ok(element) => place.push(element),
            Err(error) => faults.push(format!("{}: {part}[{number}]: {error}", file.name)),
        }
    }
}
