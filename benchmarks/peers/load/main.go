// Command load sends requests over a fixed number of connections, each with the next one as soon as
// its answer has come (a closed loop), and reports what came back as one line of JSON.
//
// Every request carries a bearer token of the file -tokens: over and over, or with -once each token
// a single time, until the time or the tokens are used up. Without -tokens none is sent.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime"
	"strings"
	"time"
)

type options struct {
	address     string
	path        string
	tokens      []string
	once        bool
	connections int
	duration    time.Duration
}

func main() {
	var o options
	var tokens string
	flag.StringVar(&o.address, "address", "127.0.0.1:8080", "the gateway")
	flag.StringVar(&o.path, "path", "/v1/orders/42?expand=items", "the target of each request")
	flag.StringVar(&tokens, "tokens", "", "a file with a token in each line")
	flag.BoolVar(&o.once, "once", false, "send each token a single time")
	flag.IntVar(&o.connections, "connections", 32, "connections, each with one request at a time")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "when to stop")
	flag.Parse()
	log.SetFlags(0)
	runtime.LockOSThread()
	if tokens != "" {
		text, err := os.ReadFile(tokens)
		if err != nil {
			log.Fatalf("load: %v", err)
		}
		o.tokens = strings.Fields(string(text))
	}
	report, err := run(o)
	if err != nil {
		log.Fatalf("load: %v", err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatalf("load: %v", err)
	}
}
