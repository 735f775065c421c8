// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// answers are what a pod may answer GET /live-settings with, and what becomes of it.
var answers = map[string]struct {
	handler http.HandlerFunc
	want    Answer
	trouble string
}{
	"the revision in force": {
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"revision":"abc","document":{"version":1}}`)
		},
		Answer{Revision: "abc"}, "",
	},
	"a refused file": {
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"revision":"abc","error":"no"}`) },
		Answer{Revision: "abc", Refused: "no"}, "",
	},
	"a long refusal": {
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"revision":%q,"error":%q}`, strings.Repeat("a", 1000), strings.Repeat("no\n", 5000))
		},
		Answer{Revision: strings.Repeat("a", 199) + "…", Refused: strings.Repeat("no ", 66) + "n…"}, "",
	},
	"a newer workload's report": {
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"revision":"abc","later":true}`) },
		Answer{Revision: "abc"}, "",
	},
	"something else": {
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) },
		Answer{}, "does not answer /live-settings with a live settings report",
	},
	"no such path": {http.NotFound, Answer{}, "answers port 9100 but does not report live settings"},
	"more than there can be": {
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"revision":%q}`, strings.Repeat("x", maxReportBytes))
		},
		Answer{}, "does not answer /live-settings with a live settings report",
	},
}

func TestAskDirectly(t *testing.T) {
	cases := answers
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/live-settings" {
					t.Errorf("asked by %s %s", r.Method, r.URL.Path)
				}
				c.handler(w, r)
			}))
			defer server.Close()
			answer, err := askServer(t, server)
			checkAnswer(t, answer, err, c.want, c.trouble)
		})
	}
}

// Pods from before live settings had a version answer at another path.
func TestOlderPodsAreAskedAtTheirPath(t *testing.T) {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"revision":"abc"}`) }
	mux.HandleFunc("GET /tuning", answer)
	mux.HandleFunc("GET /api/v1/namespaces/shop/pods/http:checkout-1:9100/proxy/tuning", answer)
	server := httptest.NewServer(mux)
	defer server.Close()
	host, portText, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	client, err := corev1client.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	pod := Pod{Namespace: "shop", Name: "checkout-1", IP: host, Older: true}
	for name, ask := range map[string]func(context.Context, Pod) (Answer, error){"directly": askAt(port), "through the API server": AskThroughAPIServer(client)} {
		t.Run(name, func(t *testing.T) {
			answer, err := ask(t.Context(), pod)
			checkAnswer(t, answer, err, Answer{Revision: "abc"}, "")
		})
	}
}

// Pods of every version are understood: of the last one whose parser was strict, of this one and of later ones.
func TestReportsOfEachVersion(t *testing.T) {
	for name, want := range map[string]Answer{
		"report-v0":    {Revision: "0f9a4f3b1c2d", Refused: `tuning document: json: unknown field "revision"`},
		"report-v1":    {Revision: "1715faa837d7"},
		"report-later": {Revision: "2031.4-later_form"},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("..", "..", "..", "workload", "livesettings", "testdata", "skew", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := parse(Pod{}, bytes.NewReader(content))
			checkAnswer(t, answer, err, want, "")
		})
	}
}

func TestAPodCannotSendTheOperatorElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the operator followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer server.Close()
	answer, err := askServer(t, server)
	checkAnswer(t, answer, err, Answer{}, "answers /live-settings with HTTP status 302")
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	answer, err := askServer(t, server)
	checkAnswer(t, answer, err, Answer{}, "does not listen on port 9100: is the image built on the toolkit?")
}

func askServer(t *testing.T, server *httptest.Server) (Answer, error) {
	t.Helper()
	host, portText, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	return askAt(port)(t.Context(), Pod{IP: host})
}

func checkAnswer(t *testing.T, got Answer, err error, want Answer, trouble string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	switch {
	case trouble == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case trouble != "" && (err == nil || !strings.HasPrefix(describe(err), trouble)):
		t.Errorf("error %v, want one that is described as %q", err, trouble)
	}
}

func TestAskThroughAPIServer(t *testing.T) {
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if want := "/api/v1/namespaces/shop/pods/http:checkout-1:9100/proxy/live-settings"; r.URL.Path != want {
					t.Errorf("asked at %s, want %s", r.URL.Path, want)
				}
				c.handler(w, r)
			}))
			defer server.Close()
			client, err := corev1client.NewForConfig(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := AskThroughAPIServer(client)(t.Context(), Pod{Namespace: "shop", Name: "checkout-1", IP: "10.0.0.1"})
			checkAnswer(t, answer, err, c.want, c.trouble)
		})
	}
}

// Addresses and ephemeral ports would make every message a new one, and every new message a write of the status.
func TestDescribe(t *testing.T) {
	reset := &net.OpError{
		Op: "read", Net: "tcp",
		Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 34567}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9100},
		Err: syscall.ECONNRESET,
	}
	request := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://10.0.0.2:9100/live-settings", Err: err}
	}
	const silent = "does not answer on port 9100 within a second: is a NetworkPolicy blocking the operator?"
	cases := map[string]struct {
		err  error
		want string
	}{
		"a deadline":             {context.DeadlineExceeded, silent},
		"the client's deadline":  {request(errors.New("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")), silent},
		"a reset connection":     {request(reset), "cannot be queried: connection reset by peer"},
		"an ended connection":    {request(io.EOF), "cannot be queried: EOF"},
		"no route":               {request(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}), "cannot be reached on port 9100 from the operator"},
		"the proxy, refused":     {errors.New("error trying to reach service: dial tcp 10.0.0.2:9100: connect: connection refused"), "does not listen on port 9100: is the image built on the toolkit?"},
		"the proxy, anything":    {errors.New("error trying to reach service: EOF"), "cannot be reached on port 9100 through the API server"},
		"an annotation":          {&nudgeError{errors.New("pods is forbidden")}, "cannot be annotated: pods is forbidden"},
		"an annotation, network": {&nudgeError{request(reset)}, "cannot be annotated: connection reset by peer"},
		"anything else":          {errors.New("has no address yet"), "has no address yet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := describe(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnAddressThatIsNone(t *testing.T) {
	answer, err := askAt(9100)(t.Context(), Pod{IP: "not an address"})
	checkAnswer(t, answer, err, Answer{}, "cannot be queried: invalid character")
}

func TestWhatAnAnnotationFailedByIsKept(t *testing.T) {
	cause := errors.New("forbidden")
	if err := error(&nudgeError{cause}); !errors.Is(err, cause) || err.Error() != "annotating the pod: forbidden" {
		t.Errorf("error %v", err)
	}
}
