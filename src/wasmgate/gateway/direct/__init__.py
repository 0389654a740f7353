"""The gateway that reads and writes sockets itself: what `wasmgate run` serves."""
