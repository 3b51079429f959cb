//! Facts in memory: the connections between a subject and a reportee, cached as long as the change
//! feed contains neither of them.

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

use foundation::db::{
    DbError,
    feed::{ChangeFeed, Fact, FactCache, FeedEntryKind, Tag},
};
use registers::{
    packages::{Catalogue, PackageKey, Role, RoleKey},
    parties::{
        self, AccessListEntry, Party, PartyKind, PartyLookupKey, SingleRight, Standing,
        SystemUserState, Via,
        rules::{self, ClientResources, ReachedRight},
    },
};

/// Memory for facts, in bytes.
const CAPACITY: u64 = 192 << 20;

/// Who and for whom.
pub type PairKey = (PartyLookupKey, PartyLookupKey);

/// A party as decisions see it.
#[derive(Debug)]
pub struct KnownParty {
    pub party: Party,
    /// It has the identity number it was looked for by, if it was.
    pub has_number: bool,
}

/// Everything that decisions about a subject and a reportee need to know, as of one instant.
#[derive(Debug)]
pub struct PairFacts {
    /// The subject, when it is known.
    pub subject: Option<Party>,
    /// The subject has the identity number it was looked for by, if it was.
    pub subject_has_number: bool,
    /// The subject's state, when it is a system user.
    pub system_user: Option<SystemUserState>,
    /// The reportee, when it is known.
    pub reportee: Option<KnownParty>,
    /// Main unit of the reportee, when the subject has something from it.
    pub main_unit: Option<Uuid>,
    /// The reportee is a client that was delegated.
    pub is_client: bool,
    /// Packages that the subject holds for the reportee.
    pub packages: Box<[PackageKey]>,
    /// Role attributes that the subject, a person, has for the reportee: id and value.
    pub roles: Box<[(&'static str, Box<str>)]>,
    /// Single rights that the subject, or an organisation in which a person holds a key role, was
    /// given by the reportee or its main unit.
    pub rights: Box<[HeldRight]>,
    /// The subject is a person with a key role in an organisation, whose sub-units may hold further
    /// single rights.
    pub has_key_role: bool,
    /// Access lists that the reportee is on.
    pub listings: Box<[AccessListEntry]>,
    /// Access lists that the subject is on, as policies name them, where there is no reportee.
    pub subject_lists: Box<[String]>,
}

/// A single right, with the key role that it reaches the subject by.
#[derive(Debug, Clone)]
pub struct HeldRight {
    /// The right.
    pub right: SingleRight,
    /// The key role, when it was not given to the subject itself.
    pub key_role: Option<RoleKey>,
}

impl From<ReachedRight<'_>> for HeldRight {
    fn from(reached: ReachedRight<'_>) -> Self {
        Self {
            right: reached.right.clone(),
            key_role: reached.key_role,
        }
    }
}

impl PairFacts {
    fn of(standing: Standing, catalogue: &Catalogue, client_resources: ClientResources) -> Self {
        let mut out = Self {
            main_unit: standing.main_unit,
            is_client: standing.connections.iter().any(|c| c.via == Via::Client),
            packages: Box::default(),
            roles: Box::default(),
            rights: standing
                .subject
                .iter()
                .flat_map(|subject| {
                    rules::single_rights(
                        catalogue,
                        subject.kind,
                        &standing.connections,
                        client_resources,
                    )
                })
                .map(HeldRight::from)
                .collect(),
            has_key_role: standing.subject.as_ref().is_some_and(|subject| {
                subject.kind == PartyKind::Person && has_key_role(&standing, catalogue, subject)
            }),
            subject: standing.subject,
            subject_has_number: standing.subject_has_number,
            system_user: standing.system_user,
            reportee: standing.reportee.map(|party| KnownParty {
                party,
                has_number: standing.reportee_has_number,
            }),
            listings: standing.listings.into(),
            subject_lists: standing.subject_lists.into(),
        };
        if let (Some(subject), Some(reportee)) = (&out.subject, &out.reportee)
            && (matches!(subject.kind, PartyKind::Person | PartyKind::Organization)
                || out.system_user.as_ref().is_some_and(|user| user.is_active))
        {
            let access = rules::access(catalogue, subject, &reportee.party, &standing.connections);
            out.packages = access.packages.into_iter().collect();
            if subject.kind == PartyKind::Person {
                out.roles = access
                    .roles
                    .iter()
                    .filter_map(|key| catalogue.role(*key))
                    .flat_map(role_attributes)
                    .collect();
            }
        }
        out
    }

    /// Bytes of its lists and texts, about.
    fn size(&self) -> usize {
        let name = |party: Option<&Party>| party.map_or(0, |p| p.name.len() + 9);
        self.packages.len() * size_of::<PackageKey>()
            + self
                .roles
                .iter()
                .map(|(_, value)| size_of::<(&str, Box<str>)>() + value.len())
                .sum::<usize>()
            + self.rights.iter().map(right_size).sum::<usize>()
            + self
                .listings
                .iter()
                .map(|l| size_of::<AccessListEntry>() + l.resource.len() + l.actions.len() * 40)
                .sum::<usize>()
            + self
                .subject_lists
                .iter()
                .map(|list| size_of::<String>() + list.len())
                .sum::<usize>()
            + self
                .system_user
                .as_ref()
                .map_or(0, |s| s.system_id.len() + s.owner_org.len())
            + name(self.subject.as_ref())
            + name(self.reportee.as_ref().map(|r| &r.party))
    }
}

/// Whether a person holds a key role: in an organisation that connections lead through, or in the
/// reportee or its main unit themselves.
fn has_key_role(standing: &Standing, catalogue: &Catalogue, person: &Party) -> bool {
    let reportee = standing.reportee.as_ref().map(|party| party.uuid);
    let others = standing.through.iter().any(|uuid| {
        *uuid != person.uuid && Some(*uuid) != reportee && Some(*uuid) != standing.main_unit
    });
    others
        || standing.connections.iter().any(|connection| {
            connection.via == Via::Direct
                && catalogue
                    .role(connection.role)
                    .is_some_and(|role| role.is_key_role)
        })
}

fn right_size(held: &HeldRight) -> usize {
    let right = &held.right;
    let further: usize = right
        .further
        .iter()
        .map(|(id, value)| size_of::<(String, String)>() + id.len() + value.len())
        .sum();
    size_of::<HeldRight>() + right.resource.len() + right.action.len() + further
}

fn role_attributes(role: &Role) -> Vec<(&'static str, Box<str>)> {
    let mut out: Vec<(&'static str, Box<str>)> = Vec::new();
    match role.provider.as_str() {
        "sys-ccr" => out.push(("urn:altinn:external-role:ccr", role.code.as_str().into())),
        "sys-cra" => out.push(("urn:altinn:external-role:cra", role.code.as_str().into())),
        "sys-altinn3" => out.push(("urn:altinn:role", role.code.as_str().into())),
        _ => {}
    }
    if let Some(code) = role.older_code() {
        // Policies that compare with case are written either way.
        out.push(("urn:altinn:rolecode", code.to_lowercase().into()));
        out.push(("urn:altinn:rolecode", code.to_uppercase().into()));
    }
    out
}

/// Pairs in memory.
#[derive(Debug, Clone)]
pub struct PairMemory {
    feed: Arc<ChangeFeed>,
    catalogue: Arc<Catalogue>,
    client_resources: ClientResources,
    pairs: FactCache<PairKey, PairFacts>,
}

impl PairMemory {
    /// Nothing is known yet.
    pub fn new(
        feed: Arc<ChangeFeed>,
        catalogue: Arc<Catalogue>,
        client_resources: ClientResources,
    ) -> Self {
        Self {
            pairs: FactCache::new(Arc::clone(&feed), CAPACITY, PairFacts::size),
            feed,
            catalogue,
            client_resources,
        }
    }

    /// Nothing is known yet, and another catalogue says what follows from roles.
    pub fn with_catalogue(&self, catalogue: Arc<Catalogue>) -> Self {
        Self::new(Arc::clone(&self.feed), catalogue, self.client_resources)
    }

    /// What is known about a pair, and still true.
    pub fn get(&self, key: &PairKey) -> Option<Arc<Fact<PairFacts>>> {
        self.pairs.get(key)
    }

    /// Reads pairs from the database, all in one round trip, and remembers them.
    pub async fn read(
        &self,
        pool: &PgPool,
        keys: &[PairKey],
    ) -> Result<Vec<Arc<Fact<PairFacts>>>, DbError> {
        let since = self.feed.version_stamp();
        let asked: Vec<(&PartyLookupKey, &PartyLookupKey)> = keys
            .iter()
            .map(|(subject, reportee)| (subject, reportee))
            .collect();
        let standings = parties::standings(&mut *pool.acquire().await?, &asked).await?;
        let pairs = keys.iter().zip(standings).map(|(key, standing)| {
            let is_notified = is_notified(&key.0, standing.subject.as_ref())
                && is_notified(&key.1, standing.reportee.as_ref());
            let tags = self.tags(key, &standing);
            let pair = Arc::new(Fact::new(
                PairFacts::of(standing, &self.catalogue, self.client_resources),
                since,
                tags,
            ));
            if is_notified {
                self.pairs.put(*key, Arc::clone(&pair));
            }
            pair
        });
        Ok(pairs.collect())
    }

    /// Everything whose change may change what is known about a pair.
    fn tags(&self, key: &PairKey, standing: &Standing) -> Vec<Tag> {
        let party = |uuid: Uuid| self.feed.tag(FeedEntryKind::Party, &uuid.to_string());
        let mut tags = vec![self.feed.tag(FeedEntryKind::AccessLists, "")];
        if let Some(id) = key.0.only_uuid() {
            tags.push(self.feed.tag(FeedEntryKind::SystemUser, &id.to_string()));
        }
        tags.extend(standing.system_user.iter().flat_map(|user| {
            [
                self.feed.tag(FeedEntryKind::System, &user.system_id),
                party(user.owner),
            ]
        }));
        let named = [
            key.0.only_uuid(),
            key.1.only_uuid(),
            standing.subject.as_ref().map(|p| p.uuid),
            standing.reportee.as_ref().map(|p| p.uuid),
        ];
        tags.extend(named.into_iter().flatten().map(party));
        tags.extend(standing.through.iter().copied().map(party));
        tags.extend(standing.facilitators.iter().copied().map(party));
        tags
    }
}

/// Whether a change of what was found is in the change feed. That a number belongs to no party
/// changes without an entry.
fn is_notified(lookup: &PartyLookupKey, found: Option<&Party>) -> bool {
    found.is_some() || lookup.is_empty() || lookup.only_uuid().is_some()
}
