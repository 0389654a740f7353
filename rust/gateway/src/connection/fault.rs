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

    /// Adds a line for the log: a WebSocket connection ends for `reason`.
    pub(super) fn report_tunnel(&self, reason: &str, step: &mut Step) {
        let endpoint = self.endpoint().unwrap_or_default();
        let request = self.request();
        step.faults.push(format!("the WebSocket of {endpoint} to {request} ends: {reason}"));
    }

    fn endpoint(&self) -> Option<&str> {
        let request = self.exchange.upstream()?;
        let cluster = &self.exchange.router().clusters()[request.cluster];
        Some(cluster.endpoints()[request.endpoint].url())
    }

    /// Adds a line for the log: the response of the upstream is not valid, or is cut, for `reason`.
    pub(super) fn report_fault(&self, reason: &str, step: &mut Step) {
        let request = self.request();
        step.faults.push(match (self.response.has_begun(), self.endpoint()) {
            (false, Some(url)) => format!("{url} gave no valid response to {request}: {reason}"),
            (true, Some(url)) => format!("the response of {url} to {request} was cut: {reason}"),
            (_, None) => format!("the response to {request} was cut: {reason}"),
        });
    }
}
