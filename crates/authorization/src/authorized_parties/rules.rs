//! From relations to parties, without I/O.

use super::{
    model::{AuthorizedParty, PartyListParts, ResourceAccessFilter},
    store::ReachRow,
};
use registers::{
    packages::{Catalogue, Role},
    parties::{
        Connection, IdentityKeys, Party, PartyKind, PartyStatus, SingleRight, Via,
        rules::{self, ClientResources},
    },
};

/// Takes relations one by one, and gives out each main unit with its sub-units as soon as it is
/// complete.
pub struct PartyListAssembly<'a> {
    catalogue: &'a Catalogue,
    identity: &'a IdentityKeys,
    subject: &'a Party,
    include: PartyListParts,
    client_resources: ClientResources,
    leads: Option<&'a ResourceAccessFilter>,
    /// Relations of the party that is being read.
    rows: Vec<ReachRow>,
    /// The main unit that is being read, with its key.
    unit: Option<(i32, AuthorizedParty)>,
}

impl<'a> PartyListAssembly<'a> {
    /// An assembly that has seen nothing.
    pub fn new(
        catalogue: &'a Catalogue,
        identity: &'a IdentityKeys,
        subject: &'a Party,
        include: PartyListParts,
        client_resources: ClientResources,
        leads: Option<&'a ResourceAccessFilter>,
    ) -> Self {
        Self {
            catalogue,
            identity,
            subject,
            include,
            client_resources,
            leads,
            rows: Vec::new(),
            unit: None,
        }
    }

    /// Takes the next relation; a main unit that is complete comes out.
    pub fn push(&mut self, row: ReachRow) -> Option<AuthorizedParty> {
        let complete = if self.rows.first().is_some_and(|first| first.key != row.key) {
            self.close_party()
        } else {
            None
        };
        self.rows.push(row);
        complete
    }

    /// What is left when there are no more relations: at most two units, since the last party may
    /// begin a new one.
    pub fn finish(mut self) -> impl Iterator<Item = AuthorizedParty> {
        let before = self.close_party();
        before.into_iter().chain(self.unit.map(|(_, unit)| unit))
    }

    fn close_party(&mut self) -> Option<AuthorizedParty> {
        let rows = std::mem::take(&mut self.rows);
        let first = rows.first()?;
        let party = self.authorized(&rows)?;
        let unit_key = first.parent_key.unwrap_or(first.key);
        let complete = if self.unit.as_ref().is_some_and(|(key, _)| *key != unit_key) {
            self.unit.take()
        } else {
            None
        };
        if first.parent_key.is_none() {
            self.unit = Some((unit_key, party));
        } else {
            let (_, unit) = self
                .unit
                .get_or_insert_with(|| (unit_key, main_unit(first, self.catalogue)));
            unit.subunits.push(party);
        }
        complete.map(|(_, unit)| unit)
    }

    /// The party of these relations; none when they do not count, and where something must lead to a
    /// resource and nothing does.
    fn authorized(&self, rows: &[ReachRow]) -> Option<AuthorizedParty> {
        let first = rows.first()?;
        let reportee = party_of(first);
        let connections: Vec<Connection> = rows.iter().filter_map(connection).collect();
        let access = rules::access(self.catalogue, self.subject, &reportee, &connections);
        let mut resources = if reportee.is_gone() || self.subject.is_gone() {
            Vec::new()
        } else {
            rules::resources(
                self.catalogue,
                self.subject.kind,
                &connections,
                self.client_resources,
            )
        };
        // System users hold packages and rights, never roles.
        let roles: Vec<&Role> = match self.subject.kind {
            PartyKind::SystemUser => Vec::new(),
            _ => access
                .roles
                .iter()
                .filter_map(|key| self.catalogue.role(*key))
                .collect(),
        };
        let mut packages: Vec<_> = access
            .packages
            .iter()
            .filter_map(|key| self.catalogue.package(*key))
            .collect();
        let is_self = rows.iter().any(|row| row.role.is_none());
        let is_connected = connections
            .iter()
            .any(|connection| rules::connects(self.catalogue, connection));
        let is_deceased = reportee.death_date.is_some() || self.subject.death_date.is_some();
        if is_deceased || !(is_self || is_connected) {
            return None;
        }
        // Where something must lead to a resource, only what does is shown.
        if let Some(leads) = self.leads {
            resources.retain(|id| leads.resources.contains(*id));
            packages.retain(|package| leads.subjects.contains(&package.urn.to_lowercase()));
            let names = |r: &&Role| {
                [Some(&r.urn), r.legacy_urn.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|urn| leads.subjects.contains(&urn.to_lowercase()))
            };
            if resources.is_empty() && packages.is_empty() && !roles.iter().any(names) {
                return None;
            }
        }
        let mut out = described(first, self.catalogue);
        out.person_id = first
            .person_id_enc
            .as_deref()
            .and_then(|sealed| self.identity.decrypt(sealed).ok())
            .map(|id| id.expose().to_owned());
        if self.include.access_packages {
            out.authorized_access_packages =
                sorted(packages.iter().map(|p| p.value().to_owned()).collect());
        }
        if self.include.resources {
            out.authorized_resources = resources.into_iter().map(str::to_owned).collect();
        }
        if self.include.roles {
            out.authorized_roles = sorted(roles.iter().flat_map(|r| role_codes(r)).collect());
        }
        Some(out)
    }
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list.dedup();
    list
}

/// The codes that callers know a role by: its own, and the older one in upper case, where it has one.
fn role_codes(role: &Role) -> impl Iterator<Item = String> {
    let older = role.older_code().map(str::to_uppercase);
    std::iter::once(role.code.clone()).chain(older)
}

fn party_of(row: &ReachRow) -> Party {
    Party {
        key: row.key,
        uuid: row.uuid,
        party_id: row.party_id,
        kind: row.kind,
        form: row.form_id,
        status: row.status,
        org_number: row.org_number.clone(),
        user_id: None,
        parent_key: row.parent_key,
        name: String::new(),
        death_date: row.death_date,
    }
}

fn connection(row: &ReachRow) -> Option<Connection> {
    Some(Connection {
        from_form: row.from_form,
        from_main_unit: row.from_main_unit,
        from_own_firm: row.from_own_firm,
        role: row.role?,
        via: match (row.client, row.key_role) {
            (true, _) => Via::Client,
            (false, Some(role)) => Via::KeyRole {
                role,
                form: row.key_form,
            },
            (false, None) => Via::Direct,
        },
        packages: row.packages.clone(),
        rights: SingleRight::list(&row.rights),
    })
}

fn described(row: &ReachRow, catalogue: &Catalogue) -> AuthorizedParty {
    let is_person = row.kind == PartyKind::Person;
    AuthorizedParty {
        party_uuid: row.uuid,
        name: row.name.clone(),
        organization_number: row.org_number.clone(),
        parent_id: row.main_uuid,
        person_id: None,
        date_of_birth: row.birth_date.filter(|_| is_person),
        party_id: row.party_id,
        email_id: None,
        kind: if is_person { "Person" } else { "Organization" },
        unit_type: row
            .form_id
            .filter(|_| !is_person)
            .and_then(|f| catalogue.variant(f))
            .map(|v| v.code.clone()),
        is_deleted: row.status == PartyStatus::Deleted,
        only_hierarchy_element_with_no_access: false,
        authorized_access_packages: Vec::new(),
        authorized_resources: Vec::new(),
        authorized_roles: Vec::new(),
        authorized_instances: Vec::new(),
        subunits: Vec::new(),
    }
}

/// The main unit of a sub-unit, when nothing is held for the main unit itself.
fn main_unit(row: &ReachRow, catalogue: &Catalogue) -> AuthorizedParty {
    AuthorizedParty {
        party_uuid: row.main_uuid.unwrap_or_default(),
        name: row.main_name.clone().unwrap_or_default(),
        organization_number: row.main_org_number.clone(),
        parent_id: None,
        date_of_birth: None,
        party_id: row.main_party_id,
        kind: "Organization",
        unit_type: row
            .main_form
            .and_then(|f| catalogue.variant(f))
            .map(|v| v.code.clone()),
        is_deleted: row.main_status == Some(PartyStatus::Deleted),
        only_hierarchy_element_with_no_access: true,
        ..described(row, catalogue)
    }
}
