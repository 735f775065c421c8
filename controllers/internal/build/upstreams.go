// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// upstreamsDirectory holds a directory for each Secret of an upstream.
const upstreamsDirectory = "/etc/goservice/upstreams"

// upstreamSecret is a Secret of an upstream that the toolkit reads, and reads again when it changes.
type upstreamSecret struct{ volume, secret, directory string }

func (s upstreamSecret) mount() *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(s.volume).WithMountPath(s.directory).WithReadOnly(true)
}

// upstreamSecrets of all upstreams; none is mounted for an image that is not built on the toolkit, which has no upstreams.
func upstreamSecrets(spec *v1alpha1.GoServiceSpec) (all []upstreamSecret) {
	for i := range spec.Upstreams {
		tls, headers := secretsOf(&spec.Upstreams[i])
		for _, one := range []upstreamSecret{tls, headers} {
			if one.secret != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

func secretsOf(upstream *v1alpha1.UpstreamSpec) (tls, headers upstreamSecret) {
	secret := func(name v1alpha1.ObjectName, kind string) upstreamSecret {
		return upstreamSecret{suffixed("upstream-"+upstream.Name, "-"+kind), string(name), upstreamsDirectory + "/" + upstream.Name + "/" + kind}
	}
	return secret(upstream.TLSSecretName, "tls"), secret(upstream.HeadersSecretName, "headers")
}

// upstreams is the setting that the toolkit reads.
func upstreams(spec *v1alpha1.GoServiceSpec) string {
	type target struct {
		Name             string `json:"name"`
		URL              string `json:"url"`
		TLSDirectory     string `json:"tlsDirectory,omitempty"`
		HeadersDirectory string `json:"headersDirectory,omitempty"`
		Proxy            string `json:"proxy,omitempty"`
	}
	list := make([]target, len(spec.Upstreams))
	for i := range spec.Upstreams {
		upstream := &spec.Upstreams[i]
		list[i] = target{Name: upstream.Name, URL: upstream.URL, Proxy: strings.ToLower(string(upstream.Proxy))}
		tls, headers := secretsOf(upstream)
		if tls.secret != "" {
			list[i].TLSDirectory = tls.directory
		}
		if headers.secret != "" {
			list[i].HeadersDirectory = headers.directory
		}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		panic(fmt.Sprintf("encoding strings cannot fail: %v", err))
	}
	return string(encoded)
}
