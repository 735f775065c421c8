// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"goservice.dev/operator/workload/livesettings"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/service"
)

const ping = "/goservice.rpc.ping.v1.PingService/Ping"

// pods with one worker each share their queue, at addresses of loopback of their own.
func pods(t *testing.T, work ...func(context.Context) error) (all []*service.Service) {
	t.Helper()
	folder := t.TempDir()
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	if err := os.WriteFile(filepath.Join(folder, "shown"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	var hosts []string
	for i := range work {
		hosts = append(hosts, "127.0.3."+strconv.Itoa(i+1))
	}
	for i, host := range hosts {
		svc := service.New(service.WithLog(io.Discard), service.WithoutGlobals(), service.WithEnvironment(map[string]string{
			"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0", "GOSERVICE_DRAIN_DELAY": "0s",
			"GOSERVICE_POD": host, "GOSERVICE_POD_IP": host, "GOSERVICE_PEERS_PORT": port,
			"GOSERVICE_PEERS_NAMES": strings.Join(hosts, ","), "GOSERVICE_PEERS_KEYS": folder,
		}), service.WithBuiltIn(livesettings.Document{
			Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10},
		}))
		serve(svc, work[i])
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- svc.Serve(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		all = append(all, svc)
	}
	for _, svc := range all {
		for !strings.Contains(metrics(t, svc), "\ngoservice_hand_off_peers "+strconv.Itoa(len(work)-1)) {
		}
	}
	return all
}

func metrics(t *testing.T, svc *service.Service) string {
	t.Helper()
	response, err := http.Get("http://" + loopback(t, svc.AdminAddress()) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func loopback(t *testing.T, address net.Addr) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// A client of gRPC keeps one connection, and all of its calls come to one pod.
func TestACallThatWouldWaitRunsInAnotherPod(t *testing.T) {
	began, unblock := make(chan struct{}), make(chan struct{})
	var refuse atomic.Bool
	all := pods(t, func(context.Context) error {
		close(began)
		<-unblock
		return nil
	}, func(context.Context) error {
		if refuse.Load() {
			return connect.NewError(connect.CodeAborted, errors.New("by the other pod"))
		}
		return nil
	})
	connection, err := grpc.NewClient(loopback(t, all[0].Address()), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	call := func(number int64) error {
		response := new(pingv1.PingResponse)
		err := connection.Invoke(t.Context(), ping, &pingv1.PingRequest{Number: number, Text: "a"}, response)
		if err == nil && (response.Number != number || response.Text != "a") {
			t.Errorf("call %d is answered with %v", number, response)
		}
		return err
	}
	first := make(chan error, 1)
	go func() { first <- call(1) }()
	<-began
	if err := call(2); err != nil {
		t.Error(err)
	}
	refuse.Store(true)
	if got := status.Convert(call(3)); got.Code() != codes.Aborted || got.Message() != "by the other pod" {
		t.Errorf("answered with %v", got)
	}
	close(unblock)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if !strings.Contains(metrics(t, all[0]), "\n"+`goservice_hand_off_requests_total{reason="waiting",result="moved"} 2`) {
		t.Error("the calls have not moved")
	}
}

func TestACallLastsAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pass(t.Context(), 50*time.Millisecond); err != nil || time.Since(start) != 50*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if err := pass(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestTheWaitIsChecked(t *testing.T) {
	for text, want := range map[string]time.Duration{"": ownWait, "0s": 0, "5ms": 5 * time.Millisecond, "1m": time.Minute} {
		if got, err := waitOf(text); got != want || err != nil {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"5", "-1ms", "61s"} {
		if _, err := waitOf(text); err == nil || !strings.Contains(err.Error(), "WAIT: \""+text+"\": must be a duration such as 10ms, 0s to 1m0s") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
