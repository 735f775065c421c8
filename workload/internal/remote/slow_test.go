// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// slowClient takes a while for each part of the response.
type slowClient struct{ *httptest.ResponseRecorder }

func (s slowClient) Write(data []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return s.ResponseRecorder.Write(data)
}

// Else a few of them make a move look so expensive that nothing moves any more.
func TestASlowClientDoesNotCountForWhatAMoveCosts(t *testing.T) {
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = w.Write(make([]byte, 8<<10))
		}
	})})
	r := get(t)
	outcome, err := from.Do(slowClient{httptest.NewRecorder()}, r, 1, HeadOf(r), Options{})
	if cost := outcome.Took - outcome.Worked; err != nil || outcome.Took == 0 || cost > 100*time.Millisecond {
		t.Errorf("%+v, %v", outcome, err)
	}
}
