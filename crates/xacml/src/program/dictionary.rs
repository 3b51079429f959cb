//! Symbols of texts: dictionaries that find a text exactly or in any letter case.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::list::NONE;

/// A dictionary while its program is compiled.
#[derive(Debug)]
pub struct DictionaryDraft {
    numbers: HashMap<Box<str>, u32>,
    /// Whether letter case is ignored; the texts are then in lower case.
    ignores_case: bool,
}

impl DictionaryDraft {
    pub fn new(ignores_case: bool) -> Self {
        Self {
            numbers: HashMap::new(),
            ignores_case,
        }
    }

    /// The number of a text: `next` if the text is new.
    pub fn number(&mut self, text: &str, next: u32) -> u32 {
        let text = if self.ignores_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        *self.numbers.entry(text.into()).or_insert(next)
    }
}

/// An attribute that a program refers to. Its values in a request are interned before evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its number in the vocabulary.
    pub attribute: u32,
    /// Its number in the program.
    pub number: u32,
    /// Dictionary with the symbols of texts that are compared as they are.
    pub exact: u32,
    /// Dictionary with the symbols of texts that are compared in lower case.
    pub folded: u32,
    /// Whether an expression reads the values, or their absence is an error. Otherwise the symbols
    /// are enough.
    pub read: bool,
}

/// The slots of a program, and dictionaries of the texts that it compares their values with, as one
/// array of `u64` words, for the same reason as [`ProgramCode`](super::code::ProgramCode).
///
/// First come the slots, sorted by the numbers of their attributes. A dictionary has a [`DictionaryFilter`], a
/// hash table with a part of the hash and the offset of each text, and the texts: length and number,
/// then the bytes. The hash is seeded, since the texts come from outside.
#[derive(Debug, Default)]
pub struct Dictionaries {
    words: Box<[u64]>,
    slots: u32,
}

/// Words of a slot.
const SLOT: usize = 2;
/// Words of a dictionary before its table.
const HEAD: usize = 5;

/// Mark of a slot that is read.
const READ: u32 = 1 << 31;
/// Mark of a dictionary whose texts are in lower case.
const IGNORES_CASE: u32 = 1;

const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn parts(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

impl Dictionaries {
    /// Writes slots and dictionaries. The slots name dictionaries by their index among the drafts.
    pub fn of(slots: &mut [Slot], drafts: &[DictionaryDraft], hasher: &DefaultHashBuilder) -> Self {
        slots.sort_unstable_by_key(|slot| slot.attribute);
        let mut words = vec![0; slots.len() * SLOT];
        // Small ones first, so that most of them share the first cache lines.
        let mut by_size: Vec<usize> = (0..drafts.len()).collect();
        by_size.sort_by_key(|n| drafts[*n].numbers.len());
        let mut offsets = vec![0; drafts.len()];
        for n in by_size {
            offsets[n] = number(words.len());
            write(&mut words, &drafts[n], hasher);
        }
        let offset = |dictionary: u32| offsets.get(dictionary as usize).copied().unwrap_or(0);
        for (slot, space) in slots.iter().zip(words.as_chunks_mut::<SLOT>().0) {
            let marks = if slot.read { READ } else { 0 };
            *space = [
                pair(slot.attribute, slot.number | marks),
                pair(offset(slot.exact), offset(slot.folded)),
            ];
        }
        Self {
            words: words.into(),
            slots: number(slots.len()),
        }
    }

    /// How many slots there are.
    pub const fn len(&self) -> u32 {
        self.slots
    }

    /// The slots. They name dictionaries by their offsets.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = Slot> {
        self.slot_words().iter().map(slot)
    }

    fn slot_words(&self) -> &[[u64; SLOT]] {
        self.words
            .get(..self.slots as usize * SLOT)
            .unwrap_or_default()
            .as_chunks()
            .0
    }

    /// The slot of an attribute of the vocabulary.
    pub fn slot_of(&self, attribute: u32) -> Option<Slot> {
        let words = self.slot_words();
        words
            .get(
                words
                    .binary_search_by_key(&attribute, |[name, _]| parts(*name).0)
                    .ok()?,
            )
            .map(slot)
    }

    /// Reads a word of each of the first cache lines, so that the processor fetches them in parallel.
    /// The result has no meaning; a caller hides it from the optimizer.
    #[inline]
    pub fn prefetch(&self) -> u64 {
        // A cache line of 64 bytes has eight words.
        self.words
            .iter()
            .step_by(8)
            .take(14)
            .fold(0, |seen, word| seen ^ word)
    }

    /// The dictionary at an offset.
    #[inline]
    pub fn at(&self, offset: u32) -> Option<Dictionary<'_>> {
        let ([marks, filter @ ..], words) = self
            .words
            .get(offset as usize..)
            .filter(|_| offset != 0)?
            .split_first_chunk::<HEAD>()?;
        let (mask, marks) = parts(*marks);
        Some(Dictionary {
            filter,
            mask,
            ignores_case: marks & IGNORES_CASE != 0,
            words,
        })
    }
}

/// A dictionary that was written.
#[derive(Debug, Clone, Copy)]
pub struct Dictionary<'d> {
    filter: &'d [u64; 4],
    mask: u32,
    ignores_case: bool,
    /// The table and the texts.
    words: &'d [u64],
}

impl Dictionary<'_> {
    /// The number of a text. A text in ASCII is looked up without allocation.
    #[inline]
    pub fn get(self, text: &str, hasher: &DefaultHashBuilder) -> Option<u32> {
        if DictionaryFilter::may_have(self.filter, text, self.ignores_case) {
            self.look_up(text, hasher)
        } else {
            None
        }
    }

    #[inline(never)]
    fn look_up(self, text: &str, hasher: &DefaultHashBuilder) -> Option<u32> {
        let (hash, ascii) = hash_of(hasher, self.ignores_case, text);
        if !self.ignores_case {
            return self.find(hash, |known| words_of(text).eq(known), text.len());
        }
        if ascii {
            return self.find(
                hash,
                |known| words_of(text).map(in_lower_case).eq(known),
                text.len(),
            );
        }
        let folded = text.to_lowercase();
        self.find(
            hash_of(hasher, true, &folded).0,
            |known| words_of(&folded).eq(known),
            folded.len(),
        )
    }

    fn find(
        self,
        hash: u64,
        is_it: impl Fn(std::iter::Copied<std::slice::Iter<'_, u64>>) -> bool,
        length: usize,
    ) -> Option<u32> {
        for n in steps(hash, self.mask as usize) {
            let (known, offset) = parts(*self.words.get(n)?);
            if offset == 0 {
                return None;
            }
            if known == tag(hash)
                && let Some((known_length, number, text)) = record(self.words, offset)
                && known_length == length
                && is_it(text.iter().copied())
            {
                return Some(number);
            }
        }
        None
    }

    /// The texts, with their numbers.
    pub fn texts(self) -> impl Iterator<Item = (String, u32)> {
        let table = self.words.get(..=self.mask as usize).unwrap_or_default();
        table.iter().filter_map(move |entry| {
            let (length, number, words) = record(self.words, parts(*entry).1)?;
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .take(length)
                .collect();
            Some((String::from_utf8(bytes).ok()?, number))
        })
    }
}

fn slot([name, dictionaries]: &[u64; SLOT]) -> Slot {
    let ((attribute, marked), (exact, folded)) = (parts(*name), parts(*dictionaries));
    Slot {
        attribute,
        number: marked & !READ,
        exact,
        folded,
        read: marked & READ != 0,
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE)
}

/// Appends a dictionary to others.
fn write(words: &mut Vec<u64>, draft: &DictionaryDraft, hasher: &DefaultHashBuilder) {
    let capacity = (draft.numbers.len() * 2).next_power_of_two();
    let (marks, mut filter) = (if draft.ignores_case { IGNORES_CASE } else { 0 }, [0; 4]);
    draft
        .numbers
        .keys()
        .for_each(|text| DictionaryFilter::add(&mut filter, text, draft.ignores_case));
    words.push(pair(number(capacity - 1), marks));
    words.extend(filter);
    let table = words.len();
    words.resize(table + capacity, 0);
    for (text, symbol) in &draft.numbers {
        let hash = hash_of(hasher, draft.ignores_case, text).0;
        let free = steps(hash, capacity - 1)
            .find(|n| words.get(table + n).is_none_or(|entry| *entry == 0))
            .unwrap_or(0);
        words[table + free] = pair(tag(hash), number(words.len() - table));
        words.push(pair(number(text.len()), *symbol));
        words.extend(words_of(text));
    }
}

/// The entries of a hash table where a hash may be, by linear probing.
fn steps(hash: u64, mask: usize) -> impl Iterator<Item = usize> {
    (0..=mask).map(move |n| (hash as usize).wrapping_add(n) & mask)
}

/// The part of a hash that the table holds.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Length, number and words of the text at an offset, counted from the table.
fn record(words: &[u64], offset: u32) -> Option<(usize, u32, &[u64])> {
    let (head, rest) = words
        .get(offset as usize..)
        .filter(|_| offset != 0)?
        .split_first()?;
    let (length, number) = parts(*head);
    Some((
        length as usize,
        number,
        rest.get(..(length as usize).div_ceil(8))?,
    ))
}

/// A bit for the last eight bytes of each text of a dictionary. Most texts of a request are in no
/// dictionary; the filter rejects them without a hash of the whole text.
struct DictionaryFilter;

impl DictionaryFilter {
    /// Whether a text may be in the dictionary.
    #[inline]
    fn may_have(filter: &[u64; 4], text: &str, ignores_case: bool) -> bool {
        Self::bit_of(text, ignores_case).is_none_or(|(word, bit)| filter[word] & bit != 0)
    }

    /// Adds a text of the dictionary.
    fn add(filter: &mut [u64; 4], text: &str, ignores_case: bool) {
        if let Some((word, bit)) = Self::bit_of(text, ignores_case) {
            filter[word] |= bit;
        }
    }

    /// The word and the bit of a text; none when letter case goes beyond ASCII in its last eight
    /// bytes.
    #[inline]
    fn bit_of(text: &str, ignores_case: bool) -> Option<(usize, u64)> {
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

/// The bytes of a text, eight to a word, padded with zeros.
fn words_of(text: &str) -> impl Iterator<Item = u64> {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let last = (!rest.is_empty()).then(|| last_word(rest));
    words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain(last)
}

/// The hash of a text, and whether it is ASCII.
fn hash_of(hasher: &DefaultHashBuilder, ignores_case: bool, text: &str) -> (u64, bool) {
    let mut state = hasher.build_hasher();
    let mut seen = 0;
    let mut add = |word: u64| {
        seen |= word;
        state.write_u64(if ignores_case {
            in_lower_case(word)
        } else {
            word
        });
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

/// The last eight bytes, or all of fewer, padded with zeros.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut word = [0; 8];
        word.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        word
    }))
}

const fn is_ascii(word: u64) -> bool {
    word & (EACH_BYTE * 0x80) == 0
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// The same eight bytes with ASCII letters in lower case.
const fn in_lower_case(word: u64) -> u64 {
    let low = word & (EACH_BYTE * 0x7F);
    let from_a = low + EACH_BYTE * (0x80 - b'A' as u64);
    let past_z = low + EACH_BYTE * (0x7F - b'Z' as u64);
    let upper = !word & (from_a ^ past_z) & (EACH_BYTE * 0x80);
    word | (upper >> 2)
}

/// Entries by name. A linear search of few names is faster than a hash of the long names of
/// attributes.
#[derive(Debug, Clone)]
pub struct NameTable<T> {
    list: Vec<(Box<str>, T)>,
    numbers: HashMap<Box<str>, usize>,
}

/// More names than this are hashed.
const MAX_LINEAR_SEARCH: usize = 8;

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Default> NameTable<T> {
    pub fn get(&self, name: &str) -> Option<&T> {
        let number = self.number(name)?;
        self.list.get(number).map(|(_, entry)| entry)
    }

    fn number(&self, name: &str) -> Option<usize> {
        if self.list.len() > MAX_LINEAR_SEARCH {
            self.numbers.get(name).copied()
        } else {
            self.list.iter().position(|(known, _)| **known == *name)
        }
    }

    /// The entry of a name, made by default if there is none.
    pub fn entry(&mut self, name: &str) -> &mut T {
        let number = self.number(name).unwrap_or_else(|| {
            self.list.push((name.into(), T::default()));
            let last = self.list.len() - 1;
            if self.list.len() == MAX_LINEAR_SEARCH + 1 {
                self.numbers = self
                    .list
                    .iter()
                    .enumerate()
                    .map(|(n, (name, _))| (name.clone(), n))
                    .collect();
            } else if self.list.len() > MAX_LINEAR_SEARCH {
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

    /// One dictionary, and the function that finds a text in it.
    fn written(draft: DictionaryDraft) -> impl Fn(&str) -> Option<u32> {
        let hasher = DefaultHashBuilder::default();
        let dictionaries = Dictionaries::of(
            &mut [Slot {
                attribute: 7,
                number: 3,
                exact: 0,
                folded: NONE,
                read: true,
            }],
            &[draft],
            &hasher,
        );
        let slot = dictionaries.slot_of(7).unwrap();
        assert_eq!(
            (slot.number, slot.folded, slot.read, dictionaries.len()),
            (3, 0, true, 1)
        );
        let dictionary = dictionaries.at(slot.exact).unwrap();
        assert!(
            dictionary
                .texts()
                .all(|(text, number)| dictionary.get(&text, &hasher) == Some(number))
        );
        move |text| dictionaries.at(slot.exact).unwrap().get(text, &hasher)
    }

    #[test]
    fn a_text_is_found_in_any_case_or_as_it_is() {
        let (mut exact, mut folded) = (DictionaryDraft::new(false), DictionaryDraft::new(true));
        let texts = [
            "",
            "a",
            "Read",
            "eight-ch",
            "nine-char",
            "ÆØÅ",
            "straße",
            "\u{212A}elvin",
            "example-resource-00042",
        ];
        for (n, text) in (0..).zip(texts) {
            assert_eq!((exact.number(text, n), folded.number(text, n)), (n, n));
        }
        assert_eq!(
            (
                exact.number("Read", 99),
                exact.number("read", 99),
                folded.number("READ", 99)
            ),
            (2, 99, 2)
        );
        let (exact, folded) = (written(exact), written(folded));
        for (n, text) in (0..).zip(texts) {
            assert_eq!(
                (exact(text), folded(text), folded(&text.to_lowercase())),
                (Some(n), Some(n), Some(n))
            );
        }
        assert_eq!(
            (
                exact("read"),
                folded("READ"),
                folded("æøÅ"),
                folded("KELVIN"),
                folded("NINE-CHAR")
            ),
            (Some(99), Some(2), Some(5), Some(7), Some(4))
        );
        assert_eq!(
            (
                exact("rea"),
                exact("read\0"),
                folded("eight-c"),
                folded("nine-chas")
            ),
            (None, None, None, None)
        );
    }

    #[test]
    fn an_empty_dictionary_has_no_text() {
        assert_eq!(
            (
                written(DictionaryDraft::new(true))(""),
                written(DictionaryDraft::new(false))("a")
            ),
            (None, None)
        );
    }

    proptest! {
        #[test]
        fn a_lookup_agrees_with_lower_case(texts in prop::collection::vec(".{0,12}|[a-zA-Z@\\[`{]{0,20}", 0..20), asked in ".{0,12}|[a-zA-Z@\\[`{]{0,20}") {
            let (mut draft, mut plain) = (DictionaryDraft::new(true), std::collections::HashMap::new());
            for (n, text) in (0..).zip(&texts) {
                let number = *plain.entry(text.to_lowercase()).or_insert(n);
                prop_assert_eq!(draft.number(text, n), number);
            }
            let find = written(draft);
            for text in texts.iter().chain([&asked]) {
                prop_assert_eq!(find(text), plain.get(&text.to_lowercase()).copied());
            }
        }

        #[test]
        fn eight_bytes_go_to_lower_case_together(word: [u8; 8]) {
            prop_assert_eq!(in_lower_case(u64::from_le_bytes(word)).to_le_bytes(), word.map(|b| b.to_ascii_lowercase()));
        }

        #[test]
        fn entries_are_found_by_their_names(names in prop::collection::vec("[a-d]{0,3}", 0..40)) {
            let mut entries: NameTable<usize> = NameTable::default();
            for (n, name) in names.iter().enumerate() {
                *entries.entry(name) = n;
            }
            for name in names.iter().map(String::as_str).chain(["zz"]) {
                prop_assert_eq!(entries.get(name).copied(), names.iter().rposition(|known| known == name));
            }
        }
    }
}
