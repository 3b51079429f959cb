//! The policy engine at the command line: checking, evaluating, conformance.

pub mod conformance;

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    exit::{EXIT_CODES, Exit},
    output::OutputArgs,
};
use foundation::clock::Clock;
use registers::{
    packages::{self, Catalogue},
    resources::{PolicyWarning, differences, rights::ListingSize, warnings},
};
use xacml::{
    Code, Decider, DecisionResult, Environment, Limits, LoadErrors, LoadOptions, PolicyTree,
    PreparedRequest, Program, Request, Response, Scratch, program::Trace,
};

/// Commands of `policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Reads policies and says what is wrong with them.
    #[command(after_help = EXIT_CODES)]
    Check(PolicyCheckArgs),
    /// Evaluates a request against a policy.
    Eval(EvalArgs),
    /// Runs the cases of a conformance suite: each folder below DIR with a Request.xml.
    Conformance {
        /// Folder of cases.
        dir: PathBuf,
    },
}

/// Arguments of `policy check`.
#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// Policy files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// By the letter of the standard: refuses the deviations that are accepted otherwise (no
    /// Version, no Target, …).
    #[arg(long)]
    strict: bool,
    /// Shows, rule by rule, where the public system decides otherwise than the standard.
    #[arg(long, conflicts_with_all = ["strict", "json"])]
    altinn: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `policy check` found in one file.
#[derive(Debug, Serialize)]
struct CheckedPolicyFile {
    file: String,
    holds: bool,
    /// Of a policy that holds.
    policy: Option<PolicySummary>,
    findings: Vec<PolicyFileFinding>,
}

#[derive(Debug, Serialize)]
struct PolicySummary {
    id: String,
    version: String,
    rules: usize,
}

#[derive(Debug, Serialize)]
struct PolicyFileFinding {
    severity: FindingSeverity,
    line: u32,
    column: u32,
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum FindingSeverity {
    Error,
    Warning,
}

/// Arguments of `policy eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Policy file.
    #[arg(long)]
    policy: PathBuf,
    /// Request file, XML or JSON.
    #[arg(long)]
    request: PathBuf,
    /// Explains the decision.
    #[arg(long)]
    explain: bool,
}

/// Runs a command of `policy`.
///
/// # Errors
/// A file cannot be read, or the policy not be loaded.
pub fn run(command: &PolicyCommand) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Check(args) => check(args),
        PolicyCommand::Eval(args) => eval(args),
        PolicyCommand::Conformance { dir } => conformance::run(dir),
    }
}

fn options(strict: bool) -> LoadOptions {
    if strict {
        LoadOptions::default()
    } else {
        registers::resources::UPLOAD
    }
}

/// A file, or as much of it as shows that it is too large.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let most = registers::resources::UPLOAD.limits.policy_bytes as u64 + 1;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    file.with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes)
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("standard output cannot be written")
}

fn check(args: &PolicyCheckArgs) -> anyhow::Result<Exit> {
    let mut broken = 0;
    let catalogue = packages::embedded()?;
    if args.output.json {
        let mut checked = Vec::new();
        for file in &args.files {
            checked.push(examined(file, &read(file)?, args.strict, &catalogue));
        }
        args.output.print(&checked, |_| ())?;
        return Ok(ended(checked.iter().all(|file| file.holds)));
    }
    for file in &args.files {
        let xml = read(file)?;
        if args.altinn {
            broken += usize::from(!compare(file, &xml)?);
            continue;
        }
        let mut text = String::new();
        match checked(&xml, args.strict) {
            Ok((program, tree)) => {
                let (id, version) = program.name();
                let rules = program.rule_count();
                writeln!(
                    text,
                    "{}: good: {id} version {version}, {rules} {}",
                    file.display(),
                    if rules == 1 { "rule" } else { "rules" }
                )?;
                for warning in warnings_about(&program, &tree, args.strict, &catalogue) {
                    writeln!(
                        text,
                        "{}:{}:{}: warning: {} ({})",
                        file.display(),
                        warning.line,
                        warning.column,
                        warning.text,
                        warning.kind.wire()
                    )?;
                }
            }
            Err(errors) => {
                broken += 1;
                text = diagnostics(file, &xml, &errors);
            }
        }
        say(&text)?;
    }
    Ok(ended(broken == 0))
}

const fn ended(holds: bool) -> Exit {
    if holds { Exit::Good } else { Exit::DoesNotHold }
}

/// A file as a script reads it.
fn examined(file: &Path, xml: &[u8], strict: bool, catalogue: &Catalogue) -> CheckedPolicyFile {
    let file = file.display().to_string();
    match checked(xml, strict) {
        Ok((program, tree)) => {
            let (id, version) = program.name();
            let warnings = warnings_about(&program, &tree, strict, catalogue);
            CheckedPolicyFile {
                file,
                holds: true,
                policy: Some(PolicySummary {
                    id: id.to_string(),
                    version: version.to_string(),
                    rules: program.rule_count(),
                }),
                findings: warnings
                    .into_iter()
                    .map(|warning| PolicyFileFinding {
                        severity: FindingSeverity::Warning,
                        line: warning.line,
                        column: warning.column,
                        text: format!("{} ({})", warning.text, warning.kind.wire()),
                    })
                    .collect(),
            }
        }
        Err(errors) => CheckedPolicyFile {
            file,
            holds: false,
            policy: None,
            findings: errors
                .0
                .iter()
                .map(|error| PolicyFileFinding {
                    severity: FindingSeverity::Error,
                    line: error.at.line,
                    column: error.at.column,
                    text: format!("{}: {}", error.element, error.reason),
                })
                .collect(),
        },
    }
}

/// What the author of a policy should know: by the letter of the standard, only what that says.
fn warnings_about(
    program: &Program,
    tree: &PolicyTree,
    strict: bool,
    catalogue: &Catalogue,
) -> Vec<PolicyWarning> {
    match tree {
        PolicyTree::Policy(policy) => {
            let mut all = warnings(policy, program, catalogue);
            all.retain(|warning| !strict || warning.kind.is_of_the_standard());
            all
        }
        PolicyTree::PolicySet(_) | PolicyTree::Reference(_) => Vec::new(),
    }
}

/// Prints where the public system decides otherwise; false when the policy cannot be read.
fn compare(file: &Path, xml: &[u8]) -> anyhow::Result<bool> {
    let (tree, broken) = match PolicyTree::read(xml, &registers::resources::LOAD) {
        Ok(read) => read,
        Err(error) => {
            say(&diagnostics(file, xml, &error.into()))?;
            return Ok(false);
        }
    };
    let PolicyTree::Policy(policy) = &tree else {
        say(&format!(
            "{}: no policy, but a policy set\n",
            file.display()
        ))?;
        return Ok(false);
    };
    let mut text = String::new();
    let found = differences(policy);
    for difference in &found {
        let rule = difference
            .rule
            .map(|number| format!("rule {number} «{}»: ", difference.id));
        writeln!(
            text,
            "{}:{}:{}: {}{}",
            file.display(),
            difference.at.line,
            difference.at.column,
            rule.unwrap_or_default(),
            difference.text
        )?;
    }
    let program = Program::compile(&tree, broken, &registers::resources::LOAD, &Arc::default());
    let refused = match &program {
        Ok(program) => program.broken(),
        Err(errors) => &errors.0,
    };
    for error in refused {
        writeln!(
            text,
            "{}:{}:{}: an upload is refused here, where the public system takes it: {}: {}",
            file.display(),
            error.at.line,
            error.at.column,
            error.element,
            error.reason
        )?;
    }
    if found.is_empty() && refused.is_empty() {
        writeln!(text, "{}: decided alike", file.display())?;
    }
    say(&text)?;
    Ok(true)
}

/// A policy as an upload takes it, or by the letter of the standard.
fn checked(xml: &[u8], strict: bool) -> Result<(Program, PolicyTree), LoadErrors> {
    let options = options(strict);
    let (tree, errors) = PolicyTree::read(xml, &options)?;
    let program = Program::compile(&tree, errors, &options, &Arc::default())?;
    if let PolicyTree::Policy(policy) = &tree
        && !strict
    {
        let size = ListingSize::of(policy);
        if !size.is_listable() {
            return Err(LoadErrors::of(policy.head.at, "Policy", size.to_string()));
        }
    }
    Ok((program, tree))
}

/// Errors that are shown of one file.
const MOST_SHOWN: usize = 50;

/// Each error with the line it is about.
fn diagnostics(file: &Path, xml: &[u8], errors: &LoadErrors) -> String {
    let source = String::from_utf8_lossy(xml);
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::new();
    for error in errors.0.iter().take(MOST_SHOWN) {
        let _ = writeln!(
            out,
            "{}:{}:{}: {}: {}",
            file.display(),
            error.at.line,
            error.at.column,
            error.element,
            error.reason
        );
        if let Some(line) = lines.get(error.at.line.saturating_sub(1) as usize) {
            let shown: String = line.trim().chars().take(120).collect();
            let _ = writeln!(out, "  {:>5} | {shown}", error.at.line);
        }
    }
    if errors.0.len() > MOST_SHOWN {
        let _ = writeln!(
            out,
            "{}: and {} more",
            file.display(),
            errors.0.len() - MOST_SHOWN
        );
    }
    out
}

fn eval(args: &EvalArgs) -> anyhow::Result<Exit> {
    let xml = read(&args.policy)?;
    let program = match Program::load(&xml, &options(false)) {
        Ok(program) => program,
        Err(errors) => {
            eprint!("{}", diagnostics(&args.policy, &xml, &errors));
            return Ok(Exit::DoesNotHold);
        }
    };
    let body = read(&args.request)?;
    let environment = Environment::at(Clock::default().seconds());
    let limits = Limits::DEFAULT;
    let is_json = body
        .iter()
        .find(|b| !b.is_ascii_whitespace())
        .is_some_and(|b| *b == b'{');
    let request = if is_json {
        Request::from_json(&body, &limits).map_err(|e| e.to_string())
    } else {
        Request::from_xml(&body, &limits).map_err(|e| e.to_string())
    };
    let mut scratch = Scratch::default();
    let response = match &request {
        Err(reason) => Response::from(DecisionResult::indeterminate(
            Code::SyntaxError,
            reason.as_str(),
        )),
        Ok(request) => {
            if args.explain {
                let Scratch { binding, work } = &mut scratch;
                let prepared =
                    PreparedRequest::new(&program, &request.categories, environment, binding);
                say(&explained(&prepared.explain(false, work).into_trace()))?;
            }
            Decider {
                roots: &[Arc::new(program)],
                environment,
                tree: None,
            }
            .decide(request, &mut scratch)
        }
    };
    let text = if is_json {
        response.to_json()
    } else {
        response.to_xml()
    };
    say(&format!("{}\n", String::from_utf8_lossy(&text)))?;
    Ok(Exit::Good)
}

fn explained(trace: &Trace) -> String {
    let mut out = String::new();
    for step in &trace.steps {
        let _ = writeln!(
            out,
            "{:indent$}{} {}{}: {} ({})",
            "",
            step.element,
            step.id,
            match step.rule_number {
                Some(number) if step.is_id_repeated => format!(" (rule {number})"),
                Some(_) | None => String::new(),
            },
            step.outcome.as_str(),
            step.because,
            indent = step.depth * 2
        );
    }
    out
}
