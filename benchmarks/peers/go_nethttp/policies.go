package main

import (
	"fmt"
	"net/http"

	"wasmgate/benchmarks/peers/gopolicy"
)

// guard puts the policies in front of a handler.
type guard struct {
	next     http.Handler
	policies *gopolicy.Policies
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, ok := g.policies.User(r.Header.Get("Authorization"))
	if !ok {
		w.Header().Set("WWW-Authenticate", gopolicy.Challenge)
		problem(w, http.StatusUnauthorized)
		return
	}
	if !g.policies.Allow(user) {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests)
		return
	}
	r.Header.Set(gopolicy.UserHeader, user)
	r.Header.Set(gopolicy.TierHeader, gopolicy.Tier)
	r.URL.Path = gopolicy.Rewrite(r.URL.Path)
	if r.URL.RawPath != "" {
		r.URL.RawPath = gopolicy.Rewrite(r.URL.RawPath)
	}
	g.next.ServeHTTP(w, r)
}

func problem(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"title":%q}`, status, http.StatusText(status))
}
