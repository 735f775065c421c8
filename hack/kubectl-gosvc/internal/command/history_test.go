// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// newEvent tells something of a service.
func newEvent(t *testing.T, service *v1alpha1.GoService, kind, reason, message string, at time.Time, count int32) {
	t.Helper()
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: service.Name, Namespace: service.Namespace},
		InvolvedObject: corev1.ObjectReference{Kind: "GoService", Namespace: service.Namespace, Name: service.Name, UID: service.UID},
		Type:           kind, Reason: reason, Message: message, LastTimestamp: metav1.Time{Time: at}, FirstTimestamp: metav1.Time{Time: at}, Count: count,
	}
	if err := api.Create(t.Context(), event); err != nil {
		t.Fatal(err)
	}
}

// The API server makes a service at a time of its own, before or after the time that the tests take for now: its entry is left out of
// what is compared, and so is a day without entries, the first or the last one.
var (
	createdLine  = regexp.MustCompile(` {2}\d\d:\d\d:\d\d {2}object {5}created\n +generation 1 of the spec\n`)
	createdEntry = regexp.MustCompile(`- at: "[^"]*"\n {2}message: generation 1 of the spec\n {2}source: object\n {2}what: created\n`)
	emptyDay     = regexp.MustCompile(`(^|\n)\d{4}-\d\d-\d\d, UTC\n(\n|$)`)
)

func TestHistoryTellsEverythingInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	service := create(t, namespace, "steady")
	newEvent(t, service, corev1.EventTypeNormal, "Retuned", "277.8/s per pod → 212.5 to 301.4/s per pod: 9 of 9 pods confirmed in 0.2s", noon.Add(-9*time.Minute), 1)
	newEvent(t, service, corev1.EventTypeWarning, "ContainerExited", "a container ended with code 2: panic: no such table", noon.Add(-3*time.Hour), 7)
	other := create(t, namespace, "trouble", func(service *v1alpha1.GoService) { service.Name = "other" })
	newEvent(t, other, corev1.EventTypeNormal, "Retuned", "of another service", noon, 1)

	out := succeeds(t, namespace, "history", "checkout", "--since", "87600h")
	if strings.Contains(out, "another service") {
		t.Error("it tells of another service")
	}
	isGolden(t, "history.txt", namespace, emptyDay.ReplaceAllString(createdLine.ReplaceAllString(out, ""), ""))
	if recent := succeeds(t, namespace, "history", "checkout", "--since", "1h"); strings.Contains(recent, "ContainerExited") || !strings.Contains(recent, "gogc 300 → 400") {
		t.Errorf("within the last hour:\n%s", recent)
	}
	isGolden(t, "history.yaml", namespace, createdEntry.ReplaceAllString(
		succeeds(t, namespace, "history", "checkout", "--since", "24h", "-o", "yaml"), ""))
	if said := fails(t, 2, namespace, "history", "checkout", "--since=-1h"); !strings.Contains(said, "--since is -1h0m0s") {
		t.Error(said)
	}
}
