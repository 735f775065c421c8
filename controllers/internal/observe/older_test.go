// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
)

func TestWhoMountsTheOlderForm(t *testing.T) {
	older, newer := runs(corev1.ConditionTrue), runs(corev1.ConditionTrue)
	newer.Annotations = map[string]string{build.AnnotationLiveSettingsForm: "1"}
	for pod, want := range map[*corev1.Pod]bool{older: true, newer: false} {
		if got, _ := TunablePod(pod); got.Older != want {
			t.Errorf("a pod with the annotations %v mounts the older form: %t", pod.Annotations, got.Older)
		}
	}
}

// Right after an upgrade of the operator the parts of a limit are known from what older pods mount.
func TestLiveSettingsAreThoseOfTheNewestForm(t *testing.T) {
	state := func(configMaps ...*corev1.ConfigMap) State {
		o := State{Children: map[apply.Key]client.Object{}}
		for i, configMap := range configMaps {
			o.Children[apply.Key{Name: strconv.Itoa(i)}] = configMap
		}
		return o
	}
	document := func(key, level string) *corev1.ConfigMap {
		return &corev1.ConfigMap{Data: map[string]string{key: `{"version":1,"logLevel":"` + level + `"}`}}
	}
	older, newer := document("tuning.json", "warn"), document("live-settings.json", "error")
	for name, c := range map[string]struct {
		state State
		want  string
	}{
		"none": {state(), ""}, "the older form alone": {state(older), "warn"}, "both": {state(newer, older), "error"}, "today's": {state(newer), "error"},
		"one that is empty": {state(&corev1.ConfigMap{}), ""}, "one that is broken": {state(document("live-settings.json", "loud"), older), ""},
	} {
		if got, found := c.state.LiveSettings(); got.LogLevel != c.want || found != (c.want != "") {
			t.Errorf("%s: found %t with the log level %q, want %q", name, found, got.LogLevel, c.want)
		}
	}
}
