// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command proxy measures what Knative's queue-proxy costs in front of a bare net/http server: what the simulator charges Knative
// for each request (sim.KnativeHopCPU). `make bench-proxy` compiles the queue-proxy and runs it.
//
// The same server is asked directly and through the proxy, in turns; the figures are medians. CPU time is what Linux counts for
// the processes. The last line of its output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
)

type settings struct {
	queue       string
	connections int
	rounds      int
	duration    time.Duration
}

func main() {
	var s settings
	serve := flag.String("serve", "", "serve at this address instead, as the server that is measured")
	flag.StringVar(&s.queue, "queue", "", "binary of knative.dev/serving/cmd/queue")
	flag.IntVar(&s.connections, "connections", 50, "connections that are kept busy, one request at a time")
	flag.IntVar(&s.rounds, "rounds", 3, "measurements of each kind")
	flag.DurationVar(&s.duration, "duration", 10*time.Second, "length of a measurement")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *serve != "" {
		err = bare(ctx, *serve)
	} else {
		err = run(ctx, s, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

// bare answers "ok" to everything.
func bare(ctx context.Context, address string) error {
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// figures of one way to the server.
type figures struct {
	serverMicroseconds, proxyMicroseconds, p50 []float64
}

func run(ctx context.Context, s settings, out io.Writer) error {
	if s.queue == "" {
		return errors.New("-queue is missing; make bench-proxy compiles it")
	}
	ports, err := child.FreePorts(ctx, 3)
	if err != nil {
		return err
	}
	url := func(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) + "/" }
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server, err := child.Start(ctx, child.Command{
		Path: self, Arguments: []string{"-serve", "127.0.0.1:" + strconv.Itoa(ports[0])}, Ready: url(ports[0]), Processor: child.AnyProcessor,
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	proxy, err := child.Start(ctx, queueProxy(s.queue, ports[0], ports[1], ports[2], url(ports[1])))
	if err != nil {
		return err
	}
	defer proxy.Stop()
	var direct, proxied figures
	for range s.rounds {
		if err := direct.measure(ctx, s, url(ports[0]), server, proxy); err != nil {
			return err
		}
		if err := proxied.measure(ctx, s, url(ports[1]), server, proxy); err != nil {
			return err
		}
	}
	memory, err := proxy.RSS()
	if err != nil {
		return err
	}
	return report(out, s, &direct, &proxied, memory)
}

// queueProxy as Knative runs it beside a container: without a bound on concurrency, with the timeout that a revision has by default.
func queueProxy(binary string, user, serving, tls int, ready string) child.Command {
	return child.Command{Path: binary, Ready: ready, Processor: child.AnyProcessor, Environment: []string{
		"CONTAINER_CONCURRENCY=0", "USER_PORT=" + strconv.Itoa(user), "REVISION_TIMEOUT_SECONDS=300",
		"QUEUE_SERVING_PORT=" + strconv.Itoa(serving), "QUEUE_SERVING_TLS_PORT=" + strconv.Itoa(tls),
		"SERVING_LOGGING_CONFIG=", "SERVING_LOGGING_LEVEL=error",
		"SERVING_NAMESPACE=default", "SERVING_SERVICE=simulated", "SERVING_CONFIGURATION=simulated", "SERVING_REVISION=simulated-1",
		"SERVING_POD=simulated-1-0", "SERVING_POD_IP=127.0.0.1",
	}}
}

// measure what a request costs on a way, in each process.
func (f *figures) measure(ctx context.Context, s settings, url string, server, proxy *child.Process) error {
	before, err := cpuOf(server, proxy)
	if err != nil {
		return err
	}
	took, err := keepBusy(ctx, s, url)
	if err != nil {
		return err
	}
	after, err := cpuOf(server, proxy)
	if err != nil {
		return err
	}
	perRequest := func(i int) float64 { return float64((after[i] - before[i]).Microseconds()) / float64(len(took)) }
	f.serverMicroseconds = append(f.serverMicroseconds, perRequest(0))
	f.proxyMicroseconds = append(f.proxyMicroseconds, perRequest(1))
	f.p50 = append(f.p50, 1e3*median(took))
	return nil
}

func cpuOf(processes ...*child.Process) (used []time.Duration, err error) {
	for _, p := range processes {
		cpu, err := p.CPU()
		if err != nil {
			return nil, err
		}
		used = append(used, cpu)
	}
	return used, nil
}

// keepBusy all connections, and return how long each request took in seconds.
func keepBusy(ctx context.Context, s settings, url string) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: s.connections}}
	defer client.CloseIdleConnections()
	took, failed := make([][]float64, s.connections), make([]error, s.connections)
	var clients sync.WaitGroup
	for i := range s.connections {
		clients.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				if err := ask(ctx, client, url); err != nil {
					if ctx.Err() == nil {
						failed[i] = err
					}
					return
				}
				took[i] = append(took[i], time.Since(start).Seconds())
			}
		})
	}
	clients.Wait()
	all := slices.Concat(took...)
	if err := errors.Join(failed...); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("%d requests to %s were answered: %w", len(all), url, err)
	}
	return all, nil
}

func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

func report(out io.Writer, s settings, direct, proxied *figures, memory int64) error {
	alone := median(direct.serverMicroseconds)
	server, proxy := median(proxied.serverMicroseconds), median(proxied.proxyMicroseconds)
	_, err := fmt.Fprintf(out, `%d connections, medians of %d times %s

| way | CPU of the server, µs/request | CPU of the queue-proxy | both | p50, ms |
|---|---:|---:|---:|---:|
| directly | %.0f | – | %.0f | %.2f |
| through the queue-proxy | %.0f | %.0f | %.0f | %.2f |

RESULT bench-proxy direct_us=%.0f proxied_us=%.0f added_us=%.0f memory_mib=%.0f direct_p50_ms=%.2f proxied_p50_ms=%.2f
`, s.connections, s.rounds, s.duration, alone, alone, median(direct.p50), server, proxy, server+proxy, median(proxied.p50),
		alone, server+proxy, server+proxy-alone, float64(memory)/(1<<20), median(direct.p50), median(proxied.p50))
	return err
}
