// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/sim/command"
	"goservice.dev/operator/hack/bench/internal/bed"
)

// deployed is what figures are of: the images of operator and workload, and the program that measures them.
type deployed struct{ operator, workload, program string }

func (d deployed) String() string {
	return fmt.Sprintf("operator %s, workload %s, measured by program %s", d.operator, d.workload, d.program)
}

// whatIsDeployed asks the cluster, for the workload by a service that is removed again.
func whatIsDeployed(ctx context.Context, s settings, progress io.Writer) (d deployed, err error) {
	if d.program, err = thisProgram(); err != nil {
		return d, err
	}
	b, err := bed.Open(ctx, "bench-slo-images-")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "a GoService in namespace %s, to learn which images are deployed", b.Namespace)
	service := s.contenders[0].service(s, nil)
	if err := b.Deploy(ctx, service, fewest); err != nil {
		return d, err
	}
	pods, err := b.Pods(ctx, service.Status.Selector)
	if err != nil {
		return d, err
	}
	var operators corev1.PodList
	if err := b.Client.List(ctx, &operators, client.InNamespace("goservice-system"), client.MatchingLabels{"control-plane": "controller-manager"}); err != nil {
		return d, fmt.Errorf("listing the operator's pods: %w", err)
	}
	if d.workload, err = imageOf(pods); err == nil {
		d.operator, err = imageOf(operators.Items)
	}
	return d, err
}

// imageOf the pods' first container. All of them must have the same.
func imageOf(pods []corev1.Pod) (string, error) {
	var images []string
	for i := range pods {
		for _, status := range pods[i].Status.ContainerStatuses {
			if container := pods[i].Spec.Containers[0]; status.Name == container.Name && pods[i].DeletionTimestamp == nil {
				images = append(images, identify(container.Image, status.ImageID))
			}
		}
	}
	slices.Sort(images)
	if images = slices.Compact(images); len(images) != 1 {
		return "", fmt.Errorf("there is not one image but %d: %s", len(images), strings.Join(images, ", "))
	}
	return images[0], nil
}

// identify an image: a tag that begins with dev- is a hash of all that the image is built from (hack/version.sh); with any other, it is
// the image's digest that tells one from another.
func identify(reference, digest string) string {
	if strings.Contains(reference, ":dev-") {
		return reference
	}
	return reference + " " + digest
}

// thisProgram is a short hash of the running program.
func thisProgram() (string, error) {
	hash, err := command.HashProgram()
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}
