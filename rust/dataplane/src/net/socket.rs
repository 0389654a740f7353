//! A socket that does not block, and the bytes that it has not taken yet.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use wasmgate_host::Facts;

use crate::net::tls::TlsStream;

/// Bytes that wait for the other end, above which its source is read no more.
const HIGH: usize = 64 << 10;
/// Bytes below which it is read again.
const LOW: usize = 16 << 10;

/// What the bytes travel over.
pub(crate) enum Carrier {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// What a look for bytes brought.
#[derive(Debug)]
pub(crate) enum Received {
    /// So many bytes are in the buffer.
    Bytes(usize),
    /// None for now.
    Nothing,
    /// The other end sends no more.
    End,
    /// The connection is broken.
    Broken,
}

/// A socket, what is known of its readiness, and what waits for it.
///
/// Readiness is edge-triggered (epoll(7)): it is said once, and kept here until a call finds that it
/// has passed.
pub(crate) struct Socket {
    carrier: Carrier,
    readable: bool,
    writable: bool,
    /// The other end sends no more, which may not have been read yet.
    hung_up: bool,
    backlog: Vec<u8>,
    /// Bytes at the beginning of the backlog that are written.
    written: usize,
    writing: Writing,
}

/// How fast the other end takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// As it comes, or nearly.
    Flowing,
    /// More slowly: the backlog was above `HIGH`, and not below `LOW` since.
    Full,
    /// Not at all: a write has failed, and further ones are dropped.
    Broken,
}

impl Socket {
    /// A socket that is registered for both directions.
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            readable: false,
            writable: false,
            hung_up: false,
            backlog: Vec::new(),
            written: 0,
            writing: Writing::Flowing,
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.tcp_mut(), token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // It fails for a socket that was not registered, and then there is nothing to do.
        let _ = registry.deregister(self.tcp_mut());
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        match &self.carrier {
            Carrier::Plain(tcp) => tcp,
            Carrier::Tls(tls) => tls.tcp(),
        }
    }

    fn tcp_mut(&mut self) -> &mut TcpStream {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp,
            Carrier::Tls(tls) => tls.tcp_mut(),
        }
    }

    /// What is known of its TLS once that is agreed on; said once, and never without TLS.
    pub(crate) fn take_tls_facts(&mut self) -> Option<Facts> {
        match &mut self.carrier {
            Carrier::Plain(_) => None,
            Carrier::Tls(tls) => tls.take_facts(),
        }
    }

    /// Goes on with the handshake of TLS; true once it is done, or without TLS.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        match &mut self.carrier {
            Carrier::Plain(_) => Ok(true),
            Carrier::Tls(tls) => tls.shake_hands(),
        }
    }

    /// Keeps what an event says.
    pub(crate) fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed();
        self.writable |= event.is_writable() || event.is_write_closed();
        self.hung_up |= event.is_read_closed() || event.is_error();
    }

    /// Has the next look ask the system, whatever events have said.
    pub(crate) fn suspect_bytes(&mut self) {
        self.readable = true;
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// True if the other end has neither sent anything that was not read, nor closed.
    pub(crate) fn is_quiet(&mut self) -> bool {
        !self.readable || matches!(self.read(&mut [0]), Received::Nothing)
    }

    /// True once the other end has closed, or the connection broke, read or not.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// Reads what there is, as much as the buffer takes.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Received {
        loop {
            let read = match &mut self.carrier {
                Carrier::Plain(tcp) => tcp.read(buffer),
                Carrier::Tls(tls) => tls.read(buffer),
            };
            return match read {
                Ok(0) => Received::End,
                Ok(count) => {
                    // A short read emptied the socket: what comes later is said anew. The end that
                    // was said already is to be read still. TLS keeps bytes of its own.
                    if matches!(self.carrier, Carrier::Plain(_)) {
                        self.readable = count == buffer.len() || self.hung_up;
                    }
                    Received::Bytes(count)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Received::Nothing
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Received::Broken,
            };
        }
    }

    /// Writes the parts in order, and keeps what the socket does not take now.
    pub(crate) fn write(&mut self, parts: [&[u8]; 4]) -> io::Result<()> {
        if self.writing == Writing::Broken {
            return Ok(());
        }
        let mut done = 0;
        if self.waiting() == 0
            && let Carrier::Plain(tcp) = &mut self.carrier
        {
            done = write_parts(tcp, parts, &mut self.writable)?;
        }
        for part in parts {
            let skipped = done.min(part.len());
            done -= skipped;
            self.backlog.extend_from_slice(&part[skipped..]);
        }
        if matches!(self.carrier, Carrier::Tls(_)) {
            return self.flush();
        }
        self.measure();
        Ok(())
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.backlog.len() {
            let rest = &self.backlog[self.written..];
            let written = match &mut self.carrier {
                Carrier::Plain(tcp) => tcp.write(rest),
                Carrier::Tls(tls) => tls.write(rest),
            };
            match written {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written == self.backlog.len() {
            // An idle connection keeps no memory of what it was sent.
            self.backlog = Vec::new();
            self.written = 0;
        } else if self.written > HIGH {
            self.backlog.drain(..self.written);
            self.written = 0;
        }
        if let Carrier::Tls(tls) = &mut self.carrier {
            tls.flush()?;
        }
        self.measure();
        Ok(())
    }

    fn measure(&mut self) {
        let waiting = self.waiting();
        self.writing = match self.writing {
            Writing::Flowing if waiting > HIGH => Writing::Full,
            Writing::Full if waiting <= LOW => Writing::Flowing,
            as_before => as_before,
        };
    }

    /// Drops what waits and what is to come, after a write has failed; what was received can be read.
    pub(crate) fn give_up_writing(&mut self) {
        (self.backlog, self.written) = (Vec::new(), 0);
        self.writing = Writing::Broken;
        (self.readable, self.hung_up) = (true, true);
    }

    /// True after a write has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.writing == Writing::Broken
    }

    /// Bytes that the socket has not taken.
    pub(crate) fn waiting(&self) -> usize {
        let encrypted = match &self.carrier {
            Carrier::Plain(_) => 0,
            Carrier::Tls(tls) => usize::from(tls.wants_write()),
        };
        self.backlog.len() - self.written + encrypted
    }

    /// True while so much waits that no more is to come.
    pub(crate) fn is_full(&self) -> bool {
        self.writing == Writing::Full
    }

    /// Says in TLS that nothing more will be sent; true once that is on its way, or without TLS.
    pub(crate) fn says_end(&mut self) -> bool {
        match &mut self.carrier {
            Carrier::Plain(_) => true,
            Carrier::Tls(tls) => {
                tls.end();
                !tls.wants_write()
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        if let Carrier::Tls(tls) = &mut self.carrier {
            tls.end();
        }
        // A connection that is gone has no half to close.
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// Has the close cut the connection, so that the other end cannot take it for the end of what
    /// was sent.
    pub(crate) fn reset(&self) {
        let _ = SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }
}

fn write_parts(tcp: &mut TcpStream, parts: [&[u8]; 4], writable: &mut bool) -> io::Result<usize> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let longest = parts.iter().max_by_key(|part| part.len()).copied().unwrap_or_default();
    if total == 0 {
        return Ok(0);
    }
    loop {
        let written = if longest.len() == total {
            tcp.write(longest)
        } else {
            let mut slices = [IoSlice::new(&[]); 4];
            let mut count = 0;
            for part in parts.iter().filter(|part| !part.is_empty()) {
                slices[count] = IoSlice::new(part);
                count += 1;
            }
            tcp.write_vectored(&slices[..count])
        };
        match written {
            Ok(count) => {
                *writable = count == total;
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *writable = false;
                return Ok(0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
