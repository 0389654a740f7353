package main

import (
	"encoding/binary"
	"unsafe"
)

// What the policy asks of the host: proxy-wasm 0.2.1, called without an SDK.

const (
	requestHeaders      = 0
	responseHeaders     = 2
	callResponseHeaders = 6

	responseBody        = 1
	callResponseBody    = 4
	pluginConfiguration = 7

	statusOK   = 0
	levelError = 4
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, text unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeaderMapValue(
	kind uint32, name unsafe.Pointer, nameSize uint32, value, size unsafe.Pointer,
) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeaderMapValue(
	kind uint32, name unsafe.Pointer, nameSize uint32, value unsafe.Pointer, valueSize uint32,
) uint32

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeaderMapValue(kind uint32, name unsafe.Pointer, nameSize uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(kind, start, limit uint32, value, size unsafe.Pointer) uint32

//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(kind, start, size uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_http_call
func proxyHTTPCall(
	upstream unsafe.Pointer, upstreamSize uint32, headers unsafe.Pointer, headersSize uint32,
	body unsafe.Pointer, bodySize uint32, trailers unsafe.Pointer, trailersSize uint32,
	milliseconds uint32, call unsafe.Pointer,
) uint32

//go:wasmimport env proxy_set_effective_context
func setEffectiveContext(context uint32) uint32

//go:wasmimport env proxy_continue_stream
func proxyContinueStream(kind uint32) uint32

//go:wasmimport env proxy_send_local_response
func proxySendLocalResponse(
	code uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32,
	headers unsafe.Pointer, headersSize uint32, grpcStatus int32,
) uint32

//go:wasmimport env proxy_define_metric
func proxyDefineMetric(kind uint32, name unsafe.Pointer, size uint32, id unsafe.Pointer) uint32

//go:wasmimport env proxy_increment_metric
func incrementMetric(id uint32, by int64) uint32

// What the host was given and the policy has not taken: the collector must not free it.
var given = map[uint32][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	memory := make([]byte, size)
	pointer := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
	given[pointer] = memory
	return pointer
}

// taken returns what the host has written to memory that it was given.
func taken(pointer, size uint32) string {
	memory := given[pointer]
	delete(given, pointer)
	if size == 0 {
		return ""
	}
	return string(memory[:size])
}

func data(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

func logLine(level uint32, text string) {
	pointer, size := data(text)
	proxyLog(level, pointer, size)
}

func headerValue(kind uint32, name string) string {
	var value, size uint32
	pointer, length := data(name)
	out, outSize := unsafe.Pointer(&value), unsafe.Pointer(&size)
	if proxyGetHeaderMapValue(kind, pointer, length, out, outSize) != statusOK {
		return ""
	}
	return taken(value, size)
}

func addHeader(kind uint32, name, value string) {
	namePointer, nameSize := data(name)
	valuePointer, valueSize := data(value)
	proxyAddHeaderMapValue(kind, namePointer, nameSize, valuePointer, valueSize)
}

func removeHeader(kind uint32, name string) {
	pointer, size := data(name)
	proxyRemoveHeaderMapValue(kind, pointer, size)
}

func bufferBytes(kind uint32, limit int) string {
	var value, size uint32
	out, outSize := unsafe.Pointer(&value), unsafe.Pointer(&size)
	if proxyGetBufferBytes(kind, 0, uint32(limit), out, outSize) != statusOK {
		return ""
	}
	return taken(value, size)
}

func setBufferBytes(kind uint32, replaced int, value string) {
	pointer, size := data(value)
	proxySetBufferBytes(kind, 0, uint32(replaced), pointer, size)
}

// httpCall asks a cluster; the answer comes to onHttpCallResponse with the same number.
func httpCall(upstream string, headers [][2]string, milliseconds uint32) (uint32, uint32) {
	var call uint32
	name, nameSize := data(upstream)
	fields, fieldsSize := data(serialized(headers))
	status := proxyHTTPCall(
		name, nameSize, fields, fieldsSize, nil, 0, nil, 0, milliseconds, unsafe.Pointer(&call),
	)
	return call, status
}

// serialized writes fields as the ABI wants them: their number, all sizes, then names and values.
func serialized(fields [][2]string) string {
	sizes := binary.LittleEndian.AppendUint32(nil, uint32(len(fields)))
	var texts []byte
	for _, field := range fields {
		for _, text := range field {
			sizes = binary.LittleEndian.AppendUint32(sizes, uint32(len(text)))
			texts = append(append(texts, text...), 0)
		}
	}
	return string(append(sizes, texts...))
}

func continueRequest() { proxyContinueStream(0) }

func sendLocalResponse(code uint32, body string) {
	pointer, size := data(body)
	proxySendLocalResponse(code, nil, 0, pointer, size, nil, 0, -1)
}

func defineCounter(name string) uint32 {
	var id uint32
	pointer, size := data(name)
	proxyDefineMetric(0, pointer, size, unsafe.Pointer(&id))
	return id
}
