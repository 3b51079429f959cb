//! Steps: what takes longer takes more of them, and without enough of them there is no decision.

use std::fmt::Write as _;

use proptest::prelude::*;
use rstest::rstest;
use xacml::{
    Category, DataType, Decision, Environment, LoadOptions, PreparedRequest, Program, Scratch,
    Value,
};

const XS: &str = "http://www.w3.org/2001/XMLSchema#";

fn policy(algorithm: &str, rules: &str) -> String {
    format!(
        r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:{algorithm}"><Target/>{rules}</Policy>"#
    )
}

fn permits_if(condition: &str) -> String {
    format!(r#"<Rule RuleId="r" Effect="Permit"><Condition>{condition}</Condition></Rule>"#)
}

fn apply(function: &str, arguments: &str) -> String {
    format!(r#"<Apply FunctionId="urn:oasis:names:tc:xacml:{function}">{arguments}</Apply>"#)
}

fn bag(id: &str) -> String {
    format!(
        r#"<AttributeDesignator Category="c" AttributeId="{id}" DataType="{XS}string" MustBePresent="false"/>"#
    )
}

fn function(name: &str) -> String {
    format!(r#"<Function FunctionId="urn:oasis:names:tc:xacml:1.0:function:{name}"/>"#)
}

fn text(value: &str) -> String {
    format!(r#"<AttributeValue DataType="{XS}string">{value}</AttributeValue>"#)
}

/// A category with bags `a` and `b` of so many values that are all different.
fn request(a: usize, b: usize) -> Category<'static> {
    let mut category = Category::new("c");
    for n in 0..a {
        category.add_text("a", format!("a{n}"));
    }
    for n in 0..b {
        category.add_text("b", format!("b{n}"));
    }
    category
}

/// The decision, whether it was exceeded, and the steps that it took.
fn decide(policy: &str, request: Category<'_>, steps: u32) -> (Decision, bool, u32) {
    let program = Program::load(policy.as_bytes(), &LoadOptions::default()).unwrap();
    let mut scratch = Scratch::default();
    let categories = [request];
    let prepared = PreparedRequest::new(
        &program,
        &categories,
        Environment::at(0),
        &mut scratch.binding,
    );
    let evaluation = prepared.evaluate_within(steps, &mut scratch.work);
    (
        evaluation.decision(),
        evaluation.is_exceeded(),
        evaluation.steps(),
    )
}

fn steps(condition: &str, request: Category<'_>) -> u32 {
    let policy = policy("deny-unless-permit", &permits_if(condition));
    decide(&policy, request, u32::MAX).2
}

/// Both bags together take about as many steps as pairs of their values, or as values.
#[rstest]
#[case::any_of_any(apply("3.0:function:any-of-any", &(function("string-equal") + &bag("a") + &bag("b"))), 100 * 100)]
#[case::all_of_any(apply("1.0:function:all-of-any", &(function("string-equal") + &bag("a") + &bag("b"))), 100)]
#[case::any_of_all(apply("1.0:function:any-of-all", &(function("string-equal") + &bag("a") + &bag("b"))), 100)]
#[case::all_of_all(apply("1.0:function:not", &apply("1.0:function:all-of-all", &(function("string-equal") + &bag("a") + &bag("b")))), 1)]
#[case::any_of(apply("3.0:function:any-of", &(function("string-equal") + &text("x") + &bag("b"))), 100)]
#[case::intersection(apply("1.0:function:integer-equal", &(apply("1.0:function:string-bag-size", &apply("1.0:function:string-intersection", &(bag("a") + &bag("b")))) + &format!("<AttributeValue DataType=\"{XS}integer\">1</AttributeValue>"))), 200)]
#[case::subset(apply("1.0:function:string-subset", &(bag("a") + &bag("b"))), 100)]
#[case::set_equals(apply("1.0:function:string-set-equals", &(bag("a") + &bag("b"))), 100)]
#[case::at_least_one(apply("1.0:function:string-at-least-one-member-of", &(bag("a") + &bag("b"))), 200)]
#[case::is_in(apply("1.0:function:string-is-in", &(text("x") + &bag("b"))), 100)]
#[case::size(apply("1.0:function:integer-equal", &(apply("1.0:function:string-bag-size", &bag("a")) + &format!("<AttributeValue DataType=\"{XS}integer\">1</AttributeValue>"))), 25)]
fn functions_of_bags_take_steps_for_their_values(#[case] condition: String, #[case] least: u32) {
    let taken = steps(&condition, request(100, 100));
    // The values of the request itself are counted too.
    let (least, most) = (200 + least, 200 + least * 6 + 700);
    assert!((least..=most).contains(&taken), "{taken}");
}

#[test]
fn a_long_text_takes_more_steps_than_a_short_one() {
    let matches = apply(
        "1.0:function:string-regexp-match",
        &(text("^[01]*1[01]{20}$") + &apply("1.0:function:string-one-and-only", &bag("a"))),
    );
    let of = |length: usize| {
        let mut category = Category::new("c");
        category.add_text("a", "1".repeat(length));
        steps(&matches, category)
    };
    assert!(of(10) < 500, "{}", of(10));
    assert!(of(10_000) > 50_000, "{}", of(10_000));
}

#[test]
fn numbers_of_many_digits_take_more_steps() {
    let product = apply(
        "1.0:function:integer-multiply",
        &apply("1.0:function:integer-one-and-only", &format!(r#"<AttributeDesignator Category="c" AttributeId="n" DataType="{XS}integer" MustBePresent="false"/>"#)).repeat(2),
    );
    let condition = apply(
        "1.0:function:integer-greater-than",
        &(product + &format!("<AttributeValue DataType=\"{XS}integer\">1</AttributeValue>")),
    );
    let of = |digits: usize| {
        let mut category = Category::new("c");
        let number = Value::parse(DataType::Integer, "9".repeat(digits).into()).unwrap();
        category.add("n", number);
        steps(&condition, category)
    };
    assert!(of(1_000) > of(1) + 100, "{} {}", of(1_000), of(1));
}

/// Long values are worked through for each key and each comparison.
#[rstest]
#[case::few("a", 10)]
#[case::many("a", 100)]
fn bags_of_long_names_take_steps_for_their_bytes(#[case] id: &str, #[case] count: usize) {
    let name = "x500Name";
    let names = format!(
        r#"<AttributeDesignator Category="c" AttributeId="{id}" DataType="urn:oasis:names:tc:xacml:1.0:data-type:{name}" MustBePresent="false"/>"#
    );
    let condition = apply("1.0:function:x500Name-subset", &names.repeat(2));
    let of = |parts: usize| {
        let mut category = Category::new("c");
        for n in 0..count {
            let text = format!("{}c={n}", "a=b,".repeat(parts));
            let value = Value::parse(DataType::X500Name, text.into()).unwrap();
            category.add("a", value);
        }
        steps(&condition, category)
    };
    let (short, long) = (of(10) as usize, of(1_000) as usize);
    assert!(short < 100 * count, "{short}");
    assert!(long > short + 400 * count, "{long}");
}

#[test]
fn a_text_that_is_read_as_a_value_takes_steps_for_its_bytes() {
    let read = apply(
        "3.0:function:x500Name-from-string",
        &apply("1.0:function:string-one-and-only", &bag("a")),
    );
    let condition = apply("1.0:function:x500Name-equal", &read.repeat(2));
    let of = |parts: usize| {
        let mut category = Category::new("c");
        category.add_text("a", "a=b,".repeat(parts) + "c=d");
        steps(&condition, category)
    };
    assert!(of(10) < 50, "{}", of(10));
    assert!(of(1_000) > 500, "{}", of(1_000));
}

#[test]
fn each_rule_takes_a_step() {
    let rules: String = (0..1_000).fold(String::new(), |mut all, n| {
        let condition = apply(
            "1.0:function:string-is-in",
            &(text(&n.to_string()) + &bag("a")),
        );
        let _ = write!(
            all,
            r#"<Rule RuleId="r{n}" Effect="Permit"><Condition>{condition}</Condition></Rule>"#
        );
        all
    });
    let policy = policy("deny-unless-permit", &rules);
    let taken = decide(&policy, request(0, 0), u32::MAX).2;
    assert!((1_000..10_000).contains(&taken), "{taken}");
}

/// Algorithms that turn errors into decisions do not turn a lack of steps into one.
#[rstest]
#[case("deny-unless-permit")]
#[case("permit-unless-deny")]
#[case("deny-overrides")]
#[case("permit-overrides")]
fn without_enough_steps_there_is_no_decision(#[case] algorithm: &str) {
    let pairs = apply(
        "3.0:function:any-of-any",
        &(function("string-equal") + &bag("a") + &bag("b")),
    );
    let rules = permits_if(&pairs)
        + r#"<Rule RuleId="all" Effect="Permit"/>"#
        + &permits_if(&pairs).replace("\"Permit\"", "\"Deny\"");
    let policy = policy(algorithm, &rules);
    let outcome = |steps| decide(&policy, request(100, 100), steps);
    let (decision, is_exceeded, taken) = outcome(1_000_000);
    assert!(decision != Decision::Indeterminate && !is_exceeded);
    assert_eq!(outcome(taken), (decision, false, taken));
    assert_eq!(
        outcome(taken - 1),
        (Decision::Indeterminate, true, taken - 1)
    );
    assert_eq!(outcome(0), (Decision::Indeterminate, true, 0));
}

proptest! {
    /// Twice as many values of a bag take about twice as many steps, and of two bags that are
    /// multiplied four times as many.
    #[test]
    fn steps_grow_with_the_work(size in 20_usize..100) {
        let linear = apply("1.0:function:string-subset", &(bag("a") + &bag("b")));
        let product = apply("3.0:function:any-of-any", &(function("string-equal") + &bag("a") + &bag("b")));
        let growth = |condition: &str| {
            f64::from(steps(condition, request(2 * size, 2 * size))) / f64::from(steps(condition, request(size, size)))
        };
        prop_assert!((1.5..2.5).contains(&growth(&linear)), "{}", growth(&linear));
        prop_assert!((3.0..4.5).contains(&growth(&product)), "{}", growth(&product));
    }
}
