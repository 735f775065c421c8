// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"goservice.dev/operator/workload/server"
)

func Example() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	s := server.New(server.Config{Address: "127.0.0.1:0", Handler: server.Deadline(time.Second, handler), RequestTimeout: time.Second})
	if err := s.Listen(context.Background()); err != nil {
		panic(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()

	response, err := http.Get("http://" + s.Address().String())
	if err != nil {
		panic(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	fmt.Println(string(body), err)
	http.DefaultClient.CloseIdleConnections()

	s.Leave(context.Background(), 0, 2*time.Second) // on SIGTERM: served, but sent away
	cut, err := s.Shutdown(context.Background())
	fmt.Println(cut, err, <-served)
	// Output:
	// hello <nil>
	// 0 <nil> <nil>
}
