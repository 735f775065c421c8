// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// fetchTimeout of one refresh.
	fetchTimeout = 5 * time.Second
	// minRefresh between two refreshes that unknown keys ask for: anybody can name a key that does not exist.
	minRefresh = 10 * time.Second
	// maxDocument bounds what is read of the issuer.
	maxDocument = 1 << 20
)

var (
	errUnavailable = errors.New("the issuer's keys are not available")
	errUnknownKey  = errors.New("it is signed with an unknown key")
)

// keys of the issuer.
type keys struct {
	config Config

	mu      sync.Mutex
	set     []jose.JSONWebKey
	loaded  time.Time     // when set was
	tried   time.Time     // when the last refresh began
	running chan struct{} // closed when the refresh that runs ends; nil if none does
	err     error         // of the last refresh
}

// find waits for a refresh where it does not know the key; that is bounded by the request's context and the refresh's own time.
func (k *keys) find(ctx context.Context, id, algorithm string) (any, error) {
	key, refreshed := k.known(id, algorithm)
	if key != nil {
		return key, nil
	}
	if refreshed != nil {
		select {
		case <-refreshed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errUnavailable, ctx.Err())
		}
		k.mu.Lock()
		key = k.lookUp(id, algorithm)
		k.mu.Unlock()
	}
	if key != nil {
		return key, nil
	}
	if err := k.unavailable(); err != nil {
		return nil, err
	}
	return nil, errUnknownKey
}

// known is the key, or the end of a refresh that may bring it; neither if it was asked for a moment ago.
func (k *keys) known(id, algorithm string) (key any, refreshed <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.lookUp(id, algorithm); key != nil {
		return key, nil
	}
	if k.running == nil && time.Since(k.tried) < minRefresh {
		return nil, nil
	}
	return nil, k.begin()
}

// lookUp is called under the lock. A token that names no key is verified where there is no choice. A key that is published for an algorithm
// is for no other (RFC 8725, section 3.1).
func (k *keys) lookUp(id, algorithm string) any {
	for i := range k.set {
		key := &k.set[i]
		if (key.KeyID == id || id == "" && len(k.set) == 1) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			return key.Key
		}
	}
	return nil
}

// begin starts a refresh unless one runs; it is called under the lock.
func (k *keys) begin() <-chan struct{} {
	if k.running != nil {
		return k.running
	}
	done := make(chan struct{})
	k.running, k.tried = done, time.Now()
	go func() {
		// Not the request's context: others wait for the same keys.
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		set, err := k.fetch(ctx)
		k.end(set, err)
		close(done)
	}()
	return done
}

// end notes the outcome of a refresh.
func (k *keys) end(set []jose.JSONWebKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := "are not known yet, and no token can be verified"
	if !k.loaded.IsZero() {
		known = "cannot be refreshed, those that are known stay in use"
	}
	switch {
	case err != nil && k.err == nil:
		k.config.Logger.Warn("the issuer's keys "+known, "issuer", k.config.Issuer, "error", err)
	case err == nil && k.err != nil:
		k.config.Logger.Info("the issuer's keys can be refreshed again", "issuer", k.config.Issuer)
	}
	if k.err = err; err == nil { // else the keys that are known stay
		k.set, k.loaded = set, time.Now()
	}
	k.running = nil
}

func (k *keys) unavailable() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded.IsZero() {
		return nil
	}
	if k.err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, k.err)
	}
	return errUnavailable
}

func (k *keys) refresh(ctx context.Context) error {
	k.mu.Lock()
	done := k.begin()
	k.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// Run keeps the keys up to date until ctx ends: it asks for them at once and then in the interval of Config.Refresh, after a
// failure every ten seconds. The keys that are known stay in use while the issuer does not answer; that it does not is logged once. It
// returns nil.
func (v *Verifier) Run(ctx context.Context) error {
	for {
		pause := v.config.Refresh
		if v.keys.refresh(ctx) != nil {
			pause = min(pause, minRefresh)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Ready fails until the issuer's keys have been read once; without them no token can be verified.
func (v *Verifier) Ready(context.Context) error { return v.keys.unavailable() }

// fetch asks the issuer.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	from := k.config.KeysURL
	if from == "" {
		var discovered struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := k.get(ctx, strings.TrimSuffix(k.config.Issuer, "/")+"/.well-known/openid-configuration", &discovered); err != nil {
			return nil, err
		}
		if discovered.Issuer != k.config.Issuer {
			return nil, fmt.Errorf("the OpenID configuration names the issuer %.100q", discovered.Issuer)
		}
		if err := checkURL("jwks_uri", discovered.Keys); err != nil {
			return nil, err
		}
		from = discovered.Keys
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, from, &published); err != nil {
		return nil, err
	}
	var usable []jose.JSONWebKey
	for _, raw := range published.Keys {
		var key jose.JSONWebKey
		// Kinds of keys that are not known, and keys for encryption or with secrets, are not for verifying signatures.
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			usable = append(usable, key)
		}
	}
	if len(usable) == 0 {
		return nil, errors.New("the issuer publishes no key for signatures")
	}
	return usable, nil
}

func (k *keys) get(ctx context.Context, from string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return fmt.Errorf("asking the issuer: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := k.config.Client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the issuer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return fmt.Errorf("asking the issuer: %w", err)
	case (secure(from) || k.config.KeysURL == "" && secure(k.config.Issuer)) && response.Request.URL.Scheme != "https":
		return errors.New("asking the issuer: it is asked with TLS, and leads to an address without")
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("asking the issuer: %s answers %s", from, response.Status)
	case len(body) > maxDocument:
		return fmt.Errorf("asking the issuer: %s answers more than %d bytes", from, maxDocument)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("asking the issuer: %s: %w", from, err)
	}
	return nil
}

func secure(address string) bool { return strings.HasPrefix(strings.ToLower(address), "https:") }
