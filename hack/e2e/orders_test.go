// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	shoppers = 8
	// betweenOrders of one shopper: together they stay far below the service's limit.
	betweenOrders = 50 * time.Millisecond
	// againAfter no answer, or one that asks to come again.
	againAfter = 200 * time.Millisecond
	// repeated on purpose is one acknowledged order in so many.
	repeatEvery = 5
)

// The reference service is deployed with PostgreSQL by its samples, and retuned, rolled, and killed while clients place orders, each
// with an idempotency key until it is acknowledged. The database has exactly the orders that were acknowledged. Its other front answers a
// gRPC client of the cluster through the same Service.
func TestNoOrderIsLostOrDoubled(t *testing.T) {
	j := newJourney(t)
	j.applySample("orders_postgres", "postgres:17", os.Getenv("POSTGRES_IMG"), "")
	// Two pods and their surge have room on a small node, whatever a busy machine makes of the latency.
	j.applySample("goservice_orders", "goservice.dev/orders:latest", os.Getenv("ORDERS_IMG"),
		"  autoscaling: {mode: External}\n  resources: {requests: {cpu: 20m, memory: 32Mi}, limits: {memory: 128Mi}}\n")
	j.ready("orders")
	j.exposeAt("orders", "/orders/none", http.StatusNotFound)

	ctx, stop := context.WithCancel(j.ctx)
	defer stop()
	shop := &shop{ids: map[string]bool{}, repeats: map[string]int{}}
	var running sync.WaitGroup
	for i := range shoppers {
		running.Go(func() { shop.shopUntil(ctx, j, fmt.Sprintf("shopper-%d", i)) })
	}
	shop.goesOn(j)

	t.Log("a retune, while another pod calls by gRPC")
	calls := j.startInside(flow{"orders, gRPC", "orders", 80, "/grpc.health.v1.Health/Check", []string{"-grpc", "-rate", "20", "-connections", "2"}, 2})
	before := j.identities("orders")
	j.patchRate("orders", 1000)
	j.waitFor("orders", v1alpha1.ConditionTuned)
	j.Expect(j.reports("orders")).To(gomega.HaveEach(gomega.HaveField("Document.RateLimit.RequestsPerSecond", 500.0)))
	j.Expect(j.identities("orders")).To(gomega.Equal(before), "no pod was replaced or restarted")
	shop.goesOn(j)
	calls.lossless()

	t.Log("a pod that is killed")
	j.kubectl("", "delete", "pod", j.pods("orders")[0].Name, "--grace-period=0", "--force")
	shop.goesOn(j)
	j.ready("orders")

	t.Log("a rollout")
	var old []types.UID
	for _, pod := range j.pods("orders") {
		old = append(old, pod.UID)
	}
	j.kubectl("", "patch", "gosvc", "orders", "--type=json", "-p", `[{"op":"add","path":"/spec/env/-","value":{"name":"COLOR","value":"green"}}]`)
	j.eventually(func() []types.UID {
		var left []types.UID
		for _, pod := range j.pods("orders") {
			if slices.Contains(old, pod.UID) {
				left = append(left, pod.UID)
			}
		}
		return left
	}).Should(gomega.BeEmpty(), "pods of before the rollout")
	j.ready("orders")
	shop.goesOn(j)
	stop()
	running.Wait()

	stored := strings.Fields(j.sql("SELECT id FROM orders"))
	t.Logf("%d orders acknowledged, %d stored; repeated: %v", len(shop.ids), len(stored), shop.repeats)
	j.Expect(shop.problems).To(gomega.BeEmpty())
	for _, id := range stored {
		j.Expect(shop.ids[id]).To(gomega.BeTrue(), "order %s is stored, and nobody was told: it is doubled", id)
	}
	for id := range shop.ids {
		j.Expect(slices.Contains(stored, id)).To(gomega.BeTrue(), "order %s was acknowledged and is lost", id)
	}
	j.eventually(func() string { return strings.TrimSpace(j.sql("SELECT count(*) FROM outbox")) }).Should(gomega.Equal("0"), "all events are published")
}

// applySample with another image, and more at its end.
func (j *journey) applySample(name, image, by, more string) {
	j.t.Helper()
	sample, err := os.ReadFile("../../config/samples/" + name + ".yaml")
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(string(sample)).To(gomega.ContainSubstring("image: " + image))
	j.apply(strings.Replace(string(sample), "image: "+image, "image: "+by, 1) + more)
}

// sql asks the database of the sample.
func (j *journey) sql(query string) string {
	j.t.Helper()
	return j.kubectl("", "exec", "orders-database-0", "--", "psql", "postgres://orders:only-to-try@127.0.0.1/orders", "-Atc", query)
}

// shop is what all clients together were told.
type shop struct {
	mu       sync.Mutex
	ids      map[string]bool
	repeats  map[string]int
	problems []string
}

// shopUntil ctx ends; an order that has begun is repeated until it is acknowledged.
func (s *shop) shopUntil(ctx context.Context, j *journey, name string) {
	pause := time.NewTicker(betweenOrders)
	defer pause.Stop()
	for number := 1; ; number++ {
		key := fmt.Sprintf("%s-%d", name, number)
		id := s.order(j.ctx, key)
		if id != "" && number%repeatEvery == 0 {
			if again := s.order(j.ctx, key); again != id {
				s.note("order " + id + " is " + again + " when it is repeated")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

func (s *shop) note(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, problem)
}

// order returns the id that was acknowledged, or nothing if the test ended.
func (s *shop) order(ctx context.Context, key string) string {
	again := time.NewTicker(againAfter)
	defer again.Stop()
	for {
		id, why := place(ctx, key)
		s.mu.Lock()
		if id != "" {
			s.ids[id] = true
			s.mu.Unlock()
			return id
		}
		s.repeats[why]++
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ""
		case <-again.C:
		}
	}
}

func place(ctx context.Context, key string) (id, why string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, cluster.url+"/orders", strings.NewReader(`{"item":"book","quantity":2}`))
	if err != nil {
		return "", err.Error()
	}
	request.Header.Set("Idempotency-Key", key)
	response, err := freshConnections.Do(request)
	if err != nil {
		return "", "no answer"
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return "", response.Status
	}
	var order struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&order); err != nil || order.ID == "" {
		return "", "half an answer"
	}
	return order.ID, ""
}

// goesOn waits for so many more orders: what the test does next, or has done, happens under load.
func (s *shop) goesOn(j *journey) {
	j.t.Helper()
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.ids)
	}
	j.eventually(count).Should(gomega.BeNumerically(">", count()+10*shoppers))
}
