//! Lines for the log about the exchange in flight.

use crate::connection::Step;
use crate::connection::in_flight::InFlight;

/// A path that is longer is cut in the log.
const PATH: usize = 200;

impl InFlight {
    /// The method and the path of the request, escaped: a query may hold secrets.
    pub(super) fn request(&self) -> String {
        let shown = |method: &[u8], target: &[u8]| {
            let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
            let shown = path.get(..PATH).unwrap_or(path);
            let more = if shown.len() < path.len() { "..." } else { "" };
            format!("{} {}{more}", method.escape_ascii(), shown.escape_ascii())
        };
        match self.exchange.upstream() {
            Some(request) => shown(request.method(), request.target()),
            None => self.exchange.with_request_headers(|map| {
                let part = |name: &[u8]| map.get(name).unwrap_or_default();
                shown(part(b":method"), part(b":path"))
            }),
        }
    }

    /// Adds a line for the log: the response of the upstream is not valid, or is cut, for `reason`.
    pub(super) fn report_fault(&self, reason: &str, step: &mut Step) {
        let (exchange, request) = (&self.exchange, self.request());
        let endpoint = exchange.upstream().map(|request| {
            exchange.router().clusters()[request.cluster].endpoints()[request.endpoint].url()
        });
        step.faults.push(match (self.response.has_begun(), endpoint) {
            (false, Some(url)) => format!("{url} gave no valid response to {request}: {reason}"),
            (true, Some(url)) => format!("the response of {url} to {request} was cut: {reason}"),
            (_, None) => format!("the response to {request} was cut: {reason}"),
        });
    }
}
