// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package jwtauth authenticates requests by signed JSON Web Tokens (RFC 7519, RFC 9068) with the keys that their issuer publishes.
// A program that does not import it carries nothing of it.
package jwtauth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"goservice.dev/operator/workload/auth"
)

const (
	defaultLeeway  = 30 * time.Second
	defaultRefresh = 10 * time.Minute
	// maxToken bounds what is decoded for anybody.
	maxToken = 8 << 10
	bearer   = "Bearer"
)

// algorithms that a key set may be used with, unless Config names others. All are asymmetric: with a shared secret, whoever can
// verify a token can make one.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// accessTokenTypes are the typ of tokens that say who is calling, as media types without application/.
var accessTokenTypes = []string{"jwt", "at+jwt"}

// Config of a Verifier.
type Config struct {
	// Issuer of the tokens, exactly as it stands in their iss; an https URL, or an http one for tests. It must be set.
	Issuer string
	// Audiences of which each token must name one in its aud. At least one must be set: tokens for other services are not for this
	// one.
	Audiences []string
	// KeysURL is where the issuer publishes its keys (jwks_uri); empty: what the OpenID configuration below Issuer says,
	// which must be an https URL where Issuer is one.
	KeysURL string
	// Algorithms that are accepted, by their names in RFC 7518; nil means all asymmetric ones. Those with a shared secret, and none,
	// are refused.
	Algorithms []string
	// Leeway for clocks that differ; 0 means 30 s.
	Leeway time.Duration
	// Refresh is how often Run asks for new keys; 0 means 10 minutes.
	Refresh time.Duration
	// Client asks for keys; nil means one with a timeout of 5 s.
	Client *http.Client
	// Logger has a line when the keys cannot be refreshed any more, and one when they can again, however often it was tried;
	// nil means slog.Default(). In a service, it is svc.Logger().
	Logger *slog.Logger
}

// Verifier is an auth.Authenticator for requests with an Authorization of Bearer and a token.
type Verifier struct {
	config     Config
	algorithms []jose.SignatureAlgorithm
	keys       keys
}

var (
	_ auth.Authenticator = (*Verifier)(nil)
	_ auth.Challenger    = (*Verifier)(nil)
)

// New checks the configuration; it asks nobody. Let Run keep the keys up to date, and Ready tell of the issuer:
//
//	svc.Authenticate(verifier)
//	svc.Go("token keys", verifier.Run)
//	svc.ReadyWhen("token keys", verifier.Ready)
func New(config Config) (*Verifier, error) {
	v := &Verifier{config: config, algorithms: algorithms}
	if err := checkURL("Issuer", config.Issuer); err != nil {
		return nil, err
	}
	if config.KeysURL != "" {
		if err := checkURL("KeysURL", config.KeysURL); err != nil {
			return nil, err
		}
	}
	if len(config.Audiences) == 0 || slices.Contains(config.Audiences, "") {
		return nil, errors.New("jwtauth: Audiences: must name at least one, and none may be empty")
	}
	if config.Algorithms != nil {
		v.algorithms = nil
		for _, name := range config.Algorithms {
			if !slices.Contains(algorithms, jose.SignatureAlgorithm(name)) {
				return nil, fmt.Errorf("jwtauth: Algorithms: %q: must be one of %v", name, algorithms)
			}
			v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(name))
		}
	}
	if v.config.Leeway <= 0 {
		v.config.Leeway = defaultLeeway
	}
	if v.config.Refresh <= 0 {
		v.config.Refresh = defaultRefresh
	}
	if v.config.Client == nil {
		v.config.Client = &http.Client{Timeout: fetchTimeout}
	}
	if v.config.Logger == nil {
		v.config.Logger = slog.Default()
	}
	v.keys.config = v.config
	return v, nil
}

func checkURL(field, text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return fmt.Errorf("jwtauth: %s: %q: must be an https or http URL", field, text)
	}
	return nil
}

// Challenge is the WWW-Authenticate of responses to requests without a token.
func (v *Verifier) Challenge() string { return bearer }

// Authenticate verifies the request's token: its signature, issuer, audience, and times, of which exp must be there. Its typ must be
// JWT or at+jwt (RFC 9068), with or without application/ before it and in any case, or be left out: with any other, the issuer has made
// it for something else than an access token, such as a logout or a proof of possession (RFC 8725, section 3.11).
func (v *Verifier) Authenticate(r *http.Request) (auth.Identity, error) {
	text, err := tokenOf(r)
	if err != nil {
		return auth.Identity{}, err
	}
	token, err := jwt.ParseSigned(text, v.algorithms)
	if err != nil || len(token.Headers) != 1 {
		return auth.Identity{}, invalid(err)
	}
	if !isAccessToken(token.Headers[0]) {
		return auth.Identity{}, invalid(fmt.Errorf("its typ is %.40q", fmt.Sprint(token.Headers[0].ExtraHeaders[jose.HeaderType])))
	}
	key, err := v.keys.find(r.Context(), token.Headers[0].KeyID, token.Headers[0].Algorithm)
	if errors.Is(err, errUnavailable) {
		return auth.Identity{}, &auth.Rejection{Status: http.StatusServiceUnavailable, Detail: "the token cannot be verified now", Err: err}
	} else if err != nil {
		return auth.Identity{}, invalid(err)
	}
	var claims jwt.Claims
	var all map[string]any
	if err := token.Claims(key, &claims, &all); err != nil {
		return auth.Identity{}, invalid(err)
	}
	if claims.Expiry == nil {
		return auth.Identity{}, invalid(errors.New("it has no exp"))
	}
	expected := jwt.Expected{Issuer: v.config.Issuer, AnyAudience: v.config.Audiences, Time: time.Now()}
	if err := claims.ValidateWithLeeway(expected, v.config.Leeway); err != nil {
		return auth.Identity{}, invalid(err)
	}
	return auth.Identity{Issuer: claims.Issuer, Subject: claims.Subject, Scopes: scopes(all), Claims: all}, nil
}

func isAccessToken(header jose.Header) bool {
	value, ok := header.ExtraHeaders[jose.HeaderType]
	if !ok {
		return true
	}
	text, _ := value.(string)
	text = strings.ToLower(text)
	return slices.Contains(accessTokenTypes, strings.TrimPrefix(text, "application/"))
}

func tokenOf(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", auth.ErrNoCredentials
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	switch {
	case !strings.EqualFold(scheme, bearer):
		return "", auth.ErrNoCredentials
	case len(values) > 1:
		return "", invalid(errors.New("the request has several Authorization fields"))
	case len(token) > maxToken:
		return "", invalid(fmt.Errorf("it has %d bytes, at most %d are allowed", len(token), maxToken))
	}
	return strings.TrimSpace(token), nil
}

func invalid(cause error) error {
	return &auth.Rejection{
		Status: http.StatusUnauthorized, Detail: "the token is not valid", Challenge: bearer + ` error="invalid_token"`, Err: cause,
	}
}

// scopes of a token, which issuers write in different ways.
func scopes(claims map[string]any) []string {
	for _, name := range []string{"scope", "scp"} {
		switch value := claims[name].(type) {
		case string:
			return strings.Fields(value)
		case []any:
			var all []string
			for _, one := range value {
				if scope, ok := one.(string); ok {
					all = append(all, scope)
				}
			}
			return all
		}
	}
	return nil
}
