// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package podhttp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func get(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestHeadersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Much", strings.Repeat("x", 2*maxHeaderBytes))
	}))
	defer server.Close()
	client := Client(Options{Timeout: 10 * time.Second})
	defer client.CloseIdleConnections()
	if _, err := get(t, client, server.URL); err == nil || !strings.Contains(err.Error(), "headers exceeded") {
		t.Errorf("%d KiB of headers: error %v", 2*maxHeaderBytes>>10, err)
	}
}

func TestBoundEndsALongAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", len(r.URL.Path)))
	}))
	defer server.Close()
	client := Bound(server.Client(), 10)
	if body, err := get(t, client, server.URL+"/23456789"+"A"); err != nil || len(body) != 10 {
		t.Errorf("an answer of 10 bytes: %q, error %v", body, err)
	}
	if _, err := get(t, client, server.URL+"/23456789"+"AB"); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("an answer of 11 bytes: error %v", err)
	}
}

func TestClip(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a short text":        {"does not answer", "does not answer"},
		"lines and controls":  {" a\r\n\tb\x1b[31mc\x00 ", "a b [31mc"},
		"what is no text":     {"a\xff\xfeb", "a b"},
		"nothing":             {"\n\x00", ""},
		"a text that fits":    {strings.Repeat("é", 199), strings.Repeat("é", 199)},
		"a text that is long": {strings.Repeat("é", 300000), strings.Repeat("é", 199) + "…"},
		"long words":          {strings.Repeat("x", 198) + "  yz", strings.Repeat("x", 198) + " …"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Clip(c.text)
			if got != c.want || utf8.RuneCountInString(got) > maxTextLength {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
