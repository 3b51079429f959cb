//! What a request page shows, put together from the request, its system and what the person may do.

use serde_json::Value;
use sqlx::PgConnection;

use super::Pages;
use super::{
    display,
    texts::{self, Language},
};
use authorization::delegation::{DelegationReport, rules::PackageRefusal};
use foundation::{
    crypto::{base64url, sha256},
    http::ApiError,
};
use registers::{
    parties::{self, Party},
    resources,
};
use system_users::{
    requests::{RequestKind, SystemUserRequest},
    systems::System,
};

/// A power of attorney on the page.
#[derive(Debug, Default)]
pub struct GrantItem {
    pub anchor: String,
    pub name: String,
    pub lang: Option<&'static str>,
    pub missing: bool,
    /// A remark next to the name.
    pub tag: Option<String>,
    pub lines: Vec<String>,
    pub services: Vec<String>,
    pub after: Vec<String>,
}

/// Powers of attorney of one kind.
#[derive(Debug)]
pub struct GrantGroup {
    pub title: String,
    pub items: Vec<GrantItem>,
}

/// Powers of attorney under one heading.
#[derive(Debug)]
pub struct GrantSection {
    pub title: String,
    /// Shown in place of the groups when there are none.
    pub empty: String,
    pub groups: Vec<GrantGroup>,
    /// Closed until the reader opens it.
    pub folded: bool,
}

/// A message above the request.
#[derive(Debug)]
pub struct PageNotice {
    pub color: &'static str,
    pub title: String,
    pub body: String,
}

/// The system does not list any more what is asked for.
pub fn unfit(language: Language) -> PageNotice {
    PageNotice {
        color: "danger",
        title: texts::text(language, "req.unfit_title").to_owned(),
        body: texts::text(language, "req.unfit_body").to_owned(),
    }
}

/// Everything the page shows.
#[derive(Debug)]
pub struct RequestView {
    pub notice: Option<PageNotice>,
    pub failing: Vec<(String, String)>,
    pub title: String,
    pub lead: String,
    pub more: Vec<String>,
    pub facts: Vec<(String, String)>,
    pub sections: Vec<GrantSection>,
    pub approve: String,
    pub decide_title: String,
    pub decide_body: String,
    pub action: String,
    pub csrf: String,
    pub party: String,
    pub seen: String,
    pub can_approve: bool,
    pub can_reject: bool,
    /// Text of the button that passes the request on to those who may decide, where it is offered.
    pub forward: Option<String>,
    pub close: String,
    pub afterwards: String,
    pub system_name: String,
}

/// Digest of what was shown and would be approved.
#[must_use]
pub fn seen(
    request: &SystemUserRequest,
    system: Option<&System>,
    party: &Party,
    language: Language,
) -> String {
    let system_name = system.map(|s| s.name.clone()).unwrap_or_default();
    let vendor = system.map(|s| s.vendor_org.clone()).unwrap_or_default();
    let (mut rights, mut packages) = (request.resource_ids(), request.package_urns());
    rights.sort();
    packages.sort();
    let shown = display::localized(&system_name, language)
        .map(|n| n.0)
        .unwrap_or_default();
    let parts = serde_json::json!([
        request.kind,
        request.id,
        party.uuid,
        request.system_id,
        shown,
        vendor,
        rights,
        packages,
        request.redirect_url
    ]);
    base64url(sha256(parts.to_string()))
}

/// Whom a page is about.
pub struct PageSubject<'a> {
    pub system: Option<&'a System>,
    pub system_id: &'a str,
    pub party: &'a Party,
    pub language: Language,
}

/// Names as a page shows them.
pub struct PageNames {
    pub system: String,
    pub vendor: String,
    pub organization: String,
}

/// Name of a system, or its id.
pub fn system_name(system: Option<&System>, id: &str, language: Language) -> String {
    system
        .and_then(|system| display::localized(&system.name, language))
        .map_or_else(|| display::safe(id), |name| name.0)
}

impl PageSubject<'_> {
    /// Organisation, system and vendor, as facts and as names.
    pub async fn facts(
        &self,
        db: &mut PgConnection,
    ) -> Result<(Vec<(String, String)>, PageNames), ApiError> {
        let t = |key: &str| texts::text(self.language, key).to_owned();
        let system = system_name(self.system, self.system_id, self.language);
        let vendor_no = self
            .system
            .map(|s| s.vendor_org.clone())
            .unwrap_or_default();
        let known = parties::names_of_organizations(db, std::slice::from_ref(&vendor_no))
            .await?
            .remove(&vendor_no);
        let vendor = known.map_or_else(|| display::org_number(&vendor_no), |n| display::name(&n));
        let organization = display::name(&self.party.name);
        let org_no = self.party.org_number.clone().unwrap_or_default();
        let numbered = |name: &str, number: &str| {
            format!(
                "{name} · {}",
                texts::filled(
                    self.language,
                    "c.orgno",
                    &[("orgno", &display::org_number(number))]
                )
            )
        };
        let facts = vec![
            (t("c.org"), numbered(&organization, &org_no)),
            (t("c.system"), system.clone()),
            (t("c.vendor"), numbered(&vendor, &vendor_no)),
        ];
        Ok((
            facts,
            PageNames {
                system,
                vendor,
                organization,
            },
        ))
    }
}

/// Text of the button that closes the page, and what happens after a decision.
#[must_use]
pub fn afterwards(redirect_url: Option<&str>, language: Language) -> (String, String) {
    match redirect_url.and_then(display::host) {
        Some(host) => {
            let fill = |key: &str| texts::filled(language, key, &[("host", &host)]);
            (fill("req.close_redirect"), fill("req.after_redirect"))
        }
        None => (
            texts::text(language, "req.close_logout").to_owned(),
            texts::text(language, "req.after_logout").to_owned(),
        ),
    }
}

/// The parts that do not depend on what may be done.
pub async fn describe(
    pages: &Pages,
    db: &mut PgConnection,
    request: &SystemUserRequest,
    system: Option<&System>,
    party: &Party,
    report: Option<&DelegationReport>,
    language: Language,
) -> Result<RequestView, ApiError> {
    let t = |key: &str| texts::text(language, key).to_owned();
    let about = PageSubject {
        system,
        system_id: &request.system_id,
        party,
        language,
    };
    let (
        mut facts,
        PageNames {
            system: system_name,
            vendor,
            organization: org,
        },
    ) = about.facts(&mut *db).await?;
    if let Some(title) = request
        .integration_title
        .as_deref()
        .map(display::safe)
        .filter(|title| *title != system_name)
    {
        facts.push((t("c.name"), title));
    }
    facts.push((t("c.sent"), display::date(request.created, language)));
    if request.external_ref != request.party_org_no {
        facts.push((t("c.vendor_ref"), display::safe(&request.external_ref)));
    }
    let (title_key, lead_key) = match request.kind {
        RequestKind::Standard => ("req.title_own", "req.lead_own"),
        RequestKind::Agent => ("req.title_agent", "req.lead_agent"),
    };
    let mut more = Vec::new();
    if request.kind == RequestKind::Agent {
        more.push(t("req.agent_no_clients"));
        let all_assignable = request.package_urns().iter().all(|urn| {
            pages
                .catalogue
                .package_by_urn(urn)
                .is_some_and(|p| p.is_assignable)
        });
        if all_assignable {
            more.push(texts::filled(language, "req.agent_self", &[("org", &org)]));
        }
    }
    let listing = GrantListing {
        packages: &request.package_urns(),
        resources: &request.resource_ids(),
        anchor: "",
        report,
        tag: None,
        org: &org,
        language,
    };
    let (groups, failing) = listing.groups(pages, db).await?;
    let (close, afterwards) = afterwards(request.redirect_url.as_deref(), language);
    Ok(RequestView {
        notice: None,
        failing,
        title: texts::filled(language, title_key, &[("system", &system_name)]),
        lead: texts::filled(
            language,
            lead_key,
            &[("vendor", &vendor), ("system", &system_name), ("org", &org)],
        ),
        more,
        facts,
        sections: vec![GrantSection {
            title: t("req.h_rights"),
            empty: String::new(),
            groups,
            folded: false,
        }],
        approve: t("req.approve"),
        decide_title: t("req.h_decide"),
        decide_body: String::new(),
        action: String::new(),
        csrf: String::new(),
        party: party.uuid.to_string(),
        seen: seen(request, system, party, language),
        can_approve: false,
        can_reject: false,
        forward: None,
        close,
        afterwards,
        system_name,
    })
}

/// Items that cannot be given: where they are on the page, and why.
pub type FailingItems = Vec<(String, String)>;

/// Whether a URN or resource id carries a tag.
pub type TagPredicate<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// Packages and resources to be shown.
pub struct GrantListing<'a> {
    pub packages: &'a [String],
    pub resources: &'a [String],
    /// Before the anchors, so that those of several listings differ.
    pub anchor: &'a str,
    /// What may be given.
    pub report: Option<&'a DelegationReport>,
    /// Text of a tag, and which URNs and resource ids carry it.
    pub tag: Option<(&'a str, TagPredicate<'a>)>,
    /// Name of the organisation.
    pub org: &'a str,
    pub language: Language,
}

impl GrantListing<'_> {
    /// The packages first, then the rights, each with what it means.
    pub async fn groups(
        &self,
        pages: &Pages,
        db: &mut PgConnection,
    ) -> Result<(Vec<GrantGroup>, FailingItems), ApiError> {
        let (mut out, mut failing) = (Vec::new(), Vec::new());
        let tag = |id: &str| {
            self.tag
                .filter(|(_, carries)| carries(id))
                .map(|(key, _)| texts::text(self.language, key).to_owned())
        };
        let mut packages = Vec::new();
        for (index, urn) in self.packages.iter().enumerate() {
            let mut item = package_item(pages, &mut *db, urn, self.language).await?;
            item.anchor = format!("{}pakke-{index}", self.anchor);
            item.tag = tag(urn);
            let refused = self
                .report
                .and_then(|r| r.packages.iter().find(|p| p.urn.eq_ignore_ascii_case(urn)))
                .and_then(|p| p.refused);
            if let Some(refused) = refused {
                item.missing = true;
                let code = if refused == PackageRefusal::Missing {
                    "MissingPackageAccess"
                } else {
                    "Unknown"
                };
                failing.push(failing_line(&item, &[code], self.org, self.language));
            }
            packages.push(item);
        }
        let documents = resources::names(db, self.resources).await?;
        let mut rights = Vec::new();
        for (index, id) in self.resources.iter().enumerate() {
            let mut item = right_item(documents.get(id), id, self.language);
            item.anchor = format!("{}rett-{index}", self.anchor);
            item.tag = tag(id);
            if let Some(outcome) = self
                .report
                .and_then(|r| r.rights.iter().find(|o| o.resource == *id))
                .filter(|o| o.granted.is_empty())
            {
                item.missing = true;
                let codes: Vec<&str> = outcome.reasons.iter().map(|r| r.as_str()).collect();
                failing.push(failing_line(&item, &codes, self.org, self.language));
            }
            rights.push(item);
        }
        for (key, items) in [("r.packages", packages), ("r.single", rights)] {
            if !items.is_empty() {
                out.push(GrantGroup {
                    title: texts::counted(self.language, key, items.len()),
                    items,
                });
            }
        }
        Ok((out, failing))
    }
}

fn failing_line(
    item: &GrantItem,
    codes: &[&str],
    org: &str,
    language: Language,
) -> (String, String) {
    let codes = if codes.is_empty() {
        &["Unknown"]
    } else {
        codes
    };
    let reasons: Vec<String> = codes
        .iter()
        .map(|code| texts::filled(language, &format!("d.{code}"), &[("org", org)]))
        .collect();
    let line = texts::filled(
        language,
        "d.item",
        &[("name", &item.name), ("reason", &reasons.join("; "))],
    );
    (item.anchor.clone(), line)
}

async fn package_item(
    pages: &Pages,
    db: &mut PgConnection,
    urn: &str,
    language: Language,
) -> Result<GrantItem, ApiError> {
    let Some(package) = pages.catalogue.package_by_urn(urn) else {
        return Ok(GrantItem {
            name: texts::filled(language, "r.unknown", &[("id", &display::safe(urn))]),
            ..GrantItem::default()
        });
    };
    let (name, lang) =
        display::localized(&package.name, language).unwrap_or_else(|| (urn.to_owned(), None));
    let services = resources::naming(db, &package.urn).await?;
    let mut lines: Vec<String> = display::localized(&package.description, language)
        .map(|d| d.0)
        .into_iter()
        .collect();
    lines.push(match services.len() {
        0 => texts::text(language, "r.no_services").to_owned(),
        count => texts::counted(language, "r.services", count),
    });
    let service = |document: &Value| {
        let title = display::localized(document.get("title").unwrap_or(&Value::Null), language)
            .map(|t| t.0)
            .unwrap_or_default();
        let owner = owner_of(document, language);
        if owner.is_empty() {
            title
        } else {
            format!("{title} ({owner})")
        }
    };
    Ok(GrantItem {
        name,
        lang,
        lines,
        services: services.iter().map(service).collect(),
        after: vec![texts::text(language, "r.future").to_owned()],
        ..GrantItem::default()
    })
}

fn owner_of(document: &Value, language: Language) -> String {
    document
        .pointer("/hasCompetentAuthority/name")
        .and_then(|n| display::localized(n, language))
        .map(|n| n.0)
        .unwrap_or_default()
}

fn right_item(document: Option<&Value>, id: &str, language: Language) -> GrantItem {
    let Some(document) = document else {
        return GrantItem {
            name: texts::filled(language, "r.unknown", &[("id", &display::safe(id))]),
            ..GrantItem::default()
        };
    };
    let (name, lang) = document
        .get("title")
        .and_then(|t| display::localized(t, language))
        .unwrap_or_else(|| (display::safe(id), None));
    let owner = owner_of(document, language);
    let mut lines = Vec::new();
    if !owner.is_empty() {
        lines.push(texts::filled(language, "r.owner", &[("owner", &owner)]));
    }
    let description = document
        .get("rightDescription")
        .or_else(|| document.get("description"))
        .and_then(|d| display::localized(d, language));
    lines.push(description.map_or_else(|| texts::text(language, "r.no_desc").to_owned(), |d| d.0));
    GrantItem {
        name,
        lang,
        lines,
        ..GrantItem::default()
    }
}
