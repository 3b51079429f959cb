//! Any bytes as a policy: an error or a program, strictly and leniently, and what loads strictly loads
//! leniently.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xacml::{Dialect, LoadOptions, Program};

fuzz_target!(|xml: &[u8]| {
    let strict = Program::load(xml, &LoadOptions::default());
    let lenient = Program::load(
        xml,
        &LoadOptions {
            lenient: true,
            dialect: Dialect::TOLERANT,
            ..LoadOptions::default()
        },
    );
    if let Ok(program) = strict {
        let lenient = lenient.expect("what is good is good leniently");
        assert_eq!(program.name(), lenient.name());
        assert_eq!(program.rule_count(), lenient.rule_count());
    }
});
