// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package prometheus asks a Prometheus for the past.
package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Options of a Client.
type Options struct {
	// Address such as http://localhost:9090.
	Address string
	// Headers are sent with each question, as NAME=VALUE, such as X-Scope-OrgID=shop.
	Headers []string
	// TokenFile has the bearer token, and is read for each question; empty: none is sent.
	TokenFile string
	// CAFile has the authorities, in PEM, that may vouch for an https address; empty: the system's.
	CAFile string
	// Patience with each answer.
	Patience time.Duration
}

// Client of a Prometheus, or of what speaks its API.
type Client struct {
	base    *url.URL
	client  *http.Client
	headers http.Header
	token   string // its file
}

const (
	// mostPoints of a series in one answer: Prometheus refuses more than 11,000.
	mostPoints = 10_000
	// mostAnswer that is read, in bytes, and mostReason of why there is none, in letters.
	mostAnswer = 64 << 20
	mostReason = 300
)

// New client. An error names the flag that is wrong.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.Address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("--prometheus: %q is not the address of a Prometheus: it must be like http://localhost:9090", o.Address)
	}
	c := &Client{base: base, headers: http.Header{}, token: o.TokenFile, client: &http.Client{Timeout: o.Patience}}
	if len(o.Headers) > 0 || o.TokenFile != "" { // which are for nobody else
		c.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	for _, header := range o.Headers {
		name, value, found := strings.Cut(header, "=")
		if !found || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("--prometheus-header: %q must be NAME=VALUE, such as X-Scope-OrgID=shop", header)
		}
		c.headers.Add(name, value)
	}
	if _, err := c.bearer(); err != nil {
		return nil, err
	}
	if o.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("--prometheus-ca-file: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--prometheus-ca-file: %s has no certificate in PEM", o.CAFile)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	c.client.Transport = transport
	return c, nil
}

// bearer token; empty without a file.
func (c *Client) bearer() (string, error) {
	if c.token == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.token)
	if err != nil {
		return "", fmt.Errorf("--prometheus-bearer-token-file: %w", err)
	}
	if token := strings.TrimSpace(string(text)); token != "" && httpguts.ValidHeaderFieldValue(token) {
		return token, nil
	}
	return "", fmt.Errorf("--prometheus-bearer-token-file: %s must have one line that is not empty", c.token)
}

// Series has a value for each step of a range, NaN where Prometheus has none.
type Series struct {
	Labels map[string]string
	Values []float64
}

// Range asks for a query's values at a time and each step after it, count of them. What one answer may not hold is asked for in parts.
func (c *Client) Range(ctx context.Context, query string, from time.Time, step time.Duration, count int) ([]Series, error) {
	var all []Series
	index := map[string]int{}
	for first := 0; first < count; first += mostPoints {
		last := min(first+mostPoints, count) - 1
		results, err := c.ask(ctx, query, from.Add(time.Duration(first)*step), from.Add(time.Duration(last)*step), step)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			key, err := json.Marshal(r.Metric) // in the order of the labels' names
			if err != nil {
				return nil, err
			}
			at, exists := index[string(key)]
			if !exists {
				at = len(all)
				index[string(key)] = at
				all = append(all, Series{Labels: r.Metric, Values: unknown(count)})
			}
			for _, p := range r.Values {
				if i := int(math.Round((p.seconds - float64(from.Unix())) / step.Seconds())); i >= first && i <= last && !math.IsInf(p.value, 0) {
					all[at].Values[i] = p.value
				}
			}
		}
	}
	return all, nil
}

func unknown(count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

type result struct {
	Metric map[string]string
	Values []point
}

// point is [seconds, "value"].
type point struct{ seconds, value float64 }

// UnmarshalJSON reads both.
func (p *point) UnmarshalJSON(text []byte) error {
	var value string
	err := json.Unmarshal(text, &[]any{&p.seconds, &value})
	if err == nil {
		p.value, err = strconv.ParseFloat(value, 64)
	}
	return err
}

func (c *Client) ask(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]result, error) {
	address := c.base.JoinPath("api", "v1", "query_range")
	address.RawQuery = url.Values{
		"query": {query}, "start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix(), 10)},
		"step": {strconv.FormatInt(int64(step/time.Second), 10)},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header = c.headers.Clone()
	switch token, err := c.bearer(); {
	case err != nil:
		return nil, c.failed(err.Error())
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.client.Do(request)
	if err != nil {
		if wrapped, isURL := errors.AsType[*url.Error](err); isURL {
			err = wrapped.Err // the query would fill the screen
		}
		return nil, c.failed(err.Error())
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     []result
		}
	}
	body := &io.LimitedReader{R: response.Body, N: mostAnswer}
	switch err := json.NewDecoder(body).Decode(&answer); {
	case err != nil && body.N <= 0:
		return nil, c.failed(fmt.Sprintf("its answer is larger than %d MiB", mostAnswer>>20))
	case err != nil:
		return nil, c.failed(fmt.Sprintf("status %d, and no answer of Prometheus's API: %s", response.StatusCode, err))
	case answer.Status != "success":
		return nil, c.failed(fmt.Sprintf("status %d: %s", response.StatusCode, answer.Error))
	case answer.Data.ResultType != "matrix":
		return nil, c.failed(fmt.Sprintf("its result is a %q, not a matrix", answer.Data.ResultType))
	}
	return answer.Data.Result, nil
}

// failed says of whom it is. It is no error of the network to those who would take that for the cluster's.
func (c *Client) failed(why string) error {
	return fmt.Errorf("asking the Prometheus at %s: %s", c.base.Redacted(), show.Cut(show.Plain(why), mostReason))
}
