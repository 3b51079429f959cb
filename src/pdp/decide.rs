//! One decision, from the attributes of a request to the answer.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Fault, Pdp, attributes::Attributes, facts, request::Entry};
use crate::{
    db::DbError,
    ids::{NationalId, OrgNumber},
    register::{self, Party, PartyKind, rules},
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
const SYSTEM_USER: &str = "urn:altinn:systemuser:uuid";
const PARTY_ID: &str = "urn:altinn:partyid";
const PARTY_UUID: &str = "urn:altinn:party:uuid";
const PERSON_UUID: &str = "urn:altinn:person:uuid";
const USER_ID: &str = "urn:altinn:userid";
const PERSON: &str = "urn:altinn:person:identifier-no";
const ORGANIZATION: &str = "urn:altinn:organization:identifier-no";
const ORGANIZATION_LEGACY: &str = "urn:altinn:organizationnumber";
const INSTANCE: &str = "urn:altinn:instance-id";

/// The attributes one decision is about, by category, in request order.
#[derive(Debug, Default)]
pub struct PartialRequest {
    values: Vec<RequestValue>,
    fault: Option<Fault>,
    has_subject: bool,
    has_resource: bool,
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

    /// A request that cannot be decided.
    #[must_use]
    pub fn faulty(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// Adds a text attribute.
    pub fn add(&mut self, category: &str, id: &str, value: String) {
        self.has_subject |= category == ids::SUBJECT;
        self.has_resource |= category == ids::RESOURCE;
        self.values.push(RequestValue {
            category: category.to_owned(),
            id: id.to_owned(),
            data_type: ids::STRING.to_owned(),
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

/// Who the request is about.
enum Subject {
    SystemUser(Option<SystemUserFacts>),
    Person(Option<Party>),
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
                Fault::Processing(message) => ("processing-error", message),
                Fault::Syntax(message) => ("syntax-error", message),
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
            return Ok(Err(Fault::Processing("the resource is unknown, or has no policy")));
        };
        decided.owner_code.clone_from(&resource.owner_code);
        decided.resource.clone_from(&resource.identifier);
        decided.owner_org = Some(resource.owner_org.clone());
        let reportee = match self.reportee(&mut *db, request).await? {
            Ok(reportee) => reportee,
            Err(fault) => return Ok(Err(fault)),
        };
        let subject = match self.subject(&mut *db, request).await? {
            Ok(subject) => subject,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Subject::SystemUser(facts) = &subject
            && !facts.is_some_and(|f| f.alive)
        {
            decided.decision = Decision::NotApplicable;
            return Ok(Ok(()));
        }
        let mut attributes = request.attributes();
        complete_resource(&mut attributes, &identifier);
        self.complete_parties(&mut *db, request, reportee.as_ref(), &mut attributes, decided).await?;
        if policy.mentions_packages || policy.mentions_roles {
            self.enrich(&mut *db, &subject, reportee.as_ref(), &mut attributes).await?;
        }
        let mut scratch = Scratch::default();
        let mut prepared = Prepared::new(&policy.program, attributes.categories(), Environment::at(self.clock.seconds()), &mut scratch);
        let evaluation = prepared.evaluate();
        decided.take(evaluation.decision(), evaluation.fault());
        if decided.decision == Decision::Permit {
            decided.obligations.clone_from(&policy.permit_obligations);
        }
        if decided.decision == Decision::NotApplicable
            && let (Subject::SystemUser(Some(facts)), Some(reportee)) = (&subject, &reportee)
            && !reportee.is_gone()
            && let Some(action) = request.first(ids::ACTION, ids::ACTION_ID)
            && self.has_right(&mut *db, facts.key, reportee, &resource, action, &attributes).await?
        {
            decided.decision = Decision::Permit;
            decided.obligations.clone_from(&policy.permit_obligations);
        }
        if decided.decision == Decision::Permit && resource.access_list_enabled {
            self.apply_access_list(db, request, &resource, reportee.as_ref(), decided).await?;
        }
        Ok(Ok(()))
    }

    /// The party the request is about; none when the request names none, or one that we do not know.
    async fn reportee(&self, db: &mut PgConnection, request: &PartialRequest) -> Result<Step<Option<Party>>, DbError> {
        let mut found: Vec<Option<Party>> = Vec::new();
        let named = |id: &str| request.first(ids::RESOURCE, id);
        if let Some(text) = named(PARTY_ID) {
            let Ok(id) = text.trim().parse() else { return Ok(Err(Fault::Processing("the reportee's party id is not a number"))) };
            found.push(register::party_by_id(&mut *db, id).await?);
        }
        for id in [ORGANIZATION, ORGANIZATION_LEGACY] {
            if let Some(text) = named(id) {
                let Ok(number) = OrgNumber::parse(text) else { return Ok(Err(Fault::Syntax("an organisation number has nine digits"))) };
                found.push(register::party_by_org_number(&mut *db, number.as_str()).await?);
            }
        }
        if let Some(text) = named(PERSON) {
            let Ok(id) = NationalId::parse(text) else { return Ok(Err(Fault::Syntax("an identity number has eleven digits"))) };
            found.push(register::party_by_national_id(&mut *db, &self.identity, &id).await?);
        }
        if let Some(text) = named(PARTY_UUID) {
            found.push(match Uuid::try_parse(text) {
                Ok(uuid) => register::party_by_uuid(&mut *db, uuid).await?,
                Err(_) => None,
            });
        }
        if found.is_empty()
            && let Some(id) = named(INSTANCE).and_then(|i| i.split('/').next()).and_then(|p| p.parse().ok())
        {
            found.push(register::party_by_id(&mut *db, id).await?);
        }
        let first = found.first().cloned().flatten();
        if found.iter().any(|p| p.as_ref().map(|p| p.key) != first.as_ref().map(|p| p.key)) {
            return Ok(Err(Fault::Processing("the reportee's identifiers name different parties")));
        }
        Ok(Ok(first))
    }

    async fn subject(&self, db: &mut PgConnection, request: &PartialRequest) -> Result<Step<Subject>, DbError> {
        let named = |id: &str| request.first(ids::SUBJECT, id);
        if let Some(text) = named(SYSTEM_USER) {
            let Ok(id) = Uuid::try_parse(text) else { return Ok(Err(Fault::Processing("a system user is named by its uuid"))) };
            return Ok(Ok(Subject::SystemUser(system_users::facts(db, id).await?)));
        }
        if let Some(text) = named(PERSON) {
            let person = match NationalId::parse(text) {
                Ok(id) => register::party_by_national_id(db, &self.identity, &id).await?,
                Err(_) => None,
            };
            return Ok(person.map(|p| Subject::Person(Some(p))).ok_or(Fault::Processing("the person is unknown")));
        }
        let party = if let Some(id) = named(USER_ID).and_then(|t| t.parse().ok()) {
            register::party_by_user_id(db, id).await?
        } else if let Some(uuid) = named(PERSON_UUID).or_else(|| named(PARTY_UUID)).and_then(|t| Uuid::try_parse(t).ok()) {
            register::party_by_uuid(db, uuid).await?
        } else if let Some(id) = named(PARTY_ID).and_then(|t| t.parse().ok()) {
            register::party_by_id(db, id).await?
        } else {
            None
        };
        Ok(Ok(party.filter(|p| p.kind == PartyKind::Person).map_or(Subject::Other, |p| Subject::Person(Some(p)))))
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
    async fn enrich(&self, db: &mut PgConnection, subject: &Subject, reportee: Option<&Party>, attributes: &mut Attributes) -> Result<(), DbError> {
        let Some(reportee) = reportee else { return Ok(()) };
        let (party, is_person) = match subject {
            Subject::Person(Some(person)) => (Some(person.clone()), true),
            Subject::SystemUser(Some(facts)) => (register::party_by_key(&mut *db, facts.key).await?, false),
            _ => (None, false),
        };
        let Some(party) = party else { return Ok(()) };
        let connections = register::connections(db, party.key, reportee.key).await?;
        let access = rules::access(&self.catalogue, &party, reportee, &connections);
        for package in access.packages.iter().filter_map(|key| self.catalogue.package(*key)) {
            attributes.add(ids::SUBJECT, "urn:altinn:accesspackage", ids::STRING, package.value());
        }
        if is_person {
            for role in access.roles.iter().filter_map(|key| self.catalogue.role(*key)) {
                add_role(attributes, role);
            }
        }
        Ok(())
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
            decided.obligations.clear();
            decided.message = Some("The reportee is not on an access list of this resource.".to_owned());
        }
        Ok(())
    }
}

impl Decided {
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
    if subject(PERSON) && subject(USER_ID) {
        return Err(Fault::Processing("a person is named twice"));
    }
    if (subject(ORGANIZATION) || subject(ORGANIZATION_LEGACY)) && (subject(PERSON) || subject(USER_ID)) {
        return Err(Fault::Processing("the subject is an organisation and a person at once"));
    }
    Ok(())
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
