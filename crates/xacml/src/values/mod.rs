//! Values and their data types: reading, printing, comparing.

mod names;
mod network;
pub(crate) mod number;
pub(crate) mod pattern;
pub mod time;
pub(crate) mod xpath;

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

pub use names::{Rfc822Name, X500Name};
pub use number::Integer;
use time::{Date, DateTime, DayTimeDuration, Time, TimezoneOffset, YearMonthDuration};
pub(crate) use xpath::ContentNode;
pub use xpath::{Content, Namespaces, XPathExpression};

/// Bytes of a text that are read as a value in the time of one step.
const BYTES_READ_PER_STEP: usize = 16;
/// So many bytes of each value are read for nothing: ordinary values have no more.
const BYTES_READ_FREE: usize = 64;

/// Steps of working through a text of so many bytes character by character.
const fn steps_to_read(bytes: usize) -> usize {
    bytes.saturating_sub(BYTES_READ_FREE) / BYTES_READ_PER_STEP
}

/// A data type: those of the standard (appendices A.2 and B.3), which are a closed set here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// `string`
    String,
    /// `boolean`
    Boolean,
    /// `integer`, of any size up to 1024 digits.
    Integer,
    /// `double`
    Double,
    /// `time`
    Time,
    /// `date`
    Date,
    /// `dateTime`
    DateTime,
    /// `dayTimeDuration`
    DayTimeDuration,
    /// `yearMonthDuration`
    YearMonthDuration,
    /// `anyURI`
    AnyUri,
    /// `hexBinary`
    HexBinary,
    /// `base64Binary`
    Base64Binary,
    /// `rfc822Name`: an e-mail address.
    Rfc822Name,
    /// `x500Name`: a distinguished name.
    X500Name,
    /// `ipAddress`: an IP address with an optional mask and port range.
    IpAddress,
    /// `dnsName`: a host name with an optional port range.
    DnsName,
    /// `xpathExpression`: an XPath over the content of a category.
    XPathExpression,
}

impl DataType {
    /// Every data type with its URI.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::String, "http://www.w3.org/2001/XMLSchema#string"),
        (Self::Boolean, "http://www.w3.org/2001/XMLSchema#boolean"),
        (Self::Integer, "http://www.w3.org/2001/XMLSchema#integer"),
        (Self::Double, "http://www.w3.org/2001/XMLSchema#double"),
        (Self::Time, "http://www.w3.org/2001/XMLSchema#time"),
        (Self::Date, "http://www.w3.org/2001/XMLSchema#date"),
        (Self::DateTime, "http://www.w3.org/2001/XMLSchema#dateTime"),
        (
            Self::DayTimeDuration,
            "http://www.w3.org/2001/XMLSchema#dayTimeDuration",
        ),
        (
            Self::YearMonthDuration,
            "http://www.w3.org/2001/XMLSchema#yearMonthDuration",
        ),
        (Self::AnyUri, "http://www.w3.org/2001/XMLSchema#anyURI"),
        (
            Self::HexBinary,
            "http://www.w3.org/2001/XMLSchema#hexBinary",
        ),
        (
            Self::Base64Binary,
            "http://www.w3.org/2001/XMLSchema#base64Binary",
        ),
        (
            Self::Rfc822Name,
            "urn:oasis:names:tc:xacml:1.0:data-type:rfc822Name",
        ),
        (
            Self::X500Name,
            "urn:oasis:names:tc:xacml:1.0:data-type:x500Name",
        ),
        (
            Self::IpAddress,
            "urn:oasis:names:tc:xacml:2.0:data-type:ipAddress",
        ),
        (
            Self::DnsName,
            "urn:oasis:names:tc:xacml:2.0:data-type:dnsName",
        ),
        (
            Self::XPathExpression,
            "urn:oasis:names:tc:xacml:3.0:data-type:xpathExpression",
        ),
    ];

    /// The data type of a URI, including the URIs that XACML 2.0 used for the durations.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        // Most values are strings.
        if uri == Self::ALL[0].1 {
            return Some(Self::String);
        }
        Self::ALL
            .iter()
            .find(|(_, u)| *u == uri)
            .map(|(t, _)| *t)
            .or(match uri {
                "http://www.w3.org/TR/2002/WD-xquery-operators-20020816#dayTimeDuration" => {
                    Some(Self::DayTimeDuration)
                }
                "http://www.w3.org/TR/2002/WD-xquery-operators-20020816#yearMonthDuration" => {
                    Some(Self::YearMonthDuration)
                }
                _ => None,
            })
    }

    /// The URI of the data type.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The last part of the URI, such as `string` or `x500Name`, which the JSON Profile uses too.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        self.uri().rsplit(['#', ':']).next().unwrap_or_default()
    }

    /// The data type of a URI or a short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::from_uri(name).or_else(|| {
            Self::ALL
                .iter()
                .find(|(t, _)| t.short_name() == name)
                .map(|(t, _)| *t)
        })
    }

    /// Whether the standard defines equality for the data type. It does not for `ipAddress`, `dnsName`
    /// and `xpathExpression`.
    #[must_use]
    pub const fn has_equality(self) -> bool {
        !matches!(
            self,
            Self::IpAddress | Self::DnsName | Self::XPathExpression
        )
    }
}

/// A value: one variant for each [`DataType`]. Texts may be borrowed.
///
/// It has no `PartialEq`, since equality depends on the implicit time zone: see [`Value::equals`].
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Of type string, as it is written.
    String(Cow<'a, str>),
    /// Of type boolean.
    Boolean(bool),
    /// Of type integer.
    Integer(Integer),
    /// Of type double; infinities and not-a-number included.
    Double(f64),
    /// Of type time.
    Time(Time),
    /// Of type date.
    Date(Date),
    /// Of type dateTime.
    DateTime(DateTime),
    /// Of type dayTimeDuration.
    DayTimeDuration(DayTimeDuration),
    /// Of type yearMonthDuration.
    YearMonthDuration(YearMonthDuration),
    /// Of type anyURI. URIs are compared by their characters, without normalization.
    AnyUri(Cow<'a, str>),
    /// Of type hexBinary, decoded.
    HexBinary(Arc<[u8]>),
    /// Of type base64Binary, decoded.
    Base64Binary(Arc<[u8]>),
    /// Of type rfc822Name.
    Rfc822Name(Arc<Rfc822Name>),
    /// Of type x500Name.
    X500Name(Arc<X500Name>),
    /// Of type ipAddress, checked but kept as text.
    IpAddress(Cow<'a, str>),
    /// Of type dnsName, checked but kept as text.
    DnsName(Cow<'a, str>),
    /// Of type xpathExpression.
    XPathExpression(Arc<XPathExpression>),
}

impl<'a> Value<'a> {
    /// Reads the text of a value; space around it is ignored, but for strings. `None` if it is not a
    /// value of the data type. A value of type `xpathExpression` needs more than a text, so that there
    /// is none either.
    #[must_use]
    pub fn parse(data_type: DataType, text: Cow<'a, str>) -> Option<Self> {
        if data_type == DataType::String {
            return Some(Self::String(text));
        }
        let text = match text {
            Cow::Borrowed(t) => Cow::Borrowed(t.trim_matches(is_space)),
            Cow::Owned(t) => Cow::Owned(t.trim_matches(is_space).to_owned()),
        };
        Some(match data_type {
            DataType::String => Self::String(text),
            DataType::AnyUri => Self::AnyUri(text),
            DataType::Boolean => match &*text {
                "true" | "1" => Self::Boolean(true),
                "false" | "0" => Self::Boolean(false),
                _ => return None,
            },
            DataType::Integer => Self::Integer(Integer::parse(&text)?),
            DataType::Double => Self::Double(number::parse_double(&text)?),
            DataType::Time => Self::Time(time::parse(&text)?),
            DataType::Date => Self::Date(time::parse(&text)?),
            DataType::DateTime => Self::DateTime(time::parse(&text)?),
            DataType::DayTimeDuration => Self::DayTimeDuration(time::parse(&text)?),
            DataType::YearMonthDuration => Self::YearMonthDuration(time::parse(&text)?),
            DataType::HexBinary => Self::HexBinary(
                data_encoding::HEXUPPER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()?
                    .into(),
            ),
            DataType::Base64Binary => {
                let packed: String = text.chars().filter(|c| !is_space(*c)).collect();
                Self::Base64Binary(data_encoding::BASE64.decode(packed.as_bytes()).ok()?.into())
            }
            DataType::Rfc822Name => Self::Rfc822Name(Arc::new(Rfc822Name::parse(&text)?)),
            DataType::X500Name => Self::X500Name(Arc::new(X500Name::parse(&text)?)),
            DataType::IpAddress if network::is_ip_address(&text) => Self::IpAddress(text),
            DataType::DnsName if network::is_dns_name(&text) => Self::DnsName(text),
            DataType::IpAddress | DataType::DnsName | DataType::XPathExpression => return None,
        })
    }

    /// The data type of the value.
    #[must_use]
    pub const fn data_type(&self) -> DataType {
        match self {
            Self::String(_) => DataType::String,
            Self::Boolean(_) => DataType::Boolean,
            Self::Integer(_) => DataType::Integer,
            Self::Double(_) => DataType::Double,
            Self::Time(_) => DataType::Time,
            Self::Date(_) => DataType::Date,
            Self::DateTime(_) => DataType::DateTime,
            Self::DayTimeDuration(_) => DataType::DayTimeDuration,
            Self::YearMonthDuration(_) => DataType::YearMonthDuration,
            Self::AnyUri(_) => DataType::AnyUri,
            Self::HexBinary(_) => DataType::HexBinary,
            Self::Base64Binary(_) => DataType::Base64Binary,
            Self::Rfc822Name(_) => DataType::Rfc822Name,
            Self::X500Name(_) => DataType::X500Name,
            Self::IpAddress(_) => DataType::IpAddress,
            Self::DnsName(_) => DataType::DnsName,
            Self::XPathExpression(_) => DataType::XPathExpression,
        }
    }

    /// The same value with its text borrowed. It allocates nothing but for an integer beyond 64 bits.
    #[must_use]
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::String(t) => Value::String(Cow::Borrowed(t)),
            Self::AnyUri(t) => Value::AnyUri(Cow::Borrowed(t)),
            Self::IpAddress(t) => Value::IpAddress(Cow::Borrowed(t)),
            Self::DnsName(t) => Value::DnsName(Cow::Borrowed(t)),
            other => other.clone(),
        }
    }

    /// Steps that [`Value::parse`] takes for a text of so many bytes, of those that bound an
    /// evaluation. What reads the values of a request for each of its decisions counts them.
    #[must_use]
    pub const fn steps_to_parse(data_type: DataType, bytes: usize) -> usize {
        if matches!(data_type, DataType::String) {
            // It is kept as it is.
            0
        } else {
            steps_to_read(bytes)
        }
    }

    /// Steps of making its key.
    pub(crate) fn steps_to_key(&self) -> usize {
        steps_to_read(self.text_bytes())
    }

    /// About how many bytes a comparison or a copy of the value works through.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::String(t) | Self::AnyUri(t) | Self::IpAddress(t) | Self::DnsName(t) => t.len(),
            Self::HexBinary(v) | Self::Base64Binary(v) => v.len(),
            Self::Rfc822Name(v) => v.local.len() + v.domain.len(),
            Self::X500Name(v) => v.text.len(),
            Self::XPathExpression(v) => v.path.len(),
            Self::Integer(v) => v.words() * 8,
            Self::Boolean(_)
            | Self::Double(_)
            | Self::Time(_)
            | Self::Date(_)
            | Self::DateTime(_)
            | Self::DayTimeDuration(_)
            | Self::YearMonthDuration(_) => 0,
        }
    }

    /// The same value with a text of its own.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::String(t) => Value::String(Cow::Owned(t.into_owned())),
            Self::AnyUri(t) => Value::AnyUri(Cow::Owned(t.into_owned())),
            Self::IpAddress(t) => Value::IpAddress(Cow::Owned(t.into_owned())),
            Self::DnsName(t) => Value::DnsName(Cow::Owned(t.into_owned())),
            Self::Boolean(v) => Value::Boolean(v),
            Self::Integer(v) => Value::Integer(v),
            Self::Double(v) => Value::Double(v),
            Self::Time(v) => Value::Time(v),
            Self::Date(v) => Value::Date(v),
            Self::DateTime(v) => Value::DateTime(v),
            Self::DayTimeDuration(v) => Value::DayTimeDuration(v),
            Self::YearMonthDuration(v) => Value::YearMonthDuration(v),
            Self::HexBinary(v) => Value::HexBinary(v),
            Self::Base64Binary(v) => Value::Base64Binary(v),
            Self::Rfc822Name(v) => Value::Rfc822Name(v),
            Self::X500Name(v) => Value::X500Name(v),
            Self::XPathExpression(v) => Value::XPathExpression(v),
        }
    }

    /// The canonical text of the value, which [`Value::parse`] reads as an equal one. Of an
    /// `xpathExpression` it is the path.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::String(t) | Self::AnyUri(t) | Self::IpAddress(t) | Self::DnsName(t) => {
                Cow::Borrowed(t)
            }
            Self::Boolean(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
            Self::Integer(v) => Cow::Owned(v.to_string()),
            Self::Double(v) => Cow::Owned(number::print_double(*v)),
            Self::Time(v) => Cow::Owned(v.to_string()),
            Self::Date(v) => Cow::Owned(v.to_string()),
            Self::DateTime(v) => Cow::Owned(v.to_string()),
            Self::DayTimeDuration(v) => Cow::Owned(v.to_string()),
            Self::YearMonthDuration(v) => Cow::Owned(v.to_string()),
            Self::HexBinary(v) => Cow::Owned(data_encoding::HEXUPPER.encode(v)),
            Self::Base64Binary(v) => Cow::Owned(data_encoding::BASE64.encode(v)),
            Self::Rfc822Name(v) => Cow::Owned(format!("{}@{}", v.local, v.domain)),
            Self::X500Name(v) => Cow::Borrowed(&v.text),
            Self::XPathExpression(v) => Cow::Borrowed(&v.path),
        }
    }

    /// Whether two values are equal by the standard's function of their data type, with an implicit
    /// zone for times and dates that have none. Values of different types are not equal, nor are those
    /// of types [without equality](DataType::has_equality). Not-a-number equals itself.
    #[must_use]
    pub fn equals(&self, other: &Value<'_>, zone: TimezoneOffset) -> bool {
        match (self, other) {
            (Self::String(a), Value::String(b)) | (Self::AnyUri(a), Value::AnyUri(b)) => a == b,
            (Self::Boolean(a), Value::Boolean(b)) => a == b,
            (Self::Double(a), Value::Double(b)) => {
                a.partial_cmp(b) == Some(Ordering::Equal) || (a.is_nan() && b.is_nan())
            }
            (Self::HexBinary(a), Value::HexBinary(b))
            | (Self::Base64Binary(a), Value::Base64Binary(b)) => a == b,
            (Self::Rfc822Name(a), Value::Rfc822Name(b)) => a == b,
            (Self::X500Name(a), Value::X500Name(b)) => a == b,
            (Self::DayTimeDuration(a), Value::DayTimeDuration(b)) => a == b,
            (Self::YearMonthDuration(a), Value::YearMonthDuration(b)) => a == b,
            _ => self.compare(other, zone) == Some(Ordering::Equal),
        }
    }

    /// The order of two strings, integers, doubles, times, dates or dateTimes, with an implicit zone
    /// for those that have none; `None` for other or different types, and for not-a-number.
    #[must_use]
    pub fn compare(&self, other: &Value<'_>, zone: TimezoneOffset) -> Option<Ordering> {
        match (self, other) {
            (Self::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            (Self::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Self::Time(a), Value::Time(b)) => time::compare(*a, *b, zone),
            (Self::Date(a), Value::Date(b)) => time::compare(*a, *b, zone),
            (Self::DateTime(a), Value::DateTime(b)) => time::compare(*a, *b, zone),
            _ => None,
        }
    }

    /// A text that is the same for equal values and no others.
    pub(crate) fn key(&self, zone: TimezoneOffset) -> Cow<'_, str> {
        use time::Temporal;
        fn instant<T: Temporal>(
            value: T,
            zone: TimezoneOffset,
            shift: impl Fn(T) -> Option<T>,
        ) -> T {
            shift(value.zoned(zone)).unwrap_or(value)
        }
        let utc = TimezoneOffset::new(0).ok();
        match self {
            Self::Double(v) if *v == 0.0 => Cow::Borrowed("0"),
            Self::DateTime(v) => Cow::Owned(instant(*v, zone, |d| d.adjust(utc)).to_string()),
            // A time or date may be on another day in another zone, so that its text in UTC is
            // ambiguous: the distance from a fixed one is not.
            Self::Date(v) => Cow::Owned(
                time::parse::<Date>("1970-01-01Z")
                    .and_then(|start| v.zoned(zone).checked_sub(start))
                    .map_or_else(|| v.to_string(), |d| d.to_string()),
            ),
            Self::Time(v) => Cow::Owned(
                time::parse::<Time>("00:00:00Z")
                    .and_then(|start| v.zoned(zone).checked_sub(start))
                    .map_or_else(|| v.to_string(), |d| d.to_string()),
            ),
            Self::X500Name(v) => Cow::Owned(v.key()),
            other => other.text(),
        }
    }
}

/// Whether XML counts a character as white space.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> TimezoneOffset {
        TimezoneOffset::new(0).unwrap()
    }

    fn value(name: &str, text: &str) -> Option<Value<'static>> {
        Value::parse(
            DataType::from_name(name).unwrap(),
            Cow::Owned(text.to_owned()),
        )
    }

    #[test]
    fn types_are_numbered_as_listed() {
        for (t, uri) in DataType::ALL {
            assert_eq!(
                (
                    t.uri(),
                    DataType::from_uri(uri),
                    DataType::from_name(t.short_name())
                ),
                (uri, Some(t), Some(t))
            );
        }
    }

    #[rstest::rstest]
    #[case("string", " a ", " a ", true)]
    #[case("string", "a", "a ", false)]
    #[case("boolean", "1", " true ", true)]
    #[case("integer", "007", "+7", true)]
    #[case("double", "NaN", "NaN", true)]
    #[case("double", "0", "-0", true)]
    #[case("dayTimeDuration", "PT24H", "P1D", true)]
    #[case("yearMonthDuration", "P12M", "P1Y", true)]
    #[case("yearMonthDuration", "-P1Y", "P1Y", false)]
    #[case("time", "08:23:47-05:00", "13:23:47Z", true)]
    #[case("date", "2002-03-22", "2002-03-22Z", true)]
    #[case("dateTime", "2002-03-22T08:23:47.10Z", "2002-03-22T08:23:47.1", true)]
    #[case("hexBinary", "0fB7", "0FB7", true)]
    #[case("base64Binary", "AQ ID", "AQID", true)]
    #[case("rfc822Name", "a@B.org", "a@b.ORG", true)]
    #[case("rfc822Name", "A@b.org", "a@b.org", false)]
    #[case("anyURI", "http://a/", "http://A/", false)]
    #[case("x500Name", "CN=a", "cn=A", true)]
    fn equality(#[case] name: &str, #[case] a: &str, #[case] b: &str, #[case] equal: bool) {
        let (a, b) = (value(name, a).unwrap(), value(name, b).unwrap());
        assert_eq!(a.equals(&b, utc()), equal);
        assert_eq!(
            a.key(utc()) == b.key(utc()),
            equal,
            "keys are equal when values are: {} {}",
            a.key(utc()),
            b.key(utc())
        );
    }

    #[rstest::rstest]
    #[case("boolean", "TRUE")]
    #[case("integer", "1.0")]
    #[case("double", "1,0")]
    #[case("hexBinary", "abc")]
    #[case("base64Binary", "AQ=")]
    #[case("dayTimeDuration", "P1Y")]
    #[case("yearMonthDuration", "P1D")]
    #[case("ipAddress", "1.2.3")]
    fn what_is_no_value_is_refused(#[case] name: &str, #[case] text: &str) {
        assert!(value(name, text).is_none());
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_reads_as_equal(which in 0_usize..14, text in "[-+P0-9TDHMSYZ:.eEa-f@=]{0,24}") {
            let t = DataType::ALL[which].0;
            if let Some(v) = Value::parse(t, Cow::Owned(text)) {
                let printed = v.text().into_owned();
                let again = Value::parse(t, Cow::Owned(printed.clone()));
                proptest::prop_assert!(again.is_some_and(|a| a.equals(&v, utc())), "{printed}");
            }
        }
    }
}
