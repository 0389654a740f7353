// Command go_nethttp is a gateway as a careful Go team would write it: httputil.ReverseProxy with a
// connection pool that fits, golang-jwt, and a token bucket of x/time/rate for each user.
//
// Without -key it only forwards. With -memory tokens that verified are remembered, as wasmgate does.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"runtime/debug"
	"sync"
	"time"

	"wasmgate/benchmarks/peers/gopolicy"
)

// gcPercent trades memory for less collection, which a proxy with a small heap should: the default
// collects every 4 MB.
const gcPercent = 400

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where to listen")
	upstream := flag.String("upstream", "127.0.0.1:9000", "where requests go")
	key := flag.String("key", "", "a file with the issuer's public key in PEM; none: only forward")
	memory := flag.Int("memory", 0, "how many verified tokens to remember")
	flag.Parse()
	log.SetFlags(0)
	debug.SetGCPercent(gcPercent)
	handler, err := handler(*upstream, *key, *memory)
	if err != nil {
		log.Fatalf("go_nethttp: %v", err)
	}
	server := &http.Server{
		Addr:              *listen,
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       75 * time.Second,
	}
	log.Fatalf("go_nethttp: %v", server.ListenAndServe())
}

func handler(upstream, key string, memory int) (http.Handler, error) {
	proxy := newProxy(upstream)
	if key == "" {
		return proxy, nil
	}
	policies, err := gopolicy.New(key, memory)
	if err != nil {
		return nil, err
	}
	return &guard{next: proxy, policies: policies}, nil
}

func newProxy(upstream string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.Out.URL.Scheme = "http"
			request.Out.URL.Host = upstream
			request.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 1024,
			IdleConnTimeout:     75 * time.Second,
			DisableCompression:  true,
		},
		BufferPool: &buffers{},
	}
}

// buffers keeps the 32 kB with which bodies are copied.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }
