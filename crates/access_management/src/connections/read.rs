//! Lists of connections, and of the packages and resources that they carry.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future,
    sync::Arc,
};

use axum::response::Response;
use foundation::{
    db::DbError,
    http::{
        Language,
        list_stream::{self, ListError, ListWriter},
        query::Query,
    },
};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use registers::{
    packages::{Catalogue, PackageKey, RoleKey},
    parties::{self, IdentityKeys, Party, SingleRight, service_owners},
    resources::{self, RightKey, right_keys_in_order, rights::named_right},
};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    bind::ConnectionParts,
    model::{
        ConnectionDto, FullResource, ProviderKind, ReasonDto, RightDto, RightPermission,
        RightsOfResource, WayFlag, WayRow, in_language,
    },
    permission::{CarriedThing, ConnectionNames, PARTIES_PER_QUERY, ShownWay},
    rules,
    store::{self, WayContent},
};
use crate::{
    AccessManagement,
    callers::AccessManagerCaller,
    entities::{CompactPackage, EntityType, ListWrapping, entity_type},
    errors::{AccessError, AccessResult, InvalidCode, InvalidInput},
};

pub(super) const NO_RIGHTS: WayContent<'_> = WayContent { rights_on: None };

/// The ends of a list: the party, and the other end where it is named.
#[derive(Debug)]
pub struct ListEnds {
    party: Party,
    is_giver: bool,
    other: OtherEnd,
}

#[derive(Debug)]
enum OtherEnd {
    Any,
    Known(Box<Party>),
    Unknown,
}

/// Types of parties that may give.
pub(super) const GIVERS: [EntityType; 2] = [EntityType::Organization, EntityType::Person];
/// Types of parties that may receive.
pub(super) const RECEIVERS: [EntityType; 3] = [
    EntityType::Organization,
    EntityType::Person,
    EntityType::SystemUser,
];

/// A finding for a party of a type that may not be at this end.
pub(super) fn wrong_type(party: &Party, end: &str, allowed: &[EntityType]) -> Option<InvalidInput> {
    let found = entity_type(party.kind);
    if allowed.contains(&found) {
        return None;
    }
    let expected: Vec<&str> = allowed.iter().map(|one| one.wire()).collect();
    let text = format!(
        "Got '{}', expected one of: '{}'.",
        found.wire(),
        expected.join(", ")
    );
    let path = format!("QUERY/{end}");
    Some(InvalidInput::new(
        InvalidCode::KindNotAllowed,
        path,
        "type",
        text,
    ))
}

async fn titles(
    db: &mut PgConnection,
    identifiers: &BTreeSet<String>,
    language: Language,
) -> Result<HashMap<String, String>, DbError> {
    if identifiers.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<String> = identifiers.iter().cloned().collect();
    let documents = resources::names(db, &wanted).await?;
    Ok(documents
        .into_iter()
        .map(|(identifier, document)| (identifier, in_language(document.get("title"), language)))
        .collect())
}

/// Address of the logo of a resource's owner, where one is known.
pub(super) async fn logo_of(
    db: &mut PgConnection,
    document: &Value,
) -> Result<Option<String>, DbError> {
    let code = document.pointer("/hasCompetentAuthority/orgcode");
    let code = code.and_then(Value::as_str).unwrap_or_default();
    let owners = service_owners::all(db).await?;
    let owner = owners
        .into_iter()
        .find(|owner| owner.orgcode.eq_ignore_ascii_case(code));
    Ok(owner.and_then(|owner| owner.logo))
}

impl ListEnds {
    /// Key of the party.
    pub(super) const fn party(&self) -> i32 {
        self.party.key
    }

    /// The caller's party and this other one.
    pub(super) fn between<P>(caller: &AccessManagerCaller<P>, other: Party) -> Self {
        Self {
            party: caller.party.clone(),
            is_giver: caller.is_giver,
            other: OtherEnd::Known(Box::new(other)),
        }
    }
}

impl AccessManagement {
    /// The ends of a list.
    ///
    /// # Errors
    /// 400 for an end that is no uuid, or of a type that cannot be there.
    pub async fn list_ends<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        query: &Query,
    ) -> AccessResult<ListEnds> {
        let (own, others) = if caller.is_giver {
            ("from", "to")
        } else {
            ("to", "from")
        };
        let allowed =
            |end: &str| -> &[EntityType] { if end == "from" { &GIVERS } else { &RECEIVERS } };
        let other = match query.uuid(others)? {
            None => OtherEnd::Any,
            Some(uuid) => {
                let mut db = self.db.acquire().await?;
                match parties::party_by_uuid(&mut db, uuid).await? {
                    Some(party) => OtherEnd::Known(Box::new(party)),
                    None => OtherEnd::Unknown,
                }
            }
        };
        let mut findings: Vec<InvalidInput> = wrong_type(&caller.party, own, allowed(own))
            .into_iter()
            .collect();
        if let OtherEnd::Known(party) = &other {
            findings.extend(wrong_type(party, others, allowed(others)));
        }
        crate::errors::refuse(findings)?;
        Ok(ListEnds {
            party: caller.party.clone(),
            is_giver: caller.is_giver,
            other,
        })
    }

    /// The ways that count between the ends, as they are read.
    pub(super) fn each_way<'a>(
        &'a self,
        db: &'a mut PgConnection,
        ends: &ListEnds,
        content: WayContent<'a>,
    ) -> BoxStream<'a, Result<WayRow, sqlx::Error>> {
        let other = match &ends.other {
            OtherEnd::Any => None,
            OtherEnd::Known(party) => Some(party.key),
            OtherEnd::Unknown => return stream::empty().boxed(),
        };
        let ways = if ends.is_giver {
            store::to_others(db, ends.party.key, other, content)
        } else {
            store::from_others(db, ends.party.key, other, content)
        };
        ways.try_filter(|way| future::ready(rules::counts(&self.catalogue, way)))
            .boxed()
    }

    /// The ways that count between the ends.
    pub(super) async fn ways(
        &self,
        db: &mut PgConnection,
        ends: &ListEnds,
        content: WayContent<'_>,
    ) -> Result<Vec<WayRow>, DbError> {
        let ways = self.each_way(db, ends, content);
        Ok(ways.try_collect().await?)
    }

    /// Writes the connections between the ends, party by party, each as `shape` makes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stream_connections<E: Serialize + Send + Sync + 'static>(
        &self,
        ends: ListEnds,
        parts: ConnectionParts,
        language: Language,
        wrapping: ListWrapping,
        shape: impl Fn(ConnectionDto) -> E + Send + 'static,
    ) -> AccessResult<Response> {
        let mut tx = self.snapshot().await?;
        let access = self.clone();
        let (begin, end) = wrapping.ends();
        let write = |writer| async move {
            let nodes = access.nodes(&mut tx, &ends, parts).await?;
            let titles = titles(&mut tx, &nodes.resources(), language).await?;
            let (direct, top) = nodes.in_order();
            let with = ConnectionContext {
                direct,
                identity: access.identity,
                catalogue: access.catalogue,
                titles,
            };
            write_nodes(tx, with, top, writer, shape).await
        };
        Ok(list_stream::respond(begin.to_owned(), end, write).await?)
    }

    /// The parties of a list of connections. Each way is dropped as soon as it is added: those of an
    /// accountant's clients are many.
    async fn nodes(
        &self,
        db: &mut PgConnection,
        ends: &ListEnds,
        parts: ConnectionParts,
    ) -> Result<ConnectionTree, DbError> {
        let agent = self.catalogue.role_by_code("agent").map(|role| role.key);
        let mut nodes = ConnectionTree::of(ends);
        let mut ways = self.each_way(db, ends, NO_RIGHTS);
        while let Some(way) = ways.try_next().await? {
            let is_shown = (parts.client_delegations || !way.is_client)
                && (parts.agents || way.is_client || Some(way.role_id) != agent);
            if is_shown {
                nodes.add(&self.catalogue, ends, &way, parts);
            }
        }
        Ok(nodes)
    }

    /// The document of a resource.
    ///
    /// # Errors
    /// 400 when it does not exist.
    pub(super) async fn document(&self, identifier: &str) -> AccessResult<Value> {
        let mut db = self.db.acquire().await?;
        let wanted = [identifier.to_owned()];
        let mut documents = resources::names(&mut db, &wanted).await?;
        documents
            .remove(identifier)
            .ok_or_else(|| AccessError::InvalidResource(identifier.to_owned()))
    }

    /// Rights on a resource that the receiver holds of the giver.
    ///
    /// # Errors
    /// 400 for a resource that does not exist.
    pub async fn list_rights(
        &self,
        ends: &ListEnds,
        identifier: &str,
        language: Language,
    ) -> AccessResult<RightsOfResource> {
        let document = self.document(identifier).await?;
        let mut tx = self.snapshot().await?;
        let content = WayContent {
            rights_on: Some(identifier),
        };
        let mut ways = self.ways(&mut tx, ends, content).await?;
        let direct = direct_ends(ends, &ways);
        // Rights of a firm do not reach its owner. Of an accountant's ways few carry one.
        ways.retain(|way| !way.is_own_firm && way.rights.is_some());
        let names =
            ConnectionNames::read(&mut tx, &self.identity, &ends_of(&ways), &direct).await?;
        let mut holding = holding(&ways);
        let policy = self.policies.resource(&mut tx, identifier).await?;
        let keys = policy
            .and_then(|resource| resource.policy)
            .map(|policy| right_keys_in_order(&policy.policy, identifier))
            .unwrap_or_default();
        let logo = logo_of(&mut tx, &document).await?;
        let (mut direct_rights, mut indirect_rights) = (Vec::new(), Vec::new());
        for (key, _) in keys {
            let Some(holding) = holding.remove(&key) else {
                continue;
            };
            let right = RightDto::unnamed(named_right(key, identifier, language));
            let (direct, indirect): (Vec<&WayRow>, Vec<&WayRow>) = holding
                .into_iter()
                .partition(|way| rules::right_flags(way) == WayFlag::Direct.bit());
            for (ways, list) in [
                (direct, &mut direct_rights),
                (indirect, &mut indirect_rights),
            ] {
                if ways.is_empty() {
                    continue;
                }
                let flags = ways
                    .iter()
                    .fold(0, |flags, way| flags | rules::right_flags(way));
                let permissions = ways.iter().filter_map(|way| {
                    let carries = CarriedThing::by_relation(way, rules::right_flags(way));
                    let shown = self.permission(&names, &ShownWay::from(*way), carries)?;
                    Some(shown.without_main_units())
                });
                list.push(RightPermission {
                    right: right.clone(),
                    reason: ReasonDto::of(flags),
                    permissions: permissions.collect(),
                });
            }
        }
        Ok(RightsOfResource {
            resource: FullResource::of(identifier, &document, logo, language, ProviderKind::Hidden),
            direct_rights,
            indirect_rights,
        })
    }
}

/// The ways that carry each right, in their order.
fn holding(ways: &[WayRow]) -> HashMap<RightKey, Vec<&WayRow>> {
    let mut out: HashMap<RightKey, Vec<&WayRow>> = HashMap::new();
    for way in ways {
        let rights = way.rights.as_ref().map(SingleRight::list);
        let keys: BTreeSet<RightKey> = rights
            .into_iter()
            .flatten()
            .map(|right| RightKey {
                action: right.action,
                extra: right.further,
            })
            .collect();
        for key in keys {
            out.entry(key).or_default().push(way);
        }
    }
    out
}

/// Keys of every party that a way leads from, to and through.
fn ends_of<'w>(ways: impl IntoIterator<Item = &'w WayRow>) -> BTreeSet<i32> {
    ways.into_iter()
        .flat_map(|way| {
            [
                Some(way.from_key),
                Some(way.to_key),
                Some(way.source_key),
                way.via_key,
            ]
        })
        .flatten()
        .collect()
}

/// Keys of the party itself and of every party that a way connects with it, without another between.
fn direct_ends(ends: &ListEnds, ways: &[WayRow]) -> BTreeSet<i32> {
    ways.iter()
        .filter(|way| way.via_key.is_none())
        .flat_map(|way| [way.from_key, way.to_key, way.source_key])
        .chain([ends.party.key])
        .collect()
}

/// A party of a list of connections, with what connects it.
#[derive(Debug, Default)]
struct ConnectionNode {
    key: i32,
    /// Its place among the parties that ways lead to by themselves; none of one that is only above others.
    place: Option<usize>,
    roles: BTreeSet<RoleKey>,
    packages: BTreeSet<PackageKey>,
    resources: BTreeSet<String>,
    children: Vec<ConnectionNode>,
    /// Places in `children`, by party key.
    child_places: HashMap<i32, usize>,
}

impl ConnectionNode {
    fn new(key: i32) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    fn add(&mut self, catalogue: &Catalogue, way: &WayRow, parts: ConnectionParts) {
        self.roles.extend(rules::roles_of(catalogue, way));
        if parts.packages {
            let packages = rules::packages_of(catalogue, way);
            self.packages
                .extend(packages.into_iter().map(|one| one.package));
        }
        if parts.resources && !way.is_own_firm {
            self.resources.extend(way.resources.iter().cloned());
        }
    }
}

/// A list of connections that is being put together.
struct ConnectionTree {
    top: Vec<ConnectionNode>,
    /// Places in `top`, by party key.
    places: HashMap<i32, usize>,
    /// How many parties have a place of their own.
    placed: usize,
    direct: BTreeSet<i32>,
}

impl ConnectionTree {
    fn of(ends: &ListEnds) -> Self {
        Self {
            top: Vec::new(),
            places: HashMap::new(),
            placed: 0,
            direct: BTreeSet::from([ends.party.key]),
        }
    }

    fn add(
        &mut self,
        catalogue: &Catalogue,
        ends: &ListEnds,
        way: &WayRow,
        parts: ConnectionParts,
    ) {
        if way.via_key.is_none() {
            self.direct
                .extend([way.from_key, way.to_key, way.source_key]);
        }
        let is_whole_list = matches!(ends.other, OtherEnd::Any);
        // Key of the party that a way is listed for, and of the one it is listed below.
        let (key, below) = if ends.is_giver {
            (way.to_key, way.via_key.filter(|_| is_whole_list))
        } else {
            let is_below = way.is_main_unit && is_whole_list;
            (way.from_key, is_below.then_some(way.source_key))
        };
        let Some(below) = below else {
            let next = self.placed;
            let node = self.top(key);
            node.add(catalogue, way, parts);
            if node.place.is_none() {
                node.place = Some(next);
                self.placed += 1;
            }
            return;
        };
        let parent = self.top(below);
        let next = parent.children.len();
        let child = *parent.child_places.entry(key).or_insert(next);
        if child == next {
            parent.children.push(ConnectionNode::new(key));
        }
        parent.children[child].add(catalogue, way, parts);
    }

    fn top(&mut self, key: i32) -> &mut ConnectionNode {
        let place = *self.places.entry(key).or_insert_with(|| {
            self.top.push(ConnectionNode::new(key));
            self.top.len() - 1
        });
        &mut self.top[place]
    }

    fn resources(&self) -> BTreeSet<String> {
        let children = self.top.iter().flat_map(|node| &node.children);
        self.top
            .iter()
            .chain(children)
            .flat_map(|node| node.resources.iter().cloned())
            .collect()
    }

    /// Keys of the party itself and of every party that a way connects with it, without another between;
    /// and the parties of the list in their order, those that are only above others last.
    fn in_order(self) -> (BTreeSet<i32>, Vec<ConnectionNode>) {
        let mut top = self.top;
        // Keys apart from the nodes: sorting takes room of its own.
        top.sort_by_cached_key(|node| node.place.unwrap_or(usize::MAX));
        (self.direct, top)
    }
}

/// What a list of connections is shown with.
struct ConnectionContext {
    direct: BTreeSet<i32>,
    identity: Arc<IdentityKeys>,
    catalogue: Arc<Catalogue>,
    titles: HashMap<String, String>,
}

async fn write_nodes<E: Serialize>(
    mut tx: Transaction<'static, Postgres>,
    with: ConnectionContext,
    nodes: Vec<ConnectionNode>,
    mut writer: ListWriter,
    shape: impl Fn(ConnectionDto) -> E,
) -> Result<ListWriter, ListError> {
    let ConnectionContext {
        direct,
        identity,
        catalogue,
        titles,
    } = with;
    let mut titles = Some(titles);
    let mut rest = nodes.into_iter();
    loop {
        let some: Vec<ConnectionNode> = rest.by_ref().take(PARTIES_PER_QUERY).collect();
        if some.is_empty() {
            return Ok(writer);
        }
        let children = some.iter().flat_map(|node| &node.children);
        let keys = some
            .iter()
            .chain(children)
            .map(|node| node.key)
            .collect::<BTreeSet<i32>>();
        let mut names = ConnectionNames::read(&mut tx, &identity, &keys, &direct).await?;
        names.titles = titles.take().unwrap_or_default();
        for node in some {
            if let Some(element) = shown(&catalogue, &names, node) {
                writer.put(&shape(element)).await?;
            }
        }
        titles = Some(names.titles);
    }
}

fn shown(
    catalogue: &Catalogue,
    names: &ConnectionNames,
    node: ConnectionNode,
) -> Option<ConnectionDto> {
    let mut roles: Vec<_> = node
        .roles
        .iter()
        .filter_map(|role| catalogue.role(*role))
        .collect();
    roles.sort_by(|one, other| one.code.cmp(&other.code));
    let packages = node
        .packages
        .iter()
        .filter_map(|key| catalogue.package(*key))
        .map(|package| (package.urn.as_str(), package))
        .collect::<BTreeMap<_, _>>();
    Some(ConnectionDto {
        party: names.party(node.key)?,
        roles: roles.into_iter().map(Into::into).collect(),
        packages: packages.into_values().map(CompactPackage::from).collect(),
        resources: node.resources.iter().map(|id| names.resource(id)).collect(),
        instances: Vec::new(),
        connections: node
            .children
            .into_iter()
            .filter_map(|child| shown(catalogue, names, child))
            .collect(),
    })
}
