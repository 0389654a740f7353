// Command upstream is the server behind the gateways: as cheap as a server can be, and strict.
//
// It answers 200 only to a request on which the gateway did its work: the path begins with -prefix,
// and with -user the user is named. Everything else is answered 400, which makes a run invalid.
package main

import (
	"bytes"
	"flag"
	"log"
	"runtime"
	"strings"
	"syscall"

	"wasmgate/benchmarks/peers/internal/epoll"
)

const bodyLength = 128

var headEnd = []byte("\r\n\r\n")

type upstream struct {
	poller   *epoll.Poller
	listener int
	prefix   []byte
	user     bool
	accepted []byte
	refused  []byte
	buffers  map[int][]byte
}

func main() {
	address := flag.String("address", "127.0.0.1:9000", "where to listen")
	prefix := flag.String("prefix", "/", "what the path of each request must begin with")
	user := flag.Bool("user", false, "whether each request must have x-auth-user")
	flag.Parse()
	log.SetFlags(0)
	runtime.LockOSThread()
	if err := serve(*address, *prefix, *user); err != nil {
		log.Fatalf("upstream: %v", err)
	}
}

func serve(address, prefix string, user bool) error {
	poller, err := epoll.New()
	if err != nil {
		return err
	}
	listener, err := listen(address)
	if err != nil {
		return err
	}
	u := &upstream{
		poller:   poller,
		listener: listener,
		prefix:   []byte("GET " + prefix),
		user:     user,
		accepted: response("200 OK"),
		refused:  response("400 Bad Request"),
		buffers:  map[int][]byte{},
	}
	if err := poller.Add(listener); err != nil {
		return err
	}
	for {
		if err := poller.Wait(-1, u.ready); err != nil {
			return err
		}
	}
}

func listen(address string) (int, error) {
	sockaddr, err := epoll.Address(address)
	if err != nil {
		return 0, err
	}
	fd, err := epoll.Socket()
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

func (u *upstream) ready(fd int) error {
	if fd == u.listener {
		return u.accept()
	}
	buffer := u.buffers[fd]
	free := len(buffer)
	if cap(buffer)-free < 4096 {
		buffer = append(buffer, make([]byte, 8192)...)[:free]
	}
	count, err := syscall.Read(fd, buffer[free:cap(buffer)])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return nil
	}
	if err != nil || count == 0 {
		delete(u.buffers, fd)
		return syscall.Close(fd)
	}
	u.buffers[fd] = u.answer(fd, buffer[:free+count])
	return nil
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
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return err
	}
	u.buffers[fd] = make([]byte, 0, 8192)
	return u.poller.Add(fd)
}
