//! A production installation in a folder of its own: settings and key files, all of them good.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_lc_rs::rsa::KeySize;
use foundation::{
    crypto::{hex, sha256},
    token::SigningKey,
};

/// Making RSA keys takes a while: these are all that the tests need.
pub static RSA_KEYS: LazyLock<[SigningKey; 3]> =
    LazyLock::new(|| [(); 3].map(|()| SigningKey::generate(KeySize::Rsa2048, "").unwrap()));

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An installation of profile `prod`.
pub struct Installation {
    /// Folder of the key files.
    pub dir: PathBuf,
    environment: BTreeMap<String, String>,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Installation {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("config-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut new = Self {
            dir,
            environment: BTreeMap::new(),
        };
        let [signing, login, _] = &*RSA_KEYS;
        new.write("signing.pem", &signing.to_pem());
        new.write("login.pem", &login.to_pem());
        for name in ["blind-index", "person-id", "audit-checkpoints"] {
            new.write(name, &random(name));
        }
        let path = |name: &str| new.path(name);
        let settings = [
            ("TOKENS__SIGNING_KEYS", path("signing.pem")),
            ("IDPORTEN__KEY_FILE", path("login.pem")),
            ("IDPORTEN__CLIENT_ID", "our-client".to_owned()),
            ("KEYS__BLIND_INDEX", path("blind-index")),
            ("KEYS__PERSON_ID", path("person-id")),
            ("KEYS__AUDIT_CHECKPOINTS", path("audit-checkpoints")),
            ("AUDIT__CHECKPOINT_PATH", path("checkpoints.jsonl")),
            ("RECOVERY__JOURNAL", path("journal")),
            ("SERVER__PUBLIC_BASE_URL", "https://sb.example".to_owned()),
            (
                "DATABASE_URL",
                "postgresql://sb_app:7oQxZ2@db.invalid/sb?sslmode=verify-full".to_owned(),
            ),
        ];
        for (name, value) in settings {
            new.set(name, &value);
        }
        new
    }

    /// Sets a variable: `DATABASE_URL`, or a setting without the beginning that all have.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(variable(name), value.to_owned());
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.remove(&variable(name));
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file of the folder that only its owner can read.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.join(name), text).unwrap();
        self.allow(name, 0o600);
    }

    /// Sets the rights of a file.
    pub fn allow(&self, name: &str, mode: u32) {
        fs::set_permissions(self.dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Names a file of the folder in a setting.
    pub fn name(&mut self, setting: &str, file: &str) {
        self.set(setting, &self.path(file));
    }

    /// Writes a configuration file, which is given to the command.
    pub fn configure(&self, text: &str) {
        self.write("installation.toml", text);
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.command(arguments))
    }

    /// Starts a command that does not end by itself.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.envs(&self.environment);
        let file = self.dir.join("installation.toml");
        if file.exists() {
            command.arg("--config").arg(file);
        }
        command
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn variable(name: &str) -> String {
    if name == "DATABASE_URL" {
        name.to_owned()
    } else {
        format!("SYSTEMBRUKER__{name}")
    }
}

/// The text of a key of 32 bytes that looks random, and is the same for the same name.
pub fn random(name: &str) -> String {
    hex(&sha256(name))
}

/// The program with an empty environment.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systembruker"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

pub fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().expect("it ends by itself"),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What `config check` says of an installation.
pub fn checked(installation: &Installation) -> Ended {
    installation.run(&["config", "check"])
}
