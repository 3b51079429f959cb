//! The application with all who call it.

use crate::{
    app::TestApp,
    caller::Caller,
    callers::{EndUserCaller, MaskinportenCaller, ServiceOwnerCaller, VendorCaller},
    organizations::{FJORDLONN, HAVBLIKK, NATTERGAL, Organization, SAV, SIFFERHJELP, SKYREGNSKAP},
    people::{BORGHILD, GRETE, JOSTEIN, MARIT, ODDNY, OLAV, Person, RANDI, STIAN, TORLEIF},
    requests::{RequestHandle, RequestKind},
};

/// The application under test on a database of its own, with its callers by name.
#[derive(Debug)]
pub struct World {
    /// The application.
    pub app: TestApp,
}

macro_rules! end_users {
    ($($name:ident = $person:ident, $about:literal;)*) => { $(
        #[doc = $about]
        #[must_use]
        pub fn $name(&self) -> EndUserCaller<'_> {
            self.person($person)
        }
    )* };
}

impl World {
    /// With the usual settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings as `section.key`.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self {
            app: TestApp::with(settings).await,
        }
    }

    /// Another instance of the application, on the same database.
    pub async fn another_instance(&self) -> Self {
        Self {
            app: TestApp::on(self.app.database.clone(), &[]).await,
        }
    }

    /// A vendor.
    #[must_use]
    pub fn vendor(&self, organization: Organization) -> VendorCaller<'_> {
        Caller::vendor(&self.app, organization)
    }

    /// The vendor of the payroll system.
    #[must_use]
    pub fn fjordlonn(&self) -> VendorCaller<'_> {
        self.vendor(FJORDLONN)
    }

    /// The vendor of the accounting systems.
    #[must_use]
    pub fn skyregnskap(&self) -> VendorCaller<'_> {
        self.vendor(SKYREGNSKAP)
    }

    /// The vendor of the housing system.
    #[must_use]
    pub fn havblikk(&self) -> VendorCaller<'_> {
        self.vendor(HAVBLIKK)
    }

    /// A person in the portal.
    #[must_use]
    pub fn person(&self, person: Person) -> EndUserCaller<'_> {
        Caller::end_user(&self.app, person)
    }

    end_users! {
        torleif = TORLEIF, "Director of Nattergal.";
        borghild = BORGHILD, "Access manager at Nattergal who holds `lonn` and `a-ordning`, not `pensjon`.";
        jostein = JOSTEIN, "Holds `lonn` at Nattergal and answers no request there; main administrator at Tindevandrer.";
        marit = MARIT, "Director of Tindevandrer.";
        oddny = ODDNY, "Owner of Keramikk. Has nothing to do with the others.";
        randi = RANDI, "Director of Tallknuseren.";
        stian = STIAN, "Client administrator at Tallknuseren.";
        olav = OLAV, "Owner of Sifferhjelp.";
        grete = GRETE, "Director of Gårdstun.";
    }

    /// A service owner.
    #[must_use]
    pub fn service_owner(&self, organization: Organization) -> ServiceOwnerCaller<'_> {
        Caller::service_owner(&self.app, organization)
    }

    /// The tax agency.
    #[must_use]
    pub fn sav(&self) -> ServiceOwnerCaller<'_> {
        self.service_owner(SAV)
    }

    /// Maskinporten.
    #[must_use]
    pub fn maskinporten(&self) -> MaskinportenCaller<'_> {
        Caller::maskinporten(&self.app)
    }

    /// An organisation with a token of these scopes, separated by spaces.
    #[must_use]
    pub fn organization(&self, organization: Organization, scopes: &str) -> Caller<'_> {
        Caller::organization(&self.app, organization, scopes)
    }

    /// A caller without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Caller<'_> {
        Caller::anonymous(&self.app)
    }

    /// A caller with a token that the test made.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Caller<'_> {
        Caller::bearer(&self.app, token)
    }

    /// The universe's open request of Fjordlønn to Nattergal.
    #[must_use]
    pub fn request_to_nattergal(&self) -> RequestHandle<'_> {
        RequestHandle {
            app: &self.app,
            id: "dd763c00-ef5a-51fc-9b94-33c923dbaf60".to_owned(),
            kind: RequestKind::Standard,
            vendor: FJORDLONN,
            customer: NATTERGAL,
        }
    }

    /// The universe's open request of Skyregnskap to Sifferhjelp, for an agent.
    #[must_use]
    pub fn agent_request_to_sifferhjelp(&self) -> RequestHandle<'_> {
        RequestHandle {
            app: &self.app,
            id: "d2028fcf-dbe6-5d3d-b2f8-c78f48978c8a".to_owned(),
            kind: RequestKind::Agent,
            vendor: SKYREGNSKAP,
            customer: SIFFERHJELP,
        }
    }
}
