//! Questions as requests in JSON.

use crate::support::{PACKAGE, Question, RESOURCE, RIGHT, resource};
use xacml::ids;

/// A question as a request in JSON.
pub fn json(question: &Question) -> String {
    let attribute =
        |id: &str, value: &str| format!(r#"{{"AttributeId":"{id}","Value":"{value}"}}"#);
    let several =
        |id: &str, values: &[String]| format!(r#"{{"AttributeId":"{id}","Value":{values:?}}}"#);
    let held = [
        several(PACKAGE, &question.packages),
        several(RIGHT, &question.rights),
    ];
    format!(
        r#"{{"Request":{{"AccessSubject":[{{"Attribute":[{}]}}],"Resource":[{{"Attribute":[{}]}}],"Action":[{{"Attribute":[{}]}}]}}}}"#,
        held.join(","),
        attribute(RESOURCE, &resource(question.resource)),
        attribute(ids::ACTION_ID, "read"),
    )
}
