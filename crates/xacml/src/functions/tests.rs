//! Tables of results, one line for each case: function, arguments, result.

use std::borrow::Cow;

use super::*;
use crate::{
    error::Fault,
    limits::Limits,
    values::{Value, time::TimezoneOffset},
};

/// Values as `type:text`; a bag in brackets, with `;` between its values.
fn operand(text: &str) -> Operand<'static> {
    let one = |text: &str| {
        let (name, text) = text.split_once(':').unwrap();
        Value::parse(
            DataType::from_name(name).unwrap(),
            Cow::Owned(text.to_owned()),
        )
        .unwrap_or_else(|| panic!("{text} is no {name}"))
    };
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        None => Operand::One(one(text)),
        Some("") => Operand::Bag(Vec::new()),
        Some(values) => Operand::Bag(values.split(';').map(one).collect()),
    }
}

fn run(id: &str, arguments: &[&str]) -> Result<Operand<'static>, Fault> {
    let function = find(&format!("urn:oasis:names:tc:xacml:{id}"))
        .unwrap_or_else(|| panic!("there is no {id}"));
    let operands: Vec<_> = arguments.iter().map(|a| operand(a)).collect();
    let types: Vec<ValueType> = operands
        .iter()
        .enumerate()
        .map(|(n, o)| match o {
            Operand::One(value) => ValueType::one(value.data_type()),
            // An empty bag is of the type that is wanted.
            Operand::Bag(values) => values.first().map_or_else(
                || {
                    function
                        .parameters
                        .get(n)
                        .copied()
                        .or(function.rest)
                        .unwrap()
                },
                |v| ValueType::bag(v.data_type()),
            ),
        })
        .collect();
    function
        .check(&types)
        .unwrap_or_else(|e| panic!("{id}: {e}"));
    let limits = Limits::DEFAULT;
    let mut budget = EvaluationBudget {
        limits: &limits,
        zone: TimezoneOffset::UTC,
        steps: limits.steps,
        patterns: limits.patterns,
        is_exceeded: false,
    };
    call(function.operation, operands, &mut budget)
}

fn shown(result: &Result<Operand<'_>, Fault>) -> String {
    let one = |v: &Value<'_>| format!("{}:{}", v.data_type().short_name(), v.text());
    match result {
        Ok(Operand::One(value)) => one(value),
        Ok(Operand::Bag(values)) => {
            format!("[{}]", values.iter().map(one).collect::<Vec<_>>().join(";"))
        }
        Err(fault) => fault.code.name().to_owned(),
    }
}

#[rstest::rstest]
// Equality
#[case("1.0:function:string-equal", &["string:a", "string:a"], "boolean:true")]
#[case("1.0:function:double-equal", &["double:NaN", "double:NaN"], "boolean:true")]
#[case("1.0:function:anyURI-equal", &["anyURI:http://a", "anyURI:http://a/"], "boolean:false")]
#[case("3.0:function:string-equal-ignore-case", &["string:BLÅBÆR", "string:blåbær"], "boolean:true")]
#[case("3.0:function:dayTimeDuration-equal", &["dayTimeDuration:PT24H", "dayTimeDuration:P1D"], "boolean:true")]
#[case("1.0:function:yearMonthDuration-equal", &["yearMonthDuration:P1Y", "yearMonthDuration:P12M"], "boolean:true")]
#[case("1.0:function:hexBinary-equal", &["hexBinary:0f", "hexBinary:0F"], "boolean:true")]
// Order
#[case("1.0:function:integer-greater-than", &["integer:2", "integer:1"], "boolean:true")]
#[case("1.0:function:double-less-than-or-equal", &["double:NaN", "double:1"], "boolean:false")]
#[case("1.0:function:string-less-than", &["string:B", "string:a"], "boolean:true")]
#[case("1.0:function:date-greater-than-or-equal", &["date:2002-03-22", "date:2002-03-22Z"], "boolean:true")]
#[case("1.0:function:time-less-than", &["time:23:00:00+05:00", "time:19:00:00Z"], "boolean:true")]
#[case("1.0:function:dateTime-greater-than", &["dateTime:2002-03-22T08:00:00-05:00", "dateTime:2002-03-22T12:00:00"], "boolean:true")]
// Arithmetic
#[case("1.0:function:integer-add", &["integer:1", "integer:2", "integer:3"], "integer:6")]
#[case("1.0:function:integer-add", &["integer:9223372036854775807", "integer:1"], "integer:9223372036854775808")]
#[case("1.0:function:integer-divide", &["integer:-7", "integer:2"], "integer:-3")]
#[case("1.0:function:integer-divide", &["integer:1", "integer:0"], "processing-error")]
#[case("1.0:function:integer-mod", &["integer:-7", "integer:2"], "integer:-1")]
#[case("1.0:function:integer-mod", &["integer:7", "integer:0"], "processing-error")]
#[case("1.0:function:integer-abs", &["integer:-7"], "integer:7")]
#[case("1.0:function:double-multiply", &["double:2", "double:1.5"], "double:3.0E0")]
#[case("1.0:function:double-divide", &["double:1", "double:0"], "processing-error")]
#[case("1.0:function:double-subtract", &["double:INF", "double:INF"], "double:NaN")]
#[case("1.0:function:round", &["double:2.5"], "double:2.0E0")]
#[case("1.0:function:round", &["double:-3.5"], "double:-4.0E0")]
#[case("1.0:function:floor", &["double:-1.5"], "double:-2.0E0")]
#[case("1.0:function:double-to-integer", &["double:-1.9"], "integer:-1")]
#[case("1.0:function:double-to-integer", &["double:NaN"], "processing-error")]
#[case("1.0:function:integer-to-double", &["integer:5"], "double:5.0E0")]
// Texts
#[case("1.0:function:string-normalize-space", &["string:\t a  b \n"], "string:a  b")]
#[case("1.0:function:string-normalize-to-lower-case", &["string:ÆØÅ"], "string:æøå")]
#[case("2.0:function:string-concatenate", &["string:a", "string:b", "string:c"], "string:abc")]
#[case("2.0:function:uri-string-concatenate", &["anyURI:http://a", "string:/b"], "anyURI:http://a/b")]
#[case("3.0:function:string-starts-with", &["string:ab", "string:abc"], "boolean:true")]
#[case("3.0:function:string-starts-with", &["string:abc", "string:ab"], "boolean:false")]
#[case("3.0:function:anyURI-ends-with", &["string:/b", "anyURI:http://a/b"], "boolean:true")]
#[case("3.0:function:string-contains", &["string:b", "string:abc"], "boolean:true")]
#[case("3.0:function:string-substring", &["string:blåbær", "integer:2", "integer:4"], "string:åb")]
#[case("3.0:function:string-substring", &["string:abc", "integer:1", "integer:-1"], "string:bc")]
#[case("3.0:function:string-substring", &["string:abc", "integer:3", "integer:3"], "string:")]
#[case("3.0:function:string-substring", &["string:abc", "integer:2", "integer:1"], "processing-error")]
#[case("3.0:function:anyURI-substring", &["anyURI:abc", "integer:0", "integer:9"], "processing-error")]
#[case("3.0:function:string-substring", &["string:abc", "integer:-1", "integer:1"], "processing-error")]
#[case("1.0:function:string-regexp-match", &["string:b.?b", "string:blåbær"], "boolean:false")]
#[case("1.0:function:string-regexp-match", &["string:å", "string:blåbær"], "boolean:true")]
#[case("1.0:function:string-regexp-match", &["string:(", "string:x"], "processing-error")]
#[case("2.0:function:ipAddress-regexp-match", &["string:^10\\.", "ipAddress:10.0.0.1:80"], "boolean:true")]
#[case("2.0:function:dnsName-regexp-match", &["string:no$", "dnsName:a.no"], "boolean:true")]
#[case("2.0:function:rfc822Name-regexp-match", &["string:@a\\.no", "rfc822Name:x@A.no"], "boolean:true")]
#[case("2.0:function:x500Name-regexp-match", &["string:Corp", "x500Name:O=Corp"], "boolean:true")]
#[case("2.0:function:anyURI-regexp-match", &["string:^http", "anyURI:http://a"], "boolean:true")]
// Conversions
#[case("3.0:function:integer-from-string", &["string: 7 "], "integer:7")]
#[case("3.0:function:integer-from-string", &["string:x"], "syntax-error")]
#[case("3.0:function:boolean-from-string", &["string:1"], "boolean:true")]
#[case("3.0:function:string-from-boolean", &["boolean:0"], "string:false")]
#[case("3.0:function:string-from-double", &["double:100"], "string:1.0E2")]
#[case("3.0:function:dateTime-from-string", &["string:2002-03-22T24:00:00Z"], "dateTime:2002-03-23T00:00:00Z")]
#[case("3.0:function:string-from-dayTimeDuration", &["dayTimeDuration:PT25H"], "string:P1DT1H")]
#[case("3.0:function:string-from-ipAddress", &["ipAddress:1.2.3.4"], "string:1.2.3.4")]
#[case("3.0:function:x500Name-from-string", &["string:cn"], "syntax-error")]
// Logic
#[case("1.0:function:and", &[], "boolean:true")]
#[case("1.0:function:or", &[], "boolean:false")]
#[case("1.0:function:n-of", &["integer:0"], "boolean:true")]
#[case("1.0:function:n-of", &["integer:2", "boolean:true", "boolean:false", "boolean:true"], "boolean:true")]
#[case("1.0:function:n-of", &["integer:3", "boolean:true"], "processing-error")]
#[case("1.0:function:n-of", &["integer:-1", "boolean:true"], "processing-error")]
#[case("1.0:function:not", &["boolean:true"], "boolean:false")]
// Dates
#[case("3.0:function:dateTime-add-yearMonthDuration", &["dateTime:2003-01-31T00:00:00Z", "yearMonthDuration:P1M"], "dateTime:2003-02-28T00:00:00Z")]
#[case("1.0:function:date-add-yearMonthDuration", &["date:2004-01-31", "yearMonthDuration:P1M"], "date:2004-02-29")]
#[case("3.0:function:date-subtract-yearMonthDuration", &["date:2004-02-29", "yearMonthDuration:P1Y"], "date:2003-02-28")]
#[case("3.0:function:dateTime-add-dayTimeDuration", &["dateTime:2002-03-22T08:00:00-05:00", "dayTimeDuration:-PT9H"], "dateTime:2002-03-21T23:00:00-05:00")]
#[case("3.0:function:dateTime-subtract-dayTimeDuration", &["dateTime:2002-03-22T08:00:00Z", "dayTimeDuration:P1D"], "dateTime:2002-03-21T08:00:00Z")]
#[case("2.0:function:time-in-range", &["time:23:30:00", "time:22:00:00", "time:06:00:00"], "boolean:true")]
// Names
#[case("1.0:function:x500Name-match", &["x500Name:O=Corp,C=US", "x500Name:CN=a,O=Corp,C=us"], "boolean:true")]
#[case("1.0:function:rfc822Name-match", &["string:.no", "rfc822Name:a@b.NO"], "boolean:true")]
// Bags
#[case("1.0:function:string-one-and-only", &["[string:a]"], "string:a")]
#[case("1.0:function:string-one-and-only", &["[]"], "processing-error")]
#[case("1.0:function:string-one-and-only", &["[string:a;string:a]"], "processing-error")]
#[case("2.0:function:ipAddress-bag-size", &["[ipAddress:1.2.3.4;ipAddress:1.2.3.4]"], "integer:2")]
#[case("1.0:function:integer-is-in", &["integer:1", "[integer:2;integer:01]"], "boolean:true")]
#[case("1.0:function:boolean-bag", &["boolean:1", "boolean:0"], "[boolean:true;boolean:false]")]
#[case("1.0:function:time-bag", &[], "[]")]
// Sets
#[case("1.0:function:integer-intersection", &["[integer:1;integer:2;integer:1]", "[integer:1]"], "[integer:1]")]
#[case("1.0:function:string-union", &["[string:b;string:a]", "[string:a;string:c]", "[string:c]"], "[string:b;string:a;string:c]")]
#[case("1.0:function:date-subset", &["[date:2002-03-22]", "[date:2002-03-22Z;date:2003-01-01]"], "boolean:true")]
#[case("1.0:function:string-subset", &["[]", "[]"], "boolean:true")]
#[case("3.0:function:dayTimeDuration-at-least-one-member-of", &["[dayTimeDuration:PT24H]", "[dayTimeDuration:P1D]"], "boolean:true")]
#[case("1.0:function:x500Name-set-equals", &["[x500Name:CN=a;x500Name:cn=A]", "[x500Name:cn=a]"], "boolean:true")]
fn results(#[case] id: &str, #[case] arguments: &[&str], #[case] expected: &str) {
    assert_eq!(shown(&run(id, arguments)), expected);
}

#[test]
fn large_sets_are_as_small_ones() {
    let bag = |from: i32, to: i32| {
        format!(
            "[{}]",
            (from..to)
                .map(|n| format!("integer:{n}"))
                .collect::<Vec<_>>()
                .join(";")
        )
    };
    let (a, b) = (bag(0, 200), bag(150, 400));
    let count = |id: &str| match run(id, &[&a, &b]) {
        Ok(Operand::Bag(values)) => values.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (
            count("1.0:function:integer-intersection"),
            count("1.0:function:integer-union")
        ),
        (50, 400)
    );
    assert_eq!(
        shown(&run("1.0:function:integer-subset", &[&bag(0, 100), &a])),
        "boolean:true"
    );
    assert_eq!(
        shown(&run("1.0:function:integer-subset", &[&a, &b])),
        "boolean:false"
    );
}

#[test]
fn every_function_of_the_standard_is_there() {
    let bags = 12 * 10 + 2 * 10 * 2 + 2 * 3;
    let (orders, conversions, patterns, parts) = (6 * 4, 13 * 2, 6, 2 * 4);
    let (numbers, texts, logic, dates) = (2 * 5 + 1 + 2 + 2, 1 + 2 + 2, 4, 3 * 2 * 2 + 1);
    let (names, xpath, higher_order) = (2, 3, 4 * 2 + 3);
    let all = bags
        + orders
        + conversions
        + patterns
        + parts
        + numbers
        + texts
        + logic
        + dates
        + names
        + xpath
        + higher_order;
    assert_eq!(identifiers().count(), all, "the table has changed");
    for id in [
        "3.0:function:access-permitted",
        "1.0:function:xpath-node-count",
        "2.0:function:ipAddress-equal",
        "1.0:function:string-equal-ignore-case",
    ] {
        assert!(
            find(&format!("urn:oasis:names:tc:xacml:{id}")).is_none(),
            "{id}"
        );
    }
}

#[test]
fn arguments_that_do_not_fit_are_distinguished() {
    let one = |t| ValueType::one(t);
    let add = find("urn:oasis:names:tc:xacml:1.0:function:integer-add").unwrap();
    assert_eq!(
        add.check(&[one(DataType::Integer)]).unwrap_err(),
        "the function takes at least 2 arguments, not 1"
    );
    assert_eq!(
        add.check(&[one(DataType::Integer), one(DataType::String)])
            .unwrap_err(),
        "argument 2 must be integer, not string"
    );
    assert_eq!(
        add.check(&[ValueType::bag(DataType::Integer), one(DataType::Integer)])
            .unwrap_err(),
        "argument 1 must be integer, not a bag of integer"
    );
    let equal = find("urn:oasis:names:tc:xacml:1.0:function:string-equal").unwrap();
    let strings = [
        ValueType::one(DataType::String),
        ValueType::bag(DataType::String),
    ];
    assert_eq!(
        Function::check_higher_order(HigherOrder::AnyOf, equal, &strings),
        Ok(one(DataType::Boolean))
    );
    assert!(Function::check_higher_order(HigherOrder::AnyOf, equal, &strings[..1]).is_err());
    assert!(Function::check_higher_order(HigherOrder::AllOfAll, equal, &strings).is_err());
    assert!(
        Function::check_higher_order(
            HigherOrder::Map,
            add,
            &[ValueType::bag(DataType::Integer), one(DataType::Integer)]
        )
        .is_ok()
    );
    assert!(
        Function::check_higher_order(
            HigherOrder::AnyOf,
            add,
            &[ValueType::bag(DataType::Integer), one(DataType::Integer)]
        )
        .is_err()
    );
    let map = find("urn:oasis:names:tc:xacml:3.0:function:map").unwrap();
    assert!(Function::check_higher_order(HigherOrder::AnyOf, map, &strings).is_err());
}

#[test]
fn costs_are_bounded() {
    let limits = Limits::DEFAULT;
    let mut budget = EvaluationBudget {
        limits: &limits,
        zone: TimezoneOffset::UTC,
        steps: 50,
        patterns: 1,
        is_exceeded: false,
    };
    let bag = Operand::Bag((0..100_i64).map(|n| Value::Integer(n.into())).collect());
    assert!(
        call(Operation::Subset, vec![bag.clone(), bag], &mut budget).is_err(),
        "steps"
    );
    let mut budget = EvaluationBudget {
        limits: &limits,
        zone: TimezoneOffset::UTC,
        steps: 1_000_000,
        patterns: 1,
        is_exceeded: false,
    };
    let text = |t: &str| Operand::One(Value::String(Cow::Owned(t.to_owned())));
    assert!(
        call(
            Operation::RegexpMatch,
            vec![text("a"), text("a")],
            &mut budget
        )
        .is_ok()
    );
    assert!(
        call(
            Operation::RegexpMatch,
            vec![text("a"), text("a")],
            &mut budget
        )
        .is_err(),
        "patterns"
    );
    let long = "a".repeat(40_000);
    assert!(
        call(
            Operation::Concatenate,
            vec![text(&long), text(&long)],
            &mut budget
        )
        .is_err(),
        "texts"
    );
    let many = || Operand::Bag((0..6_000_i64).map(|n| Value::Integer(n.into())).collect());
    assert!(call(Operation::Union, vec![many(), many()], &mut budget).is_ok());
    let other = Operand::Bag(
        (6_000..12_000_i64)
            .map(|n| Value::Integer(n.into()))
            .collect(),
    );
    assert!(
        call(Operation::Union, vec![many(), other], &mut budget).is_err(),
        "bags"
    );
}
