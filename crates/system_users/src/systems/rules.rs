//! What may be registered, and what a request may ask of a system. Pure rules.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::model::{AccessPackage, NewSystem, Right};
use foundation::{
    http::{ProblemCode, ValidationCode, ValidationError},
    ids::{OrgNumber, SystemId},
    loopback::is_loopback,
};
use registers::{packages::Catalogue, resources::ResourceKind};

const RESOURCE: &str = "urn:altinn:resource";
/// Resource types a system may list as rights.
const DELEGABLE_TYPES: [&str; 7] = [
    "Default",
    "Systemresource",
    "AltinnApp",
    "GenericAccessResource",
    "BrokerService",
    "CorrespondenceService",
    "MigratedApp",
];
const LANGUAGES: [&str; 3] = ["en", "nb", "nn"];

/// What the database knows that a new system is held against.
#[derive(Debug, Default)]
pub struct NewSystemFacts {
    /// The system id is taken, perhaps by a deleted system.
    pub id_taken: bool,
    /// Client ids, in lower case, that belong to another live system.
    pub taken_clients: HashSet<String>,
    /// Live resources among those named.
    pub resources: HashMap<String, ResourceKind>,
}

/// Everything wrong with a new system, in the order it is reported.
#[must_use]
pub fn validate_new(
    system: &NewSystem,
    vendor: OrgNumber,
    known: &NewSystemFacts,
    catalogue: &Catalogue,
    plain_http: PlainHttp,
) -> Vec<ValidationError> {
    let mut out = Vec::new();
    if system.id.contains(' ') {
        out.push(ValidationCode::SystemIdSpaces.error());
    }
    if SystemId::new_for(vendor, &system.id).is_err() {
        out.push(ValidationCode::SystemIdFormat.error());
    }
    if system.id.chars().count() > 255 {
        out.push(ValidationCode::TooLong.at("/registersystemrequest/systemid"));
    }
    if known.id_taken {
        out.push(ValidationCode::SystemIdExists.error());
    }
    if system
        .redirect_urls
        .iter()
        .any(|url| canonical_redirect_url(url, plain_http).is_none())
    {
        out.push(ValidationCode::RedirectUrlFormat.error());
    }
    let clients: Vec<String> = system
        .client_ids
        .iter()
        .map(|c| c.to_lowercase())
        .filter(|c| !c.trim().is_empty())
        .collect();
    if clients.iter().collect::<HashSet<_>>().len() < clients.len() {
        out.push(ValidationCode::DuplicateClientId.error());
    }
    if clients.iter().any(|c| known.taken_clients.contains(c)) {
        out.push(ValidationCode::ClientIdTaken.error());
    }
    out.extend(validate_rights(&system.rights, &known.resources));
    out.extend(validate_packages(
        &system.access_packages,
        system.is_visible,
        catalogue,
    ));
    out.extend(missing_texts(system));
    out
}

/// Everything wrong with what shall replace a system, in the order it is reported.
#[must_use]
pub fn validate_replacement(
    system: &NewSystem,
    known: &NewSystemFacts,
    catalogue: &Catalogue,
) -> Vec<ValidationError> {
    let mut out = Vec::new();
    // Looser than for a new system: vendors try things out on their own machines.
    if system
        .redirect_urls
        .iter()
        .any(|url| canonical_redirect_url(url, PlainHttp::Accepted).is_none())
    {
        out.push(ValidationCode::RedirectUrlFormat.error());
    }
    out.extend(validate_rights(&system.rights, &known.resources));
    out.extend(validate_packages(
        &system.access_packages,
        system.is_visible,
        catalogue,
    ));
    let clients: Vec<String> = system
        .client_ids
        .iter()
        .map(|c| c.to_lowercase())
        .filter(|c| !c.trim().is_empty())
        .collect();
    let distinct: HashSet<&String> = clients.iter().collect();
    if distinct.len() < clients.len() {
        out.push(ValidationCode::DuplicateClientId.error());
    }
    out.extend(
        distinct
            .iter()
            .filter(|c| known.taken_clients.contains(**c))
            .map(|_| ValidationCode::ClientIdTaken.error()),
    );
    out.extend(missing_texts(system));
    out
}

fn missing_texts(system: &NewSystem) -> Vec<ValidationError> {
    let mut out = Vec::new();
    for (member, texts) in [("name", &system.name), ("description", &system.description)] {
        for language in LANGUAGES.iter().filter(|l| !texts.contains_key(**l)) {
            out.push(
                ValidationCode::Required.at(&format!("/registersystemrequest/{member}/{language}")),
            );
        }
    }
    out
}

/// Findings on the rights of a system.
#[must_use]
pub fn validate_rights(
    rights: &[Right],
    known: &HashMap<String, ResourceKind>,
) -> Vec<ValidationError> {
    let (mut wrong_id, mut not_found, mut not_delegable) = (Vec::new(), Vec::new(), Vec::new());
    for pair in rights.iter().flat_map(|r| &r.resource) {
        match known.get(&pair.value) {
            _ if pair.id != RESOURCE => wrong_id.push(pair.value.as_str()),
            None => not_found.push(pair.value.as_str()),
            Some(kind) if !DELEGABLE_TYPES.contains(&kind.resource_type.as_str()) => {
                not_delegable.push(pair.value.as_str());
            }
            Some(_) => {}
        }
    }
    let mut out = Vec::new();
    for (values, code, member) in [
        (
            wrong_id,
            ValidationCode::ResourceIdFormat,
            "Invalid Resource Id Details : ",
        ),
        (
            not_found,
            ValidationCode::ResourceNotFound,
            "ResourceIds Not Found : ",
        ),
        (
            not_delegable,
            ValidationCode::ResourceNotDelegable,
            "ResourceIds Not Delegable : ",
        ),
    ] {
        if !values.is_empty() {
            out.push(code.error().with(member, values.join(" | ")));
        }
    }
    let same = |a: &Right, b: &Right| {
        a.action.as_deref().unwrap_or_default() == b.action.as_deref().unwrap_or_default()
            && a.resource == b.resource
    };
    if rights
        .iter()
        .enumerate()
        .any(|(i, a)| rights[..i].iter().any(|b| same(a, b)))
    {
        out.push(ValidationCode::DuplicateRight.error());
    }
    if rights.iter().any(|r| r.resource.is_empty()) {
        out.push(ValidationCode::Required.at("/registersystemrequest/rights/resource"));
    }
    out
}

/// Findings on the packages of a system.
#[must_use]
pub fn validate_packages(
    packages: &[AccessPackage],
    is_visible: bool,
    catalogue: &Catalogue,
) -> Vec<ValidationError> {
    let (mut invalid, mut not_found, mut not_delegable, mut for_clients) =
        (Vec::new(), Vec::new(), Vec::new(), false);
    for package in packages {
        let urn = package.urn.as_str();
        if urn.split(':').count() < 4 {
            invalid.push(urn);
            continue;
        }
        match catalogue.package_by_urn(urn) {
            None => not_found.push(urn),
            Some(known) if !known.is_delegable && !known.is_assignable => not_delegable.push(urn),
            Some(known) => for_clients |= !known.is_assignable,
        }
    }
    let mut out = Vec::new();
    let groups: Vec<String> = [
        ("Invalid format", invalid),
        ("Not found", not_found),
        ("Not possible to delegate", not_delegable),
    ]
    .into_iter()
    .filter(|(_, urns)| !urns.is_empty())
    .map(|(group, urns)| format!("{group}: {}", urns.join(", ")))
    .collect();
    if !groups.is_empty() {
        out.push(
            ValidationCode::PackageInvalid
                .error()
                .with("Invalid Urn Details : ", groups.join(" | ")),
        );
    }
    let distinct: HashSet<String> = packages
        .iter()
        .map(|p| p.urn.to_ascii_lowercase())
        .collect();
    if distinct.len() < packages.len() {
        out.push(ValidationCode::DuplicatePackage.error());
    }
    if is_visible && for_clients {
        out.push(ValidationCode::ClientPackageOnVisibleSystem.error());
    }
    out
}

/// Which redirect URLs may have the scheme `http`. Those with `https` are always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// None.
    Refused,
    /// Those of this machine, where vendors try things out.
    Loopback,
    /// All. A browser is sent to none of them but those of this machine, outside production.
    Accepted,
}

impl PlainHttp {
    fn allows(self, url: &Url) -> bool {
        match self {
            Self::Refused => false,
            Self::Loopback => is_loopback(url),
            Self::Accepted => true,
        }
    }
}

/// The form a redirect URL is stored in: scheme and host in lower case, default port dropped, empty
/// path `/`. None when it is not absolute or has another scheme than is accepted.
#[must_use]
pub fn canonical_redirect_url(text: &str, plain_http: PlainHttp) -> Option<String> {
    let text = text.trim();
    let (_, rest) = text.split_once("://")?;
    if rest.is_empty() {
        return None;
    }
    let url = Url::parse(text).ok().filter(Url::has_host)?;
    let is_accepted = match url.scheme() {
        "https" => true,
        "http" => plain_http.allows(&url),
        _ => false,
    };
    is_accepted.then(|| url.to_string())
}

/// Whether a redirect URL of a request is one of the system's: equal up to and including the path,
/// whatever query and fragment either has.
///
/// # Errors
/// The system has none, or none matches.
pub fn check_redirect_url(given: Option<&str>, allowed: &[String]) -> Result<(), ProblemCode> {
    let Some(given) = given.filter(|g| !g.is_empty()) else {
        return Ok(());
    };
    if allowed.is_empty() {
        return Err(ProblemCode::NoRedirectUrls);
    }
    let wanted = left_part(given).ok_or(ProblemCode::RedirectUrlNotValid)?;
    if allowed
        .iter()
        .any(|a| left_part(a).as_ref() == Some(&wanted))
    {
        Ok(())
    } else {
        Err(ProblemCode::RedirectUrlNotValid)
    }
}

/// Scheme, host, port and path. None for what a browser could read in two ways.
fn left_part(text: &str) -> Option<(String, String, Option<u16>, String)> {
    if text.contains('\\')
        || text.chars().any(|c| c.is_control() || c.is_whitespace())
        || !text.contains("://")
    {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if !url.username().is_empty()
        || url.password().is_some()
        || text
            .split_once("://")?
            .1
            .split(['/', '?', '#'])
            .next()?
            .contains('@')
    {
        return None;
    }
    Some((
        url.scheme().to_owned(),
        url.host_str()?.to_owned(),
        url.port(),
        url.path().to_owned(),
    ))
}

/// Whether the rights asked for are among the system's.
///
/// # Errors
/// They are not.
pub fn check_rights_subset(wanted: &[Right], of_system: &[Right]) -> Result<(), ProblemCode> {
    let listed = |right: &Right| {
        !right.resource.is_empty()
            && of_system.iter().any(|s| {
                s.resource.len() == right.resource.len()
                    && right.resource.iter().all(|p| s.resource.contains(p))
            })
    };
    if wanted.len() <= of_system.len() && wanted.iter().all(listed) {
        Ok(())
    } else {
        Err(ProblemCode::RightsNotFoundOrNotDelegable)
    }
}

/// Who a package is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageAudience {
    /// The customer's own use.
    Own,
    /// The customer's clients.
    Clients,
}

/// Whether the packages asked for are among the system's, and meant for this use.
///
/// # Errors
/// They are not; the error contains the URNs.
pub fn check_packages_subset(
    wanted: &[AccessPackage],
    of_system: &[AccessPackage],
    audience: PackageAudience,
    catalogue: &Catalogue,
) -> Result<(), foundation::http::Problem> {
    if wanted.len() > of_system.len() {
        return Err(ProblemCode::PackageNotInSystem.into());
    }
    let (mut missing, mut unfit) = (Vec::new(), Vec::new());
    for package in wanted {
        if !of_system.iter().any(|listed| listed.is(&package.urn)) {
            missing.push(package.urn.as_str());
            continue;
        }
        let fits = catalogue
            .package_by_urn(&package.urn)
            .is_some_and(|p| match audience {
                PackageAudience::Own => p.is_assignable,
                PackageAudience::Clients => p.is_delegable,
            });
        if !fits {
            unfit.push(package.urn.as_str());
        }
    }
    if !missing.is_empty() {
        return Err(ProblemCode::PackageNotInSystem.with("NotFoundPackages", missing.join(", ")));
    }
    let code = match audience {
        PackageAudience::Own => ProblemCode::PackageNotAssignable,
        PackageAudience::Clients => ProblemCode::PackageNotForClients,
    };
    if unfit.is_empty() {
        Ok(())
    } else {
        Err(code.with("NotDelegablePackages", unfit.join(", ")))
    }
}

/// The rights with apps named in the older way: `app_{org}_{app}` becomes two pairs. What cannot be
/// split vanishes.
#[must_use]
pub fn with_old_app_names(rights: &[Right]) -> Vec<Right> {
    use super::model::AttributePair;
    rights
        .iter()
        .map(|right| {
            let mut resource = Vec::new();
            for pair in right.resource.iter().filter(|p| p.id == RESOURCE) {
                if !pair.value.starts_with("app_") {
                    resource.push(pair.clone());
                    continue;
                }
                if let [_, org, app] = pair.value.splitn(3, '_').collect::<Vec<_>>()[..] {
                    resource.push(AttributePair {
                        id: "urn:altinn:org".to_owned(),
                        value: org.to_owned(),
                    });
                    resource.push(AttributePair {
                        id: "urn:altinn:app".to_owned(),
                        value: app.to_owned(),
                    });
                }
            }
            Right {
                action: right.action.clone(),
                resource,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::systems::AttributePair;

    fn right(values: &[&str]) -> Right {
        Right {
            action: None,
            resource: values
                .iter()
                .map(|v| AttributePair {
                    id: RESOURCE.into(),
                    value: (*v).into(),
                })
                .collect(),
        }
    }

    #[rstest]
    #[case("https://ok.example/x", Ok(()))]
    #[case("HTTPS://OK.example:443/x?ref=7#f", Ok(()))]
    #[case("", Ok(()))]
    #[case("https://ok.example/x/", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("https://ok.example/X", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("https://ok.example:8443/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("http://ok.example/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case(
        "https://ok.example@evil.example/x",
        Err(ProblemCode::RedirectUrlNotValid)
    )]
    #[case("https://@ok.example/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("https://ok.example.evil/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("https://evil\\@ok.example/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("//ok.example/x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("javascript:alert(1)", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("https://ok.example/ x", Err(ProblemCode::RedirectUrlNotValid))]
    #[case("kvittering", Err(ProblemCode::RedirectUrlNotValid))]
    fn redirect_urls_match_up_to_the_path(
        #[case] given: &str,
        #[case] expected: Result<(), ProblemCode>,
    ) {
        assert_eq!(
            check_redirect_url(Some(given), &["https://ok.example/x?y=1".to_owned()]),
            expected
        );
    }

    #[test]
    fn a_system_without_redirect_urls_takes_none() {
        assert_eq!(
            check_redirect_url(Some("https://a.example/"), &[]),
            Err(ProblemCode::NoRedirectUrls)
        );
        assert_eq!(check_redirect_url(None, &[]), Ok(()));
    }

    #[test]
    fn canonical_form() {
        assert_eq!(
            canonical_redirect_url("https://Altinn.example", PlainHttp::Refused).as_deref(),
            Some("https://altinn.example/")
        );
        assert_eq!(
            canonical_redirect_url("https://localhost:8081/a?b#c", PlainHttp::Refused).as_deref(),
            Some("https://localhost:8081/a?b#c")
        );
        for bad in [
            "http://a.example",
            "a.example",
            "",
            "https://",
            "custom://x",
            "https:a",
        ] {
            assert_eq!(
                canonical_redirect_url(bad, PlainHttp::Refused),
                None,
                "{bad}"
            );
        }
    }

    #[test]
    fn plain_http_to_this_machine_is_accepted_where_it_may_be() {
        for url in [
            "http://localhost:8081/x",
            "HTTP://127.0.0.1/",
            "http://[::1]:3000/a?b",
        ] {
            assert!(
                canonical_redirect_url(url, PlainHttp::Loopback).is_some(),
                "{url}"
            );
            assert_eq!(
                canonical_redirect_url(url, PlainHttp::Refused),
                None,
                "{url}"
            );
        }
        for url in [
            "http://a.example/",
            "http://localhost.example/",
            "http://128.0.0.1/",
            "ftp://localhost/",
        ] {
            assert_eq!(
                canonical_redirect_url(url, PlainHttp::Loopback),
                None,
                "{url}"
            );
        }
    }

    #[test]
    fn sub_resources_must_match_pair_for_pair() {
        let system = [right(&["a"]), right(&["b", "c"])];
        assert!(check_rights_subset(&[right(&["a"])], &system).is_ok());
        assert!(check_rights_subset(&[right(&["c", "b"])], &system).is_ok());
        for wanted in [
            vec![right(&["b"])],
            vec![right(&[])],
            vec![right(&["a"]); 3],
        ] {
            assert!(check_rights_subset(&wanted, &system).is_err());
        }
    }

    #[test]
    fn apps_are_split_in_three() {
        let old = with_old_app_names(&[
            right(&["app_ttd_a_b"]),
            right(&["app_x"]),
            right(&["plain"]),
        ]);
        assert_eq!(old[0].resource[1].value, "a_b");
        assert!(old[1].resource.is_empty());
        assert_eq!(old[2].resource[0].value, "plain");
    }

    proptest::proptest! {
        #[test]
        fn what_matches_names_the_same_host(given in "https://[a-z@:.\\\\/ ]{0,30}") {
            let allowed = ["https://ok.example/".to_owned()];
            if check_redirect_url(Some(&given), &allowed).is_ok() {
                let parsed = Url::parse(&given).unwrap();
                proptest::prop_assert_eq!(parsed.host_str(), Some("ok.example"));
            }
        }
    }
}
