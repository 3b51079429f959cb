//! `demo`: the journey, played against a running sandbox by all who take part in it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use url::Url;

use super::{
    exit::{DoesNotHold, WrongUse},
    shown_request::{self, indented},
};
use foundation::{crypto::random_text, token::SigningKey};

const VENDOR_ORG: &str = "390198116";
/// Owns the resource `a-melding`.
const SERVICE_OWNER_ORG: &str = "390028466";
const CUSTOMER_ORG: &str = "390381492";
const CUSTOMER_PARTY: i32 = 52_000_091;
const ODDNY: &str = "11859024884";
/// Where the vendor wants to have the browser back.
const RECEIPT: &str = "https://fjordlonn.example/kvittering";
/// Redirects and pages that lead on, one after the other.
const MAX_STEPS: usize = 10;
const CONFIRM_PAGE: &str = "/accessmanagement/ui/systemuser/request";

/// All who take part, and where they call.
struct Demo {
    base: Url,
    maskinporten: Url,
    testtools: Url,
    http: Client,
    step: u32,
    /// What was sent since the last step's line; none unless it is to be shown.
    sent: Option<String>,
}

/// Who asks Maskinporten for tokens.
struct TokenClient {
    client_id: String,
    key: SigningKey,
}

/// Plays the journey; prints each step with its status and time.
///
/// # Errors
/// The sandbox does not answer, or a step ends otherwise than it should.
pub async fn run(base: &str, show_requests: bool) -> anyhow::Result<()> {
    let mut demo = Demo::find(base, show_requests).await?;
    println!(
        "The journey of a system user, on the sandbox at {}\n",
        demo.base
    );
    demo.play().await.map_err(|error| {
        // A sandbox that went away says nothing about the journey.
        if error
            .chain()
            .any(<dyn std::error::Error>::is::<reqwest::Error>)
        {
            error
        } else {
            DoesNotHold(format!("{error:#}")).into()
        }
    })?;
    println!("\nThat was the whole journey: asked, approved, used and ended.");
    Ok(())
}

impl Demo {
    /// Looks where the parts of the sandbox are. Nothing is sent to anything else: what shows
    /// requests would show the secrets of a real service.
    async fn find(base: &str, show_requests: bool) -> anyhow::Result<Self> {
        let base = Url::parse(base).map_err(|_| WrongUse("--base is not an address".to_owned()))?;
        let at_offset = |offset: u16| -> anyhow::Result<Url> {
            let mut url = base.clone();
            let port = base.port_or_known_default().context("--base has no port")?;
            url.set_port(Some(port + offset))
                .map_err(|()| anyhow::anyhow!("--base cannot have a port"))?;
            Ok(url)
        };
        let http = Client::builder()
            .redirect(Policy::none())
            .cookie_store(true)
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()?;
        let alive = http.get(base.join("/alive")?).send().await.map_err(|_| {
            anyhow::anyhow!(
                "no sandbox answers at {base}: start one in another terminal, or name its address with --base"
            )
        })?;
        ensure!(
            alive.headers().contains_key("x-sandbox"),
            "what answers at {base} is no sandbox: the demo plays with made-up persons only"
        );
        // A sandbox on one port has everything below its own address.
        let below = (
            base.join("/sandbox/maskinporten/")?,
            base.join("/sandbox/testtools/")?,
        );
        let is_one_port = http.get(below.0.join("jwk")?).send().await?.status() == StatusCode::OK;
        let (maskinporten, testtools) = if is_one_port {
            below
        } else {
            (at_offset(10)?, at_offset(12)?)
        };
        let metadata: Value = http
            .get(maskinporten.join(".well-known/oauth-authorization-server")?)
            .send()
            .await?
            .json()
            .await?;
        let issuer = metadata["issuer"].as_str().unwrap_or_default();
        ensure!(
            issuer == maskinporten.as_str(),
            "Maskinporten of this sandbox is called {issuer}, and the pages have such names too, to which the demo's browser is led: \
             give --base by that name, or start the sandbox without sandbox.assume_real_names"
        );
        Ok(Self {
            base,
            maskinporten,
            testtools,
            http,
            step: 0,
            sent: show_requests.then(String::new),
        })
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        let (vendor, timing) = self.new_client(VENDOR_ORG).await?;
        self.print_step(
            "Fjordlønn Programvare AS gets a Maskinporten client",
            &timing,
        );
        let (owner, timing) = self.new_client(SERVICE_OWNER_ORG).await?;
        self.print_step(
            "Skatte- og avgiftsverket, a service owner, gets one",
            &timing,
        );
        let raw = self
            .grant(
                &vendor,
                "altinn:authentication/systemregister.write altinn:authentication/systemuser.request.write altinn:authentication/systemuser.request.read",
                None,
            )
            .await?;
        self.print_step(
            "the vendor's system gets a token from Maskinporten",
            &raw.timing,
        );
        let token = self.exchange(&raw.token).await?;
        let system_id = self.register_system(&token, &vendor.client_id).await?;
        let (request_id, confirm_url) = self.request(&token, &system_id).await?;
        let page = self.open_and_log_in(&confirm_url).await?;
        self.approve(&request_id, &page).await?;
        self.expect_status(&token, &request_id, "Accepted").await?;
        let details = json!([{"type": "urn:altinn:systemuser", "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": format!("0192:{CUSTOMER_ORG}")}}]);
        let user_token = self
            .grant(&vendor, "altinn:systembruker.demo", Some(details.clone()))
            .await?;
        self.print_step(
            "the vendor's system gets a token that represents the system user",
            &user_token.timing,
        );
        let owner_token = self
            .grant(&owner, "altinn:authorization/authorize", None)
            .await?;
        self.print_step(
            "the service owner gets a token of its own",
            &owner_token.timing,
        );
        self.decide(&owner_token.token, &request_id, "a-melding", "Permit")
            .await?;
        self.decide(
            &owner_token.token,
            &request_id,
            "inntektsmelding",
            "NotApplicable",
        )
        .await?;
        self.delete(&request_id).await?;
        self.decide(
            &owner_token.token,
            &request_id,
            "a-melding",
            "NotApplicable",
        )
        .await?;
        let refused = self
            .try_grant(&vendor, "altinn:systembruker.demo", Some(details))
            .await?;
        let text = refused.json::<Value>().await.unwrap_or_default();
        ensure!(
            text["error"] == "invalid_altinn_customer_configuration",
            "Maskinporten still gives a token for a deleted system user"
        );
        self.print_step(
            "Maskinporten gives no token for the deleted system user",
            "400 invalid_altinn_customer_configuration",
        );
        Ok(())
    }

    fn print_step(&mut self, words: &str, result: &str) {
        self.step += 1;
        println!("{:>3}. {words:<66} {result}", self.step);
        if let Some(sent) = &mut self.sent {
            println!("\n{}", indented(sent));
            sent.clear();
        }
    }

    /// Sends a request, and keeps it to be shown below the line of its step.
    async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Response> {
        let request = request.build()?;
        if let Some(sent) = &mut self.sent {
            sent.push_str(&shown_request::text(&request));
        }
        Ok(self.http.execute(request).await?)
    }

    async fn timed(&mut self, request: RequestBuilder) -> anyhow::Result<(Response, String)> {
        let started = Instant::now();
        let response = self.send(request).await?;
        let timing = timing(&response, started);
        Ok((response, timing))
    }

    /// A Maskinporten client of an organisation, with all scopes that vendors and service owners use.
    async fn new_client(&mut self, organization: &str) -> anyhow::Result<(TokenClient, String)> {
        let request = self
            .http
            .post(self.testtools.join("sandbox/clients")?)
            .basic_auth("sandbox", Some("sandbox"))
            .json(&json!({"orgNumber": organization}));
        let (response, timing) = self.timed(request).await?;
        ensure!(
            response.status() == StatusCode::CREATED,
            "registering a client: {}",
            response.status()
        );
        let client: Value = response.json().await?;
        let text = |name: &str| {
            let value = client[name].as_str();
            value.with_context(|| format!("the new client has no {name}"))
        };
        let grantor = TokenClient {
            client_id: text("clientId")?.to_owned(),
            key: SigningKey::from_pem(text("privatePem")?, "")?,
        };
        Ok((grantor, timing))
    }

    async fn try_grant(
        &mut self,
        grantor: &TokenClient,
        scope: &str,
        details: Option<Value>,
    ) -> anyhow::Result<Response> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a client of the sandbox, with a clock of its own"
        )]
        let now = chrono::Utc::now().timestamp();
        let mut claims = json!({"iss": grantor.client_id, "aud": self.maskinporten.as_str(), "scope": scope, "iat": now, "exp": now + 60, "jti": random_text(16)});
        if let Some(details) = details {
            claims["authorization_details"] = details;
        }
        let assertion = grantor.key.sign(&claims, &[])?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ];
        let request = self.http.post(self.maskinporten.join("token")?);
        self.send(request.form(&form)).await
    }

    async fn grant(
        &mut self,
        grantor: &TokenClient,
        scope: &str,
        details: Option<Value>,
    ) -> anyhow::Result<GrantedToken> {
        let started = Instant::now();
        let response = self.try_grant(grantor, scope, details).await?;
        let timing = timing(&response, started);
        let body: Value = response.json().await?;
        let token = body["access_token"]
            .as_str()
            .with_context(|| format!("Maskinporten refuses: {}", body["error_description"]))?;
        Ok(GrantedToken {
            token: token.to_owned(),
            timing,
        })
    }

    async fn exchange(&mut self, token: &str) -> anyhow::Result<String> {
        let request = self
            .http
            .get(
                self.base
                    .join("/authentication/api/v1/exchange/maskinporten")?,
            )
            .bearer_auth(token);
        let (response, timing) = self.timed(request).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "exchange: {}",
            response.status()
        );
        self.print_step("it exchanges the token (it need not)", &timing);
        Ok(response.text().await?)
    }

    async fn register_system(&mut self, token: &str, client_id: &str) -> anyhow::Result<String> {
        let id = format!("{VENDOR_ORG}_demo-{}", random_text(6));
        let name = json!({"nb": "Fjordlønn demo", "nn": "Fjordlønn demo", "en": "Fjordlønn demo"});
        let body = json!({
            "id": id, "vendor": {"ID": format!("0192:{VENDOR_ORG}")}, "name": name, "description": name, "clientId": [client_id], "isVisible": true,
            "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}, {"urn": "urn:altinn:accesspackage:sykefravaer"}],
            "allowedRedirectUrls": [RECEIPT],
        });
        let request = self
            .http
            .post(
                self.base
                    .join("/authentication/api/v1/systemregister/vendor")?,
            )
            .bearer_auth(token)
            .json(&body);
        let (response, timing) = self.timed(request).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "registering the system: {}",
            response.text().await?
        );
        self.print_step(&format!("it registers the system {id}"), &timing);
        Ok(id)
    }

    async fn request(&mut self, token: &str, system_id: &str) -> anyhow::Result<(String, String)> {
        let body = json!({
            "systemId": system_id, "partyOrgNo": CUSTOMER_ORG, "accessPackages": [{"urn": "urn:altinn:accesspackage:a-ordning"}],
            "redirectUrl": RECEIPT,
        });
        let request = self
            .http
            .post(
                self.base
                    .join("/authentication/api/v1/systemuser/request/vendor")?,
            )
            .bearer_auth(token)
            .json(&body);
        let (response, timing) = self.timed(request).await?;
        ensure!(
            response.status() == StatusCode::CREATED,
            "the request: {}",
            response.text().await?
        );
        let answer: Value = response.json().await?;
        self.print_step("it asks Oddny Ildflue Keramikk for a system user", &timing);
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        println!("       confirmUrl {}", text("confirmUrl"));
        Ok((text("id"), text("confirmUrl")))
    }

    /// Follows redirects to the login page, chooses Oddny, and follows them back.
    async fn open_and_log_in(&mut self, confirm_url: &str) -> anyhow::Result<String> {
        let started = Instant::now();
        let (login_page, login_address) = self.follow(Url::parse(confirm_url)?).await?;
        let request = hidden(&login_page, "request").context("the login page has no form")?;
        self.print_step(
            "Oddny opens the link and is sent to log in",
            &format!("302 → 200  {} ms", started.elapsed().as_millis()),
        );
        let started = Instant::now();
        let form = [
            ("request", request.as_str()),
            ("pid", ODDNY),
            ("level", "3"),
        ];
        let request = self.http.post(login_address.join("authorize")?);
        let response = self.send(request.form(&form)).await?;
        let (page, address) = self.follow(location(&response, &login_address)?).await?;
        ensure!(
            address.path() == CONFIRM_PAGE,
            "after the login the browser is at {address}"
        );
        self.print_step(
            "she logs in and reads what is asked for",
            &format!("303 → 200  {} ms", started.elapsed().as_millis()),
        );
        Ok(page)
    }

    async fn approve(&mut self, request_id: &str, page: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        // The page's header has a form too, for logging out.
        let form = page
            .split_once(&format!("action=\"{CONFIRM_PAGE}/{request_id}\""))
            .map_or(page, |(_, form)| form);
        let field = |name: &str| {
            hidden(form, name).with_context(|| format!("the page has no field {name}"))
        };
        ensure!(
            page.contains("value=\"approve\""),
            "the page offers no approval"
        );
        let form = [
            ("csrf", field("csrf")?),
            ("party", field("party")?),
            ("seen", field("seen")?),
            ("decision", "approve".to_owned()),
        ];
        let address = self.base.join(&format!("{CONFIRM_PAGE}/{request_id}"))?;
        let request = self.http.post(address.clone());
        let response = self.send(request.form(&form)).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "approving: {}",
            response.status()
        );
        let mut next = onward(response, &address).await?;
        for _ in 0..MAX_STEPS {
            if next.host_str() != self.base.host_str() {
                break;
            }
            let response = self.send(self.http.get(next.clone())).await?;
            next = onward(response, &next).await?;
        }
        ensure!(
            next.as_str() == RECEIPT,
            "after the approval the browser is at {next}"
        );
        self.print_step(
            "she approves, is logged out, and sent back to the vendor",
            &format!("200 → {next}  {} ms", started.elapsed().as_millis()),
        );
        Ok(())
    }

    async fn expect_status(&mut self, token: &str, id: &str, expected: &str) -> anyhow::Result<()> {
        let address = self.base.join(&format!(
            "/authentication/api/v1/systemuser/request/vendor/{id}"
        ))?;
        let (response, timing) = self
            .timed(self.http.get(address).bearer_auth(token))
            .await?;
        let answer: Value = response.json().await?;
        ensure!(
            answer["status"] == expected,
            "the request is {}",
            answer["status"]
        );
        self.print_step(&format!("the vendor asks how it went: {expected}"), &timing);
        Ok(())
    }

    async fn decide(
        &mut self,
        token: &str,
        system_user: &str,
        resource: &str,
        expected: &str,
    ) -> anyhow::Result<()> {
        let attribute =
            |id: &str, value: &str| json!([{"Attribute": [{"AttributeId": id, "Value": value}]}]);
        let body = json!({"Request": {
            "AccessSubject": attribute("urn:altinn:systemuser:uuid", system_user),
            "Action": attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write"),
            "Resource": [{"Attribute": [
                {"AttributeId": "urn:altinn:resource", "Value": resource},
                {"AttributeId": "urn:altinn:organization:identifier-no", "Value": CUSTOMER_ORG}]}]}});
        let request = self
            .http
            .post(self.base.join("/authorization/api/v1/authorize")?)
            .bearer_auth(token)
            .json(&body);
        let (response, timing) = self.timed(request).await?;
        let answer: Value = response.json().await?;
        let decision = answer["response"][0]["decision"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        ensure!(
            decision == expected,
            "the decision on {resource} is {decision}, not {expected}"
        );
        self.print_step(
            &format!("the service owner asks about {resource}: {decision}"),
            &timing,
        );
        Ok(())
    }

    async fn delete(&mut self, id: &str) -> anyhow::Result<()> {
        let address = self.testtools.join(&format!(
            "api/GetPersonalToken?env=local&pid={ODDNY}&scopes=altinn:portal/enduser"
        ))?;
        let request = self.http.get(address);
        let request = request.basic_auth("sandbox", Some("sandbox"));
        let token = self.send(request).await?.text().await?;
        let address = self.base.join(&format!(
            "/authentication/api/v1/systemuser/{CUSTOMER_PARTY}/{id}"
        ))?;
        let (response, timing) = self
            .timed(self.http.delete(address).bearer_auth(token))
            .await?;
        ensure!(
            response.status() == StatusCode::ACCEPTED,
            "deleting: {}",
            response.status()
        );
        self.print_step("Oddny deletes the system user", &timing);
        Ok(())
    }

    /// Follows redirects to a page; returns its text and address.
    async fn follow(&mut self, mut address: Url) -> anyhow::Result<(String, Url)> {
        for _ in 0..MAX_STEPS {
            let response = self.send(self.http.get(address.clone())).await?;
            if response.status().is_redirection() {
                address = location(&response, &address)?;
                continue;
            }
            ensure!(
                response.status() == StatusCode::OK,
                "{address} answers {}",
                response.status()
            );
            return Ok((response.text().await?, address));
        }
        bail!("too many redirects")
    }
}

struct GrantedToken {
    token: String,
    timing: String,
}

fn timing(response: &Response, started: Instant) -> String {
    format!(
        "{}  {} ms",
        response.status().as_u16(),
        started.elapsed().as_millis()
    )
}

fn location(response: &Response, from: &Url) -> anyhow::Result<Url> {
    let value = response
        .headers()
        .get("location")
        .and_then(|v| v.to_str().ok());
    let value = value.with_context(|| {
        format!(
            "{from} answers {} and sends the browser nowhere",
            response.status()
        )
    })?;
    Ok(from.join(value)?)
}

/// Where an answer leads a browser: by a redirect, or, after a form, by a page that leads on by itself.
async fn onward(response: Response, from: &Url) -> anyhow::Result<Url> {
    if response.status().is_redirection() {
        return location(&response, from);
    }
    let page = response.text().await?;
    let leads = page.split_once("http-equiv=\"refresh\" content=\"0; url=");
    let address = leads.and_then(|(_, rest)| rest.split('"').next());
    let address = address.with_context(|| format!("the page at {from} leads nowhere"))?;
    Ok(from.join(&address.replace("&amp;", "&").replace("&#38;", "&"))?)
}

/// Value of a hidden field.
fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}
