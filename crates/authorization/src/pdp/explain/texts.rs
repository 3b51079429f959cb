//! The steps of an explanation, in words.

/// A sentence in three languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranslatedSentence {
    /// Bokmål.
    pub nb: &'static str,
    /// Nynorsk.
    pub nn: &'static str,
    /// English.
    pub en: &'static str,
}

macro_rules! steps {
    ($($name:ident = $code:literal, $nb:literal, $nn:literal, $en:literal;)*) => {
        /// A step of an explanation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ExplanationStep {
            $(#[doc = $en] $name,)*
        }

        impl ExplanationStep {
            /// Every step there is.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its code on the wire.
            pub const fn wire(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What it says.
            pub const fn text(self) -> TranslatedSentence {
                match self {
                    $(Self::$name => TranslatedSentence { nb: $nb, nn: $nn, en: $en },)*
                }
            }
        }
    };
}

steps! {
    RequestFaulty = "request_faulty",
        "Forespørselen kan ikke behandles slik den er stilt.",
        "Førespurnaden kan ikkje handsamast slik han er stilt.",
        "The request cannot be processed as it was put.";
    ResourceFound = "resource_found",
        "Ressursen finnes og har en policy.",
        "Ressursen finst og har ein policy.",
        "The resource exists and has a policy.";
    ResourceUnknown = "resource_unknown",
        "Ressursen finnes ikke, eller har ingen policy.",
        "Ressursen finst ikkje, eller har ingen policy.",
        "The resource does not exist, or has no policy.";
    PartyMissing = "party_missing",
        "Forespørselen sier ikke hvilken part den gjelder.",
        "Førespurnaden seier ikkje kva part han gjeld.",
        "The request does not say which party it is about.";
    PartyUnknown = "party_unknown",
        "Ingen kjent part har dette navnet.",
        "Ingen kjend part har dette namnet.",
        "No known party has this name.";
    PartyContradictory = "party_contradictory",
        "Navnene på parten viser til forskjellige parter.",
        "Namna på parten viser til ulike partar.",
        "The names of the party mean different parties.";
    PartyFound = "party_found",
        "Parten er funnet.",
        "Parten er funnen.",
        "The party was found.";
    PartyGone = "party_gone",
        "Parten er slettet eller død; ingen har tilgang på vegne av den.",
        "Parten er sletta eller død; ingen har tilgang på vegner av han.",
        "The party is deleted or deceased; no one can act on its behalf.";
    SystemUserFound = "system_user_found",
        "Systembrukeren finnes.",
        "Systembrukaren finst.",
        "The system user exists.";
    SystemUserUnknown = "system_user_unknown",
        "Det finnes ingen systembruker med denne id-en.",
        "Det finst ingen systembrukar med denne id-en.",
        "There is no system user with this id.";
    SystemUserLive = "system_user_live",
        "Systembrukeren, systemet og eieren er aktive.",
        "Systembrukaren, systemet og eigaren er aktive.",
        "The system user, its system and its owner are active.";
    SystemUserInactive = "system_user_inactive",
        "Systembrukeren, systemet eller eieren er slettet.",
        "Systembrukaren, systemet eller eigaren er sletta.",
        "The system user, its system or its owner is deleted.";
    PersonFound = "person_found",
        "Personen er funnet.",
        "Personen er funnen.",
        "The person was found.";
    PersonUnknown = "person_unknown",
        "Personen er ikke kjent.",
        "Personen er ikkje kjend.",
        "The person is not known.";
    SubjectAsGiven = "subject_as_given",
        "Subjektet er verken systembruker eller kjent person; bare det som er oppgitt, gjelder.",
        "Subjektet er verken systembrukar eller kjend person; berre det som er oppgjeve, gjeld.",
        "The subject is neither a system user nor a known person; only what was given counts.";
    ActsForOwner = "acts_for_owner",
        "Parten er systembrukerens egen eier.",
        "Parten er systembrukaren sin eigen eigar.",
        "The party is the system user's own owner.";
    ActsForSubUnit = "acts_for_sub_unit",
        "Parten er en underenhet av systembrukerens eier.",
        "Parten er ei undereining av systembrukaren sin eigar.",
        "The party is a sub-unit of the system user's owner.";
    ActsForClient = "acts_for_client",
        "Parten er en klient som er tildelt systembrukeren.",
        "Parten er ein klient som er tildelt systembrukaren.",
        "The party is a client that was delegated to the system user.";
    NoRelation = "no_relation",
        "Parten er verken systembrukerens eier eller en klient som er tildelt den.",
        "Parten er verken systembrukaren sin eigar eller ein klient som er tildelt han.",
        "The party is neither the system user's owner nor a client that was delegated to it.";
    PackagesHeld = "packages_held",
        "Subjektet har tilgangspakker for parten.",
        "Subjektet har tilgangspakkar for parten.",
        "The subject holds access packages for the party.";
    NoPackages = "no_packages",
        "Subjektet har ingen tilgangspakker for parten.",
        "Subjektet har ingen tilgangspakkar for parten.",
        "The subject holds no access package for the party.";
    RolesHeld = "roles_held",
        "Personen har roller for parten.",
        "Personen har roller for parten.",
        "The person holds roles for the party.";
    NoRoles = "no_roles",
        "Personen har ingen roller for parten.",
        "Personen har ingen roller for parten.",
        "The person holds no role for the party.";
    RightsHeld = "rights_held",
        "Subjektet har enkeltrettigheter på ressursen.",
        "Subjektet har enkeltrettar på ressursen.",
        "The subject holds single rights on the resource.";
    NoRights = "no_rights",
        "Subjektet har ingen enkeltrettigheter på ressursen.",
        "Subjektet har ingen enkeltrettar på ressursen.",
        "The subject holds no single right on the resource.";
    RulePermits = "rule_permits",
        "En regel i policyen gir tilgang.",
        "Ein regel i policyen gjev tilgang.",
        "A rule of the policy permits.";
    RuleDenies = "rule_denies",
        "En regel i policyen nekter tilgang.",
        "Ein regel i policyen nektar tilgang.",
        "A rule of the policy denies.";
    PolicyPermits = "policy_permits",
        "Policyen gir tilgang uten en egen regel.",
        "Policyen gjev tilgang utan ein eigen regel.",
        "The policy permits without a rule of its own.";
    PolicyDenies = "policy_denies",
        "Policyen nekter det som ingen regel gir.",
        "Policyen nektar det som ingen regel gjev.",
        "The policy denies what no rule permits.";
    NoRuleApplies = "no_rule_applies",
        "Ingen regel i policyen passer.",
        "Ingen regel i policyen passar.",
        "No rule of the policy applies.";
    PolicyIndeterminate = "policy_indeterminate",
        "Policyen kan ikke avgjøres for denne forespørselen.",
        "Policyen kan ikkje avgjerast for denne førespurnaden.",
        "The policy cannot be evaluated for this request.";
    SingleRightPermits = "single_right_permits",
        "En enkeltrettighet som er gitt subjektet, eller en enhet som det har en nøkkelrolle i, gir tilgang.",
        "Ein enkeltrett som er gjeven subjektet, eller ei eining som det har ei nøkkelrolle i, gjev tilgang.",
        "A single right that was given to the subject, or to a unit in which it holds a key role, permits.";
    AccessListOpen = "access_list_open",
        "Parten står på en tilgangsliste for ressursen.",
        "Parten står på ei tilgangsliste for ressursen.",
        "The party is on an access list of the resource.";
    AccessListClosed = "access_list_closed",
        "Ressursen krever tilgangsliste, og parten står ikke på noen.",
        "Ressursen krev tilgangsliste, og parten står ikkje på noka.",
        "The resource asks for an access list, and the party is on none.";
    LevelRequired = "level_required",
        "Tilgangen krever et sikkerhetsnivå av den som bruker den.",
        "Tilgangen krev eit tryggingsnivå av den som brukar han.",
        "The permit requires an authentication level of its user.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_have_these_texts() {
        let steps = ExplanationStep::ALL.iter().map(|step| {
            let TranslatedSentence { nb, nn, en } = step.text();
            format!("{}\n  {nb}\n  {nn}\n  {en}", step.wire())
        });
        insta::assert_snapshot!(steps.collect::<Vec<_>>().join("\n"));
    }
}
