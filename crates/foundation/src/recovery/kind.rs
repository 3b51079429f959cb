//! Kinds of losses.

/// How a loss came about, as its length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    /// A standby that lagged was promoted: a minute is missing at most. It is done again at once.
    FailOver,
    /// An older state was restored. An operator decides.
    Restore,
}

impl LossKind {
    /// As it is stored and shown.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::FailOver => "fail-over",
            Self::Restore => "restore",
        }
    }
}
