// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package jwtauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/auth/jwtauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issuer of tokens, with the keys that it publishes.
type issuer struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	keys  []jose.JSONWebKey
	down  atomic.Bool
	asked atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		if i.down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		public := []any{map[string]string{"kty": "future", "kid": "x"}}
		for _, key := range i.keys {
			public = append(public, key.Public())
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": public})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func newKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(jose.ES256)}
}

func (i *issuer) publish(keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

func sign(t *testing.T, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (i *issuer) token(key jose.JSONWebKey, change map[string]any) string {
	i.t.Helper()
	claims := map[string]any{
		"iss": i.URL, "sub": "ann", "aud": []string{"other", "orders"}, "exp": time.Now().Add(time.Hour).Unix(), "scope": "read write",
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return sign(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, claims)
}

func (i *issuer) verifier(change func(*jwtauth.Config)) *jwtauth.Verifier {
	i.t.Helper()
	transport := &http.Transport{}
	i.t.Cleanup(transport.CloseIdleConnections)
	config := jwtauth.Config{Issuer: i.URL, Audiences: []string{"orders"}, Client: &http.Client{Transport: transport}}
	if change != nil {
		change(&config)
	}
	verifier, err := jwtauth.New(config)
	if err != nil {
		i.t.Fatal(err)
	}
	return verifier
}

func ask(verifier *jwtauth.Verifier, authorization ...string) (auth.Identity, error) {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header["Authorization"] = authorization
	return verifier.Authenticate(request)
}

func statusOf(err error) int {
	if rejection := (*auth.Rejection)(nil); errors.As(err, &rejection) {
		return rejection.Status
	}
	return 0
}

func TestTokensAreVerified(t *testing.T) {
	i, key := newIssuer(t), newKey(t, "1")
	i.publish(key)
	verifier := i.verifier(nil)
	identity, err := ask(verifier, "bearer "+i.token(key, nil))
	if err != nil || identity.Subject != "ann" || identity.Issuer != i.URL || !identity.HasScope("write") || identity.Claims["sub"] != "ann" {
		t.Fatalf("%+v, %v", identity, err)
	}
	forged, header := i.token(newKey(t, "1"), nil), strings.Split(i.token(key, nil), ".")
	for name, token := range map[string]string{
		"expired":         i.token(key, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"without exp":     i.token(key, map[string]any{"exp": nil}),
		"not yet":         i.token(key, map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}),
		"for others":      i.token(key, map[string]any{"aud": "other"}),
		"for nobody":      i.token(key, map[string]any{"aud": nil}),
		"by others":       i.token(key, map[string]any{"iss": "https://evil"}),
		"forged":          forged,
		"unknown key":     i.token(newKey(t, "2"), nil),
		"no signature":    header[0] + "." + header[1] + ".",
		"algorithm none":  "eyJhbGciOiJub25lIn0." + header[1] + ".",
		"a shared secret": sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("x", 32))}, map[string]any{"iss": i.URL}),
		"nonsense":        "x", "nothing": "", "too long": strings.Repeat("x", 9000),
	} {
		if identity, err := ask(verifier, "Bearer "+token); statusOf(err) != http.StatusUnauthorized {
			t.Errorf("%s: %+v, %v, want a 401", name, identity, err)
		}
	}
	if _, err := ask(verifier, "Bearer "+i.token(key, nil), "Bearer x"); statusOf(err) != http.StatusUnauthorized {
		t.Errorf("two fields: %v", err)
	}
	for _, none := range [][]string{nil, {"Basic YTpi"}} {
		if _, err := ask(verifier, none...); !errors.Is(err, auth.ErrNoCredentials) {
			t.Errorf("%q: %v", none, err)
		}
	}
}

// Whoever is on the way could put their own keys in place of the issuer's.
func TestKeysOfAnIssuerWithTLSComeByTLS(t *testing.T) {
	i, key := newIssuer(t), newKey(t, "1")
	i.publish(key)
	for name, serve := range map[string]func(secure string) (keys string, handler http.HandlerFunc){
		"the configuration names an address without TLS": func(string) (string, http.HandlerFunc) { return i.URL + "/keys", nil },
		"a redirect leads to one": func(secure string) (string, http.HandlerFunc) {
			return secure + "/keys", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, i.URL+"/keys", http.StatusFound) }
		},
	} {
		mux := http.NewServeMux()
		server := httptest.NewTLSServer(mux)
		defer server.Close()
		keys, handler := serve(server.URL)
		mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": keys})
		})
		if handler != nil {
			mux.HandleFunc("GET /keys", handler)
		}
		verifier := i.verifier(func(c *jwtauth.Config) { c.Issuer, c.Client = server.URL, server.Client() })
		if identity, err := ask(verifier, "Bearer "+i.token(key, map[string]any{"iss": server.URL})); statusOf(err) != http.StatusServiceUnavailable {
			t.Errorf("%s: %+v, %v", name, identity, err)
		}
	}
}

// RFC 8725, section 3.1: a key is for one algorithm.
func TestAKeyIsForTheAlgorithmThatItIsPublishedFor(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t)
	i.publish(newKey(t, "1"), jose.JSONWebKey{Key: private, KeyID: "1", Algorithm: string(jose.PS256)}) // kinds may share an id (RFC 7517, section 4.5)
	verifier := i.verifier(nil)
	claims := map[string]any{"iss": i.URL, "sub": "ann", "aud": "orders", "exp": time.Now().Add(time.Hour).Unix()}
	for algorithm, want := range map[jose.SignatureAlgorithm]int{jose.PS256: 0, jose.RS256: http.StatusUnauthorized} {
		token := sign(t, jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: "1"}}, claims)
		if _, err := ask(verifier, "Bearer "+token); statusOf(err) != want || (err == nil) != (want == 0) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestANewKeyIsFoundAndStrangersCannotMakeTheVerifierAsk(t *testing.T) {
	i, old, next := newIssuer(t), newKey(t, "old"), newKey(t, "next")
	i.publish(old)
	verifier := i.verifier(nil)
	if _, err := ask(verifier, "Bearer "+i.token(old, nil)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := ask(verifier, "Bearer "+i.token(newKey(t, "made up"), nil)); statusOf(err) != http.StatusUnauthorized {
			t.Fatal(err)
		}
	}
	if got := i.asked.Load(); got != 1 {
		t.Errorf("the issuer was asked %d times for keys that do not exist, want once in ten seconds", got)
	}
	i.publish(old, next)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- verifier.Run(ctx) }()
	for { // until Run has asked
		if _, err := ask(verifier, "Bearer "+i.token(next, nil)); err == nil {
			break
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestAnIssuerThatIsDownIsNotTheCallersFault(t *testing.T) {
	i, key := newIssuer(t), newKey(t, "1")
	i.publish(key)
	i.down.Store(true)
	verifier := i.verifier(func(c *jwtauth.Config) { c.KeysURL = i.URL + "/keys" })
	if _, err := ask(verifier, "Bearer "+i.token(key, nil)); statusOf(err) != http.StatusServiceUnavailable {
		t.Errorf("%v, want a 503", err)
	}
	if err := verifier.Ready(t.Context()); err == nil {
		t.Error("it is ready without keys")
	}
	i.down.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- verifier.Run(ctx) }()
	for verifier.Ready(t.Context()) != nil { // it was tried a moment ago, which does not keep Run from trying
		runtime.Gosched()
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	i.down.Store(true)
	if _, err := ask(verifier, "Bearer "+i.token(key, nil)); err != nil {
		t.Errorf("with the keys that are known: %v", err)
	}
}

// RFC 8725, section 3.11: an issuer signs more than access tokens with the same keys.
func TestTokensThatAreMadeForSomethingElseAreRefused(t *testing.T) {
	i, key := newIssuer(t), newKey(t, "1")
	i.publish(key)
	verifier := i.verifier(nil)
	claims := map[string]any{"iss": i.URL, "sub": "ann", "aud": "orders", "exp": time.Now().Add(time.Hour).Unix()}
	for typ, want := range map[any]int{
		nil: 0, "JWT": 0, "jwt": 0, "at+jwt": 0, "AT+JWT": 0, "application/at+jwt": 0, "application/JWT": 0,
		"logout+jwt": 401, "dpop+jwt": 401, "secevent+jwt": 401, "JOSE": 401, "": 401, "application/": 401, 7: 401,
	} {
		options := new(jose.SignerOptions)
		if typ != nil {
			options.WithHeader(jose.HeaderType, typ)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(verifier, "Bearer "+token); statusOf(err) != want || (err == nil) != (want == 0) {
			t.Errorf("typ %v: %v, want %d", typ, err, want)
		}
	}
}

func TestAnIssuerThatDoesNotAnswerIsToldOnce(t *testing.T) {
	i, key := newIssuer(t), newKey(t, "1")
	i.publish(key)
	synctest.Test(t, func(t *testing.T) {
		var log lines
		var down atomic.Bool
		verifier := i.verifier(func(c *jwtauth.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.Client = &http.Client{Transport: answers(func(r *http.Request) *http.Response {
				recorder := httptest.NewRecorder()
				if down.Load() {
					recorder.WriteHeader(http.StatusBadGateway)
				} else {
					i.Config.Handler.ServeHTTP(recorder, r)
				}
				return recorder.Result()
			})}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		down.Store(true)
		go func() { _ = verifier.Run(ctx) }()
		after := func(d time.Duration, text string, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%s: %d times, want %d:\n%s", text, got, want, log.String())
			}
		}
		after(time.Minute, "no token can be verified", 1)
		down.Store(false)
		after(time.Minute, "can be refreshed again", 1)
		down.Store(true)
		after(time.Hour, "cannot be refreshed, those that are known stay in use", 1)
		down.Store(false)
		after(time.Hour, "can be refreshed again", 2)
		after(time.Hour, "\n", 4)
	})
}

// lines of a log, to be read while others write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// answers of a server that is not asked by the network.
type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

func TestConfigurationsThatAcceptTooMuchAreRefused(t *testing.T) {
	good := jwtauth.Config{Issuer: "https://issuer", Audiences: []string{"orders"}}
	for field, change := range map[string]func(*jwtauth.Config){
		"Issuer":     func(c *jwtauth.Config) { c.Issuer = "" },
		"Audiences":  func(c *jwtauth.Config) { c.Audiences = nil },
		"KeysURL":    func(c *jwtauth.Config) { c.KeysURL = "file:///etc/passwd" },
		"Algorithms": func(c *jwtauth.Config) { c.Algorithms = []string{"HS256"} },
	} {
		config := good
		change(&config)
		if _, err := jwtauth.New(config); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := jwtauth.New(good); err != nil {
		t.Error(err)
	}
}
