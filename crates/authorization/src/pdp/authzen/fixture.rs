//! The small world that the certification of `AuthZEN` asks about: users and records, in memory.
//! Only where `authzen.conformance_fixture` is switched on.

use serde_json::Value;

use super::question::{AuthzenQuestion, QuestionEntity};

const USERS: [&str; 2] = ["alice", "bob"];
const RECORDS: [&str; 2] = ["record-1", "record-2"];
const ACTIONS: [&str; 3] = ["delete", "read", "write"];

/// Types of its subjects and resources.
pub const USER: &str = "user";
/// See [`USER`].
pub const RECORD: &str = "record";

/// Whether it knows an entity's type.
pub fn knows(kind: &str) -> bool {
    kind == USER || kind == RECORD
}

/// Users, records and actions, as candidates of a search, in order.
pub fn candidates(search: super::search::SearchedKind) -> &'static [&'static str] {
    match search {
        super::search::SearchedKind::Subject => &USERS,
        super::search::SearchedKind::Resource => &RECORDS,
        super::search::SearchedKind::Action => &ACTIONS,
    }
}

fn property<'q>(entity: &QuestionEntity<'q>, name: &str, known: &'q str) -> &'q str {
    entity
        .properties
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or(known)
}

/// All subjects read what is active. An active record is written by alice alone, an archived one is
/// read and written by administrators. Alice may delete softly.
pub fn permits(question: &AuthzenQuestion<'_>) -> bool {
    let (user, record) = (question.subject.id, question.resource.id);
    let fits = question.subject.kind == USER
        && question.resource.kind == RECORD
        && USERS.contains(&user)
        && RECORDS.contains(&record);
    let is_admin = property(
        &question.subject,
        "role",
        if user == "bob" { "admin" } else { "" },
    ) == "admin";
    let is_archived = property(
        &question.resource,
        "status",
        if record == "record-2" {
            "archived"
        } else {
            "active"
        },
    ) == "archived";
    let may = match question.action {
        "read" => !is_archived || is_admin,
        "write" if is_archived => is_admin,
        "write" => user == "alice",
        "delete" => {
            user == "alice"
                && question
                    .action_properties
                    .get("soft")
                    .and_then(Value::as_bool)
                    == Some(true)
        }
        _ => false,
    };
    fits && may
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pdp::authzen::question::QuestionSources;

    #[test]
    fn the_cases_of_the_certification_hold() {
        let ask = |user: &str,
                   role: Option<&str>,
                   action: &str,
                   soft: Option<bool>,
                   record: &str,
                   status: Option<&str>| {
            let question = json!({"subject": {"type": "user", "id": user, "properties": role.map(|r| json!({"role": r})).unwrap_or_default()},
                "action": {"name": action, "properties": soft.map(|s| json!({"soft": s})).unwrap_or_default()},
                "resource": {"type": "record", "id": record, "properties": status.map(|s| json!({"status": s})).unwrap_or_default()}});
            let sources = QuestionSources::of(question.as_object().unwrap());
            permits(&AuthzenQuestion::read(sources).unwrap())
        };
        assert!(ask("alice", None, "read", None, "record-1", None));
        assert!(ask("alice", None, "write", None, "record-1", None));
        assert!(ask("bob", None, "read", None, "record-1", None));
        assert!(!ask("bob", None, "write", None, "record-1", None));
        assert!(!ask(
            "alice",
            None,
            "write",
            None,
            "record-1",
            Some("archived")
        ));
        assert!(ask(
            "alice",
            Some("admin"),
            "write",
            None,
            "record-1",
            Some("archived")
        ));
        assert!(ask(
            "bob",
            Some("admin"),
            "write",
            None,
            "record-2",
            Some("archived")
        ));
        assert!(ask("alice", None, "delete", Some(true), "record-1", None));
        assert!(!ask("alice", None, "delete", Some(false), "record-1", None));
        assert!(!ask("alice", None, "read", None, "record-2", None));
        assert!(ask("bob", None, "write", None, "record-2", None));
        assert!(!ask("carol", None, "read", None, "record-1", None));
    }
}
