//! `systembruker policy`, as a person types it.
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Three rules: `read` by package, `read` by single right or role, `action-2` by role.
const POLICY: &str = include_str!("policy.xml");
/// A subject with one of the packages of the first rule.
const REQUEST: &str = include_str!("request.json");

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_systembruker"))
        .arg("policy")
        .args(arguments)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn check_says_what_is_good_and_what_is_wrong() {
    let folder = Folder::new("check");
    let good = folder.file("good.xml", POLICY);
    let bad = folder.file(
        "bad.xml",
        &POLICY
            .replace("function:string-equal\"", "function:string-equals\"")
            .replace("><xacml:Rule", ">\n<xacml:Rule"),
    );
    let output = run(&["check", &good]);
    assert!(output.status.success());
    let said = out(&output);
    let mut lines = said.lines();
    assert_eq!(
        lines.next(),
        Some(&*format!(
            "{good}: good: urn:altinn:resource:skd-resource-00000:policyid:1 version 1.0, 3 rules"
        ))
    );
    // Its packages and roles are made up.
    let kinds: Vec<&str> = lines.map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "(unknown-package)",
            "(unknown-package)",
            "(unknown-package)",
            "(unknown-role)",
            "(unknown-role)",
            "(unknown-role)"
        ]
    );
    let output = run(&["check", &good, &bad]);
    assert_eq!(output.status.code(), Some(1));
    let said = out(&output);
    assert!(
        said.contains(&format!("{bad}:2:")) && said.contains("string-equals"),
        "{said}"
    );
    assert!(said.contains("    2 | <xacml:Rule"), "{said}");
    let output = run(&["check", "/nowhere/at/all.xml"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all.xml cannot be read"));
}

#[test]
fn check_is_lenient_like_uploads_without_strict() {
    let folder = Folder::new("lenient");
    let wild = folder.file(
        "wild.xml",
        &POLICY
            .replace("<xacml:Target/>", "")
            .replacen(" Version=\"1.0\"", "", 1),
    );
    assert!(run(&["check", &wild]).status.success());
    assert_eq!(run(&["check", "--strict", &wild]).status.code(), Some(1));
}

#[test]
fn check_shows_warnings_with_their_lines() {
    let folder = Folder::new("warnings");
    let repeated = folder.file(
        "repeated.xml",
        &POLICY
            .replace("ruleid:2", "ruleid:0")
            .replace("><xacml:Rule", ">\n<xacml:Rule"),
    );
    let output = run(&["check", &repeated]);
    assert!(output.status.success(), "{}", out(&output));
    let said = out(&output);
    assert!(
        said.contains(&format!("{repeated}:4:1: warning: Rule of"))
            && said.contains("(repeated-rule-id)"),
        "{said}"
    );
}

#[test]
fn eval_answers_as_it_was_asked_and_explains() {
    let folder = Folder::new("eval");
    let policy = folder.file("policy.xml", POLICY);
    let request = folder.file("request.json", REQUEST);
    let output = run(&["eval", "--policy", &policy, "--request", &request]);
    assert!(output.status.success());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["Response"][0]["Decision"], "Permit");
    assert_eq!(
        answer["Response"][0]["Obligations"][0]["Id"],
        "urn:altinn:obligation:authenticationLevel1"
    );
    let said = out(&run(&[
        "eval",
        "--policy",
        &policy,
        "--request",
        &request,
        "--explain",
    ]));
    assert!(
        said.contains("Policy urn:altinn:resource:skd-resource-00000:policyid:1: Permit"),
        "{said}"
    );
    assert!(said.contains("ruleid:0: Permit (it applies)"), "{said}");
    assert!(said.contains("ruleid:2: NotApplicable (its target does not match: urn:altinn:rolecode is not r00200 or r00201)"), "{said}");
    let xml = r#"<Request xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" ReturnPolicyIdList="true" CombinedDecision="false"><Attributes Category="c"/></Request>"#;
    let request = folder.file("request.xml", xml);
    let said = out(&run(&["eval", "--policy", &policy, "--request", &request]));
    assert!(
        said.starts_with("<Response") && said.contains("<Decision>NotApplicable</Decision>"),
        "{said}"
    );
    let broken = folder.file("broken.json", "{\"Request\":{}");
    let said = out(&run(&["eval", "--policy", &policy, "--request", &broken]));
    assert!(said.contains("status:syntax-error"), "{said}");
    let output = run(&["eval", "--policy", &request, "--request", &broken]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("must be a Policy"));
}

#[test]
fn altinn_shows_where_the_public_system_decides_otherwise() {
    let folder = Folder::new("altinn");
    let alike = folder.file("alike.xml", POLICY);
    let output = run(&["check", "--altinn", &alike]);
    assert!(output.status.success());
    assert_eq!(out(&output), format!("{alike}: decided alike\n"));
    let other = folder.file(
        "other.xml",
        &POLICY.replacen(
            "1.0:function:string-equal\"",
            "1.0:function:string-starts-with\"",
            1,
        ),
    );
    let output = run(&["check", "--altinn", &other]);
    let said = out(&output);
    assert!(
        said.contains("rule 1 «") && said.contains("is not known in a Match"),
        "{said}"
    );
    let output = run(&["check", "--altinn", &folder.file("broken.xml", "<Policy")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn conformance_counts_and_names_what_fails() {
    let suite =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/xacml/tests/conformance/xacml-3.0");
    let case =
        |name: &str, file: &str| std::fs::read_to_string(suite.join(name).join(file)).unwrap();
    let folder = Folder::new("conformance");
    for name in ["IIA001", "IIA002"] {
        for file in ["Policy.xml", "Request.xml", "Response.xml"] {
            folder.file(&format!("{name}/{file}"), &case(name, file));
        }
    }
    let dir = folder.0.to_str().unwrap().to_owned();
    let output = run(&["conformance", &dir]);
    assert!(output.status.success(), "{}", out(&output));
    assert!(out(&output).contains("2 passed, 0 failed"));
    folder.file(
        "IIA002/Response.xml",
        &case("IIA002", "Response.xml").replace("Permit", "Deny"),
    );
    let output = run(&["conformance", &dir]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        out(&output).contains("IIA002") && out(&output).contains("1 passed, 1 failed"),
        "{}",
        out(&output)
    );
    assert!(!run(&["conformance", "/nowhere/at/all"]).status.success());
}
