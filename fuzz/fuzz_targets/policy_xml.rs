//! Any bytes as a policy: an error or a program, in both modes, and a strict program is a lenient
//! one too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systembruker::xacml::{Dialect, LoadOptions, Program};

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
