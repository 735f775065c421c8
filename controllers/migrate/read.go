// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	kyaml "sigs.k8s.io/yaml"
)

// Manifests are the objects of some files.
type Manifests struct {
	deployments     []*appsv1.Deployment
	services        []*corev1.Service
	autoscalers     []*autoscalingv2.HorizontalPodAutoscaler
	budgets         []*policyv1.PodDisruptionBudget
	monitors        []*serviceMonitor
	ingresses       []*networkingv1.Ingress
	routes          []*route
	networkPolicies []*networkingv1.NetworkPolicy
	accounts        []*corev1.ServiceAccount
	// scalers set the number of pods of what they name, and stay.
	scalers []*scaler
	// others stay as they are.
	others []other
	// unknown are fields that Kubernetes does not have.
	unknown []Note
}

// other is an object that stays, unless it is decoded and has its place taken.
type other struct {
	metav1.PartialObjectMetadata
	decoded any
}

// serviceMonitor is the Prometheus Operator's, of which no Go types are needed.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              map[string]any `json:"spec"`
}

// scaler is what sets a number of pods and is none of the autoscalers that are converted, such as KEDA's ScaledObject.
type scaler struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		ScaleTargetRef struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
	} `json:"spec"`
}

// Read adds the objects of a file with any number of YAML documents. Lists are read as their items.
func (m *Manifests) Read(text []byte) error {
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
		encoded, err := kyaml.YAMLToJSON(document)
		if err == nil {
			err = m.add(encoded)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", number, err)
		}
	}
}

// add takes an object by its kind.
func (m *Manifests) add(encoded []byte) error {
	if trimmed := bytes.TrimSpace(encoded); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil // a document without content
	}
	var object metav1.PartialObjectMetadata
	if err := utiljson.Unmarshal(encoded, &object); err != nil {
		return err
	}
	if object.Kind == "" || object.APIVersion == "" {
		return errors.New("an object must have apiVersion and kind")
	}
	var err error
	switch object.APIVersion + " " + object.Kind {
	case "v1 List":
		return m.addItems(encoded)
	case "apps/v1 Deployment":
		m.deployments, err = appended(m, m.deployments, encoded, &object)
	case "v1 Service":
		m.services, err = appended(m, m.services, encoded, &object)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		m.autoscalers, err = appended(m, m.autoscalers, encoded, &object)
	case "autoscaling/v1 HorizontalPodAutoscaler":
		var older []*autoscalingv1.HorizontalPodAutoscaler
		if older, err = appended(m, older, encoded, &object); err == nil {
			m.autoscalers = append(m.autoscalers, newerAutoscaler(older[0]))
		}
	case "policy/v1 PodDisruptionBudget":
		m.budgets, err = appended(m, m.budgets, encoded, &object)
	case "monitoring.coreos.com/v1 ServiceMonitor":
		m.monitors, err = appended(m, m.monitors, encoded, &object)
	case "networking.k8s.io/v1 Ingress":
		if m.ingresses, err = appended(m, m.ingresses, encoded, &object); err == nil {
			m.others = append(m.others, other{object, m.ingresses[len(m.ingresses)-1]})
		}
	case "gateway.networking.k8s.io/v1 HTTPRoute", "gateway.networking.k8s.io/v1beta1 HTTPRoute", "gateway.networking.k8s.io/v1 GRPCRoute":
		decoded := &route{}
		if err = utiljson.Unmarshal(encoded, decoded); err == nil {
			m.routes = append(m.routes, decoded)
			m.others = append(m.others, other{object, decoded})
		}
	case "networking.k8s.io/v1 NetworkPolicy":
		m.networkPolicies, err = appended(m, m.networkPolicies, encoded, &object)
	case "v1 ServiceAccount":
		m.accounts, err = appended(m, m.accounts, encoded, &object)
		m.others = append(m.others, other{PartialObjectMetadata: object})
	default:
		var found scaler
		if utiljson.Unmarshal(encoded, &found) == nil && found.Spec.ScaleTargetRef.Name != "" {
			m.scalers = append(m.scalers, &found)
		}
		m.others = append(m.others, other{PartialObjectMetadata: object})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", nameOf(object.Kind, &object), err)
	}
	return nil
}

func (m *Manifests) addItems(encoded []byte) error {
	var list struct {
		Items []rawObject `json:"items"`
	}
	if err := utiljson.Unmarshal(encoded, &list); err != nil {
		return err
	}
	for i, item := range list.Items {
		if err := m.add(item); err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return nil
}

// rawObject is an item of a list, not decoded.
type rawObject []byte

// UnmarshalJSON keeps the text.
func (r *rawObject) UnmarshalJSON(text []byte) error {
	*r = bytes.Clone(text)
	return nil
}

// appended decodes an object, and notes the fields that its type does not have.
func appended[T any](m *Manifests, to []*T, encoded []byte, object *metav1.PartialObjectMetadata) ([]*T, error) {
	decoded := new(T)
	unknown, err := kjson.UnmarshalStrict(encoded, decoded)
	if err != nil {
		return nil, err
	}
	for _, field := range unknown {
		m.unknown = append(m.unknown, Note{Lost, nameOf(object.Kind, object), "", "",
			field.Error() + ": Kubernetes does not have this field, so it has no effect today either"})
	}
	return append(to, decoded), nil
}

// newerAutoscaler is an autoscaler of autoscaling/v1 as autoscaling/v2 has it.
func newerAutoscaler(older *autoscalingv1.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscaler {
	newer := &autoscalingv2.HorizontalPodAutoscaler{TypeMeta: older.TypeMeta, ObjectMeta: older.ObjectMeta}
	newer.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference(older.Spec.ScaleTargetRef)
	newer.Spec.MinReplicas, newer.Spec.MaxReplicas = older.Spec.MinReplicas, older.Spec.MaxReplicas
	if target := older.Spec.TargetCPUUtilizationPercentage; target != nil {
		newer.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: target},
		}}}
	}
	return newer
}

// nameOf an object for people, such as Deployment shop/checkout.
func nameOf(kind string, object metav1.Object) string {
	name := cmp.Or(object.GetName(), "without a name")
	if namespace := object.GetNamespace(); namespace != "" {
		name = namespace + "/" + name
	}
	return kind + " " + name
}
