//! Which caller the bearer of a verified token may be: one function for each type of caller, of the
//! shape of the token alone. Pure.

use foundation::{
    ids::OrgNumber,
    token::{OrganizationToken, PersonNames, TokenShape},
};
use uuid::Uuid;

/// The organisation of a vendor, when a token of this shape is a vendor's: an organisation's, or
/// that of a system user which the vendor holds. The inner is none when the token names none that
/// can be read.
#[must_use]
pub const fn vendor(shape: &TokenShape) -> Option<Option<OrgNumber>> {
    match shape {
        TokenShape::Organization(token) => Some(token.organization),
        TokenShape::SystemUser(token) => Some(token.vendor.organization),
        TokenShape::Person(_)
        | TokenShape::SelfIdentified(_)
        | TokenShape::EnterpriseUser(_)
        | TokenShape::Bare => None,
    }
}

/// The service owner of a token: an organisation. With an admin scope a token of any shape will do,
/// and is of no organisation.
#[must_use]
pub fn service_owner(shape: &TokenShape, has_admin_scope: bool) -> Option<OrganizationToken> {
    match shape {
        TokenShape::Organization(token) => Some(token.clone()),
        TokenShape::SystemUser(_)
        | TokenShape::Person(_)
        | TokenShape::SelfIdentified(_)
        | TokenShape::EnterpriseUser(_)
        | TokenShape::Bare => has_admin_scope.then(OrganizationToken::default),
    }
}

/// A natural or technical user, as a token names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUser<'t> {
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
pub fn user(shape: &TokenShape) -> TokenUser<'_> {
    match shape {
        TokenShape::Person(token) => TokenUser::Person(&token.names, token.level),
        TokenShape::SelfIdentified(token) => TokenUser::SelfIdentified(&token.names),
        TokenShape::SystemUser(token) => token
            .system_user
            .ids
            .first()
            .map_or(TokenUser::Other, |id| TokenUser::SystemUser(*id)),
        TokenShape::Organization(_) | TokenShape::EnterpriseUser(_) | TokenShape::Bare => {
            TokenUser::Other
        }
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
    fn shapes() -> [TokenShape; 6] {
        [
            TokenShape::Organization(organization()),
            TokenShape::SystemUser(SystemUserToken {
                vendor: organization(),
                system_user: SystemUserClaim {
                    ids: vec![ID, Uuid::from_u128(8)],
                    owner: number("390367767"),
                    system_id: SystemId::from_wire("390198116_x"),
                },
                source: SystemUserSource::Maskinporten,
            }),
            TokenShape::Person(PersonToken {
                names: names(),
                level: 3,
                session: None,
            }),
            TokenShape::SelfIdentified(SelfIdentifiedToken { names: names() }),
            TokenShape::EnterpriseUser(EnterpriseUserToken {
                organization: Some(number("390198116")),
            }),
            TokenShape::Bare,
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
                TokenUser::Other,
                TokenUser::SystemUser(ID),
                TokenUser::Person(&names, 3),
                TokenUser::SelfIdentified(&names),
                TokenUser::Other,
                TokenUser::Other
            ]
        );
    }
}
