package main

import "unsafe"

// proxy-wasm 0.2.1 without an SDK: what the host calls, and what it is asked.

const (
	requestHeaders = 0
	requestBody    = 0
	statusOK       = 0
	continueStream = 0
)

// Never called: with -buildmode=c-shared the host starts the runtime by _initialize.
func main() {}

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_configure
func configure(root, size uint32) bool { return onConfigure() }

//go:wasmexport proxy_on_request_headers
func requestHeadersCame(stream, headers, end uint32) uint32 {
	onRequestHeaders()
	return continueStream
}

//go:wasmexport proxy_on_request_body
func requestBodyCame(stream, size, end uint32) uint32 {
	onRequestBody(size)
	return continueStream
}

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeaderMapValue(
	kind uint32, name unsafe.Pointer, nameSize uint32, value, size unsafe.Pointer,
) uint32

//go:wasmimport env proxy_replace_header_map_value
func proxyReplaceHeaderMapValue(
	kind uint32, name unsafe.Pointer, nameSize uint32, value unsafe.Pointer, valueSize uint32,
) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(kind, start, limit uint32, value, size unsafe.Pointer) uint32

//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(kind, start, size uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_define_metric
func proxyDefineMetric(kind uint32, name unsafe.Pointer, size uint32, id unsafe.Pointer) uint32

//go:wasmimport env proxy_increment_metric
func incrementMetric(id uint32, by int64) uint32

// What the host's bytes are in until they are taken: the collector sees no pointer of the host.
var given []byte

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	given = make([]byte, size)
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(given))))
}

// taken returns what the host wrote to the memory that it was last given.
func taken(size uint32) []byte {
	memory := given
	given = nil
	if size == 0 {
		return nil
	}
	return memory[:size]
}

func data(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

func headerValue(name string) []byte {
	var value, size uint32
	pointer, length := data(name)
	out, outSize := unsafe.Pointer(&value), unsafe.Pointer(&size)
	if proxyGetHeaderMapValue(requestHeaders, pointer, length, out, outSize) != statusOK {
		return nil
	}
	return taken(size)
}

func setHeader(name, value string) {
	namePointer, nameSize := data(name)
	valuePointer, valueSize := data(value)
	proxyReplaceHeaderMapValue(requestHeaders, namePointer, nameSize, valuePointer, valueSize)
}

func bodyBytes(limit uint32) []byte {
	var value, size uint32
	out, outSize := unsafe.Pointer(&value), unsafe.Pointer(&size)
	if proxyGetBufferBytes(requestBody, 0, limit, out, outSize) != statusOK {
		return nil
	}
	return taken(size)
}

func setBody(replaced uint32, value []byte) {
	pointer := unsafe.Pointer(unsafe.SliceData(value))
	proxySetBufferBytes(requestBody, 0, replaced, pointer, uint32(len(value)))
}

// defineCounter returns 0 if the host refuses it.
func defineCounter(name string) uint32 {
	var id uint32
	pointer, size := data(name)
	proxyDefineMetric(0, pointer, size, unsafe.Pointer(&id))
	return id
}
