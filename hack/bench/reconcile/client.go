// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
)

const (
	bareAgent = "goservice-bench"
	// bareManager owns the fields of the GoServices.
	bareManager = "goservice-bench"
	servicePath = "/apis/goservice.dev/v1alpha1/namespaces/%s/goservices/%s"
)

// bareClient sends bytes and reads answers, nothing more.
type bareClient struct {
	config *rest.Config
	http   *http.Client
	host   string
}

func newBareClient(base *rest.Config) (*bareClient, error) {
	config := rest.CopyConfig(base)
	config.QPS = -1
	config.UserAgent = bareAgent
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	return &bareClient{config: config, http: httpClient, host: strings.TrimSuffix(host.String(), "/")}, nil
}

// send patches and returns the answer's body.
func (c *bareClient) send(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.host+path, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	// Metadata is the least that can be asked for in return.
	request.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
	request.Header.Set("User-Agent", bareAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, nil
}

// createNamespaces makes the namespaces of one phase.
func (c *bareClient) createNamespaces(ctx context.Context, names ...string) error {
	for _, name := range names {
		body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
		if _, err := c.send(ctx, http.MethodPost, "/api/v1/namespaces", "application/json", body); err != nil {
			return err
		}
	}
	return nil
}

// place is where one GoService is.
type place struct{ namespace, name string }

// places spreads the GoServices of a phase over its namespaces.
func places(phase string, s settings) (list []place, namespaces []string) {
	for i := range s.namespaces {
		namespaces = append(namespaces, fmt.Sprintf("bench-%s-%02d", phase, i))
	}
	for i := range s.services {
		list = append(list, place{namespaces[i%s.namespaces], fmt.Sprintf("service-%05d", i)})
	}
	return list, namespaces
}

// readSample reads the spec of a sample GoService.
func readSample(path string) (map[string]any, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var sample struct {
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal(content, &sample); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return sample.Spec, nil
}

// applyService applies one GoService and returns its UID.
func (c *bareClient) applyService(ctx context.Context, at place, spec map[string]any) (types.UID, error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "goservice.dev/v1alpha1", "kind": "GoService",
		"metadata": map[string]any{"namespace": at.namespace, "name": at.name},
		"spec":     spec,
	})
	if err != nil {
		return "", err
	}
	path := fmt.Sprintf(servicePath, at.namespace, at.name) + "?fieldManager=" + bareManager
	answer, err := c.send(ctx, http.MethodPatch, path, string(types.ApplyYAMLPatchType), body)
	if err != nil {
		return "", err
	}
	var service struct {
		Metadata struct {
			UID types.UID `json:"uid"`
		} `json:"metadata"`
	}
	err = json.Unmarshal(answer, &service)
	return service.Metadata.UID, err
}

// forEach does something at every place, several at once, and ends at the first failure.
func forEach(ctx context.Context, list []place, concurrency int, do func(context.Context, place) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan place)
	var working sync.WaitGroup
	for range concurrency {
		working.Go(func() {
			for at := range todo {
				if err := do(ctx, at); err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for _, at := range list {
		select {
		case todo <- at:
		case <-ctx.Done():
			break feed
		}
	}
	close(todo)
	working.Wait()
	return context.Cause(ctx)
}
