//! One way by which something is held, as answers show it, and the names of its parties.

use std::collections::{BTreeSet, HashMap};

use foundation::db::DbError;
use registers::{packages::RoleKey, parties::IdentityKeys};
use sqlx::PgConnection;

use super::model::{ConnectedResource, Permission, ReasonDto, WayRow};
use crate::{
    AccessManagement,
    entities::{Entity, entity_rows},
};

/// Parties that are read at once.
pub(super) const PARTIES_PER_QUERY: usize = 1_000;

/// Names for a list: parties with their main units, and titles of resources.
pub(super) struct ConnectionNames {
    parties: HashMap<i32, Entity>,
    pub(super) titles: HashMap<String, String>,
}

impl ConnectionNames {
    /// Names of parties; identity numbers and dates of these alone that are direct: who is reached
    /// through another party may be unknown to the reader.
    pub(super) async fn read(
        db: &mut PgConnection,
        identity: &IdentityKeys,
        keys: &BTreeSet<i32>,
        direct: &BTreeSet<i32>,
    ) -> Result<Self, DbError> {
        let mut found = HashMap::new();
        let wanted: Vec<i32> = keys.iter().copied().collect();
        for some in wanted.chunks(PARTIES_PER_QUERY) {
            found.extend(entity_rows(&mut *db, some).await?);
        }
        let parents: BTreeSet<i32> = found.values().filter_map(|row| row.parent_key).collect();
        let parents: Vec<i32> = parents.into_iter().collect();
        let mut main_units = HashMap::new();
        for some in parents.chunks(PARTIES_PER_QUERY) {
            main_units.extend(entity_rows(&mut *db, some).await?);
        }
        let parties = found
            .into_iter()
            .map(|(key, row)| {
                let parent = row
                    .parent_key
                    .and_then(|parent| main_units.get(&parent).cloned())
                    .map(|row| Box::new(Entity::new(row, identity)));
                let mut entity = Entity {
                    parent,
                    ..Entity::new(row, identity)
                };
                if !direct.contains(&key) {
                    entity.hide_identity();
                }
                (key, entity)
            })
            .collect();
        Ok(Self {
            parties,
            titles: HashMap::new(),
        })
    }

    pub(super) fn party(&self, key: i32) -> Option<Entity> {
        self.parties.get(&key).cloned()
    }

    pub(super) fn resource(&self, identifier: &str) -> ConnectedResource {
        let title = self.titles.get(identifier).cloned();
        ConnectedResource::new(identifier, title.unwrap_or_else(|| identifier.to_owned()))
    }
}

/// What an answer shows of a way, once its things are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownWay {
    from: i32,
    to: i32,
    /// The party it leads through.
    via: Option<i32>,
    via_role: Option<RoleKey>,
    is_client: bool,
}

impl From<&WayRow> for ShownWay {
    fn from(way: &WayRow) -> Self {
        let is_above = way.is_main_unit || way.is_own_firm;
        Self {
            from: way.from_key,
            to: way.to_key,
            via: if is_above {
                Some(way.source_key)
            } else {
                way.via_key
            },
            via_role: way.via_role,
            is_client: way.is_client,
        }
    }
}

impl ShownWay {
    /// Keys of the parties that it leads from, to and through.
    pub(super) fn ends(&self) -> impl Iterator<Item = i32> + use<> {
        [Some(self.from), Some(self.to), self.via]
            .into_iter()
            .flatten()
    }
}

/// How a way carries a thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct CarriedThing {
    /// The role that is shown; none of a client delegation.
    pub(super) role: Option<RoleKey>,
    /// A role that the relation's implies gives it.
    pub(super) is_implied: bool,
    /// See [`super::model::WayFlag`].
    pub(super) flags: u8,
}

impl CarriedThing {
    /// By the relation itself.
    pub(super) fn by_relation(way: &WayRow, flags: u8) -> Self {
        Self {
            role: (!way.is_client).then_some(way.role_id),
            is_implied: false,
            flags,
        }
    }
}

impl AccessManagement {
    /// A way as answers show it.
    pub(super) fn permission(
        &self,
        names: &ConnectionNames,
        way: &ShownWay,
        carries: CarriedThing,
    ) -> Option<Permission> {
        let dto = |role: RoleKey| self.catalogue.role(role).map(Into::into);
        let via_role = if way.is_client {
            self.catalogue.role_by_code("agent").map(Into::into)
        } else if carries.is_implied {
            None
        } else {
            way.via_role.and_then(dto)
        };
        Some(Permission {
            from: names.party(way.from)?,
            to: names.party(way.to)?,
            via: way.via.and_then(|key| names.party(key)),
            role: carries.role.and_then(dto),
            via_role,
            reason: ReasonDto::of(carries.flags),
        })
    }
}
