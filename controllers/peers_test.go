// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/peerkeys"
	"goservice.dev/operator/workload/livesettings"
)

const peersSecretName = "checkout-peers"

// withKeys is an operator that knows where to keep its own key, and may not read Secrets.
func withKeys(namespace string) func(*operatorOptions) {
	return func(o *operatorOptions) {
		o.Namespace = namespace
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if strings.HasSuffix(request.URL.Path, "/selfsubjectaccessreviews") {
					return refusal(request, http.StatusForbidden, "Forbidden", "not asked"), nil
				}
				return next.RoundTrip(request)
			})
		}
	}
}

// seeing lets a test see each request about Secrets, and answer it.
func seeing(answer func(*http.Request) *http.Response) func(*operatorOptions) {
	return func(o *operatorOptions) {
		wrapped := o.wrap
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			next = wrapped(next)
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if strings.Contains(request.URL.Path, "/secrets") {
					if response := answer(request); response != nil {
						return response, nil
					}
				}
				return next.RoundTrip(request)
			})
		}
	}
}

// awaitShared waits for the condition QueueShared.
func awaitShared(t *testing.T, namespace string, status metav1.ConditionStatus, reason, words string) *v1alpha1.GoService {
	t.Helper()
	var service v1alpha1.GoService
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionQueueShared)
		g.Expect(c).NotTo(gomega.BeNil())
		g.Expect(c.ObservedGeneration).To(gomega.Equal(service.Generation))
		g.Expect(c.Status).To(gomega.Equal(status), c.Message)
		g.Expect(c.Reason).To(gomega.Equal(reason))
		g.Expect(c.Message).To(gomega.ContainSubstring(words))
	})
	return &service
}

func peersSecretOf(t *testing.T, namespace string) *corev1.Secret {
	t.Helper()
	var secret corev1.Secret
	get(t, namespace, peersSecretName, &secret)
	return &secret
}

// The operator's role depends on these answers of the API server.
func TestTheAPIServerGuardsSecretsThatTheOperatorMayNotRead(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	foreign := aSecret(namespace, "foreign", "hunter2")
	ours := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ours"}, Type: build.PeersKeyType, Data: map[string][]byte{"shown": []byte("a")}}
	create(t, foreign, ours)
	put := func(name string, uid types.UID) error {
		return api.Update(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: uid}, Type: build.PeersKeyType, Data: map[string][]byte{"shown": []byte("b")},
		})
	}
	for what, c := range map[string]struct {
		err  error
		want func(error) bool
	}{
		"a Secret of another type":           {put("foreign", ""), apierrors.IsInvalid},
		"one's own":                          {put("ours", ""), func(err error) bool { return err == nil }},
		"one's own by its uid":               {put("ours", ours.UID), func(err error) bool { return err == nil }},
		"one's own by another uid":           {put("ours", foreign.UID), apierrors.IsConflict},
		"one that does not exist":            {put("none", ""), apierrors.IsNotFound},
		"one that does not exist, by a uid":  {put("none", ours.UID), func(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }},
		"a foreign one by the uid of others": {put("foreign", ours.UID), apierrors.IsConflict},
	} {
		if !c.want(c.err) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	var after corev1.Secret
	get(t, namespace, "foreign", &after)
	if string(after.Data["password"]) != "hunter2" || len(after.Data) != 1 {
		t.Errorf("the foreign Secret has %v", after.Data)
	}
}

func TestTheKeyOfAServiceIsMadeOnceAndNeverRead(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	var mu sync.Mutex
	var asked []string
	listening := seeing(func(request *http.Request) *http.Response {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, request.Method+" "+request.URL.Path[strings.Index(request.URL.Path, "/secrets"):])
		return nil
	})
	op := startOperator(t, namespace, nil, withKeys(namespace), listening)
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)

	secret := peersSecretOf(t, namespace)
	if secret.Type != build.PeersKeyType || len(secret.Data[build.PeersShownKey]) == 0 || !metav1.IsControlledBy(secret, service) {
		t.Errorf("Secret %+v", secret)
	}
	if status := service.Status.HandOff; status == nil || status.Secret != peersSecretName || status.Revision == "" || status.ChangedAt.IsZero() {
		t.Errorf("status %+v", status)
	}
	template := deploymentOf(t, namespace).Spec.Template
	if !build.HandsOff(&template) {
		t.Error("the pods do not share their queue")
	}
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("a service that has its key was written again: %v", written)
	}

	t.Log("another operator takes over")
	op.stop()
	op = startOperator(t, namespace, nil, withKeys(namespace), listening)
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("the next operator wrote %v", written)
	}
	if after := peersSecretOf(t, namespace); after.ResourceVersion != secret.ResourceVersion {
		t.Error("the Secret was written again")
	}

	t.Log("the status is lost")
	op.stop()
	service = &v1alpha1.GoService{}
	get(t, namespace, serviceName, service)
	service.Status.HandOff = nil
	if err := api.Status().Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	startOperator(t, namespace, nil, withKeys(namespace), listening)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), service)).To(gomega.Succeed())
		g.Expect(service.Status.HandOff).NotTo(gomega.BeNil())
	})
	if after := peersSecretOf(t, namespace); string(after.Data[build.PeersShownKey]) != string(secret.Data[build.PeersShownKey]) || after.UID != secret.UID {
		t.Error("the key is another one")
	}

	mu.Lock()
	defer mu.Unlock()
	for _, request := range asked {
		switch {
		case request == "GET /secrets/"+peersMasterName, request == "POST /secrets", request == "PUT /secrets/"+peersSecretName:
		default:
			t.Errorf("the operator asked for %s", request)
		}
	}
}

func TestASecretOfSomebodyElseIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	foreign := aSecret(namespace, peersSecretName, "hunter2")
	create(t, foreign)
	startOperator(t, namespace, nil, withKeys(namespace))
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonForeignSecret, "Secret checkout-peers exists, and the operator did not make it")
	if service.Status.HandOff != nil {
		t.Errorf("the status says that a key was written: %+v", service.Status.HandOff)
	}
	settled(t, namespace, serviceName)
	if after := peersSecretOf(t, namespace); after.ResourceVersion != foreign.ResourceVersion || string(after.Data["password"]) != "hunter2" {
		t.Errorf("the Secret was changed: %+v", after)
	}

	t.Log("it makes room")
	if err := api.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	if after := peersSecretOf(t, namespace); after.Type != build.PeersKeyType {
		t.Errorf("the Secret has the type %s", after.Type)
	}
}

func TestAQueueThatIsNotToBeSharedTakesNothingIntoThePods(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, withKeys(namespace))
	applyService(t, namespace, with(t, minimalSpec, `handOff: Disabled`))
	service := awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonDisabled, "spec.handOff is Disabled")
	template := deploymentOf(t, namespace).Spec.Template
	if build.HandsOff(&template) || service.Status.HandOff != nil {
		t.Errorf("pods share their queue; status %+v", service.Status.HandOff)
	}
	err := api.Get(t.Context(), clientKey(namespace, peersSecretName), &corev1.Secret{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("there is a Secret: %v", err)
	}

	t.Log("on, and off again")
	applyService(t, namespace, minimalSpec)
	awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	eventually(t, func(g gomega.Gomega) {
		template := deploymentOf(t, namespace).Spec.Template
		g.Expect(build.HandsOff(&template)).To(gomega.BeTrue())
	})
	applyService(t, namespace, with(t, minimalSpec, `handOff: Disabled`))
	awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonDisabled, "spec.handOff is Disabled")
	settled(t, namespace, serviceName)
	template = deploymentOf(t, namespace).Spec.Template
	if build.HandsOff(&template) {
		t.Error("pods still share their queue")
	}
}

func TestTheRequestsOfARouteStayWithoutARestart(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	route := func(handOff string) string {
		return with(t, minimalSpec, `routes: [{pattern: GET /session`+handOff+`}]`)
	}
	applyService(t, namespace, route(""))
	settled(t, namespace, serviceName)
	before := deploymentOf(t, namespace)
	yes, no := true, false
	for _, c := range []struct {
		field string
		want  *bool
	}{{", handOff: Disabled", &no}, {", handOff: Automatic", &yes}, {"", nil}} {
		applyService(t, namespace, route(c.field))
		settled(t, namespace, serviceName)
		document, err := documentOf(t.Context(), namespace, serviceName)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]livesettings.Route{"GET /session": {HandOff: c.want}}, document.Routes); diff != "" {
			t.Errorf("%q (-want +live settings):\n%s", c.field, diff)
		}
	}
	if after := deploymentOf(t, namespace); after.Generation != before.Generation {
		t.Errorf("the pods are replaced:\n%s", cmp.Diff(before.Spec, after.Spec))
	}
	err := applySpec(t.Context(), namespace, parse(t, route(", handOff: Never")))
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), `spec.routes[0].handOff: Unsupported value: "Never": supported values: "Automatic", "Disabled"`) {
		t.Errorf("a word that is none: %v", err)
	}
}

// What was given back serves on as it does, also when the GoService is gone.
func TestWhatIsGivenBackKeepsItsKey(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, withKeys(namespace))
	applyService(t, namespace, minimalSpec)
	service := awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
	before := peersSecretOf(t, namespace)
	annotate(t, service, build.AnnotationGiveBack, "true")
	eventually(t, func(g gomega.Gomega) {
		secret := peersSecretOf(t, namespace)
		g.Expect(secret.OwnerReferences).To(gomega.BeEmpty())
		g.Expect(secret.Data).To(gomega.Equal(before.Data))
		g.Expect(secret.UID).To(gomega.Equal(before.UID))
	})
}

// An operator whose role is from before, and a policy that keeps Secrets as they are, must fail no service.
func TestAnOperatorThatMayNotWriteSecretsServesAllTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code           int
		reason, method string
		words          string
	}{
		"all requests":      {http.StatusForbidden, "Forbidden", "", "no secrets for you"},
		"by a policy":       {http.StatusUnprocessableEntity, "Invalid", http.MethodPost, "no secrets for you"},
		"updates by policy": {http.StatusUnprocessableEntity, "Invalid", http.MethodPut, "no secrets for you"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			var allowed atomic.Bool
			refused := seeing(func(request *http.Request) *http.Response {
				if allowed.Load() || c.method != "" && request.Method != c.method || strings.Contains(request.URL.Path, peersMasterName) {
					return nil
				}
				return refusal(request, c.code, c.reason, c.words)
			})
			if c.method == http.MethodPut {
				create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: peersSecretName}, Type: build.PeersKeyType})
			}
			if c.method == http.MethodPost {
				create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: peersMasterName}, Data: map[string][]byte{peersMasterKey: make([]byte, peerkeys.Bytes)}})
			}
			startOperator(t, namespace, nil, withKeys(namespace), refused)
			applyService(t, namespace, minimalSpec)
			awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonKeyNotWritten, c.words)
			settled(t, namespace, serviceName)
			allowed.Store(true)
			awaitShared(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonShared, peersSecretName)
		})
	}
}

func TestWithoutANamespaceNothingIsShared(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	awaitShared(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonKeyNotWritten, "the operator does not know its namespace")
}
