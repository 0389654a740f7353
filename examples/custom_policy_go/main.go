// A policy in Go: asks a service which plan a client's key has, sends it on as x-plan, refuses
// keys that the service does not know, and hides card numbers in answers.
//
// Its configuration is the name of the cluster that knows the keys.
package main

import (
	"fmt"
	"strings"
)

const keyHeader = "x-api-key"

var (
	cluster string
	lookups uint32
	// Which stream each lookup is for: its answer comes to the root context.
	waiting = map[uint32]uint32{}
)

func onConfigure(configuration string) bool {
	cluster = configuration
	lookups = defineCounter("plan_lookups")
	return cluster != ""
}

func onRequestHeaders(stream uint32) action {
	key := headerValue(requestHeaders, keyHeader)
	if key == "" {
		sendLocalResponse(401, "a key is needed\n")
		return pauseStream
	}
	// What a client says about its own plan is not believed.
	removeHeader(requestHeaders, "x-plan")
	call, status := httpCall(cluster, [][2]string{
		{":method", "GET"}, {":path", "/plan"}, {":authority", cluster}, {keyHeader, key},
	}, 1000)
	if status != statusOK {
		logLine(levelError, fmt.Sprintf("%s cannot be asked: status %d", cluster, status))
		sendLocalResponse(503, "keys cannot be looked up\n")
		return pauseStream
	}
	waiting[call] = stream
	return pauseStream
}

func onHttpCallResponse(call uint32, headers, bodySize int) {
	stream, found := waiting[call]
	if !found {
		return
	}
	delete(waiting, call)
	incrementMetric(lookups, 1)
	setEffectiveContext(stream)
	plan := strings.TrimSpace(bufferBytes(callResponseBody, bodySize))
	switch {
	case headers == 0:
		sendLocalResponse(503, "keys cannot be looked up\n")
	case headerValue(callResponseHeaders, ":status") != "200":
		sendLocalResponse(403, "no such key\n")
	default:
		addHeader(requestHeaders, "x-plan", plan)
		continueRequest()
	}
}

func onResponseHeaders(uint32) action {
	// The body may change, so its length is not known yet.
	removeHeader(responseHeaders, "content-length")
	return continueStream
}

func onResponseBody(_ uint32, size int, end bool) action {
	if !end {
		return pauseStream // held until it is whole: a number may lie across two chunks
	}
	if body := bufferBytes(responseBody, size); body != "" {
		setBufferBytes(responseBody, size, hideCardNumbers(body))
	}
	return continueStream
}

// hideCardNumbers replaces all but the last four digits of every run of 13 to 19.
func hideCardNumbers(text string) string {
	hidden := []byte(text)
	for start := 0; start < len(hidden); {
		end := start
		for end < len(hidden) && hidden[end] >= '0' && hidden[end] <= '9' {
			end++
		}
		if run := end - start; run >= 13 && run <= 19 {
			for i := start; i < end-4; i++ {
				hidden[i] = '*'
			}
		}
		start = end + 1
	}
	return string(hidden)
}

func onDone(stream uint32) {
	for call, waits := range waiting {
		if waits == stream {
			delete(waiting, call)
		}
	}
}
