//! Random policies and requests over few attributes and values, so that they often match.

use std::fmt::Write;

use proptest::prelude::*;

const XS: &str = "http://www.w3.org/2001/XMLSchema#";

/// A value of a request.
#[derive(Debug, Clone)]
pub struct Fact {
    pub category: &'static str,
    pub attribute_id: &'static str,
    pub issuer: Option<&'static str>,
    pub data_type: &'static str,
    pub text: &'static str,
}

/// A policy and a request, both in XML, and the request as facts.
#[derive(Debug, Clone)]
pub struct Case {
    pub policy: String,
    pub request: String,
    pub facts: Vec<Fact>,
}

pub fn case() -> impl Strategy<Value = Case> {
    (tree(), prop::collection::vec(fact(), 0..10)).prop_map(|(policy, facts)| Case {
        policy: numbered(&policy),
        request: request(&facts),
        facts,
    })
}

fn fact() -> impl Strategy<Value = Fact> {
    let value = prop_oneof![
        3 => prop::sample::select(vec!["x", "y", "X", ""]).prop_map(|text| ("string", text)),
        2 => prop::sample::select(vec!["-1", "0", "1", "2"]).prop_map(|text| ("integer", text)),
    ];
    (category(), attribute_id(), issuer(), value).prop_map(
        |(category, attribute_id, issuer, (data_type, text))| Fact {
            category,
            attribute_id,
            issuer,
            data_type,
            text,
        },
    )
}

fn category() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["subject", "action"])
}

fn attribute_id() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b"])
}

fn issuer() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![6 => Just(None), 1 => Just(Some("i")), 1 => Just(Some("j"))]
}

fn request(facts: &[Fact]) -> String {
    let mut xml = String::from(
        r#"<Request xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" ReturnPolicyIdList="true" CombinedDecision="false">"#,
    );
    for category in ["subject", "action"] {
        let _ = write!(xml, r#"<Attributes Category="{category}">"#);
        for fact in facts.iter().filter(|f| f.category == category) {
            let issuer = fact
                .issuer
                .map(|i| format!(r#" Issuer="{i}""#))
                .unwrap_or_default();
            let _ = write!(
                xml,
                r#"<Attribute AttributeId="{}"{issuer} IncludeInResult="false"><AttributeValue DataType="{XS}{}">{}</AttributeValue></Attribute>"#,
                fact.attribute_id, fact.data_type, fact.text
            );
        }
        xml += "</Attributes>";
    }
    xml + "</Request>"
}

/// Gives each `@` a number of its own.
fn numbered(xml: &str) -> String {
    xml.split('@')
        .enumerate()
        .map(|(n, piece)| {
            if n == 0 {
                piece.to_owned()
            } else {
                format!("{n}{piece}")
            }
        })
        .collect()
}

fn literal(data_type: &str, text: &str) -> String {
    format!(r#"<AttributeValue DataType="{XS}{data_type}">{text}</AttributeValue>"#)
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y", "X", ""]).prop_map(|text| literal("string", text))
}

fn number() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["-1", "0", "1", "2"]).prop_map(|text| literal("integer", text))
}

fn designator(data_type: &'static str) -> impl Strategy<Value = String> {
    (category(), attribute_id(), issuer(), prop::bool::weighted(0.15)).prop_map(move |(category, id, issuer, must)| {
        let issuer = issuer.map(|i| format!(r#" Issuer="{i}""#)).unwrap_or_default();
        format!(r#"<AttributeDesignator Category="{category}" AttributeId="{id}" DataType="{XS}{data_type}" MustBePresent="{must}"{issuer}/>"#)
    })
}

fn apply(function: &str, arguments: &str) -> String {
    format!(r#"<Apply FunctionId="urn:oasis:names:tc:xacml:{function}">{arguments}</Apply>"#)
}

fn function(id: &str) -> String {
    format!(r#"<Function FunctionId="urn:oasis:names:tc:xacml:{id}"/>"#)
}

fn comparison() -> impl Strategy<Value = String> {
    let of = |function: &'static str, value: BoxedStrategy<String>, data_type: &'static str| {
        (value, designator(data_type)).prop_map(move |(v, d)| {
            format!(r#"<Match MatchId="urn:oasis:names:tc:xacml:{function}">{v}{d}</Match>"#)
        })
    };
    prop_oneof![
        6 => of("1.0:function:string-equal", text().boxed(), "string"),
        3 => of("3.0:function:string-equal-ignore-case", text().boxed(), "string"),
        1 => of("1.0:function:integer-equal", number().boxed(), "integer"),
        1 => of("1.0:function:integer-greater-than", number().boxed(), "integer"),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let all_of = prop_oneof![3 => prop::collection::vec(comparison(), 1), 1 => prop::collection::vec(comparison(), 2..4)]
        .prop_map(|m| format!("<AllOf>{}</AllOf>", m.concat()));
    let any_of =
        prop::collection::vec(all_of, 1..4).prop_map(|a| format!("<AnyOf>{}</AnyOf>", a.concat()));
    prop::collection::vec(any_of, 0..3).prop_map(|a| format!("<Target>{}</Target>", a.concat()))
}

fn whole_number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        number(),
        designator("integer").prop_map(|d| apply("1.0:function:integer-one-and-only", &d)),
        designator("string").prop_map(|d| apply("1.0:function:string-bag-size", &d)),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        (
            prop::sample::select(vec!["add", "divide", "subtract"]),
            inner.clone(),
            inner,
        )
            .prop_map(|(op, a, b)| apply(&format!("1.0:function:integer-{op}"), &(a + &b)))
    })
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::bool::ANY.prop_map(|b| literal("boolean", if b { "true" } else { "false" })),
        (text(), designator("string"))
            .prop_map(|(v, d)| apply("1.0:function:string-is-in", &(v + &d))),
        (text(), designator("string")).prop_map(|(v, d)| apply(
            "1.0:function:string-equal",
            &(v + &apply("1.0:function:string-one-and-only", &d))
        )),
        (whole_number(), whole_number())
            .prop_map(|(a, b)| apply("1.0:function:integer-less-than", &(a + &b))),
        (text(), designator("string")).prop_map(|(v, d)| apply(
            "3.0:function:any-of",
            &(function("1.0:function:string-equal") + &v + &d)
        )),
        (designator("string"), designator("string"))
            .prop_map(|(a, b)| apply("1.0:function:string-at-least-one-member-of", &(a + &b))),
        Just(r#"<VariableReference VariableId="v"/>"#.to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| apply("1.0:function:not", &a)),
            (
                prop::sample::select(vec!["and", "or"]),
                prop::collection::vec(inner.clone(), 0..4)
            )
                .prop_map(|(op, all)| apply(&format!("1.0:function:{op}"), &all.concat())),
            (number(), prop::collection::vec(inner, 0..4))
                .prop_map(|(n, all)| apply("1.0:function:n-of", &(n + &all.concat()))),
        ]
    })
}

/// Obligations, and advice.
fn obligations() -> impl Strategy<Value = String> {
    let value = prop_oneof![3 => text(), 1 => designator("string"), 1 => whole_number()];
    let assignment = value.prop_map(|v| {
        format!(
            r#"<AttributeAssignmentExpression AttributeId="g">{v}</AttributeAssignmentExpression>"#
        )
    });
    let obligation = (prop::bool::ANY, prop::collection::vec(assignment, 0..3));
    let some = prop_oneof![2 => prop::collection::vec(obligation.clone(), 0), 1 => prop::collection::vec(obligation, 1..3)];
    (some.clone(), some).prop_map(|(obligations, advice)| {
        let effect = |permit: &bool| if *permit { "Permit" } else { "Deny" };
        let mut xml = String::new();
        if !obligations.is_empty() {
            let one = |(permit, inner): &(bool, Vec<String>)| {
                format!(r#"<ObligationExpression ObligationId="o@" FulfillOn="{}">{}</ObligationExpression>"#, effect(permit), inner.concat())
            };
            let _ = write!(xml, "<ObligationExpressions>{}</ObligationExpressions>", obligations.iter().map(one).collect::<String>());
        }
        if !advice.is_empty() {
            let one = |(permit, inner): &(bool, Vec<String>)| {
                format!(r#"<AdviceExpression AdviceId="o@" AppliesTo="{}">{}</AdviceExpression>"#, effect(permit), inner.concat())
            };
            let _ = write!(xml, "<AdviceExpressions>{}</AdviceExpressions>", advice.iter().map(one).collect::<String>());
        }
        xml
    })
}

fn rule() -> impl Strategy<Value = String> {
    let condition = prop_oneof![2 => Just(String::new()), 1 => condition().prop_map(|c| format!("<Condition>{c}</Condition>"))];
    (prop::bool::ANY, target(), condition, obligations()).prop_map(
        |(permit, target, condition, obligations)| {
            format!(
                r#"<Rule RuleId="r@" Effect="{}">{target}{condition}{obligations}</Rule>"#,
                if permit { "Permit" } else { "Deny" }
            )
        },
    )
}

/// An algorithm for rules or policies, by its identifier.
fn algorithm(of: &'static str) -> impl Strategy<Value = String> {
    let names = [
        "deny-overrides",
        "permit-overrides",
        "deny-unless-permit",
        "permit-unless-deny",
    ]
    .map(|n| format!("3.0:{of}-combining-algorithm:{n}"));
    let old = ["deny-overrides", "permit-overrides", "first-applicable"]
        .map(|n| format!("1.0:{of}-combining-algorithm:{n}"));
    let only_one =
        (of == "policy").then(|| "1.0:policy-combining-algorithm:only-one-applicable".to_owned());
    prop::sample::select(
        names
            .into_iter()
            .chain(old)
            .chain(only_one)
            .collect::<Vec<_>>(),
    )
}

fn policy() -> impl Strategy<Value = String> {
    // Without references to variables, so that there are no circles.
    let variable = condition().prop_map(|c| {
        c.replace(
            r#"<VariableReference VariableId="v"/>"#,
            &literal("boolean", "true"),
        )
    });
    (algorithm("rule"), target(), variable, prop::collection::vec(rule(), 0..9), obligations()).prop_map(|(algorithm, target, variable, rules, obligations)| {
        format!(
            r#"<Policy PolicyId="p@" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:{algorithm}">{target}<VariableDefinition VariableId="v">{variable}</VariableDefinition>{}{obligations}</Policy>"#,
            rules.concat()
        )
    })
}

fn tree() -> impl Strategy<Value = String> {
    let namespace = r#" xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17""#;
    policy()
        .prop_recursive(2, 8, 6, |inner| {
            (algorithm("policy"), target(), prop::collection::vec(inner, 0..7), obligations()).prop_map(|(algorithm, target, children, obligations)| {
                format!(
                    r#"<PolicySet PolicySetId="p@" Version="1.0" PolicyCombiningAlgId="urn:oasis:names:tc:xacml:{algorithm}">{target}{}{obligations}</PolicySet>"#,
                    children.concat()
                )
            })
        })
        .prop_map(move |xml| xml.replacen(' ', &format!("{namespace} "), 1))
}
