// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/controllers/internal/build"
)

// handOver are the objects that a GoService takes over, and the commands that give a GoService, once it is applied, what it takes the place of; none if the Deployment cannot be taken
// over in place. What the operator neither takes nor removes is deleted: a Service for metrics whose cluster IP nobody can change, and a
// ServiceMonitor, NetworkPolicy, Ingress, or route of another name.
func (b *bundle) handOver() (taken, commands []string) {
	if b.notTaken != "" {
		return nil, nil
	}
	remove := func(namespace, object string) {
		commands = append(commands, "kubectl delete"+inNamespace(namespace)+" "+object)
	}
	ofItsName := func(resource string, object metav1.Object) {
		if object.GetName() == b.deployment.Name && object.GetNamespace() == b.deployment.Namespace {
			taken = append(taken, resource+"/"+object.GetName())
		} else {
			remove(object.GetNamespace(), resource+"/"+object.GetName())
		}
	}
	for _, object := range b.all() {
		switch object := object.(type) {
		case *appsv1.Deployment:
			taken = append(taken, "deployment/"+object.Name)
		case *corev1.Service:
			if object == b.metricsService && object.Spec.ClusterIP != corev1.ClusterIPNone {
				remove(object.Namespace, "service/"+object.Name)
			} else {
				taken = append(taken, "service/"+object.Name)
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			taken = append(taken, "hpa/"+object.Name)
		case *policyv1.PodDisruptionBudget:
			taken = append(taken, "pdb/"+object.Name)
		case *serviceMonitor:
			ofItsName("servicemonitor", object)
		case *networkingv1.NetworkPolicy:
			ofItsName("networkpolicy", object)
		case *networkingv1.Ingress:
			ofItsName("ingress", object)
		case *route:
			ofItsName(strings.ToLower(object.Kind), object)
		}
	}
	annotate := "kubectl annotate" + inNamespace(b.deployment.Namespace) + " " + strings.Join(taken, " ") + " " + build.AnnotationAdopt + "=" + b.deployment.Name
	return taken, append([]string{annotate}, commands...)
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -n " + namespace
}
