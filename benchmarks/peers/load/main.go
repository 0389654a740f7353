// Command load is both ends of a gateway under measurement: the clients and the upstream, in one
// thread. It takes one command after another on its standard input, a line of JSON each, and answers
// each with a line: what came back, or {"error": ...}.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime"
)

const standardInput = 0

func main() {
	address := flag.String("upstream", "127.0.0.1:9000", "where the upstream listens")
	prefix := flag.String("prefix", "/", "what the path of each request must begin with there")
	user := flag.Bool("user", false, "whether each request must have x-auth-user there")
	flag.Parse()
	log.SetFlags(0)
	runtime.LockOSThread()
	if err := serve(*address, *prefix, *user); err != nil {
		log.Fatalf("load: %v", err)
	}
}

func serve(address, prefix string, user bool) error {
	poller, err := newPoller()
	if err != nil {
		return err
	}
	upstream, err := newUpstream(poller, address, prefix, user)
	if err != nil {
		return err
	}
	if err := poller.add(standardInput); err != nil {
		return err
	}
	var input []byte
	var kept *client
	for {
		ended := false
		err := poller.wait(-1, func(fd int) error {
			if served, err := upstream.ready(fd); served {
				return err
			}
			if fd == standardInput {
				input, ended, err = receive(fd, input)
				return err
			}
			if kept != nil && kept.ready(fd) != nil {
				kept.close() // the gateway has gone, and so are the connections to it
				kept = nil
			}
			return nil
		})
		if err != nil || ended {
			return err
		}
		for {
			line, rest, whole := bytes.Cut(input, []byte("\n"))
			if !whole {
				break
			}
			if kept, err = perform(poller, upstream, kept, line); err != nil {
				return err
			}
			input = rest
		}
	}
}

func perform(
	poller *poller, upstream *upstream, kept *client, line []byte,
) (*client, error) {
	output := json.NewEncoder(os.Stdout)
	var c command
	if err := json.Unmarshal(line, &c); err != nil {
		return kept, err
	}
	kept, report, err := run(poller, upstream, kept, c)
	if err != nil {
		return kept, output.Encode(map[string]string{"error": err.Error()})
	}
	return kept, output.Encode(report)
}
