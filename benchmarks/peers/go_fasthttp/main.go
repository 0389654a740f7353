// Command go_fasthttp is the gateway of go_nethttp on fasthttp, the fastest of Go's HTTP libraries:
// its server, and its client for one host with a connection pool that fits.
//
// Without -key it only forwards. With -memory tokens that verified are remembered, as wasmgate does.
package main

import (
	"flag"
	"fmt"
	"log"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"wasmgate/benchmarks/peers/gopolicy"
)

// gcPercent is that of go_nethttp.
const gcPercent = 400

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where to listen")
	upstream := flag.String("upstream", "127.0.0.1:9000", "where requests go")
	key := flag.String("key", "", "a file with the issuer's public key in PEM; none: only forward")
	memory := flag.Int("memory", 0, "how many verified tokens to remember")
	flag.Parse()
	log.SetFlags(0)
	debug.SetGCPercent(gcPercent)
	handler := newProxy(*upstream).serve
	if *key != "" {
		policies, err := gopolicy.New(*key, *memory)
		if err != nil {
			log.Fatalf("go_fasthttp: %v", err)
		}
		handler = guard(policies, handler)
	}
	server := &fasthttp.Server{
		Handler:               handler,
		ReadTimeout:           10 * time.Second,
		IdleTimeout:           75 * time.Second,
		NoDefaultServerHeader: true,
	}
	log.Fatalf("go_fasthttp: %v", server.ListenAndServe(*listen))
}

// guard puts the policies in front of a handler.
func guard(policies *gopolicy.Policies, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		headers := &ctx.Request.Header
		user, ok := policies.User(string(headers.Peek("Authorization")))
		if !ok {
			ctx.Response.Header.Set("WWW-Authenticate", gopolicy.Challenge)
			problem(ctx, fasthttp.StatusUnauthorized)
			return
		}
		if !policies.Allow(user) {
			ctx.Response.Header.Set("Retry-After", "1")
			problem(ctx, fasthttp.StatusTooManyRequests)
			return
		}
		headers.Set(gopolicy.UserHeader, user)
		headers.Set(gopolicy.TierHeader, gopolicy.Tier)
		ctx.Request.SetRequestURI(gopolicy.Rewrite(string(ctx.RequestURI())))
		next(ctx)
	}
}

func problem(ctx *fasthttp.RequestCtx, status int) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	fmt.Fprintf(ctx, `{"status":%d,"title":%q}`, status, fasthttp.StatusMessage(status))
}
