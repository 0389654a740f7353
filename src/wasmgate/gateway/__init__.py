"""The gateway: routes, policies and upstreams behind one ASGI app."""

from wasmgate.gateway.app import Gateway, create_app, freeze_heap, gateway_of

__all__ = ["Gateway", "create_app", "freeze_heap", "gateway_of"]
