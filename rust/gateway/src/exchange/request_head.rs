//! The head of a client's request: which is refused, which fields are removed or added.

use std::sync::Arc;

use wasmgate_host::{Facts, HeaderMap, LocalResponse};

use crate::http::authority::Authority;
use crate::http::connection_options::ConnectionOptions;
use crate::http::fields::{Role, is_field_value, is_token, role};
use crate::http::forwarded::Forwarding;
use crate::http::framing::{BadFraming, Framing};
use crate::http::limits::RequestLimits;
use crate::http::max_forwards;
use crate::http::networks::Networks;
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::http::target::Target;
use crate::http::underscores::Dropped;
use crate::http::version::Version;
use crate::routing::router::Router;
use crate::websocket::handshake::{self, Refusal, names_websocket};

const METHOD: Problem = Problem::bad_request("the method is not a token");
const NAME: Problem = Problem::bad_request("a field name has a byte that no name may have");
const VALUE: Problem = Problem::bad_request("a field value has a control character");
const OPTIONS: Problem = Problem::bad_request("Connection is not a list of field names");
const NOMINATED: Problem =
    Problem::bad_request("Connection names a field that is not about the connection");
const NO_HOST: Problem = Problem::bad_request("there is no Host field");
const HOSTS: Problem = Problem::bad_request("there is more than one Host field");
const CREDENTIALS: Problem = Problem::bad_request("there is more than one Authorization field");
const CODING_VERSION: Problem =
    Problem::bad_request("Transfer-Encoding does not belong to this version of HTTP");
const NO_WEBSOCKETS: Problem =
    Problem::new(501, "this server does not serve WebSocket connections");
const LONG_TARGET: Problem = Problem::new(414, "the request target is too long");
const LARGE_FIELDS: Problem = Problem::new(431, "the header fields are too many or too long");
pub(crate) const LARGE_BODY: Problem = Problem::new(413, "the request body is too long");

/// Bytes of a target, twice what RFC 9110 §4.1 asks everyone to support.
const TARGET: usize = 16 << 10;

/// The request line, and the facts about the connection.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// The version the client speaks.
    pub version: Version,
    /// True if the client came over TLS.
    pub secure: bool,
    /// The method as it came.
    pub method: &'a [u8],
    /// The target as it came, nothing decoded.
    pub target: &'a [u8],
    /// The other end of the connection.
    pub peer: Option<&'a Peer>,
    /// Host and port of this end of the connection.
    pub server: Option<&'a (Arc<str>, u16)>,
    /// Properties from the caller.
    pub facts: Option<&'a Arc<Facts>>,
    /// The number of the connection, if they are counted.
    pub connection: Option<u64>,
}

/// What the caller does with the handshake of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshakes {
    /// It carries the bytes of the connection.
    Forwarded,
    /// It cannot: the answer is 501.
    Refused,
}

/// Takes in the fields of a request, one after the other, and remembers the first mistake.
pub struct RequestReader<'a> {
    line: RequestLine<'a>,
    limits: RequestLimits,
    map: HeaderMap,
    framing: Framing,
    forwarding: Forwarding<'a>,
    options: ConnectionOptions,
    host: Vec<u8>,
    hosts: usize,
    authorized: bool,
    trailers: bool,
    /// Upgrade asks for a WebSocket.
    websocket: bool,
    handshakes: Handshakes,
    /// Max-Forwards, if it is a number.
    forwards: Option<u64>,
    bytes: usize,
    fields: usize,
    /// Fields that were dropped for an underscore in their names; none if such names are allowed.
    dropped: Option<Dropped>,
    problem: Option<Problem>,
}

impl Router {
    /// Starts to read a request; give it to [`crate::Exchange::open`] of the same router.
    #[must_use]
    pub fn read<'a>(&self, line: RequestLine<'a>) -> RequestReader<'a> {
        RequestReader::new(line, self.limits, &self.proxies, self.underscores.allowed())
    }
}

/// A well-formed request.
#[derive(Debug)]
pub(crate) struct RequestHead {
    /// `:method`, `:scheme`, `:authority`, `:path`, then the forwarded fields, all marked.
    pub map: HeaderMap,
    pub framing: Framing,
    /// The client as policies see it, behind trusted proxies.
    pub client: Option<(Arc<str>, u16)>,
    /// The response, if the request is not forwarded.
    pub answer: Option<Box<LocalResponse>>,
    /// It is the handshake of a WebSocket.
    pub handshake: bool,
}

impl<'a> RequestReader<'a> {
    /// Starts to read a request; fields with an underscore in their name are forwarded if `underscores` are allowed.
    pub(crate) fn new(
        line: RequestLine<'a>,
        limits: RequestLimits,
        proxies: &Networks,
        underscores: bool,
    ) -> Self {
        let mut map = HeaderMap::with_capacity(32, 2 << 10);
        for name in [b":method".as_slice(), b":scheme", b":authority", b":path"] {
            map.push(name, b"");
        }
        Self {
            limits,
            map,
            framing: Framing::default(),
            forwarding: Forwarding::new(line.peer, proxies),
            options: ConnectionOptions::default(),
            host: Vec::new(),
            hosts: 0,
            authorized: false,
            trailers: false,
            websocket: false,
            handshakes: Handshakes::Forwarded,
            forwards: None,
            bytes: 0,
            fields: 0,
            dropped: (!underscores).then(Dropped::default),
            problem: (line.target.len() > TARGET).then_some(LONG_TARGET),
            line,
        }
    }

    pub(crate) fn line(&self) -> RequestLine<'a> {
        self.line
    }

    /// Takes the fields that were dropped for their underscores.
    pub(crate) fn take_dropped(&mut self) -> Dropped {
        self.dropped.take().unwrap_or_default()
    }

    /// Sets what the caller does with a handshake; otherwise it forwards one.
    pub fn set_handshakes(&mut self, handshakes: Handshakes) {
        self.handshakes = handshakes;
    }

    /// Takes in one field, name and value as they came.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.problem.is_none() {
            self.problem = self.take(name, value).err();
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Problem> {
        self.fields += 1;
        self.bytes += name.len() + value.len();
        if self.fields > self.limits.headers || self.bytes > self.limits.header_bytes {
            return Err(LARGE_FIELDS);
        }
        if !is_token(name) {
            return Err(NAME);
        }
        if !is_field_value(value) {
            return Err(VALUE);
        }
        // RFC 9110 §5.5: whitespace around a value is not part of it; some parsers leave it behind.
        let value = value.trim_ascii();
        match role(name) {
            Role::EndToEnd => {
                if name.eq_ignore_ascii_case(b"authorization") {
                    let before = std::mem::replace(&mut self.authorized, true);
                    check_credentials(usize::from(before) + 1)?;
                }
                self.map.push(name, value);
            }
            Role::Underscore => match &mut self.dropped {
                Some(dropped) => dropped.add(name),
                None => self.map.push(name, value),
            },
            Role::ConnectionSpecific if name.eq_ignore_ascii_case(b"upgrade") => {
                self.websocket |= names_websocket(value);
            }
            Role::HopByHop | Role::ConnectionSpecific => {}
            Role::Host => {
                self.hosts += 1;
                self.host = value.to_vec();
            }
            Role::ContentLength => {
                self.framing.content_length(value).map_err(refused)?;
                self.map.push(name, value);
            }
            Role::TransferEncoding => self.framing.transfer_encoding(value).map_err(refused)?,
            Role::Connection => {
                if !self.options.add(value) {
                    return Err(OPTIONS);
                }
            }
            Role::Te => self.trailers |= has_trailers(value),
            Role::MaxForwards => {
                self.forwards =
                    self.forwards.into_iter().chain(max_forwards::forwards(value)).min();
                self.map.push(name, value);
            }
            role @ (Role::ForwardedFor | Role::Forwarded | Role::ProxyHeader) => {
                if self.forwarding.add(role, value) {
                    self.map.push(name, value);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, proxies: &Networks) -> Result<RequestHead, Problem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let line = self.line;
        if !is_token(line.method) {
            return Err(METHOD);
        }
        let target = Target::parse(line.method, line.target)?;
        let (authority, port) = self.authority(target.authority)?;
        if self.framing.chunked && line.version != Version::Http11 {
            return Err(CODING_VERSION);
        }
        if self
            .framing
            .length
            .is_some_and(|length| self.limits.body.is_some_and(|max| length > max))
        {
            return Err(LARGE_BODY);
        }
        if self.options.names_protected() {
            return Err(NOMINATED);
        }
        let mut answer = if self.websocket { self.check_handshake()? } else { None };
        self.options.remove_from(&mut self.map);
        self.keep_te();
        let scheme = if line.secure { "https" } else { "http" };
        for (place, value) in
            [line.method, scheme.as_bytes(), &authority, &target.path].into_iter().enumerate()
        {
            self.map.fill(place, value);
        }
        answer = answer.or_else(|| self.count_forwards());
        let client = self.forwarding.client(proxies);
        let client = client.or_else(|| line.peer.map(|peer| (peer.host().clone(), peer.port())));
        self.forwarding.write(&mut self.map, scheme, &authority, port, line.version);
        self.map.mark();
        if self.websocket {
            // For the policies: about the connection, so the upstream's are written anew.
            self.map.push(b"connection", b"Upgrade");
            self.map.push(b"upgrade", b"websocket");
        }
        let handshake = self.websocket;
        Ok(RequestHead { map: self.map, framing: self.framing, client, answer, handshake })
    }

    /// Checks a handshake; the answer to one of another version.
    ///
    /// RFC 9110 §7.8 lets a server ignore Upgrade. An upstream that is asked for a WebSocket as if it were
    /// a page gives a wrong answer, so a handshake that is not valid is refused.
    #[cold]
    fn check_handshake(&mut self) -> Result<Option<Box<LocalResponse>>, Problem> {
        // What a handshake offers is for the one upstream; TE has no meaning in it.
        self.trailers = false;
        if self.handshakes == Handshakes::Refused {
            return Err(NO_WEBSOCKETS);
        }
        let request = handshake::Request {
            version: self.line.version,
            method: self.line.method,
            has_option: self.options.has(b"upgrade"),
            has_body: self.framing.has_body(self.line.version),
        };
        match handshake::check(request, &self.map) {
            Ok(()) => Ok(None),
            Err(Refusal::Bad(problem)) => Err(problem),
            Err(Refusal::Version) => Ok(Some(Box::new(handshake::unknown_version()))),
        }
    }

    /// The authority of the target, or of the one Host field, which HTTP/1.0 may leave out, and its
    /// port.
    fn authority(
        &mut self,
        of_target: Option<Authority<'_>>,
    ) -> Result<(Vec<u8>, Option<u16>), Problem> {
        let of_host = check_host(self.line.version, self.hosts, &self.host)?;
        Ok(match of_target {
            Some(authority) => (authority.bytes.to_vec(), authority.port),
            None => (std::mem::take(&mut self.host), of_host),
        })
    }

    /// RFC 9110 §7.6.2: OPTIONS and TRACE are forwarded a limited number of times.
    fn count_forwards(&mut self) -> Option<Box<LocalResponse>> {
        let forwards = self.forwards.filter(|_| max_forwards::counts(self.line.method))?;
        match forwards.checked_sub(1) {
            Some(left) => {
                self.map.set(b"max-forwards", left.to_string().as_bytes());
                None
            }
            None => {
                Some(Box::new(max_forwards::answer(self.line.method, self.line.target, &self.map)))
            }
        }
    }

    /// RFC 9110 §10.1.4: TE is for the next hop only. This one passes trailers on, and takes no
    /// coding but chunked.
    fn keep_te(&mut self) {
        if self.trailers {
            self.map.push(b"te", b"trailers");
        }
    }
}

/// Checks the Host fields of a request: their number, and the last one, whose port it returns
/// (RFC 9112 §3.2).
///
/// # Errors
/// The [`Problem`] with which a server answers.
pub fn check_host(version: Version, hosts: usize, host: &[u8]) -> Result<Option<u16>, Problem> {
    match hosts {
        0 if version == Version::Http10 => Ok(None),
        0 => Err(NO_HOST),
        1 => Ok(Authority::parse(host)?.port),
        _ => Err(HOSTS),
    }
}

/// Checks that a request has one Authorization field at most: of two, one reader takes the first, another the last.
///
/// # Errors
/// The [`Problem`] with which a server answers.
pub fn check_credentials(fields: usize) -> Result<(), Problem> {
    if fields > 1 { Err(CREDENTIALS) } else { Ok(()) }
}

fn has_trailers(value: &[u8]) -> bool {
    value.split(|b| *b == b',').any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

fn refused(bad: BadFraming) -> Problem {
    Problem::bad_request(bad.detail())
}
