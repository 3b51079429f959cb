//! Regular expressions of XML Schema and XPath, translated for an engine whose time is linear in the
//! text.

use std::{fmt::Write, iter::Peekable, str::Chars};

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

/// Characters of a pattern in a policy.
const MAX_LITERAL: usize = 1_024;
/// Characters of a pattern that an expression yields.
const MAX_DYNAMIC: usize = 256;
/// Bytes of a compiled pattern: the least of these that it fits into.
const COMPILED: [usize; 3] = [8 * 1024, 64 * 1024, 1024 * 1024];
/// Bytes of a compiled pattern that an expression yields.
const COMPILED_DYNAMIC: usize = 256 * 1024;
/// Depth of groups.
const MAX_NESTING: u32 = 50;
/// Steps that compiling a pattern takes which an expression yields.
pub const STEPS_TO_COMPILE: usize = 50_000;
/// Places of a pattern that are compared with a byte in the time of one step.
const PLACES_PER_STEP: usize = 8;

/// A compiled pattern.
#[derive(Debug)]
pub struct CompiledPattern {
    regex: Regex,
    /// Places in the pattern that a byte of a text may be compared with.
    places: usize,
}

impl CompiledPattern {
    /// Compiles a pattern of a policy. `bytes_left` is how many bytes all compiled patterns of the
    /// policy may still take. The error is an English phrase.
    pub fn literal(pattern: &str, bytes_left: &mut usize) -> Result<Self, String> {
        let translated = translate(pattern, MAX_LITERAL)?;
        for limit in COMPILED {
            let Some(left) = bytes_left.checked_sub(limit) else {
                break;
            };
            match compile(&translated, limit) {
                Err(regex::Error::CompiledTooBig(_)) if limit < COMPILED[COMPILED.len() - 1] => {}
                compiled => {
                    *bytes_left = left;
                    return Self::of(&translated, compiled);
                }
            }
        }
        Err("the regular expressions are too large together".to_owned())
    }

    /// Compiles a pattern that an expression yields. The error is an English phrase.
    pub fn dynamic(pattern: &str) -> Result<Self, String> {
        let translated = translate(pattern, MAX_DYNAMIC)?;
        let compiled = compile(&translated, COMPILED_DYNAMIC);
        Self::of(&translated, compiled)
    }

    fn of(translated: &str, compiled: Result<Regex, regex::Error>) -> Result<Self, String> {
        let regex = compiled.map_err(|e| match e {
            regex::Error::CompiledTooBig(_) => {
                "the regular expression is too large once compiled".to_owned()
            }
            _ => "the regular expression is not valid".to_owned(),
        })?;
        let places = regex_syntax::Parser::new()
            .parse(translated)
            .map_or(usize::MAX, |parsed| places(&parsed));
        Ok(Self { regex, places })
    }

    /// Whether the pattern matches somewhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Steps that looking for it in a text takes at most: each byte may be compared with each place.
    pub fn steps(&self, text: &str) -> usize {
        text.len().saturating_mul(self.places) / PLACES_PER_STEP
    }
}

/// Places in a pattern that a byte of a text may be compared with, repetitions multiplied.
// As deep as groups nest, which is bounded.
fn places(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len(),
        // A character has up to four bytes.
        HirKind::Class(_) => 4,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1) as usize;
            places(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(places).fold(0, usize::saturating_add)
        }
    }
}

const NAME_START: &str = r":A-Z_a-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}";
const NAME_MORE: &str = r"\-.0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}";

/// Unicode blocks that a pattern may name.
const BLOCKS: &[(&str, u32, u32)] = &[
    ("BasicLatin", 0x0, 0x7F),
    ("Latin-1Supplement", 0x80, 0xFF),
    ("LatinExtended-A", 0x100, 0x17F),
    ("LatinExtended-B", 0x180, 0x24F),
    ("IPAExtensions", 0x250, 0x2AF),
    ("SpacingModifierLetters", 0x2B0, 0x2FF),
    ("CombiningDiacriticalMarks", 0x300, 0x36F),
    ("Greek", 0x370, 0x3FF),
    ("GreekandCoptic", 0x370, 0x3FF),
    ("Cyrillic", 0x400, 0x4FF),
    ("Armenian", 0x530, 0x58F),
    ("Hebrew", 0x590, 0x5FF),
    ("Arabic", 0x600, 0x6FF),
    ("Devanagari", 0x900, 0x97F),
    ("Thai", 0xE00, 0xE7F),
    ("Georgian", 0x10A0, 0x10FF),
    ("HangulJamo", 0x1100, 0x11FF),
    ("LatinExtendedAdditional", 0x1E00, 0x1EFF),
    ("GreekExtended", 0x1F00, 0x1FFF),
    ("GeneralPunctuation", 0x2000, 0x206F),
    ("SuperscriptsandSubscripts", 0x2070, 0x209F),
    ("CurrencySymbols", 0x20A0, 0x20CF),
    ("LetterlikeSymbols", 0x2100, 0x214F),
    ("NumberForms", 0x2150, 0x218F),
    ("Arrows", 0x2190, 0x21FF),
    ("MathematicalOperators", 0x2200, 0x22FF),
    ("MiscellaneousTechnical", 0x2300, 0x23FF),
    ("BoxDrawing", 0x2500, 0x257F),
    ("BlockElements", 0x2580, 0x259F),
    ("GeometricShapes", 0x25A0, 0x25FF),
    ("MiscellaneousSymbols", 0x2600, 0x26FF),
    ("Dingbats", 0x2700, 0x27BF),
    ("CJKSymbolsandPunctuation", 0x3000, 0x303F),
    ("Hiragana", 0x3040, 0x309F),
    ("Katakana", 0x30A0, 0x30FF),
    ("CJKUnifiedIdeographs", 0x4E00, 0x9FFF),
    ("HangulSyllables", 0xAC00, 0xD7A3),
    ("PrivateUse", 0xE000, 0xF8FF),
    ("HalfwidthandFullwidthForms", 0xFF00, 0xFFEF),
    ("Specials", 0xFFF0, 0xFFFF),
];

/// Translates a pattern of at most `max` characters. Without `^` or `$` it matches anywhere in a text.
fn translate(pattern: &str, max: usize) -> Result<String, String> {
    if pattern.chars().count() > max {
        return Err("the regular expression is too long".to_owned());
    }
    PatternTranslator {
        chars: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
    }
    .run()
}

fn compile(translated: &str, limit: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(translated)
        .size_limit(limit)
        .dfa_size_limit(limit)
        .nest_limit(MAX_NESTING)
        .build()
}

struct PatternTranslator<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
}

impl PatternTranslator<'_> {
    fn run(mut self) -> Result<String, String> {
        while let Some(c) = self.chars.next() {
            match c {
                '.' => self.out.push_str(r"[^\n\r]"),
                '\\' => self.escape(false)?,
                '[' => self.class(0)?,
                '(' if self.chars.peek() == Some(&'?') => {
                    self.chars.next();
                    if self.chars.next() != Some(':') {
                        return Err(
                            "groups with options are not part of XPath's regular expressions"
                                .to_owned(),
                        );
                    }
                    self.out.push_str("(?:");
                }
                '^' | '$' | '(' | ')' | '|' | '*' | '+' | '?' | '{' | '}' | ',' => self.out.push(c),
                ']' => return Err("a bracket that was not opened".to_owned()),
                c => self.literal(c),
            }
        }
        Ok(self.out)
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || c == ',' {
            self.out.push(c);
        } else {
            let _ = write!(self.out, r"\x{{{:X}}}", u32::from(c));
        }
    }

    /// Translates what follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let c = self.chars.next().ok_or("a backslash at the end")?;
        if let Some(single) = single_escape(c) {
            self.literal(single);
            return Ok(());
        }
        let class = match c {
            'd' => r"\p{Nd}".to_owned(),
            'D' => r"\P{Nd}".to_owned(),
            's' => r"[ \t\n\r]".to_owned(),
            'S' => r"[^ \t\n\r]".to_owned(),
            'w' => r"[^\p{P}\p{Z}\p{C}]".to_owned(),
            'W' => r"[\p{P}\p{Z}\p{C}]".to_owned(),
            'i' => format!("[{NAME_START}]"),
            'I' => format!("[^{NAME_START}]"),
            'c' => format!("[{NAME_START}{NAME_MORE}]"),
            'C' => format!("[^{NAME_START}{NAME_MORE}]"),
            'p' | 'P' => self.property(c == 'P')?,
            '0'..='9' => return Err("back-references are not supported".to_owned()),
            _ => {
                return Err(format!(
                    "\\{c} is not an escape{}",
                    if in_class { " of a class" } else { "" }
                ));
            }
        };
        self.out.push_str(&class);
        Ok(())
    }

    fn property(&mut self, negated: bool) -> Result<String, String> {
        if self.chars.next() != Some('{') {
            return Err("a category is written in braces".to_owned());
        }
        let name: String = self.chars.by_ref().take_while(|c| *c != '}').collect();
        if let Some(block) = name.strip_prefix("Is") {
            let (_, from, to) = BLOCKS
                .iter()
                .find(|(n, _, _)| *n == block)
                .ok_or_else(|| "the regular expression names an unknown block".to_owned())?;
            return Ok(format!(
                r"[{}\x{{{from:X}}}-\x{{{to:X}}}]",
                if negated { "^" } else { "" }
            ));
        }
        let known = matches!(
            name.as_bytes(),
            [b'L' | b'M' | b'N' | b'P' | b'Z' | b'S' | b'C'] | [b'A'..=b'Z', b'a'..=b'z']
        );
        if !known {
            return Err("the regular expression names an unknown category".to_owned());
        }
        Ok(format!(r"\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }

    /// Translates what follows an opening bracket.
    fn class(&mut self, depth: usize) -> Result<(), String> {
        const OPEN: &str = "a bracket that is not closed";
        if depth > 8 {
            return Err("classes are nested too deeply".to_owned());
        }
        self.out.push('[');
        if self.chars.peek() == Some(&'^') {
            self.chars.next();
            self.out.push('^');
        }
        let mut empty = true;
        loop {
            let c = self.chars.next().ok_or(OPEN)?;
            match c {
                ']' if empty => return Err("an empty class".to_owned()),
                ']' => break,
                '-' if self.chars.peek() == Some(&'[') => {
                    self.chars.next();
                    self.out.push_str("--");
                    self.class(depth + 1)?;
                    if self.chars.next() != Some(']') {
                        return Err("what is taken out of a class comes last".to_owned());
                    }
                    break;
                }
                '[' => return Err("a bracket inside a class must be escaped".to_owned()),
                '\\' => {
                    if let Some(from) = self.chars.peek().copied().and_then(single_escape) {
                        self.chars.next();
                        self.range(from)?;
                    } else {
                        self.escape(true)?;
                    }
                }
                c => self.range(c)?,
            }
            empty = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// Translates a character of a class, or a range that starts with it.
    fn range(&mut self, from: char) -> Result<(), String> {
        let _ = write!(self.out, r"\x{{{:X}}}", u32::from(from));
        let mut ahead = self.chars.clone();
        if ahead.next() != Some('-') {
            return Ok(());
        }
        let to = match ahead.next() {
            None | Some(']' | '[') => return Ok(()),
            Some('\\') => match ahead.next().and_then(single_escape) {
                Some(c) => c,
                None => return Ok(()),
            },
            Some(c) => c,
        };
        if to < from {
            return Err("a range that ends before it starts".to_owned());
        }
        self.chars = ahead;
        let _ = write!(self.out, r"-\x{{{:X}}}", u32::from(to));
        Ok(())
    }
}

fn single_escape(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '\\' | '|' | '.' | '-' | '^' | '?' | '*' | '+' | '{' | '}' | '(' | ')' | '[' | ']'
        | '$' => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(pattern: &str) -> Result<CompiledPattern, String> {
        CompiledPattern::literal(pattern, &mut (8 << 20))
    }

    #[test]
    fn steps_are_those_of_the_worst_text() {
        let steps = |pattern: &str, length: usize| {
            literal(pattern).unwrap().steps(&"a".repeat(length)) * PLACES_PER_STEP
        };
        assert_eq!(steps("^abc$", 80), 240);
        assert_eq!(steps("(a|bc)*", 80), 240);
        assert_eq!(steps("[01]*1[01]{500}", 64), 64 * (4 + 1 + 2_000));
    }

    #[test]
    fn patterns_that_are_large_together_are_refused() {
        let mut bytes_left = 100 * 1024;
        assert!(CompiledPattern::literal("^a$", &mut bytes_left).is_ok());
        assert_eq!(bytes_left, 92 * 1024);
        assert!(CompiledPattern::literal("(a{900}){900}", &mut bytes_left).is_err());
        let mut small = 0;
        assert!(CompiledPattern::literal("^a$", &mut small).is_err());
    }

    #[rstest::rstest]
    #[case("Hib", "J. Hibbert", true)]
    #[case("^Hib", "J. Hibbert", false)]
    #[case("bert$", "J. Hibbert", true)]
    #[case(r"^\i\c*$", "ns:a-1", true)]
    #[case(r"^\i\c*$", "1a", false)]
    #[case("^[a-z-[aeiou]]+$", "xyz", true)]
    #[case("^[a-z-[aeiou]]+$", "xaz", false)]
    #[case(r"^\p{IsBasicLatin}+$", "abc", true)]
    #[case(r"^\p{IsBasicLatin}+$", "æ", false)]
    #[case(r"^\P{Lu}$", "A", false)]
    #[case("a.b", "a\nb", false)]
    #[case(r"^[+\-&~#-]+$", "+-&~#", true)]
    #[case(r"^\w+$", "blåbær", true)]
    #[case(r"^\w$", "_", false)]
    #[case("^a{2,3}$", "aaa", true)]
    #[case(r"^\s$", "\u{a0}", false)]
    #[case(r"^[\d\s]+$", "1 2", true)]
    #[case("#", "a#b", true)]
    fn patterns(#[case] pattern: &str, #[case] text: &str, #[case] found: bool) {
        assert_eq!(literal(pattern).unwrap().is_match(text), found);
    }

    #[test]
    fn what_is_not_supported_is_said() {
        for bad in [
            r"(a)\1",
            "(?i)a",
            "[",
            "[]",
            "a]",
            r"\q",
            r"\p{IsKlingon}",
            r"\p{Foo}",
            "(",
            "*",
            "[z-a]",
            "a{4000}{4000}",
            "\\",
            "[a-[b]c]",
        ] {
            assert!(literal(bad).is_err(), "{bad}");
        }
        assert!(CompiledPattern::dynamic(&"a".repeat(300)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_makes_it_panic(pattern in r"[\[\]\\^$.|?*+(){}a-z0-9,\-&~é ]{0,20}") {
            if let Ok(regex) = CompiledPattern::dynamic(&pattern) {
                let _ = regex.is_match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
            }
        }
    }
}
