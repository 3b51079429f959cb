//! Which calls leave a row in the audit trail although they changed nothing: refused and failed
//! writes of what decides who may act for whom, refused log-ins, exchanged tokens, look-ups, and
//! requests that a person was shown.

use std::borrow::Cow;

use axum::response::Response;
use foundation::{
    audit::{Action, ActorKind, Attempt, Attempts, ObjectKind, Outcome},
    http::context::{self, RefusalCause, RequestContext},
};
use http::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;

/// Where a call names the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObjectParameter {
    /// In a parameter of the path.
    Path(&'static str),
    /// In a parameter of the query.
    Query(&'static str),
    /// In the body, or nowhere.
    No,
}

/// Which answers of a route leave a row of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordedAnswers {
    /// Refusals and failures; what was done has its row in the transaction that did it.
    Refusals,
    /// Every answer: nothing is stored when it succeeds.
    All,
    /// Answers that show something.
    Successes,
    /// Refusals and failures, and a sample of the others.
    RefusalsAndSample,
}

/// What a call of a route attempts.
#[derive(Debug, Clone, Copy)]
struct AttemptRoute {
    method: &'static str,
    template: &'static str,
    action: Action,
    object_kind: ObjectKind,
    named: ObjectParameter,
    /// Who calls it, when the credential does not say.
    actor: ActorKind,
    which: RecordedAnswers,
}

impl AttemptRoute {
    const fn writes(
        method: &'static str,
        template: &'static str,
        action: Action,
        object_kind: ObjectKind,
        named: ObjectParameter,
        actor: ActorKind,
    ) -> Self {
        Self {
            method,
            template,
            action,
            object_kind,
            named,
            actor,
            which: RecordedAnswers::Refusals,
        }
    }

    /// A person of the customer is shown a request.
    const fn shows(
        template: &'static str,
        action: Action,
        kind: ObjectKind,
        named: ObjectParameter,
    ) -> Self {
        Self {
            which: RecordedAnswers::Successes,
            ..Self::writes("GET", template, action, kind, named, ActorKind::Person)
        }
    }

    /// The value of each parameter of the path, when the path is one of this route.
    fn parameters<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let mut parameters = Vec::new();
        let mut segments = path.split('/');
        for expected in self.template.split('/') {
            let given = segments.next()?;
            match expected
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            {
                Some(name) => parameters.push((name, given)),
                None if expected == given => {}
                None => return None,
            }
        }
        segments.next().is_none().then_some(parameters)
    }
}

macro_rules! routes {
    ($($method:ident $template:literal: $action:ident, $kind:ident $(at $source:ident $name:literal)?, $actor:ident;)*) => {
        &[$(AttemptRoute::writes(
            stringify!($method),
            $template,
            Action::$action,
            ObjectKind::$kind,
            routes!(@named $($source $name)?),
            ActorKind::$actor,
        )),*]
    };
    (@named) => { ObjectParameter::No };
    (@named path $name:literal) => { ObjectParameter::Path($name) };
    (@named query $name:literal) => { ObjectParameter::Query($name) };
}

/// Every route that changes who may act for whom, or what a decision rests on.
const WRITES: &[AttemptRoute] = routes! {
    POST "/authentication/api/v1/systemregister/vendor": SystemCreated, System, Vendor;
    PUT "/authentication/api/v1/systemregister/vendor/{systemId}": SystemUpdated, System at path "systemId", Vendor;
    PUT "/authentication/api/v1/systemregister/vendor/{systemId}/rights": SystemRightsChanged, System at path "systemId", Vendor;
    PUT "/authentication/api/v1/systemregister/vendor/{systemId}/accesspackages": SystemPackagesChanged, System at path "systemId", Vendor;
    DELETE "/authentication/api/v1/systemregister/vendor/{systemId}": SystemDeleted, System at path "systemId", Vendor;

    POST "/authentication/api/v1/systemuser/request/vendor": RequestCreated, Request, Vendor;
    POST "/authentication/api/v1/systemuser/request/vendor/agent": RequestCreated, Request, Vendor;
    DELETE "/authentication/api/v1/systemuser/request/vendor/{requestId}": RequestDeleted, Request at path "requestId", Vendor;
    POST "/authentication/api/v1/systemuser/changerequest/vendor": ChangeRequestCreated, ChangeRequest at query "correlation-id", Vendor;
    DELETE "/authentication/api/v1/systemuser/changerequest/vendor/{requestId}": ChangeRequestDeleted, ChangeRequest at path "requestId", Vendor;

    POST "/authentication/api/v1/systemuser/request/{party}/{requestId}/approve": RequestApproved, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/request/{party}/{requestId}/reject": RequestRejected, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/request/{party}/{requestId}/escalate": RequestEscalated, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/approve": RequestApproved, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/reject": RequestRejected, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}/escalate": RequestEscalated, Request at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}/approve": ChangeRequestApproved, ChangeRequest at path "requestId", Person;
    POST "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}/reject": ChangeRequestRejected, ChangeRequest at path "requestId", Person;
    POST "/accessmanagement/api/v1/systemuser/request/{party}/{id}/approve": RequestApproved, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/request/{party}/{id}/reject": RequestRejected, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/request/{party}/{id}/escalate": RequestEscalated, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/approve": RequestApproved, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/reject": RequestRejected, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/agentrequest/{party}/{id}/escalate": RequestEscalated, Request at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/changerequest/{party}/{id}/approve": ChangeRequestApproved, ChangeRequest at path "id", Person;
    POST "/accessmanagement/api/v1/systemuser/changerequest/{party}/{id}/reject": ChangeRequestRejected, ChangeRequest at path "id", Person;
    // Pages; the form says which decision was attempted.
    POST "/accessmanagement/ui/systemuser/request/{id}": RequestApproved, Request at path "id", Person;
    POST "/accessmanagement/ui/systemuser/agentrequest/{id}": RequestApproved, Request at path "id", Person;
    POST "/accessmanagement/ui/systemuser/changerequest/{id}": ChangeRequestApproved, ChangeRequest at path "id", Person;

    POST "/authentication/api/v1/systemuser/{party}/create": SystemUserCreated, SystemUser, Person;
    PUT "/authentication/api/v1/systemuser": SystemUserUpdated, SystemUser, Person;
    DELETE "/authentication/api/v1/systemuser/{party}/{systemUserId}": SystemUserDeleted, SystemUser at path "systemUserId", Person;
    DELETE "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}": SystemUserDeleted, SystemUser at path "systemUserId", Person;
    POST "/accessmanagement/api/v1/systemuser/{party}": SystemUserCreated, SystemUser, Person;
    DELETE "/accessmanagement/api/v1/systemuser/{party}/{id}": SystemUserDeleted, SystemUser at path "id", Person;
    DELETE "/accessmanagement/api/v1/systemuser/agent/{party}/{id}": SystemUserDeleted, SystemUser at path "id", Person;

    POST "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self": DelegationGranted, SystemUser at path "systemUserId", Person;
    DELETE "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/self": DelegationRevoked, SystemUser at path "systemUserId", Person;
    POST "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self": DelegationGranted, SystemUser at path "id", Person;
    DELETE "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/self": DelegationRevoked, SystemUser at path "id", Person;

    POST "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}": ClientAdded, SystemUser at path "systemUserId", Person;
    POST "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/delegation": ClientAdded, SystemUser at path "systemUserId", Person;
    DELETE "/authentication/api/v1/systemuser/agent/{party}/{systemUserId}/client": ClientRemoved, SystemUser at path "systemUserId", Person;
    DELETE "/authentication/api/v1/systemuser/agent/{party}/delegation/{delegationId}": ClientRemoved, ClientDelegation at path "delegationId", Person;
    POST "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation": ClientAdded, SystemUser at path "id", Person;
    DELETE "/accessmanagement/api/v1/systemuser/agentdelegation/{party}/{id}/delegation/{delegationId}": ClientRemoved, ClientDelegation at path "delegationId", Person;
    POST "/authentication/api/v1/enduser/systemuser/clients": ClientAdded, SystemUser at query "agent", Person;
    DELETE "/authentication/api/v1/enduser/systemuser/clients": ClientRemoved, SystemUser at query "agent", Person;
    POST "/systembruker/api/v1/enduser/systemuser/clients:batch": ClientAdded, SystemUser at query "agent", Person;

    POST "/accessmanagement/api/v1/enduser/clientdelegations/agents": AgentAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/agents": AgentRemoved, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/agents/clients": ClientRemoved, Party at query "to", Person;
    POST "/accessmanagement/api/v1/enduser/clientdelegations/agents/accesspackages": ClientAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/agents/accesspackages": ClientRemoved, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/my/clients/accesspackages": ClientRemoved, Party at query "from", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/my/clients": ClientRemoved, Party at query "from", Person;
    DELETE "/accessmanagement/api/v1/enduser/clientdelegations/my/clientproviders": AgentRemoved, Party at query "provider", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/agents": AgentAdded, Party at query "agent", Person;
    DELETE "/accessmanagement/api/v2/enduser/clientdelegations/agents": AgentRemoved, Party at query "agent", Person;
    DELETE "/accessmanagement/api/v2/enduser/clientdelegations/agents/clients": ClientRemoved, Party at query "agent", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/agents/accesspackages": ClientAdded, Party at query "agent", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/agents/accesspackages/delete": ClientRemoved, Party at query "agent", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/agents/resources": ClientAdded, Party at query "agent", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/agents/resources/delete": ClientRemoved, Party at query "agent", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/my/clients/accesspackages/delete": ClientRemoved, Party at query "client", Person;
    POST "/accessmanagement/api/v2/enduser/clientdelegations/my/clients/resources/delete": ClientRemoved, Party at query "client", Person;
    DELETE "/accessmanagement/api/v2/enduser/clientdelegations/my/clients": ClientRemoved, Party at query "client", Person;
    DELETE "/accessmanagement/api/v2/enduser/clientdelegations/my/clientproviders": AgentRemoved, Party at query "provider", Person;

    POST "/accessmanagement/api/v1/enduser/connections": RightholderAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/connections": RightholderRemoved, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/connections/roles": DelegationRevoked, Party at query "to", Person;
    POST "/accessmanagement/api/v1/enduser/connections/accesspackages": DelegationGranted, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/connections/accesspackages": DelegationRevoked, Party at query "to", Person;
    POST "/accessmanagement/api/v1/enduser/connections/resources/rights": DelegationGranted, Party at query "to", Person;
    PUT "/accessmanagement/api/v1/enduser/connections/resources/rights": DelegationGranted, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/enduser/connections/resources": DelegationRevoked, Party at query "to", Person;

    POST "/accessmanagement/api/v1/clientdelegations/agents": AgentAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/agents": AgentRemoved, Party at query "to", Person;
    POST "/accessmanagement/api/v1/clientdelegations/agents/accesspackages": ClientAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/agents/accesspackages": ClientRemoved, Party at query "to", Person;
    POST "/accessmanagement/api/v1/clientdelegations/agents/resources": ClientAdded, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/agents/resources": ClientRemoved, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/my/clients": ClientRemoved, Party at query "from", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/my/clients/resources": ClientRemoved, Party at query "from", Person;
    DELETE "/accessmanagement/api/v1/clientdelegations/my/clientproviders": AgentRemoved, Party at query "provider", Person;
    POST "/accessmanagement/api/v1/connection/reportee/{partyUuid}/rightholder": RightholderAdded, Party at query "rightholderPartyUuid", Person;
    DELETE "/accessmanagement/api/v1/connection/reportee": RightholderRemoved, Party at query "to", Person;
    POST "/accessmanagement/api/v1/accesspackage/delegations": DelegationGranted, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/accesspackage/delegations": DelegationRevoked, Party at query "to", Person;
    POST "/accessmanagement/api/v1/singleright/delegate": DelegationGranted, Party at query "to", Person;
    PUT "/accessmanagement/api/v1/singleright/update": DelegationGranted, Party at query "to", Person;
    DELETE "/accessmanagement/api/v1/singleright/revoke": DelegationRevoked, Party at query "to", Person;

    POST "/resourceregistry/api/v1/resource": ResourceChanged, Resource, ServiceOwner;
    PUT "/resourceregistry/api/v1/resource/{id}": ResourceChanged, Resource at path "id", ServiceOwner;
    DELETE "/resourceregistry/api/v1/resource/{id}": ResourceChanged, Resource at path "id", ServiceOwner;
    POST "/resourceregistry/api/v1/resource/{id}/policy": PolicyUploaded, Resource at path "id", ServiceOwner;
    PUT "/resourceregistry/api/v1/resource/{id}/policy": PolicyUploaded, Resource at path "id", ServiceOwner;

    PUT "/resourceregistry/api/v1/access-lists/{owner}/{identifier}": AccessListUpdated, AccessList at path "identifier", ServiceOwner;
    PATCH "/resourceregistry/api/v1/access-lists/{owner}/{identifier}": AccessListUpdated, AccessList at path "identifier", ServiceOwner;
    DELETE "/resourceregistry/api/v1/access-lists/{owner}/{identifier}": AccessListDeleted, AccessList at path "identifier", ServiceOwner;
    PUT "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/members": AccessListMembersChanged, AccessList at path "identifier", ServiceOwner;
    POST "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/members": AccessListMembersChanged, AccessList at path "identifier", ServiceOwner;
    DELETE "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/members": AccessListMembersChanged, AccessList at path "identifier", ServiceOwner;
    PUT "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/resource-connections/{resourceIdentifier}": AccessListConnectionChanged, AccessList at path "identifier", ServiceOwner;
    DELETE "/resourceregistry/api/v1/access-lists/{owner}/{identifier}/resource-connections/{resourceIdentifier}": AccessListConnectionChanged, AccessList at path "identifier", ServiceOwner;
};

const fn shows_request(template: &'static str, named: ObjectParameter) -> AttemptRoute {
    AttemptRoute::shows(
        template,
        Action::RequestReadByParty,
        ObjectKind::Request,
        named,
    )
}

const fn shows_change_request(template: &'static str, named: ObjectParameter) -> AttemptRoute {
    AttemptRoute::shows(
        template,
        Action::ChangeRequestReadByParty,
        ObjectKind::ChangeRequest,
        named,
    )
}

/// Reads that leave rows: what they answer is worth as much as a change, or shows what a person
/// knew before deciding.
const READS: &[AttemptRoute] = &[
    shows_request(
        "/authentication/api/v1/systemuser/request/{party}/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_request(
        "/authentication/api/v1/systemuser/request/agent/{party}/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_request(
        "/authentication/api/v1/systemuser/request/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_request(
        "/authentication/api/v1/systemuser/request/agent/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_request(
        "/accessmanagement/api/v1/systemuser/request/{id}",
        ObjectParameter::Path("id"),
    ),
    shows_request(
        "/accessmanagement/api/v1/systemuser/agentrequest/{id}",
        ObjectParameter::Path("id"),
    ),
    shows_request(
        "/accessmanagement/ui/systemuser/request",
        ObjectParameter::Query("id"),
    ),
    shows_request(
        "/accessmanagement/ui/systemuser/agentrequest",
        ObjectParameter::Query("id"),
    ),
    shows_change_request(
        "/authentication/api/v1/systemuser/changerequest/{party}/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_change_request(
        "/authentication/api/v1/systemuser/changerequest/{requestId}",
        ObjectParameter::Path("requestId"),
    ),
    shows_change_request(
        "/accessmanagement/api/v1/systemuser/changerequest/{id}",
        ObjectParameter::Path("id"),
    ),
    shows_change_request(
        "/accessmanagement/ui/systemuser/changerequest",
        ObjectParameter::Query("id"),
    ),
    AttemptRoute {
        which: RecordedAnswers::All,
        ..AttemptRoute::writes(
            "GET",
            "/authentication/api/v1/exchange/{tokenProvider}",
            Action::TokenExchanged,
            ObjectKind::Token,
            ObjectParameter::Path("tokenProvider"),
            ActorKind::Vendor,
        )
    },
    AttemptRoute {
        which: RecordedAnswers::All,
        ..AttemptRoute::writes(
            "GET",
            "/authentication/api/v1/refresh",
            Action::TokenRefreshed,
            ObjectKind::Token,
            ObjectParameter::No,
            ActorKind::Person,
        )
    },
    AttemptRoute::writes(
        "GET",
        "/authentication/api/v1/upstream/callback",
        Action::LoginFailed,
        ObjectKind::Login,
        ObjectParameter::No,
        ActorKind::Person,
    ),
    AttemptRoute {
        which: RecordedAnswers::RefusalsAndSample,
        ..AttemptRoute::writes(
            "GET",
            "/authentication/api/v1/systemuser/byExternalId",
            Action::LookupByExternalId,
            ObjectKind::SystemUser,
            ObjectParameter::No,
            ActorKind::Platform,
        )
    },
];

/// Whether refused calls of a route leave a row in the audit trail.
#[must_use]
pub fn leaves_rows(method: &Method, template: &str) -> bool {
    WRITES
        .iter()
        .chain(READS)
        .any(|route| route.method == method.as_str() && route.template == template)
}

/// Parameters of queries that name the party for which the caller acts.
const PARTIES_OF_QUERIES: [&str; 3] = ["party", "provider", "facilitator"];

/// A call that may leave a row.
#[derive(Debug)]
pub struct AttemptCall {
    method: Method,
    uri: Uri,
}

impl AttemptCall {
    /// A call, before it is answered. Only its method and address are kept.
    #[must_use]
    pub fn of(request: &axum::extract::Request) -> Option<Self> {
        let path = request.uri().path();
        let is_candidate = if request.method().is_safe() {
            path.starts_with("/authentication/api/v1/") || path.starts_with("/accessmanagement/")
        } else {
            // Questions for decisions change nothing, and come by the thousand each second.
            !path.starts_with("/authorization/") && !path.starts_with("/access/")
        };
        is_candidate.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
        })
    }

    fn route(&self) -> Option<(AttemptRoute, Vec<(&'static str, &str)>)> {
        let path = self.uri.path();
        let of = |routes: &'static [AttemptRoute]| {
            routes
                .iter()
                .filter(|route| route.method == self.method.as_str())
                .find_map(|route| Some((*route, route.parameters(path)?)))
        };
        let has_party = |parameters: &[(&str, &str)]| {
            let mut parties = parameters.iter().filter(|(name, _)| *name == "party");
            parties.all(|(_, value)| value.bytes().all(|b| b.is_ascii_digit()))
        };
        if self.method.is_safe() {
            // The paths of vendors' reads have a word where those of persons have a party.
            of(READS).filter(|(_, parameters)| has_party(parameters))
        } else {
            of(WRITES)
        }
    }

    /// Records the outcome of the attempt from the answer. Called within the context of the
    /// request.
    pub fn note(&self, attempts: &Attempts, response: &Response) {
        let status = response.status();
        let is_refused = status.is_client_error() || status.is_server_error();
        let Some(context) = context::current() else {
            return;
        };
        let refusals = context.take_refusals();
        if !is_refused && refusals.is_empty() && !self.method.is_safe() {
            return;
        }
        let Some((route, parameters)) = self.route() else {
            return;
        };
        let leaves_row = match route.which {
            RecordedAnswers::All | RecordedAnswers::RefusalsAndSample => true,
            RecordedAnswers::Refusals => is_refused || !refusals.is_empty(),
            RecordedAnswers::Successes => status.is_success(),
        };
        if !leaves_row {
            return;
        }
        let parameter = |name: &str| {
            parameters
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| decoded(value))
        };
        let object_id = match route.named {
            ObjectParameter::Path(name) => parameter(name),
            ObjectParameter::Query(name) => self.query(name),
            ObjectParameter::No => None,
        };
        let attempt = Attempt {
            action: response
                .extensions()
                .get::<Action>()
                .copied()
                .unwrap_or(route.action),
            object_kind: route.object_kind,
            object_id: object_id.unwrap_or_default().into_owned(),
            party: parameter("party")
                .or_else(|| PARTIES_OF_QUERIES.iter().find_map(|name| self.query(name)))
                .map(Cow::into_owned),
            outcome: Outcome::Ok,
            code: String::new(),
            usual_actor: route.actor,
        };
        if refusals.iter().any(|refusal| refusal.object_id.is_some()) {
            note_each(attempts, &attempt, refusals, &context);
        } else if is_refused {
            let first = refusals.into_iter().next();
            attempts.note(refused(attempt, status, first), &context);
        } else {
            match route.which {
                RecordedAnswers::All | RecordedAnswers::Successes => {
                    attempts.note(attempt, &context);
                }
                RecordedAnswers::RefusalsAndSample => attempts.note_sample(attempt, &context),
                RecordedAnswers::Refusals => {}
            }
        }
    }

    fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        url::form_urlencoded::parse(self.uri.query()?.as_bytes())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn refused(attempt: Attempt, status: StatusCode, refusal: Option<RefusalCause>) -> Attempt {
    let is_denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        || refusal.as_ref().is_some_and(|refusal| refusal.is_denial);
    Attempt {
        outcome: if is_denied {
            Outcome::Denied
        } else {
            Outcome::Failed
        },
        code: refusal.map_or_else(|| status.as_str().to_owned(), |refusal| refusal.code),
        ..attempt
    }
}

/// A call about several things, of which some are refused.
fn note_each(
    attempts: &Attempts,
    attempt: &Attempt,
    refusals: Vec<RefusalCause>,
    context: &RequestContext,
) {
    for refusal in refusals {
        let object_id = refusal.object_id.clone();
        let mut attempt = refused(attempt.clone(), StatusCode::OK, Some(refusal));
        if let Some(object_id) = object_id {
            attempt.object_id = object_id;
        }
        attempts.note(attempt, context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_of(
        method: Method,
        uri: &'static str,
    ) -> Option<(AttemptRoute, Vec<(&'static str, String)>)> {
        let call = AttemptCall {
            method,
            uri: Uri::from_static(uri),
        };
        let (route, parameters) = call.route()?;
        let owned = parameters
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        Some((route, owned))
    }

    #[test]
    fn a_call_is_known_by_its_method_and_path() {
        let (route, parameters) = route_of(
            Method::DELETE,
            "/authentication/api/v1/systemuser/agent/5/delegation/d",
        )
        .unwrap();
        assert_eq!(route.object_kind, ObjectKind::ClientDelegation);
        assert_eq!(
            parameters,
            [("party", "5".to_owned()), ("delegationId", "d".to_owned())]
        );
        assert!(route_of(Method::POST, "/authorization/api/v1/authorize").is_none());
        assert!(route_of(Method::GET, "/authentication/api/v1/systemuser/5/x").is_none());
    }
}
