// Package gopolicy is what the three policies of wasmgate do in the same benchmark, without HTTP: verify
// an RS256 token, take from the user's token bucket, rewrite the path. Both Go gateways use it.
package gopolicy

import (
	"crypto/rsa"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// What the gateways write, and what they refuse with.
const (
	UserHeader = "X-Auth-User"
	TierHeader = "X-Tier"
	Tier       = "gold"
	Challenge  = `Bearer error="invalid_token"`
)

const (
	issuer    = "https://issuer.example"
	audience  = "orders"
	prefix    = "/v1/"
	perSecond = 1_000_000 // so high that it never refuses
)

// Policies may be used by many goroutines.
type Policies struct {
	parser   *jwt.Parser
	key      *rsa.PublicKey
	memory   *memory
	limiters sync.Map // user -> *rate.Limiter
}

// New reads the issuer's public key, in PEM; `remembered` tokens that verified are kept, 0 keeps none.
func New(file string, remembered int) (*Policies, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := jwt.ParseRSAPublicKeyFromPEM(pem)
	if err != nil {
		return nil, err
	}
	return &Policies{
		key: key,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
		),
		memory: newMemory(remembered),
	}, nil
}

// User returns whom the value of Authorization names, if it is a bearer token that holds.
func (p *Policies) User(authorization string) (string, bool) {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
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
	p.memory.put(strings.Clone(token), grant{user: claims.Subject, until: claims.ExpiresAt.Time})
	return claims.Subject, true
}

// Allow takes from the user's token bucket; false if it is empty.
func (p *Policies) Allow(user string) bool {
	limiter, ok := p.limiters.Load(user)
	if !ok {
		limiter, _ = p.limiters.LoadOrStore(strings.Clone(user), rate.NewLimiter(perSecond, perSecond))
	}
	return limiter.(*rate.Limiter).Allow()
}

// Rewrite returns the path with which a request goes on.
func Rewrite(path string) string {
	if rest, ok := strings.CutPrefix(path, prefix); ok {
		return "/" + rest
	}
	return path
}
