// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package check looks at what GoServices need of a cluster, and says what is missing and how to mend it. It only reads, and creates nothing
// but reviews of the reader's own permissions, which are not kept.
package check

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// State of an item.
type State string

const (
	// OK is in order.
	OK State = "ok"
	// Missing is needed and not there.
	Missing State = "missing"
	// Warning is a problem that does not stop anything, or something useful that is missing.
	Warning State = "warning"
	// Unknown could not be read.
	Unknown State = "unknown"
)

// Item is one thing that was looked at.
type Item struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Found is what is there.
	Found string `json:"found"`
	// Do says how to mend it; empty where nothing is to be done.
	Do string `json:"do,omitempty"`
}

// Result of a check. Fields are added in later versions, and neither renamed nor removed.
type Result struct {
	Context   string `json:"context"`
	Namespace string `json:"namespace"`
	// Passed says that nothing is missing that is needed.
	Passed bool   `json:"passed"`
	Items  []Item `json:"items"`
}

// Cluster is what is looked at.
type Cluster struct {
	Reader    client.Client
	Discovery discovery.DiscoveryInterface
	// Context and Namespace of the kubeconfig.
	Context, Namespace string
	// OperatorNamespace is where the operator is, if its Deployment must not be looked for in all.
	OperatorNamespace string
	// PluginVersion of this program.
	PluginVersion string
	Now           func() time.Time
}

// Run looks at everything, in an order in which each item needs those before it.
func (c *Cluster) Run(ctx context.Context) (*Result, error) {
	result := &Result{Context: c.Context, Namespace: c.Namespace, Passed: true}
	server, err := c.server()
	if err != nil {
		return nil, err
	}
	result.Items = append(result.Items, server)
	result.Items = append(result.Items, c.definition(ctx)...)
	result.Items = append(result.Items, c.operator(ctx)...)
	result.Items = append(result.Items, c.kinds()...)
	result.Items = append(result.Items, c.proxy(ctx)...)
	result.Items = append(result.Items, c.permissions(ctx)...)
	for _, item := range result.Items {
		if item.State == Missing {
			result.Passed = false
		}
	}
	return result, nil
}

// Write a result for a person.
func (r *Result) Write(out io.Writer, style show.Style) {
	signs := map[State]string{OK: style.Good("✓"), Missing: style.Bad("✗"), Warning: style.Doubtful("!"), Unknown: style.Doubtful("?")}
	fmt.Fprintf(out, "context %s, namespace %s\n\n", show.Plain(r.Context), show.Plain(r.Namespace))
	missing := 0
	for _, item := range r.Items {
		lines := show.Wrap(show.Plain(item.Found), style.Width-32)
		fmt.Fprintf(out, "%s %s %s\n", signs[item.State], show.Pad(item.Name, 28), strings.Join(lines[:min(1, len(lines))], ""))
		for _, line := range lines[min(1, len(lines)):] {
			fmt.Fprintln(out, strings.Repeat(" ", 31)+line)
		}
		for i, line := range show.Wrap(show.Plain(item.Do), style.Width-35) {
			fmt.Fprintln(out, strings.Repeat(" ", 31)+[]string{"→ ", "  "}[min(i, 1)]+line)
		}
		if item.State == Missing {
			missing++
		}
	}
	switch {
	case missing == 1:
		fmt.Fprintf(out, "\n%s\n", style.Bad("1 thing that is needed is missing"))
	case missing > 1:
		fmt.Fprintf(out, "\n%s\n", style.Bad(fmt.Sprintf("%d things that are needed are missing", missing)))
	default:
		fmt.Fprintf(out, "\n%s\n", style.Good("nothing that is needed is missing"))
	}
}

// unreadable is an item that the reader may not see, or that the API server did not answer for.
func unreadable(name string, err error) Item {
	item := Item{Name: name, State: Unknown, Found: "cannot be read: " + err.Error()}
	if apierrors.IsForbidden(err) {
		item.Found, item.Do = "you may not read it", "ask somebody who may to run kubectl gosvc check"
	}
	return item
}
