// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

const defaultPort = 8080

// validPortName is what the schema allows, of names with a letter.
var validPortName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// reservedPorts are names of the operator's own ports.
var reservedPorts = []string{build.PortNameHTTP, build.PortNameHTTPS, build.PortNameAdmin, build.PortNameMetrics}

// entry is a port of the container, with the Service's port that leads to it.
type entry struct {
	number   int32
	protocol corev1.Protocol
	// name of the container's port, empty without one.
	name string
	// service is the Service's port, nil for a port that is not in it.
	service *corev1.ServicePort
	// declared is the container's, nil for a port that only the Service names.
	declared *corev1.ContainerPort
}

func (c *conversion) port() int32 { return cmp.Or(c.spec().Port, defaultPort) }

// network carries over the ports of the container and the Service. The one that clients call becomes spec.port.
func (c *conversion) network() {
	entries := c.entries()
	chosen := c.chosen(entries)
	var main entry
	if chosen >= 0 {
		main = entries[chosen]
		entries = slices.Delete(entries, chosen, chosen+1)
	} else {
		c.note(Changed, c.from.deployment, "spec.template.spec.containers["+c.mainName+"].ports", nil,
			"no TCP port serves anything: spec.port is %d by default, and the Service has a port that leads there", defaultPort)
		main = entry{number: defaultPort}
	}
	if chosen >= 0 && main.service == nil && c.from.service != nil && len(c.from.service.Spec.Ports) > 0 {
		c.note(Changed, c.from.service, "spec.ports", nil, "none of them leads to a TCP port of the pods: spec.port is %d, and the GoService's Service has a port that leads there", main.number)
	}
	if main.number != defaultPort {
		c.spec().Port = main.number
	}
	if beside := c.besideWith(main); beside != "" {
		c.inPods(Changed, "spec.containers["+beside+"].ports", main.number, "the Service leads here, so this is spec.port, and the service's own container finds this number in $PORT")
	}
	renamed := map[string]intstr.IntOrString{}
	rename(renamed, &main, intstr.FromString(build.PortNameHTTP))
	ports := []corev1.ContainerPort{{Name: build.PortNameHTTP, ContainerPort: main.number}}
	if d := main.declared; d != nil && (d.HostPort != 0 || d.HostIP != "") && !c.template.Spec.HostNetwork {
		c.inPods(Lost, "spec.containers["+c.mainName+"].ports["+d.Name+"].hostPort", d.HostPort,
			"the port that clients call has none: set spec.service.type to NodePort or LoadBalancer, or name another port as the first one of the Service")
	}
	c.mainServicePort(main)
	for i := range entries {
		if c.onToolkit() && entries[i].number == build.AdminPort { // the operator declares it
			ports = append(ports, corev1.ContainerPort{Name: build.PortNameAdmin, ContainerPort: build.AdminPort})
			rename(renamed, &entries[i], intstr.FromString(build.PortNameAdmin))
			if port := entries[i].service; port != nil {
				c.note(Lost, c.from.service, "spec.ports["+port.Name+"]", port.Port, "the toolkit's port is in a Service of its own: %s", build.MetricsServiceName(c.result.Name))
			}
			continue
		}
		if port, kept := c.furtherPort(&entries[i]); kept {
			ports = append(ports, port)
			rename(renamed, &entries[i], intstr.FromString(port.Name))
		} else {
			rename(renamed, &entries[i], intstr.FromInt32(entries[i].number))
		}
	}
	c.main().Ports = ports
	c.renameInProbes(renamed)
	c.service()
}

// entries are all ports: those of the Service first.
func (c *conversion) entries() []entry {
	var result []entry
	declared := c.main().Ports
	if c.from.service != nil {
		for i := range c.from.service.Spec.Ports {
			port := &c.from.service.Spec.Ports[i]
			number, name := c.targetOf(port)
			if number == 0 {
				c.note(Lost, c.from.service, "spec.ports["+port.Name+"].targetPort", port.TargetPort.String(), "no container has a port of this name")
				continue
			}
			next := entry{number: number, protocol: cmp.Or(port.Protocol, corev1.ProtocolTCP), name: name, service: port}
			if same(result, next) >= 0 {
				c.note(Lost, c.from.service, "spec.ports["+port.Name+"]", port.Port,
					"another port of the Service leads to the same port of the container: keep it in a Service of another name")
				continue
			}
			result = append(result, next)
		}
	}
	for i := range declared {
		next := entry{number: declared[i].ContainerPort, protocol: cmp.Or(declared[i].Protocol, corev1.ProtocolTCP), name: declared[i].Name}
		at := same(result, next)
		if at < 0 {
			at = len(result)
			result = append(result, next)
		}
		result[at].name, result[at].declared = next.name, &declared[i]
	}
	return result
}

func same(entries []entry, e entry) int {
	return slices.IndexFunc(entries, func(other entry) bool { return other.number == e.number && other.protocol == e.protocol })
}

// besideWith is the container beside the service that declares a port, if the service's own does not; empty if there is none.
func (c *conversion) besideWith(e entry) string {
	if e.declared != nil {
		return ""
	}
	for i := range c.template.Spec.InitContainers {
		beside := &c.template.Spec.InitContainers[i]
		if slices.ContainsFunc(beside.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == e.number }) {
			return beside.Name
		}
	}
	return ""
}

// targetOf a Service's port is the number and the name of the container's port; 0 if there is none.
func (c *conversion) targetOf(port *corev1.ServicePort) (int32, string) {
	for _, containers := range [][]corev1.Container{c.template.Spec.Containers, c.template.Spec.InitContainers} {
		for i := range containers {
			for _, p := range containers[i].Ports {
				if leadsTo(*port, p) {
					return p.ContainerPort, p.Name
				}
			}
		}
	}
	if port.TargetPort.Type == intstr.String {
		return 0, ""
	}
	return cmp.Or(port.TargetPort.IntVal, port.Port), ""
}

// leadsTo says whether a Service's port leads to a container's port.
func leadsTo(port corev1.ServicePort, p corev1.ContainerPort) bool {
	if cmp.Or(port.Protocol, corev1.ProtocolTCP) != cmp.Or(p.Protocol, corev1.ProtocolTCP) {
		return false
	}
	if port.TargetPort.Type == intstr.String {
		return port.TargetPort.StrVal == p.Name
	}
	return cmp.Or(port.TargetPort.IntVal, port.Port) == p.ContainerPort
}

// chosen is the port that clients call: one named http, or the first one over TCP that does not serve metrics only; -1 without one. Where
// the Service leads to none over TCP, it is one of the container's.
func (c *conversion) chosen(entries []entry) int {
	callable := func(e entry) bool {
		inService := e.service != nil || c.from.service == nil || len(c.from.service.Spec.Ports) == 0
		return inService && e.protocol == corev1.ProtocolTCP
	}
	named := func(e entry) bool {
		return callable(e) && (e.service != nil && e.service.Name == build.PortNameHTTP || e.service == nil && e.name == build.PortNameHTTP)
	}
	forMetrics := func(e entry) bool {
		return c.metrics != nil && c.metrics.port == e.number || strings.Contains(e.name+" "+serviceName(e), "metrics")
	}
	if i := slices.IndexFunc(entries, named); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(entries, func(e entry) bool { return callable(e) && !forMetrics(e) }); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(entries, callable); i >= 0 {
		return i
	}
	return slices.IndexFunc(entries, func(e entry) bool { return e.protocol == corev1.ProtocolTCP }) // it is spec.port all the same
}

func serviceName(e entry) string {
	if e.service == nil {
		return ""
	}
	return e.service.Name
}

// furtherPort adds one of spec.ports, and is the container's port. One that serves nothing but metrics and is in no Service needs none:
// the operator scrapes it by its number.
func (c *conversion) furtherPort(e *entry) (corev1.ContainerPort, bool) {
	name := cmp.Or(serviceName(*e), e.name, fmt.Sprintf("port-%d", e.number))
	if !c.replacesService() { // the Service that stays may name the container's port
		name = cmp.Or(e.name, name)
	}
	if len(name) > 15 || !validPortName.MatchString(name) || strings.Trim(name, "-0123456789") == "" {
		name = cmp.Or(e.name, fmt.Sprintf("port-%d", e.number))
	}
	if slices.Contains(reservedPorts, name) {
		if e.service == nil && c.metrics != nil && c.metrics.port == e.number && e.declared.HostPort == 0 {
			return corev1.ContainerPort{}, false
		}
		name += "-port"
	}
	for number := 2; slices.ContainsFunc(c.spec().Ports, func(p v1alpha1.PortSpec) bool { return string(p.Name) == name }); number++ {
		name = fmt.Sprintf("port-%d-%d", e.number, number)
	}
	port := v1alpha1.PortSpec{Name: v1alpha1.PortName(name), Port: e.number, Hidden: e.service == nil}
	result := corev1.ContainerPort{Name: name, ContainerPort: e.number, Protocol: e.protocol}
	if e.protocol != corev1.ProtocolTCP {
		port.Protocol = e.protocol
	}
	if e.declared != nil {
		result.HostPort, result.HostIP = e.declared.HostPort, e.declared.HostIP
	}
	if e.service != nil {
		if e.service.Port != e.number {
			port.ServicePort = new(e.service.Port)
		}
		port.AppProtocol = v1alpha1.LabelKey(protocolOf(e.service))
		c.noteName(e, name)
		c.noteServicePort(e.service)
	}
	c.spec().Ports = append(c.spec().Ports, port)
	return result, true
}

// noteName says when a port of the Service gets another name.
func (c *conversion) noteName(e *entry, name string) {
	if e.service.Name != "" && e.service.Name != name && c.replacesService() {
		c.note(Changed, c.from.service, "spec.ports["+e.service.Name+"].name", nil, "it is named %s: change what refers to it by its name", name)
	}
}

// rename says by what a probe or hook finds a port that the service's own container names: its new name, or its number.
func rename(renamed map[string]intstr.IntOrString, e *entry, to intstr.IntOrString) {
	if e.declared != nil && e.declared.Name != "" {
		renamed[e.declared.Name] = to
	}
}

// renameInProbes follows the names of the container's ports, in hooks as well.
func (c *conversion) renameInProbes(renamed map[string]intstr.IntOrString) {
	follow := func(get *corev1.HTTPGetAction, connect *corev1.TCPSocketAction) {
		if get != nil {
			get.Port = renamedPort(get.Port, renamed)
		}
		if connect != nil {
			connect.Port = renamedPort(connect.Port, renamed)
		}
	}
	main := c.main()
	for _, probe := range []*corev1.Probe{main.StartupProbe, main.LivenessProbe, main.ReadinessProbe} {
		if probe != nil {
			follow(probe.HTTPGet, probe.TCPSocket)
		}
	}
	if l := main.Lifecycle; l != nil && l.PostStart != nil { // preStop is the operator's
		follow(l.PostStart.HTTPGet, l.PostStart.TCPSocket)
	}
}

func renamedPort(port intstr.IntOrString, renamed map[string]intstr.IntOrString) intstr.IntOrString {
	if to, known := renamed[port.StrVal]; known && port.Type == intstr.String {
		return to
	}
	return port
}
