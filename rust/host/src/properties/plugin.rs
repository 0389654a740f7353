//! Properties that need no stream: those of the plugin and of its process.

use crate::plugin::core::PluginCore;
use crate::properties::{split, value};

/// `core::config::v3::TrafficDirection::INBOUND`.
pub(super) const INBOUND: u64 = 1;

/// A property of the plugin itself.
pub(crate) fn of_plugin(core: &PluginCore, path: &[u8]) -> Option<Vec<u8>> {
    match split(path) {
        (b"plugin_name", None) => Some(core.spec.name.clone().into_bytes()),
        (b"plugin_vm_id", None) => Some(core.spec.vm_name().as_bytes().to_vec()),
        (b"wasmgate", Some(b"tenant")) => core.vm.tenant.as_deref().map(<[u8]>::to_vec),
        (b"plugin_root_id", None) => Some(core.spec.root_id.clone().into_bytes()),
        (b"listener_direction", None) => Some(value::number(INBOUND)),
        (b"listener_metadata", None) => Some(value::EMPTY_MESSAGE.to_vec()),
        (b"node", rest) => of_node(rest),
        _ => None,
    }
}

/// The node of an Envoy without a configured name: an empty `core::config::v3::Node`.
pub(super) fn of_node(what: Option<&[u8]>) -> Option<Vec<u8>> {
    match what {
        None => Some(value::EMPTY_MESSAGE.to_vec()),
        Some(b"id" | b"cluster" | b"user_agent_name") => Some(Vec::new()),
        Some(b"metadata") => Some(value::EMPTY_MAP.to_vec()),
        Some(_) => None,
    }
}
