// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/service"
)

// left says in a header how long the request's context has.
func left(w http.ResponseWriter, r *http.Request) {
	deadline, ok := r.Context().Deadline()
	if !ok {
		w.Header().Set("Left", "for ever")
		return
	}
	w.Header().Set("Left", time.Until(deadline).String())
}

func TestEachRouteHasItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(livesettings.Document{})
		svc.HandleFunc("GET /own", left)
		svc.HandleFunc("GET /short", left, service.Timeout(time.Second))
		svc.HandleFunc("GET /long", left, service.Timeout(time.Hour))
		svc.HandleFunc("GET /none", left, service.Timeout(0))
		for path, want := range map[string]string{"/own": "10s", "/short": "1s", "/long": "1h0m0s", "/none": "for ever"} {
			if got := ask(svc, "GET", path).Header().Get("Left"); got != want {
				t.Errorf("%s has %s, want %s", path, got, want)
			}
		}
	})
}

func TestARoutesLimitTakesNothingFromTheServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 3}})
		svc.HandleFunc("GET /search", hello, service.RateLimit(0.001, 1))
		svc.HandleFunc("GET /other", hello)
		if got := statuses(svc, 4, "GET", "/search"); got != "[200 429 429 429]" {
			t.Errorf("the limited route: %s", got)
		}
		if got := ask(svc, "GET", "/search"); !strings.Contains(got.Body.String(), "of this route") || got.Header().Get("Retry-After") == "" {
			t.Errorf("answered %s", got.Body)
		}
		if got := statuses(svc, 3, "GET", "/other"); got != "[200 200 429]" {
			t.Errorf("the other route: %s", got)
		}
	})
}

func TestAClientOverItsLimitTakesNothingFromOthers(t *testing.T) {
	for name, options := range map[string]struct {
		service []service.Option
		key     ratelimit.KeyFunc
	}{
		"by the route's key":   {key: ratelimit.Header("X-Key")},
		"by the service's key": {service: []service.Option{service.WithClientKey(ratelimit.Header("X-Key"))}},
	} {
		t.Run(name, func(t *testing.T) {
			svc := offline(livesettings.Document{}, options.service...)
			svc.HandleFunc("GET /search", hello, service.RateLimit(0.001, 4), service.PerClient(0.001, 2, options.key))
			of := func(client string) int {
				request, recorder := httptest.NewRequest("GET", "/search", http.NoBody), httptest.NewRecorder()
				request.Header.Set("X-Key", client)
				svc.Handler().ServeHTTP(recorder, request)
				return recorder.Code
			}
			for i, want := range []int{200, 200, 429, 429, 429} {
				if got := of("a"); got != want {
					t.Errorf("request %d of a: %d, want %d", i, got, want)
				}
			}
			for i, want := range []int{200, 200, 429} {
				if got := of("b"); got != want {
					t.Errorf("request %d of b: %d, want %d", i, got, want)
				}
			}
		})
	}
}

// What the route or the service refuses costs its client nothing.
func TestWhatTheServiceRefusesCostsTheClientNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 1, Burst: 1}})
		svc.HandleFunc("GET /search", hello, service.RateLimit(0.001, 2), service.PerClient(0.001, 2, nil))
		if got := statuses(svc, 5, "GET", "/search"); got != "[200 429 429 429 429]" {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(time.Second)
		if got := ask(svc, "GET", "/search").Code; got != http.StatusOK {
			t.Errorf("with a token of the service, and one each of the route and the client: %d", got)
		}
	})
}

// A load balancer that checks the serving port must not take a pod for dead because it is busy.
func TestAnExemptRouteIsServedWhateverTheLoad(t *testing.T) {
	svc := offline(livesettings.Document{
		RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 1}, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1},
	})
	svc.HandleFunc("GET /healthz", hello, service.Exempt())
	svc.HandleFunc("GET /other", hello)
	if got := statuses(svc, 2, "GET", "/other"); got != "[200 429]" {
		t.Fatalf("the limiter: %s", got)
	}
	if err := svc.Pool().Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer svc.Pool().Release()
	if got := statuses(svc, 5, "GET", "/healthz"); got != "[200 200 200 200 200]" {
		t.Errorf("the health check: %s", got)
	}
}

// Whatever a route's code says, the document may say otherwise, and what it leaves out goes back to the code.
func TestTheSettingsOfRoutesAreLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}})
		svc.HandleFunc("POST /x", left, service.Timeout(time.Minute), service.MaxBody(10), service.RateLimit(0.001, 1), service.Unpooled())
		put := func(route *livesettings.Route) {
			t.Helper()
			document := livesettings.Document{Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}}
			if route != nil {
				document.Routes = map[string]livesettings.Route{"POST /x": *route, "GET /unknown": {}}
			}
			if _, err := svc.LiveSettings().Apply(document); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // a limiter keeps its tokens; the new rate brings others
		}
		post := func(body string) *httptest.ResponseRecorder {
			recorder := httptest.NewRecorder()
			svc.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", "/x", strings.NewReader(body)))
			return recorder
		}
		if got := post("x"); got.Code != 200 || got.Header().Get("Left") != "1m0s" {
			t.Errorf("by the code: %d, %s left", got.Code, got.Header().Get("Left"))
		}
		yes, no, none := true, false, livesettings.Duration(0)
		put(&livesettings.Route{Timeout: &none, RateLimit: &livesettings.Bucket{RequestsPerSecond: 1e6, Burst: 100}})
		if got := post("x"); got.Code != 200 || got.Header().Get("Left") != "for ever" {
			t.Errorf("with a timeout of none and a higher limit: %d, %s left", got.Code, got.Header().Get("Left"))
		}
		if got := svc.LiveSettings().Report().Unserved; len(got) != 1 || got[0] != "GET /unknown" {
			t.Errorf("reported as not served: %q", got)
		}
		if err := svc.Pool().Acquire(t.Context()); err != nil { // none is left
			t.Fatal(err)
		}
		defer svc.Pool().Release()
		put(&livesettings.Route{Pool: &yes, RateLimit: &livesettings.Bucket{RequestsPerSecond: 1e6, Burst: 100}})
		if got := post("x"); got.Code != http.StatusServiceUnavailable {
			t.Errorf("with a worker needed and none free: %d", got.Code)
		}
		put(&livesettings.Route{Pool: &yes, Exempt: &yes})
		if got := post("x"); got.Code != 200 {
			t.Errorf("exempt: %d", got.Code)
		}
		put(&livesettings.Route{Pool: &no, Exempt: &no, RateLimit: &livesettings.Bucket{RequestsPerSecond: 0.001, Burst: 1}})
		put(nil)
		if report := svc.LiveSettings().Report(); report.Unserved != nil {
			t.Errorf("reported as not served: %q", report.Unserved)
		}
	})
}

// The routes of a document are in force for those that are registered later, as built-in values are.
func TestRoutesThatAreRegisteredLaterFindTheirSettings(t *testing.T) {
	none := livesettings.Duration(0)
	svc := offline(livesettings.Document{Routes: map[string]livesettings.Route{"GET /x": {Timeout: &none}}})
	svc.HandleFunc("GET /x", left)
	if got := ask(svc, "GET", "/x").Header().Get("Left"); got != "for ever" {
		t.Errorf("%s left", got)
	}
}

func TestOptionsOutOfRangeAreReported(t *testing.T) {
	for want, option := range map[string]service.RouteOption{
		`route "GET /x": timeout: -1s: must not be negative`:       service.Timeout(-time.Second),
		`route "GET /x": maxBodyBytes: -1: must not be negative`:   service.MaxBody(-1),
		`route "GET /x": rateLimit: 0/s, 1 at once: must be`:       service.RateLimit(0, 1),
		`route "GET /x": rateLimit: 1/s, 0 at once: must be`:       service.RateLimit(1, 0),
		`route "GET /x": perClient: 2e+07/s, 1 at once: must be`:   service.PerClient(2e7, 1, nil),
		`route "GET /x": priority: 7: must be Critical, Normal or`: service.Priority(7),
	} {
		svc := offline(livesettings.Document{})
		svc.HandleFunc("GET /x", hello, option)
		if err := svc.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
