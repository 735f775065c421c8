// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Load sends requests at a fixed rate to a service on this machine's loopback and shows, second by second, what was
// admitted and what was turned away. It is for watching a retune, not for measuring: the sender shares the machine with
// the cluster.
//
//	go run ./hack/load -url http://127.0.0.1:8080/ -rate 500 -for 30s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"time"
)

const (
	maxRate     = 20_000
	maxDuration = 10 * time.Minute
)

type options struct {
	url         string
	rate        int
	duration    time.Duration
	connections int
}

func main() {
	var o options
	flag.StringVar(&o.url, "url", "http://127.0.0.1:8080/", "where to send GET requests; loopback only")
	flag.IntVar(&o.rate, "rate", 500, fmt.Sprintf("requests per second, 1 to %d", maxRate))
	flag.DurationVar(&o.duration, "for", 30*time.Second, fmt.Sprintf("how long, 1s to %s", maxDuration))
	flag.IntVar(&o.connections, "connections", 64, "how many connections to spread them over")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func (o options) validate() error {
	target, err := url.Parse(o.url)
	if err != nil {
		return fmt.Errorf("-url: %w", err)
	}
	var errs []error
	if ip := net.ParseIP(target.Hostname()); target.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		errs = append(errs, fmt.Errorf("-url %s is not on loopback: this sends to 127.0.0.1, ::1 and localhost only", o.url))
	}
	if o.rate < 1 || o.rate > maxRate {
		errs = append(errs, fmt.Errorf("-rate must be from 1 to %d", maxRate))
	}
	if o.duration < time.Second || o.duration > maxDuration {
		errs = append(errs, fmt.Errorf("-for must be from 1s to %s", maxDuration))
	}
	if o.connections < 1 || o.connections > 1000 {
		errs = append(errs, errors.New("-connections must be from 1 to 1000"))
	}
	return errors.Join(errs...)
}

// run sends until the time is over or ctx ends, and writes one line a second.
func run(ctx context.Context, o options, out io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()

	transport := &http.Transport{MaxConnsPerHost: o.connections, MaxIdleConnsPerHost: o.connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}

	window := &tally{}
	due := make(chan struct{}, o.rate)
	var senders sync.WaitGroup
	for range o.connections {
		senders.Go(func() {
			for range due {
				send(client, o.url, window)
			}
		})
	}

	report := make(chan struct{})
	go func() {
		defer close(report)
		total := printEachSecond(ctx, window, out)
		fmt.Fprintf(out, "total  %s\n", total.line(1))
	}()
	pace(ctx, o.rate, due, window)
	close(due)
	senders.Wait()
	<-report
	return nil
}

// pace puts what is due into the channel, in steps of a millisecond. What no connection is free for is counted as not
// sent, rather than sent late in a heap.
func pace(ctx context.Context, rate int, due chan<- struct{}, window *tally) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	start, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for want := int(now.Sub(start).Seconds() * float64(rate)); sent < want; sent++ {
				select {
				case due <- struct{}{}:
				default:
					window.unsent()
				}
			}
		}
	}
}

func send(client *http.Client, target string, window *tally) {
	start := time.Now()
	// Without the run's context: a request that was sent is counted by its answer.
	response, err := client.Get(target) //nolint:noctx // bounded by the client's timeout
	if err != nil {
		window.failed()
		return
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err != nil {
		window.failed()
		return
	}
	window.answered(response.StatusCode, time.Since(start))
}

func printEachSecond(ctx context.Context, window *tally, out io.Writer) *tally {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	total, last := &tally{}, time.Now()
	for {
		select {
		case <-ctx.Done():
			total.add(window.take())
			return total
		case now := <-ticker.C:
			second := window.take()
			fmt.Fprintf(out, "%s  %s\n", now.Format(time.TimeOnly), second.line(now.Sub(last).Seconds()))
			last = now
			total.add(second)
		}
	}
}
