package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"time"
)

// command is one run of load, as a line of JSON says it. Every request carries a bearer token of the
// file Tokens: over and over, or if Once is set each token a single time, until the time or the
// tokens are used up.
type command struct {
	Address     string   `json:"address"`
	Target      string   `json:"target"`
	Targets     []string `json:"targets"` // in turn, instead of Target
	Tokens      string   `json:"tokens"`
	Once        bool     `json:"once"`
	Connections int      `json:"connections"`
	Seconds     float64  `json:"seconds"`
	Rate        float64  `json:"rate"`   // requests a second whatever comes back; 0 is a closed loop
	Fields      int      `json:"fields"` // beyond the usual six
	Body        int      `json:"body"`   // bytes of each request's body
	Keep        bool     `json:"keep"`   // the connections for the next command
	Sleep       bool     `json:"sleep"`  // when there is nothing to do, for a core that is shared
}

// requests makes one request after the other, in the same memory.
type requests struct {
	heads  [][]byte // up to the token
	tokens []string
	once   bool
	next   int
	end    []byte
	buffer []byte
}

func newRequests(c command) (requests, error) {
	text, err := os.ReadFile(c.Tokens)
	if err != nil {
		return requests{}, err
	}
	targets := c.Targets
	if len(targets) == 0 {
		targets = []string{c.Target}
	}
	method, more := "GET", ""
	for number := range c.Fields {
		more += fmt.Sprintf("X-Field-%02d: a value of some thirty bytes, %02d\r\n", number, number)
	}
	end := "\r\n\r\n"
	if c.Body > 0 {
		method = "POST"
		more += fmt.Sprintf("Content-Length: %d\r\n", c.Body)
		end += strings.Repeat("c", c.Body)
	}
	made := requests{tokens: strings.Fields(string(text)), once: c.Once, end: []byte(end)}
	for _, target := range targets {
		head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: api.example\r\nUser-Agent: load/1.0\r\n"+
			"Accept: application/json\r\nAccept-Encoding: gzip, br\r\n"+
			"X-Request-Id: 7f9c24e5-2b1d-4c6a-9d0e-51a7c3f8b642\r\n%sAuthorization: Bearer ",
			method, target, more)
		made.heads = append(made.heads, []byte(head))
	}
	return made, nil
}

// used tells whether there is no token left.
func (r *requests) used() bool {
	return r.once && r.next >= len(r.tokens)
}

// take returns a request that is good until the next call.
func (r *requests) take() []byte {
	r.buffer = append(r.buffer[:0], r.heads[r.next%len(r.heads)]...)
	r.buffer = append(r.buffer, r.tokens[r.next%len(r.tokens)]...)
	r.buffer = append(r.buffer, r.end...)
	r.next++
	return r.buffer
}

// arrivals are the moments of an open loop: a Poisson process, always the same one.
type arrivals struct {
	gap    float64 // ns, the mean
	next   time.Time
	random *rand.Rand
}

func newArrivals(rate float64) *arrivals {
	return &arrivals{gap: 1e9 / rate, random: rand.New(rand.NewPCG(1, 2))}
}

func (a *arrivals) begin(start time.Time) {
	a.next = start
}

// until appends the moments up to now.
func (a *arrivals) until(now time.Time, due []time.Time) []time.Time {
	for !a.next.After(now) {
		due = append(due, a.next)
		a.next = a.next.Add(time.Duration(a.random.ExpFloat64() * a.gap))
	}
	return due
}

// ownCPU is the CPU time of this process, in seconds.
func ownCPU() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
