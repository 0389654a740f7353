package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errMalformed = errors.New("the answer is no HTTP/1.1 response with a length")

// response is one that is being received. Only what comes before the body is kept.
type response struct {
	status string
	head   []byte // as far as it came, while it is not whole
	left   int    // of the body
	coded  bool   // the body is chunked: tail holds its last bytes
	tail   []byte
}

var lastChunk = []byte("0\r\n\r\n")

// next makes ready for another response.
func (r *response) next() {
	*r = response{head: r.head[:0], tail: r.tail[:0]}
}

// take takes in bytes and tells whether the response is whole. Bytes after it are an error: nothing
// else was asked for.
func (r *response) take(received []byte) (bool, error) {
	if r.status == "" {
		body, whole, err := r.readHead(received)
		if err != nil || !whole {
			return false, err
		}
		received = body
	}
	if r.coded {
		// The bodies asked for are text without line ends, so this is no part of one.
		r.tail = append(r.tail, received...)
		r.tail = r.tail[max(len(r.tail)-len(lastChunk), 0):]
		return bytes.Equal(r.tail, lastChunk), nil
	}
	r.left -= len(received)
	if r.left < 0 {
		return false, fmt.Errorf("%w: %d bytes too many", errMalformed, -r.left)
	}
	return r.left == 0, nil
}

// readHead reads the head, from what came before too, and returns the bytes behind it.
func (r *response) readHead(received []byte) (body []byte, whole bool, err error) {
	if len(r.head) > 0 {
		r.head = append(r.head, received...)
		received = r.head
	}
	end := bytes.Index(received, headEnd)
	if end < 0 {
		if len(r.head) == 0 {
			r.head = append(r.head, received...)
		}
		return nil, false, nil
	}
	head := received[:end+2]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return nil, false, errMalformed
	}
	if err := r.readFraming(bytes.ToLower(head)); err != nil {
		return nil, false, err
	}
	r.status = string(head[9:12])
	return received[end+len(headEnd):], true, nil
}

func (r *response) readFraming(head []byte) error {
	if text, found := field(head, "\r\ncontent-length: "); found {
		length, err := strconv.Atoi(string(text))
		if err != nil {
			return fmt.Errorf("%w: %q", errMalformed, head)
		}
		r.left = length
		return nil
	}
	if coding, found := field(head, "\r\ntransfer-encoding: "); found && string(coding) == "chunked" {
		r.coded = true
		return nil
	}
	return fmt.Errorf("%w: %q", errMalformed, head)
}

func field(head []byte, name string) ([]byte, bool) {
	start := bytes.Index(head, []byte(name))
	if start < 0 {
		return nil, false
	}
	value, _, _ := bytes.Cut(head[start+len(name):], []byte("\r\n"))
	return value, true
}
