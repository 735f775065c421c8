// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// event is what matters of one line of the audit log.
type event struct {
	ID        string    `json:"auditID"`
	Verb      string    `json:"verb"`
	URI       string    `json:"requestURI"`
	UserAgent string    `json:"userAgent"`
	Received  time.Time `json:"requestReceivedTimestamp"`
	Object    *struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Request json.RawMessage `json:"requestObject"`
}

// resource with its subresource.
func (e *event) resource() string {
	if e.Object == nil {
		return "-"
	}
	if e.Object.Subresource != "" {
		return e.Object.Resource + "/" + e.Object.Subresource
	}
	return e.Object.Resource
}

const maxAuditLine = 4 << 20

// readAudit visits every event of a user agent once. It is an error if the API server has begun a second file: what the first one
// holds would be missing from every count.
func readAudit(path, agent string, visit func(*event)) error {
	extension := filepath.Ext(path)
	older, err := filepath.Glob(strings.TrimSuffix(path, extension) + "-*" + extension)
	if err != nil {
		return err
	}
	if len(older) > 0 {
		return fmt.Errorf("the audit log goes on from older files: %q", older)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxAuditLine)
	seen := map[string]bool{}
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("reading the audit log: %w", err)
		}
		// A watch is logged when it starts and when it ends.
		if strings.HasPrefix(e.UserAgent, agent) && !seen[e.ID] {
			seen[e.ID] = true
			visit(&e)
		}
	}
	return lines.Err()
}

// request is a kind of request: who was asked for what with which outcome.
type request struct {
	verb, resource string
	code           int
}

// requests counts kinds of requests.
type requests map[request]int

// count adds the requests of one agent within a time.
func (r *requests) count(path, agent string, from, until time.Time) error {
	if *r == nil {
		*r = requests{}
	}
	return readAudit(path, agent, func(e *event) {
		if !e.Received.Before(from) && e.Received.Before(until) {
			(*r)[request{e.Verb, e.resource(), e.Response.Code}]++
		}
	})
}

var writing = map[string]bool{"create": true, "update": true, "patch": true, "delete": true, "deletecollection": true}

func (r requests) total(writes bool) int {
	total := 0
	for kind, count := range r {
		if writing[kind.verb] == writes {
			total += count
		}
	}
	return total
}
