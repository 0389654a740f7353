//! `Plugin`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{IntoPyDict, PyTuple};
use wasmgate_host::{
    self as host, Capabilities, Capability, Folders, Limits, PluginSpec, Symbols, TenantKey,
    TenantSettings,
};

use crate::errors;
use crate::host::Host;
use crate::module::Module;

/// Adds what the module has beside the class.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("DEFAULT_LIMITS", Limits::default().numbers().into_py_dict(py)?)?;
    module.add("CAPABILITIES", PyTuple::new(py, Capability::ALL.map(Capability::name))?)
}

/// A policy started.
#[pyclass(frozen, weakref, module = "wasmgate._native")]
pub(crate) struct Plugin(pub(crate) host::Plugin);

#[pymethods]
impl Plugin {
    #[new]
    #[pyo3(signature = (host, *, name, module, root_id, configuration, vm_configuration, limits,
        capabilities,        environment, fail_open, strip_request_headers, allow_on_headers_stop_iteration=false, vm_id = String::new(), tenants = None,
        symbols = None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of one constructor")]
    fn new(
        py: Python<'_>,
        host: &Host,
        name: String,
        module: &Module,
        root_id: String,
        configuration: Vec<u8>,
        vm_configuration: Vec<u8>,
        limits: &Bound<'_, PyAny>,
        capabilities: &Bound<'_, PyAny>,
        environment: BTreeMap<String, String>,
        fail_open: bool,
        strip_request_headers: Vec<String>,
        allow_on_headers_stop_iteration: bool,
        vm_id: String,
        tenants: Option<(String, String, usize, f64)>,
        symbols: Option<PathBuf>,
    ) -> PyResult<Self> {
        // The memory is the module's.
        let limits = Limits { memory: module.0.memory(), ..limits_of(limits)? };
        let spec = PluginSpec {
            name: name.clone(),
            root_id,
            configuration,
            vm_configuration,
            limits,
            environment: environment.into_iter().collect(),
            fail_open,
            strip_request_headers,
            allow_on_headers_stop_iteration,
            capabilities: capabilities_of(capabilities, &name)?,
            vm_id,
            tenants: tenants.map(tenant_settings).transpose()?,
            symbols: symbols.map(Symbols::at).unwrap_or_default(),
        };
        let (host, module) = (host.0.clone(), module.0.clone());
        // A guest may compute for long while it starts, and touches nothing of Python.
        let plugin = py.detach(|| host::Plugin::start(&host, module, spec));
        plugin.map(Self).map_err(|error| errors::raise_load(py, &name, &error))
    }

    fn with_configuration(
        &self,
        py: Python<'_>,
        configuration: Vec<u8>,
        strip_request_headers: Vec<String>,
    ) -> PyResult<Self> {
        let plugin = py.detach(|| self.0.with_configuration(configuration, strip_request_headers));
        plugin.map(Self).map_err(|error| errors::raise_load(py, self.0.name(), &error))
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn digest(&self) -> &str {
        self.0.digest()
    }

    #[getter]
    fn abi(&self) -> &'static str {
        self.0.abi()
    }

    /// "fast" or "optimized": how well the code is compiled.
    #[getter]
    fn tier(&self) -> &'static str {
        self.0.tier().name()
    }

    fn runs(&self, module: &[u8]) -> bool {
        self.0.runs(module)
    }

    fn improve(&self, py: Python<'_>, module: PyBackedBytes) -> bool {
        py.detach(|| self.0.improve(&module))
    }

    #[getter]
    fn cached(&self) -> bool {
        self.0.cached()
    }

    #[getter]
    fn cache_problem(&self) -> Option<&str> {
        self.0.cache_problem()
    }
}

/// The capabilities of an object with an attribute for each; its `mounts()` are the folders to open.
fn capabilities_of(object: &Bound<'_, PyAny>, policy: &str) -> PyResult<Capabilities> {
    let names = |key: &str| object.getattr(key)?.extract::<Vec<String>>();
    let mounts: Vec<(String, PathBuf)> = object.call_method0("mounts")?.extract()?;
    let read = Folders::open(mounts)
        .map_err(|error| errors::raise_load(object.py(), policy, &error.into()))?;
    Ok(Capabilities {
        net: names("net")?,
        read,
        foreign_functions: names("foreign_functions")?,
        metrics: names("metrics")?,
        shared_data: names("shared_data")?,
    })
}

/// The limits of an object with an attribute for each: whole numbers, but for a share, which is a part of 1.
fn limits_of(object: &Bound<'_, PyAny>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for name in Limits::NAMES {
        let value = object.getattr(*name)?;
        let number = match *name {
            "background_share" => millionths(value.extract()?)?.into(),
            _ => value.extract()?,
        };
        if !limits.set(name, number) {
            return Err(PyValueError::new_err(format!("{name} is too large")));
        }
    }
    Ok(limits)
}

/// A share of a thread's time as the host counts it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 1 and a million"
)]
fn millionths(share: f64) -> PyResult<u32> {
    if share > 0.0 && share <= 1.0 {
        Ok((share * 1e6).ceil() as u32)
    } else {
        Err(PyValueError::new_err("background_share is above 0 and at most 1"))
    }
}

/// What names a tenant ("host", "header" or "property"), its name, the bound, idle seconds.
fn tenant_settings(
    (kind, name, most, idle): (String, String, usize, f64),
) -> PyResult<TenantSettings> {
    let key = match kind.as_str() {
        "host" => TenantKey::Host,
        "header" => TenantKey::Header(name),
        "property" => TenantKey::Property(name.replace('.', "\0").into_bytes()),
        _ => return Err(PyValueError::new_err("a tenant is named by host, header or property")),
    };
    let idle = Duration::try_from_secs_f64(idle)
        .map_err(|error| PyValueError::new_err(format!("idle: {error}")))?;
    Ok(TenantSettings { key, most, idle })
}
