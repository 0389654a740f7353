//! The data plane: sockets, TLS, timers and pools. It carries bytes and decides nothing: what is done
//! with them the sans-I/O [`wasmgate_gateway::Connection`] says. It knows nothing of Python.
//!
//! Two drivers have one engine. [`Plane`] is N threads, each with a reactor: its listeners, its clients,
//! its connections to endpoints and its instances of the policies. What only the layer above can do
//! comes to it as a [`Note`]; what it answers goes back through [`deliver`]. [`Upstreams`] is a reactor
//! without clients inside an event loop: it carries the loop's own requests to endpoints.

mod callouts;
mod core;
mod deployment;
mod downstream;
mod mailbox;
mod net;
mod notes;
mod plane;
mod queue;
mod reactor;
mod refs;
mod report;
mod sync;
mod transaction;
mod upstream;
mod upstreams;
mod wheel;

pub use callouts::admission::{CalloutAdmission, CalloutLimits, CalloutPlace, Exceeded, OverLimit};
pub use deployment::{CalloutSettings, ClientLimits, ClientSettings, Deployment};
pub use mailbox::deliver;
pub use net::address_policy::check_address;
pub use net::admission::Admission;
pub use net::certificate::{BadCertificate, Certificate, PemFile};
pub use net::tls::Trust;
pub use notes::{Note, Notes};
pub use plane::Plane;
pub use refs::{GroupRef, TransactionRef};
pub use report::{PoolReport, Report};
pub use transaction::{Fault, Progress, Received, Request, State};
pub use upstream::pool::UpstreamLimits;
pub use upstreams::{Turn, Upstreams};
