//! What reaches whom by which way. Pure rules over stored ways.

use authorization::live_system_users::SystemUserKind;
use registers::{
    packages::{Catalogue, EntityKind, Package, PackageKey, RoleKey, VariantKey},
    parties::{PartyKind, rules},
};

use super::model::{WayFlag, WayRow};

const MAIN_ADMINISTRATOR: &str = "hovedadministrator";
const MAIN_ADMINISTRATOR_PACKAGE: &str = "urn:altinn:accesspackage:hovedadministrator";
/// May not be given to organisations and system users.
const REPRESENTATIVE_PACKAGE: &str =
    "urn:altinn:accesspackage:virksomhetens-representant-skjemaoppgaver";
/// Roles that carry lists of their own, and never count for what a role gives.
const CARRIERS: [&str; 2] = ["rettighetshaver", "agent"];

/// Whether a way counts at all.
#[must_use]
pub fn counts(catalogue: &Catalogue, way: &WayRow) -> bool {
    rules::connects(catalogue, &way.connection())
}

/// Roles of a way: that of the relation, and those that it implies. A client delegation has none.
pub fn roles_of<'c>(catalogue: &'c Catalogue, way: &WayRow) -> impl Iterator<Item = RoleKey> + 'c {
    let own = (!way.is_client).then_some(way.role_id);
    own.into_iter().chain(
        own.map(|role| catalogue.implied_by(role))
            .unwrap_or_default()
            .iter()
            .copied(),
    )
}

/// A package that reaches the receiver by a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedPackage {
    /// The package.
    pub package: PackageKey,
    /// The role that gives it; none in a client delegation.
    pub role: Option<RoleKey>,
    /// The role is one that the relation's implies.
    pub is_implied: bool,
}

/// Packages that reach the receiver by a way.
#[must_use]
pub fn packages_of(catalogue: &Catalogue, way: &WayRow) -> Vec<ReachedPackage> {
    let form = way.from_form;
    if way.is_client {
        return way
            .packages
            .iter()
            .map(|package| ReachedPackage {
                package: *package,
                role: None,
                is_implied: false,
            })
            .collect();
    }
    let mut out: Vec<ReachedPackage> = way
        .packages
        .iter()
        .map(|package| ReachedPackage {
            package: *package,
            role: Some(way.role_id),
            is_implied: false,
        })
        .collect();
    if is_carrier(catalogue, way.role_id) {
        return out;
    }
    for role in roles_of(catalogue, way) {
        let rows = catalogue.packages_of(role).iter();
        out.extend(
            rows.filter(|row| row.has_access && row.variant.is_none_or(|v| Some(v) == form))
                .map(|row| ReachedPackage {
                    package: row.package,
                    role: Some(role),
                    is_implied: role != way.role_id,
                }),
        );
    }
    out
}

fn is_carrier(catalogue: &Catalogue, role: RoleKey) -> bool {
    catalogue
        .role(role)
        .is_some_and(|role| CARRIERS.contains(&role.code.as_str()))
}

/// The one flag of a way in lists of packages and resources.
#[must_use]
pub const fn flag(way: &WayRow, is_implied: bool) -> WayFlag {
    if way.is_main_unit || way.is_own_firm {
        WayFlag::Parent
    } else if way.is_client {
        WayFlag::Client
    } else if is_implied {
        WayFlag::RoleMap
    } else if way.via_role.is_some() {
        WayFlag::KeyRole
    } else {
        WayFlag::Direct
    }
}

/// All flags of a way by which a single right reaches the receiver.
#[must_use]
pub const fn right_flags(way: &WayRow) -> u8 {
    let mut flags = 0;
    if way.is_main_unit || way.is_own_firm {
        flags |= WayFlag::Parent.bit();
    }
    if way.is_client {
        flags |= WayFlag::Client.bit();
    }
    if way.via_role.is_some() {
        flags |= WayFlag::KeyRole.bit();
    }
    if flags == 0 {
        WayFlag::Direct.bit()
    } else {
        flags
    }
}

/// Whether a package is for givers of a kind.
#[must_use]
pub fn is_for_giver(package: &Package, giver: PartyKind) -> bool {
    match giver {
        PartyKind::Organization => package.entity == EntityKind::Organization,
        PartyKind::Person => package.entity == EntityKind::Person,
        PartyKind::SystemUser | PartyKind::Other => false,
    }
}

/// Whether a package may not be given to a receiver of a kind, by any giver. A system user for
/// clients never holds what no client delegates: it would administer its own clients.
#[must_use]
pub fn is_refused_to_receiver(
    package: &Package,
    receiver: PartyKind,
    system_user: Option<SystemUserKind>,
) -> bool {
    match receiver {
        PartyKind::Organization => {
            package.urn == MAIN_ADMINISTRATOR_PACKAGE || package.urn == REPRESENTATIVE_PACKAGE
        }
        PartyKind::SystemUser => match system_user {
            Some(SystemUserKind::Agent) => !package.is_delegable,
            Some(SystemUserKind::Standard) | None => package.urn == REPRESENTATIVE_PACKAGE,
        },
        PartyKind::Person | PartyKind::Other => false,
    }
}

/// By which names a way lets its receiver give a package on; empty when it does not. `form` is that of
/// the party for which the package would be given.
#[must_use]
pub fn givable_by(
    catalogue: &Catalogue,
    way: &WayRow,
    package: &Package,
    form: Option<VariantKey>,
) -> Vec<String> {
    if way.is_client || way.is_own_firm {
        return Vec::new();
    }
    let (access, unit) = (access_word(way), unit_word(way));
    let mut out = Vec::new();
    if package.urn != MAIN_ADMINISTRATOR_PACKAGE && way.packages.contains(&package.key) {
        out.push(format!("{access}-AssignmentPackage{unit}"));
    }
    let roles: Vec<RoleKey> = if is_carrier(catalogue, way.role_id) {
        Vec::new()
    } else {
        roles_of(catalogue, way).collect()
    };
    let gives = |package: PackageKey, form: Option<VariantKey>, roles: &[RoleKey]| {
        roles.iter().any(|role| {
            catalogue.packages_of(*role).iter().any(|row| {
                row.package == package
                    && row.can_delegate
                    && row.variant.is_none_or(|v| Some(v) == form)
            })
        })
    };
    if gives(package.key, way.source_form, &roles) {
        out.push(format!("{access}-RolePackage{unit}"));
    }
    let main_administrator = catalogue.role_by_code(MAIN_ADMINISTRATOR);
    let is_in_reach = main_administrator.is_some_and(|role| gives(package.key, form, &[role.key]));
    if is_in_reach && let Some(held) = catalogue.package_by_urn(MAIN_ADMINISTRATOR_PACKAGE) {
        if way.packages.contains(&held.key) {
            out.push(format!("{access}-AssignmentPackage{unit}-HovedAdmin"));
        }
        let by_role = roles.iter().any(|role| {
            catalogue.packages_of(*role).iter().any(|row| {
                row.package == held.key
                    && row.has_access
                    && row.variant.is_none_or(|v| Some(v) == way.source_form)
            })
        });
        if by_role {
            out.push(format!("{access}-RolePackage{unit}-HovedAdmin"));
        }
    }
    out
}

/// By which name a way gives its receiver a role; none when it does not.
#[must_use]
pub fn holds_role_by(catalogue: &Catalogue, way: &WayRow, role: RoleKey) -> Option<String> {
    if way.is_own_firm || !roles_of(catalogue, way).any(|held| held == role) {
        return None;
    }
    let access = access_word(way);
    let unit = unit_word(way);
    let implied = if role == way.role_id { "" } else { "-RoleMap" };
    Some(format!("{access}-AssignmentRole{unit}{implied}"))
}

const fn access_word(way: &WayRow) -> &'static str {
    match way.via_role {
        Some(_) => "KeyRole",
        None => "Direct",
    }
}

const fn unit_word(way: &WayRow) -> &'static str {
    if way.is_main_unit { "-MainUnit" } else { "" }
}

#[cfg(test)]
mod tests {
    use registers::packages;
    use rstest::rstest;

    use super::*;

    fn way(catalogue: &Catalogue, role: &str) -> WayRow {
        WayRow {
            from_key: 1,
            from_form: None,
            to_key: 2,
            source_key: 1,
            source_form: catalogue.variant_by_code("AS").map(|v| v.key),
            is_main_unit: false,
            is_own_firm: false,
            role_id: catalogue.role_by_code(role).unwrap().key,
            via_key: None,
            via_role: None,
            via_form: None,
            is_client: false,
            packages: Vec::new(),
            resources: Vec::new(),
            rights: None,
        }
    }

    #[rstest]
    #[case(false, false, false, WayFlag::Direct, 1)]
    #[case(true, false, false, WayFlag::Parent, 16)]
    #[case(false, true, false, WayFlag::KeyRole, 4)]
    #[case(true, true, false, WayFlag::Parent, 20)]
    #[case(false, false, true, WayFlag::Client, 2)]
    fn a_way_has_its_flags(
        #[case] is_main_unit: bool,
        #[case] is_key_role: bool,
        #[case] is_client: bool,
        #[case] one: WayFlag,
        #[case] all: u8,
    ) {
        let catalogue = packages::embedded().unwrap();
        let way = WayRow {
            is_main_unit,
            via_role: is_key_role.then_some(1),
            is_client,
            ..way(&catalogue, "rettighetshaver")
        };
        assert_eq!((flag(&way, false), right_flags(&way)), (one, all));
    }

    #[test]
    fn what_was_assigned_is_givable_and_the_main_administrator_gives_the_rest() {
        let catalogue = packages::embedded().unwrap();
        let key = |code: &str| catalogue.package_by_value(code).unwrap();
        let holder = WayRow {
            packages: vec![key("lonn").key],
            ..way(&catalogue, "rettighetshaver")
        };
        let administrator = WayRow {
            packages: vec![key("hovedadministrator").key],
            is_main_unit: true,
            ..way(&catalogue, "rettighetshaver")
        };
        let by = |way: &WayRow, code: &str| givable_by(&catalogue, way, key(code), way.source_form);
        assert_eq!(by(&holder, "lonn"), ["Direct-AssignmentPackage"]);
        assert!(by(&holder, "pensjon").is_empty());
        assert_eq!(
            by(&administrator, "pensjon"),
            ["Direct-AssignmentPackage-MainUnit-HovedAdmin"]
        );
        assert!(by(&administrator, "hovedadministrator").is_empty());
    }

    #[rstest]
    #[case("daglig-leder", false, false, Some("Direct-AssignmentRole"))]
    #[case("daglig-leder", true, false, Some("Direct-AssignmentRole-MainUnit"))]
    #[case("admai", false, false, Some("Direct-AssignmentRole-RoleMap"))]
    #[case("admai", true, true, Some("KeyRole-AssignmentRole-MainUnit-RoleMap"))]
    #[case("styreleder", false, false, None)]
    fn a_role_is_held_by_the_name_of_its_way(
        #[case] asked: &str,
        #[case] is_main_unit: bool,
        #[case] is_key_role: bool,
        #[case] expected: Option<&str>,
    ) {
        let catalogue = packages::embedded().unwrap();
        let way = WayRow {
            is_main_unit,
            via_role: is_key_role.then_some(1),
            ..way(&catalogue, "daglig-leder")
        };
        let asked = catalogue.role_by_code(asked).unwrap().key;
        let found = holds_role_by(&catalogue, &way, asked);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn a_client_delegation_gives_no_role() {
        let catalogue = packages::embedded().unwrap();
        let way = WayRow {
            is_client: true,
            ..way(&catalogue, "daglig-leder")
        };
        assert_eq!(holds_role_by(&catalogue, &way, way.role_id), None);
    }

    #[test]
    fn a_director_gives_by_role_and_as_main_administrator() {
        let catalogue = packages::embedded().unwrap();
        let director = way(&catalogue, "daglig-leder");
        let package = catalogue.package_by_value("lonn").unwrap();
        assert_eq!(
            givable_by(&catalogue, &director, package, director.source_form),
            ["Direct-RolePackage", "Direct-RolePackage-HovedAdmin"]
        );
    }

    #[test]
    fn an_accountant_gives_no_client_package_on() {
        let catalogue = packages::embedded().unwrap();
        let accountant = way(&catalogue, "regnskapsforer");
        let package = catalogue.package_by_value("regnskapsforer-lonn").unwrap();
        let given = givable_by(&catalogue, &accountant, package, accountant.source_form);
        assert!(given.is_empty(), "{given:?}");
    }
}
