//! Finding a person by identity number and last name. A caller that names nobody too often must wait:
//! the look-up must not become a way to find out who has a number.

mod bind;
mod rules;
mod store;

pub use bind::{PersonInput, bind_person};

use foundation::{config::Access, db::repeat_on_conflict, ids::NationalId};
use registers::parties::{self, Party, PartyKind};
use uuid::Uuid;

use crate::{
    AccessManagement,
    errors::{AccessError, AccessResult, Invalid, InvalidCode},
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
            let finding = Invalid::new(InvalidCode::Required, "", "params", text);
            return Err(finding
                .at([query.as_str(), "/PersonIdentifier", "/LastName"])
                .into());
        };
        input.must_be_complete()?;
        let settings = &self.config.settings.access;
        let mut db = self.db.acquire().await?;
        if let Some(seconds) = store::locked_for(&mut db, caller, settings).await? {
            return Err(AccessError::TooManyLookups(seconds));
        }
        let found = match NationalId::parse(input.person_identifier.trim()) {
            Ok(id) => parties::party_by_national_id(&mut db, &self.identity, &id).await?,
            // Whatever else it is, it is a user name, and nobody has one here.
            Err(_) => None,
        };
        if let Some(person) = found.filter(|p| p.kind == PartyKind::Person && !p.is_gone())
            && let Some(name) = store::last_name(&mut db, person.key).await?
            && rules::is_last_name(&name, &input.last_name)
        {
            return Ok(person);
        }
        drop(db);
        self.count_failure(caller, settings).await?;
        let text = "PersonInput details must match";
        let finding = Invalid::new(InvalidCode::PersonNotFound, "", "personInput", text);
        Err(finding.at(["/PersonIdentifier", "/LastName"]).into())
    }

    async fn count_failure(&self, caller: Uuid, settings: &Access) -> AccessResult<()> {
        repeat_on_conflict(|| async {
            let mut db = self.db.acquire().await?;
            Ok::<_, AccessError>(store::count_failure(&mut db, caller, settings).await?)
        })
        .await
    }
}
