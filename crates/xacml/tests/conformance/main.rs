//! The open cases of the OASIS conformance suite, each in its mode.

use std::path::Path;

use xacml::conformance;

/// Seconds since 1970. No case depends on the time.
const NOW: i64 = 1_700_000_000;

#[test]
fn every_case_passes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/xacml-3.0");
    let cases = conformance::cases(&dir).unwrap();
    assert!(cases.len() >= 353, "{} cases", cases.len());
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            conformance::check(case, NOW)
                .err()
                .map(|reason| format!("{}: {reason}", case.name))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
