//! TLS on both sides, by rustls.

use std::io::{self, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConnection};
use wasmgate_host::Facts;

use crate::net::certificate::Certificate;
use crate::net::trusted::Trusted;

/// What TLS connections to upstreams have in common.
pub type Trust = Arc<ClientConfig>;

/// The trust of connections to upstreams: the system's trust, or what `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name.
///
/// # Errors
/// What could not be read, in words, if not a single certificate could.
pub fn trust() -> Result<Trust, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs.iter().cloned());
    if roots.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!("no certificate is trusted: {}", reasons.join("; ")));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let rules = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| error.to_string())?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusted { rules, certificates: found.certs }))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why a handshake failed, in words.
fn said(error: &rustls::Error) -> String {
    use rustls::CertificateError as Why;
    let rustls::Error::InvalidCertificate(why) = error else { return error.to_string() };
    match why {
        Why::UnknownIssuer => "its certificate is from an authority that is not trusted".into(),
        Why::Expired | Why::ExpiredContext { .. } => "its certificate has expired".into(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "its certificate is not valid yet".into()
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            format!("its certificate is for another host: {why}")
        }
        // One that could sign others, and is not trusted itself.
        Why::Other(_) => "its certificate is not trusted".into(),
        other => format!("its certificate is not valid: {other}"),
    }
}

/// The host of an endpoint as its certificate is to have it.
///
/// # Errors
/// In words, with the endpoint's URL.
pub(crate) fn server_name(url: &str, host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{url}: its host cannot be in a certificate"))
}

/// A connection in TLS over a socket.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: Connection,
    /// What policies are told of it was told.
    told: bool,
    /// Its end was said.
    ended: bool,
}

impl TlsStream {
    /// Begins as a client that wants to speak to `host`, a name or an address.
    pub(crate) fn client(
        tcp: TcpStream,
        config: &Arc<ClientConfig>,
        host: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        let tls = ClientConnection::new(Arc::clone(config), host)?.into();
        Ok(Self { tcp, tls, told: false, ended: false })
    }

    /// Begins as a server with this certificate.
    pub(crate) fn server(tcp: TcpStream, certificate: &Certificate) -> Result<Self, rustls::Error> {
        Ok(Self {
            tcp,
            tls: ServerConnection::new(Arc::clone(&certificate.config))?.into(),
            told: false,
            ended: false,
        })
    }

    /// What is known of it once the handshake is done; said once.
    pub(crate) fn take_facts(&mut self) -> Option<Facts> {
        if self.told || self.tls.is_handshaking() {
            return None;
        }
        self.told = true;
        let version = match self.tls.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let mut facts = Facts::default();
        facts.add("connection.mtls", "false");
        facts.add("connection.tls_version", version);
        if let Connection::Server(server) = &self.tls
            && let Some(name) = server.server_name()
        {
            facts.add("connection.requested_server_name", name);
        }
        Some(facts)
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Goes on with the handshake; true once it is done.
    pub(crate) fn shake_hands(&mut self) -> io::Result<bool> {
        self.flush()?;
        while self.tls.is_handshaking() {
            if !self.receive()? {
                return Ok(false);
            }
            self.flush()?;
        }
        Ok(true)
    }

    /// Takes in what the socket has; false when it has nothing for now.
    fn receive(&mut self) -> io::Result<bool> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Err(error) = self.tls.process_new_packets() {
            // The alert tells the other end why.
            let _ = self.flush();
            return Err(io::Error::new(io::ErrorKind::InvalidData, said(&error)));
        }
        Ok(true)
    }

    /// Reads what was encrypted. Without the end that TLS has for it, the end of the connection is an
    /// error: a body could have been cut by others (RFC 8446 §6.1).
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if !self.receive()? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.flush()?;
        }
    }

    /// Encrypts bytes, unless what was encrypted before waits still.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.tls.wants_write() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.tls.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Sends what is encrypted, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says in TLS that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.tls.send_close_notify();
        }
        let _ = self.flush();
    }
}
