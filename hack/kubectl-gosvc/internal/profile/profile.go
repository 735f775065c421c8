// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package profile takes profiles of the pods of a service, and merges them.
package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/pprof/profile"
)

const (
	// AtOnce is how many pods are profiled at the same time.
	AtOnce = 32
	// patience with one pod, beside the time that the profile takes.
	patience = 30 * time.Second
	// maxBytes of one profile or trace.
	maxBytes = 256 << 20
	// podLabel of samples; go tool pprof -tagroot pod tells pods apart by it.
	podLabel = "pod"
)

// Kind of a profile.
type Kind struct {
	Name string
	// Path below /debug/pprof/.
	Path string
	// Timed kinds record for some seconds; the others are of a moment.
	Timed bool
	// Suffix of the file.
	Suffix string
}

// Trace cannot be merged.
const Trace = "trace"

// Kinds are all that can be asked for.
var Kinds = []Kind{
	{Name: "cpu", Path: "profile", Timed: true, Suffix: ".pb.gz"},
	{Name: "heap", Path: "heap", Suffix: ".pb.gz"},
	{Name: "goroutine", Path: "goroutine", Suffix: ".pb.gz"},
	{Name: Trace, Path: "trace", Timed: true, Suffix: ".out"},
}

// Answer of a pod: a profile, or why there is none.
type Answer struct {
	Pod     string
	Content []byte
	Err     error
}

// Dial connects to the port of profiles on the loopback of a pod. The connection ends with the context.
type Dial func(ctx context.Context, pod string) (net.Conn, error)

// Take profiles of pods, of all at the same time up to AtOnce. Answers are in the order of the pods.
func Take(ctx context.Context, dial Dial, pods []string, kind Kind, seconds int) []Answer {
	answers, turns := make([]Answer, len(pods)), make(chan struct{}, AtOnce)
	var group sync.WaitGroup
	for i, pod := range pods {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			content, err := take(ctx, dial, pod, kind, seconds)
			answers[i] = Answer{Pod: pod, Content: content, Err: err}
		})
	}
	group.Wait()
	return answers
}

func take(ctx context.Context, dial Dial, pod string, kind Kind, seconds int) ([]byte, error) {
	address, limit := "http://localhost/debug/pprof/"+kind.Path, patience
	if kind.Timed {
		address += fmt.Sprintf("?seconds=%d", seconds)
		limit += time.Duration(seconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		// The transport's own context may end before the answer does.
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(ctx, pod) },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if remote, isRemote := errors.AsType[*RemoteError](err); isRemote {
			return nil, remote
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %s: %s", response.Status, strings.TrimSpace(string(content[:min(len(content), 200)])))
	case len(content) > maxBytes:
		return nil, fmt.Errorf("the answer has more than %d MiB; ask for fewer seconds", maxBytes>>20)
	case len(content) == 0:
		return nil, errors.New("the answer is empty")
	}
	return content, nil
}

// Merge profiles of pods into one, in which each sample has the label pod. It returns the content of the file, and answers in which what
// is no profile has become an error. Without any profile the content is nil.
func Merge(answers []Answer) ([]byte, []Answer, error) {
	var parsed []*profile.Profile
	result := make([]Answer, len(answers))
	for i, answer := range answers {
		result[i] = answer
		if answer.Err != nil {
			continue
		}
		p, err := profile.ParseData(answer.Content)
		if err != nil {
			result[i].Err = fmt.Errorf("the answer is no profile: %w", err)
			continue
		}
		p.SetLabel(podLabel, []string{answer.Pod})
		parsed = append(parsed, p)
	}
	if len(parsed) == 0 {
		return nil, result, nil
	}
	merged, err := profile.Merge(parsed)
	if err != nil {
		return nil, result, fmt.Errorf("merging the profiles: %w", err)
	}
	var content bytes.Buffer
	if err := merged.Write(&content); err != nil {
		return nil, result, err
	}
	return content.Bytes(), result, nil
}
