// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	forwarded = regexp.MustCompile(`127\.0\.0\.1:(\d+)`)
	refused   = regexp.MustCompile(`(?m)^goservice_operator_applies_total\{[^}]*result="(?:conflict|failed)"[^}]*\} (\S+)$`)
)

// refusedWrites are the writes of both operators that the API server refused or that failed, since they started.
func (j *journey) refusedWrites() float64 {
	j.t.Helper()
	token := j.metricsToken()
	var pods corev1.PodList
	j.Expect(cluster.client.List(j.ctx, &pods, client.InNamespace(operatorNamespace),
		client.MatchingLabels{"control-plane": "controller-manager"})).To(gomega.Succeed())
	total := 0.0
	for i := range pods.Items {
		metrics, err := operatorMetrics(j.ctx, pods.Items[i].Name, token)
		j.Expect(err).NotTo(gomega.HaveOccurred())
		j.Expect(metrics).To(gomega.ContainSubstring("controller_runtime_reconcile_total"))
		for _, match := range refused.FindAllStringSubmatch(metrics, -1) {
			count, err := strconv.ParseFloat(match[1], 64)
			j.Expect(err).NotTo(gomega.HaveOccurred())
			total += count
		}
	}
	return total
}

// metricsToken is one that may read the operator's metrics until the test ends.
func (j *journey) metricsToken() string {
	j.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{GenerateName: "metrics-", Namespace: operatorNamespace}}
	j.Expect(cluster.client.Create(j.ctx, account)).To(gomega.Succeed())
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-metrics-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "goservice-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: account.Name}},
	}
	j.Expect(cluster.client.Create(j.ctx, binding)).To(gomega.Succeed())
	j.t.Cleanup(func() {
		if err := errors.Join(cluster.client.Delete(context.Background(), binding), cluster.client.Delete(context.Background(), account)); err != nil {
			j.t.Error(err)
		}
	})
	request, err := cluster.clientset.CoreV1().ServiceAccounts(operatorNamespace).CreateToken(j.ctx, account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	j.Expect(err).NotTo(gomega.HaveOccurred())
	return request.Status.Token
}

// operatorMetrics of one pod, through a forwarded port: the API server's proxy does not pass tokens on.
func operatorMetrics(ctx context.Context, pod, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	forward := exec.CommandContext(ctx, "kubectl", "-n", operatorNamespace, "port-forward", "--address=127.0.0.1", pod, ":8443")
	output, err := forward.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := forward.Start(); err != nil {
		return "", err
	}
	defer func() {
		cancel()
		_ = forward.Wait() // ended by the cancellation
	}()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("forwarding a port to %s: %w", pod, err)
	}
	port := forwarded.FindStringSubmatch(line)
	if port == nil {
		return "", fmt.Errorf("forwarding a port to %s: %s", pod, line)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+port[1]+"/metrics", http.NoBody)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	// The operator signs its certificate itself.
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} //nolint:gosec // see above
	response, err := insecure.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}
