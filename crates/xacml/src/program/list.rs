//! Entries of a program's lists by number, and ranges of them.

/// In place of a number: there is none.
pub const NONE: u32 = u32::MAX;

/// A range of entries of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRange {
    pub start: u32,
    pub end: u32,
}

impl ListRange {
    pub const fn numbers(self) -> std::ops::Range<u32> {
        self.start..self.end
    }

    pub fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// Appends an entry and returns its number.
pub fn push<T>(list: &mut Vec<T>, item: T) -> u32 {
    let number = u32::try_from(list.len()).unwrap_or(NONE);
    list.push(item);
    number
}

/// Appends entries and returns their range.
pub fn extend<T>(list: &mut Vec<T>, items: Vec<T>) -> ListRange {
    let start = list.len();
    list.extend(items);
    ListRange {
        start: u32::try_from(start).unwrap_or(NONE),
        end: u32::try_from(list.len()).unwrap_or(NONE),
    }
}

/// The index of a number in a sorted list.
#[inline]
pub fn position(sorted: &[u32], number: u32) -> Option<usize> {
    // A linear search of few numbers is faster than a binary one.
    const MAX_LINEAR_SEARCH: usize = 8;
    if sorted.len() <= MAX_LINEAR_SEARCH {
        sorted.iter().position(|n| *n == number)
    } else {
        sorted.binary_search(&number).ok()
    }
}
