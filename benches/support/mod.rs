//! Policies and requests of the shape that they have in Altinn, made up.
//!
//! The question is one: may a system user with ten packages and ten single rights `read` a
//! resource? One third of the questions is permitted by a package, one third by a single right, and
//! one third denied.

use std::{fmt::Write, sync::Arc};

use systembruker::xacml::{
    Category, Limits, LoadErrors, LoadOptions, PolicyTree, Program, Vocabulary, ids,
};

/// `AttributeId` of packages.
pub const PACKAGE: &str = "urn:altinn:accesspackage";
/// `AttributeId` of single rights: the resource that each is about.
pub const RIGHT: &str = "urn:altinn:singleright";
/// `AttributeId` of roles, which system users have none of.
pub const ROLE: &str = "urn:altinn:rolecode";
/// `AttributeId` of a resource.
pub const RESOURCE: &str = "urn:altinn:resource";
/// Questions that are asked in turn.
pub const QUESTIONS: usize = 999;

const PACKAGES: usize = 200;
const EQUAL: &str = "urn:oasis:names:tc:xacml:1.0:function:string-equal";
const EQUAL_IGNORE_CASE: &str = "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case";

/// Identifier of a resource.
pub fn resource(n: usize) -> String {
    format!("skd-resource-{n:05}")
}

/// The three packages that may read a resource.
pub fn packages_of(resource: usize) -> [String; 3] {
    [7, 18, 31].map(|step| package(resource * 3 + step))
}

fn package(n: usize) -> String {
    format!("package-{:03}", n % PACKAGES)
}

/// A system user and the resource that it wants to read.
pub struct Question {
    /// Identifier of the system user.
    pub user: String,
    /// Packages that it has.
    pub packages: Vec<String>,
    /// Resources that it has a single right to.
    pub rights: Vec<String>,
    /// Number of the resource.
    pub resource: usize,
    /// The answer.
    pub permit: bool,
}

/// The questions, spread over so many resources.
pub fn questions(resources: usize) -> Vec<Question> {
    (0..QUESTIONS)
        .map(|n| {
            let asked = n * 7919 % resources;
            let open_to = packages_of(asked);
            let mut packages: Vec<String> = (0..)
                .map(|k| package(n * 13 + k))
                .filter(|p| !open_to.contains(p))
                .take(10)
                .collect();
            let mut rights: Vec<String> = (1..=10)
                .map(|k| resource((asked + k) % resources.max(11)))
                .collect();
            match n % 3 {
                0 => packages[7].clone_from(&open_to[1]),
                1 => rights[4] = resource(asked),
                _ => {}
            }
            Question {
                user: format!("user-{n:03}"),
                packages,
                rights,
                resource: asked,
                permit: n % 3 != 2,
            }
        })
        .collect()
}

impl Question {
    /// As a request, from texts.
    pub fn categories<'a>(&'a self, resource: &'a str) -> [Category<'a>; 3] {
        let mut subject = Category::new(ids::SUBJECT);
        subject
            .attributes
            .reserve_exact(self.packages.len() + self.rights.len());
        subject.add_texts(PACKAGE, self.packages.iter().map(String::as_str));
        subject.add_texts(RIGHT, self.rights.iter().map(String::as_str));
        let (mut about, mut action) = (Category::new(ids::RESOURCE), Category::new(ids::ACTION));
        about.add_text(RESOURCE, resource);
        action.add_text(ids::ACTION_ID, "read");
        [subject, about, action]
    }

    /// As the body of a request in JSON.
    pub fn json(&self) -> String {
        let attribute =
            |id: &str, value: &str| format!(r#"{{"AttributeId":"{id}","Value":"{value}"}}"#);
        let several =
            |id: &str, values: &[String]| format!(r#"{{"AttributeId":"{id}","Value":{values:?}}}"#);
        let held = [
            several(PACKAGE, &self.packages),
            several(RIGHT, &self.rights),
        ];
        format!(
            r#"{{"Request":{{"AccessSubject":[{{"Attribute":[{}]}}],"Resource":[{{"Attribute":[{}]}}],"Action":[{{"Attribute":[{}]}}]}}}}"#,
            held.join(","),
            attribute(RESOURCE, &resource(self.resource)),
            attribute(ids::ACTION_ID, "read"),
        )
    }
}

/// A policy over one resource: two rules on reading, by package and by single right, the others on
/// other actions by role.
pub fn policy(about: usize, rules: usize, subjects: usize) -> String {
    let name = resource(about);
    let mut xml = format!(
        r#"<xacml:Policy xmlns:xacml="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:resource:{name}:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><xacml:Target/>"#
    );
    for rule in 0..rules {
        let role = |n: usize| (ROLE, format!("R{rule:03}{n:02}"));
        let mut held: Vec<(&str, String)> = match rule {
            0 => packages_of(about).map(|p| (PACKAGE, p)).into(),
            1 => vec![(RIGHT, name.clone())],
            _ => Vec::new(),
        };
        held.extend((held.len()..subjects).map(role));
        let action = if rule < 2 {
            "read".to_owned()
        } else {
            format!("action-{rule}")
        };
        let _ = write!(
            xml,
            r#"<xacml:Rule RuleId="urn:altinn:resource:{name}:ruleid:{rule}" Effect="Permit"><xacml:Target><xacml:AnyOf>"#
        );
        for (attribute, value) in &held {
            all_of(&mut xml, EQUAL_IGNORE_CASE, value, attribute, ids::SUBJECT);
        }
        xml.push_str("</xacml:AnyOf><xacml:AnyOf>");
        all_of(&mut xml, EQUAL, &name, RESOURCE, ids::RESOURCE);
        xml.push_str("</xacml:AnyOf><xacml:AnyOf>");
        all_of(&mut xml, EQUAL, &action, ids::ACTION_ID, ids::ACTION);
        xml.push_str("</xacml:AnyOf></xacml:Target></xacml:Rule>");
    }
    xml.push_str(concat!(
        r#"<xacml:ObligationExpressions><xacml:ObligationExpression ObligationId="urn:altinn:obligation:authenticationLevel1" FulfillOn="Permit">"#,
        r#"<xacml:AttributeAssignmentExpression AttributeId="urn:altinn:obligation1-assignment1" Category="urn:altinn:minimum-authenticationlevel">"#,
        r#"<xacml:AttributeValue DataType="http://www.w3.org/2001/XMLSchema#integer">3</xacml:AttributeValue></xacml:AttributeAssignmentExpression>"#,
        "</xacml:ObligationExpression></xacml:ObligationExpressions></xacml:Policy>"
    ));
    xml
}

fn all_of(xml: &mut String, function: &str, value: &str, attribute: &str, category: &str) {
    let _ = write!(
        xml,
        r#"<xacml:AllOf><xacml:Match MatchId="{function}"><xacml:AttributeValue DataType="{0}">{value}</xacml:AttributeValue><xacml:AttributeDesignator AttributeId="{attribute}" Category="{category}" DataType="{0}" MustBePresent="false"/></xacml:Match></xacml:AllOf>"#,
        ids::STRING
    );
}

/// The policy of a resource, ready to run beside others.
pub fn program(
    about: usize,
    rules: usize,
    subjects: usize,
    vocabulary: &Arc<Vocabulary>,
) -> Program {
    // Larger ones than may be uploaded.
    let limits = Limits {
        policy_bytes: 64 << 20,
        xml_nodes: 1_000_000,
        ..Limits::DEFAULT
    };
    let (xml, options) = (
        policy(about, rules, subjects),
        LoadOptions {
            limits,
            ..LoadOptions::default()
        },
    );
    let read = PolicyTree::read(xml.as_bytes(), &options).map_err(LoadErrors::from);
    match read.and_then(|(tree, errors)| Program::compile(&tree, errors, &options, vocabulary)) {
        Ok(program) => program,
        Err(errors) => panic!("a policy of ours does not load: {errors}"),
    }
}
