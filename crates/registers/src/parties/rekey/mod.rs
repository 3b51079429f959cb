//! Another key for identity numbers, while the service runs: what the keys before wrote is written anew
//! with the present ones.

mod model;
mod store;

use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, PgPool};

use self::model::{RekeyChanges, StoredFormerIndex, StoredPerson};
use super::IdentityKeys;
use foundation::{db::DbError, ids::NationalId};

/// Persons of one transaction.
const BATCH: i64 = 1_000;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RekeyCounts {
    /// Persons that were looked at.
    pub persons: u64,
    /// Persons of whom something was written anew.
    pub changed: u64,
    /// Persons whose number none of the keys decrypts.
    pub unreadable: u64,
    /// Index values of former numbers that cannot be computed anew, since the number is not stored. The
    /// next import of persons brings it.
    pub without_number: u64,
}

/// Brings every person to the keys: the number encrypted with the present one, an index value by each of
/// them, and none by any other. May be repeated, and goes on where it was cut off. `progress` is called
/// with the persons that are done, and how many there are.
///
/// # Errors
/// The database fails; batches before that stay done.
pub async fn rekey(
    pool: &PgPool,
    keys: &IdentityKeys,
    progress: impl Fn(u64, u64),
) -> Result<RekeyCounts, DbError> {
    let mut db = pool.acquire().await?;
    store::prepare(&mut db).await?;
    let all = store::count(&mut db).await?;
    let mut done = RekeyCounts::default();
    let mut after = 0;
    loop {
        let Some(last) = rekey_batch(&mut db, keys, after, &mut done).await? else {
            return Ok(done);
        };
        after = last;
        progress(done.persons, all);
    }
}

/// Does the persons after a key; returns the key of the last, none when there were none.
async fn rekey_batch(
    db: &mut PgConnection,
    keys: &IdentityKeys,
    after: i32,
    done: &mut RekeyCounts,
) -> Result<Option<i32>, DbError> {
    use sqlx::Connection as _;
    let mut tx = db.begin().await?;
    let persons = store::persons(&mut tx, after, BATCH).await?;
    let Some(last) = persons.last().map(|person| person.key) else {
        return Ok(None);
    };
    let ids: Vec<i32> = persons.iter().map(|person| person.key).collect();
    let former = store::former(&mut tx, &ids).await?;
    let mut changes = RekeyChanges::default();
    for person in persons {
        let of_person = former.iter().filter(|former| former.key == person.key);
        let plan = plan(keys, &person, &of_person.collect::<Vec<_>>(), done);
        done.persons += 1;
        if let Some(plan) = plan {
            done.changed += 1;
            changes.persons.extend(plan.persons);
            changes.removed.extend(plan.removed);
            changes.added.extend(plan.added);
        }
    }
    store::write(&mut tx, &changes).await?;
    foundation::db::commit_at_last(tx).await?;
    Ok(Some(last))
}

/// Persons that are looked at to see whether an index key finds them.
const SAMPLE: i32 = 2_000;

/// Of each index key, by its id, whether persons are found by it: all of some from all over the register
/// whose numbers can be read. None when there is no such person.
///
/// # Errors
/// The database fails.
pub async fn index_keys_in_use(
    db: &mut PgConnection,
    keys: &IdentityKeys,
) -> Result<Option<Vec<(String, bool)>>, DbError> {
    let persons = store::sample(&mut *db, SAMPLE).await?;
    let ids: Vec<i32> = persons.iter().map(|person| person.key).collect();
    let former = store::former(db, &ids).await?;
    let mut stored: HashMap<i32, HashSet<&[u8]>> = HashMap::new();
    for one in &former {
        stored.entry(one.key).or_default().insert(&one.hmac);
    }
    let mut in_use: Option<Vec<(String, bool)>> = None;
    for person in &persons {
        let Some(number) = person.enc.as_deref().and_then(|enc| keys.decrypt(enc).ok()) else {
            continue;
        };
        let of_person = stored.get(&person.key);
        let is_stored = |value: &[u8]| {
            person.hmac == value || of_person.is_some_and(|values| values.contains(value))
        };
        let found = keys
            .indexes_by_id(&number)
            .map(|(id, value)| (id.to_owned(), is_stored(&value)));
        match &mut in_use {
            None => in_use = Some(found.collect()),
            Some(all) => {
                for ((_, is_in_use), (_, is_found)) in all.iter_mut().zip(found) {
                    *is_in_use &= is_found;
                }
            }
        }
    }
    Ok(in_use)
}

/// Whether a number is encrypted with the key of this id. Values of the first releases name no key, and
/// do not count. Within a transaction.
///
/// # Errors
/// The database fails.
pub async fn is_encrypted_with(tx: &mut PgConnection, id: &str) -> Result<bool, DbError> {
    match IdentityKeys::beginning_of(id) {
        Some(beginning) => store::is_encrypted_with(tx, &beginning).await,
        None => Ok(false),
    }
}

/// What has to be written of one person; none when everything is as it should be.
fn plan(
    keys: &IdentityKeys,
    person: &StoredPerson,
    former: &[&StoredFormerIndex],
    done: &mut RekeyCounts,
) -> Option<RekeyChanges> {
    let number = person.enc.as_deref().and_then(|enc| keys.decrypt(enc).ok());
    let Some(number) = number else {
        done.unreadable += 1;
        return None;
    };
    let mut numbers = vec![number.clone()];
    let mut of_unknown = HashSet::new();
    for one in former {
        match one.enc.as_deref().map(|enc| keys.decrypt(enc)) {
            Some(Ok(former)) if !numbers.contains(&former) => numbers.push(former),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                of_unknown.insert(&one.hmac);
            }
        }
    }
    let main = keys.index(&number);
    let wanted = wanted(keys, &numbers, &main);
    // A value without its number may be one that can be computed after all.
    let is_wanted = |hmac: &Vec<u8>| wanted.iter().any(|(value, _)| value == hmac);
    let lost = of_unknown
        .iter()
        .filter(|hmac| !is_wanted(hmac) && ***hmac != main);
    done.without_number += lost.count() as u64;
    let mut changes = RekeyChanges::default();
    let is_sealed = person
        .enc
        .as_deref()
        .is_some_and(|enc| keys.is_present(enc));
    if person.hmac != main || !is_sealed {
        changes.persons.push(StoredPerson {
            key: person.key,
            hmac: main.clone(),
            enc: Some(keys.encrypt(&number).ok()?),
        });
    }
    for one in former {
        let is_computable = one.hmac == main || !of_unknown.contains(&one.hmac);
        if is_computable && !is_wanted(&one.hmac) {
            changes.removed.push(one.hmac.clone());
        }
    }
    for (hmac, number) in &wanted {
        let is_stored = former.iter().any(|one| {
            one.hmac == *hmac && one.enc.as_deref().is_some_and(|enc| keys.is_present(enc))
        });
        if !is_stored {
            changes.added.push(StoredFormerIndex {
                key: person.key,
                hmac: hmac.clone(),
                enc: Some(keys.encrypt(number).ok()?),
            });
        }
    }
    let is_nothing =
        changes.persons.is_empty() && changes.removed.is_empty() && changes.added.is_empty();
    (!is_nothing).then_some(changes)
}

/// Index values that a person should have besides its own: of each number by each key.
fn wanted(keys: &IdentityKeys, numbers: &[NationalId], main: &[u8]) -> Vec<(Vec<u8>, NationalId)> {
    let of_number = |number: &NationalId| {
        let mut values = keys.earlier_indexes(number);
        values.push(keys.index(number));
        values
            .into_iter()
            .map(|value| (value, number.clone()))
            .collect::<Vec<_>>()
    };
    let all = numbers.iter().flat_map(of_number);
    all.filter(|(value, _)| value != main).collect()
}
