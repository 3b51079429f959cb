//! The page behind a change request's `confirmUrl`: what a system user shall get and lose, and the
//! decision about it.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{Redirect, Response},
};
use http::StatusCode;
use uuid::Uuid;

use super::Pages;
use super::{
    addresses,
    browser::BrowserRequest,
    display, layout,
    layout::Layout,
    logout,
    receipt::{Receipt, VisitOutcome},
    request_page::{self, DecisionForm, RequestPage},
    request_view::{self, GrantListing, GrantSection, PageNotice, RequestView},
    texts::{self, Language},
    way_back::WayBack,
};
use authorization::delegation::{self, Approver, DelegationReport, SystemUserGrants};
use foundation::{
    audit::Action,
    crypto::{base64url, sha256},
    http::{ApiError, path::PathValues, query::Query},
    sessions::csrf,
};
use registers::parties::{self, Party, Person};
use system_users::{
    requests::{
        ApprovalObstacle, RequestStatus,
        changes::{self, ChangeRequest},
    },
    systems::{self, System},
    users::{self, SystemUser},
};

/// A change request that this person may decide about.
struct LoadedChangeRequest {
    request: ChangeRequest,
    system: Option<System>,
    user: Option<SystemUser>,
    held: SystemUserGrants,
    party: Party,
    person: Person,
}

fn action(id: Uuid) -> String {
    format!("/accessmanagement/ui/systemuser/changerequest/{id}")
}

/// `GET …/systemuser/changerequest?id=`
pub async fn show(State(pages): State<Pages>, browser: BrowserRequest, query: Query) -> Response {
    let Some(id) = query
        .get("id")
        .and_then(|id| Uuid::try_parse(id.trim()).ok())
    else {
        return layout::message(
            &pages,
            &browser,
            StatusCode::BAD_REQUEST,
            "e.badid_title",
            "e.badid_body",
        );
    };
    if browser.session.is_none() {
        return request_page::login_or_own_host(&pages, &browser, &browser.target);
    }
    again(&pages, &browser, id, StatusCode::OK, None).await
}

/// `GET` on the address of the form leads back to the page.
pub async fn back(path: PathValues) -> Redirect {
    let id: String = url::form_urlencoded::byte_serialize(path.get("id").as_bytes()).collect();
    Redirect::to(&format!(
        "/accessmanagement/ui/systemuser/changerequest?id={id}"
    ))
}

/// `POST …/systemuser/changerequest/{id}`
pub async fn decide(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let attempted = match form.as_ref().map(|form| form.0.decision.as_str()) {
        Ok("approve") => Some(Action::ChangeRequestApproved),
        Ok("reject") => Some(Action::ChangeRequestRejected),
        _ => None,
    };
    let response = answer_form(pages, browser, path, form).await;
    request_page::with_attempt(response, attempted)
}

async fn answer_form(
    pages: Pages,
    browser: BrowserRequest,
    path: PathValues,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let Ok(id) = path.uuid("id") else {
        return layout::message(
            &pages,
            &browser,
            StatusCode::NOT_FOUND,
            "e.404_title",
            "e.404_body",
        );
    };
    let form = match request_page::own_form(
        &pages,
        &browser,
        &action(id),
        &addresses::of_change_request(id),
        form,
    ) {
        Ok(form) => form,
        Err(page) => return page,
    };
    match load(&pages, &browser, id).await {
        Ok(Ok(loaded)) => carry_out(&pages, &browser, &loaded, &form).await,
        Ok(Err(page)) => page,
        Err(error) => layout::failure(&pages, &browser, error),
    }
}

/// The page as things are now.
async fn again(
    pages: &Pages,
    browser: &BrowserRequest,
    id: Uuid,
    status: StatusCode,
    notice: Option<PageNotice>,
) -> Response {
    let page = match load(pages, browser, id).await {
        Ok(Ok(loaded)) => page(pages, browser, &loaded, notice).await,
        Ok(Err(page)) => return page,
        Err(error) => Err(error),
    };
    match page {
        Ok(page) => page.f.respond(status, &page),
        Err(error) => layout::failure(pages, browser, error),
    }
}

/// Where a browser goes that leaves a change request; none when its person may not read it.
pub(super) async fn way_back(pages: &Pages, browser: &BrowserRequest, id: Uuid) -> Option<WayBack> {
    let Ok(Ok(loaded)) = load(pages, browser, id).await else {
        return None;
    };
    let outcome = VisitOutcome::of_change_request(loaded.request.status);
    Some(WayBack {
        receipt: receipt(pages, browser, &loaded, outcome),
        redirect_url: loaded.request.redirect_url.filter(|u| !u.is_empty()),
    })
}

/// The party of a change request; none when the person of the browser may not decide about it.
pub(super) async fn party_of(pages: &Pages, browser: &BrowserRequest, id: Uuid) -> Option<Party> {
    let loaded = load(pages, browser, id).await.ok()?.ok()?;
    Some(loaded.party)
}

/// Finds the change request and whether the person may decide; else the page that says why not.
async fn load(
    pages: &Pages,
    browser: &BrowserRequest,
    id: Uuid,
) -> Result<Result<LoadedChangeRequest, Response>, ApiError> {
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
        return Ok(Err(request_page::login_or_own_host(
            pages,
            browser,
            &browser.target,
        )));
    };
    let lifetime = pages.config.settings.requests.lifetime_days;
    let mut db = pages.db.acquire().await?;
    let Some(request) = changes::any_state(&mut db, id, lifetime).await? else {
        return match system_users::requests::any_state(&mut db, id, lifetime).await? {
            Some(other) => Ok(Err(super::onward::found(&addresses::of_request(
                other.kind,
                &id.to_string(),
            )))),
            None => refuse(StatusCode::NOT_FOUND, "e.req404"),
        };
    };
    let Some(party) = parties::party_by_org_number(&mut db, &request.party_org_no).await? else {
        return refuse(StatusCode::NOT_FOUND, "e.req404");
    };
    let level = browser
        .session
        .as_ref()
        .and_then(|s| u8::try_from(s.level).ok())
        .unwrap_or(0);
    let system = systems::by_id(&mut db, &request.system_id).await?;
    let user = users::by_id(&mut db, request.system_user_id).await?;
    let held = match &user {
        Some(user) => delegation::held(&mut db, user.owner_key, user.id).await?,
        None => SystemUserGrants::default(),
    };
    drop(db);
    if !pages
        .permissions
        .manages_access(&person, level, &party)
        .await?
    {
        let is_related = request_page::is_related(pages, &person, &party).await?;
        return Ok(Err(if is_related {
            share(pages, browser, &person, &party)
        } else {
            request_page::not_yours(pages, browser, &person)
        }));
    }
    if request.is_deleted {
        return refuse(StatusCode::GONE, "e.req410");
    }
    Ok(Ok(LoadedChangeRequest {
        request,
        system,
        user,
        held,
        party,
        person,
    }))
}

/// For a person of the organisation who may not decide: whom to ask.
fn share(pages: &Pages, browser: &BrowserRequest, person: &Person, party: &Party) -> Response {
    let org = display::name(&party.name);
    let f = Layout::new(
        pages,
        browser,
        texts::text(browser.language, "esc.title").to_owned(),
    )
    .with_person(&person.0.name);
    let body = f.fill("esc.body", "org", &org);
    let page = layout::MessagePage {
        detail: Some(f.fill("esc.change_link", "org", &org)),
        f,
        body,
        link: None,
        with_logout: true,
    };
    page.f.respond(StatusCode::FORBIDDEN, &page)
}

/// What can be done, and what is said about it.
struct ChangeRequestSituation {
    notice: Option<PageNotice>,
    can_approve: bool,
    can_reject: bool,
    report: Option<DelegationReport>,
}

async fn situation(
    pages: &Pages,
    loaded: &LoadedChangeRequest,
    language: Language,
) -> Result<ChangeRequestSituation, ApiError> {
    let LoadedChangeRequest {
        request,
        system,
        user,
        held,
        party,
        person,
    } = loaded;
    let t = |key: &str| texts::text(language, key).to_owned();
    let notice = |color: &'static str, title: &str, body: &str| {
        Some(PageNotice {
            color,
            title: t(title),
            body: if body.is_empty() {
                String::new()
            } else {
                t(body)
            },
        })
    };
    let mut db = pages.db.acquire().await?;
    let about = (system.as_ref(), user.as_ref(), held);
    let approver = Approver { person, party };
    let review = pages
        .requests
        .review_change(&mut db, approver, request, about);
    let obstacle = match review.await? {
        Ok(report) => {
            return Ok(ChangeRequestSituation {
                notice: None,
                can_approve: true,
                can_reject: true,
                report: Some(report),
            });
        }
        Err(obstacle) => obstacle,
    };
    let (notice, can_reject) = match &obstacle {
        ApprovalObstacle::NotOpen => {
            let (color, key) = match request.status {
                RequestStatus::Accepted => ("info", "req.st_accepted"),
                RequestStatus::Rejected => ("info", "req.st_rejected"),
                RequestStatus::Denied => ("info", "req.st_closed"),
                RequestStatus::New | RequestStatus::Timedout => ("warning", "req.st_expired"),
            };
            (notice(color, key, ""), false)
        }
        ApprovalObstacle::SystemGone => (
            notice("danger", "req.sysgone_title", "req.sysgone_body"),
            true,
        ),
        ApprovalObstacle::SystemUserGone => (notice("danger", "req.usergone_body", ""), true),
        // A change makes no system user.
        ApprovalObstacle::PartyGone | ApprovalObstacle::SystemUserExists => {
            (notice("info", "req.st_closed", ""), false)
        }
        ApprovalObstacle::Unfit(_) => (Some(request_view::unfit(language)), true),
        ApprovalObstacle::NotDelegable(..) => (None, true),
    };
    Ok(ChangeRequestSituation {
        notice,
        can_approve: false,
        can_reject,
        report: obstacle.into_report(),
    })
}

async fn page(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedChangeRequest,
    notice: Option<PageNotice>,
) -> Result<RequestPage, ApiError> {
    let situation = situation(pages, loaded, browser.language).await?;
    let mut v = describe(pages, loaded, situation.report.as_ref(), browser.language).await?;
    v.notice = notice
        .or(situation.notice)
        .or_else(|| request_page::expired(browser));
    (v.can_approve, v.can_reject) = (situation.can_approve, situation.can_reject);
    if let Some(session) = &browser.session {
        v.csrf = csrf::token(&session.csrf_secret, "POST", &v.action);
    }
    let mut f = Layout::new(pages, browser, v.title.clone()).with_person(&loaded.person.0.name);
    f.acting_for = Some(display::name(&loaded.party.name));
    f.is_error = !v.failing.is_empty();
    f.back = addresses::of_change_request(loaded.request.id);
    Ok(RequestPage { f, v })
}

/// Digest of what was shown and would be approved.
fn seen(request: &ChangeRequest, system: Option<&System>, party: &Party) -> String {
    let parts = serde_json::json!([
        request.id,
        party.uuid,
        request.system_id,
        system.map(|s| (&s.name, &s.vendor_org)),
        request.system_user_id,
        request.sets,
        request.redirect_url
    ]);
    base64url(sha256(parts.to_string()))
}

async fn describe(
    pages: &Pages,
    loaded: &LoadedChangeRequest,
    report: Option<&DelegationReport>,
    language: Language,
) -> Result<RequestView, ApiError> {
    let LoadedChangeRequest {
        request,
        system,
        user,
        held,
        party,
        ..
    } = loaded;
    let t = |key: &str| texts::text(language, key).to_owned();
    let mut db = pages.db.acquire().await?;
    let about = request_view::PageSubject {
        system: system.as_ref(),
        system_id: &request.system_id,
        party,
        language,
    };
    let (mut facts, names) = about.facts(&mut db).await?;
    let name = user
        .as_ref()
        .map(|u| display::safe(&u.integration_title))
        .filter(|n| !n.is_empty())
        .unwrap_or_else(|| names.system.clone());
    if name != names.system {
        facts.push((t("c.name"), name.clone()));
    }
    facts.push((t("c.sent"), display::date(request.created, language)));
    if request.external_ref != request.party_org_no {
        facts.push((t("c.vendor_ref"), display::safe(&request.external_ref)));
    }
    let sets = &request.sets;
    let urns = |list: &[system_users::systems::AccessPackage]| -> Vec<String> {
        list.iter().map(|p| p.urn.clone()).collect()
    };
    let (added, added_rights) = (
        urns(&sets.required_access_packages),
        sets.required_resources(),
    );
    let (removed, removed_rights) = (
        urns(&sets.unwanted_access_packages),
        sets.unwanted_resources(),
    );
    let named = |list: &[String], id: &str| list.iter().any(|known| known.eq_ignore_ascii_case(id));
    let is_held = |id: &str| named(&held.packages, id) || named(&held.resources, id);
    let is_not_held = |id: &str| !is_held(id);
    let stays = |held: &[String], changed: [&[String]; 2]| -> Vec<String> {
        held.iter()
            .filter(|id| !changed.iter().any(|list| named(list, id)))
            .cloned()
            .collect()
    };
    let kept = stays(&held.packages, [&added, &removed]);
    let kept_rights = stays(&held.resources, [&added_rights, &removed_rights]);
    let org = names.organization.as_str();
    let add = GrantListing {
        packages: &added,
        resources: &added_rights,
        anchor: "ny-",
        report,
        tag: Some(("r.tag_has", &is_held)),
        org,
        language,
    };
    let (groups, failing) = add.groups(pages, &mut db).await?;
    let mut sections = vec![GrantSection {
        title: t("req.h_add"),
        empty: t("req.nothing_add"),
        groups,
        folded: false,
    }];
    let none = None;
    let remove = GrantListing {
        packages: &removed,
        resources: &removed_rights,
        anchor: "bort-",
        report: none,
        tag: Some(("r.tag_inactive", &is_not_held)),
        org,
        language,
    };
    let (groups, _) = remove.groups(pages, &mut db).await?;
    sections.push(GrantSection {
        title: t("req.h_remove"),
        empty: t("req.nothing_remove"),
        groups,
        folded: false,
    });
    let keep = GrantListing {
        packages: &kept,
        resources: &kept_rights,
        anchor: "som-for-",
        report: none,
        tag: None,
        org,
        language,
    };
    let (groups, _) = keep.groups(pages, &mut db).await?;
    if !groups.is_empty() {
        sections.push(GrantSection {
            title: t("req.h_keep"),
            empty: String::new(),
            groups,
            folded: true,
        });
    }
    let after = request_view::afterwards(request.redirect_url.as_deref(), language);
    Ok(RequestView {
        notice: None,
        failing,
        title: texts::filled(language, "req.title_change", &[("name", &name)]),
        lead: texts::filled(
            language,
            "req.lead_change",
            &[("vendor", &names.vendor), ("name", &name), ("org", org)],
        ),
        more: Vec::new(),
        facts,
        sections,
        approve: t("req.approve_change"),
        decide_title: t("req.h_decide"),
        decide_body: String::new(),
        action: action(request.id),
        csrf: String::new(),
        party: party.uuid.to_string(),
        seen: seen(request, system.as_ref(), party),
        can_approve: false,
        can_reject: false,
        forward: None,
        close: after.0,
        afterwards: after.1,
        system_name: names.system,
    })
}

async fn carry_out(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedChangeRequest,
    form: &DecisionForm,
) -> Response {
    let LoadedChangeRequest {
        request,
        party,
        person,
        ..
    } = loaded;
    let approver = Approver { person, party };
    let outcome = match form.decision.as_str() {
        "close" => Ok(VisitOutcome::of_change_request(request.status)),
        "approve" | "reject" if form.party != party.uuid.to_string() => {
            return layout::message(
                pages,
                browser,
                StatusCode::FORBIDDEN,
                "e.403_title",
                "e.403_generic",
            );
        }
        "approve" => {
            let same =
                |now: &ChangeRequest, system: &System| seen(now, Some(system), party) == form.seen;
            pages
                .requests
                .approve_change(approver, request.id, Some(&same))
                .await
                .map(|_| VisitOutcome::Changed)
        }
        "reject" => pages
            .requests
            .reject_change(approver, request.id)
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
        Err(error) => match request_page::why(pages, browser, error, form.decision == "approve") {
            Ok((status, notice)) => again(pages, browser, request.id, status, notice).await,
            Err(page) => page,
        },
    }
}

/// After a decision: out, and to where the vendor waits, or to the receipt.
async fn leave(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedChangeRequest,
    outcome: VisitOutcome,
) -> Response {
    let receipt = receipt(pages, browser, loaded, outcome);
    logout::end(
        pages,
        browser,
        loaded
            .request
            .redirect_url
            .as_deref()
            .filter(|u| !u.is_empty()),
        Some(&receipt),
    )
    .await
}

fn receipt(
    pages: &Pages,
    browser: &BrowserRequest,
    loaded: &LoadedChangeRequest,
    outcome: VisitOutcome,
) -> Receipt {
    let (system, id) = (loaded.system.as_ref(), &loaded.request.system_id);
    let system = request_view::system_name(system, id, browser.language);
    Receipt::new(outcome, &system, id, &loaded.party, pages.clock.now())
}
