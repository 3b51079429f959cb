//! `keys`: making secrets, and replacing them.

use clap::{Args, Subcommand};
use foundation::{config::NewSubscriptionKey, key_rotation};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use registers::parties::rekey;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;

use super::{exit::Exit, output::OutputArgs, target::TargetArgs};
use crate::app::setup::{self, CommandAccess};

/// Which secret is made.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes a subscription key of 256 random bits, and prints it with the hash that settings hold.
    #[command(after_help = HELP)]
    NewSubscriptionKey(OutputArgs),
    /// Brings stored identity numbers to the first keys of `keys.blind_index` and `keys.person_id`.
    ///
    /// The service may run meanwhile. May be repeated, and after it was cut off.
    #[command(after_help = REKEY_HELP)]
    Rekey(RekeyArgs),
}

/// Arguments of `keys rekey`.
#[derive(Debug, Args)]
pub struct RekeyArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A new subscription key, shown this once.
#[derive(Serialize)]
struct ShownKey<'a> {
    key: &'a str,
    hash: &'a str,
}

/// What `keys rekey` did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RekeyOutcome {
    holds: bool,
    persons: u64,
    /// Of whom so many were written anew.
    changed: u64,
    /// Persons whose numbers cannot be read with these keys.
    unreadable: u64,
    /// Former numbers that are stored by their index alone.
    without_number: u64,
}

const REKEY_HELP: &str = "\
Afterwards every number is encrypted with the first key, and found by each key that is listed and by no other. How a key is
replaced while the service runs, step by step, is in ops/README.md.

Exit codes:
  0  everything is as the settings say
  1  some numbers cannot be read with these keys, or are not stored with their index
  3  could not be done (a file, the configuration, the database)";

const HELP: &str = "\
Give the key to the client, which sends it in the header Ocp-Apim-Subscription-Key. It is stored nowhere and cannot be
shown again. Add the hash to those in the settings:

  [pdp]
  subscription_keys = [\"<hash>\"]

or SYSTEMBRUKER__PDP__SUBSCRIPTION_KEYS=<hash>,<hash>. Any listed key is taken, so a key is replaced without a gap: list
both hashes, give out the new key, take the old hash away.";

/// Runs the command.
///
/// # Errors
/// The operating system gives no random bytes; the installation cannot be opened.
pub async fn run(command: &KeysCommand) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::NewSubscriptionKey(output) => {
            let new = NewSubscriptionKey::generate()?;
            let shown = ShownKey {
                key: new.key.expose_secret(),
                hash: &new.hash,
            };
            output.print(&shown, |shown| {
                println!("key:  {}", shown.key);
                println!("hash: {}", shown.hash);
            })?;
            eprintln!(
                "The key is for the client, and is shown this once; the hash is for pdp.subscription_keys."
            );
            Ok(Exit::Good)
        }
        KeysCommand::Rekey(args) => rekey(args).await,
    }
}

async fn rekey(args: &RekeyArgs) -> anyhow::Result<Exit> {
    let target = args.target.open(CommandAccess::Read).await?;
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} persons, {eta} left")
    {
        bar.set_style(style);
    }
    let rekeyed = rekey::rekey(&target.db, &target.identity, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    let done = rekeyed?;
    if done.unreadable + done.without_number == 0 {
        setup::note_rekeyed(&mut *target.db.acquire().await?, &target.identity).await?;
    }
    if done.changed > 0 {
        let mut tx = target.db.begin().await?;
        for setting in ["keys.blind_index", "keys.person_id"] {
            let detail = json!({"rekeyed": done.changed});
            key_rotation::record(&mut tx, setting, detail).await?;
        }
        foundation::db::commit_at_last(tx).await?;
    }
    target.db.close().await;
    let outcome = RekeyOutcome {
        holds: done.unreadable + done.without_number == 0,
        persons: done.persons,
        changed: done.changed,
        unreadable: done.unreadable,
        without_number: done.without_number,
    };
    args.output.print(&outcome, |outcome| {
        println!(
            "{} persons, of whom {} were written anew",
            HumanCount(outcome.persons),
            HumanCount(outcome.changed)
        );
    })?;
    if done.unreadable > 0 {
        eprintln!(
            "the numbers of {} persons cannot be read with the keys of keys.person_id",
            HumanCount(done.unreadable)
        );
    }
    if done.without_number > 0 {
        eprintln!(
            "{} former numbers are stored by their index alone: import the persons again, then repeat this, before a key of keys.blind_index is taken out",
            HumanCount(done.without_number)
        );
    }
    Ok(if outcome.holds {
        Exit::Good
    } else {
        Exit::DoesNotHold
    })
}
