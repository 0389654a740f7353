//! The exchange under way on a connection: one value, made anew for each request.
//!
//! Each side has its progress as an enum that carries what is known in that state, as hyper has
//! `Reading` and `Writing`. Nothing is reset between two exchanges: the value is dropped.

use std::time::Duration;

use wasmgate_host::Pressure;

use crate::connection::Access;
use crate::connection::body_reader::BodyReader;
use crate::connection::tunnel::Tunnel;
use crate::connection::upstream_connection::UpstreamConnection;
use crate::connection::writer::BodyWriter;
use crate::exchange::Exchange;
use crate::http::version::Version;

/// An exchange and how far it got.
pub(super) struct InFlight {
    pub(super) exchange: Exchange,
    /// The version of the client, which the response is written for.
    pub(super) version: Version,
    /// The client can send another request on this connection.
    pub(super) keep_alive: bool,
    /// How much of the request's body is to come from the client.
    pub(super) request_body: BodyReader,
    /// The upstream's side of it: the request on its way there, and the response from there.
    pub(super) upstream: UpstreamConnection,
    pub(super) response: ResponseProgress,
    /// How long the exchange may take.
    pub(super) timeout: Option<Duration>,
    /// Which directions policies want to be read no further for now.
    pub(super) pressure: Pressure,
    /// The WebSocket, once its handshake has succeeded.
    pub(super) tunnel: Option<Box<Tunnel>>,
    /// A policy holds something back, and may let it go at any time.
    pub(super) withheld: bool,
    /// The line of the access log, until the response begins.
    pub(super) access: Option<Access>,
}

/// How far the response got towards the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseProgress {
    /// Nothing is sent.
    Held,
    /// The head is sent; the body follows in this framing. `delimited`: the client can see from the
    /// response itself whether it is whole.
    Body { writer: BodyWriter, delimited: bool },
    /// 101 is sent; frames of a WebSocket follow.
    Switched,
    /// All of it is sent.
    Sent,
}

impl ResponseProgress {
    /// True once something of the response is sent.
    pub(super) fn has_begun(self) -> bool {
        self != Self::Held
    }

    /// True if the client does not need the end of the connection to know where the response ends.
    pub(super) fn is_delimited(self) -> bool {
        match self {
            Self::Held => false,
            Self::Body { delimited, .. } => delimited,
            Self::Switched | Self::Sent => true,
        }
    }

    pub(super) const fn writer(self) -> BodyWriter {
        match self {
            Self::Body { writer, .. } => writer,
            Self::Held | Self::Switched | Self::Sent => BodyWriter::Plain,
        }
    }
}

impl InFlight {
    /// True once the client has sent all of the request that is read.
    pub(super) fn request_is_read(&self) -> bool {
        matches!(self.request_body, BodyReader::Done | BodyReader::Unread)
    }

    /// True once nothing follows for the client.
    pub(super) fn is_answered(&self) -> bool {
        self.response == ResponseProgress::Sent
    }
}
