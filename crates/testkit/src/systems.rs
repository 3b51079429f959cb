//! Systems, system users and requests of the universe.

use std::borrow::Cow;

use crate::organizations::{
    FJORDLONN, GAARDSTUN, GRANSKEREN, HAVBLIKK, LYNGMARK, NATTERGAL, Organization, SKYREGNSKAP,
    TALLKNUSEREN, TINDEVANDRER,
};

/// A system in the system register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System {
    /// System id.
    pub id: &'static str,
    /// Its vendor.
    pub vendor: Organization,
    /// Its client at Maskinporten.
    pub client: &'static str,
}

/// Fjordlønn's payroll system.
pub const FJORDLONN_SYSTEM: System = System {
    id: "390198116_fjordlonn",
    vendor: FJORDLONN,
    client: "08b08038-be28-511d-9ee8-c25fec65e65e",
};
/// Fjordlønn's older system, which is deleted.
pub const FJORDLONN_DELETED_SYSTEM: System = System {
    id: "390198116_fjordlonn_klassisk",
    vendor: FJORDLONN,
    client: "97cd25d0-3f2d-55cd-93d3-9a0d1dc193a0",
};
/// Skyregnskap's system for companies.
pub const SKYREGNSKAP_SYSTEM: System = System {
    id: "390184387_skyregnskap",
    vendor: SKYREGNSKAP,
    client: "600a4c3c-20b5-5b52-a2a0-e5f5e6d37d5f",
};
/// Skyregnskap's system for accountants and auditors, whose system users are agents.
pub const SKYREGNSKAP_BYRA: System = System {
    id: "390184387_skyregnskap_byra",
    vendor: SKYREGNSKAP,
    client: "38d3e084-f613-525a-9ec5-b8228a9f1ff1",
};
/// Havblikk's system for business managers, whose system users are agents.
pub const HAVBLIKK_SYSTEM: System = System {
    id: "390211848_havblikk",
    vendor: HAVBLIKK,
    client: "3a3056e7-6f9c-5f03-be19-4c38a840ddab",
};
/// A system of Fjordlønn that does not exist.
pub const UNKNOWN_SYSTEM: System = System {
    id: "390198116_finnes-ikke",
    vendor: FJORDLONN,
    client: "00000000-0000-0000-0000-000000000003",
};

/// A system user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// Its id.
    pub id: Cow<'static, str>,
    /// Whom it belongs to.
    pub owner: Organization,
}

const fn seeded(id: &'static str, owner: Organization) -> SystemUser {
    SystemUser {
        id: Cow::Borrowed(id),
        owner,
    }
}

/// Nattergal's at Skyregnskap: three packages and the right [`crate::packages::ARBEIDSTRENING_AVTALE`].
pub static NATTERGAL_USER: SystemUser = seeded("615a6590-e017-589b-b3e6-1ebeeb860284", NATTERGAL);
/// Tindevandrer's at Fjordlønn: [`crate::packages::A_ORDNING`] and [`crate::packages::LONN`].
pub static TINDEVANDRER_USER: SystemUser =
    seeded("3f794e70-3593-53d5-8174-1a3371cf43dc", TINDEVANDRER);
/// Lyngmark's at Fjordlønn: one single right, and an external reference of its own.
pub static LYNGMARK_USER: SystemUser = seeded("4f60b84c-9a42-59ac-88a5-ed7bbfb5c34c", LYNGMARK);
/// Agent of Tallknuseren for Nattergal and Keramikk.
pub static TALLKNUSEREN_AGENT: SystemUser =
    seeded("05042226-1aa3-5372-87bc-b03f76163fdf", TALLKNUSEREN);
/// Agent of Granskeren for Solbakken.
pub static GRANSKEREN_AGENT: SystemUser =
    seeded("a4cad1ef-0fb8-5c0e-a223-d3cf0e3165ec", GRANSKEREN);
/// Agent of Gårdstun for Solbakken and Utsikten.
pub static GAARDSTUN_AGENT: SystemUser = seeded("1fac451a-f998-509d-aeac-f6a9e0b7542a", GAARDSTUN);

impl SystemUser {
    /// Path under which its owner reads and deletes it.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "/authentication/api/v1/systemuser/{}/{}",
            self.owner.party, self.id
        )
    }

    /// The same system user, addressed as if it belonged to another organisation.
    #[must_use]
    pub fn as_if_owned_by(&self, owner: Organization) -> Self {
        Self {
            id: self.id.clone(),
            owner,
        }
    }
}
