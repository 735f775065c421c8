// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// several services: one that is healthy, one in trouble, one without objectives, and one that nobody has looked at.
func several(t *testing.T, namespace string) {
	t.Helper()
	create(t, namespace, "steady")
	create(t, namespace, "trouble", func(service *v1alpha1.GoService) { service.Name = "payments" })
	create(t, namespace, "starting", func(service *v1alpha1.GoService) { service.Name = "images" })
	create(t, namespace, "unseen", func(service *v1alpha1.GoService) {
		service.Name = "search"
		service.Status = v1alpha1.GoServiceStatus{ObservedGeneration: -1}
	})
}

func TestTopIsAPlainTableWhereNobodyWatches(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	several(t, namespace)
	out := succeeds(t, namespace, "top")
	isGolden(t, "top.txt", namespace, out)
	if strings.Contains(out, "\x1b") {
		t.Error("there are escape sequences in a pipe")
	}
	if all := succeeds(t, newNamespace(t), "top", "-A", "--once"); !strings.Contains(all, namespace) {
		t.Errorf("all namespaces do not have %s:\n%s", namespace, all)
	}
	var result struct{ Services []top.Row }
	if err := json.Unmarshal([]byte(succeeds(t, namespace, "top", "-o", "json")), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Services) != 4 || result.Services[0].Name != "payments" || *result.Services[0].ErrorBudgetLeftPermille != -120 {
		t.Errorf("%+v", result.Services)
	}
	if r := gosvc(t, newNamespace(t), "top"); r.code != 0 || r.out != "" || !strings.Contains(r.err, "-A shows all namespaces") {
		t.Errorf("of an empty namespace: %+v", r)
	}
}

// screen is a terminal with a command that runs in it.
type screen struct {
	mu       sync.Mutex
	emulator *vt.Emulator
	keyboard io.Writer
	ended    chan int
	// written has a value after something was.
	written chan struct{}
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	n, err := s.emulator.Write(text)
	s.mu.Unlock()
	select {
	case s.written <- struct{}{}:
	default:
	}
	return n, err
}

// onTerminal runs a command line in a pseudo-terminal of 30 lines and 120 columns.
func onTerminal(t *testing.T, namespace string, arguments ...string) *screen {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 30, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s := &screen{emulator: vt.NewEmulator(120, 30), keyboard: master, ended: make(chan int, 1), written: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var copies sync.WaitGroup
	copies.Go(func() { _, _ = io.Copy(s, master) })
	copies.Go(func() { _, _ = io.Copy(master, s.emulator) }) // what a terminal answers to what it is asked
	file := kubeconfig(t, testConfig, namespace)
	go func() {
		s.ended <- Run(ctx, Environment{In: slave, Out: slave, ErrOut: slave, Version: "v0.1.0", Now: func() time.Time { return noon }},
			append([]string{"--kubeconfig", file}, arguments...))
	}()
	t.Cleanup(func() {
		cancel()
		_, _ = slave.Close(), master.Close()
		_ = s.emulator.InputPipe().(io.Closer).Close() // Close itself is not meant for two goroutines
		copies.Wait()
	})
	return s
}

// shows waits until the screen has texts in an order, and returns the screen. Frames arrive in parts.
func (s *screen) shows(t *testing.T, texts ...string) string {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		now := s.emulator.String()
		s.mu.Unlock()
		if inOrder(now, texts) {
			var lines []string
			for line := range strings.SplitSeq(now, "\n") {
				lines = append(lines, strings.TrimRight(line, " \r"))
			}
			return strings.Join(lines, "\n") + "\n"
		}
		select {
		case <-s.written:
		case <-late:
			t.Fatalf("the screen never shows %q:\n%s", texts, now)
		}
	}
}

func inOrder(screen string, texts []string) bool {
	for _, text := range texts {
		_, rest, found := strings.Cut(screen, text)
		if !found {
			return false
		}
		screen = rest
	}
	return true
}

func (s *screen) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(s.keyboard, keys); err != nil {
		t.Fatal(err)
	}
}

func TestTopFollowsTheClusterOnATerminal(t *testing.T) {
	namespace := newNamespace(t)
	several(t, namespace)
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("NO_COLOR", "")
	s := onTerminal(t, namespace, "top")
	isGolden(t, "top-screen.txt", namespace, s.shows(t, "4 services", "payments", "checkout", "images", "RollingOut", "search"))

	var service v1alpha1.GoService
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service); err != nil {
		t.Fatal(err)
	}
	*service.Status.Figures.ErrorBudgetLeftPermille = -500
	setStatus(t, &service)
	s.shows(t, "checkout", "-50%", "payments", "images", "search")
	s.press(t, "/pay\r")
	s.shows(t, "1 service;", "BUDGET", "payments", "filter: pay")
	s.press(t, "q")
	if code := <-s.ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTopKeepsUpWithAThousandServices(t *testing.T) {
	namespace := newNamespace(t)
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("NO_COLOR", "1")
	const services = 1000
	names := make(chan int)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for i := range names {
				service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("service-%04d", i)}}
				if err := api.Create(t.Context(), service); err != nil {
					t.Error(err)
					continue
				}
				left := int64(i)
				service.Status.ObservedGeneration = 1
				service.Status.Figures = &v1alpha1.FiguresStatus{MinReplicas: 2, MaxReplicas: 2, WantedReplicas: 2, ErrorBudgetLeftPermille: &left}
				service.Status.ReadyReplicas, service.Status.Summary.SLO = 2, "met"
				if err := api.Status().Update(t.Context(), service); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range services {
		names <- i
	}
	close(names)
	writers.Wait()

	s := onTerminal(t, namespace, "top")
	if first := s.shows(t, "1,000 services;", "service-0000", "service-0025", "1 to 26 of 1000"); strings.Contains(first, "service-0026") {
		t.Errorf("the first page:\n%s", first)
	}
	s.press(t, "G")
	s.shows(t, "service-0974", "service-0999", "975 to 1000 of 1000")
	if err := api.Delete(t.Context(), &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "service-0999"}}); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "999 services")
	s.press(t, "q")
	<-s.ended
	if out := succeeds(t, namespace, "top"); strings.Count(out, "\n") != services {
		t.Errorf("%d lines of %d services", strings.Count(out, "\n"), services-1)
	}
	if os.Getenv("NO_COLOR") == "" {
		t.Error("NO_COLOR is gone")
	}
}
