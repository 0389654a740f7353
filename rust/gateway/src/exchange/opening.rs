//! How an exchange begins: its request is read, routed and sent through the policies.

use std::sync::Arc;

use wasmgate_host::{Attributes, Effects, Error, LocalResponse, Stream};

use crate::exchange::request_head::{RequestHead, RequestLine, RequestReader};
use crate::exchange::{Exchange, NO_ROUTE};
use crate::http::version::NOT_SUPPORTED;
use crate::routing::router::Router;

impl Exchange {
    /// Opens an exchange on this thread. `ended`: the caller knows that no body follows; in HTTP/1
    /// the fields say it.
    ///
    /// # Errors
    /// Only [`Error::WrongThread`], as every step. What is wrong with the request is answered.
    pub fn open(
        router: &Arc<Router>,
        mut reader: RequestReader<'_>,
        ended: bool,
    ) -> Result<(Self, Effects), Error> {
        let line = reader.line();
        let dropped = reader.take_dropped();
        let record = router.underscores.note(&dropped);
        let mut opened = match reader.finish(&router.proxies) {
            Ok(RequestHead { answer: Some(answer), .. }) => Self::refused(router, &line, *answer),
            Ok(head) => match router.find(&head.map) {
                Some(route) => Self::routed(router, route, &line, head, ended),
                None => Self::refused(router, &line, NO_ROUTE.response()),
            },
            Err(problem) => Self::refused(router, &line, problem.response()),
        };
        if let (Some(record), Ok((_, effects))) = (record, &mut opened) {
            effects.logs.push(record);
        }
        opened
    }

    /// Answers a request whose version is not supported; nothing else of it is read.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    #[cold]
    pub fn refuse_version(
        router: &Arc<Router>,
        line: &RequestLine<'_>,
    ) -> Result<(Self, Effects), Error> {
        Self::refused(router, line, NOT_SUPPORTED.response())
    }

    /// Answers a request that no route takes.
    #[cold]
    fn refused(
        router: &Arc<Router>,
        line: &RequestLine<'_>,
        answer: LocalResponse,
    ) -> Result<(Self, Effects), Error> {
        let stream = Stream::open(&router.no_policies, Attributes::default());
        let mut exchange = Self::new(router, None, stream, line.method == b"HEAD");
        let effects = exchange.respond(answer)?;
        Ok((exchange, effects))
    }

    /// Sends a request through the policies of its route.
    #[inline]
    fn routed(
        router: &Arc<Router>,
        route: usize,
        line: &RequestLine<'_>,
        head: RequestHead,
        ended: bool,
    ) -> Result<(Self, Effects), Error> {
        let RequestHead { map, framing, client, handshake, .. } = head;
        let followed = router.route(route);
        let address = client.as_ref().filter(|_| router.needs_addresses);
        let address = address.map(|(host, _)| Arc::clone(host));
        let attributes = Attributes {
            source: client,
            destination: line.server.cloned(),
            protocol: line.version.protocol(),
            connection: line.connection,
            secure: line.secure,
            route_name: followed.name.clone(),
            cluster_name: router.named_cluster(route),
            upstream: None,
            facts: line.facts.cloned(),
        };
        let stream = Stream::open(&followed.chain, attributes);
        let mut exchange = Self::new(router, Some(route), stream, line.method == b"HEAD");
        exchange.client = address;
        exchange.framing = framing;
        exchange.handshake = handshake;
        exchange.announced = framing.chunked || framing.length.is_some();
        exchange.body_follows = !ended && framing.has_body(line.version);
        let effects = exchange.stream.on_request_headers(map, !exchange.body_follows)?;
        let effects = exchange.settle(effects, 0, 0)?;
        Ok((exchange, effects))
    }
}
