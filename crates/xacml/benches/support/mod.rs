//! Policies and requests for benchmarks and tests.
//!
//! Every question is the same: may a user who holds ten packages of rights and ten single rights
//! `read` a resource? One third of the questions is permitted by a package, one third by a single
//! right, and one third is not permitted.

use std::{fmt::Write, sync::Arc};

use xacml::{Category, LoadErrors, LoadOptions, PolicyTree, Program, Vocabulary, ids};

/// `AttributeId` of packages.
pub const PACKAGE: &str = "urn:example:rightspackage";
/// `AttributeId` of single rights, whose value is the resource.
pub const RIGHT: &str = "urn:example:singleright";
/// `AttributeId` of roles, of which the users have none.
pub const ROLE: &str = "urn:example:rolecode";
/// `AttributeId` of a resource.
pub const RESOURCE: &str = "urn:example:resource";
/// The number of questions.
pub const QUESTIONS: usize = 999;

const PACKAGES: usize = 200;
const EQUAL: &str = "urn:oasis:names:tc:xacml:1.0:function:string-equal";
const EQUAL_IGNORE_CASE: &str = "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case";

/// Identifier of a resource.
pub fn resource(n: usize) -> String {
    format!("the-resource-{n:05}")
}

/// The three packages that may read a resource.
pub fn packages_of(resource: usize) -> [String; 3] {
    [7, 18, 31].map(|step| package(resource * 3 + step))
}

fn package(n: usize) -> String {
    format!("package-{:03}", n % PACKAGES)
}

/// A user and the resource to be read.
pub struct Question {
    /// Identifier of the user.
    pub user: String,
    /// Packages that the user holds.
    pub packages: Vec<String>,
    /// Resources that the user has a single right to.
    pub rights: Vec<String>,
    /// Number of the resource.
    pub resource: usize,
    /// The expected answer.
    pub permit: bool,
}

/// The questions, spread evenly over a number of resources.
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
    /// The categories of a request, which borrow their texts.
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
}

/// A policy over one resource: two rules on reading, by package and by single right, and others on
/// other actions, by role.
pub fn policy(about: usize, rules: usize, subjects: usize) -> String {
    let name = resource(about);
    let mut xml = format!(
        r#"<xacml:Policy xmlns:xacml="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:example:resource:{name}:policyid:1" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><xacml:Target/>"#
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
            r#"<xacml:Rule RuleId="urn:example:resource:{name}:ruleid:{rule}" Effect="Permit"><xacml:Target><xacml:AnyOf>"#
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
        r#"<xacml:ObligationExpressions><xacml:ObligationExpression ObligationId="urn:example:obligation:authenticationlevel" FulfillOn="Permit">"#,
        r#"<xacml:AttributeAssignmentExpression AttributeId="urn:example:minimum-level" Category="urn:example:authenticationlevel">"#,
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

/// The program of a resource's policy.
pub fn program(
    about: usize,
    rules: usize,
    subjects: usize,
    vocabulary: &Arc<Vocabulary>,
) -> Program {
    // Policies with a thousand rules are larger than the default.
    let mut options = LoadOptions::default();
    options.limits.policy_bytes = 64 << 20;
    options.limits.xml_nodes = 1_000_000;
    let xml = policy(about, rules, subjects);
    let read = PolicyTree::read(xml.as_bytes(), &options).map_err(LoadErrors::from);
    match read.and_then(|(tree, errors)| Program::compile(&tree, errors, &options, vocabulary)) {
        Ok(program) => program,
        Err(errors) => panic!("the policy does not load: {errors}"),
    }
}
