package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// stalled is the longest time without any answer.
const stalled = 10 * time.Second

// command is one run of load, as a line of JSON says it. Every request carries a bearer token of the
// file Tokens: over and over, or if Once is set each token a single time, until the time or the
// tokens are used up.
type command struct {
	Address     string  `json:"address"`
	Target      string  `json:"target"`
	Tokens      string  `json:"tokens"`
	Once        bool    `json:"once"`
	Connections int     `json:"connections"`
	Seconds     float64 `json:"seconds"`
}

type connection struct {
	sent     time.Time
	received []byte
}

// client sends requests over a fixed number of connections, each with the next one as soon as its
// answer has come (a closed loop).
type client struct {
	poller      *poller
	upstream    *upstream
	tokens      []string
	once        bool
	next        int // token
	deadline    time.Time
	head        []byte
	request     []byte
	busy        int
	connections map[int]*connection // by socket
	latencies   []time.Duration
	statuses    map[string]int
}

func newClient(poller *poller, upstream *upstream, c command) (*client, error) {
	text, err := os.ReadFile(c.Tokens)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: api.example\r\nUser-Agent: load/1.0\r\n"+
		"Accept: application/json\r\nAccept-Encoding: gzip, br\r\n"+
		"X-Request-Id: 7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642\r\nAuthorization: Bearer ", c.Target)
	return &client{
		poller:      poller,
		upstream:    upstream,
		tokens:      strings.Fields(string(text)),
		once:        c.Once,
		head:        []byte(head),
		connections: map[int]*connection{},
		latencies:   make([]time.Duration, 0, 1<<20),
		statuses:    map[string]int{},
	}, nil
}

// run performs a command while it serves the upstream. Both poll without ever sleeping, so that no
// gateway pays for waking them: a slow one would have to on every write, a fast one would not.
func run(poller *poller, upstream *upstream, c command) (report, error) {
	client, err := newClient(poller, upstream, c)
	if err != nil {
		return report{}, err
	}
	defer client.close()
	if err := client.connect(c); err != nil {
		return report{}, err
	}
	return client.exchange(time.Duration(c.Seconds * float64(time.Second)))
}

func (c *client) connect(command command) error {
	address, err := parseAddress(command.Address)
	if err != nil {
		return err
	}
	for range command.Connections {
		fd, err := socket()
		if err != nil {
			return err
		}
		c.connections[fd] = &connection{received: make([]byte, 0, 8192)}
		if err := syscall.Connect(fd, address); err != nil {
			return fmt.Errorf("connect to %s: %w", command.Address, err)
		}
		if err := syscall.SetNonblock(fd, true); err != nil {
			return err
		}
		if err := c.poller.add(fd); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) close() {
	for fd := range c.connections {
		_ = syscall.Close(fd)
	}
}

func (c *client) exchange(duration time.Duration) (report, error) {
	start := time.Now()
	c.deadline = start.Add(duration)
	for fd, connection := range c.connections {
		if err := c.send(fd, connection); err != nil {
			return report{}, err
		}
	}
	heard := start
	for c.busy > 0 {
		answered := len(c.latencies)
		if err := c.poller.wait(0, c.ready); err != nil {
			return report{}, err
		}
		now := time.Now()
		if answered != len(c.latencies) {
			heard = now
		} else if now.Sub(heard) > stalled {
			return report{}, fmt.Errorf("no answer for %v to %d requests", stalled, c.busy)
		}
	}
	return newReport(c.latencies, c.statuses, time.Since(start)), nil
}

// send sends the next request, unless time or tokens are used up.
func (c *client) send(fd int, to *connection) error {
	to.sent = time.Now()
	if to.sent.After(c.deadline) || (c.once && c.next >= len(c.tokens)) {
		return nil
	}
	c.request = append(c.request[:0], c.head...)
	c.request = append(c.request, c.tokens[c.next%len(c.tokens)]...)
	c.request = append(c.request, headEnd...)
	c.next++
	count, err := syscall.Write(fd, c.request)
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
	if served, err := c.upstream.ready(fd); served {
		return err
	}
	from, ours := c.connections[fd]
	if !ours {
		return nil // the standard input: the next command can wait
	}
	received, closed, err := receive(fd, from.received)
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if closed {
		return fmt.Errorf("the gateway closed a connection after %d answers", len(c.latencies))
	}
	from.received = received
	status, err := parse(from.received)
	if err != nil || status == "" {
		return err
	}
	c.latencies = append(c.latencies, time.Since(from.sent))
	c.statuses[status]++
	c.busy--
	from.received = from.received[:0]
	return c.send(fd, from)
}
