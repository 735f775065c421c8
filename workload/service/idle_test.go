// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A load balancer that keeps idle connections for longer than the service would send requests on ones that are just being closed.
func TestIdleConnectionsStayOpenForAsLongAsIsSet(t *testing.T) {
	for set, closes := range map[string]bool{"100ms": true, "620s": false} {
		svc := start(t, map[string]string{"GOSERVICE_IDLE_TIMEOUT": set}, helloRoute)
		connection, err := net.Dial("tcp", "127.0.0.1:"+port(svc.Address()))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if _, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(connection)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		patience := 5 * time.Second
		if !closes {
			patience = 300 * time.Millisecond
		}
		_ = connection.SetReadDeadline(time.Now().Add(patience))
		if _, err := reader.ReadByte(); (err == io.EOF) != closes {
			t.Errorf("%s: %v after %s, closed by the server should be %t", set, err, patience, closes)
		}
	}
}
