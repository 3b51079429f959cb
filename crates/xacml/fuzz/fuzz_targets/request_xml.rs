//! Any bytes as a request or a response in XML: an error or a document, and a response survives
//! writing and reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xacml::{Limits, Request, Response};

fuzz_target!(|xml: &[u8]| {
    let _ = Request::from_xml(xml, &Limits::DEFAULT);
    if let Ok(response) = Response::from_xml(xml) {
        let again = Response::from_xml(&response.to_xml()).expect("what is written can be read");
        assert_eq!(response.to_xml(), again.to_xml());
    }
});
