//! What a decision takes from outside: the time, bounds, attributes and referenced
//! policies.

use std::sync::Arc;

use super::Program;
use crate::{
    limits::Limits,
    policy::Reference,
    values::{DataType, Value, time::TimezoneOffset},
};

/// Supplies attributes that a request lacks: the policy information point of the standard's
/// architecture, as far as the engine sees it.
///
/// It is asked while a request is [prepared](super::PreparedRequest), once for each attribute that the
/// policy refers to and of which the request has no value of the wanted data type, and likewise for
/// each referenced policy that the decision depends on. What takes I/O should be fetched beforehand:
/// the call blocks the decision. Only the attribute is named, not the request; a source that depends
/// on the request is made for it, and borrows it.
pub trait AttributeSource: Sync {
    /// The values of an attribute, by the URI of its category and its identifier. An empty list means
    /// that the source has none; values of another data type than the wanted one are ignored.
    fn values(
        &self,
        category: &str,
        attribute_id: &str,
        data_type: DataType,
    ) -> Vec<Value<'static>>;
}

/// Finds the policies that `PolicyIdReference` and `PolicySetIdReference` name (sections 5.10, 5.11
/// and 7.15 of the standard).
///
/// It is asked during evaluation, and only for references that the decision depends on. The
/// referenced program may use a [`Vocabulary`](super::Vocabulary) of its own.
pub trait PolicyResolver: Sync {
    /// The program of a referenced policy or policy set. Of several versions that the reference
    /// [admits](crate::policy::VersionRange::admits) it is the highest. `None` makes the reference
    /// Indeterminate with `processing-error`.
    fn resolve(&self, reference: &Reference) -> Option<Arc<Program>>;
}

/// What a decision takes from outside.
///
/// ```
/// use xacml::Environment;
///
/// let mut environment = Environment::at(1_700_000_000);
/// environment.implicit_zone = 60;
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Environment<'e> {
    /// The instant of the decision, in seconds since 1970-01-01T00:00:00Z. It is the value of the
    /// attributes `current-time`, `current-date` and `current-dateTime` that a request does not have
    /// itself (section 7.3.6 of the standard).
    pub now: i64,
    /// Bounds on the evaluation, and on how many decisions one request may ask for.
    pub limits: &'e Limits,
    /// Time zone of times and dates that have none, in minutes ahead of UTC, from -840 to 840. Any
    /// other number means UTC.
    pub implicit_zone: i16,
    /// Supplies attributes that the request lacks.
    pub source: Option<&'e dyn AttributeSource>,
    /// Finds referenced policies. Without one every reference is Indeterminate.
    pub resolver: Option<&'e dyn PolicyResolver>,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Environment<'_> {
    /// An environment of an instant, in seconds since 1970-01-01T00:00:00Z, with
    /// [`Limits::DEFAULT`], UTC, and neither a source nor a resolver.
    #[must_use]
    pub const fn at(now: i64) -> Self {
        Self {
            now,
            limits: &Limits::DEFAULT,
            implicit_zone: 0,
            source: None,
            resolver: None,
        }
    }

    pub(super) fn zone(&self) -> TimezoneOffset {
        TimezoneOffset::new(self.implicit_zone).unwrap_or(TimezoneOffset::UTC)
    }
}
