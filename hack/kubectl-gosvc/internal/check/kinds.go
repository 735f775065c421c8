// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package check

import (
	"context"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// kind of another project that the operator uses.
type kind struct {
	name, groupVersion, kind string
	needed                   bool
	// without says what is not done without it, and do how to get it.
	without, do string
}

var others = []kind{
	{"metrics.k8s.io", "metrics.k8s.io/v1beta1", "PodMetrics", true, "autoscalers cannot read CPU", "install metrics-server"},
	{"ServiceMonitor", "monitoring.coreos.com/v1", "ServiceMonitor", false, "Prometheus is not told to scrape services", "install the Prometheus Operator"},
	{"PrometheusRule", "monitoring.coreos.com/v1", "PrometheusRule", false, "there are no alerts on objectives", "install the Prometheus Operator"},
	{"HTTPRoute", "gateway.networking.k8s.io/v1", "HTTPRoute", false, "spec.expose can only use an Ingress", "install Gateway API and a controller for it"},
	{"GRPCRoute", "gateway.networking.k8s.io/v1", "GRPCRoute", false, "spec.expose cannot route gRPC by a Gateway", "install Gateway API 1.1 or later"},
}

func (c *Cluster) kinds() []Item {
	items := make([]Item, 0, len(others))
	for _, k := range others {
		item := Item{Name: k.name, State: OK, Found: k.groupVersion + " is served"}
		switch served, err := c.serves(k.groupVersion, k.kind); {
		case err != nil:
			item = Item{Name: k.name, State: Warning, Found: "does not answer: " + err.Error(), Do: "see why: kubectl describe apiservice " + apiService(k.groupVersion)}
			if k.needed {
				item.State = Missing
			}
		case !served && k.needed:
			item = Item{Name: k.name, State: Missing, Found: "not served: " + k.without, Do: k.do}
		case !served:
			item = Item{Name: k.name, State: Warning, Found: "not installed: " + k.without, Do: "optional; " + k.do}
		}
		items = append(items, item)
	}
	return items
}

// apiService is the name of the object that leads to another API server.
func apiService(groupVersion string) string {
	group, version, _ := strings.Cut(groupVersion, "/")
	return version + "." + group
}

// serves says whether the API server has a kind.
func (c *Cluster) serves(groupVersion, kind string) (bool, error) {
	list, err := c.Discovery.ServerResourcesForGroupVersion(groupVersion)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range list.APIResources {
		if list.APIResources[i].Kind == kind {
			return true, nil
		}
	}
	return false, nil
}

// permission that commands of the plugin need in the namespace.
type permission struct {
	group, resource, subresource string
	verbs                        []string
	// commands that need it.
	commands string
	needed   bool
}

var permissions = []permission{
	{"goservice.dev", "goservices", "", []string{"get", "list", "watch"}, "all commands", true},
	{"goservice.dev", "goservices", "", []string{"patch"}, "retune, pause, resume", false},
	{"goservice.dev", "goservices", "", []string{"create"}, "adopt", false},
	{"apps", "deployments", "", []string{"patch"}, "adopt", false},
	{"", "events", "", []string{"list"}, "history, console", false},
	{"", "pods", "", []string{"list"}, "top NAME, profile, console", false},
	{"", "pods", "proxy", []string{"get"}, "top NAME, console", false},
	// A WebSocket is a GET, and needs get besides; where it is refused, SPDY follows, for which create is enough.
	{"", "pods", "portforward", []string{"create"}, "profile", false},
}

// permissions of the reader. One that is lacking only matters to who wants to use its commands, except for reading GoServices.
func (c *Cluster) permissions(ctx context.Context) []Item {
	var items []Item
	for _, p := range permissions {
		resource := p.resource
		if p.subresource != "" {
			resource += "/" + p.subresource
		}
		item := Item{Name: "you: " + p.verbs[0] + " " + resource, State: OK, Found: "allowed in namespace " + c.Namespace}
		if len(p.verbs) > 1 {
			item.Name = "you: read " + resource
		}
		for _, verb := range p.verbs {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: c.Namespace, Verb: verb, Group: p.group, Resource: p.resource, Subresource: p.subresource,
				},
			}}
			if err := c.Reader.Create(ctx, review); err != nil {
				item = unreadable(item.Name, err)
				break
			}
			if !review.Status.Allowed {
				item.State, item.Found = Warning, "you may not "+verb+" "+resource+" in namespace "+c.Namespace+"; needed by "+p.commands
				item.Do = "ask for the ClusterRole " + role(p) + " in this namespace"
				if p.needed {
					item.State = Missing
				}
				break
			}
		}
		items = append(items, item)
	}
	return items
}

// role that grants a permission and comes with the operator or with Kubernetes.
func role(p permission) string {
	switch {
	case p.subresource != "" || p.group == "apps":
		return "edit"
	case p.group == "":
		return "view"
	case p.needed:
		return "goservice-viewer"
	}
	return "goservice-editor"
}
