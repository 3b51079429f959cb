//! The page behind `confirmUrl`: what a vendor asks for, and the decision about it.

use askama::Template;
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::Pages;
use super::{
    addresses,
    browser::BrowserRequest,
    display, layout,
    layout::Layout,
    login::login_address,
    logout,
    onward::{self, OnwardContent},
    receipt::{Receipt, VisitOutcome},
    request_view::{self, PageNotice, RequestView},
    texts,
    way_back::WayBack,
};
use authorization::delegation::{Approver, DelegationReport};
use foundation::{
    audit::Action,
    http::{
        ApiError, ProblemCode,
        context::{self, RefusalCause},
        path::PathValues,
        query::Query,
    },
    sessions::csrf,
    telemetry::{metrics::CSRF_REJECTED, security::SecurityEvent},
};
use registers::parties::{self, Party, Person};
use system_users::{
    requests::{self, ApprovalObstacle, RequestKind, RequestStatus, SystemUserRequest},
    systems::{self, System},
};

#[derive(Debug, Template)]
#[template(path = "request.html")]
pub(super) struct RequestPage {
    pub f: Layout,
    pub v: RequestView,
}

/// Fields of the decision form.
#[derive(Debug, Deserialize)]
pub struct DecisionForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    pub(super) party: String,
    #[serde(default)]
    pub(super) seen: String,
    #[serde(default)]
    pub(super) decision: String,
}

/// A request that this person may see.
struct LoadedRequest {
    request: SystemUserRequest,
    system: Option<System>,
    party: Party,
    person: Person,
    /// May decide; else only has to do with the organisation.
    admin: bool,
}

/// `GET …/systemuser/request?id=`
pub async fn show_standard(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    show(&pages, &browser, RequestKind::Standard, &query).await
}

/// `GET …/systemuser/agentrequest?id=`
pub async fn show_agent(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    query: Query,
) -> Response {
    show(&pages, &browser, RequestKind::Agent, &query).await
}

/// `GET` on the address of the form leads back to the page.
pub async fn back_to_standard(path: PathValues) -> Redirect {
    Redirect::to(&addresses::of_request(
        RequestKind::Standard,
        path.get("id"),
    ))
}

/// As [`back_to_standard`].
pub async fn back_to_agent(path: PathValues) -> Redirect {
    Redirect::to(&addresses::of_request(RequestKind::Agent, path.get("id")))
}

/// `POST …/systemuser/request/{id}`
pub async fn decide_standard(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let attempted = attempted(form.as_ref().ok());
    let response = decide(&pages, &browser, RequestKind::Standard, &path, form).await;
    with_attempt(response, attempted)
}

/// `POST …/systemuser/agentrequest/{id}`
pub async fn decide_agent(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let attempted = attempted(form.as_ref().ok());
    let response = decide(&pages, &browser, RequestKind::Agent, &path, form).await;
    with_attempt(response, attempted)
}

/// What a form would do, for the audit trail.
fn attempted(form: Option<&Form<DecisionForm>>) -> Option<Action> {
    match form?.0.decision.as_str() {
        "approve" => Some(Action::RequestApproved),
        "reject" => Some(Action::RequestRejected),
        "escalate" => Some(Action::RequestEscalated),
        _ => None,
    }
}

/// An answer with what was attempted, if the form said it.
pub(super) fn with_attempt(mut response: Response, attempted: Option<Action>) -> Response {
    if let Some(action) = attempted {
        response.extensions_mut().insert(action);
    }
    response
}

async fn show(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    query: &Query,
) -> Response {
    let Some(id) = query
        .get("id")
        .and_then(|id| Uuid::try_parse(id.trim()).ok())
    else {
        return layout::message(
            pages,
            browser,
            StatusCode::BAD_REQUEST,
            "e.badid_title",
            "e.badid_body",
        );
    };
    if browser.session.is_none() {
        return login_or_own_host(pages, browser, &browser.target);
    }
    match load(pages, browser, kind, id).await {
        Ok(Ok(loaded)) => render(pages, browser, &loaded, StatusCode::OK, None).await,
        Ok(Err(page)) => page,
        Err(error) => layout::failure(pages, browser, error),
    }
}

/// Cookies belong to one host name: a page asked for under another name of this machine is asked
/// for again under ours.
///
/// `target`: path and query to come back to.
pub(super) fn login_or_own_host(pages: &Pages, browser: &BrowserRequest, target: &str) -> Response {
    if browser.is_form {
        // A form has a session before it comes here: its person is gone from the register.
        return layout::failure(pages, browser, ApiError::Empty(StatusCode::FORBIDDEN));
    }
    let own = url::Url::parse(&pages.config.ui_base).ok();
    let own_host = own
        .as_ref()
        .and_then(|u| Some(format!("{}:{}", u.host_str()?, u.port_or_known_default()?)))
        .unwrap_or_default();
    let asked = browser.host();
    if pages.config.settings.sandbox.is_some() && asked.contains(':') && asked != own_host {
        return super::onward::found(&format!("{}{target}", pages.config.ui_base));
    }
    super::onward::found(&login_address(pages, target))
}

/// Finds the request and what the person may do; else the page that says why not.
async fn load(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    id: Uuid,
) -> Result<Result<LoadedRequest, Response>, ApiError> {
    let refuse = |status, key: &str| {
        Ok(Err(layout::message(
            pages,
            browser,
            status,
            &format!("{key}_title"),
            &format!("{key}_body"),
        )))
    };
    let Some(person) = browser.person(pages).await? else {
        return Ok(Err(login_or_own_host(pages, browser, &browser.target)));
    };
    let mut db = pages.db.acquire().await?;
    let lifetime = pages.config.settings.requests.lifetime_days;
    let Some(request) = requests::any_state(&mut db, id, lifetime).await? else {
        return match requests::changes::any_state(&mut db, id, lifetime).await? {
            Some(change) => Ok(Err(super::onward::found(&addresses::of_change_request(
                change.id,
            )))),
            None => refuse(StatusCode::NOT_FOUND, "e.req404"),
        };
    };
    if request.kind != kind {
        return Ok(Err(super::onward::found(&addresses::of_request(
            request.kind,
            &id.to_string(),
        ))));
    }
    let Some(party) = parties::party_by_org_number(&mut db, &request.party_org_no).await? else {
        return refuse(StatusCode::NOT_FOUND, "e.req404");
    };
    let level = browser
        .session
        .as_ref()
        .and_then(|s| u8::try_from(s.level).ok())
        .unwrap_or(0);
    let system = systems::by_id(&mut db, &request.system_id).await?;
    drop(db);
    let admin = pages
        .permissions
        .manages_access(&person, level, &party)
        .await?;
    // Of a deleted organisation no person is access manager any more; who had to do with it may
    // still read.
    if !admin && !is_related(pages, &person, &party).await? {
        return Ok(Err(not_yours(pages, browser, &person)));
    }
    if request.is_deleted {
        return refuse(StatusCode::GONE, "e.req410");
    }
    Ok(Ok(LoadedRequest {
        request,
        system,
        party,
        person,
        admin,
    }))
}

/// Whether a person has anything to do with a party or with a sub-unit of it.
pub(super) async fn is_related(
    pages: &Pages,
    person: &Person,
    party: &Party,
) -> Result<bool, ApiError> {
    let mut db = pages.db.acquire().await?;
    Ok(parties::has_relation(&mut db, &pages.catalogue, &person.0, party).await?)
}

pub(super) fn not_yours(pages: &Pages, browser: &BrowserRequest, person: &Person) -> Response {
    let f = Layout::new(
        pages,
        browser,
        texts::text(browser.language, "e.403_title").to_owned(),
    )
    .with_error()
    .with_person(&person.0.name);
    let body = f.fill("e.403_body", "name", &display::name(&person.0.name));
    let page = layout::MessagePage {
        detail: Some(f.t("e.403_tip").to_owned()),
        f,
        body,
        link: None,
        with_logout: true,
    };
    page.f.respond(StatusCode::FORBIDDEN, &page)
}

/// Where a browser goes that leaves a request; none when its person may not read it.
pub(super) async fn way_back(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    id: Uuid,
) -> Option<WayBack> {
    let Ok(Ok(loaded)) = load(pages, browser, kind, id).await else {
        return None;
    };
    let LoadedRequest {
        request,
        system,
        party,
        ..
    } = loaded;
    let outcome = VisitOutcome::of_request(request.status, request.escalated);
    let system = request_view::system_name(system.as_ref(), &request.system_id, browser.language);
    let now = pages.clock.now();
    Some(WayBack {
        receipt: Receipt::new(outcome, &system, &request.system_id, &party, now),
        redirect_url: request.redirect_url.filter(|u| !u.is_empty()),
    })
}

/// The party of a request; none when the person of the browser may not read it.
pub(super) async fn party_of(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    id: Uuid,
) -> Option<Party> {
    let loaded = load(pages, browser, kind, id).await.ok()?.ok()?;
    Some(loaded.party)
}

/// What can be done about a request, and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestSituation {
    Accepted,
    Rejected,
    Closed,
    TimedOut,
    SystemGone,
    Related,
    Forwarded,
    Exists,
    Unfit,
    CannotGive,
    Open,
}

impl RequestSituation {
    /// Of a request that cannot be approved.
    const fn of(obstacle: &ApprovalObstacle, request: &SystemUserRequest) -> Self {
        match obstacle {
            ApprovalObstacle::NotOpen => match request.status {
                RequestStatus::Accepted => Self::Accepted,
                RequestStatus::Rejected => Self::Rejected,
                RequestStatus::Denied => Self::Closed,
                RequestStatus::New | RequestStatus::Timedout => Self::TimedOut,
            },
            ApprovalObstacle::SystemGone => Self::SystemGone,
            // Only a change is about a system user that there is.
            ApprovalObstacle::PartyGone | ApprovalObstacle::SystemUserGone => Self::Closed,
            ApprovalObstacle::SystemUserExists => Self::Exists,
            ApprovalObstacle::Unfit(_) => Self::Unfit,
            ApprovalObstacle::NotDelegable(..) => Self::CannotGive,
        }
    }
}

async fn situation(
    pages: &Pages,
    loaded: &LoadedRequest,
) -> Result<(RequestSituation, Option<DelegationReport>), ApiError> {
    let LoadedRequest {
        request,
        system,
        party,
        person,
        admin,
    } = loaded;
    if !admin {
        let situation = match requests::open_request(request, system.as_ref(), party) {
            Err(obstacle) => RequestSituation::of(&obstacle, request),
            Ok(_) if request.escalated => RequestSituation::Forwarded,
            Ok(_) => RequestSituation::Related,
        };
        return Ok((situation, None));
    }
    let mut db = pages.db.acquire().await?;
    let approver = Approver { person, party };
    let review = pages
        .requests
        .review(&mut db, approver, request, system.as_ref());
    Ok(match review.await? {
        Ok(report) => (RequestSituation::Open, Some(report)),
        Err(obstacle) => {
            let situation = RequestSituation::of(&obstacle, request);
            (situation, obstacle.into_report())
        }
    })
}

async fn render(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedRequest,
    status: StatusCode,
    notice: Option<PageNotice>,
) -> Response {
    match page(pages, browser, loaded, notice).await {
        Ok(page) => page.f.respond(status, &page),
        Err(error) => layout::failure(pages, browser, error),
    }
}

async fn page(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedRequest,
    notice: Option<PageNotice>,
) -> Result<RequestPage, ApiError> {
    let (situation, report) = situation(pages, loaded).await?;
    let language = browser.language;
    let LoadedRequest {
        request,
        system,
        party,
        person,
        ..
    } = loaded;
    let mut v = {
        let mut db = pages.db.acquire().await?;
        request_view::describe(
            pages,
            &mut db,
            request,
            system.as_ref(),
            party,
            report.as_ref(),
            language,
        )
        .await?
    };
    let t = |key: &str| texts::text(language, key).to_owned();
    let about = |key: &str, color: &'static str| {
        Some(PageNotice {
            color,
            title: t(key),
            body: String::new(),
        })
    };
    let said = match situation {
        RequestSituation::Accepted => about("req.st_accepted", "info"),
        RequestSituation::Rejected => about("req.st_rejected", "info"),
        RequestSituation::Closed => about("req.st_closed", "info"),
        RequestSituation::TimedOut => about("req.st_expired", "warning"),
        RequestSituation::SystemGone => Some(PageNotice {
            color: "danger",
            title: t("req.sysgone_title"),
            body: t("req.sysgone_body"),
        }),
        RequestSituation::Exists => Some(PageNotice {
            color: "danger",
            title: t("req.exists_title"),
            body: texts::filled(language, "req.exists_body", &[("system", &v.system_name)]),
        }),
        RequestSituation::Unfit => Some(request_view::unfit(language)),
        RequestSituation::Forwarded => about("esc.already", "info"),
        RequestSituation::Related | RequestSituation::CannotGive | RequestSituation::Open => None,
    };
    v.notice = notice.or(said).or_else(|| expired(browser));
    v.can_approve = situation == RequestSituation::Open;
    v.can_reject = matches!(
        situation,
        RequestSituation::Open
            | RequestSituation::CannotGive
            | RequestSituation::Exists
            | RequestSituation::Unfit
    ) || (situation == RequestSituation::SystemGone && loaded.admin);
    if matches!(
        situation,
        RequestSituation::Related | RequestSituation::Forwarded
    ) {
        v.decide_title = t("esc.title");
        v.decide_body = texts::filled(
            language,
            "esc.body",
            &[("org", &display::name(&party.name))],
        );
    }
    match situation {
        RequestSituation::Related => {
            v.decide_body = format!("{} {}", v.decide_body, t("esc.offer"));
            v.forward = Some(t("esc.send"));
        }
        RequestSituation::CannotGive if !request.escalated => v.forward = Some(t("esc.other")),
        _ => {}
    }
    v.action = format!(
        "/accessmanagement/ui/systemuser/{}/{}",
        addresses::name(request.kind),
        request.id
    );
    if let Some(session) = &browser.session {
        v.csrf = csrf::token(&session.csrf_secret, "POST", &v.action);
    }
    let mut f = Layout::new(pages, browser, v.title.clone()).with_person(&person.0.name);
    f.acting_for = Some(display::name(&party.name));
    f.is_error = !v.failing.is_empty();
    f.back = addresses::of_request(request.kind, &request.id.to_string());
    Ok(RequestPage { f, v })
}

async fn decide(
    pages: &Pages,
    browser: &BrowserRequest,
    kind: RequestKind,
    path: &PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let Ok(id) = path.uuid("id") else {
        return layout::message(
            pages,
            browser,
            StatusCode::NOT_FOUND,
            "e.404_title",
            "e.404_body",
        );
    };
    let action = format!(
        "/accessmanagement/ui/systemuser/{}/{id}",
        addresses::name(kind)
    );
    let form = match own_form(
        pages,
        browser,
        &action,
        &addresses::of_request(kind, &id.to_string()),
        form,
    ) {
        Ok(form) => form,
        Err(page) => return page,
    };
    match load(pages, browser, kind, id).await {
        Ok(Ok(loaded)) => carry_out(pages, browser, &loaded, &form).await,
        Ok(Err(page)) => page,
        Err(error) => layout::failure(pages, browser, error),
    }
}

/// Parameter of the address of a page that a form without a session led back to.
const EXPIRED: &str = "expired";

/// For a form without a session: nothing was done; after the login the page is there again and says
/// so.
fn log_in_again(pages: &Pages, browser: &BrowserRequest, page: &str) -> Response {
    let address = login_address(pages, &format!("{page}&{EXPIRED}=true"));
    let title = texts::text(browser.language, "login.again_title").to_owned();
    let mut layout = Layout::new(pages, browser, title);
    page.clone_into(&mut layout.back);
    let lines = vec![layout.t("session.expired").to_owned()];
    let link = layout.t("nav.login").to_owned();
    onward::page(
        OnwardContent {
            layout,
            lines,
            link,
        },
        &address,
    )
}

/// What the page says after such a login.
pub(super) fn expired(browser: &BrowserRequest) -> Option<PageNotice> {
    let (_, query) = browser.target.split_once('?')?;
    let is_back = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == EXPIRED);
    is_back.then(|| PageNotice {
        color: "warning",
        title: texts::text(browser.language, "session.expired").to_owned(),
        body: String::new(),
    })
}

/// The form, when it comes from a page of ours that this session was shown.
#[expect(clippy::result_large_err, reason = "the other page is the answer")]
pub(super) fn own_form(
    pages: &Pages,
    browser: &BrowserRequest,
    action: &str,
    page: &str,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Result<DecisionForm, Response> {
    let Some(session) = &browser.session else {
        return Err(log_in_again(pages, browser, page));
    };
    let Ok(Form(form)) = form else {
        return Err(layout::message(
            pages,
            browser,
            StatusCode::BAD_REQUEST,
            "e.csrf_title",
            "e.csrf_body",
        ));
    };
    let origin = csrf::origin(&pages.config.ui_base).unwrap_or_default();
    if !csrf::same_origin(&browser.headers, &origin)
        || !csrf::verify(&session.csrf_secret, "POST", action, &form.csrf)
    {
        metrics::counter!(CSRF_REJECTED.name).increment(1);
        context::report(SecurityEvent::CsrfRejected { path: action });
        context::note_refusal(RefusalCause::denial(context::CSRF));
        return Err(layout::message(
            pages,
            browser,
            StatusCode::FORBIDDEN,
            "e.csrf_title",
            "e.csrf_body",
        ));
    }
    Ok(form)
}

async fn carry_out(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedRequest,
    form: &DecisionForm,
) -> Response {
    let LoadedRequest {
        request,
        party,
        person,
        admin,
        ..
    } = loaded;
    let forbidden = || {
        layout::message(
            pages,
            browser,
            StatusCode::FORBIDDEN,
            "e.403_title",
            "e.403_generic",
        )
    };
    let approver = Approver { person, party };
    let language = browser.language;
    let outcome = match form.decision.as_str() {
        "close" => Ok(VisitOutcome::of_request(request.status, request.escalated)),
        "escalate" if form.party != party.uuid.to_string() => return forbidden(),
        "escalate" => match pages
            .requests
            .escalate(approver, request.kind, request.id)
            .await
        {
            Ok(()) => return forwarded(pages, browser, loaded).await,
            Err(error) => Err(error),
        },
        "approve" | "reject" if !admin || form.party != party.uuid.to_string() => {
            return forbidden();
        }
        "approve" => {
            let same = |now: &SystemUserRequest, system: &System| {
                request_view::seen(now, Some(system), party, language) == form.seen
            };
            pages
                .requests
                .approve(approver, request.kind, request.id, Some(&same))
                .await
                .map(|_| VisitOutcome::Approved)
        }
        "reject" => pages
            .requests
            .reject(approver, request.kind, request.id)
            .await
            .map(|_| VisitOutcome::Rejected),
        _ => {
            return layout::message(
                pages,
                browser,
                StatusCode::BAD_REQUEST,
                "e.csrf_title",
                "e.csrf_body",
            );
        }
    };
    match outcome {
        Ok(outcome) => leave(pages, browser, loaded, outcome).await,
        Err(error) => explain(pages, browser, loaded, error, form.decision == "approve").await,
    }
}

/// The page after a request was passed on.
async fn forwarded(pages: &Pages, browser: &BrowserRequest, loaded: &LoadedRequest) -> Response {
    let now = match load(pages, browser, loaded.request.kind, loaded.request.id).await {
        Ok(Ok(now)) => now,
        Ok(Err(page)) => return page,
        Err(error) => return layout::failure(pages, browser, error),
    };
    let mut page = match page(pages, browser, &now, None).await {
        Ok(page) => page,
        Err(error) => return layout::failure(pages, browser, error),
    };
    let t = |key: &str| texts::text(browser.language, key).to_owned();
    page.v.notice = None;
    page.v.title = t("esc.done_title");
    page.f.title = t("esc.done_title");
    page.v.lead = texts::filled(
        browser.language,
        "esc.done_body",
        &[("org", &display::name(&now.party.name))],
    );
    page.v.decide_title = t("req.h_decide");
    page.v.decide_body = String::new();
    page.v.close = t("esc.finish");
    (page.v.can_approve, page.v.can_reject, page.v.forward) = (false, false, None);
    page.f.respond(StatusCode::OK, &page)
}

/// After a decision: out, and to where the vendor waits, or to the receipt.
async fn leave(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedRequest,
    outcome: VisitOutcome,
) -> Response {
    let LoadedRequest {
        request,
        system,
        party,
        ..
    } = loaded;
    let (language, now) = (browser.language, pages.clock.now());
    let system = request_view::system_name(system.as_ref(), &request.system_id, language);
    let receipt = Receipt::new(outcome, &system, &request.system_id, party, now);
    logout::end(
        pages,
        browser,
        request.redirect_url.as_deref().filter(|u| !u.is_empty()),
        Some(&receipt),
    )
    .await
}

/// A decision that was refused: the page again, as things are now, and why.
async fn explain(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedRequest,
    error: ApiError,
    approving: bool,
) -> Response {
    let (status, notice) = match why(pages, browser, error, approving) {
        Ok(notice) => notice,
        Err(page) => return page,
    };
    match load(pages, browser, loaded.request.kind, loaded.request.id).await {
        Ok(Ok(now)) => render(pages, browser, &now, status, notice).await,
        Ok(Err(page)) => page,
        Err(error) => layout::failure(pages, browser, error),
    }
}

/// The notice about a decision that was refused; another page when there is nothing left to
/// decide.
#[expect(clippy::result_large_err, reason = "the other page is the answer")]
pub(super) fn why(
    pages: &Pages,
    browser: &BrowserRequest,
    error: ApiError,
    approving: bool,
) -> Result<(StatusCode, Option<PageNotice>), Response> {
    error.note();
    let t = |key: &str| texts::text(browser.language, key).to_owned();
    let warning = |key: &str| {
        Some(PageNotice {
            color: "warning",
            title: t(key),
            body: String::new(),
        })
    };
    Ok(match error {
        ApiError::Empty(StatusCode::CONFLICT) => (StatusCode::CONFLICT, warning("req.altered")),
        ApiError::Problem(problem) => match problem.code {
            ProblemCode::RequestNotNew => (StatusCode::CONFLICT, warning("req.raced")),
            ProblemCode::RequestNotFound | ProblemCode::AgentRequestNotFound => {
                return Err(layout::message(
                    pages,
                    browser,
                    StatusCode::GONE,
                    "e.req410_title",
                    "e.req410_body",
                ));
            }
            ProblemCode::DelegationFailed
            | ProblemCode::SystemUserNotCreated
            | ProblemCode::PackageDelegationFailed
            | ProblemCode::RequestNotUpdated => {
                let body = if approving {
                    "req.fail_body"
                } else {
                    "req.rejfail_body"
                };
                (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    Some(PageNotice {
                        color: "danger",
                        title: t("req.fail_title"),
                        body: t(body),
                    }),
                )
            }
            // The state of the page itself says why.
            _ => (StatusCode::UNPROCESSABLE_ENTITY, None),
        },
        other => return Err(layout::failure(pages, browser, other)),
    })
}
