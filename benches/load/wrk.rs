//! Asking with `wrk`, which takes far less of the machine than a program of ours would: what the
//! server costs is not hidden by what asking costs.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::ask::CONNECTIONS;

/// What `wrk` sends, again and again.
pub struct Script(PathBuf);

impl Script {
    /// Writes a question as a script into a folder.
    pub fn write(folder: &Path, token: &str, body: &str) -> Self {
        let path = folder.join("ask.lua");
        let text = format!(
            "wrk.method = \"POST\"\nwrk.body = [[{body}]]\n\
             wrk.headers[\"Content-Type\"] = \"application/json\"\n\
             wrk.headers[\"Authorization\"] = \"Bearer {token}\"\n"
        );
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    /// Asks for some time; the number of answers. Each must be a success.
    pub fn ask(&self, host: &str, time: Duration) -> u64 {
        let output = Command::new("wrk")
            .args(["--threads", "1", "--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{}s", time.as_secs()), "--script"])
            .arg(&self.0)
            .arg(format!("http://{host}/authorization/api/v1/authorize"))
            .output()
            .expect("wrk is installed: scripts/prerequisites.sh load");
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success()
                && !report.contains("Non-2xx")
                && !report.contains("Socket errors"),
            "{report}"
        );
        let line = report.lines().find(|line| line.contains("requests in"));
        let number = line.and_then(|line| line.trim().split(' ').next());
        number.expect(&report).parse().unwrap()
    }
}
