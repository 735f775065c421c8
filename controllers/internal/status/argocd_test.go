// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/observe"
)

var update = flag.Bool("update", false, "write the states that hack/argocd judges")

// statesForArgoCD are where hack/argocd finds what its tests judge by the Lua of config/argocd.
const statesForArgoCD = "../../../config/argocd/resource_customizations/goservice.dev/GoService/testdata"

// states that a GoService goes through, each made from the situation in which all is well.
var states = map[string]func(*Situation){
	"healthy":          func(*Situation) {},
	"starting":         func(s *Situation) { s.Observed = observe.State{} },
	"rolling-out":      func(s *Situation) { s.Observed.Deployment.Status.UpdatedReplicas = 1 },
	"too-few-pods":     short,
	"edit-on-its-way":  func(s *Situation) { s.Confirmed = asked(true) },
	"tuning":           func(s *Situation) { s.Confirmed = asked(false) },
	"pods-unreachable": func(s *Situation) { s.Confirmed.Confirmed = 1 },
	"conflict": func(s *Situation) {
		s.ApplyErr = &apply.ConflictError{Kind: "Service", Name: serviceName, Owner: "no GoService"}
	},
	"denied-at-first": func(s *Situation) { s.ApplyErr = deniedByQuota() },
	"denied":          func(s *Situation) { s.ApplyErr = deniedByQuota(); failedBefore(s, grace) },
	"rejected-by-pods": func(s *Situation) {
		s.Confirmed.Confirmed, s.Confirmed.Unconfirmed = 1, []confirm.Unconfirmed{{Pod: "checkout-7-x", Rejected: true, Reason: "rejects the live settings: pool.workers must be 1 to 100000"}}
	},
	"rollout-stalled":  func(s *Situation) { deployed(s, appsv1.DeploymentProgressing, "False", 0) },
	"image-not-pulled": func(s *Situation) { inTroubleSince(s, observe.ImagePull, grace) },
	"paused":           func(s *Situation) { s.Service.Spec.Paused = true },
	"paused-with-too-few-pods": func(s *Situation) {
		s.Service.Spec.Paused = true
		short(s)
	},
}

func deniedByQuota() error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, serviceName, errors.New("exceeded quota"))
}

// What hack/argocd judges are statuses as the operator writes them.
func TestTheStatesThatArgoCDJudgesAreReal(t *testing.T) {
	services := map[string]*v1alpha1.GoService{"created": serving().Service, "edited": serving().Service}
	services["created"].Status = v1alpha1.GoServiceStatus{ObservedGeneration: -1}
	services["edited"].Status = computed(serving())
	services["edited"].Generation++
	for name, change := range states {
		s := serving()
		change(&s)
		services[name] = s.Service.DeepCopy()
		services[name].Status = computed(s)
	}
	for name, service := range services {
		service.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.GoServiceKind.Kind}
		want, err := yaml.Marshal(service)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(statesForArgoCD, name+".yaml")
		if *update {
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s is not what the operator writes; go test ./controllers/internal/status -update writes it\n%s", path, diff)
		}
	}
	files, err := os.ReadDir(statesForArgoCD)
	if err != nil || len(files) != len(services) {
		t.Errorf("%s has %d files for %d states: %v", statesForArgoCD, len(files), len(services), err)
	}
}
