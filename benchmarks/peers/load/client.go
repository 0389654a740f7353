package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// stalled is the longest time without any answer.
const stalled = 10 * time.Second

// nap is the longest a sleeping client waits when a request may be due, in milliseconds.
const nap = 1

type connection struct {
	fd       int
	busy     bool
	due      time.Time // when the request should have been sent: latency counts from here
	unsent   []byte
	response response
}

// client sends requests over a fixed number of connections: each with the next one as soon as its
// answer has come (a closed loop), or at a rate that does not heed the answers (an open loop).
type client struct {
	poller      *poller
	upstream    *upstream
	requests    requests
	address     *syscall.SockaddrInet4
	deadline    time.Time
	sleeps      bool
	arrivals    *arrivals // nil in a closed loop
	waiting     []time.Time
	idle        []*connection // the one idle for longest is the first
	busy        int
	received    []byte
	connections map[int]*connection // by socket
	latencies   []time.Duration
	statuses    map[string]int
	errors      int
}

// run performs a command while it serves the upstream, over the connections that the last one kept if
// there are as many to the same address. Unless told otherwise it polls and never sleeps, so that no
// gateway pays for waking it: a slow one would have to on every write, a fast one would not.
func run(poller *poller, upstream *upstream, kept *client, c command) (*client, report, error) {
	requests, err := newRequests(c)
	if err != nil {
		return kept, report{}, err
	}
	address, err := parseAddress(c.Address)
	if err != nil {
		return kept, report{}, err
	}
	if kept != nil && (*kept.address != *address || len(kept.connections) != c.Connections) {
		kept.close()
		kept = nil
	}
	client := &client{
		poller:      poller,
		upstream:    upstream,
		requests:    requests,
		address:     address,
		sleeps:      c.Sleep,
		received:    make([]byte, 1<<18),
		connections: map[int]*connection{},
		latencies:   make([]time.Duration, 0, 1<<20),
		statuses:    map[string]int{},
	}
	if kept != nil {
		client.connections, client.idle = kept.connections, kept.idle
	}
	for len(client.connections) < c.Connections {
		if err := client.connect(); err != nil {
			return client, report{}, fmt.Errorf("connect to %s: %w", c.Address, err)
		}
	}
	if c.Rate > 0 {
		client.arrivals = newArrivals(c.Rate)
	}
	made, err := client.exchange(time.Duration(c.Seconds * float64(time.Second)))
	if err != nil || !c.Keep {
		client.close()
		client = nil
	}
	return client, made, err
}

func (c *client) connect() error {
	fd, err := socket()
	if err != nil {
		return err
	}
	opened := &connection{fd: fd}
	c.connections[fd] = opened
	c.idle = append(c.idle, opened)
	if err := syscall.Connect(fd, c.address); err != nil {
		return err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	return c.poller.add(fd)
}

func (c *client) close() {
	for fd := range c.connections {
		_ = syscall.Close(fd)
	}
}

func (c *client) exchange(duration time.Duration) (report, error) {
	start, cpu := time.Now(), ownCPU()
	c.deadline = start.Add(duration)
	if c.arrivals != nil {
		c.arrivals.begin(start)
	}
	heard := start
	for now := start; ; now = time.Now() {
		if err := c.begin(now); err != nil {
			return report{}, err
		}
		if c.busy == 0 && len(c.waiting) == 0 && c.over(now) {
			break
		}
		answered := len(c.latencies)
		if err := c.poller.wait(c.timeout(), c.ready); err != nil {
			return report{}, err
		}
		if answered != len(c.latencies) {
			heard = now
		} else if now.Sub(heard) > stalled {
			return report{}, fmt.Errorf("no answer for %v to %d requests", stalled, c.busy)
		}
	}
	made := newReport(c.latencies, c.statuses, time.Since(start))
	made.Errors, made.CPU = c.errors, ownCPU()-cpu
	return made, nil
}

func (c *client) timeout() int {
	if c.sleeps {
		return nap
	}
	return 0
}

func (c *client) over(now time.Time) bool {
	return now.After(c.deadline) || c.requests.used()
}

// begin sends what is due, as far as there are connections for it.
func (c *client) begin(now time.Time) error {
	if c.arrivals != nil {
		c.waiting = c.arrivals.until(minTime(now, c.deadline), c.waiting)
	} else if c.over(now) {
		return nil
	}
	for len(c.idle) > 0 && !c.requests.used() {
		due := now
		if c.arrivals != nil {
			if len(c.waiting) == 0 {
				return nil
			}
			due, c.waiting = c.waiting[0], c.waiting[1:]
		}
		to := c.idle[0]
		c.idle = c.idle[1:]
		if err := c.ask(to, due); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) ask(to *connection, due time.Time) error {
	c.busy++
	to.busy, to.due = true, due
	return c.send(to, c.requests.take())
}

// send writes what the socket takes; the rest is written when it takes more.
func (c *client) send(to *connection, data []byte) error {
	count, err := syscall.Write(to.fd, data)
	if err != nil && err != syscall.EAGAIN {
		return c.lost(to)
	}
	had := len(to.unsent) > 0
	to.unsent = data[max(count, 0):]
	if len(to.unsent) > 0 && !had {
		// The next request is written into the same memory.
		to.unsent = append([]byte(nil), to.unsent...)
	}
	if left := len(to.unsent) > 0; left != had {
		return c.poller.change(to.fd, left)
	}
	return nil
}

// lost makes another connection for one that the gateway closed; that it did so in the middle of an
// exchange is an error.
func (c *client) lost(gone *connection) error {
	delete(c.connections, gone.fd)
	_ = syscall.Close(gone.fd)
	if gone.busy {
		c.errors++
		c.busy--
	} else {
		c.idle = slices.DeleteFunc(c.idle, func(idle *connection) bool { return idle == gone })
	}
	return c.connect()
}

func (c *client) ready(fd int) error {
	if served, err := c.upstream.ready(fd); served {
		return err
	}
	from, ours := c.connections[fd]
	if !ours {
		return nil // the standard input: the next command can wait
	}
	if len(from.unsent) > 0 {
		if err := c.send(from, from.unsent); err != nil || c.connections[fd] != from {
			return err
		}
	}
	count, err := syscall.Read(fd, c.received)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return nil
	}
	if err != nil || count == 0 {
		return c.lost(from)
	}
	whole, err := from.response.take(c.received[:count])
	if err != nil || !whole {
		return err
	}
	c.latencies = append(c.latencies, time.Since(from.due))
	c.statuses[from.response.status]++
	from.response.next()
	c.busy--
	from.busy = false
	if c.arrivals == nil {
		if now := time.Now(); !c.over(now) {
			return c.ask(from, now)
		}
	}
	c.idle = append(c.idle, from)
	return nil
}

func minTime(one, other time.Time) time.Time {
	if one.Before(other) {
		return one
	}
	return other
}
