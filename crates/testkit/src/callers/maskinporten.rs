//! Maskinporten: it looks system users up.

use crate::{
    answer::Answer,
    app::TestApp,
    caller::Caller,
    organizations::{DIGDIR, Organization},
    scopes::LOOKUP,
    systems::System,
};

/// Where Maskinporten looks system users up.
pub const LOOKUP_PATH: &str = "/authentication/api/v1/systemuser/byExternalId";

/// The kind of Maskinporten.
#[derive(Debug, Clone, Copy)]
pub struct Maskinporten;

/// Maskinporten, when it calls.
pub type MaskinportenCaller<'a> = Caller<'a, Maskinporten>;

impl<'a> Caller<'a, Maskinporten> {
    /// Maskinporten, run by Digitaliseringsdirektoratet.
    #[must_use]
    pub fn maskinporten(app: &'a TestApp) -> Self {
        Self::of_organization(app, DIGDIR)
    }

    /// Another organisation that may look system users up.
    #[must_use]
    pub fn of_organization(app: &'a TestApp, organization: Organization) -> Self {
        Caller::organization(app, organization, LOOKUP).with_kind(Maskinporten)
    }

    /// Looks up the system user of an owner at a system.
    pub async fn looks_up(&self, system: System, owner: Organization) -> Answer {
        self.looks_up_by(&[
            ("clientId", system.client),
            ("systemProviderOrgNo", system.vendor.number),
            ("systemUserOwnerOrgNo", owner.number),
        ])
        .await
    }

    /// Looks up by parameters of the test's choice.
    pub async fn looks_up_by(&self, parameters: &[(&str, &str)]) -> Answer {
        let query: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.get(&format!("{LOOKUP_PATH}?{}", query.join("&")))
            .await
    }
}
