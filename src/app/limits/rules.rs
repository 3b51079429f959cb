//! Which limits hold for which route: decided once for each template, when the service starts.

use foundation::{
    http::path::RouteId,
    limits::{ConsumerRate, RequestClass},
};
use http::Method;

/// What holds for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRule {
    /// What kind of work it is.
    pub class: RequestClass,
    /// How often a consumer may ask.
    pub by_consumer: Option<ConsumerRate>,
    /// How often an address or a browser may ask.
    pub by_client: Option<ClientRate>,
    /// What its body is.
    pub body: BodyKind,
}

/// Bodies with limits of their own. Forms have another one, wherever they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON.
    General,
    /// Questions for decisions.
    Decision,
    /// A form with a file.
    Policy,
}

/// A rate that counts before the caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRate {
    /// Begins or ends a login: by address.
    Login,
    /// Needs no credential: by address.
    Anonymous,
    /// A page: by session, or by address without one.
    Page,
}

impl RequestRule {
    /// For what no table of routes is about.
    pub const OTHER: Self = Self {
        class: RequestClass::Read,
        by_consumer: None,
        by_client: None,
        body: BodyKind::General,
    };

    const PROBE: Self = Self {
        class: RequestClass::Probe,
        ..Self::OTHER
    };

    /// A path that is no route.
    const UNKNOWN: Self = Self {
        by_client: Some(ClientRate::Anonymous),
        ..Self::OTHER
    };

    const fn page(rate: Option<ClientRate>) -> Self {
        Self {
            class: RequestClass::Page,
            by_client: rate,
            ..Self::OTHER
        }
    }

    const fn api(class: RequestClass, by_consumer: ConsumerRate) -> Self {
        Self {
            class,
            by_consumer: Some(by_consumer),
            ..Self::OTHER
        }
    }

    /// Whether the answer says what a subject may do. None is given while the database lacks what
    /// was known before.
    pub const fn decides(self) -> bool {
        matches!(
            self.by_consumer,
            Some(ConsumerRate::Decisions | ConsumerRate::ExternalIdLookups)
        )
    }

    const fn with_body(self, body: BodyKind) -> Self {
        Self { body, ..self }
    }
}

/// A route as its limits see it.
#[derive(Debug, Clone, Copy)]
pub struct LimitedRoute<'a> {
    /// Its template.
    pub template: &'a str,
    /// Who may call it.
    pub access: RouteAccess,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAccess {
    /// Callers with a credential.
    Callers,
    /// All callers, also without a credential, at least for one of its methods.
    Public,
    /// People with a browser.
    Browsers,
}

const PROBES: &[&str] = &["/alive", "/health", "/health/ready", "/metrics"];

/// Parts of pages that are the same for all readers and for long.
const FILES: &[&str] = &["/static/", "/favicon.ico", "/icon.svg", "/robots.txt"];

const LOGINS: &[&str] = &[
    "/authentication/api/v1/authentication",
    "/authentication/api/v1/upstream/callback",
];

const DECISIONS: &[&str] = &[
    "/authorization/api/v1/authorize",
    "/authorization/api/v1/decision",
    "/authorization/api/v1/systemuser/authorize",
    "/access/v1/evaluation",
    "/access/v1/evaluations",
];

/// Answered with pages of what decisions come to.
const SEARCHES: &str = "/access/v1/search/";

const EXCHANGE: &[&str] = &[
    "/authentication/api/v1/exchange/{tokenProvider}",
    "/authentication/api/v1/refresh",
];

const EXTERNAL_ID_LOOKUP: &str = "/authentication/api/v1/systemuser/byExternalId";

/// Begins of routes for vendors.
const VENDORS: &[&str] = &[
    "/authentication/api/v1/systemregister/vendor",
    "/authentication/api/v1/systemuser/request/vendor",
    "/authentication/api/v1/systemuser/changerequest/vendor",
    "/authentication/api/v1/systemuser/vendor/",
    "/systembruker/api/v1/events",
    "/systembruker/api/v1/requests:check",
    "/systembruker/api/v1/token:explain",
];

/// In the routes that give clients to agents, or take them away.
const CLIENTS: &str = "/enduser/systemuser/clients";

/// Begin of the routes of the resource registry.
const REGISTRY: &str = "/resourceregistry/";

/// End of the routes that take a policy.
const POLICY: &str = "/resource/{id}/policy";

/// Begins of routes that change nothing, whatever their method.
const READ_BY_POST: &[&str] = &[
    "/register/api/",
    "/accessmanagement/api/v1/resourceowner/authorizedparties",
    "/accessmanagement/api/v1/serviceowner/authorizedparties",
    "/resourceregistry/api/v1/resource/bysubjects",
    "/systembruker/api/v1/requests:check",
    "/systembruker/api/v1/token:explain",
];

fn rule(route: LimitedRoute<'_>, is_safe: bool) -> RequestRule {
    let template = route.template;
    let begins = |list: &[&str]| list.iter().any(|begin| template.starts_with(begin));
    if PROBES.contains(&template) {
        return RequestRule::PROBE;
    }
    if begins(FILES) {
        return RequestRule::page(None);
    }
    if LOGINS.contains(&template) {
        return RequestRule::page(Some(ClientRate::Login));
    }
    if route.access == RouteAccess::Browsers {
        return RequestRule::page(Some(ClientRate::Page));
    }
    if DECISIONS.contains(&template) {
        return RequestRule::api(RequestClass::Decision, ConsumerRate::Decisions)
            .with_body(BodyKind::Decision);
    }
    if template.starts_with(SEARCHES) {
        return RequestRule::api(RequestClass::Read, ConsumerRate::Decisions)
            .with_body(BodyKind::Decision);
    }
    if EXCHANGE.contains(&template) {
        return RequestRule::api(RequestClass::Read, ConsumerRate::Exchange);
    }
    if template == EXTERNAL_ID_LOOKUP {
        return RequestRule::api(RequestClass::Read, ConsumerRate::ExternalIdLookups);
    }
    let class = if is_safe || begins(READ_BY_POST) {
        RequestClass::Read
    } else {
        RequestClass::Write
    };
    if begins(VENDORS) {
        let rate = if class == RequestClass::Write {
            ConsumerRate::VendorWrites
        } else {
            ConsumerRate::VendorReads
        };
        return RequestRule::api(class, rate);
    }
    // A batch of clients counts as so many.
    if template.contains(CLIENTS) && class == RequestClass::Write {
        return RequestRule::api(class, ConsumerRate::VendorWrites);
    }
    // A policy that is uploaded is work for all.
    let by_consumer = (template.starts_with(REGISTRY) && class == RequestClass::Write)
        .then_some(ConsumerRate::VendorWrites);
    let is_anonymous = route.access == RouteAccess::Public && class == RequestClass::Read;
    let body = if template.ends_with(POLICY) {
        BodyKind::Policy
    } else {
        BodyKind::General
    };
    RequestRule {
        class,
        by_consumer,
        by_client: is_anonymous.then_some(ClientRate::Anonymous),
        body,
    }
}

/// The rules of all routes.
#[derive(Debug)]
pub struct RouteRules(Vec<RulesByMethod>);

#[derive(Debug, Clone, Copy)]
struct RulesByMethod {
    safe: RequestRule,
    other: RequestRule,
}

impl RouteRules {
    /// The rules of routes in the order of the table that finds them.
    pub fn new<'a>(routes: impl IntoIterator<Item = LimitedRoute<'a>>) -> Self {
        let rules = routes.into_iter().map(|route| RulesByMethod {
            safe: rule(route, true),
            other: rule(route, false),
        });
        Self(rules.collect())
    }

    /// What holds for a request.
    #[must_use]
    pub fn of(&self, route: Option<RouteId>, method: &Method) -> RequestRule {
        let Some(rules) = route.and_then(|route| self.0.get(route.number())) else {
            return RequestRule::UNKNOWN;
        };
        if method.is_safe() {
            rules.safe
        } else {
            rules.other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(
        "/health/ready",
        RouteAccess::Public,
        RequestClass::Probe,
        RequestClass::Probe
    )]
    #[case(
        "/authorization/api/v1/authorize",
        RouteAccess::Callers,
        RequestClass::Decision,
        RequestClass::Decision
    )]
    #[case(
        "/access/v1/search/subject",
        RouteAccess::Callers,
        RequestClass::Read,
        RequestClass::Read
    )]
    #[case(
        "/register/api/v1/parties/lookup",
        RouteAccess::Callers,
        RequestClass::Read,
        RequestClass::Read
    )]
    #[case(
        "/resourceregistry/api/v1/resource/{id}",
        RouteAccess::Public,
        RequestClass::Read,
        RequestClass::Write
    )]
    #[case(
        "/accessmanagement/ui/help",
        RouteAccess::Browsers,
        RequestClass::Page,
        RequestClass::Page
    )]
    fn a_route_has_a_class_by_its_method(
        #[case] template: &str,
        #[case] access: RouteAccess,
        #[case] safe: RequestClass,
        #[case] other: RequestClass,
    ) {
        let route = LimitedRoute { template, access };
        assert_eq!(
            (rule(route, true).class, rule(route, false).class),
            (safe, other)
        );
    }

    #[rstest::rstest]
    #[case(
        "/authentication/api/v1/systemregister/vendor/{systemId}",
        ConsumerRate::VendorReads,
        ConsumerRate::VendorWrites
    )]
    #[case(
        "/systembruker/api/v1/requests:check",
        ConsumerRate::VendorReads,
        ConsumerRate::VendorReads
    )]
    #[case(
        "/access/v1/search/resource",
        ConsumerRate::Decisions,
        ConsumerRate::Decisions
    )]
    #[case(
        "/access/v1/evaluations",
        ConsumerRate::Decisions,
        ConsumerRate::Decisions
    )]
    fn rates_follow_the_kind_of_call(
        #[case] template: &str,
        #[case] safe: ConsumerRate,
        #[case] other: ConsumerRate,
    ) {
        let route = LimitedRoute {
            template,
            access: RouteAccess::Callers,
        };
        assert_eq!(rule(route, true).by_consumer, Some(safe));
        assert_eq!(rule(route, false).by_consumer, Some(other));
    }

    #[test]
    fn what_is_public_counts_by_address_and_changes_do_not() {
        let route = LimitedRoute {
            template: "/resourceregistry/api/v1/resource/{id}",
            access: RouteAccess::Public,
        };
        assert_eq!(rule(route, true).by_client, Some(ClientRate::Anonymous));
        assert_eq!(rule(route, false).by_client, None);
        assert_eq!(
            RouteRules::new([]).of(None, &Method::GET),
            RequestRule::UNKNOWN
        );
    }
}
