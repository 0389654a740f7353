// A guest for tests: names callers, turns bodies to upper case, counts requests. The same in other
// languages is beside it.
package main

var stamped uint32

func onConfigure() bool {
	stamped = defineCounter("stamped")
	return stamped != 0
}

func onRequestHeaders() {
	agent := string(headerValue("user-agent"))
	id := string(headerValue("x-request-id"))
	setHeader("x-caller", agent+"/"+id)
	incrementMetric(stamped, 1)
}

func onRequestBody(size uint32) {
	if size == 0 {
		return
	}
	chunk := bodyBytes(size)
	for i, letter := range chunk {
		if letter >= 'a' && letter <= 'z' {
			chunk[i] = letter - 'a' + 'A'
		}
	}
	setBody(size, chunk)
}
