//! Single rights: what decides when no rule of the policy does.

use super::{
    Decided, DecisionReason, Fault, PartialRequest, Pdp,
    attributes::Attributes,
    decided::DecidedBy,
    memory::{HeldRight, Pair},
    question::{Question, Who},
};
use foundation::db::DbError;
use registers::{
    parties::{self, Party, PartyKind, SubUnitQuestion, rules},
    resources::Resource,
};
use xacml::{Decision, ids};

/// Whether single rights count for a subject that is named so, about this reportee.
pub(super) fn may_decide(who: Who, pair: &Pair, reportee: &Party) -> bool {
    let Some(subject) = pair.subject.as_ref().filter(|subject| !subject.is_gone()) else {
        return false;
    };
    let is_holder = match who {
        Who::SystemUser(_) => true,
        Who::NationalId | Who::Party => match subject.kind {
            PartyKind::Person | PartyKind::Organization => true,
            PartyKind::SystemUser | PartyKind::Other => false,
        },
        // A person has them by a name of the person alone, not by the party id.
        Who::PartyId | Who::Other => subject.kind == PartyKind::Organization,
    };
    is_holder && reportee.party_id.is_some() && !reportee.is_gone()
}

/// The right to this action on this resource, with every further attribute that it asks for.
pub(super) fn matching<'r>(
    rights: impl IntoIterator<Item = &'r HeldRight>,
    resource: &Resource,
    action: &str,
    attributes: &Attributes<'_>,
) -> Option<&'r HeldRight> {
    let mut of_this = rights
        .into_iter()
        .filter(|held| held.right.resource == resource.identifier && held.right.action == action);
    of_this.find(|held| {
        held.right.further.iter().all(|(id, value)| {
            attributes
                .texts(ids::RESOURCE, id)
                .any(|text| text == value.as_str())
        })
    })
}

impl Decided {
    /// Permits by a single right.
    pub(super) fn permit_by(&mut self, held: &HeldRight) {
        self.decision = Decision::Permit;
        self.reason = DecisionReason::SingleRight;
        self.by = held
            .right
            .assignment
            .map(|assignment| DecidedBy::SingleRight {
                assignment,
                key_role: held.key_role,
            });
    }
}

impl Pdp {
    /// Looks for rights that reach a person through sub-units, where nothing nearer decided: in one
    /// round trip for all decisions of a call.
    ///
    /// # Errors
    /// The facts cannot be had.
    pub(super) async fn look_in_sub_units(
        &self,
        questions: &[Result<Question<'_>, Fault>],
        requests: &[PartialRequest<'_>],
        all: &mut [Decided],
    ) -> Result<(), DbError> {
        let mut places = Vec::new();
        let mut asked = Vec::new();
        for (place, decided) in all.iter().enumerate() {
            if decided.looks_in_sub_units
                && let Ok(question) = &questions[place]
                && let Some(question) = sub_unit_question(question, decided)
            {
                places.push(place);
                asked.push(question);
            }
        }
        let mut db = self.db.acquire().await?;
        let found = parties::rights_of_sub_units(&mut db, &asked).await?;
        for (number, connection) in found {
            let place = places[number];
            let (Ok(question), decided) = (&questions[place], &mut all[place]) else {
                continue;
            };
            let (Some(resource), Some(pair)) = (decided.resource.clone(), decided.pair.clone())
            else {
                continue;
            };
            let rights: Vec<HeldRight> = rules::single_rights(
                &self.catalogue,
                PartyKind::Person,
                std::slice::from_ref(&connection),
            )
            .map(HeldRight::from)
            .collect();
            let mut attributes = Attributes::of(&requests[place], question);
            attributes.complete_resource(&question.resource);
            let action = question.action().unwrap_or_default();
            if decided.decision != Decision::Permit
                && let Some(right) = matching(&rights, &resource, action, &attributes)
            {
                decided.permit_by(right);
                decided.settle_permit(&resource, &pair, action);
            }
        }
        Ok(())
    }
}

/// What is looked for in sub-units.
fn sub_unit_question<'q>(
    question: &Question<'q>,
    decided: &'q Decided,
) -> Option<SubUnitQuestion<'q>> {
    let pair = decided.pair.as_ref()?;
    Some(SubUnitQuestion {
        person: pair.subject.as_ref()?.key,
        reportee: pair.reportee.as_ref()?.party.key,
        resource: Some(&decided.resource.as_ref()?.identifier),
        action: Some(question.action()?),
    })
}
