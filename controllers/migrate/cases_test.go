// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

const cart = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: "cart:1", ports: [{name: http, containerPort: 8080}, {name: side, containerPort: 9000}]}]}
---
`

// fieldOf the only result, and its notes.
func fieldOf(t *testing.T, manifests string, field func(spec *v1alpha1.GoServiceSpec) any) (value, notes string) {
	t.Helper()
	result := converted(t, read(t, manifests)).Results[0]
	for _, note := range result.Notes {
		notes += note.String() + "\n"
	}
	return shown(field(&result.Service.Spec)), notes
}

// expect holds a field and the notes against what they should be: without a note, nothing is lost.
func expect(t *testing.T, what, manifests, want, note string, field func(spec *v1alpha1.GoServiceSpec) any) {
	t.Helper()
	got, notes := fieldOf(t, manifests, field)
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
	if !strings.Contains(notes, note) || note == "" && strings.Contains(notes, string(Lost)) {
		t.Errorf("%s: no note with %q, or others:\n%s", what, note, notes)
	}
}

func TestAutoscalers(t *testing.T) {
	for spec, c := range map[string]struct{ want, note string }{
		`maxReplicas: 5`:                 {`{"minReplicas":1,"maxReplicas":5,"targetCPUUtilization":80}`, ""},
		`minReplicas: 0, maxReplicas: 5`: {`{"minReplicas":1,"maxReplicas":5,"targetCPUUtilization":80}`, "spec.minReplicas: 0: the operator's autoscaler keeps at least one pod"},
		`maxReplicas: 5, metrics: [{type: ContainerResource, containerResource: {name: cpu, container: cart, target: {type: Utilization, averageUtilization: 55}}}]`: {
			`{"minReplicas":1,"maxReplicas":5,"targetCPUUtilization":55}`, ""},
		`maxReplicas: 5, metrics: [{type: ContainerResource, containerResource: {name: cpu, container: other, target: {type: Utilization, averageUtilization: 55}}}]`: {
			`{"minReplicas":1,"maxReplicas":5}`, "spec.metrics[ContainerResource]"},
		`maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}]`:     {`{"minReplicas":1,"maxReplicas":5}`, "spec.metrics[Resource]"},
		`maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 120}}}]`: {`{"minReplicas":1,"maxReplicas":5}`, "spec.metrics[Resource]"},
		`maxReplicas: 5, metrics: [{type: External, external: {metric: {name: queue}, target: {type: Value, value: 5}}}]`:          {`{"minReplicas":1,"maxReplicas":5}`, "spec.metrics[External]"},
	} {
		manifests := cart + `{"apiVersion": autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {kind: Deployment, name: cart}, ` + spec + `}}`
		expect(t, spec, manifests, c.want, c.note, func(spec *v1alpha1.GoServiceSpec) any { return spec.Autoscaling })
	}
	older := cart + `{"apiVersion": autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {kind: Deployment, name: cart}, minReplicas: 3, maxReplicas: 9, targetCPUUtilizationPercentage: 50}}`
	expect(t, "autoscaling/v1", older, `{"minReplicas":3,"maxReplicas":9,"targetCPUUtilization":50}`, "", func(spec *v1alpha1.GoServiceSpec) any { return spec.Autoscaling })
}

func TestServices(t *testing.T) {
	type wanted struct {
		Port    int32                 `json:"port,omitempty"`
		Service *v1alpha1.ServiceSpec `json:"service,omitempty"`
		Ports   []v1alpha1.PortSpec   `json:"ports,omitempty"`
	}
	const hidden = `{"name":"side","port":9000,"hidden":true}`
	for spec, c := range map[string]struct{ want, note string }{
		`ports: [{name: http, port: 80, targetPort: http}]`: {`{"ports":[` + hidden + `]}`, ""},
		`ports: [{port: 8080}]`:                             {`{"service":{"port":8080},"ports":[` + hidden + `]}`, ""},
		`ports: [{port: 80, targetPort: 9000}]`:             {`{"port":9000,"ports":[{"name":"http-port","port":8080,"hidden":true}]}`, ""},
		`ports: [{port: 80, targetPort: 7000}]`:             {`{"port":7000,"ports":[{"name":"http-port","port":8080,"hidden":true},` + hidden + `]}`, ""},
		`ports: [{port: 80, targetPort: gone}]`: {`{"ports":[` + hidden + `]}`,
			"spec.ports[].targetPort: gone: no container has a port of this name"},
		`ports: [{name: a, port: 81, targetPort: side}, {name: http, port: 80, targetPort: http}]`:                                       {`{"ports":[{"name":"a","port":9000,"servicePort":81}]}`, ""},
		`ports: [{name: http, port: 80, targetPort: http}, {name: b, port: 81, targetPort: http}]`:                                       {`{"ports":[` + hidden + `]}`, "spec.ports[b]: 81: another port of the Service leads to the same port"},
		`ports: [{name: metrics, port: 9000}, {name: grpc-api, port: 8080}]`:                                                             {`{"service":{"port":8080,"appProtocol":"grpc"},"ports":[{"name":"metrics-port","port":9000}]}`, "it is named metrics-port"},
		`ports: [{name: a-name-that-is-too-long, port: 9000}, {name: http, port: 80, targetPort: http, appProtocol: kubernetes.io/h2c}]`: {`{"service":{"appProtocol":"kubernetes.io/h2c"},"ports":[{"name":"side","port":9000}]}`, "it is named side"},
		`ports: [{name: http, port: 80, targetPort: http}, {name: a--b, port: 9000}]`:                                                    {`{"ports":[{"name":"side","port":9000}]}`, "it is named side"},
		`ports: [{name: http, port: 80, targetPort: http}, {name: "7000", port: 7000}]`:                                                  {`{"ports":[{"name":"port-7000","port":7000},` + hidden + `]}`, "it is named port-7000"},
		`ports: [{name: dns, port: 53, protocol: UDP}]`:                                                                                  {`{"ports":[{"name":"dns","port":53,"protocol":"UDP"},` + hidden + `]}`, "none of them leads to a TCP port of the pods: spec.port is 8080"},
		`type: LoadBalancer, loadBalancerClass: a/b, loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Cluster, trafficDistribution: PreferClose, ports: [{port: 80, targetPort: http, nodePort: 30001}]`: {
			`{"service":{"type":"LoadBalancer","trafficDistribution":"PreferClose","loadBalancerClass":"a/b","loadBalancerSourceRanges":["10.0.0.0/8"]},"ports":[` + hidden + `]}`, ""},
		`clusterIP: None, ports: [{port: 80, targetPort: http}]`:                                                                  {`{"ports":[` + hidden + `]}`, ""},
		`type: NodePort, ipFamilies: [IPv6], ipFamilyPolicy: SingleStack, ports: [{port: 80, targetPort: http, nodePort: 30001}]`: {`{"service":{"type":"NodePort"},"ports":[` + hidden + `]}`, ""},
		`publishNotReadyAddresses: true, ports: [{port: 80, targetPort: http}]`:                                                   {`{"ports":[` + hidden + `]}`, "spec.publishNotReadyAddresses: true"},
	} {
		manifests := cart + `{"apiVersion": v1, kind: Service, metadata: {name: cart}, spec: {selector: {app: cart}, ` + spec + `}}`
		expect(t, spec, manifests, c.want, c.note, func(spec *v1alpha1.GoServiceSpec) any { return wanted{spec.Port, spec.Service, spec.Ports} })
	}
}

// A Service of another name stays. Its clients must still reach the pods.
func TestAServiceOfAnotherNameStays(t *testing.T) {
	for spec, want := range map[string]string{
		`selector: {app: cart}, ports: [{port: 80, targetPort: http}]`:                                        "",
		`selector: {app: cart}, ports: [{name: api, port: 80, targetPort: side}]`:                             "spec.ports[api].targetPort: side: it stays as it is, but the new container has no port of this name",
		`selector: {app.kubernetes.io/name: web}, ports: [{port: 80, targetPort: http}]`:                      "spec.selector[app.kubernetes.io/name]: web: it stays as it is, but the new pods do not have this label: select them by app=cart",
		`selector: {app: cart}, ports: [{port: 80, targetPort: http}, {name: b, port: 81, targetPort: side}]`: "",
	} {
		output := converted(t, read(t, strings.Replace(cart, "labels: {app: cart}", "labels: {app: cart, app.kubernetes.io/name: web}", 1)+
			`{"apiVersion": v1, kind: Service, metadata: {name: web}, spec: {`+spec+`}}`))
		if diff := cmp.Diff([]string{"Service web"}, output.Left); diff != "" {
			t.Errorf("what stays (-want +got):\n%s", diff)
		}
		found := slices.ContainsFunc(output.Results[0].Notes, func(n Note) bool { return n.Kind == Lost })
		if notes := fmt.Sprint(output.Results[0].Notes); !strings.Contains(notes, want) || found != (want != "") {
			t.Errorf("%s: no note with %q, or others: %s", spec, want, notes)
		}
	}
}

func TestEachDeploymentHasItsOwn(t *testing.T) {
	second := strings.ReplaceAll(cart, "cart", "wish")
	output := converted(t, read(t, cart+second+`
{"apiVersion": v1, kind: Service, metadata: {name: wish}, spec: {selector: {app: wish}, ports: [{port: 82, targetPort: 8080}]}}
---
{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {matchLabels: {app: cart}}, maxUnavailable: 1}}
---
{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: elsewhere, namespace: other}, spec: {selector: {matchLabels: {app: wish}}, maxUnavailable: 1}}
---
{"apiVersion": v1, kind: ConfigMap, metadata: {name: c}}
`))
	var got []string
	for _, result := range output.Results {
		got = append(got, fmt.Sprint(result.Service.Name, " ", shown(result.Service.Spec.Service), " ", shown(result.Service.Spec.DisruptionBudget), " ", result.Replaced))
	}
	want := []string{
		`cart null {"maxUnavailable":1} [Deployment cart PodDisruptionBudget b]`,
		`wish {"port":82} null [Deployment wish Service wish]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"PodDisruptionBudget other/elsewhere", "ConfigMap c"}, output.Left); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
}

// Init containers run in their order, also those that no longer fit into the list of the GoService.
func TestInitContainersKeepTheirOrder(t *testing.T) {
	var containers, want []string
	for i := range 2 * maxInitContainers {
		want = append(want, fmt.Sprintf("step-%d", i))
		containers = append(containers, fmt.Sprintf(`{name: step-%d, image: "a:1"}`, i))
	}
	result := converted(t, read(t, strings.Replace(cart, "spec: {containers", "spec: {initContainers: ["+strings.Join(containers, ", ")+"], containers", 1))).Results[0]
	built, err := builtTemplate(result.Service)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, container := range built.Spec.InitContainers {
		got = append(got, container.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatCannotBeConverted(t *testing.T) {
	for manifests, want := range map[string]string{
		`{"apiVersion": v1, kind: ConfigMap, metadata: {name: a}}`:                                     "no Deployment of apps/v1 in the input",
		strings.Replace(cart, "name: cart}", "name: 2-cart}", 1):                                       `metadata.name "2-cart" must start with a letter`,
		strings.Replace(cart, `image: "cart:1", `, "", 1):                                              "spec.template.spec.containers[cart].image must be set",
		`{"apiVersion": apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {}}}}`: "spec.template.spec.containers must have a container",
	} {
		if _, err := Convert(read(t, manifests), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", manifests, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"kind": Deployment}`: "document 1: an object must have apiVersion and kind",
		cart + "a: b: c":       "document 2: ",
		`{"apiVersion": v1, kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: a}, spec: 1}]}`: "document 1: items[0]: Service a: ",
	} {
		if err := new(Manifests).Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	notes := converted(t, read(t, strings.Replace(cart, "containerPort: 9000", "containerPort: 9000, hostport: 1", 1))).Notes
	if len(notes) != 1 || !strings.Contains(notes[0].Reason, `unknown field "spec.template.spec.containers[0].ports[1].hostport"`) {
		t.Errorf("a field that Kubernetes does not have: %v", notes)
	}
}

// What stays names labels and ports that the pods no longer have.
func TestWhatStaysIsChecked(t *testing.T) {
	for object, want := range map[string]string{
		`"apiVersion": networking.k8s.io/v1, kind: Ingress, spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: cart, port: {name: web}}}}]}}]}`:      "set port.number to 80",
		`"apiVersion": networking.k8s.io/v1, kind: Ingress, spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: cart, port: {number: 80}}}}]}}]}`:     "",
		`"apiVersion": networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{ports: [{port: side}, {port: 8080}]}]}`: "",
		`"apiVersion": networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{ports: [{port: web}]}]}`:                "spec.ingress.ports.port: web",
		`"apiVersion": networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {matchLabels: {app.kubernetes.io/component: api}}}`:                            "it does not select the GoService's pods",
	} {
		manifests := strings.NewReplacer("labels: {app: cart}", "labels: {app: cart, app.kubernetes.io/component: api}", "name: http,", "name: web,").Replace(cart) +
			`{"apiVersion": v1, kind: Service, metadata: {name: cart}, spec: {selector: {app: cart}, ports: [{name: web, port: 80, targetPort: web}]}}
---
{metadata: {name: a}, ` + object + `}`
		_, notes := fieldOf(t, manifests, func(*v1alpha1.GoServiceSpec) any { return nil })
		if !strings.Contains(notes, want) || want == "" && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: no note with %q, or others:\n%s", object, want, notes)
		}
	}
}

func TestPullPolicies(t *testing.T) {
	for image, want := range map[string]corev1.PullPolicy{
		"a": corev1.PullAlways, "a:latest": corev1.PullAlways, "a:1": corev1.PullIfNotPresent, "r.example:5000/a": corev1.PullAlways,
		"r.example:5000/a:2": corev1.PullIfNotPresent, "a@sha256:00": corev1.PullIfNotPresent,
	} {
		if got := pullPolicyOf(image); got != want {
			t.Errorf("%s: %s, want %s", image, got, want)
		}
	}
}

// What is longer than the schema allows would be refused.
func TestTimesAreWithinTheSchema(t *testing.T) {
	manifests := strings.NewReplacer("spec: {containers: [{name: cart,", "spec: {terminationGracePeriodSeconds: 86400, containers: [{name: cart, lifecycle: {preStop: {sleep: {seconds: 900}}},",
		"  selector:", "  progressDeadlineSeconds: 2147483647\n  minReadySeconds: 7200\n  selector:").Replace(cart)
	got, notes := fieldOf(t, manifests, func(spec *v1alpha1.GoServiceSpec) any { return []any{spec.Shutdown, spec.Rollout} })
	if want := `[{"preStopDelay":"10m0s","drainTimeout":"1h0m0s"},{"minReadySeconds":3600,"progressDeadline":"24h0m0s"}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if count := strings.Count(notes, "the most that a GoService may have"); count != 4 {
		t.Errorf("%d notes, want 4:\n%s", count, notes)
	}
}

// A port that is only scraped is not one of spec.ports, and others get a new name: what asks them must find them.
func TestProbesFindTheirPorts(t *testing.T) {
	const monitor = `{"apiVersion": v1, kind: Service, metadata: {name: cart, labels: {app: cart}}, spec: {selector: {app: cart}, ports: [{name: web, port: 80, targetPort: web}]}}
---
{"apiVersion": monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: cart}, spec: {selector: {matchLabels: {app: cart}}, endpoints: [{targetPort: 9000}]}}`
	for _, scraped := range []bool{false, true} {
		for name, want := range map[string]string{"metrics": "9000", "admin": "9000", "side": `"side"`} {
			manifests := strings.NewReplacer("name: http,", "name: web,", "name: side", "name: "+name, "{name: cart, image", "{name: cart, livenessProbe: {httpGet: {path: /a, port: "+name+
				"}}, readinessProbe: {tcpSocket: {port: "+name+"}}, lifecycle: {postStart: {httpGet: {path: /b, port: web}}}, image").Replace(cart)
			if scraped {
				manifests += monitor
			} else {
				manifests = strings.Replace(manifests, "metadata: {labels: {app: cart}}", `metadata: {labels: {app: cart}, annotations: {prometheus.io/port: "9000"}}`, 1)
			}
			result := converted(t, read(t, manifests)).Results[0]
			probes := result.Service.Spec.Probes
			if got := []string{shown(probes.Liveness.HTTPGet.Port), shown(probes.Readiness.TCPSocket.Port)}; got[0] != want || got[1] != want {
				t.Errorf("the probes of %s ask %v, want %s", name, got, want)
			}
			if overlay := shown(result.Service.Spec.Pod.Overlay); !strings.Contains(overlay, `"postStart":{"httpGet":{"path":"/b","port":"http"}}`) {
				t.Errorf("the hook does not ask http: %s", overlay)
			}
		}
	}
}

// Ports merge by their numbers alone, constraints by their topology: a list in which one is there twice is replaced.
func TestListsWhoseKeysRepeat(t *testing.T) {
	for what, manifests := range map[string]string{
		"a host port of one protocol": strings.Replace(cart, "{name: side, containerPort: 9000}", "{name: dns, containerPort: 9053, hostPort: 53}, {name: dns-udp, containerPort: 9053, hostPort: 53, protocol: UDP}", 1),
		"a port beside spec.port":     strings.Replace(cart, "{name: side, containerPort: 9000}", "{name: quic, containerPort: 8080, hostPort: 8080, protocol: UDP}", 1),
		"a port of a sidecar":         strings.Replace(cart, "containers: [", `containers: [{name: dns, image: "d:1", ports: [{name: a, containerPort: 53, hostIP: 10.0.0.1, hostPort: 53}, {name: b, containerPort: 53, protocol: UDP}]}, `, 1),
		"a topology": strings.Replace(cart, "spec: {containers", "spec: {topologySpreadConstraints: [{topologyKey: zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: cart}}}, "+
			"{topologyKey: zone, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway, nodeTaintsPolicy: Honor, matchLabelKeys: [pod-template-hash], labelSelector: {matchLabels: {app: cart}}}], containers", 1),
	} {
		m := read(t, manifests)
		result := converted(t, m).Results[0]
		built, err := builtTemplate(result.Service)
		if err != nil {
			t.Fatalf("%s: %v in %s", what, err, shown(result.Service.Spec))
		}
		if slices.ContainsFunc(result.Notes, func(n Note) bool { return n.Kind == Lost }) {
			t.Errorf("%s: notes %v", what, result.Notes)
		}
		was := map[string]bool{}
		for _, c := range m.deployments[0].Spec.Template.Spec.Containers {
			for _, p := range c.Ports {
				was[fmt.Sprint(p.ContainerPort, p.Protocol == corev1.ProtocolUDP, p.HostPort, p.HostIP)] = true
			}
		}
		is := map[string]bool{}
		for _, c := range append(built.Spec.Containers, built.Spec.InitContainers...) {
			for _, p := range c.Ports {
				is[fmt.Sprint(p.ContainerPort, p.Protocol == corev1.ProtocolUDP, p.HostPort, p.HostIP)] = true
			}
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s: ports (-was +is):\n%s\n%s", what, diff, shown(result.Service.Spec.Pod.Overlay))
		}
	}
}

// Without a surge, pods can only be replaced if some may be missing.
func TestRolloutsMove(t *testing.T) {
	for update, want := range map[string]string{
		"maxSurge: 0":                      `{"maxSurge":0,"maxUnavailable":"25%"}`,
		"maxSurge: 0%":                     `{"maxSurge":"0%","maxUnavailable":"25%"}`,
		"maxSurge: 0, maxUnavailable: 1":   `{"maxSurge":0,"maxUnavailable":1}`,
		"maxSurge: 0, maxUnavailable: 25%": `{"maxSurge":0,"maxUnavailable":"25%"}`,
		"maxSurge: 1":                      `{"maxSurge":1}`,
		"maxUnavailable: 0":                "null",
		"maxUnavailable: 25%":              "null",
	} {
		manifests := strings.Replace(cart, "  selector:", "  strategy: {rollingUpdate: {"+update+"}}\n  selector:", 1)
		expect(t, update, manifests, want, "", func(spec *v1alpha1.GoServiceSpec) any { return spec.Rollout })
	}
}

// What the schema of a probe refuses has a place in the overlay.
func TestProbesThatTheSchemaRefuses(t *testing.T) {
	for probe, refused := range map[string]bool{
		`httpGet: {path: healthz, port: http}`:                                                       true,
		`httpGet: {path: "/a?b=c", port: http}`:                                                      false,
		`httpGet: {path: "/a b", port: http}`:                                                        true,
		`httpGet: {path: "/{a}", port: http}`:                                                        true,
		`httpGet: {path: "/` + strings.Repeat("a", 256) + `", port: http}`:                           true,
		`httpGet: {path: /a, port: http, httpHeaders: [{name: A_B, value: c}]}`:                      true,
		`tcpSocket: {port: http}, periodSeconds: 7200`:                                               true,
		`exec: {command: [` + strings.TrimSuffix(strings.Repeat("a, ", 65), ", ") + `]}`:             true,
		`exec: {command: [a]}, failureThreshold: 3, timeoutSeconds: 3600, initialDelaySeconds: 3600`: false,
	} {
		m := read(t, strings.Replace(cart, "containers: [{name: cart, image", `containers: [{name: side, image: "s:1", ports: [{name: http, containerPort: 1}], livenessProbe: {`+probe+`}}, {name: cart, livenessProbe: {`+probe+`}, image`, 1))
		result := converted(t, m).Results[0]
		if got := result.Service.Spec.Probes.Liveness.Disabled; got != refused {
			t.Errorf("%s: in the overlay %v, want %v", probe, got, refused)
		}
		if result.Service.Spec.InitContainers[0].LivenessProbe == nil {
			t.Errorf("%s of a sidecar is in the overlay", probe)
		}
		built, err := builtTemplate(result.Service)
		if err != nil {
			t.Fatal(err)
		}
		before := m.deployments[0].Spec.Template.Spec.Containers
		for i, container := range []corev1.Container{built.Spec.InitContainers[0], built.Spec.Containers[0]} {
			if diff := cmp.Diff(canonical(before[i].LivenessProbe), canonical(container.LivenessProbe)); diff != "" {
				t.Errorf("%s: (-before +after)\n%s", probe, diff)
			}
		}
	}
}
