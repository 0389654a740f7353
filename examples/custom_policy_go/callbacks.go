package main

// What the host calls: proxy-wasm 0.2.1. Everything of the policy itself is in main.go.

type action = uint32

const (
	continueStream action = 0
	pauseStream    action = 1
)

// Never called: with -buildmode=c-shared the host starts the runtime by _initialize.
func main() {}

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_context_create
func onContextCreate(context, parent uint32) {}

//go:wasmexport proxy_on_vm_start
func onVMStart(root, size uint32) bool { return true }

//go:wasmexport proxy_on_configure
func configure(root, size uint32) bool {
	return onConfigure(bufferBytes(pluginConfiguration, int(size)))
}

//go:wasmexport proxy_on_request_headers
func requestHeadersCame(stream, headers, end uint32) action { return onRequestHeaders(stream) }

//go:wasmexport proxy_on_response_headers
func responseHeadersCame(stream, headers, end uint32) action { return onResponseHeaders(stream) }

//go:wasmexport proxy_on_response_body
func responseBodyCame(stream, size, end uint32) action {
	return onResponseBody(stream, int(size), end != 0)
}

//go:wasmexport proxy_on_http_call_response
func httpCallResponseCame(root, call, headers, bodySize, trailers uint32) {
	onHttpCallResponse(call, int(headers), int(bodySize))
}

//go:wasmexport proxy_on_done
func done(context uint32) bool {
	onDone(context)
	return true
}
