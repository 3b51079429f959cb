//! `keys`: making secrets.

use clap::Subcommand;
use foundation::config::NewSubscriptionKey;
use secrecy::ExposeSecret as _;

/// Which secret is made.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes a subscription key of 256 random bits, and prints it with the hash that settings hold.
    #[command(after_help = HELP)]
    NewSubscriptionKey,
}

const HELP: &str = "\
Give the key to the client, which sends it in the header Ocp-Apim-Subscription-Key. It is stored nowhere and cannot be
shown again. Put the hash into the settings, beside those that are there:

  [pdp]
  subscription_keys = [\"<hash>\"]

or SYSTEMBRUKER__PDP__SUBSCRIPTION_KEYS=<hash>,<hash>. Any listed key is taken, so a key is replaced without a gap: list
both hashes, give out the new key, take the old hash away.";

/// Runs the command.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn run(command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::NewSubscriptionKey => {
            let new = NewSubscriptionKey::generate()?;
            println!("key:  {}", new.key.expose_secret());
            println!("hash: {}", new.hash);
            eprintln!(
                "The key is for the client, and is shown this once; the hash is for pdp.subscription_keys."
            );
            Ok(())
        }
    }
}
