//! Which of several routes that match takes a request.

use std::cmp::Reverse;

use crate::routing::conditions::Conditions;
use crate::routing::host_pattern::HostPattern;
use crate::routing::path_pattern::PathPattern;

/// The order in which routes are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precedence {
    /// The more specific one first, as the Gateway API orders them (`HTTPRoute`, `matches`): the more
    /// specific host, then the more specific path, then a method, then the most fields, the most
    /// parameters, the most cookies; of two that are equal in all of it, the first in the file.
    ///
    /// A name goes before `*.name`, a longer name before a shorter one. An exact path goes before a
    /// template, a template before a regular expression, that before a prefix; of one kind the longer
    /// goes first.
    #[default]
    Specificity,
    /// As in the file.
    FileOrder,
}

/// Sorts routes; the least goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    host: (u8, Reverse<usize>),
    path: (u8, Reverse<usize>),
    names_no_method: bool,
    conditions: Reverse<[usize; 3]>,
}

impl Precedence {
    /// The rank of a route; routes of one rank are in the order of the file.
    pub(crate) fn rank(
        self,
        host: &HostPattern,
        path: &PathPattern,
        conditions: &Conditions,
    ) -> Rank {
        if self == Self::FileOrder {
            return Rank::default();
        }
        let host = match host {
            HostPattern::Exact(_) => (0, Reverse(0)),
            HostPattern::Below(suffix) => (1, Reverse(suffix.len())),
            HostPattern::Any => (2, Reverse(0)),
        };
        let path = match path {
            PathPattern::Exact(_) => (0, Reverse(0)),
            PathPattern::Template(template) => (1, Reverse(template.literal_len())),
            PathPattern::Regex(regex) => (2, Reverse(regex.len())),
            // `/a/` takes fewer paths than `/a`.
            PathPattern::Prefix(prefix) => {
                let (stem, slash) = prefix.parts();
                (3, Reverse(stem.len() + usize::from(slash)))
            }
        };
        let conditions_count = Reverse(conditions.count());
        Rank {
            host,
            path,
            names_no_method: !conditions.name_methods(),
            conditions: conditions_count,
        }
    }
}
