//! Parties, persons and the relations between them: who exists, and who holds what for whom.

pub mod details;
mod identity;
mod model;
pub mod rekey;
pub mod rules;
pub mod service_owners;
mod standing;
mod store;
mod sub_unit_rights;

pub use details::{PartyDetails, PartyRef, keys};
pub use identity::{IdentityKeys, IdentityKeysError};
pub use model::{Connection, Party, PartyKind, PartyStatus, Person, SingleRight, Via};
pub use standing::{
    AccessListEntry, PartyLookupKey, Standing, SystemUserState, connections, standing, standings,
};
pub use store::{
    LoginPerson, NewPersonError, create_person, delete_dropped_persons, has_relation,
    names_of_organizations, party_by_id, party_by_key, party_by_national_id, party_by_org_number,
    party_by_user_id, party_by_uuid, person_named, persons_for_login, rename_system_user_party,
    service_owner_code, system_user_party,
};
pub use sub_unit_rights::{SubUnitQuestion, rights_of_sub_units};
