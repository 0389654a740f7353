package main

import (
	"bytes"
	"strings"
	"syscall"
)

const bodyLength = 128

var headEnd = []byte("\r\n\r\n")

// upstream is the server behind the gateways: as cheap as a server can be, and strict. It answers 200
// only to a request on which the gateway did its work: the path begins with prefix, and if users are
// asked for, one is named. Everything else is answered 400, which makes a run invalid.
type upstream struct {
	poller   *poller
	listener int
	prefix   []byte
	user     bool
	accepted []byte
	refused  []byte
	received map[int][]byte // by socket
}

func newUpstream(poller *poller, address, prefix string, user bool) (*upstream, error) {
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	u := &upstream{
		poller:   poller,
		listener: listener,
		prefix:   []byte("GET " + prefix),
		user:     user,
		accepted: response("200 OK"),
		refused:  response("400 Bad Request"),
		received: map[int][]byte{},
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
	return fd, syscall.Listen(fd, 1024)
}

func response(status string) []byte {
	head := "HTTP/1.1 " + status + "\r\nServer: upstream\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 128\r\n\r\n"
	return []byte(head + strings.Repeat("u", bodyLength))
}

// ready serves a socket; false when it is none of the upstream's.
func (u *upstream) ready(fd int) (bool, error) {
	if fd == u.listener {
		return true, u.accept()
	}
	received, ours := u.received[fd]
	if !ours {
		return false, nil
	}
	received, closed, _ := receive(fd, received)
	if closed {
		delete(u.received, fd)
		return true, syscall.Close(fd)
	}
	u.received[fd] = u.answer(fd, received)
	return true, nil
}

// answer responds to each whole head and returns the bytes that are left.
func (u *upstream) answer(fd int, received []byte) []byte {
	rest := received
	for {
		end := bytes.Index(rest, headEnd)
		if end < 0 {
			return received[:copy(received[:cap(received)], rest)]
		}
		answer := u.refused
		if u.accepts(rest[:end]) {
			answer = u.accepted
		}
		// A client that does not read its answers is not worth waiting for.
		if _, err := syscall.Write(fd, answer); err != nil {
			return received[:0]
		}
		rest = rest[end+len(headEnd):]
	}
}

func (u *upstream) accepts(head []byte) bool {
	if !bytes.HasPrefix(head, u.prefix) {
		return false
	}
	return !u.user ||
		bytes.Contains(head, []byte("\r\nx-auth-user: user-")) ||
		bytes.Contains(head, []byte("\r\nX-Auth-User: user-"))
}

func (u *upstream) accept() error {
	fd, _, err := syscall.Accept4(u.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	if err := sendAtOnce(fd); err != nil {
		return err
	}
	u.received[fd] = make([]byte, 0, 8192)
	return u.poller.add(fd)
}
