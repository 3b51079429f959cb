//! The page behind `confirmUrl`: what a vendor asks for, and the decision about it.

use askama::Template;
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    browser::Browser,
    change_page, csrf, display, frame,
    frame::Frame,
    login::login_address,
    logout,
    portal_links::Farewell,
    request_view::{self, Notice, View},
    texts,
};
use crate::{
    app::{AppState, callers},
    delegation::Approver,
    delegation::DelegationReport,
    http::{ApiError, ProblemCode, path::PathValues, query::Query},
    pdp::Asker,
    register::{self, Party, Person},
    requests::{self, Request, RequestKind, RequestStatus},
    system_users,
    systems::{self, System},
};

#[derive(Debug, Template)]
#[template(path = "request.html")]
pub(super) struct RequestPage {
    pub f: Frame,
    pub v: View,
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
struct Loaded {
    request: Request,
    system: Option<System>,
    party: Party,
    person: Person,
    /// May decide; else only has to do with the organisation.
    admin: bool,
}

/// `GET …/systemuser/request?id=`
pub async fn show_standard(
    State(state): State<AppState>,
    browser: Browser,
    query: Query,
) -> Response {
    show(&state, &browser, RequestKind::Standard, &query).await
}

/// `GET …/systemuser/agentrequest?id=`
pub async fn show_agent(State(state): State<AppState>, browser: Browser, query: Query) -> Response {
    show(&state, &browser, RequestKind::Agent, &query).await
}

/// `GET` on the address of the form leads back to the page.
pub async fn back_to_standard(path: PathValues) -> Redirect {
    Redirect::to(&page_address(RequestKind::Standard, path.get("id")))
}

/// As [`back_to_standard`].
pub async fn back_to_agent(path: PathValues) -> Redirect {
    Redirect::to(&page_address(RequestKind::Agent, path.get("id")))
}

/// `POST …/systemuser/request/{id}`
pub async fn decide_standard(
    State(state): State<AppState>,
    browser: Browser,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    decide(&state, &browser, RequestKind::Standard, &path, form).await
}

/// `POST …/systemuser/agentrequest/{id}`
pub async fn decide_agent(
    State(state): State<AppState>,
    browser: Browser,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    decide(&state, &browser, RequestKind::Agent, &path, form).await
}

const fn page_name(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Standard => "request",
        RequestKind::Agent => "agentrequest",
    }
}

pub(super) fn page_address(kind: RequestKind, id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!(
        "/accessmanagement/ui/systemuser/{}?id={id}",
        page_name(kind)
    )
}

async fn show(state: &AppState, browser: &Browser, kind: RequestKind, query: &Query) -> Response {
    let Some(id) = query
        .get("id")
        .and_then(|id| Uuid::try_parse(id.trim()).ok())
    else {
        return frame::message(
            state,
            browser,
            StatusCode::BAD_REQUEST,
            "e.badid_title",
            "e.badid_body",
        );
    };
    if browser.session.is_none() {
        return login_or_own_host(state, browser);
    }
    match load(state, browser, kind, id).await {
        Ok(Ok(loaded)) => render(state, browser, &loaded, StatusCode::OK, None).await,
        Ok(Err(page)) => page,
        Err(error) => frame::failure(state, browser, error),
    }
}

/// Cookies belong to one host name: a page asked for under another name of this machine is asked
/// for again under ours.
pub(super) fn login_or_own_host(state: &AppState, browser: &Browser) -> Response {
    let own = url::Url::parse(&state.config.ui_base).ok();
    let own_host = own
        .as_ref()
        .and_then(|u| Some(format!("{}:{}", u.host_str()?, u.port_or_known_default()?)))
        .unwrap_or_default();
    let asked = browser.host();
    if state.config.settings.sandbox.is_some() && asked.contains(':') && asked != own_host {
        return super::login::found(&format!("{}{}", state.config.ui_base, browser.target));
    }
    super::login::found(&login_address(state, &browser.target))
}

/// Finds the request and what the person may do; else the page that says why not.
async fn load(
    state: &AppState,
    browser: &Browser,
    kind: RequestKind,
    id: Uuid,
) -> Result<Result<Loaded, Response>, ApiError> {
    let refuse = |status, key: &str| {
        Ok(Err(frame::message(
            state,
            browser,
            status,
            &format!("{key}_title"),
            &format!("{key}_body"),
        )))
    };
    let Some(person) = browser.person(state).await? else {
        return Ok(Err(login_or_own_host(state, browser)));
    };
    let mut db = state.db.acquire().await?;
    let lifetime = state.config.settings.requests.lifetime_days;
    let Some(request) = requests::any_state(&mut db, id, lifetime).await? else {
        return match requests::changes::any_state(&mut db, id, lifetime).await? {
            Some(change) => Ok(Err(super::login::found(&change_page::address(change.id)))),
            None => refuse(StatusCode::NOT_FOUND, "e.req404"),
        };
    };
    if request.kind != kind {
        return Ok(Err(super::login::found(&page_address(
            request.kind,
            &id.to_string(),
        ))));
    }
    let Some(party) = register::party_by_org_number(&mut db, &request.party_org_no).await? else {
        return refuse(StatusCode::NOT_FOUND, "e.req404");
    };
    let level = browser
        .session
        .as_ref()
        .and_then(|s| u8::try_from(s.level).ok())
        .unwrap_or(0);
    let related = register::has_relation(&mut db, &state.catalogue, &person.0, &party).await?;
    let system = systems::by_id(&mut db, &request.system_id).await?;
    drop(db);
    let admin = match party.party_id {
        Some(party_id) => {
            callers::permits(
                state,
                Asker::Person(person.0.uuid),
                level,
                "write",
                "altinn_access_management",
                party_id,
            )
            .await?
        }
        None => false,
    };
    // Of a deleted organisation nobody is access manager any more; who had to do with it may still
    // read.
    if !admin && !related {
        return Ok(Err(not_yours(state, browser, &person)));
    }
    if request.is_deleted {
        return refuse(StatusCode::GONE, "e.req410");
    }
    Ok(Ok(Loaded {
        request,
        system,
        party,
        person,
        admin,
    }))
}

pub(super) fn not_yours(state: &AppState, browser: &Browser, person: &Person) -> Response {
    let f = Frame::new(
        state,
        browser,
        texts::text(browser.language, "e.403_title").to_owned(),
    )
    .with_error()
    .with_person(&person.0.name);
    let body = f.fill("e.403_body", "name", &display::name(&person.0.name));
    let page = frame::MessagePage {
        detail: Some(f.t("e.403_tip").to_owned()),
        f,
        body,
        link: None,
        with_logout: true,
    };
    page.f.respond(StatusCode::FORBIDDEN, &page)
}

/// Where a browser goes that leaves a request; none when its person may not read it.
pub(super) async fn farewell(
    state: &AppState,
    browser: &Browser,
    kind: RequestKind,
    id: Uuid,
) -> Option<Farewell> {
    let Ok(Ok(Loaded { request, party, .. })) = load(state, browser, kind, id).await else {
        return None;
    };
    Some(Farewell {
        redirect_url: request.redirect_url.filter(|u| !u.is_empty()),
        system_id: request.system_id,
        party,
    })
}

/// What can be done about a request, and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    Accepted,
    Rejected,
    Closed,
    TimedOut,
    SystemGone,
    Related,
    Forwarded,
    Exists,
    CannotGive,
    Open,
}

async fn situation(
    state: &AppState,
    loaded: &Loaded,
) -> Result<(Situation, Option<DelegationReport>), ApiError> {
    let Loaded {
        request,
        system,
        party,
        person,
        admin,
    } = loaded;
    let situation = match request.status {
        RequestStatus::Accepted => Some(Situation::Accepted),
        RequestStatus::Rejected => Some(Situation::Rejected),
        RequestStatus::Denied => Some(Situation::Closed),
        _ if party.is_gone() => Some(Situation::Closed),
        _ if !request.is_open() => Some(Situation::TimedOut),
        _ if system.as_ref().is_none_or(|s| s.is_deleted) => Some(Situation::SystemGone),
        _ if !admin && request.escalated => Some(Situation::Forwarded),
        _ if !admin => Some(Situation::Related),
        _ => None,
    };
    if let Some(situation) = situation {
        return Ok((situation, None));
    }
    let mut db = state.db.acquire().await?;
    if system_users::active_with_key(
        &mut db,
        &request.system_id,
        &request.party_org_no,
        &request.external_ref,
    )
    .await?
    .is_some()
    {
        return Ok((Situation::Exists, None));
    }
    let report = state
        .decisions()
        .delegation_report(&mut db, Approver { person, party }, request)
        .await?;
    let situation = if report.problem().is_some() {
        Situation::CannotGive
    } else {
        Situation::Open
    };
    Ok((situation, Some(report)))
}

async fn render(
    state: &AppState,
    browser: &Browser,
    loaded: &Loaded,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    match page(state, browser, loaded, notice).await {
        Ok(page) => page.f.respond(status, &page),
        Err(error) => frame::failure(state, browser, error),
    }
}

async fn page(
    state: &AppState,
    browser: &Browser,
    loaded: &Loaded,
    notice: Option<Notice>,
) -> Result<RequestPage, ApiError> {
    let (situation, report) = situation(state, loaded).await?;
    let language = browser.language;
    let Loaded {
        request,
        system,
        party,
        person,
        ..
    } = loaded;
    let mut v = {
        let mut db = state.db.acquire().await?;
        request_view::describe(
            state,
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
        Some(Notice {
            color,
            title: t(key),
            body: String::new(),
        })
    };
    let said = match situation {
        Situation::Accepted => about("req.st_accepted", "info"),
        Situation::Rejected => about("req.st_rejected", "info"),
        Situation::Closed => about("req.st_closed", "info"),
        Situation::TimedOut => about("req.st_expired", "warning"),
        Situation::SystemGone => Some(Notice {
            color: "danger",
            title: t("req.sysgone_title"),
            body: t("req.sysgone_body"),
        }),
        Situation::Exists => Some(Notice {
            color: "danger",
            title: t("req.exists_title"),
            body: texts::filled(language, "req.exists_body", &[("system", &v.system_name)]),
        }),
        Situation::Forwarded => about("esc.already", "info"),
        Situation::Related | Situation::CannotGive | Situation::Open => None,
    };
    v.notice = notice.or(said);
    v.can_approve = situation == Situation::Open;
    v.can_reject = matches!(
        situation,
        Situation::Open | Situation::CannotGive | Situation::Exists
    ) || (situation == Situation::SystemGone && loaded.admin);
    if matches!(situation, Situation::Related | Situation::Forwarded) {
        v.decide_title = t("esc.title");
        v.decide_body = texts::filled(
            language,
            "esc.body",
            &[("org", &display::name(&party.name))],
        );
    }
    match situation {
        Situation::Related => {
            v.decide_body = format!("{} {}", v.decide_body, t("esc.offer"));
            v.forward = Some(t("esc.send"));
        }
        Situation::CannotGive if !request.escalated => v.forward = Some(t("esc.other")),
        _ => {}
    }
    v.action = format!(
        "/accessmanagement/ui/systemuser/{}/{}",
        page_name(request.kind),
        request.id
    );
    if let Some(session) = &browser.session {
        v.csrf = csrf::token(&session.csrf_secret, "POST", &v.action);
    }
    let mut f = Frame::new(state, browser, v.title.clone()).with_person(&person.0.name);
    f.acting_for = Some(display::name(&party.name));
    f.is_error = !v.failing.is_empty();
    f.back = page_address(request.kind, &request.id.to_string());
    if let Some(url) = &request.redirect_url {
        f.allow_origin_of(url);
    }
    Ok(RequestPage { f, v })
}

async fn decide(
    state: &AppState,
    browser: &Browser,
    kind: RequestKind,
    path: &PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let Ok(id) = path.uuid("id") else {
        return frame::message(
            state,
            browser,
            StatusCode::NOT_FOUND,
            "e.404_title",
            "e.404_body",
        );
    };
    let action = format!("/accessmanagement/ui/systemuser/{}/{id}", page_name(kind));
    let form = match own_form(
        state,
        browser,
        &action,
        &page_address(kind, &id.to_string()),
        form,
    ) {
        Ok(form) => form,
        Err(page) => return page,
    };
    match load(state, browser, kind, id).await {
        Ok(Ok(loaded)) => carry_out(state, browser, &loaded, &form).await,
        Ok(Err(page)) => page,
        Err(error) => frame::failure(state, browser, error),
    }
}

/// The form, when it comes from a page of ours that this session was shown.
#[expect(clippy::result_large_err, reason = "the other page is the answer")]
pub(super) fn own_form(
    state: &AppState,
    browser: &Browser,
    action: &str,
    page: &str,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Result<DecisionForm, Response> {
    let Some(session) = &browser.session else {
        // Nothing was sent; after the login the page is there again.
        return Err(Redirect::to(&login_address(state, page)).into_response());
    };
    let Ok(Form(form)) = form else {
        return Err(frame::message(
            state,
            browser,
            StatusCode::BAD_REQUEST,
            "e.csrf_title",
            "e.csrf_body",
        ));
    };
    let origin = display::origin(&state.config.ui_base).unwrap_or_default();
    if !csrf::same_origin(&browser.headers, &origin)
        || !csrf::verify(&session.csrf_secret, "POST", action, &form.csrf)
    {
        metrics::counter!("csrf_rejected").increment(1);
        tracing::warn!("csrf.rejected");
        return Err(frame::message(
            state,
            browser,
            StatusCode::FORBIDDEN,
            "e.csrf_title",
            "e.csrf_body",
        ));
    }
    Ok(form)
}

async fn carry_out(
    state: &AppState,
    browser: &Browser,
    loaded: &Loaded,
    form: &DecisionForm,
) -> Response {
    let Loaded {
        request,
        party,
        person,
        admin,
        ..
    } = loaded;
    let forbidden = || {
        frame::message(
            state,
            browser,
            StatusCode::FORBIDDEN,
            "e.403_title",
            "e.403_generic",
        )
    };
    let approver = Approver { person, party };
    let language = browser.language;
    let outcome = match form.decision.as_str() {
        "close" => Ok("closed"),
        "escalate" if form.party != party.uuid.to_string() => return forbidden(),
        "escalate" => match state
            .decisions()
            .escalate(approver, request.kind, request.id)
            .await
        {
            Ok(()) => return forwarded(state, browser, loaded).await,
            Err(error) => Err(error),
        },
        "approve" | "reject" if !admin || form.party != party.uuid.to_string() => {
            return forbidden();
        }
        "approve" => {
            let same = |now: &Request, system: &System| {
                request_view::seen(now, Some(system), party, language) == form.seen
            };
            state
                .decisions()
                .approve(approver, request.kind, request.id, Some(&same))
                .await
                .map(|_| "approved")
        }
        "reject" => state
            .decisions()
            .reject(approver, request.kind, request.id)
            .await
            .map(|_| "rejected"),
        _ => {
            return frame::message(
                state,
                browser,
                StatusCode::BAD_REQUEST,
                "e.csrf_title",
                "e.csrf_body",
            );
        }
    };
    match outcome {
        Ok(outcome) => leave(state, browser, loaded, outcome).await,
        Err(error) => explain(state, browser, loaded, error, form.decision == "approve").await,
    }
}

/// The page after a request was passed on.
async fn forwarded(state: &AppState, browser: &Browser, loaded: &Loaded) -> Response {
    let now = match load(state, browser, loaded.request.kind, loaded.request.id).await {
        Ok(Ok(now)) => now,
        Ok(Err(page)) => return page,
        Err(error) => return frame::failure(state, browser, error),
    };
    let mut page = match page(state, browser, &now, None).await {
        Ok(page) => page,
        Err(error) => return frame::failure(state, browser, error),
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
async fn leave(state: &AppState, browser: &Browser, loaded: &Loaded, outcome: &str) -> Response {
    let Loaded {
        request,
        system,
        party,
        ..
    } = loaded;
    let view = {
        let Ok(mut db) = state.db.acquire().await else {
            return frame::failure(state, browser, ApiError::Unavailable(5));
        };
        request_view::describe(
            state,
            &mut db,
            request,
            system.as_ref(),
            party,
            None,
            browser.language,
        )
        .await
    };
    let receipt = match view {
        Ok(view) => {
            request_view::receipt(&view, &request.system_id, party, outcome, state.clock.now())
        }
        Err(error) => return frame::failure(state, browser, error),
    };
    logout::end(
        state,
        browser,
        request.redirect_url.as_deref().filter(|u| !u.is_empty()),
        Some(&receipt),
    )
    .await
}

/// A decision that was refused: the page again, as things are now, and why.
async fn explain(
    state: &AppState,
    browser: &Browser,
    loaded: &Loaded,
    error: ApiError,
    approving: bool,
) -> Response {
    let (status, notice) = match why(state, browser, error, approving) {
        Ok(told) => told,
        Err(page) => return page,
    };
    match load(state, browser, loaded.request.kind, loaded.request.id).await {
        Ok(Ok(now)) => render(state, browser, &now, status, notice).await,
        Ok(Err(page)) => page,
        Err(error) => frame::failure(state, browser, error),
    }
}

/// What to tell about a decision that was refused; another page when there is nothing left to
/// decide.
#[expect(clippy::result_large_err, reason = "the other page is the answer")]
pub(super) fn why(
    state: &AppState,
    browser: &Browser,
    error: ApiError,
    approving: bool,
) -> Result<(StatusCode, Option<Notice>), Response> {
    let t = |key: &str| texts::text(browser.language, key).to_owned();
    let warning = |key: &str| {
        Some(Notice {
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
                return Err(frame::message(
                    state,
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
                    Some(Notice {
                        color: "danger",
                        title: t("req.fail_title"),
                        body: t(body),
                    }),
                )
            }
            // The state of the page itself says why.
            _ => (StatusCode::UNPROCESSABLE_ENTITY, None),
        },
        other => return Err(frame::failure(state, browser, other)),
    })
}
