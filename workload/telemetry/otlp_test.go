// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// answers is a collector on no network.
type answers []func() *http.Response

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	next := (*a)[0]
	*a = (*a)[1:]
	response := next()
	response.Request = r
	return response, nil
}

func answer(status int, body, retryAfter string) func() *http.Response {
	return func() *http.Response {
		header := http.Header{}
		if retryAfter != "" {
			header.Set("Retry-After", retryAfter)
		}
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader(body)),
		}
	}
}

func upload(t *testing.T, timeout time.Duration, given ...func() *http.Response) (err error, took time.Duration, left int) {
	t.Helper()
	client, err := newOTLPClient(TracingConfig{Endpoint: "http://collector/v1/traces"})
	if err != nil {
		t.Fatal(err)
	}
	all := answers(given)
	client.http.Transport = &all
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	start := time.Now()
	err = client.UploadTraces(ctx, []*tracepb.ResourceSpans{{}})
	return err, time.Since(start), len(all)
}

func TestAnExportWaitsAsLongAsTheCollectorAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err, took, left := upload(t, time.Minute, answer(429, "", "7"), answer(200, "", ""))
		if err != nil || left != 0 || took != 7*time.Second {
			t.Errorf("%v after %s with %d answers left, want a second attempt after 7 s", err, took, left)
		}
		err, took, left = upload(t, 5*time.Second, answer(503, "busy", "7"), answer(200, "", ""))
		if err == nil || left != 1 || took != 0 {
			t.Errorf("%v after %s with %d answers left, want that it gives up where there is no time", err, took, left)
		}
	})
}

func TestExportsAreRepeatedAtDifferentTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 20 {
			err, took, _ := upload(t, time.Minute, answer(502, "", ""), answer(504, "", ""), answer(200, "", ""))
			if err != nil || took < 750*time.Millisecond || took > 2250*time.Millisecond {
				t.Fatalf("%v after %s", err, took)
			}
			seen[took] = true
		}
		if len(seen) < 10 {
			t.Errorf("%d different pauses of 20", len(seen))
		}
	})
}

func TestSpansThatACollectorRejectsWithA200AreTold(t *testing.T) {
	inner := protowire.AppendVarint(protowire.AppendTag(nil, fieldRejectedSpans, protowire.VarintType), 3)
	inner = protowire.AppendString(protowire.AppendTag(inner, fieldErrorMessage, protowire.BytesType), "too many attributes")
	outer := protowire.AppendBytes(protowire.AppendTag(nil, fieldPartialSuccess, protowire.BytesType), inner)
	err, _, _ := upload(t, time.Minute, answer(200, string(outer), ""))
	if err == nil || !strings.Contains(err.Error(), "rejected 3 spans: too many attributes") {
		t.Errorf("%v", err)
	}
	for _, nothing := range []string{"", "\x0a\x00", "\xff\xff", "{}"} {
		if err, _, _ := upload(t, time.Minute, answer(200, nothing, "")); err != nil {
			t.Errorf("%q: %v", nothing, err)
		}
	}
}

func FuzzPartialSuccess(f *testing.F) {
	f.Add([]byte("\x0a\x04\x08\x03\x12\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) { partialSuccess(answer) })
}

func TestTheTokenDoesNotFollowARedirect(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	collector := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer collector.Close()
	client, err := newOTLPClient(TracingConfig{Endpoint: collector.URL, Headers: map[string]string{"X-Token": "t"}})
	if err != nil {
		t.Fatal(err)
	}
	err = client.UploadTraces(t.Context(), nil)
	_ = client.Stop(t.Context())
	if err == nil || asked.Load() != 0 {
		t.Errorf("%v, and %d requests elsewhere", err, asked.Load())
	}
}

func TestWhatCannotBeReachedIsNamedWithoutItsPassword(t *testing.T) {
	client, err := newOTLPClient(TracingConfig{Endpoint: "http://user:hunter2@127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := client.UploadTraces(ctx, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// Agents replace the default transport with one of their own type before main begins.
func TestAnInstrumentedDefaultTransportDoesNoHarm(t *testing.T) {
	before := http.DefaultTransport
	http.DefaultTransport = &answers{}
	defer func() { http.DefaultTransport = before }()
	if _, err := newOTLPClient(TracingConfig{Endpoint: "http://collector"}); err != nil {
		t.Error(err)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "3": 3 * time.Second, "Thu, 01 Jan 2026 00:00:05 GMT": 5 * time.Second, "Wed, 31 Dec 2025 00:00:00 GMT": 0,
		"99999999999999999999": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
