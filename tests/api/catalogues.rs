//! Words that others read: they are filtered for, counted and alarmed on, and never change.

use foundation::{
    audit::{Action, ActorKind, ObjectKind, Outcome},
    events::EventKind,
    telemetry::security::EventName,
};

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_words_of_the_audit_trail() {
    insta::assert_snapshot!("audit_actions", list(Action::ALL.iter().map(|w| w.wire())));
    insta::assert_snapshot!(
        "audit_object_kinds",
        list(ObjectKind::ALL.iter().map(|w| w.wire()))
    );
    insta::assert_snapshot!(
        "audit_actor_kinds",
        list(ActorKind::ALL.iter().map(|w| w.wire()))
    );
    insta::assert_snapshot!(
        "audit_outcomes",
        list(Outcome::ALL.iter().map(|w| w.wire()))
    );
}

#[test]
fn the_events_that_vendors_follow() {
    insta::assert_snapshot!(
        "vendor_events",
        list(EventKind::ALL.iter().map(|w| w.wire()))
    );
}

#[test]
fn an_event_is_known_by_its_stored_word() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::from_wire(kind.wire()), Some(*kind));
    }
    assert_eq!(EventKind::from_wire("systemuser_renamed"), None);
}

#[test]
fn the_security_events() {
    insta::assert_snapshot!(
        "security_events",
        list(EventName::ALL.iter().map(|w| w.wire()))
    );
}
