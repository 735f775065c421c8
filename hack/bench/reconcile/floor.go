// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// captured is the name of the GoService whose requests are the template; no other text of them contains it.
const captured = "captured-service"

// template is what the operator sends for one GoService; the bare client sends the same for all.
type template struct {
	spec     map[string]any
	children []message
	status   message
}

// message is one request with the captured names in it.
type message struct {
	path, contentType, body string
	// resource and name of what it writes.
	resource, name string
}

// at is the message for another GoService.
func (m message) at(where place, uid, capturedUID types.UID) (path string, body []byte) {
	replacer := strings.NewReplacer(captureNamespace, where.namespace, captured, where.name, string(capturedUID), string(uid))
	return replacer.Replace(m.path), []byte(replacer.Replace(m.body))
}

// kind of what the message writes.
func (m message) kind() (schema.GroupVersionKind, error) {
	var object metav1.TypeMeta
	if err := json.Unmarshal([]byte(m.body), &object); err != nil {
		return schema.GroupVersionKind{}, err
	}
	return object.GroupVersionKind(), nil
}

// nameAt is the name of what the message writes for another GoService.
func (m message) nameAt(where place) string { return strings.ReplaceAll(m.name, captured, where.name) }

// capturedTemplate is a template with the UID that stands in it.
type capturedTemplate struct {
	template
	uid types.UID
}

// capture applies one GoService and reads from the audit log what the operator sent for it.
func capture(ctx context.Context, client *bareClient, server *server, operator *operator, spec map[string]any) (*capturedTemplate, error) {
	if err := client.createNamespaces(ctx, captureNamespace); err != nil {
		return nil, err
	}
	uid, err := client.applyService(ctx, place{captureNamespace, captured}, spec)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for {
		t, err := readTemplate(server.auditLog)
		if err == nil {
			t.spec = spec
			return &capturedTemplate{*t, uid}, nil
		}
		if !errors.Is(err, errIncomplete) {
			return nil, err
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return nil, fmt.Errorf("the first GoService has no status after 30 s")
		case exit := <-operator.exited:
			operator.exited <- exit
			return nil, fmt.Errorf("the operator ended: %w", exit)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var errIncomplete = errors.New("the operator has not written a status yet")

// readTemplate keeps the first write of each object: later ones are the operator's way to get there, not the least that a
// bare client must send. What a later write adds to an object's spec is added to its first one.
func readTemplate(auditLog string) (*template, error) {
	var t template
	var failures []error
	position := map[string]int{}
	err := readAudit(auditLog, operatorAgent, func(e *event) {
		if e.Verb != "patch" || e.Object == nil || e.Object.Namespace != captureNamespace || e.Response.Code >= http.StatusBadRequest {
			return
		}
		path, query, _ := strings.Cut(e.URI, "?")
		m := message{path: path + "?" + query, contentType: string(types.ApplyYAMLPatchType), resource: e.resource(), name: e.Object.Name}
		if e.resource() == "goservices/status" {
			if t.status.path != "" {
				return
			}
			m.contentType = string(types.MergePatchType)
			var err error
			m.body, err = without(e.Request, "resourceVersion")
			t.status, failures = m, append(failures, err)
			return
		}
		key := m.resource + "/" + m.name
		if at, again := position[key]; again {
			var err error
			t.children[at].body, err = withSpecOf(t.children[at].body, e.Request)
			failures = append(failures, err)
			return
		}
		m.body = string(e.Request)
		position[key] = len(t.children)
		t.children = append(t.children, m)
	})
	if err := errors.Join(append(failures, err)...); err != nil {
		return nil, err
	}
	if t.status.path == "" {
		return nil, errIncomplete
	}
	return &t, nil
}

// without drops a field of an object's metadata.
func without(body []byte, field string) (string, error) {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return "", err
	}
	if metadata, is := object["metadata"].(map[string]any); is {
		delete(metadata, field)
	}
	encoded, err := json.Marshal(object)
	return string(encoded), err
}

// withSpecOf adds the top-level fields of one object's spec to another's.
func withSpecOf(body string, more []byte) (string, error) {
	var object, other struct {
		Spec map[string]any `json:"spec"`
	}
	whole := map[string]any{}
	if err := errors.Join(json.Unmarshal([]byte(body), &object), json.Unmarshal([]byte(body), &whole), json.Unmarshal(more, &other)); err != nil {
		return "", err
	}
	for field, value := range other.Spec {
		object.Spec[field] = value
	}
	whole["spec"] = object.Spec
	encoded, err := json.Marshal(whole)
	return string(encoded), err
}

// floor lets the bare client send for every GoService what the operator must send at least: the service itself, each child
// once and the status once. It is followed by the same watches, which cost the API server as much for either, and as many requests
// are on their way at once.
func floor(ctx context.Context, client *bareClient, server *server, t *capturedTemplate, s settings) (phase, error) {
	list, namespaces := places("floor", s)
	if err := client.createNamespaces(ctx, namespaces...); err != nil {
		return phase{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a, err := watchArrivals(ctx, client, t, list)
	if err != nil {
		return phase{}, err
	}
	p, err := beginPhase(server, nil)
	if err != nil {
		return phase{}, err
	}
	if err := sendAll(ctx, client, t, list, s.concurrency); err != nil {
		return phase{}, fmt.Errorf("measuring the floor: %w", err)
	}
	done, err := a.wait(ctx, nil)
	if err != nil {
		return phase{}, err
	}
	return p.end(done)
}

// sendAll applies the GoServices by so many lanes, and by as many others what belongs to them: as when the bare client applies
// them and the operator's workers write their children meanwhile.
func sendAll(ctx context.Context, client *bareClient, t *capturedTemplate, list []place, concurrency int) error {
	type service struct {
		at  place
		uid types.UID
	}
	applied := make(chan service, len(list)) // nobody waits for the others
	lanes, ctx := errgroup.WithContext(ctx)
	lanes.Go(func() error {
		defer close(applied)
		return forEach(ctx, list, concurrency, func(ctx context.Context, at place) error {
			uid, err := client.applyService(ctx, at, t.spec)
			if err == nil {
				applied <- service{at, uid}
			}
			return err
		})
	})
	messages := append(t.children[:len(t.children):len(t.children)], t.status)
	for range concurrency {
		lanes.Go(func() error {
			for one := range applied {
				for _, m := range messages {
					path, body := m.at(one.at, one.uid, t.uid)
					if _, err := client.send(ctx, http.MethodPatch, path, m.contentType, body); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return lanes.Wait()
}
