// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// leaseName is what the operators agree on their leader by.
	leaseName = "operator.goservice.dev"
	// editEvery is how often the probe is edited; a gap is known that exactly.
	editEvery = 100 * time.Millisecond
	// lookEvery is how often the probe is looked at: seldom enough not to be a load.
	lookEvery = 50 * time.Millisecond
	// handOver bounds the wait for another leader; how long it took is reported.
	handOver = patience
)

// killer takes the leader away again and again, in turn in order and hard, and measures with a GoService of its own, the
// probe, how long nobody reconciles. The probe is edited all the time; an edit is acknowledged when its live settings are
// written, and the gap of a kill is the longest time without an acknowledgement from the kill until the next leader's first
// one. Before each kill it waits until a standby is ready.
type killer struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	probe  *v1alpha1.GoService
	pods   map[types.UID]int32

	mu           sync.Mutex
	acknowledged []time.Time
	orderly      []time.Duration
	hard         []time.Duration
	errs         []error
}

// leadersAreKilled tells that nobody leads for long enough to follow the load.
func leadersAreKilled() bool { return os.Getenv("CHAOS_KILL_EVERY") != "" }

func startKiller(every string) (*killer, error) {
	period, err := time.ParseDuration(every)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &killer{cancel: cancel}
	if err := k.createProbe(ctx); err != nil {
		cancel()
		return nil, errors.Join(err, k.removeProbe())
	}
	k.work.Go(func() { k.edit(ctx) })
	k.work.Go(func() { k.watch(ctx) })
	k.work.Go(func() { k.run(ctx, period) })
	return k, nil
}

func (k *killer) createProbe(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chaos-probe-"}}
	if err := cluster.client.Create(ctx, namespace); err != nil {
		return err
	}
	k.probe = &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "probe"},
		Spec: v1alpha1.GoServiceSpec{
			Replicas: new(int32(1)), RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 1000},
			// Away from the node that a test drains: nothing has a reason to replace this pod.
			Pod: &v1alpha1.PodSpec{NodeSelector: map[string]v1alpha1.LabelValue{"node-role.kubernetes.io/control-plane": ""}},
		},
	}
	if err := cluster.client.Create(ctx, k.probe); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, interval, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		if k.pods, err = k.podsOfProbe(ctx); err != nil {
			return false, err
		}
		if err := cluster.client.Get(ctx, client.ObjectKeyFromObject(k.probe), k.probe); err != nil {
			return false, err
		}
		return len(k.pods) == 1 && k.probe.Status.ReadyReplicas == 1, nil
	})
}

// podsOfProbe are the restarts of its pods.
func (k *killer) podsOfProbe(ctx context.Context) (map[types.UID]int32, error) {
	var list corev1.PodList
	if err := cluster.client.List(ctx, &list, client.InNamespace(k.probe.Namespace)); err != nil {
		return nil, err
	}
	pods := map[types.UID]int32{}
	for i := range list.Items {
		for _, container := range list.Items[i].Status.ContainerStatuses {
			pods[list.Items[i].UID] += container.RestartCount
		}
	}
	return pods, nil
}

func (k *killer) removeProbe() error {
	if k.probe == nil {
		return nil
	}
	return cluster.client.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.probe.Namespace}})
}

// edit changes a Live field of the probe all the time.
func (k *killer) edit(ctx context.Context) {
	ticker := time.NewTicker(editEvery)
	defer ticker.Stop()
	for edit := 0; ; edit++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		patch := fmt.Sprintf(`{"spec":{"rateLimit":{"requestsPerSecond":%d}}}`, 1000+edit%1000)
		probe := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: k.probe.Namespace, Name: k.probe.Name}}
		k.note(ctx, cluster.client.Patch(ctx, probe, client.RawPatch(types.MergePatchType, []byte(patch))))
	}
}

// watch notes when edits take effect: the live settings of the probe are written anew.
func (k *killer) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := ""; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var settings corev1.ConfigMap
		if err := cluster.client.Get(ctx, client.ObjectKey{Namespace: k.probe.Namespace, Name: k.probe.Name + "-live-settings"}, &settings); err != nil {
			k.note(ctx, err)
			continue
		}
		if settings.ResourceVersion != last {
			last = settings.ResourceVersion
			k.mu.Lock()
			k.acknowledged = append(k.acknowledged, time.Now())
			k.mu.Unlock()
		}
	}
}

// note keeps an error, unless the end of the run caused it.
func (k *killer) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.errs = append(k.errs, err)
}

func (k *killer) run(ctx context.Context, period time.Duration) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for kill := 0; ; kill++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		hard := kill%2 == 1
		gap, err := k.kill(ctx, hard)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			k.note(ctx, fmt.Errorf("kill %d: %w", kill+1, err))
			continue
		}
		fmt.Printf("leader killed (hard: %t), nobody reconciled for %s\n", hard, gap.Round(time.Millisecond))
		k.mu.Lock()
		if hard {
			k.hard = append(k.hard, gap)
		} else {
			k.orderly = append(k.orderly, gap)
		}
		k.mu.Unlock()
	}
}

// kill takes the leader away and returns how long nobody reconciled.
func (k *killer) kill(ctx context.Context, hard bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, handOver)
	defer cancel()
	former := ""
	err := poll(ctx, func() (bool, error) {
		var err error
		if former, err = leader(ctx); err != nil || former == "" {
			return false, err
		}
		return standbyReady(ctx, former[:strings.LastIndex(former, "_")])
	})
	if err != nil {
		return 0, fmt.Errorf("waiting for a leader and a standby: %w", err)
	}
	pod := former[:strings.LastIndex(former, "_")]
	at := time.Now()
	deletion := []string{"-n", operatorNamespace, "delete", "pod", pod, "--wait=false", "--ignore-not-found"}
	if hard {
		if err := killProcess(ctx, pod); err != nil {
			return 0, err
		}
		deletion = append(deletion, "--grace-period=0", "--force")
	}
	if output, err := exec.CommandContext(ctx, "kubectl", deletion...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("deleting %s: %w: %s", pod, err, output)
	}
	var changed time.Time
	err = poll(ctx, func() (bool, error) {
		now, err := leader(ctx)
		if err != nil || now == "" || now == former {
			return false, err
		}
		if changed.IsZero() {
			changed = time.Now()
		}
		return k.acknowledgedAfter(changed), nil
	})
	if err != nil {
		return 0, fmt.Errorf("waiting for the leader after %s: %w", pod, err)
	}
	fmt.Printf("%s lost its leadership to another pod after %s; the first edit was acknowledged after %s\n", pod,
		changed.Sub(at).Round(time.Millisecond), time.Since(at).Round(time.Millisecond))
	return k.longestSilence(at), nil
}

// errGone says that a test took the leader away itself.
var errGone = errors.New("the leader's pod is leaving")

// killProcess ends the operator of a pod by SIGKILL. Deleting a pod without grace would still stop it in order.
func killProcess(ctx context.Context, name string) error {
	var pod corev1.Pod
	get := func() error {
		err := cluster.client.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: name}, &pod)
		if apierrors.IsNotFound(err) || err == nil && pod.DeletionTimestamp != nil {
			return errGone
		}
		return err
	}
	if err := get(); err != nil {
		return err
	}
	if err := signalProcess(ctx, &pod, "manager", "kill -s KILL $p"); err != nil {
		return errors.Join(err, get())
	}
	return nil
}

// signalProcess does something to the process $p of a pod, by the name of its program: with signals that no program is asked about.
func signalProcess(ctx context.Context, pod *corev1.Pod, program, command string) error {
	_, err := docker(ctx, "exec", pod.Spec.NodeName, "sh", "-c", `for p in /proc/[0-9]*; do
		if [ "$(cat $p/comm 2>/dev/null)" = "$1" ] && tr '\0' '\n' <$p/environ | grep -qx "HOSTNAME=$0"; then p=${p#/proc/}; `+command+`; exit; fi
	done; echo "no $1 of pod $0 runs here"; exit 1`, pod.Name, program)
	return err
}

func poll(ctx context.Context, done func() (bool, error)) error {
	return wait.PollUntilContextCancel(ctx, lookEvery, true, func(context.Context) (bool, error) { return done() })
}

// leader is the identity that holds the Lease: the name of its pod, an underscore, and an ID.
func leader(ctx context.Context) (string, error) {
	var lease coordinationv1.Lease
	err := cluster.client.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: leaseName}, &lease)
	if err != nil || lease.Spec.HolderIdentity == nil {
		return "", err
	}
	return *lease.Spec.HolderIdentity, nil
}

// standbyReady says whether the leader's pod and another one are ready.
func standbyReady(ctx context.Context, leader string) (bool, error) {
	var pods corev1.PodList
	if err := cluster.client.List(ctx, &pods, client.InNamespace(operatorNamespace), client.MatchingLabels{"control-plane": "controller-manager"}); err != nil {
		return false, err
	}
	leads, standsBy := false, false
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.DeletionTimestamp == nil && isReady(pod) {
			leads = leads || pod.Name == leader
			standsBy = standsBy || pod.Name != leader
		}
	}
	return leads && standsBy, nil
}

func (k *killer) acknowledgedAfter(moment time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.acknowledged) > 0 && k.acknowledged[len(k.acknowledged)-1].After(moment)
}

// longestSilence between two acknowledgements of which the second came after the moment.
func (k *killer) longestSilence(moment time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	longest := time.Duration(0)
	for i := len(k.acknowledged) - 1; i > 0 && k.acknowledged[i].After(moment); i-- {
		longest = max(longest, k.acknowledged[i].Sub(k.acknowledged[i-1]))
	}
	return longest
}

// stop ends the killing and reports the figures.
func (k *killer) stop() error {
	k.cancel()
	k.work.Wait()
	after, err := k.podsOfProbe(context.Background())
	for uid, restarts := range k.pods {
		if found, is := after[uid]; !is || found != restarts {
			figures.replacedPods(1)
			err = errors.Join(err, errors.New("the probe's pod was replaced or restarted"))
		}
	}
	figures.line("kills=%d gap_p99_ms=%d hard_gap_p99_ms=%d", len(k.orderly)+len(k.hard), p99(k.orderly).Milliseconds(), p99(k.hard).Milliseconds())
	if len(k.orderly) == 0 || len(k.hard) == 0 {
		err = errors.Join(err, errors.New("no leader was killed in order, or none hard"))
	}
	return errors.Join(append(k.errs, err, k.removeProbe())...)
}

// p99 by the nearest rank.
func p99(gaps []time.Duration) time.Duration {
	if len(gaps) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(gaps))
	return sorted[(len(sorted)*99+99)/100-1]
}
