//! Finding a person by identity number and last name. A caller that names unknown persons too often
//! must wait: the look-up must not become a way to find out who has a number. Those of system users
//! count for their owner and their vendor too.

mod bind;
mod model;
mod rules;
mod store;

pub use bind::{PersonInput, bind_person};

use foundation::{db::repeat_on_conflict, ids::NationalId};
use registers::parties::{self, Party, PartyKind};
use system_users::users;
use uuid::Uuid;

use self::model::Organizations;
use crate::{
    AccessManagement,
    errors::{AccessError, AccessResult, InvalidCode, InvalidInput},
};

impl AccessManagement {
    /// The person that a caller describes, in place of the uuid of the query parameter `named`.
    ///
    /// # Errors
    /// 400 for what is missing and for a person who is not found, 429 when the caller failed too
    /// often.
    pub async fn person_described(
        &self,
        caller: Uuid,
        input: Option<&PersonInput>,
        named: &str,
    ) -> AccessResult<Party> {
        let Some(input) = input else {
            let text = format!(
                "Invalid combination of params. Either 'QUERY/{named}' must be set or '/PersonIdentifier' and '/LastName'."
            );
            let query = format!("QUERY/{named}");
            let finding = InvalidInput::new(InvalidCode::Required, "", "params", text);
            return Err(finding
                .at([query.as_str(), "/PersonIdentifier", "/LastName"])
                .into());
        };
        input.must_be_complete()?;
        self.find_person(caller, input).await?.ok_or_else(|| {
            let text = "PersonInput details must match";
            let finding = InvalidInput::new(InvalidCode::PersonNotFound, "", "personInput", text);
            finding.at(["/PersonIdentifier", "/LastName"]).into()
        })
    }

    /// The person whom a caller describes, when there is one.
    ///
    /// # Errors
    /// 429 when the caller failed too often.
    pub async fn find_person(
        &self,
        caller: Uuid,
        input: &PersonInput,
    ) -> AccessResult<Option<Party>> {
        repeat_on_conflict(|| self.look_up_once(caller, input)).await
    }

    /// The person, or a failure more. Calls of one caller take turns, so that none looks a person
    /// up before the failures of the others are counted.
    async fn look_up_once(&self, caller: Uuid, input: &PersonInput) -> AccessResult<Option<Party>> {
        let settings = &self.config.settings.access;
        let mut tx = self.db.begin().await?;
        store::lock_caller(&mut tx, caller).await?;
        if let Some(seconds) = store::locked_for(&mut tx, caller, settings).await? {
            return Err(AccessError::TooManyLookups(seconds));
        }
        // An organisation with many system users may not guess more often for that.
        let user = users::by_id(&mut tx, caller).await?;
        let behind = user.as_ref().map(Organizations::of);
        if let Some(behind) = &behind {
            store::lock_organizations(&mut tx, behind).await?;
            let locked = store::organizations_locked_for(&mut tx, behind, settings).await?;
            if let Some(seconds) = locked {
                return Err(AccessError::TooManyLookups(seconds));
            }
        }
        let found = match NationalId::parse(input.person_identifier.trim()) {
            Ok(id) => parties::party_by_national_id(&mut tx, &self.identity, &id).await?,
            // Whatever else it is, it is a user name, which no person has here.
            Err(_) => None,
        };
        if let Some(person) = found.filter(|p| p.kind == PartyKind::Person && !p.is_gone())
            && let Some(name) = store::last_name(&mut tx, person.key).await?
            && rules::is_last_name(&name, &input.last_name)
        {
            return Ok(Some(person));
        }
        store::count_failure(&mut tx, caller, settings).await?;
        if let Some(behind) = &behind {
            store::count_failure_of_organizations(&mut tx, behind, settings).await?;
        }
        foundation::db::commit(tx).await?;
        Ok(None)
    }
}
