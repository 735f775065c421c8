// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func fromYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatal(err)
	}
	return content
}

func TestCoversSeesEveryDriftAndNothingElse(t *testing.T) {
	cases := map[string]struct {
		desired, live string
		want          bool
	}{
		"equal":                                {`spec: {a: x}`, `spec: {a: x}`, true},
		"a changed value":                      {`spec: {a: x}`, `spec: {a: y}`, false},
		"a removed value":                      {`spec: {a: x}`, `spec: {}`, false},
		"a removed parent":                     {`spec: {a: x}`, `{}`, false},
		"a field that the server defaulted":    {`spec: {a: x}`, `spec: {a: x, b: y}`, true},
		"another's label":                      {`metadata: {labels: {a: x}}`, `metadata: {labels: {a: x, b: y}}`, true},
		"an empty label":                       {`metadata: {labels: {a: ""}}`, `metadata: {labels: {b: y}}`, false},
		"numbers of other types":               {`spec: {a: 1}`, `spec: {a: 1.0}`, true},
		"another number":                       {`spec: {a: 1}`, `spec: {a: 2}`, false},
		"a number is no text":                  {`spec: {a: 1}`, `spec: {a: "1"}`, false},
		"false is not the default":             {`spec: {automountServiceAccountToken: false}`, `spec: {}`, false},
		"no pods are not the default":          {`spec: {replicas: 0}`, `spec: {}`, false},
		"an empty object may be absent":        {`spec: {a: x, emptyDir: {}}`, `spec: {a: x}`, true},
		"an empty list may be absent":          {`spec: {a: x, list: []}`, `spec: {a: x}`, true},
		"an empty object is no text":           {`spec: {a: {}}`, `spec: {a: x}`, false},
		"an empty list is no text":             {`spec: {a: []}`, `spec: {a: x}`, false},
		"one more label in a selector":         {`spec: {selector: {a: x}}`, `spec: {selector: {a: x, b: y}}`, false},
		"one more label in matchLabels":        {`spec: {selector: {matchLabels: {a: x}}}`, `spec: {selector: {matchLabels: {a: x, b: y}}}`, false},
		"one more expression in a selector":    {`spec: {selector: {matchLabels: {a: x}}}`, `spec: {selector: {matchLabels: {a: x}, matchExpressions: [{}]}}`, false},
		"one more label in a nodeSelector":     {`spec: {nodeSelector: {a: x}}`, `spec: {nodeSelector: {a: x, b: y}}`, false},
		"an element's server defaults":         {`spec: {ports: [{port: 80}]}`, `spec: {ports: [{port: 80, protocol: TCP}]}`, true},
		"another's element":                    {`spec: {env: [{name: A}]}`, `spec: {env: [{name: A}, {name: B}]}`, true},
		"another's element comes first":        {`spec: {env: [{name: A, value: x}]}`, `spec: {env: [{name: B}, {name: A, value: x}]}`, true},
		"a changed element":                    {`spec: {env: [{name: A, value: x}]}`, `spec: {env: [{name: A, value: y}]}`, false},
		"a removed element":                    {`spec: {env: [{name: A}, {name: B}]}`, `spec: {env: [{name: B}]}`, false},
		"one more expression in a podSelector": {`spec: {podSelector: {matchLabels: {a: x}}}`, `spec: {podSelector: {matchLabels: {a: x}, matchExpressions: [{}]}}`, false},
		"the same rules": {
			`spec: {ingress: [{from: [{podSelector: {}}], ports: [{port: 80, protocol: TCP}]}]}`,
			`spec: {ingress: [{from: [{podSelector: {}}], ports: [{port: 80, protocol: TCP}]}]}`, true,
		},
		"one more rule":                        {`spec: {ingress: [{ports: [{port: 80}]}]}`, `spec: {ingress: [{ports: [{port: 80}]}, {}]}`, false},
		"one more peer in a rule":              {`spec: {ingress: [{from: [{podSelector: {}}]}]}`, `spec: {ingress: [{from: [{podSelector: {}}, {ipBlock: {}}]}]}`, false},
		"one more port in a rule":              {`spec: {ingress: [{ports: [{port: 80}]}]}`, `spec: {ingress: [{ports: [{port: 80}, {port: 81}]}]}`, false},
		"more ports in one element":            {`spec: {ingress: [{ports: [{port: 80}]}]}`, `spec: {ingress: [{ports: [{port: 80, endPort: 90}]}]}`, false},
		"a rule without its peers":             {`spec: {ingress: [{from: [{podSelector: {}}]}]}`, `spec: {ingress: [{}]}`, false},
		"one more metric":                      {`spec: {metrics: [{type: Resource}]}`, `spec: {metrics: [{type: Resource}, {type: Pods}]}`, false},
		"one more toleration":                  {`spec: {tolerations: [{key: a}]}`, `spec: {tolerations: [{key: a}, {key: b}]}`, false},
		"cert-manager's path in an Ingress":    {`spec: {rules: [{host: a, http: {paths: [{path: /}]}}]}`, `spec: {rules: [{host: a, http: {paths: [{path: /token}, {path: /}]}}]}`, true},
		"another path in an Ingress":           {`spec: {rules: [{host: a, http: {paths: [{path: /}]}}]}`, `spec: {rules: [{host: a, http: {paths: [{path: /a}]}}]}`, false},
		"one more backend of a route":          {`spec: {rules: [{backendRefs: [{name: a}]}]}`, `spec: {rules: [{backendRefs: [{name: a}, {name: b}]}]}`, false},
		"one more Gateway of a route":          {`spec: {parentRefs: [{name: a}]}`, `spec: {parentRefs: [{name: a}, {name: b}]}`, false},
		"what a definition defaults in routes": {`spec: {rules: [{backendRefs: [{name: a}]}]}`, `spec: {rules: [{backendRefs: [{name: a, weight: 1}], matches: [{}]}]}`, true},
		"one more plain value":                 {`spec: {drop: [ALL]}`, `spec: {drop: [ALL, NET_RAW]}`, false},
		"plain values in another order":        {`spec: {drop: [A, B]}`, `spec: {drop: [B, A]}`, false},
		"the same plain values":                {`spec: {drop: [A, B]}`, `spec: {drop: [A, B]}`, true},
		"another plain value at the end":       {`spec: {drop: [A, B]}`, `spec: {drop: [A, C]}`, false},
		"a removed list":                       {`spec: {drop: [A]}`, `spec: {}`, false},
		"a text is no number":                  {`spec: {a: x}`, `spec: {a: 0}`, false},
		"a list that became something else":    {`spec: {drop: [A]}`, `spec: {drop: A}`, false},
		"an object that became something else": {`spec: {a: {b: c}}`, `spec: {a: b}`, false},
		"kinds are not compared":               {`kind: A`, `{}`, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			live := &unstructured.Unstructured{Object: fromYAML(t, c.live)}
			got, err := covers(live, &unstructured.Unstructured{Object: fromYAML(t, c.desired)})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

// Typed objects, as a cache holds them, are compared like those that were sent.
func TestCoversTypedObjects(t *testing.T) {
	account := &corev1.ServiceAccount{AutomountServiceAccountToken: new(false)}
	account.Labels = map[string]string{"a": "x"}
	deployment := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(0))}}
	cases := map[string]struct {
		live    client.Object
		desired string
		want    bool
	}{
		"equal":         {account, `{apiVersion: v1, kind: ServiceAccount, metadata: {labels: {a: x}}, automountServiceAccountToken: false}`, true},
		"a value":       {account, `{automountServiceAccountToken: true}`, false},
		"absent":        {&corev1.ServiceAccount{}, `{automountServiceAccountToken: false}`, false},
		"a number":      {deployment, `spec: {replicas: 0}`, true},
		"other numbers": {deployment, `spec: {replicas: 1}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := covers(c.live, &unstructured.Unstructured{Object: fromYAML(t, c.desired)})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

// Numbers are told apart by their values, whatever types they were decoded to.
func TestCoversNumbersOfEveryType(t *testing.T) {
	cases := map[string]struct {
		live, desired any
		want          bool
	}{
		"integers of other sizes":      {int64(3), int32(3), true},
		"an integer and a float":       {int(3), float64(3), true},
		"a number as it was sent":      {json.Number("3"), int64(3), true},
		"another integer":              {int32(3), int64(4), false},
		"another integer of no size":   {int64(0), int(3), false},
		"another number than was sent": {int64(0), json.Number("3"), false},
		"what is no number":            {int64(0), json.Number("none"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			holding := func(value any) *unstructured.Unstructured {
				return &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"a": value}}}
			}
			if got, err := covers(holding(c.live), holding(c.desired)); err != nil || got != c.want {
				t.Errorf("%t, %v, want %t", got, err, c.want)
			}
		})
	}
}

func TestCoversTellsWhatItCannotRead(t *testing.T) {
	if got, err := covers(unreadable(), &unstructured.Unstructured{}); err == nil || got {
		t.Errorf("%t, error %v", got, err)
	}
}
