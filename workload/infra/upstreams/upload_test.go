// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"goservice.dev/operator/workload/pool"
)

// The client has sent on, and it is the service that has no worker for it.
func TestAnUploadThatWaitsForAWorkerIsNotTheClientsFault(t *testing.T) {
	began := make(chan struct{})
	address, svc, _ := proxiedWithin(t, "1s", "", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, len("start")))
		close(began)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	svc.Pool().Set(pool.Config{Workers: 1})
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart")
	<-began
	if err := svc.Pool().AcquireFor(t.Context(), pool.Claim{Patient: true}); err != nil { // once it is lent
		t.Fatal(err)
	}
	defer svc.Pool().Release()
	_, _ = io.WriteString(connection, "more")
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%s, want 504", response.Status)
	}
}
