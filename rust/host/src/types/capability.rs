//! The kinds of capability.

/// A kind of capability, by the key that a user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names of the fields above")]
pub enum Capability {
    Net,
    Env,
    Read,
    ForeignFunctions,
    Metrics,
    SharedData,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Net, Self::Env, Self::Read, Self::ForeignFunctions, Self::Metrics, Self::SharedData];

    /// The key of gateway.yaml.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Env => "env",
            Self::Read => "read",
            Self::ForeignFunctions => "foreign_functions",
            Self::Metrics => "metrics",
            Self::SharedData => "shared_data",
        }
    }

    /// What the capability allows, for messages.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Net => "reach",
            Self::Env | Self::Read => "read",
            Self::ForeignFunctions => "call",
            Self::Metrics => "define",
            Self::SharedData => "open",
        }
    }
}
