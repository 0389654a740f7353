package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errMalformed = errors.New("the answer is no HTTP/1.1 response with a length")

// parse looks for one whole response at the start of received. It returns the status, or "" when
// more bytes are needed. Bytes after it are an error: nothing else was asked for.
func parse(received []byte) (string, error) {
	end := bytes.Index(received, []byte("\r\n\r\n"))
	if end < 0 {
		return "", nil
	}
	head, body := bytes.ToLower(received[:end+2]), received[end+4:]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("http/1.1 ")) {
		return "", errMalformed
	}
	whole, err := isWhole(head, body)
	if err != nil || !whole {
		return "", err
	}
	return string(head[9:12]), nil
}

func isWhole(head, body []byte) (bool, error) {
	if text, found := field(head, "\r\ncontent-length: "); found {
		length, err := strconv.Atoi(string(text))
		if err != nil || len(body) > length {
			return false, fmt.Errorf("%w: %q", errMalformed, head)
		}
		return len(body) == length, nil
	}
	if coding, found := field(head, "\r\ntransfer-encoding: "); found && string(coding) == "chunked" {
		// The bodies asked for are text without line ends, so this is no part of one.
		return bytes.HasSuffix(body, []byte("0\r\n\r\n")), nil
	}
	return false, fmt.Errorf("%w: %q", errMalformed, head)
}

func field(head []byte, name string) ([]byte, bool) {
	start := bytes.Index(head, []byte(name))
	if start < 0 {
		return nil, false
	}
	value, _, _ := bytes.Cut(head[start+len(name):], []byte("\r\n"))
	return value, true
}
