//! What a policy is asked about: the attributes of a request, completed with what is known.

use std::borrow::Cow;

use uuid::Uuid;

use super::{
    PartialRequest,
    decided::EchoedAttribute,
    log::StoredContext,
    memory::PairFacts,
    question::{
        APP, DecisionQuestion, ORG, ORGANIZATION, PARTY_ID, QuestionIdentifier, QuestionNames,
        RESOURCE, tidied,
    },
};
use registers::parties::Party;
use xacml::{Category, DataType, Value, ids};

/// Adds what follows from the identifiers given: party ids, the other name of an organisation
/// number.
pub(super) fn complete_parties<'a>(
    names: &QuestionNames<'a>,
    reportee: Option<&Party>,
    pair: &PairFacts,
    attributes: &mut PolicyAttributes<'a>,
    echo: &mut Vec<EchoedAttribute>,
) {
    let has = |identifier| names.get(identifier).is_some();
    if let Some(id) = reportee.and_then(|r| r.party_id)
        && !has(QuestionIdentifier::ReporteePartyId)
    {
        attributes.add(ids::RESOURCE, PARTY_ID, Cow::Owned(id.to_string()));
        if !names.has_other_reportee() {
            // Taken from the instance id: the caller learns which party was meant.
            let category = ids::RESOURCE.to_owned();
            echo.push(EchoedAttribute {
                category,
                id: PARTY_ID.to_owned(),
                data_type: DataType::String,
                value: id.to_string(),
            });
        }
    }
    for (category, present, older) in [
        (
            ids::SUBJECT,
            QuestionIdentifier::SubjectOrganization,
            QuestionIdentifier::SubjectOrganizationLegacy,
        ),
        (
            ids::RESOURCE,
            QuestionIdentifier::ReporteeOrganization,
            QuestionIdentifier::ReporteeOrganizationLegacy,
        ),
    ] {
        if let Some(number) = names.get(older)
            && !has(present)
        {
            attributes.add(category, ORGANIZATION, Cow::Borrowed(number));
        }
    }
    if (has(QuestionIdentifier::SubjectOrganization)
        || has(QuestionIdentifier::SubjectOrganizationLegacy))
        && !has(QuestionIdentifier::SubjectPartyId)
        && let Some(id) = pair.subject.as_ref().and_then(|party| party.party_id)
    {
        attributes.add(ids::SUBJECT, PARTY_ID, Cow::Owned(id.to_string()));
    }
}

/// What the policy is asked about, by category.
pub(super) struct PolicyAttributes<'a>(pub(super) Vec<Category<'a>>);

impl<'a> PolicyAttributes<'a> {
    /// Steps that it takes to read the values of a request.
    pub(super) fn steps_to_read(request: &PartialRequest<'_>) -> usize {
        let values = request.values.iter();
        values
            .map(|v| Value::steps_to_parse(v.data_type, v.value.len()))
            .sum()
    }

    /// The attributes of a request. A value that its data type does not have can match nothing, and
    /// is left out.
    pub(super) fn of(request: &'a PartialRequest<'_>, question: &DecisionQuestion<'_>) -> Self {
        let mut out = Self(Vec::with_capacity(4));
        // What a question names it names once, however often it was written.
        let mut named = Vec::new();
        for v in &request.values {
            let tidied = if question.is_untidy() {
                tidied(v)
            } else {
                None
            };
            let text = tidied.map_or(&*v.value, |(_, text)| text);
            // Identifiers are compared as text: uuids in one spelling.
            let text = if v.id.ends_with(":uuid") {
                canonical_uuid(text)
            } else {
                Cow::Borrowed(text)
            };
            let name = tidied.map(|(identifier, _)| (identifier, v.data_type));
            if name.is_some_and(|name| named.contains(&name)) {
                continue;
            }
            if let Some(value) = Value::parse(v.data_type, text) {
                named.extend(name);
                let category = out.category(&v.category);
                category.add(&*v.id, value);
                if let Some(attribute) = category.attributes.last_mut() {
                    attribute.include_in_result = v.include_in_result;
                }
            }
        }
        out
    }

    pub(super) fn category(&mut self, name: &'a str) -> &mut Category<'a> {
        let at = self
            .0
            .iter()
            .position(|c| c.category == name)
            .unwrap_or_else(|| {
                self.0.push(Category::new(name));
                self.0.len() - 1
            });
        &mut self.0[at]
    }

    fn add(&mut self, category: &'a str, id: &'a str, text: Cow<'a, str>) {
        self.category(category).add_text(id, text);
    }

    pub(super) fn texts(&self, category: &str, id: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let attributes = self
            .0
            .iter()
            .filter(move |c| c.category == category)
            .flat_map(|c| &c.attributes);
        attributes
            .filter(move |a| a.id == id)
            .flat_map(|a| a.values.iter())
            .map(xacml::AttributeValue::text)
    }

    fn has(&self, category: &str, id: &str) -> bool {
        self.texts(category, id).next().is_some()
    }

    /// As the log keeps them, in at most so many bytes.
    pub(super) fn written(&self, pair: &PairFacts, max_bytes: usize) -> String {
        let mut out = StoredContext::within(max_bytes);
        for category in &self.0 {
            let person = match &*category.category {
                ids::SUBJECT => pair.subject.as_ref().map(|party| party.uuid),
                ids::RESOURCE => pair.reportee.as_ref().map(|known| known.party.uuid),
                _ => None,
            };
            for attribute in &category.attributes {
                for value in attribute.values.iter() {
                    let data_type = value.value.data_type();
                    out.add(
                        &category.category,
                        &attribute.id,
                        data_type,
                        &value.text(),
                        attribute.include_in_result,
                        person,
                    );
                }
            }
        }
        out.finish()
    }

    /// An app is completed with its other name.
    pub(super) fn complete_resource(&mut self, identifier: &'a str) {
        if !self.has(ids::RESOURCE, RESOURCE) {
            self.add(ids::RESOURCE, RESOURCE, Cow::Borrowed(identifier));
        }
        if let Some((org, app)) = identifier
            .strip_prefix("app_")
            .and_then(|rest| rest.split_once('_'))
        {
            for (id, value) in [(ORG, org), (APP, app)] {
                if !self.has(ids::RESOURCE, id) {
                    self.add(ids::RESOURCE, id, Cow::Borrowed(value));
                }
            }
        }
    }
}

fn canonical_uuid(text: &str) -> Cow<'_, str> {
    let mut buffer = Uuid::encode_buffer();
    match Uuid::try_parse(text).map(|uuid| &*uuid.as_hyphenated().encode_lower(&mut buffer)) {
        Ok(canonical) if canonical != text => Cow::Owned(canonical.to_owned()),
        _ => Cow::Borrowed(text),
    }
}
