// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command bench compares unary gRPC calls through the toolkit's chain with grpc-go's own server, and with Connect's handler on bare
// net/http, all in one run:
//
//	go -C hack/grpc run ./bench
//
// Each server is a process of its own on the first processor, the client is on the others. Contenders take turns in short slices, and
// medians are reported. The last line of the output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

type settings struct {
	rounds, connections, inFlight int
	duration                      time.Duration
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 12, "slices of each contender; medians are reported")
	flag.DurationVar(&s.duration, "duration", time.Second, "of each slice")
	flag.IntVar(&s.connections, "connections", 4, "connections of the client")
	flag.IntVar(&s.inFlight, "in-flight", 16, "calls in flight on each connection")
	serve := flag.String("serve", "", "serve as this contender on the port of the argument; the program calls itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := start(ctx, s, *serve); err != nil {
		fmt.Fprintln(os.Stderr, "bench-grpc:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, s settings, serve string) error {
	processors := runtime.NumCPU()
	if serve != "" {
		if err := stay(0); err != nil {
			return err
		}
		return contenders[serve](ctx, flag.Arg(0))
	}
	if processors < 2 {
		return errors.New("needs two processors: one for the servers, the others for the client")
	}
	if s.rounds < 1 || s.connections < 1 || s.inFlight < 1 || s.duration <= 0 {
		return errors.New("-rounds, -connections and -in-flight must be at least 1, -duration above 0")
	}
	others := make([]int, 0, processors-1)
	for i := 1; i < processors; i++ {
		others = append(others, i)
	}
	if err := stay(others...); err != nil {
		return err
	}
	return measure(ctx, s, os.Stdout)
}

// stay on some processors from now on: the threads that there are, and those that they start.
func stay(processors ...int) error {
	var set unix.CPUSet
	for _, processor := range processors {
		set.Set(processor)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("binding to processors %v: %w", processors, err)
		}
	}
	runtime.GOMAXPROCS(len(processors))
	return nil
}

// server is a contender's process.
type server struct {
	command *exec.Cmd
	address string
	calls   []float64 // per second
	cpu     []float64 // microseconds per call
}

func measure(ctx context.Context, s settings, out io.Writer) error {
	servers := map[string]*server{}
	names := []string{grpcGo, bareConnect, chain}
	for _, name := range names {
		one, err := run(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer one.stop()
		servers[name] = one
	}
	for round := range s.rounds {
		for i := range names {
			name := names[(round+i)%len(names)]
			if err := servers[name].slice(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	fmt.Fprintf(out, "%-10s %12s %10s %14s\n", "", "calls/s", "relative", "CPU per call")
	base := median(servers[grpcGo].calls)
	for _, name := range names {
		one := servers[name]
		fmt.Fprintf(out, "%-10s %12.0f %10.3f %11.1f µs\n", name, median(one.calls), median(one.calls)/base, median(one.cpu))
	}
	through := servers[chain]
	fmt.Fprintf(out, "RESULT bench-grpc grpc_go_rps=%.0f connect_rps=%.0f chain_rps=%.0f ratio=%.3f ratio_connect=%.3f cpu_us_grpc_go=%.1f cpu_us_connect=%.1f cpu_us_chain=%.1f\n",
		base, median(servers[bareConnect].calls), median(through.calls), median(through.calls)/base,
		median(through.calls)/median(servers[bareConnect].calls), median(servers[grpcGo].cpu), median(servers[bareConnect].cpu), median(through.cpu))
	return nil
}

func run(ctx context.Context, name string) (*server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, "0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.CommandContext(ctx, program, "-serve", name, port), address: address}
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return s, conn.Close()
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.stop()
			return nil, fmt.Errorf("it does not listen: %w", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *server) stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

func (s *server) slice(ctx context.Context, given settings) error {
	before, err := s.used()
	if err != nil {
		return err
	}
	start := time.Now()
	calls, err := load(ctx, s.address, given.connections, given.inFlight, given.duration)
	if err != nil {
		return err
	}
	after, err := s.used()
	if err != nil {
		return err
	}
	s.calls = append(s.calls, calls)
	// Warming up is part of what was used and of the time.
	s.cpu = append(s.cpu, float64((after-before).Microseconds())/(calls*time.Since(start).Seconds()))
	return nil
}

// used is the processor time of the server.
func (s *server) used() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	return time.Duration(ticks) * tick, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
