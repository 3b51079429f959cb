//! Which caller the bearer of a verified token may be: one function for each type of caller, of the
//! shape of the token alone. Pure.

use foundation::{
    ids::OrgNumber,
    token::{OrganizationToken, PersonNames, Shape},
};
use uuid::Uuid;

/// The organisation of a vendor, when a token of this shape is a vendor's: an organisation's, or
/// that of a system user which the vendor holds. The inner is none when the token names none that
/// can be read.
#[must_use]
pub const fn vendor(shape: &Shape) -> Option<Option<OrgNumber>> {
    match shape {
        Shape::Organization(token) => Some(token.organization),
        Shape::SystemUser(token) => Some(token.vendor.organization),
        Shape::Person(_) | Shape::SelfIdentified(_) | Shape::EnterpriseUser(_) | Shape::Bare => {
            None
        }
    }
}

/// The service owner of a token: an organisation. With an admin scope a token of any shape will do,
/// and is of no organisation.
#[must_use]
pub fn service_owner(shape: &Shape, has_admin_scope: bool) -> Option<OrganizationToken> {
    match shape {
        Shape::Organization(token) => Some(token.clone()),
        Shape::SystemUser(_)
        | Shape::Person(_)
        | Shape::SelfIdentified(_)
        | Shape::EnterpriseUser(_)
        | Shape::Bare => has_admin_scope.then(OrganizationToken::default),
    }
}

/// A natural or technical user, as a token names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User<'t> {
    /// A person, logged in at this level (0 to 4).
    Person(&'t PersonNames, u8),
    /// A person who has registered without proof of identity: level 0.
    SelfIdentified(&'t PersonNames),
    /// A system user: the first that the token names.
    SystemUser(Uuid),
    /// Neither a person nor a system user.
    Other,
}

/// The user of a token.
#[must_use]
pub fn user(shape: &Shape) -> User<'_> {
    match shape {
        Shape::Person(token) => User::Person(&token.names, token.level),
        Shape::SelfIdentified(token) => User::SelfIdentified(&token.names),
        Shape::SystemUser(token) => token
            .system_user
            .ids
            .first()
            .map_or(User::Other, |id| User::SystemUser(*id)),
        Shape::Organization(_) | Shape::EnterpriseUser(_) | Shape::Bare => User::Other,
    }
}

#[cfg(test)]
mod tests {
    use foundation::{
        ids::SystemId,
        token::{
            EnterpriseUserToken, PersonToken, SelfIdentifiedToken, SystemUserClaim,
            SystemUserSource, SystemUserToken,
        },
    };

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn number(text: &str) -> OrgNumber {
        OrgNumber::parse(text).unwrap()
    }

    fn organization() -> OrganizationToken {
        OrganizationToken {
            organization: Some(number("390198116")),
            ..OrganizationToken::default()
        }
    }

    fn names() -> PersonNames {
        PersonNames {
            user_id: Some(5),
            ..PersonNames::default()
        }
    }

    /// A token of each shape.
    fn shapes() -> [Shape; 6] {
        [
            Shape::Organization(organization()),
            Shape::SystemUser(SystemUserToken {
                vendor: organization(),
                system_user: SystemUserClaim {
                    ids: vec![ID, Uuid::from_u128(8)],
                    owner: number("390367767"),
                    system_id: SystemId::from_wire("390198116_x"),
                },
                source: SystemUserSource::Maskinporten,
            }),
            Shape::Person(PersonToken {
                names: names(),
                level: 3,
                session: None,
            }),
            Shape::SelfIdentified(SelfIdentifiedToken { names: names() }),
            Shape::EnterpriseUser(EnterpriseUserToken {
                organization: Some(number("390198116")),
            }),
            Shape::Bare,
        ]
    }

    #[test]
    fn vendors_are_organisations_and_holders_of_system_users() {
        let own = Some(Some(number("390198116")));
        let found = shapes().map(|shape| vendor(&shape));
        assert_eq!(found, [own, own, None, None, None, None]);
    }

    #[test]
    fn service_owners_are_organisations() {
        let found = shapes().map(|shape| service_owner(&shape, false));
        assert_eq!(found, [Some(organization()), None, None, None, None, None]);
    }

    #[test]
    fn an_admin_scope_makes_a_service_owner_of_no_organisation() {
        let none = || Some(OrganizationToken::default());
        let found = shapes().map(|shape| service_owner(&shape, true));
        assert_eq!(
            found,
            [Some(organization()), none(), none(), none(), none(), none()]
        );
    }

    #[test]
    fn users_are_persons_and_system_users() {
        let names = names();
        let shapes = shapes();
        let found = shapes.each_ref().map(user);
        assert_eq!(
            found,
            [
                User::Other,
                User::SystemUser(ID),
                User::Person(&names, 3),
                User::SelfIdentified(&names),
                User::Other,
                User::Other
            ]
        );
    }
}
