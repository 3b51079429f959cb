//! The least authentication level that a Permit asks for.

use xacml::Obligation;

/// Category of the level that is asked of all subjects.
const GENERAL: &str = "urn:altinn:minimum-authenticationlevel";
/// Category of the level that is asked of system users in place of the general one.
const SYSTEM_USERS: &str = "urn:altinn:minimum-authenticationlevel-systemuser";
/// The highest level there is.
const HIGHEST: u8 = 4;

/// Whom a level is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelSubject {
    /// A system user: a level of its own counts, when the policy has one.
    SystemUser,
    /// Any other subject.
    Other,
}

/// A least level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredLevel {
    /// None is asked for.
    Any,
    /// This one or a higher one: 0 to 4.
    AtLeast(u8),
    /// What the policy states is no level: no subject has it.
    Unreadable,
}

impl RequiredLevel {
    /// The highest of the levels that obligations state in a category; none when they state none.
    fn stated(obligations: &[Obligation], category: &str) -> Option<Self> {
        let assignments = obligations.iter().flat_map(|o| &o.assignments);
        assignments
            .filter(|assignment| assignment.category.as_deref() == Some(category))
            .map(|assignment| {
                let level = assignment.value.text().trim().parse().ok();
                level
                    .filter(|level| *level <= HIGHEST)
                    .map_or(Self::Unreadable, Self::AtLeast)
            })
            .reduce(|one, other| match (one, other) {
                (Self::AtLeast(one), Self::AtLeast(other)) => Self::AtLeast(one.max(other)),
                (Self::Unreadable, _) | (_, Self::Unreadable) => Self::Unreadable,
                (Self::Any, level) | (level, Self::Any) => level,
            })
    }

    /// Whether a caller of this level has it.
    #[must_use]
    pub const fn is_met_by(self, level: u8) -> bool {
        match self {
            Self::Any => true,
            Self::AtLeast(least) => least <= level,
            Self::Unreadable => false,
        }
    }

    /// The level as a number, when one is stated.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Any | Self::Unreadable => None,
            Self::AtLeast(level) => Some(level),
        }
    }
}

/// What the obligations of a policy ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatedLevels {
    /// Of all subjects.
    pub(super) general: Option<RequiredLevel>,
    /// Of system users, in place of the general one: higher or lower.
    pub(super) system_users: Option<RequiredLevel>,
}

impl StatedLevels {
    pub(super) fn of(obligations: &[Obligation]) -> Self {
        Self {
            general: RequiredLevel::stated(obligations, GENERAL),
            system_users: RequiredLevel::stated(obligations, SYSTEM_USERS),
        }
    }

    /// The level that counts for a subject.
    pub(super) fn for_subject(self, subject: LevelSubject) -> RequiredLevel {
        let level = match self.which_counts(subject) {
            Some(StatedLevelKind::SystemUsers) => self.system_users,
            Some(StatedLevelKind::General) => self.general,
            None => None,
        };
        level.unwrap_or(RequiredLevel::Any)
    }

    /// Which of the two counts for a subject; none when none does.
    pub(super) fn which_counts(self, subject: LevelSubject) -> Option<StatedLevelKind> {
        let special = match subject {
            LevelSubject::SystemUser => self.system_users.map(|_| StatedLevelKind::SystemUsers),
            LevelSubject::Other => None,
        };
        special.or(self.general.map(|_| StatedLevelKind::General))
    }
}

/// One of the two levels that a policy states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatedLevelKind {
    /// That of all subjects.
    General,
    /// That of system users.
    SystemUsers,
}

impl StatedLevelKind {
    /// As the decision log names it.
    pub(super) const fn wire(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::SystemUsers => "systemUsers",
        }
    }
}

#[cfg(test)]
mod tests {
    use xacml::{Assignment, Value};

    use super::*;

    fn obligation(category: &str, text: &'static str) -> Obligation {
        Obligation {
            id: "urn:o".to_owned(),
            assignments: vec![Assignment {
                attribute_id: "urn:a".to_owned(),
                category: Some(category.to_owned()),
                issuer: None,
                value: Value::String(text.into()),
            }],
        }
    }

    fn required(obligations: &[Obligation], subject: LevelSubject) -> RequiredLevel {
        StatedLevels::of(obligations).for_subject(subject)
    }

    #[test]
    fn the_level_for_system_users_replaces_the_general_one() {
        let both = |general, special| {
            [
                obligation(GENERAL, general),
                obligation(SYSTEM_USERS, special),
            ]
        };
        for (general, special) in [("4", 3), ("3", 4), ("0", 0)] {
            let text = ["0", "1", "2", "3", "4"][usize::from(special)];
            let stated = both(general, text);
            assert_eq!(
                required(&stated, LevelSubject::SystemUser),
                RequiredLevel::AtLeast(special)
            );
            assert_eq!(
                required(&stated, LevelSubject::Other).number(),
                general.parse().ok()
            );
        }
    }

    #[test]
    fn without_it_the_general_one_counts_for_all_subjects() {
        let general = [obligation(GENERAL, "4")];
        for subject in [LevelSubject::SystemUser, LevelSubject::Other] {
            assert_eq!(required(&general, subject), RequiredLevel::AtLeast(4));
            assert_eq!(required(&[], subject), RequiredLevel::Any);
        }
    }

    #[test]
    fn of_several_the_highest_counts() {
        let several = [
            obligation(SYSTEM_USERS, "2"),
            obligation(SYSTEM_USERS, "4"),
            obligation(SYSTEM_USERS, "3"),
        ];
        assert_eq!(
            required(&several, LevelSubject::SystemUser),
            RequiredLevel::AtLeast(4)
        );
    }

    #[test]
    fn no_subject_has_a_level_that_is_none() {
        for text in ["5", "-1", "three", ""] {
            let level = required(&[obligation(GENERAL, text)], LevelSubject::Other);
            assert!(!level.is_met_by(u8::MAX), "{text}");
        }
    }
}
