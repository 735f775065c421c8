// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"goservice.dev/operator/workload/internal/abilities"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// sharingPods are services that share their queue, at addresses of loopback of their own.
func sharingPods(t *testing.T, n int, register func(pod int, svc *service.Service)) (pods []*running) {
	t.Helper()
	return sharingPodsWith(t, n, nil, register)
}

// sharingPodsWith is sharingPods with more variables.
func sharingPodsWith(t *testing.T, n int, environment map[string]string, register func(pod int, svc *service.Service)) (pods []*running) {
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
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	_ = free.Close()
	var hosts []string
	for i := range n {
		hosts = append(hosts, "127.0.2."+strconv.Itoa(i+1))
	}
	for i, host := range hosts {
		variables := map[string]string{
			"GOSERVICE_POD": "pod-" + strconv.Itoa(i), "GOSERVICE_POD_IP": host, "GOSERVICE_PEERS_PORT": port,
			"GOSERVICE_PEERS_NAMES": strings.Join(hosts, ","), "GOSERVICE_PEERS_KEYS": folder,
		}
		maps.Copy(variables, environment)
		pods = append(pods, start(t, variables, func(svc *service.Service) { register(i, svc) }))
	}
	for _, pod := range pods {
		for !pod.metric(fmt.Sprintf("goservice_hand_off_peers %d", n-1)) {
		}
	}
	return pods
}

// fixedPool gives each pod one worker.
func fixedPool(pods []*running) {
	for _, pod := range pods {
		pod.tune(livesettings.Document{Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10}})
	}
}

func TestARequestThatWouldWaitRunsInAPodThatIsFree(t *testing.T) {
	began, finish := make(chan string, 2), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			began <- fmt.Sprintf("pod %d", pod)
			<-finish
			_, _ = fmt.Fprintf(w, "pod %d: %s %s %s", pod, body, r.RemoteAddr, r.URL)
		})
	})
	fixedPool(pods)
	var answers sync.Map
	var clients sync.WaitGroup
	post := func(body string) {
		clients.Go(func() {
			response, err := pods[0].client.Post(pods[0].url("/a?b=c"), "text/plain", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			answers.Store(body, string(text))
		})
	}
	post("first")
	if who := <-began; who != "pod 0" {
		t.Fatalf("the first request runs in %s", who)
	}
	post("second")
	if who := <-began; who != "pod 1" {
		t.Errorf("the second request runs in %s", who)
	}
	close(finish)
	clients.Wait()
	first, _ := answers.Load("first")
	second, _ := answers.Load("second")
	if !strings.HasPrefix(first.(string), "pod 0: first 127.0.0.1:") || !strings.HasPrefix(second.(string), "pod 1: second 127.0.0.1:") ||
		!strings.HasSuffix(second.(string), " /a?b=c") {
		t.Errorf("%q, %q", first, second)
	}
	if !pods[0].metric(`goservice_hand_off_requests_total{reason="waiting",result="moved"} 1`) || !pods[1].metric("goservice_hand_off_taken_total 1") {
		t.Error("the metrics do not say so")
	}
}

// What net/http's own response writer can do, it can do for a request that has moved.
func TestHandlersCanDoForRequestsThatHaveMovedWhatTheyCanDoWithoutTheChain(t *testing.T) {
	for name, one := range abilities.All {
		if one.Hijacks { // upgrades stay
			continue
		}
		t.Run(name, func(t *testing.T) {
			abilities.Compare(t, one, func(t *testing.T, handler http.Handler) string {
				pods := busyPods(t, func(pod int, svc *service.Service) {
					svc.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
						if pod == 0 {
							t.Error("it has not moved")
						}
						handler.ServeHTTP(w, r)
					})
				})
				return "127.0.0.1:" + port(pods[0].Address())
			})
		})
	}
}

func TestTheClientOfARequestWhosePodIsGoneIsToldThatItMayHaveRun(t *testing.T) {
	began := make(chan int, 2)
	unblock := make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) {
			began <- pod
			if pod == 1 {
				<-r.Context().Done() // when the link breaks
				return
			}
			<-unblock
		})
	})
	fixedPool(pods)
	post := func() chan *http.Response {
		answer := make(chan *http.Response, 1)
		go func() {
			response, err := pods[0].client.Post(pods[0].url("/"), "", nil)
			if err != nil {
				t.Error(err)
			}
			answer <- response
		}()
		<-began
		return answer
	}
	first := post()
	second := post()
	pods[1].Unlink()
	response := <-second
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(string(text), `"reason":"peer_gone"`) {
		t.Errorf("%s %s", response.Status, text)
	}
	close(unblock)
	if response := <-first; response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
}

func TestAPodThatStopsHandsOverWhatWaits(t *testing.T) {
	began, unblock := make(chan int, 3), []chan struct{}{make(chan struct{}), make(chan struct{})}
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("POST /", func(w http.ResponseWriter, _ *http.Request) {
			began <- pod
			<-unblock[pod]
			_, _ = fmt.Fprint(w, "pod ", pod)
		})
	})
	fixedPool(pods)
	answers := make(chan string, 3)
	post := func() {
		response, err := pods[0].client.Post(pods[0].url("/"), "", nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answers <- string(text)
	}
	go post()
	<-began
	go post()
	<-began // in the other pod
	go post()
	for !pods[0].metric("goservice_pool_queued 1") {
	}
	ended := make(chan error, 1)
	go func() { ended <- pods[0].finish() }()
	close(unblock[1])
	for range 2 {
		if answer := <-answers; answer != "pod 1" {
			t.Errorf("answered by %q", answer)
		}
	}
	close(unblock[0])
	if answer, err := <-answers, <-ended; answer != "pod 0" || err != nil {
		t.Errorf("answered by %q, %v", answer, err)
	}
}

func TestARequestThatMovesIsChargedWhereItCameIn(t *testing.T) {
	began, unblock := make(chan int, 2), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("POST /", func(http.ResponseWriter, *http.Request) {
			began <- pod
			<-unblock
		})
	})
	for _, pod := range pods {
		pod.tune(livesettings.Document{
			Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10},
			RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 2},
		})
	}
	for range 2 { // which leaves the other pod nothing of its own
		pods[1].get(pods[1].url("/"))
	}
	var clients sync.WaitGroup
	post := func() {
		clients.Go(func() {
			response, err := pods[0].client.Post(pods[0].url("/"), "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Error(response.Status)
			}
		})
	}
	post()
	<-began
	post()
	if pod := <-began; pod != 1 {
		t.Errorf("it runs in pod %d", pod)
	}
	if response, err := pods[0].client.Post(pods[0].url("/"), "", nil); err != nil || response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a third one: %v, %v", response, err)
	} else {
		_ = response.Body.Close()
	}
	close(unblock)
	clients.Wait()
}
