// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
)

func TestTimeoutsAreReadAsTheProtocolsWriteThem(t *testing.T) {
	cases := []struct {
		header, value string
		want          time.Duration
		ok            bool
	}{
		{"Grpc-Timeout", "2H", 2 * time.Hour, true},
		{"Grpc-Timeout", "3M", 3 * time.Minute, true},
		{"Grpc-Timeout", "4S", 4 * time.Second, true},
		{"Grpc-Timeout", "50m", 50 * time.Millisecond, true},
		{"Grpc-Timeout", "60u", 60 * time.Microsecond, true},
		{"Grpc-Timeout", "70n", 70, true},
		{"Grpc-Timeout", "0m", 0, true},
		{"Grpc-Timeout", "99999999H", 1<<63 - 1, true}, // 11,415 years, longer than a time.Duration
		{"Grpc-Timeout", "123456789m", 0, false},
		{"Grpc-Timeout", "-5m", 0, false},
		{"Grpc-Timeout", "5", 0, false},
		{"Grpc-Timeout", "m", 0, false},
		{"Grpc-Timeout", "", 0, false},
		{"Connect-Timeout-Ms", "1500", 1500 * time.Millisecond, true},
		{"Connect-Timeout-Ms", "9999999999", 9999999999 * time.Millisecond, true},
		{"Connect-Timeout-Ms", "99999999999", 0, false},
		{"Connect-Timeout-Ms", "-1", 0, false},
		{"Connect-Timeout-Ms", "1.5", 0, false},
		{"Connect-Timeout-Ms", "", 0, false},
	}
	for _, c := range cases {
		got, ok := (*Registry)(nil).Timeout(&http.Request{Header: http.Header{c.header: {c.value}}})
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %q is %s, %t; want %s, %t", c.header, c.value, got, ok, c.want, c.ok)
		}
	}
}

// The operator's presets for gRPC of others have the same codes, by OpenTelemetry's conventions.
func TestTheServersFaultsAreThoseOfTheConventions(t *testing.T) {
	faults := []connect.Code{
		connect.CodeUnknown, connect.CodeDeadlineExceeded, connect.CodeUnimplemented, connect.CodeInternal, connect.CodeUnavailable, connect.CodeDataLoss,
	}
	for code, known := range codes {
		if is, want := known.status >= 500, slices.Contains(faults, connect.Code(code)); is != want {
			t.Errorf("%s counts as the server's fault: %t, want %t", known.name, is, want)
		}
		if is, want := known.status == http.StatusTooManyRequests, connect.Code(code) == connect.CodeResourceExhausted; is != want {
			t.Errorf("%s counts as a reached rate limit: %t, want %t", known.name, is, want)
		}
	}
}

func TestANumberThatIsNoCodeIsUnknown(t *testing.T) {
	for value, want := range map[string]connect.Code{"0": ok, "16": connect.CodeUnauthenticated, "17": connect.CodeUnknown, "x": connect.CodeUnknown, "4294967295": connect.CodeUnknown} {
		if got, is := fromTrailer(http.Header{http.TrailerPrefix + "Grpc-Status": {value}}); got != want || !is {
			t.Errorf("%q is %d, %t; want %d", value, got, is, want)
		}
	}
	if _, is := fromTrailer(http.Header{}); is {
		t.Error("no trailer is a code")
	}
}
