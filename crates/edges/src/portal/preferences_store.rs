//! What a person chose in the portal's menus. All SQL about that.

use foundation::{db::DbError, http::Language};
use sqlx::PgConnection;
use uuid::Uuid;

/// Most parties that a person marks.
pub const MAX_FAVORITES: usize = 100;

/// What a person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// None: the person never chose one.
    pub language: Option<Language>,
    /// Deleted parties are shown.
    pub shows_deleted: bool,
    /// Marked parties, in the order in which they were marked.
    pub favorites: Vec<Uuid>,
}

/// What a person chose, if anything.
pub async fn read(db: &mut PgConnection, person: i32) -> Result<Preferences, DbError> {
    let row = sqlx::query!(
        "select language, show_deleted, favorites from person_preference where party_key = $1",
        person
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map_or_else(Preferences::default, |row| Preferences {
        language: row.language.as_deref().and_then(Language::parse),
        shows_deleted: row.show_deleted,
        favorites: row.favorites,
    }))
}

/// Keeps a language.
pub async fn keep_language(
    db: &mut PgConnection,
    person: i32,
    language: Language,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into person_preference (party_key, language) select $1, $2 from set_config('synchronous_commit', 'local', true)
           on conflict (party_key) do update set language = excluded.language"#,
        person,
        language.code()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps whether deleted parties are shown.
pub async fn keep_shows_deleted(
    db: &mut PgConnection,
    person: i32,
    shows_deleted: bool,
) -> Result<(), DbError> {
    sqlx::query!(
        r#"insert into person_preference (party_key, show_deleted) select $1, $2 from set_config('synchronous_commit', 'local', true)
           on conflict (party_key) do update set show_deleted = excluded.show_deleted"#,
        person,
        shows_deleted
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks a party; the one that was marked first is removed when there are too many.
pub async fn add_favorite(db: &mut PgConnection, person: i32, party: Uuid) -> Result<(), DbError> {
    let most = i32::try_from(MAX_FAVORITES).unwrap_or(i32::MAX);
    sqlx::query!(
        r#"insert into person_preference (party_key, favorites) select $1, array[$2::uuid] from set_config('synchronous_commit', 'local', true)
           on conflict (party_key) do update set favorites =
             (array_append(array_remove(person_preference.favorites, $2), $2))
             [greatest(1, cardinality(array_append(array_remove(person_preference.favorites, $2), $2)) - $3 + 1):]"#,
        person,
        party,
        most
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Unmarks a party.
pub async fn remove_favorite(
    db: &mut PgConnection,
    person: i32,
    party: Uuid,
) -> Result<(), DbError> {
    sqlx::query!(
        "update person_preference set favorites = array_remove(favorites, $2) from set_config('synchronous_commit', 'local', true) where party_key = $1",
        person,
        party
    )
    .execute(db)
    .await?;
    Ok(())
}
