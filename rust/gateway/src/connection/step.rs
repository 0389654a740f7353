//! What a connection asks of the layer that carries its bytes.

use wasmgate_host::Effects;

use crate::connection::{Access, Output};
use crate::http::date;
use crate::http::problem::Problem;

/// The effects of one step: bytes to write, and what else is to be done, in this order: the upstream
/// connection is given back or dropped, a new one is asked for, then bytes are written, and it is ended.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each asks for something of its own")]
pub struct Step {
    /// Bytes for the client.
    pub client: Output,
    /// Bytes for the upstream; for the new one if one is asked for.
    pub upstream: Output,
    /// The upstream connection can serve another exchange.
    pub release: bool,
    /// The upstream connection is in the middle of a message: close it.
    pub abandon: bool,
    /// The upstream connection is over: end it when the bytes for it are written.
    pub part: bool,
    /// Connect to this endpoint, given as the indexes of cluster and endpoint.
    pub dial: Option<(usize, usize)>,
    /// The timeout of the exchange changed ([`crate::Exchange::timeout`]).
    pub timed: bool,
    /// Close the client's connection after the bytes for it are written.
    pub close: bool,
    /// The client may be sending still: go on reading for a while, or it will not see the answer.
    pub linger: bool,
    /// Cut the client's connection: the rest of the response will not come.
    pub reset: bool,
    /// A pipelined request waits until the client has these bytes: call
    /// [`Connection::proceed`](crate::Connection::proceed).
    pub unread: bool,
    /// What was wrong with an upstream's response, or why a response was cut, for the log.
    pub faults: Vec<String>,
    /// A policy holds something back: resume when its stream's id is woken.
    pub waits: bool,
    /// [`Connection::pressure`](crate::Connection::pressure) changed.
    pub pressure: bool,
    /// An exchange ended.
    pub ended: bool,
    /// The exchanges that were answered, if they are to be known.
    pub accesses: Vec<Access>,
    /// The effects of policies beside the progress of their stream, if any.
    pub noted: Option<Box<Effects>>,
}

impl Step {
    /// True if it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let flags = [
            self.release,
            self.abandon,
            self.part,
            self.timed,
            self.close,
            self.linger,
            self.reset,
            self.unread,
            self.waits,
            self.pressure,
            self.ended,
        ];
        self.client.is_empty()
            && self.upstream.is_empty()
            && self.dial.is_none()
            && !flags.contains(&true)
            && self.faults.is_empty()
            && self.accesses.is_empty()
            && self.noted.is_none()
    }

    /// Takes over the effects beside the progress of a stream; most steps have none.
    pub(crate) fn note(&mut self, effects: &mut Effects) {
        if effects.is_noteworthy() {
            self.noted.get_or_insert_default().note(effects);
        }
    }

    /// Drops the upstream, and what it was to get; if it was asked for in this very step, it is
    /// asked for no more.
    pub(crate) fn drop_upstream(&mut self) {
        self.upstream = Output::default();
        self.abandon |= self.dial.take().is_none();
    }

    /// Refuses bytes that are not a request of HTTP/1.1, and ends the connection: the start of a next
    /// request cannot be found.
    pub(crate) fn refuse(&mut self, problem: Problem) {
        let response = problem.response();
        let head = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\n\
             content-length: {}\r\ndate: {}\r\nconnection: close\r\n\r\n",
            problem.status,
            problem.title(),
            response.body.len(),
            date::now().escape_ascii()
        );
        let out = self.client.own();
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&response.body);
        (self.close, self.linger) = (true, true);
    }
}
