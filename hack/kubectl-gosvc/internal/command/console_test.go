// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// page of a console that runs, and the status of the answer.
func page(t *testing.T, method, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// eventually a page has a text.
func eventually(t *testing.T, address, text string) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		_, body := page(t, http.MethodGet, address)
		if strings.Contains(body, text) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not show %q:\n%s", address, text, body)
		case <-tick.C:
		}
	}
}

func TestTheConsoleFollowsTheCluster(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	arguments := []string{"--kubeconfig", kubeconfig(t, testConfig, namespace), "console"}
	go func() {
		ended <- Run(ctx, Environment{In: strings.NewReader(""), Out: in, ErrOut: io.Discard, Version: "v0.1.0", Now: func() time.Time { return noon }}, arguments)
		_ = in.Close()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	eventually(t, address, "checkout")
	eventually(t, address+"s/"+namespace+"/checkout", "live heap 20 MiB")
	eventually(t, address+"s/"+namespace+"/checkout", "No pod exists.")
	create(t, namespace, "trouble", func(service *v1alpha1.GoService) { service.Name = "payments" })
	eventually(t, address, "ImagePullFailed")
	if code, _ := page(t, http.MethodDelete, address+"s/"+namespace+"/checkout"); code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", code)
	}
	if code, _ := page(t, http.MethodGet, address+"s/"+namespace+"/absent"); code != http.StatusNotFound {
		t.Errorf("a service that does not exist: %d", code)
	}
	if code, _ := page(t, http.MethodGet, address[:strings.LastIndex(strings.TrimSuffix(address, "/"), "/")+1]); code != http.StatusForbidden {
		t.Errorf("without the token: %d", code)
	}
	cancel()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("interrupted, it ends with code %d", code)
		}
	case <-time.After(patience):
		t.Error("it does not end")
	}
}

func TestTheConsoleRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--port=70000": "--port is 70000, and must be between 0 and 65535", "--prometheus=localhost:9090": `"localhost:9090" is not the address of a Prometheus`,
	} {
		if said := fails(t, 2, "default", "console", flag); !strings.Contains(said, want) {
			t.Errorf("%s: %s", flag, said)
		}
	}
}
