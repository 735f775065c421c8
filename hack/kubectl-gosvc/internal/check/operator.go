// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// definitionName of the CustomResourceDefinition.
	definitionName = "goservices.goservice.dev"
	// leaseName is the Lease by which operators agree on who of them acts.
	leaseName = "operator.goservice.dev"
	// mostListed fields in one message.
	mostListed = 5
	// mostApart are the minor versions by which operator and plugin may differ.
	mostApart = 2

	howToInstall = "install the operator with its CRD: helm install, or kubectl apply --server-side -f install.yaml; docs/operations.md says how"
)

var (
	// operatorLabels are on the operator's Deployment.
	operatorLabels = client.MatchingLabels{"control-plane": "controller-manager", "app.kubernetes.io/name": "goservice-operator"}
	oldestServer   = version.MustParseSemantic("1.30.0")
)

func (c *Cluster) server() (Item, error) {
	info, err := c.Discovery.ServerVersion()
	if err != nil {
		return Item{}, err
	}
	item := Item{Name: "Kubernetes", State: OK, Found: info.GitVersion}
	if v, err := version.ParseSemantic(info.GitVersion); err == nil && v.LessThan(oldestServer) {
		item.State, item.Do = Missing, "GoServices need Kubernetes 1.30 or later"
	}
	return item, nil
}

// definition of the kind, and its fields.
func (c *Cluster) definition(ctx context.Context) []Item {
	const name = "CRD " + definitionName
	var definition apiextensionsv1.CustomResourceDefinition
	err := c.Reader.Get(ctx, client.ObjectKey{Name: definitionName}, &definition)
	switch {
	case apierrors.IsNotFound(err):
		return []Item{{Name: name, State: Missing, Found: "not installed", Do: howToInstall}}
	case apierrors.IsForbidden(err): // what the API server serves, everybody may know
		if found, err := c.serves(v1alpha1.GroupVersion.String(), "GoService"); err == nil && !found {
			return []Item{{Name: name, State: Missing, Found: "not served", Do: howToInstall}}
		}
		item := unreadable("fields of GoService", err)
		return []Item{{Name: name, State: OK, Found: v1alpha1.GroupVersion.Version + " is served"}, item}
	case err != nil:
		return []Item{unreadable(name, err)}
	}
	for _, served := range definition.Spec.Versions {
		if served.Name == v1alpha1.GroupVersion.Version && served.Served && served.Schema != nil {
			return []Item{{Name: name, State: OK, Found: served.Name + " is served"}, fieldsItem(served.Schema.OpenAPIV3Schema)}
		}
	}
	return []Item{{Name: name, State: Missing, Found: "does not serve " + v1alpha1.GroupVersion.Version, Do: "use a version of this plugin that knows the served version, or install the current CRD"}}
}

func fieldsItem(schema *apiextensionsv1.JSONSchemaProps) Item {
	item := Item{Name: "fields of GoService", State: OK, Found: "all that this plugin knows"}
	lacking, newer := fields(schema)
	switch {
	case len(lacking) > 0:
		item.State = Missing
		item.Found = "the CRD is older than this plugin: the API server drops " + listed(lacking)
		item.Do = "install the CRD of the operator's version: not every tool updates CRDs by itself"
	case len(newer) > 0:
		item.State = Warning
		item.Found = "the CRD is newer than this plugin, which does not show " + listed(newer)
		item.Do = "install the plugin of the operator's version"
	}
	return item
}

func listed(paths []string) string {
	if len(paths) > mostListed {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:mostListed], ", "), len(paths)-mostListed)
	}
	return strings.Join(paths, ", ")
}

// operator that runs, leads, and is of a version that fits.
func (c *Cluster) operator(ctx context.Context) []Item {
	var deployments appsv1.DeploymentList
	options := []client.ListOption{operatorLabels}
	if c.OperatorNamespace != "" {
		options = append(options, client.InNamespace(c.OperatorNamespace))
	}
	if err := c.Reader.List(ctx, &deployments, options...); err != nil {
		item := unreadable("operator", err)
		if apierrors.IsForbidden(err) && c.OperatorNamespace == "" {
			item.Do = "name its namespace, such as --operator-namespace goservice-system, or " + item.Do
		}
		return []Item{item}
	}
	slices.SortFunc(deployments.Items, func(a, b appsv1.Deployment) int { return cmp.Compare(a.Namespace, b.Namespace) })
	if len(deployments.Items) == 0 {
		return []Item{{Name: "operator", State: Missing, Found: "no Deployment with the label app.kubernetes.io/name=goservice-operator", Do: howToInstall}}
	}
	var items []Item
	for i := range deployments.Items {
		items = append(items, running(&deployments.Items[i]), c.leader(ctx, deployments.Items[i].Namespace), c.skew(&deployments.Items[i]))
	}
	return items
}

func running(d *appsv1.Deployment) Item {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	item := Item{Name: "operator", State: OK, Found: fmt.Sprintf("%d of %d pods ready in namespace %s", d.Status.ReadyReplicas, wanted, d.Namespace)}
	switch {
	case wanted == 0:
		item.State, item.Found = Missing, "scaled to 0 in namespace "+d.Namespace
		item.Do = fmt.Sprintf("kubectl scale -n %s deployment/%s --replicas=2", d.Namespace, d.Name)
	case d.Status.ReadyReplicas == 0:
		item.State, item.Do = Missing, fmt.Sprintf("kubectl describe -n %s pods -l app.kubernetes.io/name=goservice-operator says why", d.Namespace)
	case d.Status.ReadyReplicas < wanted:
		item.State, item.Do = Warning, fmt.Sprintf("services are looked after; kubectl describe -n %s pods -l app.kubernetes.io/name=goservice-operator says why", d.Namespace)
	}
	return item
}

// leader is who holds the Lease. An operator that is alive renews it several times within its duration.
func (c *Cluster) leader(ctx context.Context, namespace string) Item {
	const name = "leader"
	var lease coordinationv1.Lease
	err := c.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: leaseName}, &lease)
	if apierrors.IsNotFound(err) {
		return Item{Name: name, State: Warning, Found: "no Lease " + leaseName, Do: "none is needed for a single operator without --leader-elect; otherwise see its log"}
	} else if err != nil {
		return unreadable(name, err)
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || lease.Spec.RenewTime == nil || lease.Spec.LeaseDurationSeconds == nil {
		return Item{Name: name, State: Missing, Found: "nobody holds the Lease " + leaseName, Do: "see the operator's log: kubectl logs -n " + namespace + " -l app.kubernetes.io/name=goservice-operator"}
	}
	holder, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	age := c.Now().Sub(lease.Spec.RenewTime.Time)
	if age > time.Duration(*lease.Spec.LeaseDurationSeconds)*time.Second {
		return Item{
			Name: name, State: Missing, Found: fmt.Sprintf("%s has not renewed the Lease for %s", holder, age.Round(time.Second)),
			Do: "no operator is at work; see its log: kubectl logs -n " + namespace + " -l app.kubernetes.io/name=goservice-operator",
		}
	}
	return Item{Name: name, State: OK, Found: holder}
}

// skew between the operator's image and this plugin.
func (c *Cluster) skew(d *appsv1.Deployment) Item {
	item := Item{Name: "operator's version", State: OK}
	image := ""
	for _, container := range d.Spec.Template.Spec.Containers {
		if container.Name == "manager" || image == "" {
			image = container.Image
		}
	}
	repository, _, _ := strings.Cut(image, "@")
	tag := ""
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		tag = repository[colon+1:]
	}
	tag = cmp.Or(tag, d.Labels["app.kubernetes.io/version"]) // an image by its digest; the chart says which version it is
	item.Found = fmt.Sprintf("%s; this plugin is %s", cmp.Or(tag, "unknown, since the image "+image+" has no tag"), c.PluginVersion)
	operator, err := version.ParseSemantic(tag)
	plugin, pluginErr := version.ParseSemantic(c.PluginVersion)
	switch {
	case err != nil || pluginErr != nil:
		item.Found += "; not both are releases, so they are not compared"
	case operator.Major() != plugin.Major() || max(operator.Minor(), plugin.Minor())-min(operator.Minor(), plugin.Minor()) > mostApart:
		item.State, item.Do = Warning, fmt.Sprintf("use a plugin that is at most %d minor versions from the operator", mostApart)
	}
	return item
}
