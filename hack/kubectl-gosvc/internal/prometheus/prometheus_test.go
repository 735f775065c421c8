// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package prometheus

import (
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// server of an API, and a client of it.
func serve(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := New(Options{Address: server.URL + "/prom", Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func TestAnAnswerHasAValueForEachStep(t *testing.T) {
	t.Parallel()
	client := serve(t, says(http.StatusOK, fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"le":"0.1"},"values":[[%[1]d,"5"],[%[2]d.000,"NaN"],[%[3]d,"+Inf"],[%[4]d,"7.5"]]},
		{"metric":{"le":"+Inf"},"values":[[%[4]d,"1e3"]]}]}}`, noon.Unix(), noon.Unix()+60, noon.Unix()+120, noon.Unix()+240)))
	series, err := client.Range(t.Context(), "x", noon, time.Minute, 6)
	if err != nil || len(series) != 2 {
		t.Fatalf("%+v, %v", series, err)
	}
	if got, want := fmt.Sprint(series[0].Values, series[1].Values), "[5 NaN NaN NaN 7.5 NaN] [NaN NaN NaN NaN 1000 NaN]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if series[0].Labels["le"] != "0.1" || series[1].Labels["le"] != "+Inf" {
		t.Errorf("labels %v and %v", series[0].Labels, series[1].Labels)
	}
}

// Prometheus refuses more than 11,000 points of a series; a longer time is asked for in parts, in which nothing is lost or twice.
func TestALongTimeIsAskedForInParts(t *testing.T) {
	t.Parallel()
	asked := 0
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		number := func(name string) int64 {
			n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
			if err != nil {
				t.Error(err)
			}
			return n
		}
		start, end, step := number("start"), number("end"), number("step")
		if (end-start)/step > 11_000 {
			says(http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries."}`)(w, r)
			return
		}
		var values []string
		for at := start; at <= end; at += step {
			values = append(values, fmt.Sprintf(`[%d,"%d"]`, at, (at-noon.Unix())/step))
		}
		says(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[`+strings.Join(values, ",")+`]}]}}`)(w, r)
	})
	series, err := client.Range(t.Context(), "x", noon, 15*time.Second, 25_000)
	if err != nil || len(series) != 1 || asked != 3 {
		t.Fatalf("%d series after %d questions, %v", len(series), asked, err)
	}
	for i, v := range series[0].Values {
		if v != float64(i) || math.IsNaN(v) {
			t.Fatalf("value %d is %v", i, v)
		}
	}
}

func TestAFailureSaysOfWhomAndWhy(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	nobody, err := New(Options{Address: closed.URL, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for want, client := range map[string]*Client{
		"connection refused":                            nobody,
		"status 404, and no answer of Prometheus's API": serve(t, says(http.StatusNotFound, "<html>not found</html>")),
		"status 422: query timed out":                   serve(t, says(http.StatusUnprocessableEntity, `{"status":"error","error":"query timed out"}`)),
		`its result is a "vector", not a matrix`:        serve(t, says(http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[]}}`)),
	} {
		_, err := client.Range(t.Context(), "up", noon, time.Minute, 10)
		if err == nil || !strings.Contains(err.Error(), "asking the Prometheus at http://127.0.0.1:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, address := range []string{"", "localhost:9090", "ftp://a", "http://"} {
		if _, err := New(Options{Address: address}); err == nil || !strings.Contains(err.Error(), "must be like") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A Prometheus behind a gateway asks who its clients are, and what it answers goes to nobody else.
func TestAPrometheusThatAsksWhoItIs(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token went elsewhere") }))
	defer elsewhere.Close()
	var seen http.Header
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen = r.Header; r.URL.Query().Get("query") == "moved" {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
			return
		}
		says(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)(w, r)
	}))
	defer server.Close()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	token := write("token", "first\n")
	authorities := write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	client, err := New(Options{Address: server.URL, Headers: []string{"X-Scope-OrgID=shop"}, TokenFile: token, CAFile: authorities, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second"} {
		write("token", want)
		if _, err := client.Range(t.Context(), "x", noon, time.Minute, 2); err != nil || seen.Get("Authorization") != "Bearer "+want || seen.Get("X-Scope-OrgID") != "shop" {
			t.Errorf("%v, %v", seen, err)
		}
	}
	if _, err := client.Range(t.Context(), "moved", noon, time.Minute, 2); err == nil || !strings.Contains(err.Error(), "status 302") {
		t.Error(err)
	}
	for _, c := range []struct {
		options Options
		err     string
	}{
		{Options{Headers: []string{"X-Scope-OrgID"}}, `--prometheus-header: "X-Scope-OrgID" must be NAME=VALUE`},
		{Options{Headers: []string{"X Y=z"}}, `--prometheus-header: "X Y=z" must be NAME=VALUE`},
		{Options{TokenFile: filepath.Join(folder, "none")}, "--prometheus-bearer-token-file: "},
		{Options{TokenFile: write("empty", "\n")}, "must have one line that is not empty"},
		{Options{TokenFile: write("two", "a\nb\n")}, "must have one line that is not empty"},
		{Options{CAFile: filepath.Join(folder, "none")}, "--prometheus-ca-file: "},
		{Options{CAFile: token}, "has no certificate in PEM"},
	} {
		c.options.Address = server.URL
		if _, err := New(c.options); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %v, want one with %q", err, c.err)
		}
	}
}
