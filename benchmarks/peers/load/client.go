package main

import (
	"fmt"
	"io"
	"syscall"
	"time"

	"wasmgate/benchmarks/peers/internal/epoll"
)

// stalled is the longest time without any answer.
const stalled = 10 * time.Second

type connection struct {
	fd       int
	sent     time.Time
	received []byte
}

type client struct {
	options
	head        []byte
	poller      *epoll.Poller
	connections map[int]*connection
	next        int // token
	deadline    time.Time
	busy        int
	request     []byte
	latencies   []time.Duration
	statuses    map[string]int
}

func run(o options) (report, error) {
	poller, err := epoll.New()
	if err != nil {
		return report{}, err
	}
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: api.example\r\nUser-Agent: load/1.0\r\n"+
		"Accept: application/json\r\nAccept-Encoding: gzip, br\r\n"+
		"X-Request-Id: 7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642\r\n", o.path)
	c := &client{
		options:     o,
		head:        []byte(head),
		poller:      poller,
		connections: map[int]*connection{},
		latencies:   make([]time.Duration, 0, 1<<20),
		statuses:    map[string]int{},
	}
	if err := c.connect(); err != nil {
		return report{}, err
	}
	return c.exchange()
}

func (c *client) connect() error {
	address, err := epoll.Address(c.address)
	if err != nil {
		return err
	}
	for range c.options.connections {
		fd, err := epoll.Socket()
		if err != nil {
			return err
		}
		if err := syscall.Connect(fd, address); err != nil {
			return fmt.Errorf("connect to %s: %w", c.address, err)
		}
		if err := syscall.SetNonblock(fd, true); err != nil {
			return err
		}
		if err := c.poller.Add(fd); err != nil {
			return err
		}
		c.connections[fd] = &connection{fd: fd, received: make([]byte, 0, 4096)}
	}
	return nil
}

func (c *client) exchange() (report, error) {
	start := time.Now()
	c.deadline = start.Add(c.duration)
	for _, connection := range c.connections {
		if err := c.send(connection); err != nil {
			return report{}, err
		}
	}
	for c.busy > 0 {
		answered := len(c.latencies)
		if err := c.poller.Wait(int(stalled.Milliseconds()), c.ready); err != nil {
			return report{}, err
		}
		if answered == len(c.latencies) && c.isStalled() {
			return report{}, fmt.Errorf("no answer for %v to %d requests", stalled, c.busy)
		}
	}
	return newReport(c.latencies, c.statuses, time.Since(start)), nil
}

func (c *client) isStalled() bool {
	for _, connection := range c.connections {
		if time.Since(connection.sent) < stalled {
			return false
		}
	}
	return true
}

// send sends the next request, unless time or tokens are used up.
func (c *client) send(to *connection) error {
	to.sent = time.Now()
	if to.sent.After(c.deadline) || (c.once && c.next >= len(c.tokens)) {
		return nil
	}
	c.request = append(c.request[:0], c.head...)
	if len(c.tokens) > 0 {
		c.request = append(c.request, "Authorization: Bearer "...)
		c.request = append(c.request, c.tokens[c.next%len(c.tokens)]...)
		c.request = append(c.request, "\r\n"...)
		c.next++
	}
	c.request = append(c.request, "\r\n"...)
	count, err := syscall.Write(to.fd, c.request)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if count != len(c.request) {
		return fmt.Errorf("send: %w", io.ErrShortWrite)
	}
	c.busy++
	return nil
}

func (c *client) ready(fd int) error {
	from := c.connections[fd]
	free := len(from.received)
	if cap(from.received)-free < 1024 {
		from.received = append(from.received, make([]byte, 4096)...)[:free]
	}
	count, err := syscall.Read(fd, from.received[free:cap(from.received)])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if count == 0 {
		return fmt.Errorf("the gateway closed a connection after %d answers", len(c.latencies))
	}
	from.received = from.received[:free+count]
	status, err := parse(from.received)
	if err != nil || status == "" {
		return err
	}
	c.latencies = append(c.latencies, time.Since(from.sent))
	c.statuses[status]++
	c.busy--
	from.received = from.received[:0]
	return c.send(from)
}
