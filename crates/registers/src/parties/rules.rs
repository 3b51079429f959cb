//! What follows from connections: one set of rules for decisions, for the delegation check and for
//! lists of parties.

use std::collections::BTreeSet;

use super::{Connection, Party, PartyKind, SingleRight, Via};
use crate::packages::{Catalogue, PackageKey, RoleKey, VariantKey};

/// What a subject holds for a reportee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldAccess {
    /// Access packages.
    pub packages: BTreeSet<PackageKey>,
    /// Roles, those from the role map included.
    pub roles: BTreeSet<RoleKey>,
}

/// A role that counts, with the form of the party that gave it.
#[derive(Debug, Clone, Copy)]
pub struct EffectiveRole {
    /// The role.
    pub role: RoleKey,
    /// Form of the giving party.
    pub form: Option<VariantKey>,
}

/// Roles outside the register that carry their own lists and never count as roles.
fn is_carrier(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue
        .role(role)
        .is_some_and(|r| matches!(r.code.as_str(), "rettighetshaver" | "agent"))
}

fn is_dropped(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue
        .role(role)
        .is_some_and(|r| matches!(r.code.as_str(), "supplier" | "appstyrt-rettighetshaver"))
}

const SHARED: &str = "deltaker-delt-ansvar";

/// Inter-municipal companies: their shared participants neither pass on nor inherit by key role.
fn counts(catalogue: &Catalogue, connection: &Connection) -> bool {
    let is = |role: RoleKey, code: &str| catalogue.role(role).is_some_and(|r| r.code == code);
    let is_iks = |form: Option<VariantKey>| {
        form.and_then(|f| catalogue.variant(f))
            .is_some_and(|v| v.code == "IKS")
    };
    match connection.via {
        _ if is_dropped(catalogue, connection.role) => false,
        Via::KeyRole { role, form } => {
            let shared_iks =
                |role: RoleKey, form: Option<VariantKey>| is(role, SHARED) && is_iks(form);
            !shared_iks(connection.role, connection.from_form) && !shared_iks(role, form)
        }
        Via::Direct | Via::Client => true,
    }
}

/// A single right, with the key role that it reaches the subject by.
#[derive(Debug, Clone, Copy)]
pub struct ReachedRight<'a> {
    /// The right.
    pub right: &'a SingleRight,
    /// The key role, when it was not given to the subject itself.
    pub key_role: Option<RoleKey>,
}

/// Whether single resources that clients' facilitators delegated to an agent count as rights of the
/// agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientResources {
    /// They do.
    Counted,
    /// They do not.
    Ignored,
}

impl ClientResources {
    /// From a setting.
    #[must_use]
    pub const fn of(is_counted: bool) -> Self {
        if is_counted {
            Self::Counted
        } else {
            Self::Ignored
        }
    }
}

/// Single rights that a subject of a kind holds for the reportee. Those of organisations reach the
/// persons with a key role in them, and no other party.
pub fn single_rights<'a>(
    catalogue: &'a Catalogue,
    subject: PartyKind,
    connections: &'a [Connection],
    client_resources: ClientResources,
) -> impl Iterator<Item = ReachedRight<'a>> {
    connections
        .iter()
        .filter(move |c| !c.from_own_firm && counts(catalogue, c))
        .filter_map(move |c| match c.via {
            Via::Direct => Some((c, None)),
            Via::KeyRole { role, .. } if subject == PartyKind::Person => Some((c, Some(role))),
            Via::Client if client_resources == ClientResources::Counted => Some((c, None)),
            Via::KeyRole { .. } | Via::Client => None,
        })
        .flat_map(|(c, key_role)| {
            c.rights
                .iter()
                .map(move |right| ReachedRight { right, key_role })
        })
}

/// Resources of single rights that a subject of a kind holds for the reportee, by identifier.
pub fn resources<'a>(
    catalogue: &'a Catalogue,
    subject: PartyKind,
    connections: &'a [Connection],
    client_resources: ClientResources,
) -> Vec<&'a str> {
    let mut out: Vec<&str> = single_rights(catalogue, subject, connections, client_resources)
        .map(|reached| reached.right.resource.as_str())
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Roles that reach the owner of a sole proprietorship as a person.
fn reaches_owner(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue.role(role).is_some_and(|r| {
        matches!(
            r.code.as_str(),
            "regnskapsforer" | "revisor" | "a0237" | "a0238" | "a0239" | "a0240" | "a0241"
        )
    })
}

/// Whether a connection makes its subject reach the reportee at all, with or without access.
#[must_use]
pub fn connects(catalogue: &Catalogue, connection: &Connection) -> bool {
    let is_of_reportee = !connection.from_own_firm || reaches_owner(catalogue, connection.role);
    is_of_reportee && counts(catalogue, connection)
}

/// Every role the subject holds for the reportee, by register or role map. Not those of client
/// delegations; none of a subject that is deceased or deleted.
pub fn held_roles(
    catalogue: &Catalogue,
    subject: &Party,
    reportee: &Party,
    connections: &[Connection],
) -> Vec<EffectiveRole> {
    if subject.is_gone() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut add = |role: RoleKey, form: Option<VariantKey>, own_firm: bool| {
        for role in std::iter::once(role).chain(catalogue.implied_by(role).iter().copied()) {
            if !own_firm || reaches_owner(catalogue, role) {
                out.push(EffectiveRole { role, form });
            }
        }
    };
    for c in connections
        .iter()
        .filter(|c| c.via != Via::Client && counts(catalogue, c) && !is_carrier(catalogue, c.role))
    {
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

/// What the subject holds for the reportee. Nothing for a deleted reportee, nothing for a deceased
/// subject.
pub fn access(
    catalogue: &Catalogue,
    subject: &Party,
    reportee: &Party,
    connections: &[Connection],
) -> HeldAccess {
    let mut out = HeldAccess::default();
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
        out.packages.extend(
            rows.filter(|r| r.has_access && r.variant.is_none_or(|v| Some(v) == reportee.form))
                .map(|r| r.package),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;
    use crate::{packages, parties::PartyStatus};

    fn party(key: i32, kind: PartyKind, form: Option<VariantKey>) -> Party {
        Party {
            key,
            uuid: Uuid::from_u128(key.unsigned_abs().into()),
            party_id: Some(key),
            kind,
            form,
            status: PartyStatus::Active,
            org_number: None,
            user_id: None,
            parent_key: None,
            name: String::new(),
            death_date: None,
        }
    }

    struct Case {
        catalogue: Catalogue,
        reportee: Party,
        connection: Connection,
    }

    impl Case {
        /// A person, and an organisation of a form that gave a role.
        fn new(form: &str, role: &str) -> Self {
            let catalogue = packages::embedded().unwrap();
            let form = catalogue.variant_by_code(form).map(|v| v.key);
            let role = catalogue
                .role_by_register_code(role)
                .or_else(|| catalogue.role_by_code(role))
                .unwrap()
                .key;
            let connection = Connection {
                from_form: form,
                from_main_unit: false,
                from_own_firm: false,
                role,
                via: Via::Direct,
                packages: Vec::new(),
                rights: Vec::new(),
            };
            Self {
                reportee: party(2, PartyKind::Organization, form),
                connection,
                catalogue,
            }
        }

        fn via(mut self, role: &str, form: &str) -> Self {
            let role = self.catalogue.role_by_register_code(role).unwrap().key;
            self.connection.via = Via::KeyRole {
                role,
                form: self.catalogue.variant_by_code(form).map(|v| v.key),
            };
            self
        }

        fn access(&self) -> HeldAccess {
            access(
                &self.catalogue,
                &party(1, PartyKind::Person, None),
                &self.reportee,
                std::slice::from_ref(&self.connection),
            )
        }

        fn holds(&self, package: &str) -> bool {
            let key = self.catalogue.package_by_value(package).unwrap().key;
            self.access().packages.contains(&key)
        }

        fn is(&self, role: &str) -> bool {
            self.access()
                .roles
                .contains(&self.catalogue.role_by_code(role).unwrap().key)
        }
    }

    #[rstest]
    #[case::director("AS", "DAGL", "hovedadministrator", true)]
    #[case::general_partner("KS", "KOMP", "hovedadministrator", false)]
    #[case::general_partner_manages("KS", "KOMP", "tilgangsstyrer", true)]
    #[case::ship_manager("PRE", "BEST", "hovedadministrator", false)]
    #[case::estate("KBO", "BOBE", "konkursbo-lesetilgang", true)]
    #[case::accountant("AS", "REGN", "regnskapsforer-lonn", true)]
    #[case::business_manager_of_housing("BRL", "FFØR", "forretningsforer-eiendom", true)]
    #[case::business_manager_of_others("AS", "FFØR", "forretningsforer-eiendom", false)]
    #[case::board_member("AS", "MEDL", "lonn", false)]
    #[case::contact_of_a_municipality("KOMM", "KOMK", "tilgangsstyrer", false)]
    fn packages_follow_from_role_and_form(
        #[case] form: &str,
        #[case] role: &str,
        #[case] package: &str,
        #[case] held: bool,
    ) {
        assert_eq!(Case::new(form, role).holds(package), held);
    }

    #[rstest]
    #[case::ship_manager("PRE", "BEST", "hadm", true)]
    #[case::general_partner("KS", "KOMP", "hadm", false)]
    #[case::business_manager("BRL", "FFØR", "admai", true)]
    #[case::accountant("AS", "REGN", "admai", false)]
    #[case::contact_of_a_municipality("KOMM", "KOMK", "admai", true)]
    #[case::deputy_chair("AS", "NEST", "admai", false)]
    fn the_role_map_is_one_step(
        #[case] form: &str,
        #[case] role: &str,
        #[case] mapped: &str,
        #[case] held: bool,
    ) {
        assert_eq!(Case::new(form, role).is(mapped), held);
    }

    #[test]
    fn shared_participants_of_an_inter_municipal_company_are_passed_over() {
        assert!(Case::new("AS", "DTPR").via("DAGL", "AS").holds("lonn"));
        assert!(!Case::new("IKS", "DTPR").via("DAGL", "KOMM").holds("lonn"));
        assert!(!Case::new("AS", "DAGL").via("DTPR", "IKS").holds("lonn"));
        assert!(
            Case::new("IKS", "DTPR").holds("lonn"),
            "directly they count"
        );
    }

    #[test]
    fn only_a_firms_accountant_reaches_its_owner() {
        let own_firm = |role: &str| {
            let mut case = Case::new("ENK", role);
            case.reportee = party(2, PartyKind::Person, None);
            case.connection.from_own_firm = true;
            case.holds("regnskapsforer-lonn")
                || case.holds("ansvarlig-revisor")
                || case.holds("lonn")
        };
        assert!(own_firm("REGN") && own_firm("REVI") && !own_firm("DAGL") && !own_firm("FFØR"));
    }

    #[test]
    fn what_was_given_counts_and_nothing_for_the_gone() {
        let mut case = Case::new("AS", "rettighetshaver");
        let package = case.catalogue.package_by_value("lonn").unwrap().key;
        case.connection.packages = vec![package];
        assert!(case.holds("lonn") && case.access().roles.is_empty());
        case.reportee.status = PartyStatus::Deleted;
        assert_eq!(case.access(), HeldAccess::default());
        let mut deceased = party(1, PartyKind::Person, None);
        deceased.death_date = chrono::NaiveDate::from_ymd_opt(2026, 1, 1);
        case.reportee.status = PartyStatus::Active;
        assert_eq!(
            access(
                &case.catalogue,
                &deceased,
                &case.reportee,
                &[case.connection]
            ),
            HeldAccess::default()
        );
    }

    #[test]
    fn every_party_reaches_itself() {
        let catalogue = packages::embedded().unwrap();
        let person = party(1, PartyKind::Person, None);
        let own = access(&catalogue, &person, &person, &[]);
        let named = |code: &str| catalogue.role_by_code(code).unwrap().key;
        assert!(
            own.roles.contains(&named("privatperson"))
                && own.roles.contains(&named("admai"))
                && !own.packages.is_empty()
        );
    }
}
