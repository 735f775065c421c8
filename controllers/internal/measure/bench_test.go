// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/tuner"
)

const serverVariable = "TUNER_BENCHMARK_SERVES"

// TestMain lets the test binary be the pods of BenchmarkLoop, so that their CPU time is not the loop's.
func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) == "" {
		os.Exit(m.Run())
	}
	page, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })))
}

// BenchmarkLoop is one round of 100 services of 5 pods, over connections that stay open. The loop makes one every four
// seconds while they are calm, so that a quarter of the reported CPU time is its price per second.
func BenchmarkLoop(b *testing.B) {
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	server := exec.CommandContext(b.Context(), program)
	server.Env = append(os.Environ(), serverVariable+"=1")
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	_, port, err := net.SplitHostPort(strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	var failed atomic.Int64
	direct := scraper(96) // here all pods are one host
	loop := NewLoop(LoopOptions{
		Slots: fair.NewScheduler(fair.Options{Slots: 96, SlotsPerGroup: 16}),
		Scrape: func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
			counters, err := direct(ctx, pod, on(port))
			if err != nil {
				failed.Add(1)
			}
			return counters, err
		},
		Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
	})
	for i := range 100 {
		target := targetOf(5)
		for j := range target.Pods {
			target.Pods[j].IP = "127.0.0.1"
		}
		loop.Follow(types.NamespacedName{Namespace: "bench", Name: fmt.Sprint(i)}, target)
	}
	rounds := func() {
		var working sync.WaitGroup
		for _, f := range loop.services {
			working.Go(func() {
				f.began = time.Now()
				loop.once(b.Context(), f, f.target)
			})
		}
		working.Wait()
	}
	rounds()
	before := cpuTime(b)
	for b.Loop() {
		rounds()
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/round")
	if n := failed.Load(); n > 0 {
		b.Errorf("%d scrapes failed", n)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
