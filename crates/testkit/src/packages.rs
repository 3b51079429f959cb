//! Access packages and resources of the universe, by name.

use serde_json::{Value, json};

/// An access package; its name is the last part of its URN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package(pub &'static str);

impl Package {
    /// `urn:altinn:accesspackage:` and the name.
    #[must_use]
    pub fn urn(self) -> String {
        format!("urn:altinn:accesspackage:{}", self.0)
    }
}

/// A resource of the resource registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource(pub &'static str);

/// Packages as bodies list them.
#[must_use]
pub fn packages(list: impl IntoIterator<Item = Package>) -> Value {
    list.into_iter()
        .map(|package| json!({"urn": package.urn()}))
        .collect()
}

/// Single rights as bodies list them.
#[must_use]
pub fn rights(list: impl IntoIterator<Item = Resource>) -> Value {
    list.into_iter()
        .map(|resource| json!({"resource": [{"id": "urn:altinn:resource", "value": resource.0}]}))
        .collect()
}

/// No packages; `[]` alone has no type.
pub const NO_PACKAGES: [Package; 0] = [];

/// Employers' returns. Fjordlønn offers it.
pub const A_ORDNING: Package = Package("a-ordning");
/// Payroll. Fjordlønn offers it.
pub const LONN: Package = Package("lonn");
/// Sick leave. Fjordlønn offers it.
pub const SYKEFRAVAER: Package = Package("sykefravaer");
/// Pensions. Fjordlønn offers it.
pub const PENSJON: Package = Package("pensjon");
/// Business taxes. Skyregnskap offers it.
pub const SKATT_NAERING: Package = Package("skatt-naering");
/// Value added tax. Skyregnskap offers it.
pub const MERVERDIAVGIFT: Package = Package("merverdiavgift");
/// Accountants with the right to sign; for agents.
pub const REGNSKAPSFORER_MED_SIGNERING: Package = Package("regnskapsforer-med-signeringsrettighet");
/// Accountants' payroll; for agents.
pub const REGNSKAPSFORER_LONN: Package = Package("regnskapsforer-lonn");
/// Responsible auditors; for agents.
pub const ANSVARLIG_REVISOR: Package = Package("ansvarlig-revisor");
/// Access managers; held by persons alone.
pub const TILGANGSSTYRER: Package = Package("tilgangsstyrer");
/// A package that no seeded system offers.
pub const JORDBRUK: Package = Package("jordbruk");
/// Another package that no seeded system offers.
pub const FISKE: Package = Package("fiske");
/// A package that does not exist.
pub const UNKNOWN_PACKAGE: Package = Package("finnes-ikke");

/// Employers' monthly return, of `sav`: write with [`A_ORDNING`] or [`LONN`].
pub const A_MELDING: Resource = Resource("a-melding");
/// VAT return, of `sav`.
pub const MVA_MELDING: Resource = Resource("mva-melding");
/// Income statement, of `aye`. A single right that Fjordlønn offers.
pub const INNTEKTSMELDING: Resource = Resource("inntektsmelding");
/// Agreements on work training, of `aye`. Reached by single right alone.
pub const ARBEIDSTRENING_AVTALE: Resource = Resource("arbeidstrening-avtale");
/// Claims and payments, of `sav`. A single right that Skyregnskap offers.
pub const KRAVOGBETALING: Resource = Resource("kravogbetaling");
/// A resource that does not exist.
pub const UNKNOWN_RESOURCE: Resource = Resource("finnes-ikke");
