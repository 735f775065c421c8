// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// noon is the clock of all tests.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const secret = "SECRET"

// service as an operator left it, from a file of the explain package.
func service(t testing.TB, file string) *v1alpha1.GoService {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "explain", "testdata", file+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var s v1alpha1.GoService
	if err := yaml.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// opened console of services.
func opened(t testing.TB, services ...*v1alpha1.GoService) http.Handler {
	t.Helper()
	return consoleOf(t, services...).handler(t.Context(), "127.0.0.1")
}

func consoleOf(t testing.TB, services ...*v1alpha1.GoService) *Console {
	t.Helper()
	board := top.NewBoard(func() time.Time { return noon })
	list := make([]any, len(services))
	byName := map[string]*v1alpha1.GoService{}
	for i, s := range services {
		list[i], byName[s.Namespace+"/"+s.Name] = s, s
	}
	if err := board.Replace(list, ""); err != nil {
		t.Fatal(err)
	}
	return &Console{
		Board: board, Title: "all namespaces", Now: func() time.Time { return noon }, token: secret,
		Cluster: Cluster{
			Service: func(_ context.Context, namespace, name string) (*v1alpha1.GoService, error) {
				if s := byName[namespace+"/"+name]; s != nil {
					return s, nil
				}
				return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "goservices"}, name)
			},
			Events: func(context.Context, *v1alpha1.GoService) ([]corev1.Event, error) { return nil, nil },
			Pods:   func(*v1alpha1.GoService) (*top.Pods, error) { return nil, errors.New("no pods in this test") },
		},
	}
}

// ask the console, as a browser on this machine does unless it is changed.
func ask(t *testing.T, handler http.Handler, method, path string, change ...func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	request.Host = "127.0.0.1:8001"
	for _, f := range change {
		f(request)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	body, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Code, string(body), recorder.Result().Header
}

func TestOnlyThisMachinesNamesAreAnswered(t *testing.T) {
	t.Parallel()
	handler := opened(t, service(t, "trouble"))
	for host, want := range map[string]int{
		"127.0.0.1:8001": 200, "localhost:8001": 200, "LOCALHOST": 200, "localhost:9999": 200, "127.0.0.1": 200,
		"evil.example": 403, "evil.example:8001": 403, "127.0.0.1.evil.example:8001": 403, "localhost.evil.example": 403, "": 403, "0.0.0.0:8001": 403,
		"127.0.0.2:8001": 403, "[::1]:8001": 403, "127.0.0.1:8001:8001": 403,
	} {
		code, body, _ := ask(t, handler, http.MethodGet, "/"+secret+"/", func(r *http.Request) { r.Host = host })
		if code != want || want == 403 && strings.Contains(body, "checkout") {
			t.Errorf("Host %q: %d, want %d", host, code, want)
		}
	}
}

func TestNothingButReadingIsAllowed(t *testing.T) {
	t.Parallel()
	handler := opened(t, service(t, "trouble"))
	for _, path := range []string{"/" + secret + "/", "/" + secret + "/s/shop/checkout", "/" + secret + "/console.js", "/" + secret + "/nothing", "/"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "LIST"} {
			code, _, header := ask(t, handler, http.MethodGet, path, func(r *http.Request) {
				r.Method = method
				r.Header.Set("X-HTTP-Method-Override", "GET")
			})
			if code != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, code, header.Get("Allow"))
			}
		}
	}
	if code, _, _ := ask(t, handler, http.MethodHead, "/"+secret+"/"); code != http.StatusOK {
		t.Errorf("HEAD: %d", code)
	}
	if code, _, _ := ask(t, handler, http.MethodGet, "/"+secret+"/", func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") }); code != http.StatusOK {
		t.Errorf("a header that overrides the method is heeded: %d", code)
	}
}

func TestNobodyReadsWithoutTheToken(t *testing.T) {
	t.Parallel()
	handler := opened(t, service(t, "trouble"))
	for _, path := range []string{
		"/", "/console.css", "/s/shop/checkout", "/SECRE/", "/SECRET0/", "/secret/", "//" + secret + "/", "/x/" + secret + "/", "/x/../" + secret + "/", "/?token=" + secret,
	} {
		if code, body, _ := ask(t, handler, http.MethodGet, path); code != http.StatusForbidden || strings.Contains(body, "checkout") {
			t.Errorf("%s: %d", path, code)
		}
	}
	for _, path := range []string{"/", "/s/shop/checkout", "/console.css", "/console.js", "/icon.svg"} {
		if code, _, _ := ask(t, handler, http.MethodGet, "/"+secret+path); code != http.StatusOK {
			t.Errorf("%s with the token: %d", path, code)
		}
	}
	for _, path := range []string{"/assets/console.css", "/console.go", "/s/shop/absent", "/nothing"} {
		if code, _, _ := ask(t, handler, http.MethodGet, "/"+secret+path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestEveryAnswerForbidsWhatThePageDoesNotNeed(t *testing.T) {
	t.Parallel()
	handler := opened(t, service(t, "trouble"))
	for _, path := range []string{"/", "/" + secret + "/", "/" + secret + "/s/shop/checkout", "/" + secret + "/icon.svg"} {
		_, _, header := ask(t, handler, http.MethodGet, path)
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
		t.Error(policy)
	}
}

const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}'`

func TestNothingOfAnObjectIsMarkup(t *testing.T) {
	t.Parallel()
	s := service(t, "trouble")
	s.Annotations = map[string]string{"note": hostile}
	s.Spec.Image, s.Status.URL = hostile, "javascript:alert(3)//"+hostile
	for i := range s.Status.Conditions {
		s.Status.Conditions[i].Message += hostile
		s.Status.Conditions[i].Reason = hostile
	}
	for i := range s.Status.Decisions {
		d := &s.Status.Decisions[i]
		d.What, d.From, d.To, d.Reason = hostile, hostile, hostile, hostile
	}
	s.Status.Summary.SLO = hostile
	s.Status.Plan.Replicas.Reason, s.Status.Plan.Replicas.Value = hostile, hostile
	s.Status.LiveSettings.Revision, s.Status.LiveSettings.RequestsPerSecondPerPod = hostile, hostile
	s.Status.LiveSettings.Unconfirmed = []v1alpha1.UnconfirmedPod{{Pod: "a", Reason: hostile}}
	c := consoleOf(t, s)
	c.Title = hostile
	handler := c.handler(t.Context(), "127.0.0.1")
	key := "/" + secret + "/s/shop/checkout"
	c.watchers.all = nil
	for _, path := range []string{"/" + secret + "/?q=" + url.QueryEscape(hostile), "/" + secret + "/?sort=" + url.QueryEscape(hostile), "/" + secret + "/", key, key + "?range=" + url.QueryEscape(hostile), "/" + secret + "/s/shop/" + url.PathEscape(strings.ReplaceAll(hostile, "/", ""))} {
		_, body, _ := ask(t, handler, http.MethodGet, path)
		for _, forbidden := range []string{"<img", "<script>", "onerror=alert(1)>", `href="javascript:`} {
			if strings.Contains(body, forbidden) {
				t.Errorf("%s: the page has %s", path, forbidden)
			}
		}
		if !strings.Contains(body, "&lt;img src=x onerror") {
			t.Errorf("%s: the text is not shown as text", path)
		}
	}
	pods := DetailOf(s, seen{asked: true, pods: []top.Pod{{Name: hostile, Problem: hostile}, {Name: "a", Ready: true}}, failed: errors.New(hostile), events: []corev1.Event{{
		Reason: hostile, Message: hostile, LastTimestamp: metav1.NewTime(noon.Add(-time.Minute)),
	}}}, "", noon)
	text := string((&document{Detail: pods, Failed: hostile, Problem: hostile, Title: hostile, Heading: hostile}).html())
	if strings.Contains(text, "<img") || strings.Contains(text, "<script>") {
		t.Error("a pod or an Event becomes markup")
	}
}

func TestAPageThatHasNotChangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	c := consoleOf(t, service(t, "trouble"), service(t, "steady"))
	clock := noon
	c.Now = func() time.Time { return clock }
	handler := c.handler(t.Context(), "127.0.0.1")
	_, _, header := ask(t, handler, http.MethodGet, "/"+secret+"/")
	again := func(r *http.Request) { r.Header.Set("If-None-Match", header.Get("ETag")) }
	clock = noon.Add(2 * time.Second)
	if code, body, _ := ask(t, handler, http.MethodGet, "/"+secret+"/", again); code != http.StatusNotModified || body != "" {
		t.Errorf("%d with %d bytes", code, len(body))
	}
	changed := service(t, "steady")
	changed.Name = "new"
	if err := c.Board.Add(changed); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := ask(t, handler, http.MethodGet, "/"+secret+"/", again); code != http.StatusOK || !strings.Contains(body, "new") {
		t.Errorf("after a change: %d", code)
	}
}

// fleet of services: most are steady.
func fleet(t testing.TB, n int) []*v1alpha1.GoService {
	t.Helper()
	kinds := []*v1alpha1.GoService{service(t, "steady"), service(t, "trouble"), service(t, "starting"), service(t, "unseen")}
	names := []string{"checkout", "payments", "search", "images", "cart", "login", "prices", "stock", "mail", "reviews"}
	services := make([]*v1alpha1.GoService, n)
	for i := range services {
		kind := 0
		switch {
		case i%97 == 3:
			kind = 1
		case i%61 == 7:
			kind = 2
		case i%499 == 9:
			kind = 3
		}
		s := kinds[kind].DeepCopy()
		s.Namespace, s.Name = fmt.Sprintf("team-%02d", i/len(names)%50), names[i%len(names)]
		if i >= 50*len(names) {
			s.Name += fmt.Sprintf("-%d", i/(50*len(names))+1)
		}
		if f := s.Status.Figures; f != nil && kind == 0 && f.ErrorBudgetLeftPermille != nil {
			*f.ErrorBudgetLeftPermille = int64(1000 - i*7919%830)
		}
		services[i] = s
	}
	return services
}
