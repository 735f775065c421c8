// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"context"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/utils/ptr"

	"goservice.dev/operator/controllers/sim"
)

// The flags of kube-controller-manager at their defaults.
const (
	syncPeriod       = 15 * time.Second
	downscaleWindow  = 5 * time.Minute
	tolerance        = 0.1
	initialization   = 5 * time.Minute
	initialReadiness = 30 * time.Second
)

// lookTime is what asking for metrics takes: as on a cluster, two looks are a little more than a period apart.
const lookTime = time.Millisecond

// Kubernetes is the HorizontalPodAutoscaler of kube-controller-manager: its whole controller (podautoscaler.HorizontalController),
// with queue, replica calculator, stabilization, and policies. Its metrics are the simulator's, as metrics-server would have them.
type Kubernetes struct {
	settings *sim.HPA
	metrics  sim.CPUMetrics
	requests sim.RequestMetrics
}

// NewKubernetes takes target and behavior from the simulator's model of it, which stays as it is.
func NewKubernetes(settings *sim.HPA) *Kubernetes { return &Kubernetes{settings: settings} }

// Begin schedules metrics-server's rounds and the controller's looks.
func (k *Kubernetes) Begin(w *sim.World) {
	k.metrics.Begin(w)
	if k.settings.RequestsPerPod > 0 {
		k.requests.Begin(w)
	}
	service := w.Service()
	c := newController(horizontalPodAutoscaler(k.settings, max(service.MinReplicas, k.settings.Floor), service.MaxReplicas))
	w.Every(time.Duration(w.Random().Float64()*float64(syncPeriod+lookTime)), syncPeriod+lookTime, func() {
		rate, known := k.requests.PerSecond()
		c.server.request(rate, known)
		present := w.Wanted()
		w.ScaleFrom(present, c.look(present, k.pods(w)))
	})
	w.AtEnd(c.end)
}

// pods as the controller finds them.
func (k *Kubernetes) pods(w *sim.World) []podState {
	var states []podState
	for _, p := range w.Pods() {
		s := podState{
			name: p.Name(), request: int64(w.Service().Cores) * 1000, ready: p.Ready(), leaving: p.Leaving(),
			age: w.Now().Sub(p.Created()), readyFor: w.Now().Sub(p.ReadyAt()),
		}
		if sample, known := k.metrics.Sample(p); known {
			s.sampled, s.millicores, s.sampleAge, s.window = true, sample.Millicores(), w.Now().Sub(sample.At), sample.Window
		}
		states = append(states, s)
	}
	return states
}

// podState is a pod at a look; times are before it.
type podState struct {
	name           string
	request        int64 // in thousandths of a core
	ready, leaving bool  // one that was never ready is pending
	age, readyFor  time.Duration

	sampled           bool
	millicores        int64
	sampleAge, window time.Duration
}

// horizontalPodAutoscaler is the object that somebody would create, with what the API server fills in.
func horizontalPodAutoscaler(settings *sim.HPA, lowest, highest int) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "1", Generation: 1, ResourceVersion: "1"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    ptr.To(int32(lowest)), MaxReplicas: int32(highest),
			Metrics: []autoscalingv2.MetricSpec{metricOf(settings)},
		},
	}
	if !settings.Plain {
		hpa.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules(settings.Up), ScaleDown: rules(settings.Down)}
	}
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	return hpa
}

// metricOf is what the autoscaler steers for.
func metricOf(settings *sim.HPA) autoscalingv2.MetricSpec {
	if settings.RequestsPerPod > 0 {
		perPod := resource.NewMilliQuantity(settings.MilliRequestsPerPod(), resource.DecimalSI)
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "requests-per-second"},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: perPod},
		}}
	}
	percent := int32(settings.Target*100 + 0.5)
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
	}}
}

func rules(r sim.HPARules) *autoscalingv2.HPAScalingRules {
	to := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: ptr.To(int32(r.Window)),
		Tolerance:                  ptr.To(resource.MustParse(strconv.FormatFloat(r.Tolerance, 'f', -1, 64))),
	}
	for _, p := range r.Policies {
		if p.Pods > 0 {
			to.Policies = append(to.Policies, autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: int32(p.Pods), PeriodSeconds: int32(p.Period)})
		}
		if p.Percent > 0 {
			to.Policies = append(to.Policies, autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: int32(p.Percent), PeriodSeconds: int32(p.Period)})
		}
	}
	return to
}

// controller is a running HorizontalController that looks when it is told to.
type controller struct {
	hpa    *autoscalingv2.HorizontalPodAutoscaler
	server server
	bubble *bubble
}

func newController(hpa *autoscalingv2.HorizontalPodAutoscaler) *controller {
	return &controller{hpa: hpa}
}

// look lets the controller decide once, a period after the look before, and returns how many pods it wants.
func (c *controller) look(current int, pods []podState) int {
	if c.bubble == nil {
		var cancel context.CancelFunc
		c.bubble = newBubble(func() {
			c.server.show(0, current, pods)
			cancel = c.start()
		}, func() { cancel() })
		c.bubble.advance(2 * lookTime)
	} else {
		c.server.show(syncPeriod+lookTime, current, pods)
		c.bubble.advance(syncPeriod + lookTime)
	}
	return c.server.answer()
}

// start runs the controller as kube-controller-manager does; its first look is at once.
func (c *controller) start() context.CancelFunc {
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.Discard()))
	client := fake.NewSimpleClientset(c.hpa)                            //nolint:staticcheck // NewClientset reads all of Kubernetes' OpenAPI first, for apply
	factory := informers.NewSharedInformerFactory(client, 12*time.Hour) // the least that kube-controller-manager has
	deployment := schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{deployment})
	mapper.Add(deployment.WithKind("Deployment"), meta.RESTScopeNamespace)
	hpas, pods := factory.Autoscaling().V2().HorizontalPodAutoscalers(), factory.Core().V1().Pods()
	horizontal := podautoscaler.NewHorizontalController(ctx, client.CoreV1(), &c.server, client.AutoscalingV2(), mapper, &c.server,
		hpas, pods, syncPeriod, downscaleWindow, tolerance, initialization, initialReadiness)
	factory.StartWithContext(ctx)
	factory.WaitForCacheSyncWithContext(ctx)
	c.server.keepPods(pods.Informer().GetIndexer(), time.Now())
	go horizontal.Run(ctx, 1)
	return func() {
		cancel()
		factory.Shutdown()
	}
}

// end stops the controller.
func (c *controller) end() {
	if c.bubble != nil {
		c.bubble.end()
	}
}
