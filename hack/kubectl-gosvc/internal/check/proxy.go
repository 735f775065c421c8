// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package check

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// proxy is kube-proxy, where it runs as kubeadm installs it. A pod that leaves serves on for shutdown.preStopDelay, in which kube-proxy must
// take it off its node's rules. Without a request for CPU it is the last to get any on a node whose pods want all of it, and then new
// connections still go to pods that are gone. Clusters that forward by other means have no such DaemonSet, and no item.
func (c *Cluster) proxy(ctx context.Context) []Item {
	const name = "kube-proxy"
	var proxy appsv1.DaemonSet
	err := c.Reader.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: name}, &proxy)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return []Item{unreadable(name, err)}
	}
	for _, container := range proxy.Spec.Template.Spec.Containers {
		if container.Name != name {
			continue
		}
		cpu := container.Resources.Requests.Cpu()
		if cpu.IsZero() {
			cpu = container.Resources.Limits.Cpu() // which is the request where none is set
		}
		if !cpu.IsZero() {
			return []Item{{Name: name, State: OK, Found: "requests " + cpu.String() + " of CPU"}}
		}
	}
	return []Item{{
		Name: name, State: Warning, Found: "requests no CPU: on a node whose pods want all of it, it sends new connections to pods that have left",
		Do: "kubectl -n kube-system set resources daemonset/kube-proxy --requests=cpu=100m",
	}}
}
