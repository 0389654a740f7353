package main

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	issuer     = "https://issuer.example"
	audience   = "orders"
	userHeader = "X-Auth-User"
	prefix     = "/v1/"
	perSecond  = 1_000_000 // so high that it never refuses
)

// policies does what the three policies of wasmgate do in the same benchmark: verify an RS256 token,
// take from the user's token bucket, rewrite the path.
type policies struct {
	next     http.Handler
	parser   *jwt.Parser
	key      *rsa.PublicKey
	memory   *memory
	limiters sync.Map // user -> *rate.Limiter
}

func newPolicies(next http.Handler, pem []byte, size int) (*policies, error) {
	key, err := jwt.ParseRSAPublicKeyFromPEM(pem)
	if err != nil {
		return nil, err
	}
	return &policies{
		next: next,
		key:  key,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
		),
		memory: newMemory(size),
	}, nil
}

func (p *policies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, ok := p.user(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		problem(w, http.StatusUnauthorized)
		return
	}
	if !p.limiter(user).Allow() {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests)
		return
	}
	r.Header.Set(userHeader, user)
	r.Header.Set("X-Tier", "gold")
	rewrite(r)
	p.next.ServeHTTP(w, r)
}

func (p *policies) user(r *http.Request) (string, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", false
	}
	now := time.Now()
	if user, ok := p.memory.get(token, now); ok {
		return user, true
	}
	var claims jwt.RegisteredClaims
	_, err := p.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return p.key, nil })
	if err != nil || claims.Subject == "" {
		return "", false
	}
	p.memory.put(token, grant{user: claims.Subject, until: claims.ExpiresAt.Time})
	return claims.Subject, true
}

func (p *policies) limiter(user string) *rate.Limiter {
	if limiter, ok := p.limiters.Load(user); ok {
		return limiter.(*rate.Limiter)
	}
	limiter, _ := p.limiters.LoadOrStore(user, rate.NewLimiter(perSecond, perSecond))
	return limiter.(*rate.Limiter)
}

func rewrite(r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
		r.URL.Path = "/" + path
		if raw, ok := strings.CutPrefix(r.URL.RawPath, prefix); ok {
			r.URL.RawPath = "/" + raw
		}
	}
}

func problem(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"title":%q}`, status, http.StatusText(status))
}
