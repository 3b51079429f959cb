//! `authorization_details`: which system user a token represents.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::TokenRefusal;
use crate::ids::{ISO6523_AUTHORITY, OrgNumber, SystemId};

/// Type of the entry that names a system user.
pub const SYSTEM_USER_TYPE: &str = "urn:altinn:systemuser";
/// Authority that early samples carried; taken in the sandbox only.
pub const SANDBOX_AUTHORITY: &str = "https://maskinporten.no";

/// What a system-user token says about its system user. Not yet compared with the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUserClaim {
    /// The system users; the first is the caller.
    pub ids: Vec<Uuid>,
    /// The organisation that owns them.
    pub owner: OrgNumber,
    /// The registered system.
    pub system_id: SystemId,
}

/// Reads the claim in any of the forms it has been seen in.
///
/// # Errors
/// It cannot be read, or has more than one entry of a system user.
pub fn read(
    claims: &Map<String, Value>,
    sandbox: bool,
) -> Result<Option<SystemUserClaim>, TokenRefusal> {
    let entries: Vec<&Value> = match claims.get("authorization_details") {
        None => return Ok(None),
        Some(Value::Array(entries)) => entries.iter().collect(),
        Some(entry @ Value::Object(_)) => vec![entry],
        Some(_) => return Err(TokenRefusal::Malformed),
    };
    let mut ours = Vec::new();
    for entry in entries {
        let entry = entry.as_object().ok_or(TokenRefusal::Malformed)?;
        if entry.get("type").and_then(Value::as_str) == Some(SYSTEM_USER_TYPE) {
            ours.push(entry);
        }
    }
    match ours.as_slice() {
        [] => Ok(None),
        [entry] => read_entry(entry, sandbox)
            .map(Some)
            .ok_or(TokenRefusal::Malformed),
        _ => Err(TokenRefusal::Ambiguous),
    }
}

/// Whether the claim has an entry of any type, or cannot be read.
pub fn has_entries(claims: &Map<String, Value>) -> bool {
    match claims.get("authorization_details") {
        None | Some(Value::Null) => false,
        Some(Value::Array(entries)) => !entries.is_empty(),
        Some(_) => true,
    }
}

fn read_entry(entry: &Map<String, Value>, sandbox: bool) -> Option<SystemUserClaim> {
    let ids: Vec<Uuid> = match entry.get("systemuser_id")? {
        Value::String(id) => vec![Uuid::try_parse(id).ok()?],
        Value::Array(ids) if (1..=10).contains(&ids.len()) => ids
            .iter()
            .map(|id| id.as_str().and_then(|id| Uuid::try_parse(id).ok()))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let org = entry.get("systemuser_org")?.as_object()?;
    let authority = org.get("authority").and_then(Value::as_str)?;
    if authority != ISO6523_AUTHORITY && !(sandbox && authority == SANDBOX_AUTHORITY) {
        return None;
    }
    let owner = organization_in(org)?;
    let outer = entry
        .get("system_id")
        .map(|v| v.as_str().ok_or(()))
        .transpose()
        .ok()?;
    let inner = org
        .get("system_id")
        .map(|v| v.as_str().ok_or(()))
        .transpose()
        .ok()?;
    let system_id = match (outer, inner) {
        (Some(a), Some(b)) if a != b => return None,
        (Some(id), _) | (None, Some(id)) => SystemId::from_wire(id),
        (None, None) => return None,
    };
    Some(SystemUserClaim {
        ids,
        owner,
        system_id,
    })
}

/// The number out of `ID` (or `id`): `0192:` or `9908:`, nine digits, further elements ignored.
pub fn organization_in(object: &Map<String, Value>) -> Option<OrgNumber> {
    let id = match (object.get("ID"), object.get("id")) {
        (Some(a), Some(b)) if a != b => return None,
        (Some(id), _) | (None, Some(id)) => id.as_str()?,
        (None, None) => return None,
    };
    let mut parts = id.split(':');
    matches!(parts.next()?, "0192" | "9908").then_some(())?;
    OrgNumber::parse(parts.next()?).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const ID: &str = "3f794e70-3593-53d5-8174-1a3371cf43dc";

    fn entry() -> Value {
        json!({"type": SYSTEM_USER_TYPE, "systemuser_id": [ID], "system_id": "390198116_fjordlonn",
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": "0192:390367767"}})
    }

    fn with(path: &str, value: Value) -> Value {
        let mut entry = entry();
        *entry.pointer_mut(path).unwrap() = value;
        entry
    }

    fn run(details: &Value) -> Result<Option<SystemUserClaim>, TokenRefusal> {
        read(
            json!({"authorization_details": details})
                .as_object()
                .unwrap(),
            false,
        )
    }

    #[rstest]
    #[case::list(json!([entry()]))]
    #[case::object(entry())]
    #[case::with_consent(json!([{"type": "urn:altinn:consent"}, entry()]))]
    #[case::single_id(with("/systemuser_id", json!(ID)))]
    #[case::lower_case_id(with("/systemuser_org", json!({"authority": "iso6523-actorid-upis", "id": "0192:390367767"})))]
    #[case::old_prefix(with("/systemuser_org/ID", json!("9908:390367767")))]
    #[case::more_elements(with("/systemuser_org/ID", json!("0192:390367767:x:y")))]
    fn every_form_seen_reads_the_same(#[case] details: Value) {
        let claim = run(&details).unwrap().unwrap();
        assert_eq!(
            (
                claim.ids[0].to_string().as_str(),
                claim.owner.as_str(),
                claim.system_id.as_str()
            ),
            (ID, "390367767", "390198116_fjordlonn")
        );
    }

    #[test]
    fn the_system_may_be_inside_the_organisation() {
        let mut details = entry();
        details.as_object_mut().unwrap().remove("system_id");
        details["systemuser_org"]["system_id"] = json!("390198116_fjordlonn");
        assert!(run(&details).unwrap().is_some());
        details["system_id"] = json!("390198116_other");
        assert_eq!(run(&details), Err(TokenRefusal::Malformed));
    }

    #[rstest]
    #[case::text(json!("[]"), TokenRefusal::Malformed)]
    #[case::two(json!([entry(), entry()]), TokenRefusal::Ambiguous)]
    #[case::no_id(with("/systemuser_id", json!([])), TokenRefusal::Malformed)]
    #[case::eleven_ids(with("/systemuser_id", json!(vec![ID; 11])), TokenRefusal::Malformed)]
    #[case::not_a_uuid(with("/systemuser_id", json!("a")), TokenRefusal::Malformed)]
    #[case::two_numbers(with("/systemuser_org", json!({"authority": "iso6523-actorid-upis", "ID": "0192:390367767", "id": "0192:390381492"})), TokenRefusal::Malformed)]
    #[case::authority(with("/systemuser_org/authority", json!("https://maskinporten.no")), TokenRefusal::Malformed)]
    #[case::eight_digits(with("/systemuser_org/ID", json!("0192:39036776")), TokenRefusal::Malformed)]
    fn other_forms_are_refused(#[case] details: Value, #[case] reason: TokenRefusal) {
        assert_eq!(run(&details), Err(reason));
    }

    #[test]
    fn the_same_system_or_number_may_occur_twice() {
        let mut details = entry();
        details["systemuser_org"]["system_id"] = details["system_id"].clone();
        details["systemuser_org"]["id"] = details["systemuser_org"]["ID"].clone();
        assert!(run(&details).unwrap().is_some());
    }

    #[test]
    fn the_older_authority_is_taken_in_a_sandbox_alone() {
        let claims = |authority: &str| json!({"authorization_details": with("/systemuser_org/authority", json!(authority))});
        let is_taken = |authority: &str, sandbox| {
            read(claims(authority).as_object().unwrap(), sandbox).is_ok()
        };
        assert!(is_taken(SANDBOX_AUTHORITY, true) && !is_taken(SANDBOX_AUTHORITY, false));
        assert!(!is_taken("https://other.example", true));
    }

    #[test]
    fn other_types_alone_are_no_system_user() {
        assert_eq!(run(&json!([{"type": "urn:altinn:consent"}])), Ok(None));
    }
}
