//! Finding the rules and children that may apply, without looking at the others.

use hashbrown::HashMap;

use super::{Span, SymbolSet, Target};

/// Below this many members looking at each is as quick.
const WORTH_IT: usize = 4;

/// Members by a symbol that the request must have for them to apply. A member stands under each symbol of the
/// most selective of its sets; one without a set stands in the rest.
#[derive(Debug)]
pub struct Index {
    lists: HashMap<u32, Span>,
    /// Numbers of members, each list in document order.
    members: Vec<u32>,
    rest: Span,
}

impl Index {
    /// An index over the targets of some members; none when it would not pay.
    pub fn new(targets: &[(u32, Target)], sets: &[SymbolSet], symbols: &[u32]) -> Option<Self> {
        if targets.len() <= WORTH_IT {
            return None;
        }
        // Attributes that must be present are not among these sets: their absence is an error, not a mismatch.
        let usable = |target: &Target| target.sets.of(sets).iter().map(|s| s.of(symbols));
        let mut uses: HashMap<u32, usize> = HashMap::new();
        for (_, target) in targets {
            for symbol in usable(target).flatten() {
                *uses.entry(*symbol).or_default() += 1;
            }
        }
        let cost = |set: &[u32]| set.iter().map(|s| uses.get(s).copied().unwrap_or_default()).sum::<usize>();
        let mut lists: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut rest = Vec::new();
        for (member, target) in targets {
            match usable(target).min_by_key(|set| cost(set)) {
                Some(set) => set.iter().for_each(|symbol| lists.entry(*symbol).or_default().push(*member)),
                None => rest.push(*member),
            }
        }
        if lists.is_empty() {
            return None;
        }
        let mut members = Vec::new();
        let mut span = |list: &[u32]| {
            let start = u32::try_from(members.len()).unwrap_or(u32::MAX);
            members.extend_from_slice(list);
            Span { start, end: u32::try_from(members.len()).unwrap_or(u32::MAX) }
        };
        let rest = span(&rest);
        let lists = lists.iter().map(|(symbol, list)| (*symbol, span(list))).collect();
        Some(Self { lists, members, rest })
    }

    /// Looks at where it lies; the number means nothing.
    #[inline]
    pub fn glance(&self) -> u32 {
        self.members.first().copied().unwrap_or(0) ^ self.lists.values().next().map_or(0, |list| list.start)
    }

    /// Appends the members that may apply to a request with these symbols, in document order.
    pub fn candidates(&self, present: &[u32], out: &mut Vec<u32>) {
        let start = out.len();
        out.extend_from_slice(self.rest.of(&self.members));
        let mut lists = usize::from(out.len() > start);
        for list in present.iter().filter_map(|symbol| self.lists.get(symbol)) {
            out.extend_from_slice(list.of(&self.members));
            lists += 1;
        }
        if lists > 1 {
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
    }
}
