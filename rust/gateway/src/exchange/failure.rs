//! Failures between a client, the gateway and an upstream, and the responses to them.

use wasmgate_host::LocalResponse;

use crate::http::problem::Problem;

/// Why the upstream's response cannot be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The upstream broke a rule of HTTP, or closed the connection before the end of its response.
    Protocol,
    /// The upstream took too long.
    Timeout,
    /// The whole exchange took longer than its route allows.
    RouteTimeout,
    /// The cluster has no healthy endpoint.
    NoHealthyEndpoint,
    /// The client took too long to send the rest of its request.
    LateRequest,
}

/// Every failure by the name that Python gives it.
pub const FAILURES: [(&str, Failure); 6] = [
    ("connect", Failure::Connect),
    ("protocol", Failure::Protocol),
    ("timeout", Failure::Timeout),
    ("no_healthy_endpoint", Failure::NoHealthyEndpoint),
    ("route_timeout", Failure::RouteTimeout),
    ("late_request", Failure::LateRequest),
];

impl Failure {
    /// The response, with Envoy's `response.code_details`.
    pub(crate) fn response(self) -> LocalResponse {
        let mut response = self.problem().response();
        if self == Self::Connect {
            response.details = "upstream_reset_before_response_started{connection_failure}".into();
        }
        response
    }

    /// The response to the client. It names no host: clients must not learn the gateway's upstreams.
    #[must_use]
    pub const fn problem(self) -> Problem {
        match self {
            Self::Connect => Problem::new(502, "the upstream could not be reached"),
            Self::Protocol => Problem::new(502, "the upstream sent no valid response"),
            Self::Timeout | Self::RouteTimeout => {
                Problem::new(504, "the upstream did not answer in time")
            }
            Self::NoHealthyEndpoint => Problem::new(503, "no upstream can take the request"),
            Self::LateRequest => Problem::new(408, "the request did not come in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_status() {
        let statuses = FAILURES.map(|(name, failure)| (name, failure.problem().status));
        let expected = [
            ("connect", 502),
            ("protocol", 502),
            ("timeout", 504),
            ("no_healthy_endpoint", 503),
            ("route_timeout", 504),
            ("late_request", 408),
        ];
        assert_eq!(expected, statuses);
    }
}
