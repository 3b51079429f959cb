//! The steps of an account in words.

/// A step: its code, and what it says in bokmål, nynorsk and English.
pub struct Text {
    /// Fixed word.
    pub code: &'static str,
    /// Bokmål.
    pub nb: &'static str,
    /// Nynorsk.
    pub nn: &'static str,
    /// English.
    pub en: &'static str,
}

/// Every step there is.
pub const TEXTS: &[Text] = &[
    Text {
        code: "request_faulty",
        nb: "Forespørselen kan ikke behandles slik den er stilt.",
        nn: "Førespurnaden kan ikkje handsamast slik han er stilt.",
        en: "The request cannot be processed as it was put.",
    },
    Text {
        code: "resource_found",
        nb: "Ressursen finnes og har en policy.",
        nn: "Ressursen finst og har ein policy.",
        en: "The resource exists and has a policy.",
    },
    Text {
        code: "resource_unknown",
        nb: "Ressursen finnes ikke, eller har ingen policy.",
        nn: "Ressursen finst ikkje, eller har ingen policy.",
        en: "The resource does not exist, or has no policy.",
    },
    Text {
        code: "party_missing",
        nb: "Forespørselen sier ikke hvilken part den gjelder.",
        nn: "Førespurnaden seier ikkje kva part han gjeld.",
        en: "The request does not say which party it is about.",
    },
    Text {
        code: "party_unknown",
        nb: "Ingen kjent part har dette navnet.",
        nn: "Ingen kjend part har dette namnet.",
        en: "No known party has this name.",
    },
    Text {
        code: "party_contradictory",
        nb: "Navnene på parten viser til forskjellige parter.",
        nn: "Namna på parten viser til ulike partar.",
        en: "The names of the party mean different parties.",
    },
    Text {
        code: "party_found",
        nb: "Parten er funnet.",
        nn: "Parten er funnen.",
        en: "The party was found.",
    },
    Text {
        code: "party_gone",
        nb: "Parten er slettet eller død; ingen har tilgang på vegne av den.",
        nn: "Parten er sletta eller død; ingen har tilgang på vegner av han.",
        en: "The party is deleted or dead; nobody has access on its behalf.",
    },
    Text {
        code: "system_user_found",
        nb: "Systembrukeren finnes.",
        nn: "Systembrukaren finst.",
        en: "The system user exists.",
    },
    Text {
        code: "system_user_unknown",
        nb: "Det finnes ingen systembruker med denne id-en.",
        nn: "Det finst ingen systembrukar med denne id-en.",
        en: "There is no system user with this id.",
    },
    Text {
        code: "system_user_live",
        nb: "Systembrukeren, systemet og eieren er aktive.",
        nn: "Systembrukaren, systemet og eigaren er aktive.",
        en: "The system user, its system and its owner are active.",
    },
    Text {
        code: "system_user_inactive",
        nb: "Systembrukeren, systemet eller eieren er slettet.",
        nn: "Systembrukaren, systemet eller eigaren er sletta.",
        en: "The system user, its system or its owner is deleted.",
    },
    Text {
        code: "person_found",
        nb: "Personen er funnet.",
        nn: "Personen er funnen.",
        en: "The person was found.",
    },
    Text {
        code: "person_unknown",
        nb: "Personen er ikke kjent.",
        nn: "Personen er ikkje kjend.",
        en: "The person is not known.",
    },
    Text {
        code: "subject_as_given",
        nb: "Subjektet er verken systembruker eller kjent person; bare det som er oppgitt, gjelder.",
        nn: "Subjektet er verken systembrukar eller kjend person; berre det som er oppgjeve, gjeld.",
        en: "The subject is neither a system user nor a known person; only what was given counts.",
    },
    Text {
        code: "acts_for_owner",
        nb: "Parten er systembrukerens egen eier.",
        nn: "Parten er systembrukaren sin eigen eigar.",
        en: "The party is the system user's own owner.",
    },
    Text {
        code: "acts_for_sub_unit",
        nb: "Parten er en underenhet av systembrukerens eier.",
        nn: "Parten er ei undereining av systembrukaren sin eigar.",
        en: "The party is a sub-unit of the system user's owner.",
    },
    Text {
        code: "acts_for_client",
        nb: "Parten er en klient som er tildelt systembrukeren.",
        nn: "Parten er ein klient som er tildelt systembrukaren.",
        en: "The party is a client that was handed to the system user.",
    },
    Text {
        code: "no_relation",
        nb: "Parten er verken systembrukerens eier eller en klient som er tildelt den.",
        nn: "Parten er verken systembrukaren sin eigar eller ein klient som er tildelt han.",
        en: "The party is neither the system user's owner nor a client that was handed to it.",
    },
    Text {
        code: "packages_held",
        nb: "Subjektet har tilgangspakker for parten.",
        nn: "Subjektet har tilgangspakkar for parten.",
        en: "The subject holds access packages for the party.",
    },
    Text {
        code: "no_packages",
        nb: "Subjektet har ingen tilgangspakker for parten.",
        nn: "Subjektet har ingen tilgangspakkar for parten.",
        en: "The subject holds no access package for the party.",
    },
    Text {
        code: "roles_held",
        nb: "Personen har roller for parten.",
        nn: "Personen har roller for parten.",
        en: "The person holds roles for the party.",
    },
    Text {
        code: "no_roles",
        nb: "Personen har ingen roller for parten.",
        nn: "Personen har ingen roller for parten.",
        en: "The person holds no role for the party.",
    },
    Text {
        code: "rights_held",
        nb: "Systembrukeren har enkeltrettigheter på ressursen.",
        nn: "Systembrukaren har enkeltrettar på ressursen.",
        en: "The system user holds single rights on the resource.",
    },
    Text {
        code: "no_rights",
        nb: "Systembrukeren har ingen enkeltrettigheter på ressursen.",
        nn: "Systembrukaren har ingen enkeltrettar på ressursen.",
        en: "The system user holds no single right on the resource.",
    },
    Text {
        code: "rule_permits",
        nb: "En regel i policyen gir tilgang.",
        nn: "Ein regel i policyen gjev tilgang.",
        en: "A rule of the policy permits.",
    },
    Text {
        code: "rule_denies",
        nb: "En regel i policyen nekter tilgang.",
        nn: "Ein regel i policyen nektar tilgang.",
        en: "A rule of the policy denies.",
    },
    Text {
        code: "policy_permits",
        nb: "Policyen gir tilgang uten en egen regel.",
        nn: "Policyen gjev tilgang utan ein eigen regel.",
        en: "The policy permits without a rule of its own.",
    },
    Text {
        code: "policy_denies",
        nb: "Policyen nekter det som ingen regel gir.",
        nn: "Policyen nektar det som ingen regel gjev.",
        en: "The policy denies what no rule permits.",
    },
    Text {
        code: "no_rule_applies",
        nb: "Ingen regel i policyen passer.",
        nn: "Ingen regel i policyen passar.",
        en: "No rule of the policy applies.",
    },
    Text {
        code: "policy_indeterminate",
        nb: "Policyen kan ikke avgjøres for denne forespørselen.",
        nn: "Policyen kan ikkje avgjerast for denne førespurnaden.",
        en: "The policy cannot be evaluated for this request.",
    },
    Text {
        code: "single_right_permits",
        nb: "En enkeltrettighet som er gitt systembrukeren, gir tilgang.",
        nn: "Ein enkeltrett som er gjeven systembrukaren, gjev tilgang.",
        en: "A single right that was given to the system user permits.",
    },
    Text {
        code: "access_list_open",
        nb: "Parten står på en tilgangsliste for ressursen.",
        nn: "Parten står på ei tilgangsliste for ressursen.",
        en: "The party is on an access list of the resource.",
    },
    Text {
        code: "access_list_closed",
        nb: "Ressursen krever tilgangsliste, og parten står ikke på noen.",
        nn: "Ressursen krev tilgangsliste, og parten står ikkje på noka.",
        en: "The resource asks for an access list, and the party is on none.",
    },
    Text {
        code: "level_required",
        nb: "Tilgangen krever et sikkerhetsnivå av den som bruker den.",
        nn: "Tilgangen krev eit tryggingsnivå av den som brukar han.",
        en: "The permit asks for an authentication level of whoever uses it.",
    },
];

/// The words of a code.
pub fn text(code: &str) -> Option<&'static Text> {
    TEXTS.iter().find(|text| text.code == code)
}
