//! The resources that guard the service itself, embedded in the program. A resource is stored when
//! it is missing, and brought up to date as long as it is what some version of the program shipped.
//! What an operator has changed stays.

use std::collections::BTreeSet;

use anyhow::Context as _;
use rust_embed::RustEmbed;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::{
    compiled,
    rights::{self, SubjectAttribute},
    store,
};
use foundation::{crypto::sha256, db::AdvisoryLock};
use xacml::{Policy, Program};

#[derive(RustEmbed)]
#[folder = "../../data/system-resources"]
struct SystemResources;

/// SHA-256 of every description of a system resource that a version of the program shipped, of the
/// JSON text with sorted members and without blanks. A changed file adds a line here.
const SHIPPED_DOCUMENTS: &[(&str, &str)] = &[
    (
        "altinn_access_management",
        "d4dbf424b531bf34dee9712fdc6873d73b1aa3e2861f743dc19b1d7c72b45b76",
    ),
    (
        "altinn_enduser_access_management",
        "572a7be987a8aed5568fb27e895b91e9860f4f7fcb357ab1692e8f0da5091bd6",
    ),
    (
        "altinn_client_administration",
        "ac998121e6a5df2b423513d191f346d0d6edcc10a0f17fcc5453d11503c30d01",
    ),
    (
        "altinn_system_user_overview",
        "949606df30a7cd8b18b7d6255da4d059042e45b450176587b40151040167436a",
    ),
    (
        "altinn_maskinporten_scope_delegation",
        "1eb5cb851ddb63950b0ecddd5ca1e460540911102c2981ddb0bd4215163a6f14",
    ),
    (
        "altinn_access_management_hovedadmin",
        "bbe0bfaedf0571507be3a45adaeb08642a40e17284269212b6882ae26e1e89b1",
    ),
    (
        "altinn_keyrole_access",
        "331d4ed72f70ba47b18e5d48cbad36220a5242a8aa0933b1871c9e4da35a7723",
    ),
    (
        "altinn_instance_delegation",
        "36092b953382c33083538973c14161ea854f7e903543fe9cfaab3154af14c7ae",
    ),
];

/// SHA-256 of every policy of a system resource that a version of the program shipped. A changed
/// file adds a line here.
const SHIPPED_POLICIES: &[(&str, &str)] = &[
    (
        "altinn_access_management",
        "6fb926a620c548ab78d8351e82a3f7da743f6bc1bd97e095a05f1fd822e7549b",
    ),
    (
        "altinn_enduser_access_management",
        "39cbeefd54018d4bbd298cfcc1da8e67e4e89599c3348aa7abf72057cf975295",
    ),
    (
        "altinn_client_administration",
        "6bb864531be4bc6e93f189463d888c6c063587a5a916ecb58067f2d56e466144",
    ),
    (
        "altinn_system_user_overview",
        "3ea92f6a71872001534fe89a0cbd1a85732b7d7e581a71bdb60db6877181730f",
    ),
    (
        "altinn_maskinporten_scope_delegation",
        "a370c221460d7d0a0942b606e0c7dbb71f923a4a369777827cc3c34cb57248d6",
    ),
    (
        "altinn_access_management_hovedadmin",
        "323c0638d1dc84b2cf408138be4b61fc33db14a8fecf2fdf78bef59883d111e5",
    ),
    (
        "altinn_keyrole_access",
        "5af27227e7e81668562c1fb354ac20fd84b1581a0c4f12599a375d9df8b185e1",
    ),
    (
        "altinn_access_management_hovedadmin",
        "ddc0e5e74aa26975345cbcc7da1b9a51bea3f4059f90ea554ff4417af58cd664",
    ),
    (
        "altinn_instance_delegation",
        "85988da74866ca9f76a0c499bab23dbec283f97080f390a1ba8aa4cc6465d0cb",
    ),
];

/// A resource as the program ships it.
struct ShippedResource {
    identifier: String,
    document: Value,
    xml: Vec<u8>,
    subjects: BTreeSet<SubjectAttribute>,
}

/// Stores the system resources that are missing, and replaces those that are as an earlier version
/// shipped them. One starting instance does it at a time.
///
/// # Errors
/// An embedded file cannot be read, or the database fails.
pub async fn store_system_resources(pool: &PgPool) -> anyhow::Result<()> {
    let shipped = shipped()?;
    let mut tx = pool.begin().await?;
    AdvisoryLock::Start.take(&mut tx).await?;
    for resource in &shipped {
        update(&mut tx, resource)
            .await
            .with_context(|| resource.identifier.clone())?;
    }
    foundation::db::commit_at_last(tx).await?;
    Ok(())
}

/// The embedded resources.
fn shipped() -> anyhow::Result<Vec<ShippedResource>> {
    let file = |path: &str| {
        SystemResources::get(path)
            .map(|f| f.data.into_owned())
            .with_context(|| format!("{path} is not embedded"))
    };
    let lines = file("resources.ndjson")?;
    let mut out = Vec::new();
    for (number, line) in (1..).zip(lines.split(|b| *b == b'\n')) {
        if line.is_empty() {
            continue;
        }
        let mut document: Value =
            serde_json::from_slice(line).with_context(|| format!("line {number}"))?;
        let text = |member: &str| -> anyhow::Result<String> {
            let value = document.get(member).and_then(Value::as_str);
            let text = value.with_context(|| format!("line {number}: {member} is missing"))?;
            Ok(text.to_owned())
        };
        let (identifier, path) = (text("identifier")?, text("policyFile")?);
        if let Some(members) = document.as_object_mut() {
            members.remove("policyFile");
        }
        let xml = file(&path)?;
        Program::load(&xml, &compiled::UPLOAD).with_context(|| path.clone())?;
        let policy = Policy::parse(&xml, &compiled::UPLOAD).with_context(|| path.clone())?;
        out.push(ShippedResource {
            identifier,
            document,
            subjects: rights::subjects(&policy),
            xml,
        });
    }
    Ok(out)
}

async fn update(tx: &mut PgConnection, shipped: &ShippedResource) -> anyhow::Result<()> {
    let identifier = shipped.identifier.as_str();
    let Some(stored) = store::stored(&mut *tx, identifier).await? else {
        store::upsert(tx, &shipped.document, &shipped.xml, None).await?;
        return Ok(());
    };
    if stored.is_deleted {
        return Ok(());
    }
    let is_ours = match stored.document {
        None => true,
        Some(document) if document == shipped.document => false,
        Some(document) => was_shipped(SHIPPED_DOCUMENTS, identifier, &digest_of(document)),
    };
    if is_ours {
        store::add_version(&mut *tx, identifier, &shipped.document).await?;
    }
    let is_ours = stored
        .policy_sha256
        .is_none_or(|digest| was_shipped(SHIPPED_POLICIES, identifier, &digest));
    if is_ours {
        // Writes nothing when it is the same already.
        store::put_policy(tx, identifier, &shipped.xml, &shipped.subjects, None).await?;
    }
    Ok(())
}

fn was_shipped(list: &[(&str, &str)], identifier: &str, digest: &[u8]) -> bool {
    let digest = data_encoding::HEXLOWER.encode(digest);
    list.iter()
        .any(|(shipped, one)| *shipped == identifier && *one == digest)
}

/// Digest of a description, whatever the order of its members.
fn digest_of(mut document: Value) -> [u8; 32] {
    document.sort_all_objects();
    sha256(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_what_this_version_ships_are_listed() {
        for resource in shipped().unwrap() {
            let identifier = resource.identifier.as_str();
            assert!(
                was_shipped(SHIPPED_DOCUMENTS, identifier, &digest_of(resource.document)),
                "the description of {identifier} is new: add its digest"
            );
            assert!(
                was_shipped(SHIPPED_POLICIES, identifier, &sha256(&resource.xml)),
                "the policy of {identifier} is new: add its digest"
            );
        }
    }
}
