// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import "strings"

// podCases are those of the rules on the pod, its Service, and how it is replaced.
var podCases = cases{
	"probes must not name a port": {
		[]string{
			`{ports: [{name: grpc, port: 9000}], probes: {liveness: {tcpSocket: {port: grpc}}, readiness: {httpGet: {path: /, port: http}}}}`,
			`probes: {startup: {httpGet: {path: /, port: admin}}, liveness: {tcpSocket: {port: 9000}}}`,
		},
		[]string{`probes: {liveness: {tcpSocket: {port: grpc}}}`, `{ports: [{name: grpc, port: 9000}], probes: {readiness: {httpGet: {path: /, port: web}}}}`},
	},
	"probes must not have httpGet on spec.port": {
		[]string{
			`{tls: {secretName: a}, probes: {liveness: {httpGet: {path: /}}}}`,
			`{tls: {secretName: a, clientCASecretName: b}, probes: {liveness: {httpGet: {path: /, port: admin}}, readiness: {tcpSocket: {}}}}`,
		},
		[]string{
			`{tls: {secretName: a, clientCASecretName: b}, probes: {liveness: {httpGet: {path: /}}}}`,
			`{port: 8443, tls: {secretName: a, clientCASecretName: b}, probes: {readiness: {httpGet: {path: /, port: 8443}}}}`,
			`{tls: {secretName: a, clientCASecretName: b}, probes: {startup: {httpGet: {path: /, port: http}}}}`,
		},
	},
	"probes must not have grpc on spec.port": {
		[]string{`probes: {liveness: {grpc: {port: 8080}}}`, `{tls: {secretName: a}, probes: {liveness: {grpc: {port: 8081}}}}`},
		[]string{`{tls: {secretName: a}, probes: {liveness: {grpc: {port: 8080}}}}`},
	},
	"probes.startup and probes.liveness must not": {
		[]string{`probes: {liveness: {successThreshold: 1}, readiness: {successThreshold: 3}}`},
		[]string{`probes: {liveness: {successThreshold: 2}}`, `probes: {startup: {tcpSocket: {}, successThreshold: 2}}`},
	},
	"probes.readiness must not have terminationGrace": {
		[]string{`probes: {liveness: {terminationGracePeriodSeconds: 5}, startup: {terminationGracePeriodSeconds: 5}}`},
		[]string{`probes: {readiness: {terminationGracePeriodSeconds: 5}}`},
	},
	"must have only one of httpGet": {
		[]string{`probes: {liveness: {disabled: true}, readiness: {periodSeconds: 3}, startup: {exec: {command: [/bin/ready]}}}`},
		[]string{`probes: {liveness: {disabled: true, tcpSocket: {}}}`, `probes: {readiness: {httpGet: {path: /}, grpc: {port: 9}}}`},
	},
	"must be a path such as /healthz": {
		[]string{`probes: {liveness: {httpGet: {path: "/a%20b/c.d?x=1&y=/"}}, readiness: {httpGet: {path: /}}}`},
		[]string{
			`probes: {liveness: {httpGet: {path: "/a b"}}}`, `probes: {readiness: {httpGet: {path: "/a?x=%zz"}}}`, `probes: {liveness: {httpGet: {path: a}}}`,
			`probes: {startup: {httpGet: {path: "/a#b"}}}`, `probes: {readiness: {httpGet: {path: "/a\tb"}}}`, `probes: {readiness: {httpGet: {path: "http://a/b"}}}`,
		},
	},
	"must be the name of a port": {
		[]string{`probes: {liveness: {httpGet: {path: /, port: 65535}}, readiness: {tcpSocket: {port: 1}}}`},
		[]string{
			`probes: {liveness: {httpGet: {path: /, port: 0}}}`, `probes: {readiness: {tcpSocket: {port: 65536}}}`,
			`probes: {readiness: {tcpSocket: {port: a-name-of-sixteen}}}`,
		},
	},
	"must be a port name": {
		[]string{`ports: [{name: grpc-web-2, port: 9000}, {name: 9p, port: 9001}]`, `initContainers: [{name: a, image: b, ports: [{name: c, containerPort: 1}]}]`},
		[]string{`ports: [{name: "9000", port: 9000}]`, `ports: [{name: a--b, port: 9000}]`, `ports: [{name: -a, port: 9000}]`, `ports: [{name: gRPC, port: 9000}]`},
	},
	"networkPolicy.from[] must have podSelector": {
		[]string{
			`networkPolicy: {}`, `networkPolicy: {from: [{podSelector: {}}, {namespaceSelector: {}}]}`,
			`networkPolicy: {from: [{podSelector: {matchLabels: {a: b}}, namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}, {ipBlock: {cidr: "::/0"}}]}`,
		},
		[]string{
			`networkPolicy: {from: [{}]}`, `networkPolicy: {from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}`,
			`networkPolicy: {from: [{podSelector: {}}, {namespaceSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}`,
		},
	},
	"networkPolicy.from[].ipBlock.except must": {
		[]string{
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.3.4/32]}}]}`,
			`networkPolicy: {from: [{ipBlock: {cidr: "2001:db8::/32", except: ["2001:db8:1::/48"]}}]}`,
		},
		[]string{
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}`,
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}`,
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.0.0/8]}}]}`,
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8, except: ["2001:db8::/48"]}}]}`,
			`networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [a]}}]}`,
		},
	},
	"ports[].name must not be": {
		[]string{`ports: [{name: web, port: 9000}]`},
		[]string{`ports: [{name: http, port: 9000}]`, `ports: [{name: metrics, port: 9000}]`},
	},
	"ports must have neither 9100": {
		[]string{`ports: [{name: a, port: 9100, protocol: UDP}]`},
		[]string{`ports: [{name: a, port: 9100}]`, `ports: [{name: a, port: 6060}]`},
	},
	"ports must not have the same port": {
		[]string{`ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}]`},
		[]string{`ports: [{name: a, port: 53}, {name: b, port: 53, servicePort: 54}]`},
	},
	"ports must not have the same servicePort": {
		[]string{`ports: [{name: a, port: 1, servicePort: 9}, {name: b, port: 2, servicePort: 9, protocol: UDP}, {name: c, port: 9, hidden: true}]`},
		[]string{`ports: [{name: a, port: 1, servicePort: 9}, {name: b, port: 9}]`},
	},
	"ports must not have the number of spec.port": {
		[]string{`ports: [{name: a, port: 8080, protocol: UDP}]`, `{port: 8081, ports: [{name: a, port: 8080}]}`},
		[]string{`ports: [{name: a, port: 8080}]`, `{port: 8081, ports: [{name: a, port: 8081, hidden: true}]}`},
	},
	"ports must not have the servicePort that leads": {
		[]string{
			`ports: [{name: a, port: 443}]`, `{service: {port: 81}, ports: [{name: a, port: 80}]}`, `{tls: {secretName: a}, ports: [{name: a, port: 80}]}`,
			`ports: [{name: a, port: 80, hidden: true}, {name: b, port: 80, protocol: UDP}]`,
		},
		[]string{
			`ports: [{name: a, port: 80}]`, `ports: [{name: a, port: 9000, servicePort: 80}]`, `{tls: {secretName: a}, ports: [{name: a, port: 443}]}`,
			`{service: {port: 9000}, ports: [{name: a, port: 9000}]}`,
		},
	},
	"service.externalTrafficPolicy must not": {
		[]string{`service: {type: NodePort, externalTrafficPolicy: Local}`},
		[]string{`service: {externalTrafficPolicy: Local}`},
	},
	"service.loadBalancerClass and": {
		[]string{`service: {type: LoadBalancer, loadBalancerClass: example.com/internal, loadBalancerSourceRanges: [10.0.0.0/8]}`},
		[]string{`service: {loadBalancerClass: example.com/internal}`, `service: {type: NodePort, loadBalancerSourceRanges: [10.0.0.0/8]}`},
	},
	"service.sessionAffinityTimeoutSeconds must": {
		[]string{`service: {sessionAffinity: ClientIP, sessionAffinityTimeoutSeconds: 60}`},
		[]string{`service: {sessionAffinityTimeoutSeconds: 60}`},
	},
	"service.annotations must not set": {
		[]string{`service: {annotations: {example.com/goservice.dev: x}}`},
		[]string{`service: {annotations: {goservice.dev/a: x}}`},
	},
	"service.annotations must have annotation keys": {
		[]string{`service: {annotations: {Example.com/a: "any thing: {}"}}`},
		[]string{`service: {annotations: {"a b": c}}`},
	},
	"must be a range of addresses": {
		[]string{`service: {type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24, "2001:db8::/32"]}`},
		[]string{
			`service: {type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.1/24]}`, `service: {type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.1]}`,
			`service: {type: LoadBalancer, loadBalancerSourceRanges: [anybody]}`,
		},
	},
	"must be at most 63 lower-case": {
		[]string{`volumes: [{name: a-1, emptyDir: {}}]`},
		[]string{`volumes: [{name: A, emptyDir: {}}]`, `volumes: [{name: a.b, emptyDir: {}}]`, `initContainers: [{name: a_b, image: c}]`},
	},
	"volumes[] must have exactly one of": {
		[]string{`volumes: [{name: a, emptyDir: {}}, {name: b, persistentVolumeClaim: {claimName: data}}, {name: c, nfs: {server: files, path: /shop}}]`},
		[]string{`volumes: [{name: a}]`, `volumes: [{name: a, emptyDir: {}, secret: {secretName: b}}]`},
	},
	"volumes[].name must not be": {
		[]string{`volumes: [{name: tls-2, emptyDir: {}}, {name: upstream-tls, emptyDir: {}}, {name: upstream-billing, emptyDir: {}}]`},
		[]string{
			`volumes: [{name: live-settings, emptyDir: {}}]`, `volumes: [{name: tmp, emptyDir: {}}]`, `volumes: [{name: upstream-billing-tls, emptyDir: {}}]`,
			`volumes: [{name: upstream-billing-headers, emptyDir: {}}]`,
		},
	},
	"must be a relative path": {
		[]string{`volumes: [{name: a, configMap: {name: b, items: [{key: c, path: d/e..f}]}}]`},
		[]string{
			`volumes: [{name: a, configMap: {name: b, items: [{key: c, path: /d}]}}]`, `volumes: [{name: a, secret: {secretName: b, items: [{key: c, path: d/../e}]}}]`,
			`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a, subPath: ../b}]}`,
		},
	},
	"must be an absolute path": {
		[]string{`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /var/lib/a.b}]}`},
		[]string{
			`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: data}]}`, `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /data/}]}`,
			`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: "/a:b"}]}`,
		},
	},
	"must not be below /etc/goservice": {
		[]string{`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /etc/goservice2}]}`},
		[]string{`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /etc/goservice/tls}]}`, `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /etc/goservice}]}`},
	},
	"must not have both subPath": {
		[]string{`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a, subPath: b}, {name: a, mountPath: /c, subPathExpr: $(PORT)}]}`},
		[]string{`{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /a, subPath: b, subPathExpr: c}]}`},
	},
	"volumes[].emptyDir.sizeLimit must": {
		[]string{`volumes: [{name: a, emptyDir: {medium: Memory, sizeLimit: 64Mi}}]`},
		[]string{`volumes: [{name: a, emptyDir: {sizeLimit: -1}}]`},
	},
	"must be metadata.name, metadata.namespace, metadata.uid, metadata.labels, ": {
		[]string{`volumes: [{name: a, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: team, fieldRef: {fieldPath: "metadata.annotations['example.com/team']"}}]}}]`},
		[]string{`volumes: [{name: a, downwardAPI: {items: [{path: ip, fieldRef: {fieldPath: status.podIP}}]}}]`},
	},
	"volumeMounts must name volumes": {
		[]string{`{volumes: [{name: a, csi: {driver: secrets.example}}], volumeMounts: [{name: a, mountPath: /a}]}`},
		[]string{`volumeMounts: [{name: a, mountPath: /a}]`, `{volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: b, mountPath: /a}]}`},
	},
	"initContainers must mount": {
		[]string{`{volumes: [{name: a, emptyDir: {}}], initContainers: [{name: b, image: c, volumeMounts: [{name: a, mountPath: /a}]}]}`},
		[]string{`initContainers: [{name: b, image: c, volumeMounts: [{name: a, mountPath: /a}]}]`, `{volumes: [{name: a, emptyDir: {}}], initContainers: [{name: b, image: c, volumeMounts: [{name: d, mountPath: /a}]}]}`},
	},
	"initContainers[].name must not": {
		[]string{`initContainers: [{name: services, image: b}]`, `{pod: {containerName: app}, initContainers: [{name: service, image: b}]}`},
		[]string{`initContainers: [{name: service, image: b}]`, `{pod: {containerName: app}, initContainers: [{name: app, image: b}]}`},
	},
	"pod.labels must not have a key of pod.selector": {
		[]string{`pod: {selector: {app: a}, labels: {team: b}}`},
		[]string{`pod: {selector: {app: a}, labels: {app: a}}`},
	},
	"pod.selector must not name": {
		[]string{`pod: {selector: {app.kubernetes.io/name: a, app.kubernetes.io/instance: b}}`},
		[]string{`pod: {selector: {app.kubernetes.io/managed-by: Helm}}`, `pod: {selector: {goservice.dev/name: a}}`, `pod: {selector: {pod-template-hash: a}}`},
	},
	"pod.selector must have label keys": {
		[]string{`pod: {selector: {example.com/app: a}}`},
		[]string{`pod: {selector: {"a b": c}}`},
	},
	"initContainers[] must not have probes": {
		[]string{`initContainers: [{name: a, image: b, restartPolicy: Always, readinessProbe: {tcpSocket: {port: 80}}}]`},
		[]string{`initContainers: [{name: a, image: b, readinessProbe: {tcpSocket: {port: 80}}}]`},
	},
	"must not name two ports": {
		[]string{`initContainers: [{name: a, image: b, ports: [{containerPort: 1}, {containerPort: 2}, {name: c, containerPort: 3}]}]`},
		[]string{`initContainers: [{name: a, image: b, ports: [{name: c, containerPort: 1}, {name: c, containerPort: 2}]}]`},
	},
	"must be an image reference": {
		[]string{`initContainers: [{name: a, image: "registry.example:5000/proxy:v1"}]`},
		[]string{`initContainers: [{name: a, image: "Proxy:v1"}]`, `initContainers: [{name: a, image: "a b"}]`},
	},
	"must have runAsNonRoot: false": {
		[]string{`securityContext: {runAsUser: 0, runAsNonRoot: false}`, `securityContext: {runAsUser: 1000}`},
		[]string{`securityContext: {runAsUser: 0}`, `initContainers: [{name: a, image: b, securityContext: {runAsUser: 0, runAsNonRoot: true}}]`},
	},
	"pod.securityContext must have runAsNonRoot: false": {
		[]string{`pod: {securityContext: {runAsUser: 0, runAsNonRoot: false, fsGroup: 2000}}`},
		[]string{`pod: {securityContext: {runAsUser: 0}}`},
	},
	"must have allowPrivilegeEscalation: true": {
		[]string{`securityContext: {allowPrivilegeEscalation: true, capabilities: {add: [SYS_ADMIN]}}`, `securityContext: {capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}}`},
		[]string{`securityContext: {capabilities: {add: [SYS_ADMIN]}}`, `securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}`},
	},
	"must have localhostProfile": {
		[]string{`securityContext: {seccompProfile: {type: Localhost, localhostProfile: profiles/a.json}}`, `pod: {securityContext: {seccompProfile: {type: Unconfined}}}`},
		[]string{`securityContext: {seccompProfile: {type: Localhost}}`, `pod: {securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: a}}}`},
	},
	"pod.dnsConfig.nameservers must": {
		[]string{`pod: {dnsPolicy: None, dnsConfig: {nameservers: [192.0.2.53]}}`, `pod: {dnsPolicy: Default}`},
		[]string{`pod: {dnsPolicy: None}`, `pod: {dnsPolicy: None, dnsConfig: {searches: [shop.example]}}`},
	},
	"pod.dnsConfig.searches must": {
		[]string{`pod: {dnsConfig: {searches: [a.example, b.example], options: [{name: ndots, value: "2"}, {name: edns0}]}}`},
		[]string{`pod: {dnsConfig: {searches: [` + strings.Repeat(strings.Repeat("a.", 120)+"a, ", 9) + `]}}`},
	},
	"must be an IP address": {
		[]string{`pod: {hostAliases: [{ip: 192.0.2.1, hostnames: [a.example]}, {ip: "2001:db8::1", hostnames: [b]}]}`},
		[]string{`pod: {hostAliases: [{ip: localhost, hostnames: [a]}]}`, `pod: {dnsConfig: {nameservers: [192.0.2.256]}}`},
	},
	"rollout.maxSurge and rollout.maxUnavailable must": {
		[]string{`rollout: {strategy: Recreate}`, `rollout: {maxSurge: 1, maxUnavailable: 10%}`},
		[]string{`rollout: {strategy: Recreate, maxSurge: 1}`},
	},
	"rollout.maxUnavailable must be above 0": {
		[]string{`rollout: {maxSurge: 0, maxUnavailable: 1}`, `rollout: {maxUnavailable: 0}`},
		[]string{`rollout: {maxSurge: 0}`, `rollout: {maxSurge: 0%, maxUnavailable: 0}`},
	},
	"rollout.progressDeadline must be longer": {
		[]string{`rollout: {progressDeadline: 61s, minReadySeconds: 60}`},
		[]string{`rollout: {progressDeadline: 60s, minReadySeconds: 60}`},
	},
	"rollout.progressDeadline must be from": {
		[]string{`rollout: {progressDeadline: 24h}`},
		[]string{`rollout: {progressDeadline: 999ms}`, `rollout: {progressDeadline: 25h}`},
	},
	"rollout.maxSurge must be a number": {
		[]string{`rollout: {maxSurge: 200%}`},
		[]string{`rollout: {maxSurge: -1}`, `rollout: {maxSurge: half}`},
	},
	"rollout.maxUnavailable must be a number": {
		[]string{`rollout: {maxUnavailable: 100%}`},
		[]string{`rollout: {maxUnavailable: 101%}`, `rollout: {maxUnavailable: -1}`},
	},
	"disruptionBudget must have only one": {
		[]string{`disruptionBudget: {disabled: true}`, `disruptionBudget: {}`},
		[]string{`disruptionBudget: {disabled: true, maxUnavailable: 1}`, `disruptionBudget: {minAvailable: 1, maxUnavailable: 1}`},
	},
	"disruptionBudget.maxUnavailable must": {
		[]string{`disruptionBudget: {maxUnavailable: 0}`, `disruptionBudget: {maxUnavailable: 25%}`},
		[]string{`disruptionBudget: {maxUnavailable: 101%}`},
	},
	"disruptionBudget.minAvailable must": {
		[]string{`disruptionBudget: {minAvailable: 80%}`},
		[]string{`disruptionBudget: {minAvailable: -1}`, `disruptionBudget: {minAvailable: most}`},
	},
}
