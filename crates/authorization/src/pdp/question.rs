//! What a request asks: who, what, and for whom. Pure.

use std::borrow::Cow;

use uuid::Uuid;

use super::{PartialRequest, RequestFault, partial::RequestValue};
use foundation::ids::{NationalId, OrgNumber};
use registers::parties::{IdentityKeys, PartyLookupKey, PartyRef};
use xacml::ids;

pub(super) const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
pub(super) const PARTY_ID: &str = "urn:altinn:partyid";
pub(super) const PARTY_UUID: &str = "urn:altinn:party:uuid";
pub(super) const PERSON: &str = "urn:altinn:person:identifier-no";
pub(super) const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";
pub(super) const ORGANIZATION_LEGACY: &str = "urn:altinn:organizationnumber";
pub(super) const INSTANCE: &str = "urn:altinn:instance-id";
pub(super) const RESOURCE_INSTANCE: &str = "urn:altinn:resource:instance-id";
pub(super) const RESOURCE: &str = "urn:altinn:resource";
pub(super) const TASK: &str = "urn:altinn:task";
pub(super) const ORG: &str = "urn:altinn:org";
pub(super) const APP: &str = "urn:altinn:app";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const ORGANIZATION_UUID: &str = "urn:altinn:organization:uuid";
const USER_UUID: &str = "urn:altinn:user:uuid";
/// Newer names of party and user ids.
const PARTY_ID_NEWER: &str = "urn:altinn:party:id";
const USER_ID_NEWER: &str = "urn:altinn:user:id";
/// Prefix of the instance id of an app, where that is the instance of a resource.
const INSTANCE_PREFIX: &str = "urn:altinn:instance-id:";
pub(super) const USER_ID: &str = "urn:altinn:userid";

/// A party by nine digits, or by the URN of one of its identifiers with the value after the last
/// colon.
pub(super) fn named_party(text: &str) -> Option<(&'static str, String)> {
    let text = text.trim();
    if OrgNumber::parse(text).is_ok() {
        return Some((ORGANIZATION, text.to_owned()));
    }
    let (name, value) = text.rsplit_once(':')?;
    let known = [
        ORGANIZATION,
        ORGANIZATION_LEGACY,
        PARTY_ID,
        PARTY_ID_NEWER,
        PARTY_UUID,
        PERSON_UUID,
        ORGANIZATION_UUID,
        USER_UUID,
        SYSTEM_USER,
        PERSON,
    ]
    .into_iter()
    .find(|known| known.eq_ignore_ascii_case(name))?;
    (!value.is_empty()).then(|| (known, value.to_owned()))
}

/// What kind of subject a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuestionSubject {
    /// A system user.
    SystemUser(Uuid),
    /// A person by identity number: the person must be known.
    NationalId,
    /// A party by user id or uuid: it may be any party.
    Party,
    /// A party by party id.
    PartyId,
    /// An organisation by a name of organisations, or an unknown party.
    Other,
}

impl QuestionSubject {
    /// Whether a party that is named so may be a person.
    pub(super) const fn may_be_person(self) -> bool {
        match self {
            Self::NationalId | Self::Party | Self::PartyId => true,
            Self::SystemUser(_) | Self::Other => false,
        }
    }
}

/// An attribute that names what a question is about. A question gives each of them one value; a
/// second one that means something else makes the question ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuestionIdentifier {
    SubjectSystemUser,
    SubjectUserId,
    SubjectUserIdNewer,
    SubjectPerson,
    SubjectPersonUuid,
    SubjectPartyUuid,
    SubjectUserUuid,
    SubjectPartyId,
    SubjectPartyIdNewer,
    SubjectOrganization,
    SubjectOrganizationLegacy,
    SubjectOrganizationUuid,
    SubjectServiceOwner,
    Action,
    Resource,
    ResourceOrg,
    ResourceApp,
    ReporteePartyId,
    ReporteePartyIdNewer,
    ReporteePartyUuid,
    ReporteePersonUuid,
    ReporteeOrganizationUuid,
    ReporteeUserUuid,
    ReporteeSystemUser,
    ReporteePerson,
    ReporteeOrganization,
    ReporteeOrganizationLegacy,
}

impl QuestionIdentifier {
    const COUNT: usize = Self::ReporteeOrganizationLegacy as usize + 1;

    /// Names of a subject by its uuid. The first three may be a person's.
    const SUBJECT_UUIDS: [Self; 4] = [
        Self::SubjectPersonUuid,
        Self::SubjectPartyUuid,
        Self::SubjectUserUuid,
        Self::SubjectOrganizationUuid,
    ];

    /// Names of a reportee by its uuid.
    const REPORTEE_UUIDS: [Self; 5] = [
        Self::ReporteePartyUuid,
        Self::ReporteePersonUuid,
        Self::ReporteeOrganizationUuid,
        Self::ReporteeUserUuid,
        Self::ReporteeSystemUser,
    ];

    /// What an attribute of a category names; none when it names nothing that may occur once only.
    fn of(category: &str, id: &str) -> Option<Self> {
        match category {
            ids::SUBJECT => match id {
                SYSTEM_USER => Some(Self::SubjectSystemUser),
                USER_ID => Some(Self::SubjectUserId),
                USER_ID_NEWER => Some(Self::SubjectUserIdNewer),
                PERSON => Some(Self::SubjectPerson),
                PERSON_UUID => Some(Self::SubjectPersonUuid),
                PARTY_UUID => Some(Self::SubjectPartyUuid),
                USER_UUID => Some(Self::SubjectUserUuid),
                PARTY_ID => Some(Self::SubjectPartyId),
                PARTY_ID_NEWER => Some(Self::SubjectPartyIdNewer),
                ORGANIZATION => Some(Self::SubjectOrganization),
                ORGANIZATION_LEGACY => Some(Self::SubjectOrganizationLegacy),
                ORGANIZATION_UUID => Some(Self::SubjectOrganizationUuid),
                ORG => Some(Self::SubjectServiceOwner),
                _ => None,
            },
            ids::ACTION => (id == ids::ACTION_ID).then_some(Self::Action),
            ids::RESOURCE => match id {
                RESOURCE => Some(Self::Resource),
                ORG => Some(Self::ResourceOrg),
                APP => Some(Self::ResourceApp),
                PARTY_ID => Some(Self::ReporteePartyId),
                PARTY_ID_NEWER => Some(Self::ReporteePartyIdNewer),
                PARTY_UUID => Some(Self::ReporteePartyUuid),
                PERSON_UUID => Some(Self::ReporteePersonUuid),
                ORGANIZATION_UUID => Some(Self::ReporteeOrganizationUuid),
                USER_UUID => Some(Self::ReporteeUserUuid),
                SYSTEM_USER => Some(Self::ReporteeSystemUser),
                PERSON => Some(Self::ReporteePerson),
                ORGANIZATION => Some(Self::ReporteeOrganization),
                ORGANIZATION_LEGACY => Some(Self::ReporteeOrganizationLegacy),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is wrong with a question that gives it two values.
    const fn fault(self) -> RequestFault {
        RequestFault::Processing(match self {
            Self::SubjectSystemUser
            | Self::SubjectUserId
            | Self::SubjectUserIdNewer
            | Self::SubjectPerson
            | Self::SubjectPersonUuid
            | Self::SubjectPartyUuid
            | Self::SubjectUserUuid
            | Self::SubjectPartyId
            | Self::SubjectPartyIdNewer
            | Self::SubjectOrganization
            | Self::SubjectOrganizationLegacy
            | Self::SubjectOrganizationUuid
            | Self::SubjectServiceOwner => "an identifier of the subject has two different values",
            Self::Action => "two different actions are asked about",
            Self::Resource | Self::ResourceOrg | Self::ResourceApp => TWO_RESOURCES,
            Self::ReporteePartyId
            | Self::ReporteePartyIdNewer
            | Self::ReporteePartyUuid
            | Self::ReporteePersonUuid
            | Self::ReporteeOrganizationUuid
            | Self::ReporteeUserUuid
            | Self::ReporteeSystemUser
            | Self::ReporteePerson
            | Self::ReporteeOrganization
            | Self::ReporteeOrganizationLegacy => TWO_PARTIES,
        })
    }

    /// Whether two texts without blanks around them are the same value.
    fn is_same(self, one: &str, other: &str) -> bool {
        one == other
            || match self {
                Self::SubjectSystemUser
                | Self::SubjectPersonUuid
                | Self::SubjectPartyUuid
                | Self::SubjectUserUuid
                | Self::SubjectOrganizationUuid
                | Self::ReporteePartyUuid
                | Self::ReporteePersonUuid
                | Self::ReporteeOrganizationUuid
                | Self::ReporteeUserUuid
                | Self::ReporteeSystemUser => {
                    are_equal(one, other, |text| Uuid::try_parse(text).ok())
                }
                Self::SubjectUserId
                | Self::SubjectUserIdNewer
                | Self::SubjectPartyId
                | Self::SubjectPartyIdNewer
                | Self::ReporteePartyId
                | Self::ReporteePartyIdNewer => are_equal(one, other, party_number),
                Self::SubjectPerson
                | Self::SubjectOrganization
                | Self::SubjectOrganizationLegacy
                | Self::SubjectServiceOwner
                | Self::Action
                | Self::Resource
                | Self::ResourceOrg
                | Self::ResourceApp
                | Self::ReporteePerson
                | Self::ReporteeOrganization
                | Self::ReporteeOrganizationLegacy => false,
            }
    }
}

const TWO_RESOURCES: &str = "two different resources are named";
/// What is wrong with names of a subject that no party has all.
pub(super) const TWO_SUBJECTS: &str = "the subject's identifiers name different parties";
/// What is wrong with names of a reportee that no party has all.
pub(super) const TWO_PARTIES: &str = "the reportee's identifiers name different parties";

fn are_equal<T: PartialEq>(one: &str, other: &str, read: impl Fn(&str) -> Option<T>) -> bool {
    read(one).is_some_and(|one| Some(one) == read(other))
}

/// A party id or user id: digits alone, so that no sign gives one number two spellings.
fn party_number(text: &str) -> Option<i32> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// The party of an instance id that carries one: `{party id}/{uuid}`, with or without
/// `urn:altinn:instance-id:` before it.
fn party_of_instance(text: &str) -> Option<PartyRef> {
    let text = text.trim();
    let has_prefix = text
        .get(..INSTANCE_PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(INSTANCE_PREFIX));
    let own = if has_prefix {
        &text[INSTANCE_PREFIX.len()..]
    } else {
        text
    };
    let (party, instance) = own.split_once('/')?;
    let party = party.trim();
    // With a sign it is no party id, and must not pass for an instance without a party either.
    let digits = party.trim_start_matches(['+', '-']);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (is_number && Uuid::try_parse(instance.trim()).is_ok())
        .then(|| party_number(party).map_or(PartyRef::Unknown, PartyRef::PartyId))
}

/// What a question names, each thing once, without blanks around it.
#[derive(Debug)]
pub(super) struct QuestionNames<'r> {
    values: [Option<&'r str>; QuestionIdentifier::COUNT],
    /// Party of the instances that the question is about, when they carry one.
    instance_party: Option<PartyRef>,
    /// The question is about an instance.
    has_instance: bool,
    /// The subject has attributes that are not the system user's.
    has_other_subject: bool,
    /// Values that count once are given several times, or with blanks around them.
    is_untidy: bool,
}

impl<'r> QuestionNames<'r> {
    /// Reads the names of a request.
    ///
    /// # Errors
    /// One of them means two things.
    fn of(request: &'r PartialRequest<'_>) -> Result<Self, RequestFault> {
        let mut out = Self {
            values: [None; QuestionIdentifier::COUNT],
            instance_party: None,
            has_instance: false,
            has_other_subject: false,
            is_untidy: false,
        };
        for value in &request.values {
            let identifier = QuestionIdentifier::of(&value.category, &value.id);
            out.has_other_subject |= value.category == ids::SUBJECT
                && identifier != Some(QuestionIdentifier::SubjectSystemUser);
            match identifier {
                Some(identifier) => out.add(identifier, &value.value)?,
                None if is_instance(value) => out.add_instance(&value.value)?,
                None => {}
            }
        }
        Ok(out)
    }

    fn add(&mut self, identifier: QuestionIdentifier, given: &'r str) -> Result<(), RequestFault> {
        let text = given.trim();
        self.is_untidy |= text.len() < given.len();
        match &mut self.values[identifier as usize] {
            slot @ None => *slot = Some(text),
            Some(known) if identifier.is_same(known, text) => self.is_untidy = true,
            Some(_) => return Err(identifier.fault()),
        }
        Ok(())
    }

    fn add_instance(&mut self, given: &str) -> Result<(), RequestFault> {
        self.has_instance = true;
        let Some(party) = party_of_instance(given) else {
            return Ok(());
        };
        match &self.instance_party {
            Some(known) if *known != party => Err(RequestFault::Processing(TWO_PARTIES)),
            Some(_) => Ok(()),
            None => {
                self.instance_party = Some(party);
                Ok(())
            }
        }
    }

    pub(super) const fn get(&self, identifier: QuestionIdentifier) -> Option<&'r str> {
        self.values[identifier as usize]
    }

    /// Whether the reportee has a name of its own, by another attribute than the one of party ids. The
    /// party of an instance is none.
    pub(super) fn has_other_reportee(&self) -> bool {
        let others = [
            QuestionIdentifier::ReporteePartyIdNewer,
            QuestionIdentifier::ReporteeOrganization,
            QuestionIdentifier::ReporteeOrganizationLegacy,
            QuestionIdentifier::ReporteePerson,
        ];
        let mut others = others.into_iter().chain(QuestionIdentifier::REPORTEE_UUIDS);
        others.any(|identifier| self.get(identifier).is_some())
    }

    /// A number, by its present or its newer name.
    fn number(
        &self,
        present: QuestionIdentifier,
        newer: QuestionIdentifier,
    ) -> Result<Option<&'r str>, RequestFault> {
        match (self.get(present), self.get(newer)) {
            (Some(one), Some(other)) if !present.is_same(one, other) => Err(present.fault()),
            (number, newer) => Ok(number.or(newer)),
        }
    }

    /// The number of an organisation, by its present or its older name.
    fn organization(
        &self,
        present: QuestionIdentifier,
        older: QuestionIdentifier,
    ) -> Result<Option<&'r str>, RequestFault> {
        match (self.get(present), self.get(older)) {
            (Some(one), Some(other)) if one != other => Err(present.fault()),
            (number, older) => Ok(number.or(older)),
        }
    }

    /// Identifier of the resource. `app_{org}_{app}` is the resource of an app's two names.
    fn resource(&self) -> Result<Cow<'r, str>, RequestFault> {
        let (org, app) = (
            self.get(QuestionIdentifier::ResourceOrg),
            self.get(QuestionIdentifier::ResourceApp),
        );
        let Some(id) = self.get(QuestionIdentifier::Resource) else {
            return match (org, app) {
                (Some(org), Some(app)) => Ok(Cow::Owned(format!("app_{org}_{app}"))),
                _ => Err(RequestFault::Processing("no resource is named")),
            };
        };
        let of_app = id.strip_prefix("app_");
        let is_one = match (org, app) {
            (Some(org), Some(app)) => of_app
                .and_then(|rest| rest.strip_prefix(org)?.strip_prefix('_'))
                .is_some_and(|rest| rest == app),
            // One of the two names is not the name of an app; together with one it must agree with
            // it.
            (Some(org), None) => of_app.is_none_or(|rest| {
                rest.strip_prefix(org)
                    .is_some_and(|rest| rest.starts_with('_'))
            }),
            (None, Some(app)) => of_app.is_none_or(|rest| {
                rest.strip_suffix(app)
                    .is_some_and(|rest| rest.ends_with('_'))
            }),
            (None, None) => true,
        };
        if is_one {
            Ok(Cow::Borrowed(id))
        } else {
            Err(RequestFault::Processing(TWO_RESOURCES))
        }
    }
}

/// Whether a value is the id of an instance.
fn is_instance(value: &RequestValue<'_>) -> bool {
    value.category == ids::RESOURCE && (value.id == INSTANCE || value.id == RESOURCE_INSTANCE)
}

/// What a value names of that which a question is about, with the value as it is compared: without
/// blanks.
pub(super) fn tidied<'v>(value: &'v RequestValue<'_>) -> Option<(QuestionIdentifier, &'v str)> {
    QuestionIdentifier::of(&value.category, &value.id)
        .map(|identifier| (identifier, value.value.trim()))
}

/// What a well-formed request asks.
#[derive(Debug)]
pub(super) struct DecisionQuestion<'r> {
    /// Identifier of the resource.
    pub(super) resource: Cow<'r, str>,
    /// What is named, as it is named.
    pub(super) names: QuestionNames<'r>,
    pub(super) who: QuestionSubject,
    /// How the subject is found.
    pub(super) subject: PartyLookupKey,
    /// How the reportee is found; by every name that it is given.
    pub(super) reportee: PartyLookupKey,
    /// A reportee is named, be it by an unknown name.
    pub(super) names_reportee: bool,
    /// The reportee has several names, and one of them is unknown.
    pub(super) is_contradictory: bool,
}

impl<'r> DecisionQuestion<'r> {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it: it is not well formed, or means several things.
    pub(super) fn of(
        request: &'r PartialRequest<'_>,
        identity: &IdentityKeys,
    ) -> Result<Self, RequestFault> {
        if let Some(fault) = &request.fault {
            return Err(fault.clone());
        }
        if !request.has_subject {
            return Err(RequestFault::Processing("there is no AccessSubject"));
        }
        if !request.has_resource {
            return Err(RequestFault::Processing("there is no Resource"));
        }
        let names = QuestionNames::of(request)?;
        check_form(request, &names)?;
        let resource = names.resource()?;
        let reportee = Reportee::of(&names, identity)?;
        let (who, subject) = subject(&names, identity)?;
        Ok(Self {
            resource,
            who,
            subject,
            reportee: reportee.lookup,
            names_reportee: reportee.names > 0,
            is_contradictory: reportee.is_contradictory,
            names,
        })
    }

    /// The action asked about.
    pub(super) const fn action(&self) -> Option<&'r str> {
        self.names.get(QuestionIdentifier::Action)
    }

    /// Whether the access lists of the subject are attributes of it: the question is about a resource
    /// of the registry and nothing else, and the subject is an organisation by number, or a party by
    /// uuid.
    pub(super) fn names_lists_of_subject(&self) -> bool {
        let has = |identifier| self.names.get(identifier).is_some();
        let is_of_registry = has(QuestionIdentifier::Resource)
            && !has(QuestionIdentifier::ResourceOrg)
            && !has(QuestionIdentifier::ResourceApp)
            && !self.resource.starts_with("app_");
        let is_named = has(QuestionIdentifier::SubjectOrganization)
            || has(QuestionIdentifier::SubjectOrganizationLegacy)
            || QuestionIdentifier::SUBJECT_UUIDS.into_iter().any(has);
        is_of_registry && is_named && !self.names_reportee && !self.names.has_instance
    }

    /// Whether values must be brought into one form before a policy compares them.
    pub(super) const fn is_untidy(&self) -> bool {
        self.names.is_untidy
    }
}

/// What can be said about the names of a request before anything is looked up.
fn check_form(request: &PartialRequest<'_>, names: &QuestionNames<'_>) -> Result<(), RequestFault> {
    let has = |identifier| names.get(identifier).is_some();
    if has(QuestionIdentifier::SubjectSystemUser) && names.has_other_subject {
        return Err(RequestFault::Processing(
            "a system user must be the only subject attribute",
        ));
    }
    let by_number = has(QuestionIdentifier::SubjectPerson);
    if request.is_internal && (by_number || has(QuestionIdentifier::ReporteePerson)) {
        return Err(RequestFault::Processing(
            "persons are not named by identity number here",
        ));
    }
    let by_user_id =
        has(QuestionIdentifier::SubjectUserId) || has(QuestionIdentifier::SubjectUserIdNewer);
    if by_number && by_user_id {
        return Err(RequestFault::Processing("a person is named twice"));
    }
    if (has(QuestionIdentifier::SubjectOrganization)
        || has(QuestionIdentifier::SubjectOrganizationLegacy))
        && (by_number || by_user_id)
    {
        return Err(RequestFault::Processing(
            "the subject is an organisation and a person at once",
        ));
    }
    Ok(())
}

/// The party that a request is about, by all its names.
#[derive(Debug, Default)]
struct Reportee {
    lookup: PartyLookupKey,
    names: usize,
    is_contradictory: bool,
}

impl Reportee {
    fn of(names: &QuestionNames<'_>, identity: &IdentityKeys) -> Result<Self, RequestFault> {
        let mut lookup = PartyLookupKey::default();
        let (mut count, mut has_unknown) = (0, false);
        let mut add = |name: &PartyRef| {
            count += 1;
            has_unknown |= *name == PartyRef::Unknown;
            lookup.add(name, identity);
        };
        let party_id = names.number(
            QuestionIdentifier::ReporteePartyId,
            QuestionIdentifier::ReporteePartyIdNewer,
        )?;
        if let Some(text) = party_id {
            let id = PartyRef::PartyId(party_number(text).ok_or(RequestFault::Processing(
                "the reportee's party id is not a number",
            ))?);
            if names.instance_party.as_ref().is_some_and(|of| *of != id) {
                return Err(RequestFault::Processing(TWO_PARTIES));
            }
            add(&id);
        }
        if let Some(text) = names.organization(
            QuestionIdentifier::ReporteeOrganization,
            QuestionIdentifier::ReporteeOrganizationLegacy,
        )? {
            add(&PartyRef::Organization(OrgNumber::parse(text).map_err(
                |_| RequestFault::Syntax("an organisation number has nine digits"),
            )?));
        }
        if let Some(text) = names.get(QuestionIdentifier::ReporteePerson) {
            add(&PartyRef::Person(NationalId::parse(text).map_err(
                |_| RequestFault::Syntax("an identity number has eleven digits"),
            )?));
        }
        let mut uuid: Option<PartyRef> = None;
        for text in QuestionIdentifier::REPORTEE_UUIDS
            .into_iter()
            .filter_map(|name| names.get(name))
        {
            let given = Uuid::try_parse(text).map_or(PartyRef::Unknown, PartyRef::Uuid);
            if uuid.as_ref().is_some_and(|known| *known != given) {
                return Err(RequestFault::Processing(TWO_PARTIES));
            }
            add(&given);
            uuid = Some(given);
        }
        // The party of an instance is the reportee: alone, or as one more name of it.
        if let Some(party) = &names.instance_party
            && party_id.is_none()
        {
            add(party);
        }
        Ok(Self {
            lookup,
            names: count,
            is_contradictory: has_unknown && count > 1,
        })
    }
}

/// Who a request is about, and how it is found: by every name that it is given and that can be read.
/// The first name says what kind of party it is.
fn subject(
    names: &QuestionNames<'_>,
    identity: &IdentityKeys,
) -> Result<(QuestionSubject, PartyLookupKey), RequestFault> {
    if let Some(text) = names.get(QuestionIdentifier::SubjectSystemUser) {
        let id = Uuid::try_parse(text)
            .map_err(|_| RequestFault::Processing("a system user is named by its uuid"))?;
        return Ok((QuestionSubject::SystemUser(id), PartyLookupKey::from(id)));
    }
    let organization = names.organization(
        QuestionIdentifier::SubjectOrganization,
        QuestionIdentifier::SubjectOrganizationLegacy,
    )?;
    let uuid = |identifier| {
        names
            .get(identifier)
            .and_then(|text| Uuid::try_parse(text).ok())
            .map(PartyRef::Uuid)
    };
    let number = |present, newer| -> Result<_, RequestFault> {
        Ok(names.number(present, newer)?.and_then(party_number))
    };
    let person = names.get(QuestionIdentifier::SubjectPerson);
    let uuids = QuestionIdentifier::SUBJECT_UUIDS.map(uuid);
    let mut given = uuids.iter().flatten();
    let first = given.next();
    if given.any(|uuid| Some(uuid) != first) {
        return Err(RequestFault::Processing(TWO_SUBJECTS));
    }
    let user_id = number(
        QuestionIdentifier::SubjectUserId,
        QuestionIdentifier::SubjectUserIdNewer,
    )?;
    let user_id = user_id.map(PartyRef::UserId);
    let party_id = number(
        QuestionIdentifier::SubjectPartyId,
        QuestionIdentifier::SubjectPartyIdNewer,
    )?;
    let party_id = party_id.map(PartyRef::PartyId);
    let who = if person.is_some() {
        QuestionSubject::NationalId
    } else if user_id.is_some() || uuids[..3].iter().any(Option::is_some) {
        QuestionSubject::Party
    } else if party_id.is_some() {
        QuestionSubject::PartyId
    } else {
        QuestionSubject::Other
    };
    let person = person.and_then(|text| NationalId::parse(text).ok());
    let organization = organization.and_then(|number| OrgNumber::parse(number).ok());
    let mut lookup = PartyLookupKey::default();
    for name in [
        person.map(PartyRef::Person),
        user_id,
        first.cloned(),
        party_id,
        organization.map(PartyRef::Organization),
    ]
    .into_iter()
    .flatten()
    {
        lookup.add(&name, identity);
    }
    Ok((who, lookup))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_carries_a_party_in_one_form_with_or_without_prefix() {
        let uuid = "6f1b6e2a-3d0c-4b7e-9c55-0a5f5d9f0c11";
        let party = Some(PartyRef::PartyId(52_000_063));
        for form in [
            format!("52000063/{uuid}"),
            format!(" 52000063/{} ", uuid.to_uppercase()),
            format!("urn:altinn:instance-id:52000063/{uuid}"),
            format!("URN:altinn:instance-id:52000063/{uuid}"),
        ] {
            assert_eq!(party_of_instance(&form), party, "{form}");
        }
        for form in [
            uuid.to_owned(),
            "52000063".to_owned(),
            "52000063/7".to_owned(),
            format!("/{uuid}"),
            format!("a/{uuid}"),
            format!("52000063/{uuid}/data"),
            format!("urn:altinn:correspondence-id:{uuid}"),
        ] {
            assert_eq!(party_of_instance(&form), None, "{form}");
        }
        assert_eq!(
            party_of_instance(&format!("99999999999/{uuid}")),
            Some(PartyRef::Unknown)
        );
    }
}
