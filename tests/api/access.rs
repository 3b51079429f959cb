//! What tests of access management have in common.

use serde_json::{Value, json};
use testkit::prelude::*;

pub const V1: &str = "/accessmanagement/api/v1/enduser/clientdelegations";
pub const V2: &str = "/accessmanagement/api/v2/enduser/clientdelegations";
pub const CONNECTIONS: &str = "/accessmanagement/api/v1/enduser/connections";
pub const MY_CLIENTS_READ: &str = "altinn:clientdelegations/myclients.read";
pub const MY_CLIENTS_WRITE: &str = "altinn:clientdelegations/myclients.write";

/// Hege as a body describes her.
pub fn hege() -> Value {
    json!({"personIdentifier": HEGE.pid, "lastName": "Mellomregning"})
}

/// Codes of validation errors, each with its paths.
#[track_caller]
pub fn errors(answer: &Answer) -> Vec<(String, String)> {
    let body = answer.problem();
    let found = (answer.status, &body["code"]);
    assert_eq!(found, (400, &json!("STD-00000")), "{}", answer.text);
    let list = body["validationErrors"].as_array().unwrap();
    let error = |error: &Value| {
        let paths: Vec<&str> = error["paths"]
            .as_array()
            .unwrap()
            .iter()
            .map(|path| path.as_str().unwrap())
            .collect();
        (error["code"].as_str().unwrap().to_owned(), paths.join(" "))
    };
    list.iter().map(error).collect()
}

/// One validation error with one path.
pub fn one(code: &str, path: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), path.to_owned())]
}

/// The elements of a list in its envelope.
#[track_caller]
pub fn data(answer: Answer) -> Vec<Value> {
    let body = answer.assert_status(200).json();
    assert_eq!(body["links"], json!({"next": null}));
    body["data"].as_array().unwrap().clone()
}

/// The element about a party.
pub fn of_party<'v>(list: &'v [Value], member: &str, uuid: &str) -> Option<&'v Value> {
    list.iter().find(|element| element[member]["id"] == uuid)
}

/// URNs of packages.
pub fn urns(access: &Value) -> Vec<&str> {
    access["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["urn"].as_str().unwrap())
        .collect()
}
