//! What follows from connections: one set of rules for decisions, for the delegation check and for lists of parties.

use std::collections::BTreeSet;

use super::{Connection, Party, PartyKind, Via};
use crate::packages::{Catalogue, PackageKey, RoleKey, VariantKey};

/// What a subject holds for a reportee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Access packages.
    pub packages: BTreeSet<PackageKey>,
    /// Roles, those from the role map included.
    pub roles: BTreeSet<RoleKey>,
}

/// A role that counts, with the form of the party that gave it.
#[derive(Debug, Clone, Copy)]
pub struct HeldRole {
    /// The role.
    pub role: RoleKey,
    /// Form of the giving party.
    pub form: Option<VariantKey>,
}

/// Roles outside the register that carry their own lists and never count as roles.
fn is_carrier(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue.role(role).is_some_and(|r| matches!(r.code.as_str(), "rettighetshaver" | "agent"))
}

fn is_dropped(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue.role(role).is_some_and(|r| matches!(r.code.as_str(), "supplier" | "appstyrt-rettighetshaver"))
}

const SHARED: &str = "deltaker-delt-ansvar";

/// Inter-municipal companies: their shared participants neither pass on nor inherit by key role.
fn counts(catalogue: &Catalogue, connection: &Connection) -> bool {
    let is = |role: RoleKey, code: &str| catalogue.role(role).is_some_and(|r| r.code == code);
    let is_iks = |form: Option<VariantKey>| form.and_then(|f| catalogue.variant(f)).is_some_and(|v| v.code == "IKS");
    match connection.via {
        _ if is_dropped(catalogue, connection.role) => false,
        Via::KeyRole { role, form } => {
            let shared_iks = |role: RoleKey, form: Option<VariantKey>| is(role, SHARED) && is_iks(form);
            !shared_iks(connection.role, connection.from_form) && !shared_iks(role, form)
        }
        Via::Direct | Via::Client => true,
    }
}

/// Resources of single rights that the subject holds for the reportee, by identifier.
pub fn resources<'a>(catalogue: &Catalogue, connections: &'a [Connection]) -> Vec<&'a str> {
    let counted = connections.iter().filter(|c| c.via != Via::Client && !c.from_own_firm && counts(catalogue, c));
    let mut out: Vec<&str> = counted.flat_map(|c| &c.rights).map(|(resource, _)| resource.as_str()).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Roles that reach the owner of a sole proprietorship as a person.
fn reaches_owner(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue.role(role).is_some_and(|r| matches!(r.code.as_str(), "regnskapsforer" | "revisor" | "a0237" | "a0238" | "a0239" | "a0240" | "a0241"))
}

/// Every role the subject holds for the reportee, by register or role map. Not those of client delegations.
pub fn held_roles(catalogue: &Catalogue, subject: &Party, reportee: &Party, connections: &[Connection]) -> Vec<HeldRole> {
    let mut out = Vec::new();
    let mut add = |role: RoleKey, form: Option<VariantKey>, own_firm: bool| {
        for role in std::iter::once(role).chain(catalogue.implied_by(role).iter().copied()) {
            if !own_firm || reaches_owner(catalogue, role) {
                out.push(HeldRole { role, form });
            }
        }
    };
    for c in connections.iter().filter(|c| c.via != Via::Client && counts(catalogue, c) && !is_carrier(catalogue, c.role)) {
        add(c.role, c.from_form, c.from_own_firm);
    }
    if subject.key == reportee.key
        && subject.kind == PartyKind::Person
        && let Some(own) = catalogue.role_by_code("privatperson")
    {
        add(own.key, reportee.form, false);
    }
    out
}

/// What the subject holds for the reportee. Nothing for a deleted reportee, nothing for a dead subject.
pub fn access(catalogue: &Catalogue, subject: &Party, reportee: &Party, connections: &[Connection]) -> Access {
    let mut out = Access::default();
    if subject.is_gone() || reportee.is_gone() {
        return out;
    }
    for c in connections.iter().filter(|c| counts(catalogue, c)) {
        let own_firm_admits = !c.from_own_firm || reaches_owner(catalogue, c.role);
        if own_firm_admits && (c.via == Via::Client || is_carrier(catalogue, c.role)) {
            out.packages.extend(&c.packages);
        }
    }
    for held in held_roles(catalogue, subject, reportee, connections) {
        out.roles.insert(held.role);
        let rows = catalogue.packages_of(held.role).iter();
        out.packages.extend(rows.filter(|r| r.has_access && r.variant.is_none_or(|v| Some(v) == reportee.form)).map(|r| r.package));
    }
    out
}
