//! Indexes of rules and children by symbols, to evaluate only those that may apply.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::list::position;

/// Up to this many members an index saves no time.
const MAX_UNINDEXED: usize = 4;

/// Members by a symbol that the request must have for them to apply. A member is listed under each
/// symbol of the most selective of its sets; one without a set is in the rest, which is
/// evaluated for every request.
///
/// As `u32` words: the number of symbols, the length of the rest, the symbols sorted, the end of each
/// symbol's list, the rest, the lists.
#[derive(Debug)]
pub struct SymbolIndex {
    /// Members by their index among all, in document order.
    lists: BTreeMap<u32, Vec<usize>>,
    rest: Vec<usize>,
}

impl SymbolIndex {
    /// An index over the sets of the targets of some members; none when it would save no time.
    /// Attributes that must be present are not among these sets: their absence is an error, not a
    /// mismatch.
    pub fn new(members: &[&[Vec<u32>]]) -> Option<Self> {
        if members.len() <= MAX_UNINDEXED {
            return None;
        }
        let mut uses: HashMap<u32, usize> = HashMap::new();
        for symbol in members.iter().copied().flatten().flatten() {
            *uses.entry(*symbol).or_default() += 1;
        }
        let cost = |set: &[u32]| {
            set.iter()
                .map(|s| uses.get(s).copied().unwrap_or_default())
                .sum::<usize>()
        };
        let (mut lists, mut rest) = (BTreeMap::<u32, Vec<usize>>::new(), Vec::new());
        for (member, sets) in members.iter().enumerate() {
            match sets.iter().min_by_key(|set| cost(set)) {
                Some(set) => set
                    .iter()
                    .for_each(|symbol| lists.entry(*symbol).or_default().push(member)),
                None => rest.push(member),
            }
        }
        if lists.is_empty() {
            None
        } else {
            Some(Self { lists, rest })
        }
    }

    /// Length in words.
    pub fn words(&self) -> usize {
        2 + 2 * self.lists.len()
            + self.rest.len()
            + self.lists.values().map(Vec::len).sum::<usize>()
    }

    /// Writes the words, with the offset of each member in the code instead of its index.
    pub fn write(&self, offsets: &[u32], space: &mut [u32]) {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let offset = |member: &usize| offsets.get(*member).copied().unwrap_or(u32::MAX);
        let ends = self.lists.values().scan(0, |end, list| {
            *end += list.len();
            Some(length(*end))
        });
        let counts = [length(self.lists.len()), length(self.rest.len())];
        let members = self
            .rest
            .iter()
            .chain(self.lists.values().flatten())
            .map(offset);
        let words = counts
            .into_iter()
            .chain(self.lists.keys().copied())
            .chain(ends)
            .chain(members);
        space
            .iter_mut()
            .zip(words)
            .for_each(|(to, word)| *to = word);
    }
}

/// Appends the offsets of the members that may apply to a request with these symbols, in document
/// order. The result is the number of steps that this took.
pub fn candidates(index: &[u32], present: &[u32], out: &mut Vec<u32>) -> usize {
    let Some(IndexParts {
        symbols,
        ends,
        rest,
        lists,
    }) = IndexParts::of(index)
    else {
        return 0;
    };
    let start = out.len();
    out.extend_from_slice(rest);
    let mut found = usize::from(out.len() > start);
    let mut add = |n: usize| {
        let from = n
            .checked_sub(1)
            .and_then(|before| ends.get(before))
            .copied()
            .unwrap_or(0);
        let list = ends
            .get(n)
            .and_then(|to| lists.get(from as usize..*to as usize))
            .unwrap_or_default();
        out.extend_from_slice(list);
        found += 1;
    };
    if symbols.len() < present.len() {
        symbols
            .iter()
            .enumerate()
            .filter(|(_, symbol)| position(present, **symbol).is_some())
            .for_each(|(n, _)| add(n));
    } else {
        present
            .iter()
            .filter_map(|symbol| position(symbols, *symbol))
            .for_each(add);
    }
    // Those of several lists are sorted.
    let steps = (out.len() - start) / MEMBERS_PER_STEP + symbols.len().min(present.len()) / 4;
    if found > 1 {
        out[start..].sort_unstable();
        let mut kept = start;
        for n in start..out.len() {
            if n == start || out[n] != out[kept - 1] {
                out[kept] = out[n];
                kept += 1;
            }
        }
        out.truncate(kept);
    }
    steps
}

/// Members that are put in order in the time of one step.
const MEMBERS_PER_STEP: usize = 2;

/// The parts of an index that was written.
struct IndexParts<'c> {
    symbols: &'c [u32],
    ends: &'c [u32],
    rest: &'c [u32],
    lists: &'c [u32],
}

impl<'c> IndexParts<'c> {
    fn of(index: &'c [u32]) -> Option<Self> {
        let ([count, rest], words) = index.split_first_chunk::<2>()?;
        let (symbols, words) = words.split_at_checked(*count as usize)?;
        let (ends, words) = words.split_at_checked(*count as usize)?;
        let (rest, lists) = words.split_at_checked(*rest as usize)?;
        Some(Self {
            symbols,
            ends,
            rest,
            lists,
        })
    }
}
