// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
)

func TestWebSocketsPass(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		connection, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = io.CopyN(connection, both, 4)
	})
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "GET /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	_, _ = io.WriteString(connection, "ping")
	echo := make([]byte, 4)
	if _, err := io.ReadFull(reader, echo); err != nil || string(echo) != "ping" {
		t.Errorf("echoed %q, %v", echo, err)
	}
}

func TestTrailersPassInBothDirections(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Sum"))
	})
	for _, name := range []string{"up", "grpc"} {
		response, body := exchange(t, address, "POST /proxy/"+name+"/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n")
		if body != "body" || response.Trailer.Get("X-Sum") != "got 42" {
			t.Errorf("%s: %q, trailers %v", name, body, response.Trailer)
		}
	}
}

func TestAGRPCCallPassesToAnUpstreamOfHTTP2(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("X-Seen", r.Proto+" te="+r.Header.Get("Te"))
		_ = http.NewResponseController(w).Flush()
		_, _ = io.CopyN(w, r.Body, 4) // while the client still sends
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	body, send := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/proxy/grpc/echo.Echo/Say", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, part := range []string{"ping", "pong"} {
		_, _ = io.WriteString(send, part)
		if part == "pong" {
			_ = send.Close()
		}
		got := make([]byte, len(part))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != part {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.Trailer.Get("Grpc-Status") != "0" || response.Header.Get("X-Seen") != "HTTP/2.0 te=trailers" {
		t.Errorf("%v, trailers %v, %v", err, response.Trailer, response.Header)
	}
}

// A stream of many messages has no total size; whoever takes the messages bounds each of them.
func TestStreamsOfGRPCAreLongerThanABodyMayBe(t *testing.T) {
	address, svc, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, err)
	})
	apply(t, svc, livesettings.Document{Routes: map[string]livesettings.Route{"/proxy/{upstream}/{path...}": {MaxBodyBytes: 1 << 10}}})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for kind, want := range map[string]int{
		"application/grpc": http.StatusOK, "application/grpc+proto": http.StatusOK,
		"application/octet-stream": http.StatusRequestEntityTooLarge, "": http.StatusRequestEntityTooLarge,
	} {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000))) // of no declared length
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/proxy/grpc/a.A/B", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != want || want == http.StatusOK && string(answer) != "200000 <nil>" {
			t.Errorf("%q: %d %s, %v, want %d", kind, response.StatusCode, answer, err, want)
		}
	}
}
