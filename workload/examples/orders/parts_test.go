// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/propagation"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/examples/orders/internal/servers"
	"goservice.dev/operator/workload/livesettings"
)

// parts that are real; Kafka is one in this process unless KAFKA_BROKERS names another.
type parts struct{ postgres, redis string }

func newParts(t *testing.T) parts {
	t.Helper()
	return parts{servers.Postgres(t), servers.Redis(t)}
}

// all of them, empty but for the keys in Redis.
func (p parts) all(t *testing.T) config {
	t.Helper()
	brokers, topic, _ := servers.Kafka(t)
	return config{DatabaseURL: servers.Database(t, p.postgres), RedisURL: p.redis, KafkaBrokers: brokers, KafkaTopic: topic}
}

// One server of each kind for all, which takes most of the time.
func TestOnRealParts(t *testing.T) {
	p := newParts(t)
	t.Run("a trace goes through all of them", func(t *testing.T) { traceArrives(t, p.all(t)) })
	t.Run("orders outlive the instance", func(t *testing.T) { ordersOutlive(t, p.all(t)) })
	t.Run("an instance that stops publishes what it has", func(t *testing.T) { publishesBeforeItStops(t, p.all(t)) })
}

func request(t *testing.T, method, url, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// untilReady waits for the migrations.
func (i *instance) untilReady(t *testing.T) {
	t.Helper()
	for {
		if status, _, _ := request(t, http.MethodGet, "http://"+i.AdminAddress().String()+"/readyz", ""); status == http.StatusOK {
			return
		}
	}
}

// consumer is a service of somebody else that reads the events: it continues their traces.
func consume(t *testing.T, c config, endpoint string, count int) {
	t.Helper()
	billing := newInstance(t, config{}, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "GOSERVICE_NAME": "billing"}, livesettings.Document{})
	_, stop := billing.serve(t)
	defer stop() // sends the spans
	tracer := kotel.NewTracer(kotel.TracerProvider(billing.TracerProvider()), kotel.TracerPropagator(propagation.TraceContext{}),
		kotel.ConsumerGroup("billing"))
	client, err := kgo.NewClient(kgo.SeedBrokers(c.KafkaBrokers...), kgo.ConsumeTopics(c.KafkaTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(kotel.NewKotel(kotel.WithTracer(tracer)).Hooks()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for seen := 0; seen < count; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			_, span := tracer.WithProcessSpan(record)
			span.End()
			seen++
		})
	}
}

// trace one order through all parts, to a collector at the endpoint.
func trace(t *testing.T, c config, endpoint string) (traceID string) {
	t.Helper()
	shop := newInstance(t, c, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "GOSERVICE_NAME": "orders"}, livesettings.Document{})
	url, stop := shop.serve(t)
	shop.untilReady(t)
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	traceID = hex.EncodeToString(id)
	status, _, body := request(t, http.MethodPost, url+"/orders", `{"item":"book","quantity":2}`,
		"Idempotency-Key", traceID, "Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	consume(t, c, endpoint, 1)
	stop()
	return traceID
}

// span as it arrives.
type span struct{ service, name, id, parent string }

// collector receives traces as any collector of OpenTelemetry does.
type collector struct {
	mu    sync.Mutex
	spans map[string][]span
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(unzipped)
	var traces tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &traces)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range traces.ResourceSpans {
		name := ""
		for _, attribute := range resource.Resource.Attributes {
			if attribute.Key == "service.name" {
				name = attribute.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				id := hex.EncodeToString(s.TraceId)
				c.spans[id] = append(c.spans[id], span{name, s.Name, hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId)})
			}
		}
	}
}

// The request, the reservation in Redis, the transaction in PostgreSQL, and the event from the outbox through Kafka to its consumer.
func traceArrives(t *testing.T, config config) {
	c := &collector{spans: map[string][]span{}}
	server := httptest.NewServer(c)
	defer server.Close()
	id := trace(t, config, server.URL)
	c.mu.Lock()
	defer c.mu.Unlock()
	checkTrace(t, c.spans[id])
}

func checkTrace(t *testing.T, spans []span) {
	t.Helper()
	// one span of a service by the start of its name, and its parent's if that is given
	find := func(service, name, parent string) span {
		i := slices.IndexFunc(spans, func(s span) bool {
			return s.service == service && strings.HasPrefix(s.name, name) && (parent == "" || s.parent == parent)
		})
		if i < 0 {
			t.Fatalf("no span %q of %s below %q: %+v", name, service, parent, spans)
		}
		found := spans[i]
		spans = slices.Delete(spans, i, i+1)
		return found
	}
	request := find("orders", "POST ", "00f067aa0ba902b7") // the caller's
	find("orders", "set", request.id)                      // the reservation in Redis
	find("orders", "BEGIN", request.id)
	find("orders", "INSERT", request.id) // the order
	find("orders", "INSERT", request.id) // the event
	find("orders", "COMMIT", request.id)
	published := find("orders", "orders-test-", request.id) // the topic
	find("billing", "orders-test-", published.id)
}

func ordersOutlive(t *testing.T, c config) {
	const body = `{"item":"book","quantity":2}`
	var first string
	for range 2 { // one instance after another
		shop := newInstance(t, c, nil, livesettings.Document{})
		url, stop := shop.serve(t)
		shop.untilReady(t)
		status, _, order := request(t, http.MethodPost, url+"/orders", body, "Idempotency-Key", "key")
		if status != http.StatusCreated || first != "" && order != first {
			t.Errorf("%d %s; the first instance answered %s", status, order, first)
		}
		first = order
		if _, _, metrics := request(t, http.MethodGet, "http://"+shop.AdminAddress().String()+"/metrics", ""); !strings.Contains(metrics, "\ndb_client_connection_count{") {
			t.Error("the pool of connections is not measured")
		}
		stop()
	}
	consume(t, c, "", 1)
}

func TestAnInstanceWaitsForItsDatabase(t *testing.T) {
	away := config{DatabaseURL: "postgres://orders@127.0.0.1:1/orders"}
	shop := newInstance(t, away, nil, livesettings.Document{})
	_, stop := shop.serve(t)
	admin := "http://" + shop.AdminAddress().String()
	for path, want := range map[string]int{"/startupz": http.StatusServiceUnavailable, "/readyz": http.StatusServiceUnavailable, "/livez": http.StatusOK} {
		if status, _, body := request(t, http.MethodGet, admin+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	stop() // and can be told to stop meanwhile
}

func TestARequestThatNeedsADatabaseThatIsAwayIsToBeRepeated(t *testing.T) {
	handler := newInstance(t, config{DatabaseURL: "postgres://orders@127.0.0.1:1/orders"}, nil, livesettings.Document{}).Handler()
	got := call(handler, http.MethodPost, "/orders", `{"item":"book","quantity":2}`)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "1" || !strings.Contains(got.Body.String(), "store_unavailable") {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
}

// The broker refuses the event until the instance is told to stop. The relay waits for its next try then, and does not wait for that.
func publishesBeforeItStops(t *testing.T, c config) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, c.KafkaTopic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c.KafkaBrokers = cluster.ListenAddrs()
	const tries = 5 // the next one is almost a second later
	refused, takes := make(chan struct{}, tries), atomic.Bool{}
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if takes.Load() {
			return nil, nil, false
		}
		select {
		case refused <- struct{}{}:
		default:
		}
		return servers.Refusal(request), nil, true
	})
	shop := newInstance(t, c, nil, livesettings.Document{})
	url, stop := shop.serve(t)
	shop.untilReady(t)
	if status, _, body := request(t, http.MethodPost, url+"/orders", `{"item":"book","quantity":2}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	for range tries {
		<-refused
	}
	takes.Store(true)
	stop()
	if published := shop.relay.Published(); published != 1 {
		t.Errorf("%d events were published, want 1", published)
	}
}
