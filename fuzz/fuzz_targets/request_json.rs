//! Any bytes as a request or a response in JSON; what a response says survives writing and reading
//! it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systembruker::xacml::{Limits, Request, Response};

fuzz_target!(|json: &[u8]| {
    let _ = Request::from_json(json, &Limits::DEFAULT);
    if let Ok(response) = Response::from_json(json) {
        let again = Response::from_json(&response.to_json()).expect("what is written can be read");
        assert_eq!(response.to_json(), again.to_json());
    }
});
