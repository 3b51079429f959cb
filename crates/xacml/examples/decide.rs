//! Decides a request in JSON by a policy, and prints the response in JSON.
//!
//! Without arguments it takes the policy and the request of `examples/data`; the request asks for two
//! actions, and so for two decisions.
//!
//! ```sh
//! cargo run --example decide [POLICY.xml REQUEST.json]
//! ```

use std::{env, error::Error, fs, sync::Arc};

use xacml::{
    Code, Decider, DecisionResult, Environment, Limits, LoadOptions, Program, Request, Response,
    Scratch,
};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut file = |default: &str| {
        arguments
            .next()
            .unwrap_or_else(|| format!("{DATA}/{default}"))
    };
    let (policy, request) = (
        fs::read(file("documents.xml"))?,
        fs::read(file("request.json"))?,
    );

    // A service loads its policies once and keeps the programs.
    let program = Program::load(&policy, &LoadOptions::default())?;
    for warning in program.warnings() {
        eprintln!("warning: {warning}");
    }

    // A service takes the time of its clock here, in seconds since 1970.
    let decider = Decider {
        roots: &[Arc::new(program)],
        environment: Environment::at(1_700_000_000),
        tree: None,
    };
    let response = match Request::from_json(&request, &Limits::DEFAULT) {
        Ok(request) => decider.decide(&request, &mut Scratch::default()),
        // The standard answers a request that cannot be read by a result as well.
        Err(error) => Response::from(DecisionResult::indeterminate(
            Code::SyntaxError,
            error.to_string(),
        )),
    };
    println!("{}", String::from_utf8(response.to_json())?);
    Ok(())
}
