//! Hostile input: a clear error, and memory in proportion to the input.

use std::fmt::Write;

use allocation_counter::measure;
use rstest::rstest;
use xacml::{
    DataType, Decider, Decision, Environment, Limits, LoadOptions, Program, Request, Scratch, Value,
};

const NAMESPACE: &str = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17";
const XS: &str = "http://www.w3.org/2001/XMLSchema#";

/// Why the input was refused, and the bytes of memory that this took at most.
fn refused<T, E: ToString>(read: impl Fn() -> Result<T, E>) -> (String, u64) {
    let mut reason = String::new();
    let info = measure(|| reason = read().err().map_or_else(String::new, |e| e.to_string()));
    (reason, info.bytes_max)
}

fn policy(inside: &str) -> String {
    format!(
        r#"<Policy xmlns="{NAMESPACE}" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>{inside}</Policy>"#
    )
}

fn condition(expression: &str) -> String {
    policy(&format!(
        r#"<Rule RuleId="r" Effect="Permit"><Condition>{expression}</Condition></Rule>"#
    ))
}

fn apply(function: &str, arguments: &str) -> String {
    format!(r#"<Apply FunctionId="urn:oasis:names:tc:xacml:{function}">{arguments}</Apply>"#)
}

fn value(data_type: &str, text: &str) -> String {
    format!(r#"<AttributeValue DataType="{XS}{data_type}">{text}</AttributeValue>"#)
}

fn laughs() -> String {
    let mut dtd = String::from("<!ENTITY l0 \"lol\">");
    for n in 1..10 {
        let _ = write!(
            dtd,
            "<!ENTITY l{n} \"{}\">",
            format!("&l{};", n - 1).repeat(10)
        );
    }
    format!(
        "<!DOCTYPE Policy [{dtd}]>{}",
        policy("<Description>&l9;</Description>")
    )
}

#[rstest]
#[case::billion_laughs(laughs(), "document type")]
#[case::external_entity(format!("<!DOCTYPE p SYSTEM \"file:///etc/passwd\">{}", policy("")), "document type")]
#[case::namespaces_of_one_element(policy("").replacen("xmlns=", &((0..10_000).map(|n| format!("xmlns:n{n}=\"u\" ")).collect::<String>() + "xmlns="), 1), "there are too many namespaces")]
#[case::deep_elements(policy(&"<Description>".repeat(10_000)), "deep")]
#[case::deep_sets(format!("<PolicySet xmlns=\"{NAMESPACE}\">").repeat(10_000), "deep")]
#[case::deep_applies(condition(&format!("{}{}", "<Apply FunctionId=\"urn:oasis:names:tc:xacml:1.0:function:not\">".repeat(10_000), "</Apply>".repeat(10_000))), "deep")]
#[case::hundred_megabytes(policy(&" ".repeat(100 << 20)), "large")]
#[case::many_nodes(policy(&"<!--x--><Description/>".repeat(40_000)), "")]
#[case::many_attributes(format!("<Policy xmlns=\"{NAMESPACE}\" {}/>", (0..5_000).map(|n| format!("a{n}=\"\" ")).collect::<String>()), "attributes")]
#[case::undefined_entity(policy("<Description>&nbsp;</Description>"), "")]
#[case::catastrophic_pattern(condition(&apply("1.0:function:string-regexp-match", &(value("string", "((((a{1,1000}){1,1000}){1,1000}){1,1000})") + &value("string", "a")))), "regular expression")]
#[case::long_pattern(condition(&apply("1.0:function:string-regexp-match", &(value("string", &"a?".repeat(600)) + &value("string", "a")))), "too long")]
#[case::long_number(condition(&apply("1.0:function:integer-equal", &(value("integer", &"9".repeat(2_000)) + &value("integer", "1")))), "integer")]
#[case::no_duration(condition(&apply("1.0:function:not", &value("dayTimeDuration", "P99999999999999999999999999999999999D"))), "dayTimeDuration")]
fn a_hostile_policy_is_refused(#[case] xml: String, #[case] because: &str) {
    let (reason, memory) = refused(|| Program::load(xml.as_bytes(), &LoadOptions::default()));
    assert!(!reason.is_empty() && reason.contains(because), "{reason}");
    assert!(memory < 40_000_000, "{memory}");
}

#[rstest]
#[case::utf16(b"\xFF\xFE<\0P\0o\0l\0i\0c\0y\0/\0>\0".to_vec())]
#[case::bad_utf8(policy("<Description>\u{0}</Description>").replace('\0', "\u{1}").into_bytes().into_iter().map(|b| if b == 1 { 0xC3 } else { b }).collect())]
#[case::latin1([b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>", policy("").as_bytes()].concat())]
#[case::empty(Vec::new())]
#[case::zeros(vec![0; 1_000])]
fn what_is_no_text_is_refused(#[case] bytes: Vec<u8>) {
    assert!(Program::load(&bytes, &LoadOptions::default()).is_err());
    assert!(Request::from_xml(&bytes, &Limits::DEFAULT).is_err());
    assert!(Request::from_json(&bytes, &Limits::DEFAULT).is_err());
}

#[rstest]
#[case::deep_lists(format!("{{\"Request\":{}", "[".repeat(10_000)))]
#[case::deep_unknowns(format!("{{\"Request\":{{\"Unknown\":{}{}}}}}", "[".repeat(100), "]".repeat(100)))]
#[case::deep_but_quoted(format!("{{\"Request\":{{\"Unknown\":\"\\\"\",\"Other\":{}{}}}}}", "{\"a\":".repeat(40), "}".repeat(40)))]
#[case::hundred_megabytes(format!("{{\"Request\":{{\"Unknown\":\"{}\"}}}}", "x".repeat(100 << 20)))]
#[case::many_values(format!("{{\"Request\":{{\"Action\":{{\"Attribute\":{{\"AttributeId\":\"a\",\"Value\":[{}1]}}}}}}}}", "1,".repeat(5_000)))]
#[case::many_categories(format!("{{\"Request\":{{\"Category\":[{}{{\"CategoryId\":\"c\"}}]}}}}", "{\"CategoryId\":\"c\"},".repeat(70)))]
#[case::long_value(format!("{{\"Request\":{{\"Action\":{{\"Attribute\":{{\"AttributeId\":\"a\",\"Value\":\"{}\"}}}}}}}}", "x".repeat(70_000)))]
#[case::long_name(format!("{{\"Request\":{{\"Action\":{{\"Attribute\":{{\"AttributeId\":\"{}\",\"Value\":1}}}}}}}}", "x".repeat(3_000)))]
#[case::infinite("{\"Request\":{\"Action\":{\"Attribute\":{\"AttributeId\":\"a\",\"Value\":1e999}}}}".to_owned())]
#[case::no_number("{\"Request\":{\"Action\":{\"Attribute\":{\"AttributeId\":\"a\",\"Value\":NaN}}}}".to_owned())]
#[case::null("{\"Request\":{\"Action\":{\"Attribute\":{\"AttributeId\":\"a\",\"Value\":null}}}}".to_owned())]
#[case::lone_surrogate("{\"Request\":{\"Action\":{\"Attribute\":{\"AttributeId\":\"a\",\"Value\":\"\\ud800\"}}}}".to_owned())]
fn a_hostile_request_is_refused(#[case] json: String) {
    let (reason, memory) = refused(|| Request::from_json(json.as_bytes(), &Limits::DEFAULT));
    assert!(!reason.is_empty());
    assert!(memory < 2_000_000, "{memory}: {reason}");
}

#[test]
fn as_many_decisions_as_a_request_may_ask_for_and_no_more() {
    let categories = |name: &str, n: usize| format!("\"{name}\":[{}{{}}]", "{},".repeat(n - 1));
    let program = Program::load(policy("").as_bytes(), &LoadOptions::default()).unwrap();
    let decide = |json: &str| {
        let request = Request::from_json(json.as_bytes(), &Limits::DEFAULT).unwrap();
        let decider = Decider {
            roots: &[program.into()],
            environment: Environment::at(0),
            tree: None,
        };
        decider.decide(&request, &mut Scratch::default())
    };
    let many = format!(
        "{{\"Request\":{{{},{},{}}}}}",
        categories("AccessSubject", 20),
        categories("Resource", 20),
        categories("Action", 20)
    );
    let response = decide(&many);
    assert_eq!(response.results.len(), 1);
    assert_eq!(
        (
            response.results[0].decision,
            response.results[0].status.code.name()
        ),
        (Decision::Indeterminate, "syntax-error")
    );
}

/// Work that grows faster than the request ends in an error: pairs of values by the limit on steps,
/// patterns of a request by the limit on patterns.
#[rstest]
#[case::pairs("string-equal")]
#[case::patterns("string-regexp-match")]
fn endless_work_is_an_error(#[case] inner: &str) {
    let bag = |id: &str| {
        format!(
            r#"<AttributeDesignator Category="c" AttributeId="{id}" DataType="{XS}string" MustBePresent="false"/>"#
        )
    };
    let function =
        format!(r#"<Function FunctionId="urn:oasis:names:tc:xacml:1.0:function:{inner}"/>"#);
    let pairs = apply(
        "3.0:function:any-of-any",
        &(function + &bag("a") + &bag("b")),
    );
    let xml = condition(&apply("1.0:function:or", &pairs.repeat(2)));
    let values = |id: &str, text: &str| {
        let list: Vec<String> = (0..900).map(|n| format!("\"{text}{n}\"")).collect();
        format!(
            "{{\"AttributeId\":\"{id}\",\"Value\":[{}]}}",
            list.join(",")
        )
    };
    let json = format!(
        "{{\"Request\":{{\"Category\":{{\"CategoryId\":\"c\",\"Attribute\":[{},{}]}}}}}}",
        values("a", "x"),
        values("b", "y")
    );
    let program = Program::load(xml.as_bytes(), &LoadOptions::default()).unwrap();
    let request = Request::from_json(json.as_bytes(), &Limits::DEFAULT).unwrap();
    let response = Decider {
        roots: &[program.into()],
        environment: Environment::at(0),
        tree: None,
    }
    .decide(&request, &mut Scratch::default());
    let result = &response.results[0];
    assert_eq!(
        (result.decision, result.status.code.name()),
        (Decision::Indeterminate, "processing-error")
    );
}

#[rstest]
#[case(DataType::DayTimeDuration, "P99999999999999999999999D")]
#[case(DataType::YearMonthDuration, "P99999999999999999999999Y")]
#[case(DataType::DateTime, "99999999999999999999-01-01T00:00:00Z")]
#[case(DataType::Date, "2024-02-30")]
#[case(DataType::Time, "25:00:00")]
#[case(DataType::Double, "1e")]
#[case(DataType::Integer, "1.0")]
#[case(DataType::Base64Binary, "A===")]
#[case(DataType::HexBinary, "ABC")]
#[case(DataType::IpAddress, "256.0.0.1")]
#[case(DataType::X500Name, "CN=a,,O=b")]
#[case(DataType::Rfc822Name, "a@b@c")]
fn what_is_no_value_is_none(#[case] data_type: DataType, #[case] text: &str) {
    assert!(Value::parse(data_type, text.into()).is_none());
}
