//! A data type and a text: a value prints as a text that is the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systembruker::xacml::{
    DataType, Value,
    values::{pattern, time::TimezoneOffset},
};

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let _ = pattern::compile(text, 256);
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
