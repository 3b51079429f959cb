//! Reading a decision request in the JSON profile, in every spelling that clients of the public
//! system use.

mod model;
mod quick;
mod tolerant;

use foundation::http::{ApiResult, body};

pub use model::{DecisionRequest, RequestAttribute, RequestCategory, RequestFault, RequestValues};

/// Reads a request.
///
/// # Errors
/// Model state for JSON that is broken, names a member twice, or has the wrong types.
pub fn read(bytes: &[u8]) -> ApiResult<DecisionRequest<'_>> {
    let bytes = body::without_mark(bytes);
    quick::read(bytes).map_or_else(|| tolerant::read(bytes), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foundation::http::ApiError;

    #[test]
    fn spellings_of_the_two_generations_read_alike() {
        let documented = br#"{"Request":{"AccessSubject":[{"Attribute":[{"AttributeId":"urn:a","Value":"1"}]}],"Action":[],"Resource":[]}}"#;
        let library = br#"{"request":{"returnPolicyIdList":false,"multiRequests":null,"accessSubject":[{"id":null,"attribute":[
            {"attributeId":"urn:a","value":"1","dataType":"string","issuer":"Altinn","includeInResult":false}]}],"category":[]}}"#;
        for bytes in [documented.as_slice(), library.as_slice()] {
            let request = read(bytes).unwrap();
            assert_eq!(request.entries.len(), 1);
            assert_eq!(*request.entries[0].attributes[0].values, ["1"]);
            assert!(request.fault.is_none() && request.entries[0].fault.is_none());
        }
    }

    #[test]
    fn a_member_twice_is_broken_json() {
        for bytes in [
            r#"{"Request":{},"request":{}}"#,
            r#"{"Request":{"Action":[],"Action":[]}}"#,
            r#"{"Request":{"Action":[],"ACTION":[]}}"#,
            r#"{"Request":{"Unknown":[{"a":1,"A":2}]}}"#,
        ] {
            assert!(matches!(
                read(bytes.as_bytes()),
                Err(ApiError::ModelState(_))
            ));
        }
    }

    #[test]
    fn values_may_be_scalars_or_lists_of_them() {
        let bytes = br#"{"Request":{"Resource":{"Attribute":{"AttributeId":"urn:a","Value":[1,true,"x"]}}}}"#;
        assert_eq!(
            *read(bytes).unwrap().entries[0].attributes[0].values,
            ["1", "true", "x"]
        );
    }

    #[test]
    fn an_attribute_given_twice_has_the_place_and_the_flag_of_the_first() {
        let attribute = |id: &str, value: &str, echoed: bool| {
            format!(r#"{{"AttributeId":"{id}","Value":"{value}","IncludeInResult":{echoed}}}"#)
        };
        let list = [
            attribute("urn:a", "1", true),
            attribute("urn:b", "2", false),
            attribute("urn:a", "3", false),
        ]
        .join(",");
        let text = format!(r#"{{"Request":{{"Resource":[{{"Attribute":[{list}]}}]}}}}"#);
        for request in [
            quick::read(text.as_bytes()).unwrap(),
            tolerant::read(text.as_bytes()).unwrap(),
        ] {
            let [a, b] = request.entries[0].attributes.as_slice() else {
                panic!("{request:?}")
            };
            assert_eq!(
                (&*a.id, &*a.values, a.include_in_result),
                ("urn:a", ["1".into(), "3".into()].as_slice(), true)
            );
            assert_eq!(
                (&*b.id, &*b.values, b.include_in_result),
                ("urn:b", ["2".into()].as_slice(), false)
            );
        }
    }

    #[test]
    fn an_attribute_among_many_is_one_too() {
        let list: Vec<String> = (0..60)
            .map(|n| format!(r#"{{"AttributeId":"urn:a{}","Value":"{n}"}}"#, n % 20))
            .collect();
        let text = format!(
            r#"{{"Request":{{"Resource":[{{"Attribute":[{}]}}]}}}}"#,
            list.join(",")
        );
        let request = read(text.as_bytes()).unwrap();
        let attributes = &request.entries[0].attributes;
        assert_eq!(attributes.len(), 20);
        assert_eq!(
            (&*attributes[7].id, &*attributes[7].values),
            ("urn:a7", ["7".into(), "27".into(), "47".into()].as_slice())
        );
    }

    #[test]
    fn faults_are_distinguished() {
        let fault = |json: &str| {
            read(format!("{{\"Request\":{{\"Category\":[{json}]}}}}").as_bytes())
                .unwrap()
                .entries[0]
                .fault
                .clone()
                .unwrap()
        };
        assert!(matches!(
            fault(r#"{"Attribute":[]}"#),
            RequestFault::Processing(_)
        ));
        assert!(matches!(
            fault(r#"{"CategoryId":"x","Attribute":[]}"#),
            RequestFault::Syntax(_)
        ));
        assert!(matches!(
            fault(r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"urn:a","Value":null}]}"#),
            RequestFault::Processing(_)
        ));
        assert!(matches!(
            fault(
                r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"urn:a","Value":"1","DataType":"nope"}]}"#
            ),
            RequestFault::Processing(_)
        ));
        assert!(matches!(
            fault(r#"{"CategoryId":"urn:x","Attribute":[{"AttributeId":"a","Value":"1"}]}"#),
            RequestFault::Syntax(_)
        ));
    }

    #[test]
    fn what_is_read_quickly_is_read_as_by_the_tolerant_reader() {
        for bytes in [
            r#"{"Request":{"AccessSubject":[{"Attribute":[{"AttributeId":"urn:a","Value":"1"},{"AttributeId":"urn:a","Value":"2","DataType":"string"}]}],"Action":[],"Resource":[]}}"#,
            r#"{"request":{"returnPolicyIdList":false,"combinedDecision":true,"xPathVersion":null,"multiRequests":{"requestReference":[{"referenceId":["a","b"]},{}]},"accessSubject":[{"id":"a","content":null,"attribute":[{"attributeId":"urn:\u0061","value":"\"","dataType":"integer","issuer":"Altinn","includeInResult":true}]}],"category":[{"categoryId":"urn:c","attribute":null},{"attribute":[]}]}}"#,
            r#"{"Request":{"Resource":[{"Attribute":[{"AttributeId":"nope","Value":"x"},{"Value":"x"},{"AttributeId":"urn:a"},{"AttributeId":"urn:a","Value":"x","DataType":"odd"}]}],"Environment":[{"CategoryId":"","Attribute":[]}]}}"#,
        ] {
            let quick = quick::read(bytes.as_bytes()).unwrap_or_else(|| panic!("{bytes}"));
            assert_eq!(quick, tolerant::read(bytes.as_bytes()).unwrap());
        }
        for unusual in [
            r#"{"REQUEST":{}}"#,
            "[{}]",
            r#"{"Request":[]}"#,
            r#"{"Request":{"Resource":[[]]}}"#,
            r#"{"Request":{},"request":{}}"#,
            r#"{"Request":{"Resource":{}}}"#,
            r#"{"Request":{"Odd":1}}"#,
            r#"{"Request":{"Resource":[{"Attribute":[{"Value":1}]}]}}"#,
        ] {
            assert!(quick::read(unusual.as_bytes()).is_none(), "{unusual}");
        }
    }

    proptest::proptest! {
        #[test]
        fn both_readers_agree(id in "(urn:)?[a-c\"\\\\é\u{0}]{0,4}", value in ".{0,6}", kind in "(string|integer|x|)", twice in proptest::bool::ANY) {
            let attribute = serde_json::json!({"AttributeId": id, "Value": value, "DataType": kind});
            let list = if twice { vec![attribute.clone(), attribute] } else { vec![attribute] };
            let text = serde_json::json!({"Request": {"Resource": [{"Id": value, "Attribute": list}]}}).to_string();
            if let Some(quick) = quick::read(text.as_bytes()) {
                assert_eq!(quick, tolerant::read(text.as_bytes()).unwrap());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read(&bytes);
        }
    }
}
