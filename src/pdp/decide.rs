//! One decision, from the attributes of a request to the answer.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Fault, Pdp, attributes::Attributes, facts, request::Entry};
use crate::{
    db::DbError,
    ids::{NationalId, OrgNumber},
    register::{self, Connection, Lookup, Party, PartyKind, PartyRef, Standing, rules},
    resources::{self, Resource},
    system_users::{self, SystemUserFacts},
    xacml::{Code, Decision, Environment, Fault as PolicyFault, Obligation, Prepared, Scratch, ids},
};

/// Attributes that only the decision point may set, unless the caller is trusted to.
const ENRICHED: [&str; 8] = [
    "urn:altinn:rolecode",
    "urn:altinn:role",
    "urn:altinn:external-role:ccr",
    "urn:altinn:external-role:cra",
    "urn:altinn:accesspackage",
    "urn:altinn:partytype",
    "urn:altinn:access-list",
    "urn:digitaltdodsbo:rolecode",
];
pub(super) const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
pub(super) const PARTY_ID: &str = "urn:altinn:partyid";
pub(super) const PARTY_UUID: &str = "urn:altinn:party:uuid";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const USER_ID: &str = "urn:altinn:userid";
pub(super) const PERSON: &str = "urn:altinn:person:identifier-no";
pub(super) const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";
pub(super) const ORGANIZATION_LEGACY: &str = "urn:altinn:organizationnumber";
pub(super) const INSTANCE: &str = "urn:altinn:instance-id";

/// A party by nine digits, or by the URN of one of its identifiers with the value after the last colon.
pub(super) fn named_party(text: &str) -> Option<(&'static str, String)> {
    let text = text.trim();
    if OrgNumber::parse(text).is_ok() {
        return Some((ORGANIZATION, text.to_owned()));
    }
    let (name, value) = text.rsplit_once(':')?;
    let known = [ORGANIZATION, ORGANIZATION_LEGACY, PARTY_ID, PARTY_UUID, PERSON].into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
    (!value.is_empty()).then(|| (known, value.to_owned()))
}

/// The attributes one decision is about, by category, in request order.
#[derive(Debug, Default)]
pub struct PartialRequest {
    values: Vec<RequestValue>,
    fault: Option<Fault>,
    has_subject: bool,
    has_resource: bool,
    /// Asked by the platform's own parts: other status codes, and no identity numbers.
    is_internal: bool,
}

#[derive(Debug, Clone)]
struct RequestValue {
    category: String,
    id: String,
    data_type: String,
    value: String,
    include_in_result: bool,
}

/// An attribute to be echoed.
#[derive(Debug, Clone)]
pub struct Echo {
    pub category: String,
    pub id: String,
    pub data_type: String,
    pub value: String,
}

/// A decision with what goes with it.
#[derive(Debug)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Last part of the status code.
    pub status: &'static str,
    /// Why, as a fixed word.
    pub reason: &'static str,
    /// In words, when Indeterminate or denied by an access list.
    pub message: Option<String>,
    /// Only with a Permit.
    pub obligations: Vec<Obligation>,
    /// Attributes the caller wants back.
    pub echo: Vec<Echo>,
    /// Code of the resource's owner, for metrics.
    pub owner_code: String,
    /// Identifier of the resource, for metrics.
    pub resource: String,
    /// Organisation that owns the resource, when known.
    pub owner_org: Option<String>,
}

impl PartialRequest {
    /// A request out of these entries.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>, keep_enriched: bool) -> Self {
        let mut out = Self::default();
        for entry in entries {
            out.fault = out.fault.take().or_else(|| entry.fault.clone());
            out.has_subject |= entry.category == ids::SUBJECT && !entry.attributes.is_empty();
            out.has_resource |= entry.category == ids::RESOURCE && !entry.attributes.is_empty();
            for attribute in &entry.attributes {
                if entry.category == ids::SUBJECT && !keep_enriched && ENRICHED.contains(&attribute.id.as_str()) {
                    continue;
                }
                for value in &attribute.values {
                    out.values.push(RequestValue {
                        category: entry.category.clone(),
                        id: attribute.id.clone(),
                        data_type: attribute.data_type.clone(),
                        value: value.clone(),
                        include_in_result: attribute.include_in_result,
                    });
                }
            }
        }
        out
    }

    /// The request as the platform's own parts ask it: faults of processing are faults of syntax there, and persons are
    /// not named by identity number.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.is_internal = true;
        self
    }

    /// A request that cannot be decided.
    #[must_use]
    pub fn faulty(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// Adds a text attribute.
    pub fn add(&mut self, category: &str, id: &str, value: String) {
        self.add_typed(category, id, ids::STRING, value);
    }

    /// Adds an attribute of a type.
    pub fn add_typed(&mut self, category: &str, id: &str, data_type: &str, value: String) {
        self.has_subject |= category == ids::SUBJECT;
        self.has_resource |= category == ids::RESOURCE;
        self.values.push(RequestValue {
            category: category.to_owned(),
            id: id.to_owned(),
            data_type: data_type.to_owned(),
            value,
            include_in_result: false,
        });
    }

    fn first(&self, category: &str, id: &str) -> Option<&str> {
        self.values.iter().find(|v| v.category == category && v.id == id).map(|v| v.value.as_str())
    }

    fn has(&self, category: &str, id: &str) -> bool {
        self.first(category, id).is_some()
    }

    fn attributes(&self) -> Attributes {
        let mut out = Attributes::default();
        for v in &self.values {
            // Identifiers are compared as text: uuids in one spelling.
            let value = match Uuid::try_parse(&v.value) {
                Ok(uuid) if v.id.ends_with(":uuid") => uuid.to_string(),
                _ => v.value.clone(),
            };
            out.add(&v.category, &v.id, &v.data_type, &value);
        }
        out
    }

    fn echo(&self) -> Vec<Echo> {
        self.values
            .iter()
            .filter(|v| v.include_in_result)
            .map(|v| Echo { category: v.category.clone(), id: v.id.clone(), data_type: v.data_type.clone(), value: v.value.clone() })
            .collect()
    }
}

/// Who the request is about, as it says.
enum SubjectName {
    SystemUser(Uuid),
    /// By identity number: somebody who must be known.
    NationalId(PartyRef),
    /// By another name: somebody who may be anybody.
    Person(PartyRef),
    Other,
}

/// Who the request is about.
enum Subject<'a> {
    SystemUser(Option<(SystemUserFacts, &'a Party)>),
    Person(&'a Party),
    Other,
}

/// Either the answer, or the facts to go on with.
type Step<T> = Result<T, Fault>;

impl Pdp {
    /// Decides one request.
    ///
    /// # Errors
    /// The facts cannot be had. Faults of the request are Indeterminate decisions, not errors.
    pub async fn decide(&self, db: &mut PgConnection, request: &PartialRequest) -> Result<Decided, DbError> {
        let mut decided = Decided {
            decision: Decision::Indeterminate,
            status: "ok",
            reason: "invalid_request",
            message: None,
            obligations: Vec::new(),
            echo: Vec::new(),
            owner_code: "unknown".to_owned(),
            resource: String::new(),
            owner_org: None,
        };
        let outcome = self.try_decide(db, request, &mut decided).await?;
        if let Err(fault) = outcome {
            let (status, message) = match fault {
                Fault::Processing(message) if !request.is_internal => ("processing-error", message),
                Fault::Processing(message) | Fault::Syntax(message) => ("syntax-error", message),
            };
            decided.decision = Decision::Indeterminate;
            decided.status = status;
            decided.message = Some(message.to_owned());
        }
        if decided.decision != Decision::Indeterminate {
            decided.echo.splice(0..0, request.echo());
        }
        Ok(decided)
    }

    async fn try_decide(&self, db: &mut PgConnection, request: &PartialRequest, decided: &mut Decided) -> Result<Step<()>, DbError> {
        if let Err(fault) = check_form(request) {
            return Ok(Err(fault));
        }
        let identifier = match resource_identifier(request) {
            Ok(identifier) => identifier,
            Err(fault) => return Ok(Err(fault)),
        };
        let resource = self.policies.resource(&mut *db, &identifier).await?;
        let Some((resource, policy)) = resource.and_then(|r| r.policy.clone().map(|p| (r, p))) else {
            decided.reason = "unknown_resource";
            return Ok(Err(Fault::Processing("the resource is unknown, or has no policy")));
        };
        decided.owner_code.clone_from(&resource.owner_code);
        decided.resource.clone_from(&resource.identifier);
        decided.owner_org = Some(resource.owner_org.clone());
        let (names, who) = match reportee_names(request).and_then(|names| Ok((names, subject_name(request)?))) {
            Ok(named) => named,
            Err(fault) => return Ok(Err(fault)),
        };
        let facts = match who {
            SubjectName::SystemUser(id) => system_users::facts(&mut *db, id).await?,
            _ => None,
        };
        let standing = self.standing(&mut *db, &who, &names).await?;
        if !self.agree(&mut *db, standing.reportee.as_ref(), &names).await? {
            return Ok(Err(Fault::Processing("the reportee's identifiers name different parties")));
        }
        let reportee = standing.reportee.as_ref();
        let subject = match (&who, &standing.subject) {
            (SubjectName::SystemUser(_), party) => Subject::SystemUser(facts.zip(party.as_ref())),
            (SubjectName::NationalId(_), None) => {
                decided.reason = "unknown_subject";
                return Ok(Err(Fault::Processing("the person is unknown")));
            }
            (SubjectName::NationalId(_) | SubjectName::Person(_), Some(party)) if party.kind == PartyKind::Person => Subject::Person(party),
            _ => Subject::Other,
        };
        if let Subject::SystemUser(facts) = &subject
            && !facts.is_some_and(|(f, _)| f.alive)
        {
            decided.decision = Decision::NotApplicable;
            decided.reason = if facts.is_some() { "inactive_subject" } else { "unknown_subject" };
            return Ok(Ok(()));
        }
        let mut attributes = request.attributes();
        complete_resource(&mut attributes, &identifier);
        self.complete_parties(&mut *db, request, reportee, &mut attributes, decided).await?;
        if policy.mentions_packages || policy.mentions_roles {
            self.enrich(&subject, reportee, &standing.connections, &mut attributes);
        }
        let mut scratch = Scratch::default();
        let mut prepared = Prepared::new(&policy.program, attributes.categories(), Environment::at(self.clock.seconds()), &mut scratch);
        let evaluation = prepared.evaluate();
        decided.take(evaluation.decision(), evaluation.fault());
        decided.reason = match decided.decision {
            Decision::Permit if policy.mentions_packages && matches!(subject, Subject::SystemUser(_)) => "access_package",
            Decision::Permit if policy.mentions_roles && matches!(subject, Subject::Person(_)) => "role",
            Decision::Permit => "policy",
            Decision::Deny => "denied_by_policy",
            Decision::NotApplicable if names.is_empty() => "missing_party",
            Decision::NotApplicable if reportee.is_none() => "unknown_party",
            Decision::NotApplicable => "no_applicable_rule",
            Decision::Indeterminate => "processing_error",
        };
        if decided.decision == Decision::Permit {
            decided.obligations.clone_from(&policy.permit_obligations);
        }
        if decided.decision == Decision::NotApplicable
            && let (Subject::SystemUser(Some((facts, _))), Some(reportee)) = (&subject, reportee)
            && !reportee.is_gone()
            && let Some(action) = request.first(ids::ACTION, ids::ACTION_ID)
            && self.has_right(&mut *db, facts.key, reportee, &resource, action, &attributes).await?
        {
            decided.decision = Decision::Permit;
            decided.reason = "single_right";
            decided.obligations.clone_from(&policy.permit_obligations);
        }
        if decided.decision == Decision::Permit && resource.access_list_enabled {
            self.apply_access_list(db, request, &resource, reportee, decided).await?;
        }
        Ok(Ok(()))
    }

    /// Who subject and reportee are, and how they stand to each other.
    async fn standing(&self, db: &mut PgConnection, who: &SubjectName, reportee: &[PartyRef]) -> Result<Standing, DbError> {
        let subject = match who {
            SubjectName::SystemUser(id) => Lookup::from(*id),
            SubjectName::NationalId(name) | SubjectName::Person(name) => Lookup::of(name, &self.identity),
            SubjectName::Other => Lookup::default(),
        };
        let reportee = reportee.first().map(|name| Lookup::of(name, &self.identity)).unwrap_or_default();
        register::standing(db, &subject, &reportee).await
    }

    /// Whether all names mean this party, or nobody.
    async fn agree(&self, db: &mut PgConnection, reportee: Option<&Party>, names: &[PartyRef]) -> Result<bool, DbError> {
        for name in names.iter().skip(1) {
            let found = register::keys(&mut *db, &self.identity, std::slice::from_ref(name)).await?;
            if found.first().copied() != reportee.map(|p| p.key) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds what follows from the identifiers given: party ids, the other name of an organisation number.
    async fn complete_parties(
        &self,
        db: &mut PgConnection,
        request: &PartialRequest,
        reportee: Option<&Party>,
        attributes: &mut Attributes,
        decided: &mut Decided,
    ) -> Result<(), DbError> {
        if let Some(id) = reportee.and_then(|r| r.party_id)
            && !request.has(ids::RESOURCE, PARTY_ID)
        {
            attributes.add(ids::RESOURCE, PARTY_ID, ids::STRING, &id.to_string());
            let by_other = [ORGANIZATION, ORGANIZATION_LEGACY, PERSON, PARTY_UUID].iter().any(|other| request.has(ids::RESOURCE, other));
            if !by_other {
                // Taken from the instance id: the caller learns which party was meant.
                decided.echo.push(Echo {
                    category: ids::RESOURCE.to_owned(),
                    id: PARTY_ID.to_owned(),
                    data_type: ids::STRING.to_owned(),
                    value: id.to_string(),
                });
            }
        }
        for category in [ids::SUBJECT, ids::RESOURCE] {
            if let Some(number) = request.first(category, ORGANIZATION_LEGACY)
                && !request.has(category, ORGANIZATION)
            {
                attributes.add(category, ORGANIZATION, ids::STRING, number);
            }
        }
        if let Some(number) = request.first(ids::SUBJECT, ORGANIZATION).or_else(|| request.first(ids::SUBJECT, ORGANIZATION_LEGACY))
            && !request.has(ids::SUBJECT, PARTY_ID)
            && let Some(id) = register::party_by_org_number(db, number).await?.and_then(|p| p.party_id)
        {
            attributes.add(ids::SUBJECT, PARTY_ID, ids::STRING, &id.to_string());
        }
        Ok(())
    }

    /// Adds the roles and packages that the subject holds for the reportee.
    fn enrich(&self, subject: &Subject<'_>, reportee: Option<&Party>, connections: &[Connection], attributes: &mut Attributes) {
        let Some(reportee) = reportee else { return };
        let (party, is_person) = match subject {
            Subject::Person(person) => (*person, true),
            Subject::SystemUser(Some((_, party))) => (*party, false),
            _ => return,
        };
        let access = rules::access(&self.catalogue, party, reportee, connections);
        for package in access.packages.iter().filter_map(|key| self.catalogue.package(*key)) {
            attributes.add(ids::SUBJECT, "urn:altinn:accesspackage", ids::STRING, package.value());
        }
        if is_person {
            for role in access.roles.iter().filter_map(|key| self.catalogue.role(*key)) {
                add_role(attributes, role);
            }
        }
    }

    async fn has_right(
        &self,
        db: &mut PgConnection,
        system_user_key: i32,
        reportee: &Party,
        resource: &Resource,
        action: &str,
        attributes: &Attributes,
    ) -> Result<bool, DbError> {
        let rights = facts::granted_rights(db, system_user_key, reportee.key, &resource.identifier, action).await?;
        let present = |(id, value): &(String, String)| attributes.texts(ids::RESOURCE, id).any(|v| v == value.as_str());
        Ok(rights.iter().any(|extra| extra.iter().all(present)))
    }

    async fn apply_access_list(
        &self,
        db: &mut PgConnection,
        request: &PartialRequest,
        resource: &Resource,
        reportee: Option<&Party>,
        decided: &mut Decided,
    ) -> Result<(), DbError> {
        let action = request.first(ids::ACTION, ids::ACTION_ID).unwrap_or_default();
        let listed = match reportee.filter(|r| facts::can_be_listed(r.kind)) {
            Some(party) => resources::access_list_filters(db, &resource.identifier, party.key)
                .await?
                .iter()
                .any(|filter| filter.is_empty() || filter.iter().any(|a| a == action)),
            None => false,
        };
        if !listed {
            decided.decision = Decision::Deny;
            decided.reason = "access_list_required";
            decided.obligations.clear();
            decided.message = Some("The reportee is not on an access list of this resource.".to_owned());
        }
        Ok(())
    }
}

impl Decided {
    /// The authentication level that the obligations ask of the caller; 0 when they ask for none.
    #[must_use]
    pub fn min_level(&self) -> u8 {
        let assignments = self.obligations.iter().flat_map(|o| &o.assignments);
        let levels = assignments.filter(|a| a.category.as_deref() == Some("urn:altinn:minimum-authenticationlevel"));
        levels.filter_map(|a| a.value.text().trim().parse().ok()).max().unwrap_or(0)
    }

    fn take(&mut self, decision: Decision, fault: Option<PolicyFault>) {
        self.decision = decision;
        self.status = fault.map_or(Code::Ok, |f| f.code).name();
        if decision == Decision::Indeterminate {
            self.message = Some("The policy cannot be evaluated for this request.".to_owned());
        }
    }
}

fn add_role(attributes: &mut Attributes, role: &crate::packages::Role) {
    let mut add = |id: &str, value: &str| attributes.add(ids::SUBJECT, id, ids::STRING, value);
    match role.provider.as_str() {
        "sys-ccr" => add("urn:altinn:external-role:ccr", &role.code),
        "sys-cra" => add("urn:altinn:external-role:cra", &role.code),
        "sys-altinn3" => add("urn:altinn:role", &role.code),
        _ => {}
    }
    let legacy = role.legacy_code.as_deref().or_else(|| (role.provider == "sys-altinn2").then_some(role.code.as_str()));
    if let Some(code) = legacy {
        // Policies that compare with case are written either way.
        add("urn:altinn:rolecode", &code.to_lowercase());
        add("urn:altinn:rolecode", &code.to_uppercase());
    }
}

/// What can be said about a request before anything is looked up.
fn check_form(request: &PartialRequest) -> Step<()> {
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
    let others = request.values.iter().filter(|v| v.category == ids::SUBJECT && v.id != SYSTEM_USER).count();
    let system_users = request.values.iter().filter(|v| v.category == ids::SUBJECT && v.id == SYSTEM_USER).count();
    if system_users > 1 || (system_users == 1 && others > 0) {
        return Err(Fault::Processing("a system user must be the only subject attribute"));
    }
    if request.is_internal && (subject(PERSON) || request.has(ids::RESOURCE, PERSON)) {
        return Err(Fault::Processing("persons are not named by identity number here"));
    }
    if subject(PERSON) && subject(USER_ID) {
        return Err(Fault::Processing("a person is named twice"));
    }
    if (subject(ORGANIZATION) || subject(ORGANIZATION_LEGACY)) && (subject(PERSON) || subject(USER_ID)) {
        return Err(Fault::Processing("the subject is an organisation and a person at once"));
    }
    Ok(())
}

/// Every name of the party that the request is about; none when it names none.
fn reportee_names(request: &PartialRequest) -> Step<Vec<PartyRef>> {
    let named = |id: &str| request.first(ids::RESOURCE, id);
    let mut out = Vec::new();
    if let Some(text) = named(PARTY_ID) {
        out.push(PartyRef::PartyId(text.trim().parse().map_err(|_| Fault::Processing("the reportee's party id is not a number"))?));
    }
    for text in [ORGANIZATION, ORGANIZATION_LEGACY].into_iter().filter_map(named) {
        out.push(PartyRef::Organization(OrgNumber::parse(text).map_err(|_| Fault::Syntax("an organisation number has nine digits"))?));
    }
    if let Some(text) = named(PERSON) {
        out.push(PartyRef::Person(NationalId::parse(text).map_err(|_| Fault::Syntax("an identity number has eleven digits"))?));
    }
    if let Some(text) = named(PARTY_UUID) {
        out.push(Uuid::try_parse(text).map_or(PartyRef::Nobody, PartyRef::Uuid));
    }
    if out.is_empty()
        && let Some(id) = named(INSTANCE).and_then(|i| i.split('/').next()).and_then(|p| p.parse().ok())
    {
        out.push(PartyRef::PartyId(id));
    }
    Ok(out)
}

/// Who the request says it is about.
fn subject_name(request: &PartialRequest) -> Step<SubjectName> {
    let named = |id: &str| request.first(ids::SUBJECT, id);
    if let Some(text) = named(SYSTEM_USER) {
        let id = Uuid::try_parse(text).map_err(|_| Fault::Processing("a system user is named by its uuid"))?;
        return Ok(SubjectName::SystemUser(id));
    }
    if let Some(text) = named(PERSON) {
        return Ok(SubjectName::NationalId(NationalId::parse(text).map_or(PartyRef::Nobody, PartyRef::Person)));
    }
    let name = named(USER_ID).and_then(|t| t.parse().ok()).map(PartyRef::UserId);
    let name = name.or_else(|| named(PERSON_UUID).or_else(|| named(PARTY_UUID)).and_then(|t| Uuid::try_parse(t).ok()).map(PartyRef::Uuid));
    let name = name.or_else(|| named(PARTY_ID).and_then(|t| t.parse().ok()).map(PartyRef::PartyId));
    Ok(name.map_or(SubjectName::Other, SubjectName::Person))
}

fn resource_identifier(request: &PartialRequest) -> Step<String> {
    let named = |id: &str| request.first(ids::RESOURCE, id);
    match (named("urn:altinn:resource"), named("urn:altinn:org"), named("urn:altinn:app")) {
        (Some(id), _, _) => Ok(id.to_owned()),
        (None, Some(org), Some(app)) => Ok(format!("app_{org}_{app}")),
        _ => Err(Fault::Processing("no resource is named")),
    }
}

/// An app is completed with its other name.
fn complete_resource(attributes: &mut Attributes, identifier: &str) {
    if !attributes.has(ids::RESOURCE, "urn:altinn:resource") {
        attributes.add(ids::RESOURCE, "urn:altinn:resource", ids::STRING, identifier);
    }
    if let Some((org, app)) = identifier.strip_prefix("app_").and_then(|rest| rest.split_once('_')) {
        for (id, value) in [("urn:altinn:org", org), ("urn:altinn:app", app)] {
            if !attributes.has(ids::RESOURCE, id) {
                attributes.add(ids::RESOURCE, id, ids::STRING, value);
            }
        }
    }
}
