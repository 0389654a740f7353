//! The upstream's bytes: responses, for the exchange in flight.

use crate::connection::Step;
use crate::connection::effects::Received;
use crate::connection::in_flight::InFlight;
use crate::connection::output::Chunk;
use crate::connection::upstream_connection::{Event, UpstreamConnection};
use crate::connection::writer::interim;
use crate::exchange::failure::Failure;
use crate::exchange::response_head::ResponseReader;
use crate::http::version::Version;

impl InFlight {
    /// Reads bytes of the upstream, as far as they can be read now.
    pub(super) fn receive_upstream(&mut self, data: &[u8], step: &mut Step) {
        if self.tunnel.is_some() {
            return self.pass_to_client(Chunk { bytes: data, at: Some(0) }, step);
        }
        let mut incoming = self.upstream.receive(data);
        while !step.reset && !self.is_answered() {
            match self.next_event(|upstream| upstream.next(&mut incoming), step) {
                Event::More => return,
                Event::Data(range, last) => {
                    let chunk = incoming.chunk(range);
                    let effects = self.exchange.on_response_body(chunk.bytes, last);
                    self.follow(effects, Received::Response(chunk, last), step);
                }
                event => self.handle(event, step),
            }
        }
    }

    /// The upstream closed its connection.
    pub(super) fn receive_upstream_eof(&mut self, step: &mut Step) {
        if self.tunnel.is_some() {
            return self.lose_tunnel("it closed the connection without a close frame", step);
        }
        let event = self.next_event(UpstreamConnection::end, step);
        self.handle(event, step);
    }

    /// What comes next of the response. With its end the connection goes back first, so that the next
    /// exchange can have it.
    fn next_event(
        &mut self,
        read: impl FnOnce(&mut UpstreamConnection) -> Event,
        step: &mut Step,
    ) -> Event {
        let was_open = self.upstream.is_open();
        let event = read(&mut self.upstream);
        if was_open && !self.upstream.is_open() && !matches!(event, Event::Bad(_)) {
            if self.upstream.is_reusable() {
                step.release = true;
            } else {
                step.abandon = true;
            }
        }
        event
    }

    fn handle(&mut self, event: Event, step: &mut Step) {
        let nothing = Received::Response(Chunk::default(), true);
        match event {
            Event::More | Event::Data(..) => {}
            Event::Interim(reader) => self.pass_interim(reader, step),
            Event::Head(reader, ended) => {
                let switches = reader.status() == 101;
                let effects = self.exchange.on_response_headers(reader, ended);
                self.follow(effects, Received::Response(Chunk::default(), ended), step);
                if switches && !self.response.has_begun() {
                    self.hold_upstream(true, step);
                }
            }
            Event::End(trailers) => {
                let effects = match trailers {
                    Some(fields) if !fields.is_empty() => {
                        self.exchange.on_response_trailers(fields)
                    }
                    _ => self.exchange.on_response_body(&[], true),
                };
                self.follow(effects, nothing, step);
            }
            Event::Bad(reason) => {
                step.drop_upstream();
                self.failed(Failure::Protocol, &reason, step);
            }
        }
    }

    /// Sends an interim response to a client that can take one: HTTP/1.0 has none (RFC 9110 §15.2).
    fn pass_interim(&mut self, reader: ResponseReader, step: &mut Step) {
        if self.version == Version::Http11
            && !self.response.has_begun()
            && let Some(map) = reader.finish_interim()
        {
            interim(step.client.own(), &map);
        }
    }
}
