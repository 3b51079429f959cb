//! Numbers of texts, which are found as they are or in any letter case.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// Numbers of texts. Its hash is seeded, since the texts come from outside.
#[derive(Debug)]
pub struct Dictionary {
    table: HashTable<Entry>,
    /// The texts, one behind the other.
    texts: String,
    hasher: DefaultHashBuilder,
    /// Upper and lower case are the same; texts are kept in lower case.
    ignores_case: bool,
}

/// A bit for the end of each text of a dictionary: most texts of a request are not in it, and are turned away without hashing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter([u64; 4]);

impl Filter {
    /// Whether a text may be in the dictionary.
    #[inline]
    pub fn may_have(&self, text: &str, ignores_case: bool) -> bool {
        Self::place(text, ignores_case).is_none_or(|(word, bit)| self.0[word] & bit != 0)
    }

    /// Looks at where it lies; the number means nothing.
    #[inline]
    pub const fn glance(&self) -> u32 {
        self.0[0] as u32
    }

    /// Notes a text that is in it.
    pub fn add(&mut self, text: &str, ignores_case: bool) {
        if let Some((word, bit)) = Self::place(text, ignores_case) {
            self.0[word] |= bit;
        }
    }

    /// Where the bit of a text's last eight bytes is; none when letter case is more than ASCII there.
    #[inline]
    fn place(text: &str, ignores_case: bool) -> Option<(usize, u64)> {
        let mut word = last_word(text.as_bytes());
        if ignores_case {
            if !is_ascii(word) {
                return None;
            }
            word = in_lower_case(word);
        }
        let mixed = (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        Some((mixed / 64, 1 << (mixed % 64)))
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    length: u32,
    number: u32,
}

impl Entry {
    #[inline]
    fn text(self, texts: &str) -> &str {
        texts.get(self.start as usize..self.start as usize + self.length as usize).unwrap_or_default()
    }
}

impl Dictionary {
    pub fn new(ignores_case: bool) -> Self {
        Self { table: HashTable::new(), texts: String::new(), hasher: DefaultHashBuilder::default(), ignores_case }
    }

    /// Looks at where it lies; the number means nothing.
    #[inline]
    pub fn glance(&self) -> u32 {
        u32::from(self.texts.as_bytes().first().copied().unwrap_or(0)) ^ self.table.iter().next().map_or(0, |entry| entry.number)
    }

    /// What turns most other texts away.
    pub fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        self.iter().for_each(|(text, _)| filter.add(text, self.ignores_case));
        filter
    }

    /// The texts and their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.table.iter().map(|entry| (entry.text(&self.texts), entry.number))
    }

    /// The number of a text. Nothing is allocated when it is ASCII.
    pub fn get(&self, text: &str) -> Option<u32> {
        let (hash, ascii) = self.hash(text);
        if self.ignores_case {
            if !ascii {
                return self.find(&text.to_lowercase());
            }
            return self.table.find(hash, |known| known.text(&self.texts).eq_ignore_ascii_case(text)).map(|known| known.number);
        }
        self.table.find(hash, |known| known.text(&self.texts) == text).map(|known| known.number)
    }

    fn find(&self, text: &str) -> Option<u32> {
        self.table.find(self.hash(text).0, |known| known.text(&self.texts) == text).map(|known| known.number)
    }

    /// The number of a text, which is this one if it is new.
    pub fn number(&mut self, text: &str, next: u32) -> u32 {
        let text = if self.ignores_case { text.to_lowercase() } else { text.to_owned() };
        if let Some(number) = self.find(&text) {
            return number;
        }
        let hash = self.hash(&text).0;
        let Self { table, texts, hasher, ignores_case } = self;
        let (Ok(start), Ok(length)) = (u32::try_from(texts.len()), u32::try_from(text.len())) else { return next };
        texts.push_str(&text);
        table.insert_unique(hash, Entry { start, length, number: next }, |known| hash_of(hasher, *ignores_case, known.text(texts)).0);
        next
    }

    pub fn shrink_to_fit(&mut self) {
        let Self { table, texts, hasher, ignores_case } = self;
        texts.shrink_to_fit();
        table.shrink_to_fit(|known| hash_of(hasher, *ignores_case, known.text(texts)).0);
    }

    fn hash(&self, text: &str) -> (u64, bool) {
        hash_of(&self.hasher, self.ignores_case, text)
    }
}

/// The hash of a text, and whether it is ASCII.
fn hash_of(hasher: &DefaultHashBuilder, ignores_case: bool, text: &str) -> (u64, bool) {
    let mut state = hasher.build_hasher();
    let mut seen = 0;
    let mut add = |word: u64| {
        seen |= word;
        state.write_u64(if ignores_case { in_lower_case(word) } else { word });
    };
    let bytes = text.as_bytes();
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        add(u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        add(last_word(bytes));
    }
    state.write_usize(bytes.len());
    (state.finish(), is_ascii(seen))
}

/// The last eight bytes, or all with zeros behind.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut word = [0; 8];
        word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        word
    }))
}

const fn is_ascii(word: u64) -> bool {
    word & (EACH_BYTE * 0x80) == 0
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// The eight bytes with ASCII letters in lower case.
const fn in_lower_case(word: u64) -> u64 {
    let low = word & (EACH_BYTE * 0x7F);
    let from_a = low + EACH_BYTE * (0x80 - b'A' as u64);
    let past_z = low + EACH_BYTE * (0x7F - b'Z' as u64);
    let upper = !word & (from_a ^ past_z) & (EACH_BYTE * 0x80);
    word | (upper >> 2)
}

/// Things by name. Among few, comparing each is quicker than hashing the long names of attributes.
#[derive(Debug, Clone)]
pub struct Names<T> {
    list: Vec<(Box<str>, T)>,
    numbers: HashMap<Box<str>, usize>,
}

/// More names than this are hashed.
const FEW: usize = 8;

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { list: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Default> Names<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        let number = self.number(name)?;
        self.list.get(number).map(|(_, thing)| thing)
    }

    fn number(&self, name: &str) -> Option<usize> {
        if self.list.len() > FEW { self.numbers.get(name).copied() } else { self.list.iter().position(|(known, _)| **known == *name) }
    }

    /// The thing of this name, new if there was none.
    pub fn entry(&mut self, name: &str) -> &mut T {
        let number = self.number(name).unwrap_or_else(|| {
            self.list.push((name.into(), T::default()));
            let last = self.list.len() - 1;
            if self.list.len() == FEW + 1 {
                self.numbers = self.list.iter().enumerate().map(|(n, (name, _))| (name.clone(), n)).collect();
            } else if self.list.len() > FEW {
                self.numbers.insert(name.into(), last);
            }
            last
        });
        &mut self.list[number].1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_found_in_any_case_or_as_it_is() {
        let (mut exact, mut folded) = (Dictionary::new(false), Dictionary::new(true));
        for (n, text) in (0..).zip(["", "a", "Read", "eight-ch", "nine-char", "ÆØÅ", "straße", "\u{212A}elvin", "skd-resource-00042"]) {
            assert_eq!((exact.number(text, n), folded.number(text, n)), (n, n));
            assert_eq!((exact.get(text), folded.get(text)), (Some(n), Some(n)));
            assert_eq!(folded.get(&text.to_lowercase()), Some(n));
        }
        assert_eq!((exact.get("read"), folded.get("READ"), folded.get("æøÅ"), folded.get("KELVIN")), (None, Some(2), Some(5), Some(7)));
        assert_eq!(exact.number("Read", 99), 2);
        folded.shrink_to_fit();
        assert_eq!(folded.get("NINE-CHAR"), Some(4));
    }

    proptest! {
        #[test]
        fn a_lookup_agrees_with_lower_case(texts in prop::collection::vec(".{0,12}|[a-zA-Z@\\[`{]{0,20}", 0..20), asked in ".{0,12}|[a-zA-Z@\\[`{]{0,20}") {
            let (mut dictionary, mut plain) = (Dictionary::new(true), std::collections::HashMap::new());
            for (n, text) in (0..).zip(&texts) {
                let number = *plain.entry(text.to_lowercase()).or_insert(n);
                prop_assert_eq!(dictionary.number(text, n), number);
            }
            let filter = dictionary.filter();
            for text in texts.iter().chain([&asked]) {
                prop_assert!(filter.may_have(text, true) || !plain.contains_key(&text.to_lowercase()));
                prop_assert_eq!(dictionary.get(text), plain.get(&text.to_lowercase()).copied());
            }
        }

        #[test]
        fn eight_bytes_go_to_lower_case_together(word: [u8; 8]) {
            prop_assert_eq!(in_lower_case(u64::from_le_bytes(word)).to_le_bytes(), word.map(|b| b.to_ascii_lowercase()));
        }

        #[test]
        fn things_have_their_names(names in prop::collection::vec("[a-d]{0,3}", 0..40)) {
            let mut things: Names<usize> = Names::default();
            for (n, name) in names.iter().enumerate() {
                *things.entry(name) = n;
            }
            for name in names.iter().map(String::as_str).chain(["zz"]) {
                prop_assert_eq!(things.get(name).copied(), names.iter().rposition(|known| known == name));
            }
        }
    }
}
