//! Single rights: what decides when no rule of the policy does.

use std::collections::HashMap;

use super::{
    DecisionDetails, DecisionReason, PartialRequest, Pdp, RequestFault,
    attributes::PolicyAttributes,
    decided::DecisionBasis,
    memory::{HeldRight, PairFacts},
    question::{DecisionQuestion, QuestionSubject},
};
use foundation::db::DbError;
use registers::parties::{
    self, Party, PartyKind, SubUnitQuestion,
    rules::{self, ClientResources},
};
use xacml::{Decision, ids};

/// Whether single rights count for a subject that is named so, about this reportee.
pub(super) fn may_decide(who: QuestionSubject, pair: &PairFacts, reportee: &Party) -> bool {
    let Some(subject) = pair.subject.as_ref().filter(|subject| !subject.is_gone()) else {
        return false;
    };
    let is_holder = match who {
        QuestionSubject::SystemUser(_) => true,
        QuestionSubject::NationalId | QuestionSubject::Party => match subject.kind {
            PartyKind::Person | PartyKind::Organization => true,
            PartyKind::SystemUser | PartyKind::Other => false,
        },
        // A person has them by a name of the person alone, not by the party id.
        QuestionSubject::PartyId | QuestionSubject::Other => {
            subject.kind == PartyKind::Organization
        }
    };
    is_holder && reportee.party_id.is_some() && !reportee.is_gone()
}

/// The rights to this action on this resource, whatever else they ask for.
pub(super) fn of_action<'r>(
    rights: impl IntoIterator<Item = &'r HeldRight>,
    resource: &str,
    action: &str,
) -> impl Iterator<Item = &'r HeldRight> {
    rights
        .into_iter()
        .filter(move |held| held.right.resource == resource && held.right.action == action)
}

/// The right to this action on this resource, with every further attribute that it asks for.
pub(super) fn matching<'r>(
    rights: impl IntoIterator<Item = &'r HeldRight>,
    resource: &str,
    action: &str,
    attributes: &PolicyAttributes<'_>,
) -> Option<&'r HeldRight> {
    of_action(rights, resource, action).find(|held| {
        held.right.further.iter().all(|(id, value)| {
            attributes
                .texts(ids::RESOURCE, id)
                .any(|text| text == value.as_str())
        })
    })
}

impl DecisionDetails {
    /// Permits by a single right.
    pub(super) fn permit_by(&mut self, held: &HeldRight) {
        self.decision = Decision::Permit;
        self.reason = DecisionReason::SingleRight;
        self.by = held
            .right
            .assignment
            .map(|assignment| DecisionBasis::SingleRight {
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
        questions: &[Result<DecisionQuestion<'_>, RequestFault>],
        requests: &[PartialRequest<'_>],
        all: &mut [DecisionDetails],
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
        drop(db);
        let mut known: HashMap<usize, PolicyAttributes<'_>> = HashMap::new();
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
                ClientResources::Ignored,
            )
            .map(HeldRight::from)
            .collect();
            let attributes = known.entry(place).or_insert_with(|| {
                let mut attributes = PolicyAttributes::of(&requests[place], question);
                attributes.complete_resource(&question.resource);
                attributes
            });
            let action = question.action().unwrap_or_default();
            if decided.decision != Decision::Permit
                && let Some(right) = matching(&rights, &resource.identifier, action, attributes)
            {
                decided.permit_by(right);
                decided.finish_permit(&resource, &pair, action);
            }
        }
        Ok(())
    }
}

/// What is looked for in sub-units.
fn sub_unit_question<'q>(
    question: &DecisionQuestion<'q>,
    decided: &'q DecisionDetails,
) -> Option<SubUnitQuestion<'q>> {
    let pair = decided.pair.as_ref()?;
    Some(SubUnitQuestion {
        person: pair.subject.as_ref()?.key,
        reportee: pair.reportee.as_ref()?.party.key,
        resource: Some(&decided.resource.as_ref()?.identifier),
        action: Some(question.action()?),
    })
}

#[cfg(test)]
mod tests {
    use registers::parties::{PartyStatus, SingleRight};
    use rstest::rstest;
    use uuid::Uuid;
    use xacml::Category;

    use super::*;

    fn party(kind: PartyKind) -> Party {
        Party {
            key: 1,
            uuid: Uuid::from_u128(1),
            party_id: Some(1),
            kind,
            form: None,
            status: PartyStatus::Active,
            org_number: None,
            user_id: None,
            parent_key: None,
            name: "N".to_owned(),
            death_date: None,
        }
    }

    fn pair(subject: Option<Party>) -> PairFacts {
        PairFacts {
            subject,
            subject_has_number: true,
            system_user: None,
            reportee: None,
            main_unit: None,
            is_client: false,
            packages: Box::default(),
            roles: Box::default(),
            rights: Box::default(),
            has_key_role: false,
            listings: Box::default(),
            subject_lists: Box::default(),
        }
    }

    const SYSTEM_USER: QuestionSubject = QuestionSubject::SystemUser(Uuid::nil());

    #[rstest]
    #[case(SYSTEM_USER, PartyKind::SystemUser, true)]
    #[case(QuestionSubject::NationalId, PartyKind::Person, true)]
    #[case(QuestionSubject::Party, PartyKind::Person, true)]
    #[case(QuestionSubject::Party, PartyKind::Organization, true)]
    #[case(QuestionSubject::Party, PartyKind::SystemUser, false)]
    #[case(QuestionSubject::Party, PartyKind::Other, false)]
    #[case(QuestionSubject::PartyId, PartyKind::Person, false)]
    #[case(QuestionSubject::PartyId, PartyKind::Organization, true)]
    #[case(QuestionSubject::Other, PartyKind::Organization, true)]
    #[case(QuestionSubject::Other, PartyKind::Person, false)]
    fn holders(#[case] who: QuestionSubject, #[case] kind: PartyKind, #[case] counts: bool) {
        let reportee = party(PartyKind::Organization);
        assert_eq!(may_decide(who, &pair(Some(party(kind))), &reportee), counts);
    }

    #[test]
    fn who_is_unknown_or_gone_holds_nothing() {
        let reportee = party(PartyKind::Organization);
        let gone = Party {
            status: PartyStatus::Deleted,
            ..party(PartyKind::Organization)
        };
        for subject in [None, Some(gone)] {
            assert!(!may_decide(
                QuestionSubject::Party,
                &pair(subject),
                &reportee
            ));
        }
    }

    #[test]
    fn nothing_is_held_for_who_is_gone_or_has_no_party_id() {
        let subject = pair(Some(party(PartyKind::Person)));
        let gone = Party {
            status: PartyStatus::Deleted,
            ..party(PartyKind::Organization)
        };
        let without_id = Party {
            party_id: None,
            ..party(PartyKind::Organization)
        };
        for reportee in [gone, without_id] {
            assert!(!may_decide(QuestionSubject::Party, &subject, &reportee));
        }
    }

    fn right(resource: &str, action: &str, further: &[(&str, &str)]) -> HeldRight {
        HeldRight {
            right: SingleRight {
                resource: resource.to_owned(),
                action: action.to_owned(),
                further: further
                    .iter()
                    .map(|(id, value)| ((*id).to_owned(), (*value).to_owned()))
                    .collect(),
                assignment: None,
            },
            key_role: None,
        }
    }

    #[rstest]
    #[case("a", "read", Some(0))]
    #[case("a", "write", None)]
    #[case("b", "read", None)]
    #[case("c", "read", Some(1))]
    #[case("d", "read", None)]
    #[case("e", "read", None)]
    fn a_right_is_to_an_action_on_a_resource_with_all_it_asks_for(
        #[case] resource: &str,
        #[case] action: &str,
        #[case] expected: Option<usize>,
    ) {
        let rights = [
            right("a", "read", &[]),
            right("c", "read", &[("urn:altinn:task", "sign")]),
            right("d", "read", &[("urn:altinn:task", "pay")]),
            right("e", "read", &[("urn:altinn:task", "sign"), ("urn:x", "y")]),
        ];
        let mut category = Category::new(ids::RESOURCE);
        category.add_text("urn:altinn:task", "sign");
        let attributes = PolicyAttributes(vec![category]);
        let found = matching(&rights, resource, action, &attributes);
        let place = found.and_then(|found| rights.iter().position(|r| std::ptr::eq(r, found)));
        assert_eq!(place, expected);
    }

    #[test]
    fn a_right_that_permits_is_named() {
        let assignment = Uuid::from_u128(7);
        let mut held = right("a", "read", &[]);
        held.right.assignment = Some(assignment);
        let mut decided = DecisionDetails::open();

        decided.permit_by(&held);

        assert_eq!(decided.decision, Decision::Permit);
        assert_eq!(decided.reason, DecisionReason::SingleRight);
        assert!(matches!(
            decided.by,
            Some(DecisionBasis::SingleRight { assignment: named, key_role: None }) if named == assignment
        ));
    }
}
