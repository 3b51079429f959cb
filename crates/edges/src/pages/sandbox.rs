//! Pages that a sandbox alone has: its start page, guided tours for each kind of reader, the page to
//! which a vendor's customer returns, and the calls that came in.
//!
//! Tours are for developers and English alone, as the guides are.

use askama::Template;
use axum::{extract::State, response::Response};
use foundation::{
    config::{CheckedSettings, Profile},
    http::{ApiError, path::PathValues},
};
use http::StatusCode;
use registers::parties;

use super::{
    Pages,
    browser::BrowserRequest,
    display,
    docs::reference::TEST_TOKENS,
    layout::{self, Layout},
    recent_calls::RecentCall,
};

/// Where the demo looks for a sandbox when nothing else is said.
const DEMO_BASE: &str = "http://127.0.0.1:8080";

/// What to type for the journey to be played against this sandbox, where the program is called so.
#[must_use]
pub fn demo_command(program: &str, config: &CheckedSettings) -> String {
    if config.public_base == DEMO_BASE {
        format!("{program} demo")
    } else {
        format!("{program} demo --base {}", config.public_base)
    }
}

/// Something that runs.
#[derive(Debug)]
struct RunningService {
    name: String,
    address: String,
    /// User and password, with a colon between them, where it asks for them.
    user: Option<String>,
}

/// A person as whom one may log in.
#[derive(Debug)]
struct TestPerson {
    name: String,
    identity_number: String,
    roles: String,
}

#[derive(Debug, Template)]
#[template(path = "sandbox.html")]
struct SandboxStart {
    f: Layout,
    tours: Vec<(&'static str, String, String)>,
    running: Vec<RunningService>,
    client_dir: String,
    command: String,
    persons: Vec<TestPerson>,
}

/// `GET /` of a sandbox: what is running and how to try it.
pub async fn start(pages: &Pages, browser: &BrowserRequest) -> Response {
    match start_page(pages, browser).await {
        Ok(page) => page.f.respond(StatusCode::OK, &page),
        Err(error) => layout::failure(pages, browser, error),
    }
}

async fn start_page(pages: &Pages, browser: &BrowserRequest) -> Result<SandboxStart, ApiError> {
    let title = super::text(browser.language, "sandbox.title").to_owned();
    let f = Layout::new(pages, browser, title);
    let persons = parties::persons_for_login(&pages.db)
        .await?
        .into_iter()
        .filter_map(|person| {
            let number = pages.identity.decrypt(&person.person_id_enc).ok()?;
            let role = |(name, org): &(serde_json::Value, String)| {
                let role = display::localized(name, browser.language).map(|found| found.0);
                format!("{}, {}", role.unwrap_or_default(), display::name(org))
            };
            let roles: Vec<_> = person.roles.iter().map(role).collect();
            Some(TestPerson {
                name: person.party.name,
                identity_number: number.expose().to_owned(),
                roles: roles.join(" · "),
            })
        })
        .collect();
    let tours = GuidedTour::ALL
        .iter()
        .map(|tour| {
            let (title, lead) = tour.keys();
            (tour.name(), f.t(title).to_owned(), f.t(lead).to_owned())
        })
        .collect();
    Ok(SandboxStart {
        tours,
        running: running(&pages.config, &f),
        client_dir: pages
            .config
            .sandbox_dir()
            .map(|d| d.join("clients").display().to_string())
            .unwrap_or_default(),
        command: demo_command("systembruker", &pages.config),
        f,
        persons,
    })
}

fn running(config: &CheckedSettings, f: &Layout) -> Vec<RunningService> {
    let one = |key: &str, address: String| RunningService {
        name: f.t(key).to_owned(),
        address,
        user: None,
    };
    let mut all = vec![
        one("sandbox.main", config.public_base.clone()),
        one("sandbox.maskinporten", config.maskinporten_issuer.clone()),
        one("sandbox.idporten", config.idporten_issuer.clone()),
    ];
    all.extend(config.local.iter().map(|local| RunningService {
        user: user(config),
        ..one("sandbox.testtools", local.testtools.clone())
    }));
    let metrics = format!("{}/metrics", config.public_base);
    all.push(one("sandbox.metrics", metrics));
    all
}

/// User and password of the generator of test tokens: those of a sandbox are no secret.
fn user(config: &CheckedSettings) -> Option<String> {
    let sandbox = config.settings.sandbox.as_ref()?;
    sandbox.testtools.users.first().cloned()
}

/// A guided tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GuidedTour {
    Vendor,
    Customer,
    ServiceOwner,
}

/// One step of a tour. What it sends is in `static/tour.js`, by its name.
#[derive(Debug)]
struct TourStep {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    /// What its button says.
    button: &'static str,
}

const fn step(
    name: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
) -> TourStep {
    TourStep {
        name,
        title,
        text,
        button,
    }
}

impl GuidedTour {
    const ALL: [Self; 3] = [Self::Vendor, Self::Customer, Self::ServiceOwner];

    const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Customer => "customer",
            Self::ServiceOwner => "service-owner",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tour| tour.name() == text)
    }

    /// Keys of its title and of what it is about, on the start page.
    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Vendor => ("sandbox.tour_vendor", "sandbox.tour_vendor_lead"),
            Self::Customer => ("sandbox.tour_customer", "sandbox.tour_customer_lead"),
            Self::ServiceOwner => ("sandbox.tour_owner", "sandbox.tour_owner_lead"),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Vendor => "Vendor: register a system, ask a customer, act for it",
            Self::Customer => "Customer: answer a request, and see what it opened",
            Self::ServiceOwner => "Service owner: describe a resource, and decide who may use it",
        }
    }

    const fn lead(self) -> &'static str {
        match self {
            Self::Vendor => {
                "You are Fjordlønn Programvare (390198116), which makes a payroll system. Your customer is Oddny Ildflue Keramikk (390381492)."
            }
            Self::Customer => {
                "You are Oddny Ildflue, who runs a pottery (390381492). Fjordlønn wants to report wages for you. Each visit to this page makes a request of its own."
            }
            Self::ServiceOwner => {
                "You are Skatte- og avgiftsverket (390028466). You have an API that payroll systems are to call."
            }
        }
    }

    const fn guide(self) -> &'static str {
        match self {
            Self::Vendor | Self::Customer => "vendor",
            Self::ServiceOwner => "service-owner",
        }
    }

    const fn steps(self) -> &'static [TourStep] {
        const VENDOR: &[TourStep] = &[
            step(
                "vendor-token",
                "Get a token",
                "In production it comes from Maskinporten, for a key of yours. The sandbox's generator gives one to every caller.",
                "Get the token",
            ),
            step(
                "system",
                "Register your system",
                "Once. It says which access packages the system may ask for, and where customers return to.",
                "Register it",
            ),
            step(
                "request",
                "Ask a customer for a system user",
                "You name the customer's organisation number. The answer has a confirmUrl.",
                "Ask",
            ),
            step(
                "open",
                "Let the customer answer",
                "Open the page and log in as Oddny Ildflue, identity number 11859024884. Read, and approve. You come back to the receipt of your system.",
                "Open the customer's page",
            ),
            step(
                "status",
                "Read the answer",
                "Ask for the request until its status is Accepted.",
                "Read the request",
            ),
            step(
                "user-token",
                "Get a token for the system user",
                "In production: a JWT grant to Maskinporten with authorization_details of the type urn:altinn:systemuser. The guide has it.",
                "Get the token",
            ),
            step(
                "decide",
                "Call an API",
                "The API of a service owner gets your token, and asks whether it may let you through. This is its question.",
                "Ask as the service owner does",
            ),
        ];
        const CUSTOMER: &[TourStep] = &[
            step(
                "fresh-request",
                "A vendor asks you",
                "Fjordlønn makes a request, as its program would.",
                "Let it ask",
            ),
            step(
                "open",
                "Answer",
                "Open the page and log in as Oddny Ildflue, identity number 11859024884. Read what Fjordlønn asks for, and approve.",
                "Open the page",
            ),
            step(
                "list",
                "See your system users",
                "The system user that you gave Fjordlønn is in the list, with the id of the request.",
                "List them",
            ),
            step(
                "decide",
                "What it opened",
                "A service owner asks whether Fjordlønn's system user may report wages for you.",
                "Ask as a service owner does",
            ),
        ];
        const SERVICE_OWNER: &[TourStep] = &[
            step(
                "owner-token",
                "Get a token",
                "With the scopes of the resource registry and of decisions.",
                "Get the token",
            ),
            step(
                "resource",
                "Describe the resource",
                "Your API, as customers and vendors see it.",
                "Describe it",
            ),
            step(
                "policy",
                "Upload a policy",
                "All who have the access package a-ordning may read, system users too.",
                "Upload it",
            ),
            step(
                "caller-token",
                "A system calls your API",
                "It brings a token for its system user. Here, the one of Tindevandrer (390367767).",
                "Get its token",
            ),
            step(
                "decide-by-token",
                "Decide",
                "One call verifies the token and decides.",
                "May it read?",
            ),
        ];
        match self {
            Self::Vendor => VENDOR,
            Self::Customer => CUSTOMER,
            Self::ServiceOwner => SERVICE_OWNER,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "sandbox_tour.html")]
struct TourPage {
    f: Layout,
    tour: GuidedTour,
    token_address: &'static str,
    token_user: String,
}

/// `GET /docs/tours/{name}`
pub async fn tour(
    State(pages): State<Pages>,
    browser: BrowserRequest,
    path: PathValues,
) -> Response {
    let is_sandbox = pages.config.profile() == Profile::Sandbox;
    let Some(tour) = GuidedTour::parse(path.get("name")).filter(|_| is_sandbox) else {
        return layout::unknown(&pages, &browser);
    };
    let page = TourPage {
        f: Layout::new(&pages, &browser, tour.title().to_owned()),
        tour,
        token_address: TEST_TOKENS,
        token_user: user(&pages.config).unwrap_or_default(),
    };
    page.f.respond(StatusCode::OK, &page)
}

#[derive(Debug, Template)]
#[template(path = "sandbox_receipt.html")]
struct ReceiptPage {
    f: Layout,
}

/// `GET /docs/tours/receipt`: where a customer returns to, as a vendor's page would be.
pub async fn receipt(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    if pages.config.profile() != Profile::Sandbox {
        return layout::unknown(&pages, &browser);
    }
    let title = "Back at the vendor".to_owned();
    let page = ReceiptPage {
        f: Layout::new(&pages, &browser, title),
    };
    page.f.respond(StatusCode::OK, &page)
}

#[derive(Debug, Template)]
#[template(path = "sandbox_calls.html")]
struct CallsPage {
    f: Layout,
    calls: Vec<RecentCall>,
}

/// `GET /docs/tours/calls`: the last calls, and why those that were refused were.
pub async fn calls(State(pages): State<Pages>, browser: BrowserRequest) -> Response {
    let Some(recent) = &pages.recent_calls else {
        return layout::unknown(&pages, &browser);
    };
    let page = CallsPage {
        f: Layout::new(&pages, &browser, "Calls that came in".to_owned()),
        calls: recent.all(),
    };
    page.f.respond(StatusCode::OK, &page)
}
