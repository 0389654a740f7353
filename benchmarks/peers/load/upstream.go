package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

const bodyLength = 128

var headEnd = []byte("\r\n\r\n")

// sizeQuery, in a request's query, asks for a body of so many bytes; it is the last of the query.
var sizeQuery = []byte("size=")

// upstream is the server behind the gateways: as cheap as a server can be, and strict. It answers 200
// only to a request on which the gateway did its work: the path begins with prefix, and if users are
// asked for, one is named. Everything else is answered 400, which makes a run invalid.
type upstream struct {
	poller    *poller
	listener  int
	prefix    []byte
	user      bool
	accepted  map[int][]byte // by length
	refused   []byte
	received  []byte
	exchanges map[int]*exchange // by socket
}

// exchange is a connection's request that is being received, or its response that is being sent.
type exchange struct {
	head   []byte // as far as it came
	skip   int    // bytes of its body that are still to come
	answer []byte // to be sent, or the rest of it
	unsent bool   // the socket takes no more for now
}

func newUpstream(poller *poller, address, prefix string, user bool) (*upstream, error) {
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	u := &upstream{
		poller:    poller,
		listener:  listener,
		prefix:    []byte(prefix),
		user:      user,
		accepted:  map[int][]byte{},
		refused:   response400(),
		received:  make([]byte, 1<<18),
		exchanges: map[int]*exchange{},
	}
	return u, poller.add(listener)
}

func listen(address string) (int, error) {
	sockaddr, err := parseAddress(address)
	if err != nil {
		return 0, err
	}
	fd, err := socket()
	if err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, sockaddr); err != nil {
		return 0, err
	}
	return fd, syscall.Listen(fd, 4096)
}

func response400() []byte {
	return answerOf("400 Bad Request", bodyLength)
}

func answerOf(status string, length int) []byte {
	head := fmt.Sprintf("HTTP/1.1 %s\r\nServer: upstream\r\nContent-Type: text/plain\r\n"+
		"Content-Length: %d\r\n\r\n", status, length)
	return []byte(head + strings.Repeat("u", length))
}

// ready serves a socket; false when it is none of the upstream's.
func (u *upstream) ready(fd int) (bool, error) {
	if fd == u.listener {
		return true, u.accept()
	}
	exchange, ours := u.exchanges[fd]
	if !ours {
		return false, nil
	}
	if exchange.unsent && !u.write(fd, exchange) {
		return true, u.hangUp(fd)
	}
	count, err := syscall.Read(fd, u.received)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return true, nil
	}
	if err != nil || count == 0 || !u.take(fd, exchange, u.received[:count]) {
		return true, u.hangUp(fd)
	}
	return true, nil
}

func (u *upstream) hangUp(fd int) error {
	delete(u.exchanges, fd)
	return syscall.Close(fd)
}

// take takes in bytes of a request and answers it when it is whole; false when it cannot.
func (u *upstream) take(fd int, e *exchange, received []byte) bool {
	if e.skip == 0 {
		if len(e.head) > 0 {
			e.head = append(e.head, received...)
			received = e.head
		}
		end := bytes.Index(received, headEnd)
		if end < 0 {
			e.head = append(e.head[:0], received...)
			return true
		}
		e.answer = u.answer(received[:end+2])
		length, known := bodyOf(received[:end+2])
		if !known {
			return false
		}
		received = received[end+len(headEnd):]
		e.head = e.head[:0]
		e.skip = length
	}
	e.skip -= len(received)
	return e.skip > 0 || e.skip == 0 && u.write(fd, e)
}

// bodyOf is how long a request says its body is; a coding is not known here.
func bodyOf(head []byte) (int, bool) {
	if bytes.HasPrefix(head, []byte("GET ")) {
		return 0, true
	}
	text, found := field(bytes.ToLower(head), "\r\ncontent-length: ")
	if !found {
		return 0, false
	}
	length, err := strconv.Atoi(string(text))
	return length, err == nil
}

// write sends the answer, or what is left of it; false when the gateway has gone.
func (u *upstream) write(fd int, e *exchange) bool {
	count, err := syscall.Write(fd, e.answer)
	if err != nil && err != syscall.EAGAIN {
		return false
	}
	e.answer = e.answer[max(count, 0):]
	if unsent := len(e.answer) > 0; unsent != e.unsent {
		e.unsent = unsent
		return u.poller.change(fd, unsent) == nil
	}
	return true
}

func (u *upstream) answer(head []byte) []byte {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	_, target, _ := bytes.Cut(line, []byte(" "))
	if !bytes.HasPrefix(target, u.prefix) || !u.accepts(fields) {
		return u.refused
	}
	length := bodyLength
	if _, size, found := bytes.Cut(target, sizeQuery); found {
		digits, _, _ := bytes.Cut(size, []byte(" "))
		length, _ = strconv.Atoi(string(digits))
	}
	answer, made := u.accepted[length]
	if !made {
		answer = answerOf("200 OK", length)
		u.accepted[length] = answer
	}
	return answer
}

func (u *upstream) accepts(fields []byte) bool {
	return !u.user ||
		bytes.Contains(fields, []byte("x-auth-user: user-")) ||
		bytes.Contains(fields, []byte("X-Auth-User: user-"))
}

func (u *upstream) accept() error {
	fd, _, err := syscall.Accept4(u.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err == syscall.EAGAIN || err == syscall.ECONNABORTED {
		return nil
	}
	if err != nil {
		return err
	}
	if err := sendAtOnce(fd); err != nil {
		return err
	}
	u.exchanges[fd] = &exchange{}
	return u.poller.add(fd)
}
