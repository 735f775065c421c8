// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAPartOfTheRequestsFails(t *testing.T) {
	for query, want := range map[string]map[int]int{
		"":               {http.StatusInternalServerError: 100},
		"?percent=8":     {http.StatusInternalServerError: 8, http.StatusOK: 92},
		"?percent=0":     {http.StatusOK: 100},
		"?percent=101":   {http.StatusBadRequest: 100},
		"?percent=eight": {http.StatusBadRequest: 100},
	} {
		var handler failing
		got := map[int]int{}
		for range 100 {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/fail"+query, http.NoBody))
			got[recorder.Code]++
		}
		for code, count := range want {
			if got[code] != count || len(got) != len(want) {
				t.Errorf("%q: answers %v, want %v", query, got, want)
			}
		}
	}
}
