//! `recover`: ends the state of a database that is older than its journal.

use chrono::{DateTime, Utc};
use clap::Args;
use foundation::{
    audit::Actor,
    db::DbError,
    recovery::{
        self, DamageHandling, DatabaseLoss, JournalFault, LossKind, RecoveredChanges,
        RecoveryOutcome, UnrecoverableChange,
    },
};
use indicatif::{HumanCount, HumanDuration};

use super::{
    exit::{EXIT_CODES, Exit},
    target::{Installation, TargetArgs},
};
use crate::app::setup::{self, CommandAccess};

/// Arguments of `recover`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct RecoverArgs {
    /// Does what is printed: ends again what the journal says has ended, ends every session, and
    /// refuses tokens of our own that were issued before.
    #[arg(long)]
    confirm: bool,
    /// Goes on with what of a damaged journal can be read, and names what cannot. A head that is
    /// missing or damaged is made anew.
    #[arg(long)]
    despite_damage: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// Runs the command.
///
/// # Errors
/// The installation or its journal cannot be opened or read, or what the journal says cannot be done
/// again.
pub async fn run(args: &RecoverArgs) -> anyhow::Result<Exit> {
    let access = if args.confirm {
        CommandAccess::Write
    } else {
        CommandAccess::Read
    };
    let target = args.target.open(access).await?;
    let exit = recover(args, &target).await;
    target.db.close().await;
    exit
}

async fn recover(args: &RecoverArgs, target: &Installation) -> anyhow::Result<Exit> {
    let journal = setup::journal(target.settings.recovery.journal.as_ref())?;
    let checkpoints = match (
        &target.settings.audit.checkpoint_path,
        &target.checkpoint_key,
    ) {
        (Some(path), Some(key)) => match key.read_as_written(path) {
            Ok(checkpoints) => checkpoints,
            Err(error) if args.despite_damage => {
                println!("The checkpoints of the audit trail are left out: {error:#}\n");
                Vec::new()
            }
            Err(error) => return Err(error),
        },
        (None, _) | (_, None) => Vec::new(),
    };
    if journal.is_none() && checkpoints.is_empty() {
        println!(
            "There is nothing to compare the database with: recovery.journal is not set, and there is no checkpoint of the audit trail."
        );
        return Ok(Exit::Good);
    }
    let damage = if args.despite_damage {
        DamageHandling::LeaveOut
    } else {
        DamageHandling::Refuse
    };
    let mut db = target.db.acquire().await?;
    let checkpoint = recovery::lost_checkpoint(&mut db, checkpoints).await?;
    let found = recovery::find(
        &mut db,
        journal.as_ref(),
        checkpoint.as_ref(),
        target.settings.recovery.journal_days,
        damage,
    )
    .await
    .map_err(with_way_out)?;
    drop(db);
    let Some(loss) = found else {
        println!("The database lacks nothing that its journal and its checkpoints know of.");
        return Ok(Exit::Good);
    };
    describe(&loss);
    if !args.confirm {
        let recovered = loss
            .preview(&target.db, journal.as_ref(), damage)
            .await
            .map_err(with_way_out)?;
        list(&recovered, "Would be ended again");
        println!("{}", consequences(loss.kind));
        return Ok(Exit::DoesNotHold);
    }
    if loss.is_gap && damage == DamageHandling::Refuse {
        println!(
            "Nothing was done: objects of the journal are missing, and what ended access there would be given back. Put them back from a \
             copy of the journal first. When they are lost for good, `systembruker recover --confirm --despite-damage` does the rest."
        );
        return Ok(Exit::DoesNotHold);
    }
    let outcome = loss
        .recover(&target.db, journal.as_ref(), Actor::Operator, damage)
        .await
        .map_err(with_way_out)?;
    let recovered = match outcome {
        RecoveryOutcome::Done(recovered) => recovered,
        RecoveryOutcome::DoneBefore => {
            println!("Another one has done it meanwhile.");
            return Ok(Exit::Good);
        }
        RecoveryOutcome::UnderWay => {
            println!(
                "Another `systembruker recover` or an instance is at work. Run `systembruker recover` again in some seconds: it says what is missing \
                 then."
            );
            return Ok(Exit::DoesNotHold);
        }
    };
    list(&recovered, "Ended again");
    if loss.kind == LossKind::Restore {
        println!(
            "Sessions that were ended: {}",
            HumanCount(recovered.sessions)
        );
        println!(
            "Tokens of our own that were issued before now are refused.\n\n\
             What is left to do: put a new signing key first in tokens.signing_keys and restart the instances, and import the \
             registers again. What was granted since {} is lost; those concerned ask again.",
            time(loss.from)
        );
    }
    Ok(Exit::Good)
}

/// Refuses to change a database that lacks what its journal knows of: what is written into it now would
/// be written over.
///
/// # Errors
/// It lacks something, or cannot be compared.
pub async fn require_complete(target: &Installation) -> anyhow::Result<()> {
    let Some(journal) = setup::journal(target.settings.recovery.journal.as_ref())? else {
        return Ok(());
    };
    let mut db = target.db.acquire().await?;
    let found = recovery::find(
        &mut db,
        Some(&journal),
        None,
        target.settings.recovery.journal_days,
        DamageHandling::Refuse,
    )
    .await;
    anyhow::ensure!(
        found.map_err(with_way_out)?.is_none(),
        "the database is older than its journal: `systembruker recover` says what it lacks, and does it again with --confirm"
    );
    Ok(())
}

fn describe(loss: &DatabaseLoss) {
    println!("The database is older than what is known outside of it.");
    println!("  it knows of changes until   {}", time(loss.from));
    println!("  others were known until     {}", time(loss.to));
    if let (Some(from), Some(to)) = (loss.from, loss.to)
        && let Ok(length) = (to - from).to_std()
    {
        println!("  missing                     {}", HumanDuration(length));
    }
    if loss.is_gap {
        println!(
            "  Objects of the journal are missing in between: what ended access there is not known."
        );
    }
    if loss.is_of_another {
        println!(
            "  Another copy of this installation wrote the journal last. If it still runs, stop it or give it a journal of its own\n  \
             (recovery.journal) before you confirm: what ended there would end here too."
        );
    }
    if let Some(fault) = &loss.head_fault {
        println!("  {fault}");
    }
    if let Some(rows) = loss.audit_rows {
        println!(
            "  rows of the audit trail that are lost, at least: {}",
            HumanCount(rows.unsigned_abs())
        );
    }
    println!();
}

fn list(recovered: &RecoveredChanges, heading: &str) {
    if recovered.changes.is_empty() {
        println!("{heading}: nothing. No access ended in that time, as far as is known.");
    } else {
        println!("{heading}:");
        for ((table, what), count) in &recovered.changes {
            println!(
                "  {:>10} {} {}",
                HumanCount(*count).to_string(),
                table.name(),
                what.wire()
            );
        }
        println!("Rows that differ: {}", HumanCount(recovered.rows));
    }
    if !recovered.left_out.is_empty() {
        println!("Left out, since it cannot be read or done again:");
        for one in &recovered.left_out {
            println!("  {one}");
        }
    }
}

/// What may be done about a journal that cannot be used.
fn with_way_out(error: anyhow::Error) -> anyhow::Error {
    // What the database refuses has nothing to do with the journal.
    let is_of_database = error
        .chain()
        .any(|cause| cause.is::<DbError>() || cause.is::<sqlx::Error>());
    if is_of_database && !error.is::<UnrecoverableChange>() {
        return error;
    }
    let way_out = match error.downcast_ref() {
        Some(JournalFault::Foreign { .. }) => {
            "Name this installation's own journal in recovery.journal. A copy of an installation gets one of its own."
        }
        Some(JournalFault::Missing) => {
            "Put it back where recovery.journal says. When it is lost for good, `systembruker recover --despite-damage` shows what is known without it."
        }
        Some(JournalFault::HeadDamaged(_) | JournalFault::Ahead) | None => {
            "When it cannot be mended, `systembruker recover --despite-damage` shows what can be done with the rest."
        }
    };
    error.context(way_out)
}

const fn consequences(kind: LossKind) -> &'static str {
    match kind {
        LossKind::FailOver => {
            "\nThis is so little that a running service does it by itself. `systembruker recover --confirm` does it now."
        }
        LossKind::Restore => {
            "\n`systembruker recover --confirm` does this, ends every session, and refuses tokens of our own that were issued before. \
             Until then the service decides nothing."
        }
    }
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339())
}
