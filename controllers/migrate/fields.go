// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"maps"
	"slices"
)

// fate of a field: the fields of a GoService's spec that hold it, a remark, or why it is lost.
type fate struct{ to, remark, lost string }

// leftovers notes the fields of an object that go nowhere.
func (c *conversion) leftovers(object any, at string, content map[string]any, fates map[string]fate) {
	for _, name := range slices.Sorted(maps.Keys(content)) {
		f, known := fates[name]
		switch {
		case !known:
			c.note(Lost, object, at+"."+name, content[name], "the converter does not know this field")
		case f.lost != "":
			c.note(Lost, object, at+"."+name, content[name], "%s", f.lost)
		}
	}
}

// assigned is what becomes of fields of a Service that the cluster assigns, whoever asked for a value.
const assigned = "stays as it is when the Service is handed over"

// The fields of all kinds but the pod's: docs/migrate.md has the same tables.
var (
	deploymentFields = map[string]fate{
		"replicas":                {to: "replicas", remark: "left out where an autoscaler sets the number"},
		"selector":                {to: "pod.selector", remark: "a Deployment whose selector has matchExpressions, or labels of the operator's, cannot be taken over in place"},
		"template":                {remark: "the fields of a pod, below"},
		"strategy":                {to: "rollout.strategy, rollout.maxSurge, rollout.maxUnavailable"},
		"minReadySeconds":         {to: "rollout.minReadySeconds"},
		"revisionHistoryLimit":    {lost: "the operator keeps 5 revisions"},
		"paused":                  {lost: "a paused GoService would create nothing; pause it once it runs"},
		"progressDeadlineSeconds": {to: "rollout.progressDeadline"},
	}
	serviceFields = map[string]fate{
		"ports":                         {remark: "the fields of a port, below"},
		"selector":                      {remark: "the Service selects the GoService's pods"},
		"clusterIP":                     {remark: assigned},
		"clusterIPs":                    {remark: assigned},
		"type":                          {to: "service.type"},
		"externalIPs":                   {lost: "keep a Service of your own under another name for them"},
		"sessionAffinity":               {to: "service.sessionAffinity"},
		"loadBalancerIP":                {lost: "it is deprecated: use the annotation of your cloud in service.annotations"},
		"loadBalancerSourceRanges":      {to: "service.loadBalancerSourceRanges"},
		"externalName":                  {lost: "such a Service has no pods"},
		"externalTrafficPolicy":         {to: "service.externalTrafficPolicy"},
		"healthCheckNodePort":           {remark: assigned},
		"publishNotReadyAddresses":      {lost: "clients get ready pods only: keep a Service of your own under another name for those that need all"},
		"sessionAffinityConfig":         {to: "service.sessionAffinityTimeoutSeconds"},
		"ipFamilies":                    {remark: assigned},
		"ipFamilyPolicy":                {remark: assigned},
		"allocateLoadBalancerNodePorts": {lost: "the Service has the default: node ports are allocated"},
		"loadBalancerClass":             {to: "service.loadBalancerClass"},
		"internalTrafficPolicy":         {lost: "set service.trafficDistribution to PreferSameNode, which does not fail where a node has no pod"},
		"trafficDistribution":           {to: "service.trafficDistribution"},
	}
	servicePortFields = map[string]fate{
		"name":        {to: "ports[].name", remark: "the port that leads to spec.port is named http"},
		"protocol":    {to: "ports[].protocol"},
		"appProtocol": {to: "service.appProtocol, ports[].appProtocol"},
		"port":        {to: "service.port, ports[].servicePort"},
		"targetPort":  {to: "port, ports[].port"},
		"nodePort":    {remark: assigned},
	}
	autoscalerFields = map[string]fate{
		"scaleTargetRef": {remark: "the operator's own autoscaler has the Deployment as its target"},
		"minReplicas":    {to: "autoscaling.minReplicas"},
		"maxReplicas":    {to: "autoscaling.maxReplicas"},
		"metrics":        {to: "autoscaling.targetCPUUtilization", remark: "other metrics than the use of CPU are not carried over"},
		"behavior":       {lost: "the operator derives how quickly pods come and go, and status.plan says why"},
	}
	budgetFields = map[string]fate{
		"minAvailable":               {to: "disruptionBudget.minAvailable"},
		"selector":                   {remark: "the budget selects the GoService's pods"},
		"maxUnavailable":             {to: "disruptionBudget.maxUnavailable"},
		"unhealthyPodEvictionPolicy": {lost: "the operator's budget has AlwaysAllow, so that pods that serve nobody do not hold up a drain"},
	}
	policyFields = map[string]fate{
		"podSelector": {remark: "the policy selects the GoService's pods"},
		"ingress":     {to: "networkPolicy.from", remark: "if it admits the same clients to every port that the containers declare; otherwise the policy stays"},
		"egress":      {remark: "the policy stays"},
		"policyTypes": {remark: "if they include Egress, the policy stays"},
	}
	ingressFields = map[string]fate{
		"ingressClassName": {to: "expose.ingressClassName"},
		"defaultBackend":   {remark: "an Ingress that has one stays"},
		"tls":              {to: "expose.tls", remark: "with two certificates, the Ingress stays"},
		"rules":            {to: "expose.hosts, expose.paths, expose.port", remark: "if all hosts have the same paths, all are prefixes, and all lead to one port of the Service; otherwise the Ingress stays"},
	}
	monitorFields = map[string]fate{
		"endpoints":         {remark: "the fields of an endpoint, below; the first one that leads to the pods"},
		"selector":          {remark: "the ServiceMonitor selects the GoService's metrics Service"},
		"namespaceSelector": {remark: "the ServiceMonitor is in the namespace of the GoService"},
		"jobLabel":          {lost: "the job is the name of the GoService"},
	}
	endpointFields = map[string]fate{
		"port":       {to: "observability.metrics.port"},
		"targetPort": {to: "observability.metrics.port"},
		"path":       {to: "observability.metrics.path"},
		"scheme":     {to: "observability.metrics.scheme"},
		"interval":   {to: "observability.metrics.interval"},
		"tlsConfig":  {remark: "with the scheme HTTPS, the certificate is not verified"},
	}
)

// otherMonitorField is what becomes of the other fields of a ServiceMonitor and its endpoints.
const otherMonitorField = "keep a ServiceMonitor of your own for it, which selects the Service"
