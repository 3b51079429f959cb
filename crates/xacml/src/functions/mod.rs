//! The functions of the standard: their identifiers, their types, and their evaluation.

mod budget;
mod call;
mod operand;
mod sets;

use std::sync::LazyLock;

use hashbrown::HashMap;

pub use budget::{EXCEEDED, EvaluationBudget};
pub use call::{call, wanted_of};
pub use operand::Operand;

use crate::values::{DataType, number::Arithmetic};

/// Type of an argument or a result: a value, or a bag of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueType {
    /// Data type of the value, or of each value of the bag.
    pub data: DataType,
    /// Whether it is a bag.
    pub bag: bool,
}

impl ValueType {
    pub const fn one(data: DataType) -> Self {
        Self { data, bag: false }
    }

    pub const fn bag(data: DataType) -> Self {
        Self { data, bag: true }
    }
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.bag {
            write!(f, "a bag of {}", self.data.short_name())
        } else {
            f.write_str(self.data.short_name())
        }
    }
}

/// A function with its types.
#[derive(Debug)]
pub struct Function {
    pub operation: Operation,
    /// Types of the first arguments.
    pub parameters: Vec<ValueType>,
    /// Type of any number of further arguments.
    pub rest: Option<ValueType>,
    pub returns: ValueType,
}

/// Direction of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonDirection {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A function that takes a function (appendix A.3.12 of the standard).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HigherOrder {
    AnyOf,
    AllOf,
    AnyOfAny,
    AllOfAny,
    AnyOfAll,
    AllOfAll,
    Map,
}

/// What a function computes; functions that differ in their data types alone share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Equal,
    EqualIgnoreCase,
    Compare(ComparisonDirection),
    OneAndOnly,
    BagSize,
    IsIn,
    Bag,
    Intersection,
    Union,
    Subset,
    AtLeastOneMemberOf,
    SetEquals,
    FromString(DataType),
    ToString,
    RegexpMatch,
    Arithmetic(Arithmetic),
    Abs,
    Round,
    Floor,
    ToInteger,
    ToDouble,
    NormalizeSpace,
    ToLowerCase,
    And,
    Or,
    NOf,
    Not,
    AddDuration { negative: bool },
    TimeInRange,
    Concatenate,
    ConcatenateUri,
    StartsWith,
    EndsWith,
    Contains,
    Substring,
    X500Match,
    Rfc822Match,
    XPathNodeCount,
    XPathNodeEqual,
    XPathNodeMatch,
    HigherOrder(HigherOrder),
}

static FUNCTIONS: LazyLock<HashMap<String, Function>> = LazyLock::new(|| {
    let mut table = FunctionTable(HashMap::new());
    table.by_type();
    table.others();
    table.0
});

/// The function of an identifier.
pub fn find(id: &str) -> Option<&'static Function> {
    FUNCTIONS.get(id)
}

/// The identifiers of all functions.
#[cfg(test)]
pub fn identifiers() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.keys().map(String::as_str)
}

struct FunctionTable(HashMap<String, Function>);

/// Versions of the standard in the identifiers of a function.
const V1: &[u8] = &[1];
const V2: &[u8] = &[2];
const V3: &[u8] = &[3];
/// Of 3.0, and deprecated by its older identifier.
const V3_AND_1: &[u8] = &[3, 1];

impl FunctionTable {
    fn add(
        &mut self,
        versions: &[u8],
        name: &str,
        operation: Operation,
        parameters: &[ValueType],
        rest: Option<ValueType>,
        returns: ValueType,
    ) {
        for version in versions {
            let id = format!("urn:oasis:names:tc:xacml:{version}.0:function:{name}");
            self.0.insert(
                id,
                Function {
                    operation,
                    parameters: parameters.to_vec(),
                    rest,
                    returns,
                },
            );
        }
    }

    /// Functions that exist for many data types.
    fn by_type(&mut self) {
        use DataType as T;
        let boolean = ValueType::one(T::Boolean);
        for (t, _) in DataType::ALL {
            let (one, bag, name) = (ValueType::one(t), ValueType::bag(t), t.short_name());
            let versions = match t {
                T::XPathExpression => continue,
                T::DayTimeDuration | T::YearMonthDuration => V3_AND_1,
                T::IpAddress | T::DnsName => V2,
                _ => V1,
            };
            self.add(
                versions,
                &format!("{name}-one-and-only"),
                Operation::OneAndOnly,
                &[bag],
                None,
                one,
            );
            self.add(
                versions,
                &format!("{name}-bag-size"),
                Operation::BagSize,
                &[bag],
                None,
                ValueType::one(T::Integer),
            );
            self.add(
                versions,
                &format!("{name}-bag"),
                Operation::Bag,
                &[],
                Some(one),
                bag,
            );
            if t.has_equality() {
                self.add(
                    versions,
                    &format!("{name}-equal"),
                    Operation::Equal,
                    &[one, one],
                    None,
                    boolean,
                );
                self.add(
                    versions,
                    &format!("{name}-is-in"),
                    Operation::IsIn,
                    &[one, bag],
                    None,
                    boolean,
                );
                self.add(
                    versions,
                    &format!("{name}-intersection"),
                    Operation::Intersection,
                    &[bag, bag],
                    None,
                    bag,
                );
                self.add(
                    versions,
                    &format!("{name}-union"),
                    Operation::Union,
                    &[bag, bag],
                    Some(bag),
                    bag,
                );
                self.add(
                    versions,
                    &format!("{name}-subset"),
                    Operation::Subset,
                    &[bag, bag],
                    None,
                    boolean,
                );
                self.add(
                    versions,
                    &format!("{name}-at-least-one-member-of"),
                    Operation::AtLeastOneMemberOf,
                    &[bag, bag],
                    None,
                    boolean,
                );
                self.add(
                    versions,
                    &format!("{name}-set-equals"),
                    Operation::SetEquals,
                    &[bag, bag],
                    None,
                    boolean,
                );
            }
            if !matches!(t, T::String | T::HexBinary | T::Base64Binary) {
                self.add(
                    V3,
                    &format!("{name}-from-string"),
                    Operation::FromString(t),
                    &[ValueType::one(T::String)],
                    None,
                    one,
                );
                self.add(
                    V3,
                    &format!("string-from-{name}"),
                    Operation::ToString,
                    &[one],
                    None,
                    ValueType::one(T::String),
                );
            }
        }
        for t in [
            T::Integer,
            T::Double,
            T::String,
            T::Time,
            T::Date,
            T::DateTime,
        ] {
            for (suffix, comparison) in [
                ("greater-than", ComparisonDirection::Greater),
                ("greater-than-or-equal", ComparisonDirection::GreaterOrEqual),
                ("less-than", ComparisonDirection::Less),
                ("less-than-or-equal", ComparisonDirection::LessOrEqual),
            ] {
                let one = ValueType::one(t);
                self.add(
                    V1,
                    &format!("{}-{suffix}", t.short_name()),
                    Operation::Compare(comparison),
                    &[one, one],
                    None,
                    boolean,
                );
            }
        }
        let string = ValueType::one(T::String);
        self.add(
            V1,
            "string-regexp-match",
            Operation::RegexpMatch,
            &[string, string],
            None,
            boolean,
        );
        for t in [
            T::AnyUri,
            T::IpAddress,
            T::DnsName,
            T::Rfc822Name,
            T::X500Name,
        ] {
            self.add(
                V2,
                &format!("{}-regexp-match", t.short_name()),
                Operation::RegexpMatch,
                &[string, ValueType::one(t)],
                None,
                boolean,
            );
        }
        for t in [T::String, T::AnyUri] {
            let (one, name) = (ValueType::one(t), t.short_name());
            self.add(
                V3,
                &format!("{name}-starts-with"),
                Operation::StartsWith,
                &[string, one],
                None,
                boolean,
            );
            self.add(
                V3,
                &format!("{name}-ends-with"),
                Operation::EndsWith,
                &[string, one],
                None,
                boolean,
            );
            self.add(
                V3,
                &format!("{name}-contains"),
                Operation::Contains,
                &[string, one],
                None,
                boolean,
            );
            let integer = ValueType::one(T::Integer);
            self.add(
                V3,
                &format!("{name}-substring"),
                Operation::Substring,
                &[one, integer, integer],
                None,
                string,
            );
        }
    }

    fn others(&mut self) {
        use DataType as T;
        let [string, boolean, integer, double] =
            [T::String, T::Boolean, T::Integer, T::Double].map(ValueType::one);
        let [time, date, date_time] = [T::Time, T::Date, T::DateTime].map(ValueType::one);
        let xpath = ValueType::one(T::XPathExpression);
        self.add(
            V3,
            "string-equal-ignore-case",
            Operation::EqualIgnoreCase,
            &[string, string],
            None,
            boolean,
        );
        for (name, one) in [("integer", integer), ("double", double)] {
            let mut add = |suffix: &str, a: Arithmetic, rest| {
                self.add(
                    V1,
                    &format!("{name}-{suffix}"),
                    Operation::Arithmetic(a),
                    &[one, one],
                    rest,
                    one,
                );
            };
            add("add", Arithmetic::Add, Some(one));
            add("multiply", Arithmetic::Multiply, Some(one));
            add("subtract", Arithmetic::Subtract, None);
            add("divide", Arithmetic::Divide, None);
            self.add(
                V1,
                &format!("{name}-abs"),
                Operation::Abs,
                &[one],
                None,
                one,
            );
        }
        self.add(
            V1,
            "integer-mod",
            Operation::Arithmetic(Arithmetic::Modulo),
            &[integer, integer],
            None,
            integer,
        );
        self.add(V1, "round", Operation::Round, &[double], None, double);
        self.add(V1, "floor", Operation::Floor, &[double], None, double);
        self.add(
            V1,
            "double-to-integer",
            Operation::ToInteger,
            &[double],
            None,
            integer,
        );
        self.add(
            V1,
            "integer-to-double",
            Operation::ToDouble,
            &[integer],
            None,
            double,
        );
        self.add(
            V1,
            "string-normalize-space",
            Operation::NormalizeSpace,
            &[string],
            None,
            string,
        );
        self.add(
            V1,
            "string-normalize-to-lower-case",
            Operation::ToLowerCase,
            &[string],
            None,
            string,
        );
        self.add(V1, "and", Operation::And, &[], Some(boolean), boolean);
        self.add(V1, "or", Operation::Or, &[], Some(boolean), boolean);
        self.add(
            V1,
            "n-of",
            Operation::NOf,
            &[integer],
            Some(boolean),
            boolean,
        );
        self.add(V1, "not", Operation::Not, &[boolean], None, boolean);
        for (verb, negative) in [("add", false), ("subtract", true)] {
            let operation = Operation::AddDuration { negative };
            let [days, months] = [T::DayTimeDuration, T::YearMonthDuration].map(ValueType::one);
            self.add(
                V3_AND_1,
                &format!("dateTime-{verb}-dayTimeDuration"),
                operation,
                &[date_time, days],
                None,
                date_time,
            );
            self.add(
                V3_AND_1,
                &format!("dateTime-{verb}-yearMonthDuration"),
                operation,
                &[date_time, months],
                None,
                date_time,
            );
            self.add(
                V3_AND_1,
                &format!("date-{verb}-yearMonthDuration"),
                operation,
                &[date, months],
                None,
                date,
            );
        }
        self.add(
            V2,
            "time-in-range",
            Operation::TimeInRange,
            &[time, time, time],
            None,
            boolean,
        );
        self.add(
            V2,
            "string-concatenate",
            Operation::Concatenate,
            &[string, string],
            Some(string),
            string,
        );
        let uri = ValueType::one(T::AnyUri);
        self.add(
            V2,
            "uri-string-concatenate",
            Operation::ConcatenateUri,
            &[uri],
            Some(string),
            uri,
        );
        let [x500, rfc822] = [T::X500Name, T::Rfc822Name].map(ValueType::one);
        self.add(
            V1,
            "x500Name-match",
            Operation::X500Match,
            &[x500, x500],
            None,
            boolean,
        );
        self.add(
            V1,
            "rfc822Name-match",
            Operation::Rfc822Match,
            &[string, rfc822],
            None,
            boolean,
        );
        self.add(
            V3,
            "xpath-node-count",
            Operation::XPathNodeCount,
            &[xpath],
            None,
            integer,
        );
        self.add(
            V3,
            "xpath-node-equal",
            Operation::XPathNodeEqual,
            &[xpath, xpath],
            None,
            boolean,
        );
        self.add(
            V3,
            "xpath-node-match",
            Operation::XPathNodeMatch,
            &[xpath, xpath],
            None,
            boolean,
        );
        for (versions, name, kind) in [
            (V3_AND_1, "any-of", HigherOrder::AnyOf),
            (V3_AND_1, "all-of", HigherOrder::AllOf),
            (V3_AND_1, "any-of-any", HigherOrder::AnyOfAny),
            (V1, "all-of-any", HigherOrder::AllOfAny),
            (V1, "any-of-all", HigherOrder::AnyOfAll),
            (V1, "all-of-all", HigherOrder::AllOfAll),
            (V3_AND_1, "map", HigherOrder::Map),
        ] {
            // Its parameters follow from the function that it is given.
            self.add(
                versions,
                name,
                Operation::HigherOrder(kind),
                &[],
                None,
                boolean,
            );
        }
    }
}

impl Function {
    /// The type of the result for arguments of these types, or why they do not fit.
    pub fn check(&self, arguments: &[ValueType]) -> Result<ValueType, String> {
        let least = self.parameters.len();
        if arguments.len() < least || (arguments.len() > least && self.rest.is_none()) {
            let many = if self.rest.is_some() { "at least " } else { "" };
            return Err(format!(
                "the function takes {many}{least} arguments, not {}",
                arguments.len()
            ));
        }
        for (n, given) in arguments.iter().enumerate() {
            let wanted = self.parameters.get(n).copied().or(self.rest);
            if let Some(wanted) = wanted.filter(|w| w != given) {
                return Err(format!("argument {} must be {wanted}, not {given}", n + 1));
            }
        }
        Ok(self.returns)
    }

    /// The same for a higher-order function and the function that it applies.
    pub fn check_higher_order(
        kind: HigherOrder,
        inner: &Self,
        arguments: &[ValueType],
    ) -> Result<ValueType, String> {
        if matches!(inner.operation, Operation::HigherOrder(_)) {
            return Err("a function of functions cannot be given to another".to_owned());
        }
        if kind != HigherOrder::Map && inner.returns != ValueType::one(DataType::Boolean) {
            return Err("the function it is given must return a boolean".to_owned());
        }
        if inner.returns.bag {
            return Err("the function it is given must return one value".to_owned());
        }
        let bags = arguments.iter().filter(|a| a.bag).count();
        match kind {
            HigherOrder::AnyOf | HigherOrder::AllOf | HigherOrder::Map if bags != 1 => {
                return Err("exactly one argument must be a bag".to_owned());
            }
            HigherOrder::AllOfAny | HigherOrder::AnyOfAll | HigherOrder::AllOfAll
                if bags != 2 || arguments.len() != 2 =>
            {
                return Err("it takes two bags".to_owned());
            }
            HigherOrder::AnyOfAny if arguments.is_empty() => {
                return Err("it takes at least one more argument".to_owned());
            }
            _ => {}
        }
        let ones: Vec<ValueType> = arguments.iter().map(|a| ValueType::one(a.data)).collect();
        inner
            .check(&ones)
            .map_err(|e| format!("of the function it is given, {e}"))?;
        Ok(ValueType {
            data: inner.returns.data,
            bag: kind == HigherOrder::Map,
        })
    }
}

#[cfg(test)]
mod tests;
