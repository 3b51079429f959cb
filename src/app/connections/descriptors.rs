//! How many files, and with them connections, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are not asked for: no number of connections needs them.
const WANTED: u64 = 65_536;

/// Files that the process may have open, after its limit was raised as far as it may be; none when
/// there is no limit.
pub(super) fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let possible = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if possible <= current {
        return Some(current);
    }
    let raised = Rlimit {
        current: Some(possible),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Some(possible),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            Some(current)
        }
    }
}

/// Connections that a process with so many files can have, when it needs `others` for other things:
/// never less than half.
pub(super) fn connections_within(files: u64, others: u64) -> usize {
    let left = files.saturating_sub(others).max(files / 2);
    usize::try_from(left).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest_of_the_process() {
        for (files, others, connections) in [(65_536, 128, 65_408), (256, 128, 128), (100, 128, 50)]
        {
            assert_eq!(connections_within(files, others), connections);
        }
    }
}
