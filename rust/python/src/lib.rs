//! The border between Python and Rust: conversions only, one crossing a phase, no logic.

#![allow(
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "PyO3 makes arguments for one call; classes have the fields that Python has"
)]

mod app_response;
mod artifact;
mod callout;
mod callout_admission;
mod chain;
mod dataplane;
mod deliveries;
mod effects;
mod endpoint_url;
mod ends;
mod errors;
mod exchange;
mod facts;
mod fields;
mod foreign;
mod host;
mod http_call;
mod inspect;
mod module;
mod plugin;
mod route;
mod router;
mod scope;
mod statistics;
mod stream;
mod text;
mod times;
mod trace;
mod upstreams;

use pyo3::prelude::*;

/// `wasmgate._native`.
#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<app_response::AppResponse>()?;
    module.add_class::<callout::Callout>()?;
    module.add_class::<callout_admission::CalloutAdmission>()?;
    module.add_class::<callout_admission::CalloutPlace>()?;
    module.add_class::<chain::Chain>()?;
    module.add_class::<effects::Effects>()?;
    module.add_class::<effects::RequestHead>()?;
    module.add_class::<exchange::Exchange>()?;
    module.add_class::<exchange::UpstreamRequest>()?;
    module.add_class::<host::Host>()?;
    module.add_class::<module::Module>()?;
    module.add_class::<plugin::Plugin>()?;
    module.add_class::<router::Cluster>()?;
    module.add_class::<route::Route>()?;
    module.add_class::<router::Router>()?;
    module.add_class::<statistics::CallbackStatistics>()?;
    module.add_class::<statistics::PolicyStatistics>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<trace::TraceEvent>()?;
    module.add_class::<upstreams::Transaction>()?;
    module.add_class::<upstreams::UpstreamGroup>()?;
    module.add_class::<upstreams::Upstreams>()?;
    module.add_function(wrap_pyfunction!(foreign::built_in_functions, module)?)?;
    module.add_function(wrap_pyfunction!(artifact::compile_artifact, module)?)?;
    dataplane::add_to(module)?;
    deliveries::add_to(module)?;
    plugin::add_to(module)?;
    route::add_to(module)?;
    router::add_to(module)?;
    module.add_function(wrap_pyfunction!(endpoint_url::parse_endpoint, module)?)?;
    module.add_function(wrap_pyfunction!(artifact::trim_memory, module)?)?;
    module.add_function(wrap_pyfunction!(inspect::inspect, module)?)?;
    module.add("TOKEN_MARKS", wasmgate_host::TOKEN_MARKS)?;
    module.add_function(wrap_pyfunction!(http_call::check_address, module)?)?;
    module.add_function(wrap_pyfunction!(http_call::http_call, module)?)?;
    module.add_function(wrap_pyfunction!(fields::is_hop_by_hop, module)?)?;
    module.add_function(wrap_pyfunction!(fields::is_token, module)?)?;
    module.add_function(wrap_pyfunction!(text::printable, module)?)?;
    module.add_function(wrap_pyfunction!(text::masked, module)?)?;
    module.add_function(wrap_pyfunction!(stream::kept_streams, module)?)?;
    module.add_function(wrap_pyfunction!(stream::held_bytes, module)?)?;
    Ok(())
}
