//! A data type and a text: a value prints as a text that is the same value. The text is also a pattern
//! of a regular expression, which compiles or is an error.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use xacml::{
    Category, DataType, Environment, LoadOptions, PreparedRequest, Program, Scratch, Value,
    values::time::TimezoneOffset,
};

/// Matches a text with a pattern of the request.
const PATTERN: &str = r#"
<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0"
        RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides">
  <Target/>
  <Rule RuleId="r" Effect="Permit">
    <Condition>
      <Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-regexp-match">
        <Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-one-and-only">
          <AttributeDesignator Category="c" AttributeId="pattern" DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="true"/>
        </Apply>
        <AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab</AttributeValue>
      </Apply>
    </Condition>
  </Rule>
</Policy>"#;

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    Program::load(PATTERN.as_bytes(), &LoadOptions::default()).expect("the policy is valid")
});

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let mut category = Category::new("c");
    category.add_text("pattern", text);
    let (categories, mut scratch) = ([category], Scratch::default());
    let environment = Environment::at(0);
    let prepared = PreparedRequest::new(&PROGRAM, &categories, environment, &mut scratch.binding);
    let _ = prepared.evaluate(&mut scratch.work).decision();

    let data_type = DataType::ALL[usize::from(kind) % DataType::ALL.len()].0;
    let Some(value) = Value::parse(data_type, text.into()) else {
        return;
    };
    let printed = value.text().into_owned();
    let again =
        Value::parse(data_type, printed.as_str().into()).expect("what is printed can be read");
    assert_eq!(again.text(), printed);
    if data_type.has_equality() {
        assert!(
            again.equals(&value, TimezoneOffset::UTC),
            "{data_type:?} {text} {printed}"
        );
    }
});
