package main

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"
)

// ofOneConnection are the fields that belong to one connection (RFC 9110 §7.6.1); what Connection
// names goes too.
var ofOneConnection = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

type proxy struct{ client *fasthttp.HostClient }

func newProxy(upstream string) *proxy {
	return &proxy{client: &fasthttp.HostClient{
		Addr:                     upstream,
		MaxConns:                 1024,
		MaxIdleConnDuration:      75 * time.Second,
		ReadTimeout:              30 * time.Second,
		WriteTimeout:             30 * time.Second,
		NoDefaultUserAgentHeader: true,
		DisablePathNormalizing:   true,
	}}
}

func (p *proxy) serve(ctx *fasthttp.RequestCtx) {
	request, response := &ctx.Request, &ctx.Response
	host := string(request.Header.Host())
	forget(request.Header.Peek, request.Header.Del)
	request.Header.Set("X-Forwarded-For", ctx.RemoteIP().String())
	request.Header.Set("X-Forwarded-Host", host)
	request.Header.Set("X-Forwarded-Proto", "http")
	if err := p.client.Do(request, response); err != nil {
		response.Reset()
		problem(ctx, fasthttp.StatusBadGateway)
		return
	}
	forget(response.Header.Peek, response.Header.Del)
}

func forget(peek func(string) []byte, remove func(string)) {
	for _, name := range bytes.Split(peek("Connection"), []byte(",")) {
		if name := bytes.TrimSpace(name); len(name) > 0 {
			remove(string(name))
		}
	}
	for _, name := range ofOneConnection {
		remove(name)
	}
}
