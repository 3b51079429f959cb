//! What a request asks: who, what, and for whom. Pure.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Fault, PartialRequest};
use foundation::ids::{NationalId, OrgNumber};
use registers::parties::{IdentityKeys, Lookup, PartyRef};
use xacml::ids;

pub(super) const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
pub(super) const PARTY_ID: &str = "urn:altinn:partyid";
pub(super) const PARTY_UUID: &str = "urn:altinn:party:uuid";
pub(super) const PERSON: &str = "urn:altinn:person:identifier-no";
pub(super) const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";
pub(super) const ORGANIZATION_LEGACY: &str = "urn:altinn:organizationnumber";
pub(super) const INSTANCE: &str = "urn:altinn:instance-id";
pub(super) const RESOURCE: &str = "urn:altinn:resource";
pub(super) const TASK: &str = "urn:altinn:task";
pub(super) const ORG: &str = "urn:altinn:org";
pub(super) const APP: &str = "urn:altinn:app";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
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
        PARTY_UUID,
        PERSON,
    ]
    .into_iter()
    .find(|known| known.eq_ignore_ascii_case(name))?;
    (!value.is_empty()).then(|| (known, value.to_owned()))
}

/// What kind of subject a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A system user.
    SystemUser(Uuid),
    /// A person by identity number: somebody who must be known.
    NationalId,
    /// A person by another name: somebody who may be anybody.
    Person,
    /// Somebody else, or nobody.
    Other,
}

/// What a well-formed request asks.
#[derive(Debug)]
pub(super) struct Question<'r> {
    /// Identifier of the resource.
    pub(super) resource: Cow<'r, str>,
    pub(super) who: Who,
    /// How the subject is found.
    pub(super) subject: Lookup,
    /// How the reportee is found; by every name that it is given.
    pub(super) reportee: Lookup,
    /// A reportee is named, be it by a name that nobody has.
    pub(super) names_reportee: bool,
    /// The reportee's names contradict each other, or nobody has one of them.
    pub(super) is_contradictory: bool,
}

impl<'r> Question<'r> {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(
        request: &'r PartialRequest<'_>,
        identity: &IdentityKeys,
    ) -> Result<Self, Fault> {
        check_form(request)?;
        let resource = resource_identifier(request)?;
        let reportee = reportee(request, identity)?;
        let (who, subject) = subject(request, identity)?;
        Ok(Self {
            resource,
            who,
            subject,
            ..reportee
        })
    }
}

/// What can be said about a request before anything is looked up.
fn check_form(request: &PartialRequest<'_>) -> Result<(), Fault> {
    if let Some(fault) = &request.fault {
        return Err(fault.clone());
    }
    if !request.has_subject {
        return Err(Fault::Processing("there is no AccessSubject"));
    }
    if !request.has_resource {
        return Err(Fault::Processing("there is no Resource"));
    }
    let subject = |id: &str| request.has(ids::SUBJECT, id);
    let (mut system_users, mut others) = (0, 0);
    for value in request.values.iter().filter(|v| v.category == ids::SUBJECT) {
        *(if value.id == SYSTEM_USER {
            &mut system_users
        } else {
            &mut others
        }) += 1;
    }
    if system_users > 1 || (system_users == 1 && others > 0) {
        return Err(Fault::Processing(
            "a system user must be the only subject attribute",
        ));
    }
    if request.is_internal && (subject(PERSON) || request.has(ids::RESOURCE, PERSON)) {
        return Err(Fault::Processing(
            "persons are not named by identity number here",
        ));
    }
    if subject(PERSON) && subject(USER_ID) {
        return Err(Fault::Processing("a person is named twice"));
    }
    if (subject(ORGANIZATION) || subject(ORGANIZATION_LEGACY))
        && (subject(PERSON) || subject(USER_ID))
    {
        return Err(Fault::Processing(
            "the subject is an organisation and a person at once",
        ));
    }
    Ok(())
}

/// The party that a request is about, by all its names.
fn reportee<'r>(
    request: &PartialRequest<'_>,
    identity: &IdentityKeys,
) -> Result<Question<'r>, Fault> {
    let named = |id: &str| request.first(ids::RESOURCE, id);
    let mut lookup = Lookup::default();
    let (mut names, mut nobody) = (0, false);
    let mut add = |name: PartyRef| {
        names += 1;
        nobody |= name == PartyRef::Nobody;
        lookup.add(&name, identity);
    };
    if let Some(text) = named(PARTY_ID) {
        add(PartyRef::PartyId(text.trim().parse().map_err(|_| {
            Fault::Processing("the reportee's party id is not a number")
        })?));
    }
    let mut numbers = [ORGANIZATION, ORGANIZATION_LEGACY]
        .into_iter()
        .filter_map(named);
    let number = |text: &str| {
        OrgNumber::parse(text).map_err(|_| Fault::Syntax("an organisation number has nine digits"))
    };
    let mut two_numbers = false;
    if let Some(text) = numbers.next() {
        let first = number(text)?;
        add(PartyRef::Organization(first));
        two_numbers = numbers
            .next()
            .map(number)
            .transpose()?
            .is_some_and(|second| second != first);
    }
    if let Some(text) = named(PERSON) {
        add(PartyRef::Person(NationalId::parse(text).map_err(|_| {
            Fault::Syntax("an identity number has eleven digits")
        })?));
    }
    if let Some(text) = named(PARTY_UUID) {
        add(Uuid::try_parse(text).map_or(PartyRef::Nobody, PartyRef::Uuid));
    }
    if names == 0
        && let Some(id) = named(INSTANCE)
            .and_then(|i| i.split('/').next())
            .and_then(|p| p.parse().ok())
    {
        names = 1;
        lookup.add(&PartyRef::PartyId(id), identity);
    }
    Ok(Question {
        resource: Cow::Borrowed(""),
        who: Who::Other,
        subject: Lookup::default(),
        reportee: lookup,
        names_reportee: names > 0,
        is_contradictory: two_numbers || (nobody && names > 1),
    })
}

/// Who a request is about.
fn subject(request: &PartialRequest<'_>, identity: &IdentityKeys) -> Result<(Who, Lookup), Fault> {
    let named = |id: &str| request.first(ids::SUBJECT, id);
    if let Some(text) = named(SYSTEM_USER) {
        let id = Uuid::try_parse(text)
            .map_err(|_| Fault::Processing("a system user is named by its uuid"))?;
        return Ok((Who::SystemUser(id), Lookup::from(id)));
    }
    if let Some(text) = named(PERSON) {
        let name = NationalId::parse(text).map_or(PartyRef::Nobody, PartyRef::Person);
        return Ok((Who::NationalId, Lookup::of(&name, identity)));
    }
    let name = named(USER_ID)
        .and_then(|t| t.parse().ok())
        .map(PartyRef::UserId);
    let name = name.or_else(|| {
        named(PERSON_UUID)
            .or_else(|| named(PARTY_UUID))
            .and_then(|t| Uuid::try_parse(t).ok())
            .map(PartyRef::Uuid)
    });
    let name = name.or_else(|| {
        named(PARTY_ID)
            .and_then(|t| t.parse().ok())
            .map(PartyRef::PartyId)
    });
    if let Some(name) = name {
        return Ok((Who::Person, Lookup::of(&name, identity)));
    }
    let number = named(ORGANIZATION)
        .or_else(|| named(ORGANIZATION_LEGACY))
        .and_then(|number| OrgNumber::parse(number).ok());
    Ok((
        Who::Other,
        number
            .map(|number| Lookup::of(&PartyRef::Organization(number), identity))
            .unwrap_or_default(),
    ))
}

fn resource_identifier<'r>(request: &'r PartialRequest<'_>) -> Result<Cow<'r, str>, Fault> {
    let named = |id: &str| request.first(ids::RESOURCE, id);
    match named(RESOURCE) {
        Some(id) => Ok(Cow::Borrowed(id)),
        None => match (named(ORG), named(APP)) {
            (Some(org), Some(app)) => Ok(Cow::Owned(format!("app_{org}_{app}"))),
            _ => Err(Fault::Processing("no resource is named")),
        },
    }
}
