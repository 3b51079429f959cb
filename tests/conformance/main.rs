//! The open cases of the OASIS conformance suite, each by its mode.

use std::path::Path;

use systembruker::cli::policy::conformance;

#[test]
fn every_case_passes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/xacml-3.0");
    let cases = conformance::cases(&dir).unwrap();
    assert!(cases.len() >= 353, "{} cases", cases.len());
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            conformance::check(case)
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
