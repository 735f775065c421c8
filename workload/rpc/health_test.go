// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

const pingService = "goservice.rpc.ping.v1.PingService"

// serving is a service that listens, because only such a one is ready.
type serving struct {
	url    string
	client *http.Client
	stop   func() error
}

func serve(t *testing.T, svc *service.Service) *serving {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.Serve(ctx) }()
	s := &serving{client: &http.Client{Transport: transport}}
	_, port, err := net.SplitHostPort(svc.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://127.0.0.1:" + port
	s.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.stop()
	})
	return s
}

// newService with further variables of its environment, each a name and a value.
func newService(log *syncBuffer, variables ...string) *service.Service {
	environment := map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0"}
	for i := 0; i+1 < len(variables); i += 2 {
		environment[variables[i]] = variables[i+1]
	}
	return service.New(service.WithLog(log), service.WithEnvironment(environment),
		service.WithBuiltIn(livesettings.Document{Version: livesettings.Version}))
}

func TestHealthFollowsReadinessAndEachServicesOwnCheck(t *testing.T) {
	var database, index atomic.Bool
	checkOf := func(up *atomic.Bool) func(context.Context) error {
		return func(context.Context) error {
			if up.Load() {
				return nil
			}
			return errors.New("down")
		}
	}
	svc := newService(new(syncBuffer))
	svc.ReadyWhen("database", checkOf(&database), service.CheckEvery(time.Millisecond))
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}), rpc.WithHealth(checkOf(&index)))
	s := serve(t, svc)
	for name, options := range protocols {
		client := grpchealth.NewClient(s.client, s.url, options...)
		for _, c := range []struct {
			database, index bool
			process, ping   grpchealth.Status
		}{
			{false, true, grpchealth.StatusNotServing, grpchealth.StatusNotServing},
			{true, false, grpchealth.StatusServing, grpchealth.StatusNotServing},
			{true, true, grpchealth.StatusServing, grpchealth.StatusServing},
		} {
			database.Store(c.database)
			index.Store(c.index)
			for c.database != (svc.Ready() == nil) { // checks run in the background; the test's own time limit ends this
				runtime.Gosched()
			}
			for service, want := range map[string]grpchealth.Status{"": c.process, pingService: c.ping} {
				response, err := client.Check(t.Context(), &grpchealth.CheckRequest{Service: service})
				if err != nil || response.Status != want {
					t.Errorf("%s, %+v: health of %q is %v, %v; want %s", name, c, service, response, err, want)
				}
			}
		}
		if _, err := client.Check(t.Context(), &grpchealth.CheckRequest{Service: "acme.Unknown"}); connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("%s: an unknown service: %v, want not_found", name, err)
		}
	}
}

// Whoever watches is told of the drain first, and then does not hold it up.
func TestAWatchIsToldOfChangesAndOfTheDrainAndEnds(t *testing.T) {
	var up atomic.Bool
	up.Store(true)
	log := new(syncBuffer)
	svc := newService(log)
	svc.ReadyWhen("database", func(context.Context) error {
		if up.Load() {
			return nil
		}
		return errors.New("down")
	}, service.CheckEvery(time.Millisecond))
	rpc.New(svc)
	s := serve(t, svc)
	events := grpchealth.NewClient(s.client, s.url, connect.WithGRPC()).Watch(t.Context(), &grpchealth.CheckRequest{})
	expect := func(want grpchealth.Status) {
		t.Helper()
		if event := <-events; event.Response == nil || event.Response.Status != want {
			t.Fatalf("%+v, want %s", event, want)
		}
	}
	expect(grpchealth.StatusServing)
	up.Store(false)
	expect(grpchealth.StatusNotServing)
	up.Store(true)
	expect(grpchealth.StatusServing)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	expect(grpchealth.StatusNotServing)
	if err := <-stopped; err != nil {
		t.Errorf("the drain: %v", err)
	}
	if !strings.Contains(log.String(), `"cut":0`) {
		t.Errorf("the watch was cut: %s", log)
	}
}

func TestReflectionNamesTheServicesAndCanBeLeftOut(t *testing.T) {
	for name, options := range map[string][]rpc.Option{"served": nil, "left out": {rpc.WithoutReflection()}} {
		t.Run(name, func(t *testing.T) {
			svc := newService(new(syncBuffer))
			rpc.Handle(rpc.New(svc, options...), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
			s := serve(t, svc)
			stream := grpcreflect.NewClient(s.client, s.url, connect.WithGRPC()).NewStream(t.Context())
			defer func() { _, _ = stream.Close() }()
			names, err := stream.ListServices()
			if len(options) > 0 {
				if connect.CodeOf(err) != connect.CodeUnimplemented {
					t.Errorf("%v, %v; want unimplemented", names, err)
				}
				return
			}
			if diff := cmp.Diff([]protoreflect.FullName{pingService}, names); diff != "" || err != nil {
				t.Errorf("services (-want +got): %v\n%s", err, diff)
			}
			files, err := stream.FileContainingSymbol(pingService)
			if err != nil || len(files) == 0 || files[0].GetPackage() != "goservice.rpc.ping.v1" {
				t.Errorf("files %v, %v", files, err)
			}
		})
	}
}
