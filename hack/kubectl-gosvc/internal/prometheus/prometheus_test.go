// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package prometheus

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
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
	client, err := New(server.URL+"/prom", time.Minute)
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
	nobody, err := New(closed.URL, time.Minute)
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
		if _, err := New(address, time.Minute); err == nil || !strings.Contains(err.Error(), "must be like") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
