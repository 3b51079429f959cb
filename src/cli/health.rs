//! `health`: asks a running service whether it is ready, for the health checks of containers.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use clap::Args;
use foundation::config::{self, SettingsSource};
use reqwest::{Client, redirect::Policy};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::{
    exit::{Exit, WrongUse},
    output::OutputArgs,
};

/// The setting that names the address of the service.
const LISTEN: &str = "server.listen";

const HELP: &str = "\
Without --address the service is asked where the settings say that it listens: the file of --config, and the variables of the
environment, as in the container in which both run.

Examples:
  HEALTHCHECK CMD [\"systembruker\", \"health\"]
  systembruker health --address http://127.0.0.1:9080

Exit codes:
  0  the service is ready, or with --alive, answers
  1  it is not, or does not answer in time
  2  wrong use
  3  the settings cannot be read";

/// Arguments of `health`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct HealthArgs {
    /// Address of the service, such as `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    address: Option<String>,
    /// Configuration file (TOML) of the service.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Asks only whether the process answers, and not whether its database does.
    #[arg(long)]
    alive: bool,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of asking.
#[derive(Debug, Serialize)]
struct HealthReport {
    holds: bool,
    address: String,
    /// HTTP status; none without an answer.
    status: Option<u16>,
    /// What the service answered, or why there is no answer.
    answer: Value,
}

/// Runs the command.
///
/// # Errors
/// The address is none, or the settings cannot be read.
pub async fn run(args: &HealthArgs) -> anyhow::Result<Exit> {
    let path = if args.alive {
        "/alive"
    } else {
        "/health/ready"
    };
    let address = base(args)?.join(path)?;
    let http = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(args.timeout))
        .build()?;
    let health = ask(&http, address).await;
    args.output.print(&health, |health| {
        let status = health
            .status
            .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        println!("{}: {status}: {}", health.address, health.answer);
    })?;
    Ok(if health.holds {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}

fn base(args: &HealthArgs) -> anyhow::Result<Url> {
    if let Some(address) = &args.address {
        return Ok(Url::parse(address).map_err(|_| {
            WrongUse("--address is no address such as http://127.0.0.1:8080".to_owned())
        })?);
    }
    // Of a sandbox too: what only `serve` refuses is no concern of this command.
    let environment: HashMap<String, String> = std::env::vars().collect();
    let loaded = config::load_all(
        SettingsSource::Serve(args.config.as_deref()),
        &environment,
        &[],
    )?;
    let wrong = loaded.wrong.iter().find(|one| one.starts_with(LISTEN));
    anyhow::ensure!(wrong.is_none(), "{}", wrong.map_or("", String::as_str));
    Ok(Url::parse(&config::http_base(
        loaded.settings.server.listen,
    ))?)
}

async fn ask(http: &Client, address: Url) -> HealthReport {
    let answered = async {
        let response = http.get(address.clone()).send().await?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.text().await?))
    };
    match answered.await {
        Ok((status, text)) => HealthReport {
            holds: status.is_success(),
            address: address.into(),
            status: Some(status.as_u16()),
            answer: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        },
        Err(error) => HealthReport {
            holds: false,
            address: address.into(),
            status: None,
            answer: Value::String(reason(&error)),
        },
    }
}

/// The whole chain of an error: the library's own sentence leaves the cause out.
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
