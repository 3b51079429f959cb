//! Any bytes as a request or a response in JSON: an error or a document, and a response survives
//! writing and reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xacml::{Limits, Request, Response};

fuzz_target!(|json: &[u8]| {
    let _ = Request::from_json(json, &Limits::DEFAULT);
    if let Ok(response) = Response::from_json(json) {
        let again = Response::from_json(&response.to_json()).expect("what is written can be read");
        assert_eq!(response.to_json(), again.to_json());
    }
});
