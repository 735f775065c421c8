// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/workload/livesettings"
)

// The third journey: an edit of the rate limit reaches every running pod, is confirmed pod by pod, shows in what the pods
// admit, restarts nothing and loses nothing.
func TestEditRetunesRunningPods(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("checkout", 3, 60))
	j.ready("checkout")
	j.expose("checkout")
	before := j.identities("checkout")

	j.admits(60)
	background := j.send(cluster.url, 10)
	j.patchRate("checkout", 240)
	j.waitFor("checkout", v1alpha1.ConditionTuned)
	j.Expect(j.reports("checkout")).To(gomega.HaveEach(gomega.HaveField("Document.RateLimit.RequestsPerSecond", 80.0)))
	background.lossless(j)
	j.admits(240)

	j.Expect(j.identities("checkout")).To(gomega.Equal(before), "no pod was replaced or restarted")
	j.Expect(j.kubectl("", "get", "gosvc", "checkout", "--no-headers")).To(gomega.MatchRegexp(`True\s+3/3\s+3/3\s+\S+\s+240`))
	if leadersAreKilled() {
		return // the event of a leader that is killed is lost
	}
	j.eventually(func() string { return j.kubectl("", "events", "--for", "goservice/checkout") }).
		Should(gomega.MatchRegexp(`Retuned.*20/s per pod → 80/s per pod: 3 of 3 pods confirmed in `))
}

// admits sends twice the limit until what was admitted of the last requests is the limit.
func (j *journey) admits(perSecond int) {
	j.t.Helper()
	j.admitsAt(cluster.url, perSecond)
}

// admitsAt waits for a stretch of ten seconds' worth of requests: the buckets' first fill is admitted at once, and a machine that
// stands still sends less than the limit. Whole requests and the edges of the stretch may add or take a little.
func (j *journey) admitsAt(url string, perSecond int) {
	j.t.Helper()
	const seconds, tolerance = 10, 0.1
	flood := j.send(url, float64(2*perSecond))
	type look struct {
		at             time.Time
		sent, admitted int64
	}
	var looks []look
	rate := 0.0
	j.eventually(func() float64 {
		total := flood.total()
		now := look{time.Now(), total.Sent(), total.Accepted()}
		looks = append(looks, now)
		for len(looks) > 1 && now.sent-looks[1].sent >= 2*seconds*int64(perSecond) {
			looks = looks[1:]
		}
		if now.sent-looks[0].sent < 2*seconds*int64(perSecond) {
			return 0
		}
		rate = float64(now.admitted-looks[0].admitted) / now.at.Sub(looks[0].at).Seconds()
		return rate
	}).Should(gomega.BeNumerically("~", perSecond, tolerance*float64(perSecond)))
	flood.stop()
	seen := flood.total()
	j.t.Logf("limit %d/s: %.1f/s admitted; %s", perSecond, rate, statuses(seen))
	j.Expect(seen.Accepted()+seen.Status(http.StatusTooManyRequests)).To(gomega.Equal(seen.Sent()), "%s; %s", statuses(seen), strings.Join(flood.failures(), "\n"))
}

func (j *journey) patchRate(name string, requestsPerSecond int) {
	j.t.Helper()
	j.kubectl("", "patch", "gosvc", name, "--type=merge", "-p", fmt.Sprintf(`{"spec":{"rateLimit":{"requestsPerSecond":%d}}}`, requestsPerSecond))
}

// identities are the UIDs of the pods with their restarts.
func (j *journey) identities(name string) map[string]int32 {
	j.t.Helper()
	found := map[string]int32{}
	for _, pod := range j.pods(name) {
		j.Expect(pod.Status.ContainerStatuses).NotTo(gomega.BeEmpty(), "%s has started", pod.Name)
		found[string(pod.UID)] = pod.Status.ContainerStatuses[0].RestartCount
	}
	return found
}

// reports are what the pods themselves say is in force.
func (j *journey) reports(name string) []livesettings.Report {
	j.t.Helper()
	var reports []livesettings.Report
	for _, pod := range j.pods(name) {
		body, err := cluster.clientset.CoreV1().Pods(j.namespace).ProxyGet("http", pod.Name, "9100", "/live-settings", nil).DoRaw(j.ctx)
		j.Expect(err).NotTo(gomega.HaveOccurred())
		var report livesettings.Report
		j.Expect(json.Unmarshal(body, &report)).To(gomega.Succeed())
		reports = append(reports, report)
	}
	return reports
}

// agree waits until every pod runs the revision of the status, and the sum of their shares is within the budget.
func (j *journey) agree(name string, pods int, budget float64) {
	j.t.Helper()
	j.waitFor(name, v1alpha1.ConditionTuned)
	j.eventually(func(g gomega.Gomega) {
		status := j.service(name).Status
		reports := j.reports(name)
		g.Expect(reports).To(gomega.HaveLen(pods))
		sum := 0.0
		for _, report := range reports {
			g.Expect(report.Revision).To(gomega.Equal(status.LiveSettings.Revision))
			sum += report.Document.RateLimit.RequestsPerSecond
		}
		g.Expect(sum).To(gomega.BeNumerically("~", budget, 0.01))
		g.Expect(sum).To(gomega.BeNumerically("<=", budget))
		g.Expect(status.LiveSettings.ConfirmedPods).To(gomega.BeEquivalentTo(pods))
	}).Should(gomega.Succeed())
}

// The budget is divided again when the number of pods changes, and whatever happens in between, every pod ends on the last
// revision.
func TestEveryPodEndsOnTheLastRevision(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("orders", 2, 100))
	j.ready("orders")
	j.agree("orders", 2, 100)

	t.Log("a pod that starts in between")
	j.kubectl("", "scale", "gosvc/orders", "--replicas=4")
	j.patchRate("orders", 200)
	j.ready("orders")
	j.agree("orders", 4, 200)

	t.Log("three edits within a second")
	before := j.identities("orders")
	for _, rate := range []int{300, 500, 400} {
		j.patchRate("orders", rate)
	}
	j.agree("orders", 4, 400)
	j.Expect(j.identities("orders")).To(gomega.Equal(before))

	t.Log("an edit during a rollout")
	j.kubectl("", "patch", "gosvc", "orders", "--type=merge", "-p", `{"spec":{"env":[{"name":"COLOUR","value":"green"}],"rateLimit":{"requestsPerSecond":120}}}`)
	j.patchRate("orders", 160)
	j.ready("orders")
	j.agree("orders", 4, 160)
	after := j.identities("orders")
	for uid := range before {
		j.Expect(slices.Collect(maps.Keys(after))).NotTo(gomega.ContainElement(uid), "the rollout replaced every pod")
	}
}
