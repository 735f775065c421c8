// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/podhttp"
)

const (
	// queryTimeout of one question, for Prometheus and for the way to it.
	queryTimeout = 5 * time.Second
	// maxQuestions at once, and of those for services of one namespace.
	maxQuestions      = 8
	maxQuestionsOfOne = 4
	// maxErrorBytes of the page that explains an error.
	maxErrorBytes = 64 << 10
	// maxFileBytes of a file with certificates or a token.
	maxFileBytes = 1 << 20
)

// Prometheus that measures services. Only whoever runs the operator names it.
type Prometheus struct {
	// Address is an http or https URL whose path, if any, leads to its API.
	Address *url.URL
	// CAFile holds the certificates, in PEM, of the authorities that may vouch for it; by default the system's, or those that
	// Mozilla trusts where the system has none, as in the operator's image.
	CAFile string
	// BearerTokenFile holds the token that is sent with each question; empty sends none.
	BearerTokenFile string
	// Headers are sent with each question.
	Headers http.Header

	// answerBytes is less than maxAnswerBytes in tests.
	answerBytes int64
}

// ParsePrometheusAddress reads where a Prometheus is: a URL whose path, if any, leads to its API.
func ParsePrometheusAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" ||
		address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return nil, fmt.Errorf("%q: must be an http or https URL without user, query or fragment, such as http://prometheus.monitoring:9090", text)
	}
	return address, nil
}

// ParseHeader reads a header from name=value. No error holds the value, which may be a secret.
func ParseHeader(text string) (name, value string, err error) {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return "", "", fmt.Errorf("must be name=value, with a name such as X-Scope-OrgID")
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection":
		return "", "", fmt.Errorf("the header %s is the operator's own", name)
	}
	if value == "" || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return "", "", fmt.Errorf("the header %s must have a value in one line", name)
	}
	return name, value, nil
}

// Query returns a function that asks for a service's pods; scraped names the Service by which they are scraped. Files that
// cannot be used are an error here. Later they are read again when they change, and what is wrong with them then is the
// error of a question.
func (p Prometheus) Query(scraped func(service string) string) (Questioner, error) {
	a := &asker{
		prometheus: p, endpoint: p.Address.JoinPath("api/v1/query").String(),
		ca: watchedFile{path: p.CAFile}, token: watchedFile{path: p.BearerTokenFile},
	}
	if _, _, err := a.way(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, service types.NamespacedName, from Endpoint) (map[string]Sample, error) {
		return a.ask(ctx, from.Query(service.Namespace, scraped(service.Name)))
	}, nil
}

// asker asks one Prometheus.
type asker struct {
	prometheus Prometheus
	endpoint   string

	mu        sync.Mutex
	client    *http.Client // of the present certificates
	ca, token watchedFile
}

func (a *asker) ask(ctx context.Context, query string) (map[string]Sample, error) {
	client, token, err := a.way()
	if err != nil {
		return nil, err
	}
	form := url.Values{"query": {query}, "timeout": {queryTimeout.String()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header = a.prometheus.Headers.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d%s", response.StatusCode, explanation(response))
	}
	return decode(http.MaxBytesReader(nil, response.Body, cmp.Or(a.prometheus.answerBytes, maxAnswerBytes)))
}

// explanation is what Prometheus says of an error; of other pages nothing is shown.
func explanation(response *http.Response) string {
	var page struct{ Error string }
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	body := io.LimitReader(response.Body, maxErrorBytes)
	if kind != "application/json" || json.NewDecoder(body).Decode(&page) != nil || page.Error == "" {
		return ""
	}
	return ": " + podhttp.Clip(page.Error)
}

// way to Prometheus with the present certificates and token.
func (a *asker) way() (client *http.Client, token string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed, err := a.ca.read()
	if err != nil {
		return nil, "", fmt.Errorf("reading the authorities of Prometheus: %w", err)
	}
	if changed || a.client == nil {
		if a.client != nil {
			a.client.CloseIdleConnections()
			a.client = nil
		}
		roots, err := rootsOf(a.prometheus.Address.Scheme, a.ca)
		if err != nil {
			return nil, "", err
		}
		a.client = clientWith(roots)
	}
	if _, err := a.token.read(); err != nil {
		return nil, "", fmt.Errorf("reading the bearer token for Prometheus: %w", err)
	}
	token = string(bytes.TrimSpace(a.token.content))
	if a.token.path != "" && (token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f })) {
		return nil, "", fmt.Errorf("the bearer token for Prometheus in %s must be one word", a.token.path)
	}
	return a.client, token, nil
}

// rootsOf the file, or of the system. An image from scratch has none of its own; it takes those that Mozilla trusts.
func rootsOf(scheme string, file watchedFile) (*x509.CertPool, error) {
	if file.path != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(file.content) {
			return nil, fmt.Errorf("the authorities of Prometheus in %s: no certificate in PEM", file.path)
		}
		return roots, nil
	}
	if scheme != "https" {
		return nil, nil
	}
	if roots, err := x509.SystemCertPool(); err == nil && !roots.Equal(x509.NewCertPool()) {
		return roots, nil
	}
	return bundledRoots()
}

func bundledRoots() (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading the bundled authorities: %w", err)
		}
		if root.Constraint == nil {
			roots.AddCert(certificate)
		} else {
			roots.AddCertWithConstraint(certificate, root.Constraint)
		}
	}
	return roots, nil
}

func clientWith(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: queryTimeout,
		// Prometheus must not send the operator elsewhere, least of all with a token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: queryTimeout}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    queryTimeout,
			MaxIdleConnsPerHost:    maxQuestions,
			MaxConnsPerHost:        maxQuestions,
			MaxResponseHeaderBytes: maxErrorBytes,
			IdleConnTimeout:        time.Minute,
		},
	}
}

// watchedFile is read again when it changes, as mounted Secrets and tokens do. Without a path it is empty.
type watchedFile struct {
	path    string
	content []byte
	seen    os.FileInfo
}

// read the file if it changed.
func (f *watchedFile) read() (changed bool, err error) {
	if f.path == "" {
		return false, nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return false, err
	}
	if f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return false, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes))
	if err != nil {
		return false, err
	}
	f.content, f.seen = content, info
	return true, nil
}
