//! What the access log says of an exchange.

use wasmgate_host::masked_query;

use crate::connection::head::Request;

/// A request as it came, and the status of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The method.
    pub method: String,
    /// The target, nothing decoded, without the values of secret parameters.
    pub target: String,
    /// The version of HTTP: "1.0" or "1.1".
    pub version: &'static str,
    /// The status that the client got.
    pub status: u16,
    /// Of a WebSocket connection that has ended: bytes of frames from the client, and for it.
    pub frames: Option<(u64, u64)>,
}

impl Access {
    pub(crate) fn of(request: &Request<'_, '_>) -> Self {
        Self {
            method: String::from_utf8_lossy(request.method).into_owned(),
            target: String::from_utf8_lossy(&masked_query(request.target)).into_owned(),
            version: if request.newer { "1.1" } else { "1.0" },
            status: 0,
            frames: None,
        }
    }

    pub(crate) fn answered(self, status: &[u8]) -> Self {
        let status = status.iter().fold(0, |status, digit| status * 10 + u16::from(digit & 15));
        Self { status, ..self }
    }

    pub(crate) fn of_websocket(self, frames: (u64, u64)) -> Self {
        Self { status: 101, frames: Some(frames), ..self }
    }
}
