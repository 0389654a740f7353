//! Attributes of a request beside its head, from the layer above.

use std::sync::Arc;

/// Attributes of a request for `proxy_get_property`, by Envoy's names.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// `source.address`: the client's host and port.
    pub source: Option<(Arc<str>, u16)>,
    /// `destination.address`: the server's host and port.
    pub destination: Option<(Arc<str>, u16)>,
    /// `request.protocol`, like `HTTP/1.1`.
    pub protocol: &'static str,
    /// `connection.id`, where connections are counted.
    pub connection: Option<u64>,
    /// True for a connection with TLS.
    pub secure: bool,
    /// `route_name`, empty outside a gateway.
    pub route_name: Arc<str>,
    /// `cluster_name`, empty outside a gateway.
    pub cluster_name: Arc<str>,
    /// `upstream.address`: the endpoint that was chosen.
    pub upstream: Option<(Arc<str>, u16)>,
    /// The properties of [`Facts::NAMES`], as far as they are known.
    pub facts: Option<Arc<Facts>>,
}

/// One row for each property from the layer above: its family, its name, and the form of its value.
macro_rules! facts {
    ($( $(#[$doc:meta])+ $family:ident $name:ident: $form:ident; )*) => {
        impl Facts {
            /// The names, with dots.
            ///
            $( #[doc = concat!("- `", stringify!($family), ".", stringify!($name), "`:")] $(#[$doc])+ )*
            pub const NAMES: &'static [&'static str] =
                &[$( concat!(stringify!($family), ".", stringify!($name)) ),*];

            /// The path that a guest asks for, and the form of the value.
            fn row(name: &str) -> Option<(&'static [u8], Form)> {
                $(
                    if name == concat!(stringify!($family), ".", stringify!($name)) {
                        let path = concat!(stringify!($family), "\0", stringify!($name));
                        return Some((path.as_bytes(), Form::$form));
                    }
                )*
                None
            }
        }
    };
}

facts! {
    /// The user that the layer around this one authenticated; what a policy stores takes precedence.
    wasmgate user: Text;
    /// Whether the client showed a certificate; given whenever the TLS of a connection is known.
    connection mtls: Flag;
    /// Like `TLSv1.3`.
    connection tls_version: Text;
    /// The name that the client asked for (SNI, RFC 6066 §3).
    connection requested_server_name: Text;
    /// The distinguished name, as RFC 4514 writes it.
    connection subject_peer_certificate: Text;
    /// The first DNS name among the alternative names of the subject.
    connection dns_san_peer_certificate: Text;
    /// The first URI among them.
    connection uri_san_peer_certificate: Text;
    /// SHA-256 of the certificate in DER, in hex.
    connection sha256_peer_certificate_digest: Text;
}

enum Form {
    Text,
    Flag,
}

/// Properties from the layer above, by their paths.
#[derive(Clone, Debug, Default)]
pub struct Facts(Vec<(&'static [u8], Vec<u8>)>);

impl Facts {
    /// Adds a property, a flag as `true` or `false`; false if `name` is not one of [`Self::NAMES`].
    pub fn add(&mut self, name: &str, value: &str) -> bool {
        let Some((path, form)) = Self::row(name) else { return false };
        let value = match form {
            Form::Text => value.as_bytes().to_vec(),
            Form::Flag => vec![(value == "true").into()],
        };
        self.0.push((path, value));
        true
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, path: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == path).map(|(_, value)| value.as_slice())
    }
}

impl Attributes {
    /// The value from the layer above for the property of this path.
    pub(crate) fn fact(&self, path: &[u8]) -> Option<&[u8]> {
        self.facts.as_ref()?.find(path)
    }
}
