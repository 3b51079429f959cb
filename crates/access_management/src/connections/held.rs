//! What reaches receivers, thing by thing: roles, packages and single resources, each with the ways by
//! which it is held. An accountant has many ways: lists are written while the names of parties are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::response::Response;
use foundation::{
    db::DbError,
    http::{
        ApiError, Language,
        list_stream::{self, ListError, ListWriter},
    },
};
use futures_util::TryStreamExt as _;
use registers::{
    packages::{RoleDto, RoleKey},
    resources,
};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{ConnectedResource, Permission, WayRow, in_language},
    permission::{CarriedThing, ConnectionNames, PARTIES_PER_QUERY, ShownWay},
    read::{ListEnds, NO_RIGHTS},
    rules,
};
use crate::{
    AccessManagement,
    entities::{CompactPackage, ListWrapping},
    errors::AccessResult,
};

/// Things with the ways by which they are held.
struct HeldThings<K> {
    ways: Vec<ShownWay>,
    /// Keys of parties that are connected with the reader's, without another between.
    direct: BTreeSet<i32>,
    /// Places of ways.
    things: BTreeMap<K, Vec<(usize, CarriedThing)>>,
}

/// The ways by which one thing is held.
#[derive(Debug, Clone, Copy)]
struct WaysOfThing<'h> {
    all: &'h [ShownWay],
    direct: &'h BTreeSet<i32>,
    /// Places among all.
    places: &'h [(usize, CarriedThing)],
}

impl<K> HeldThings<K> {
    fn ways<'h>(&'h self, places: &'h [(usize, CarriedThing)]) -> WaysOfThing<'h> {
        WaysOfThing {
            all: &self.ways,
            direct: &self.direct,
            places,
        }
    }
}

/// The beginning of an element about a role: its ways follow.
#[derive(Debug, Serialize)]
struct RoleHead<H> {
    role: H,
}

/// The beginning of an element about a package: its ways follow.
#[derive(Debug, Serialize)]
struct PackageHead {
    package: CompactPackage,
}

/// The beginning of an element about a resource: its ways follow.
#[derive(Debug, Serialize)]
struct ResourceHead<H> {
    resource: H,
}

const WAYS: &str = "permissions";

impl AccessManagement {
    /// Reads the ways between the ends, and what they carry.
    async fn held<K: Ord, I: IntoIterator<Item = (K, CarriedThing)>>(
        &self,
        db: &mut PgConnection,
        ends: &ListEnds,
        things: impl Fn(&WayRow) -> I,
    ) -> Result<HeldThings<K>, DbError> {
        let mut held = HeldThings {
            ways: Vec::new(),
            direct: BTreeSet::from([ends.party()]),
            things: BTreeMap::new(),
        };
        let mut ways = self.each_way(db, ends, NO_RIGHTS);
        while let Some(way) = ways.try_next().await? {
            if way.via_key.is_none() {
                held.direct
                    .extend([way.from_key, way.to_key, way.source_key]);
            }
            let place = held.ways.len();
            for (thing, carries) in things(&way) {
                held.things.entry(thing).or_default().push((place, carries));
            }
            held.ways.push(ShownWay::from(&way));
        }
        Ok(held)
    }

    /// Writes ways, each as `shape` makes it.
    async fn write_ways<E: Serialize>(
        &self,
        db: &mut PgConnection,
        of: WaysOfThing<'_>,
        writer: &mut ListWriter,
        shape: impl Fn(Permission) -> E,
    ) -> Result<(), ListError> {
        for some in of.places.chunks(PARTIES_PER_QUERY) {
            let some = some
                .iter()
                .filter_map(|(place, carries)| Some((of.all.get(*place)?, *carries)));
            let keys = some.clone().flat_map(|(way, _)| way.ends()).collect();
            let names = ConnectionNames::read(&mut *db, &self.identity, &keys, of.direct).await?;
            for (way, carries) in some {
                if let Some(one) = self.permission(&names, way, carries) {
                    writer.put(&shape(one)).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes the roles that reach the receivers, each as `head` makes it, with the ways by which it does,
    /// each as `shape` makes it. Client delegations give none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_roles<H: Serialize, E: Serialize + Send + Sync>(
        &self,
        ends: ListEnds,
        language: Language,
        wrapping: ListWrapping,
        head: impl Fn(RoleDto) -> H + Send + Sync + 'static,
        shape: impl Fn(Permission) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let (mut tx, access) = (self.snapshot().await?, self.clone());
        let (begin, end) = wrapping.ends();
        let write = |mut writer: ListWriter| async move {
            let catalogue = &access.catalogue;
            let roles = |way: &WayRow| {
                let is_implied = |key: RoleKey| key != way.role_id;
                let found = rules::roles_of(catalogue, way).filter_map(|key| {
                    let carries = CarriedThing {
                        role: Some(way.role_id),
                        is_implied: is_implied(key),
                        flags: rules::flag(way, is_implied(key)).bit(),
                    };
                    Some((catalogue.role(key)?.code.as_str(), carries))
                });
                found.collect::<Vec<_>>()
            };
            let held = access.held(&mut tx, &ends, roles).await?;
            for (code, ways) in &held.things {
                let role = catalogue.role_by_code(code);
                let role = role.and_then(|role| access.metadata.role(role.id, language));
                let Some(role) = role else {
                    continue;
                };
                writer.open(&RoleHead { role: head(role) }, WAYS);
                let ways = held.ways(ways);
                let written = access.write_ways(&mut tx, ways, &mut writer, &shape);
                written.await?;
                writer.close();
            }
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// Packages that reach the receivers, by URN or, by their areas, in groups.
    async fn held_packages(
        &self,
        db: &mut PgConnection,
        ends: &ListEnds,
        by_area: bool,
    ) -> Result<HeldThings<(Option<Uuid>, &str)>, DbError> {
        let packages = |way: &WayRow| {
            let found = rules::packages_of(&self.catalogue, way).into_iter();
            let found = found.filter_map(|reached| {
                let package = self.catalogue.package(reached.package)?;
                let carries = CarriedThing {
                    role: reached.role,
                    is_implied: reached.is_implied,
                    flags: rules::flag(way, reached.is_implied).bit(),
                };
                let area = by_area.then_some(package.area);
                Some(((area, package.urn.as_str()), carries))
            });
            found.collect::<Vec<_>>()
        };
        self.held(db, ends, packages).await
    }

    /// Writes the packages that reach the receivers, with the ways by which each does.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_packages(&self, ends: ListEnds) -> AccessResult<Response> {
        let (mut tx, access) = (self.snapshot().await?, self.clone());
        let (begin, end) = ListWrapping::Envelope.ends();
        let write = |mut writer: ListWriter| async move {
            let held = access.held_packages(&mut tx, &ends, false).await?;
            for ((_, urn), ways) in &held.things {
                let ways = held.ways(ways);
                let written = access.write_package(&mut tx, urn, ways, &mut writer, |one| one);
                written.await?;
            }
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// Writes the packages that reach the receivers as an object from areas to packages, with the ways by
    /// which each does, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_packages_by_area<E: Serialize + Send + Sync>(
        &self,
        ends: ListEnds,
        shape: impl Fn(Permission) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let (mut tx, access) = (self.snapshot().await?, self.clone());
        let write = |mut writer: ListWriter| async move {
            let held = access.held_packages(&mut tx, &ends, true).await?;
            let mut open: Option<Uuid> = None;
            for ((area, urn), ways) in &held.things {
                if open != *area {
                    if open.is_some() {
                        writer.close_member();
                    }
                    writer.open_member(&area.unwrap_or_default().to_string());
                    open = *area;
                }
                let ways = held.ways(ways);
                let written = access.write_package(&mut tx, urn, ways, &mut writer, &shape);
                written.await?;
            }
            if open.is_some() {
                writer.close_member();
            }
            Ok(writer)
        };
        Ok(list_stream::respond("{".to_owned(), "}", write).await?)
    }

    async fn write_package<E: Serialize>(
        &self,
        db: &mut PgConnection,
        urn: &str,
        ways: WaysOfThing<'_>,
        writer: &mut ListWriter,
        shape: impl Fn(Permission) -> E,
    ) -> Result<(), ListError> {
        let Some(package) = self.catalogue.held_package_named(urn) else {
            return Ok(());
        };
        let package = CompactPackage::from(package);
        writer.open(&PackageHead { package }, WAYS);
        self.write_ways(db, ways, writer, shape).await?;
        writer.close();
        Ok(())
    }

    /// Writes an object whose last member is an empty list, and in that the ways by which a package reaches
    /// the receivers, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_ways_of_package<E: Serialize + Send + Sync>(
        &self,
        ends: ListEnds,
        package: Uuid,
        object: &(impl Serialize + Sync),
        shape: impl Fn(Permission) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        let end = "]}";
        let text = serde_json::to_string(object).map_err(ApiError::internal)?;
        let begin = text
            .strip_suffix(end)
            .ok_or_else(|| ApiError::internal(std::io::Error::other("the last member is no list")))?
            .to_owned();
        let (mut tx, access) = (self.snapshot().await?, self.clone());
        let write = |mut writer: ListWriter| async move {
            let held = access.held_packages(&mut tx, &ends, false).await?;
            let named = access.catalogue.held_package_by_id(package);
            let ways = named.and_then(|named| held.things.get(&(None, named.urn.as_str())));
            let ways = ways.map(Vec::as_slice).unwrap_or_default();
            let ways = held.ways(ways);
            let written = access.write_ways(&mut tx, ways, &mut writer, shape);
            written.await?;
            Ok(writer)
        };
        Ok(list_stream::respond(begin, end, write).await?)
    }

    /// Writes the single resources that reach the receivers, one alone where it is named: each as `head`
    /// makes it of its identifier and its document, if it is still there; with the ways by which it does, each
    /// as `shape` makes it.
    ///
    /// # Errors
    /// 400 for a named resource that does not exist.
    pub async fn stream_resources<H: Serialize, E: Serialize + Send + Sync>(
        &self,
        ends: ListEnds,
        only: Option<&str>,
        head: impl Fn(&str, Option<&Value>) -> Option<H> + Send + Sync + 'static,
        shape: impl Fn(Permission) -> E + Send + Sync + 'static,
    ) -> AccessResult<Response> {
        if let Some(identifier) = only {
            self.document(identifier).await?;
        }
        let only = only.map(str::to_owned);
        let (mut tx, access) = (self.snapshot().await?, self.clone());
        let (begin, end) = ListWrapping::Bare.ends();
        let write = |mut writer: ListWriter| async move {
            let is_wanted = |id: &&String| only.as_ref().is_none_or(|only| only == *id);
            let resources = |way: &WayRow| {
                let flags = rules::flag(way, false).bit();
                let carries = CarriedThing::by_relation(way, flags);
                let found = way.resources.iter().filter(|_| !way.is_own_firm);
                let found = found.filter(is_wanted).map(|id| (id.clone(), carries));
                found.collect::<Vec<_>>()
            };
            let held = access.held(&mut tx, &ends, resources).await?;
            let identifiers: Vec<String> = held.things.keys().cloned().collect();
            let documents = if identifiers.is_empty() {
                HashMap::new()
            } else {
                resources::names(&mut tx, &identifiers).await?
            };
            for (identifier, ways) in &held.things {
                let Some(resource) = head(identifier, documents.get(identifier)) else {
                    continue;
                };
                writer.open(&ResourceHead { resource }, WAYS);
                let ways = held.ways(ways);
                let shown = |one: Permission| shape(one.without_main_units());
                let written = access.write_ways(&mut tx, ways, &mut writer, shown);
                written.await?;
                writer.close();
            }
            Ok(writer)
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }
}

/// A single resource, as a list of connections shows it.
pub(super) fn connected_resource(
    identifier: &str,
    document: Option<&Value>,
    language: Language,
) -> ConnectedResource {
    let title = document.map(|document| in_language(document.get("title"), language));
    ConnectedResource::new(identifier, title.unwrap_or_else(|| identifier.to_owned()))
}
