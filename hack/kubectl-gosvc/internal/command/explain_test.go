// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
)

func TestExplainReadsTheServiceOfTheContextsNamespace(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	isGolden(t, "explain.txt", namespace, succeeds(t, namespace, "explain", "checkout"))
	elsewhere := newNamespace(t)
	if got, want := succeeds(t, elsewhere, "explain", "checkout", "-n", namespace), succeeds(t, namespace, "explain", "checkout"); got != want {
		t.Errorf("with -n it is another text:\n%s", got)
	}
}

func TestExplainForPrograms(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "trouble")
	var asJSON, asYAML explain.Report
	if err := json.Unmarshal([]byte(succeeds(t, namespace, "explain", "checkout", "-o", "json")), &asJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(succeeds(t, namespace, "explain", "checkout", "-o=yaml")), &asYAML); err != nil {
		t.Fatal(err)
	}
	for _, report := range []explain.Report{asJSON, asYAML} {
		if report.Name != "checkout" || len(report.Attention) != 4 || *report.Objectives.ErrorBudgetLeftPermille != -120 || len(report.PerPod) != 11 {
			t.Errorf("%+v", report)
		}
	}
	isGolden(t, "explain.yaml", namespace, succeeds(t, namespace, "explain", "checkout", "-o", "yaml"))
}

func TestWhatCannotBeExplainedIsSaid(t *testing.T) {
	t.Parallel()
	namespace, empty := newNamespace(t), newNamespace(t)
	create(t, namespace, "steady")
	cases := map[string]struct {
		code      int
		arguments []string
		want      string
	}{
		"a name that is not there":     {1, []string{"explain", "chekout"}, `there is no GoService "chekout" in namespace "` + namespace + `", which has checkout`},
		"a namespace that has none":    {1, []string{"explain", "checkout", "-n", empty}, "kubectl gosvc top -A shows those of all namespaces"},
		"no name":                      {2, []string{"explain"}, "usage: kubectl gosvc explain NAME"},
		"two names":                    {2, []string{"explain", "a", "b"}, "usage: kubectl gosvc explain NAME"},
		"a kind before the name":       {2, []string{"explain", "gosvc/checkout"}, "is not the name of a GoService"},
		"a format that is not known":   {2, []string{"explain", "checkout", "-o", "xml"}, "must be json or yaml"},
		"a flag that is not known":     {2, []string{"explain", "checkout", "--all"}, "kubectl gosvc explain --help lists all flags"},
		"a command that is not known":  {2, []string{"explian"}, `there is no command "explian"`},
		"a context that is not known":  {1, []string{"explain", "checkout", "--context", "prod"}, "specified context: prod; kubectl config get-contexts lists all"},
		"a cluster that is not there":  {1, []string{"explain", "checkout", "--context", "nowhere"}, "the cluster does not answer"},
		"somebody who may not read it": {1, []string{"explain", "checkout", "--as", "eve"}, "kubectl gosvc check lists the permissions that you need"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := fails(t, c.code, namespace, c.arguments...); !strings.Contains(said, c.want) || !strings.HasPrefix(said, "error: ") {
				t.Errorf("it says %q, which has not %q", said, c.want)
			}
		})
	}
}

func TestAProgramOfTheKubeconfigLogsIn(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	file := kubeconfig(t, testConfig, namespace)
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	user := config.AuthInfos["me"]
	credential, err := json.Marshal(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
		"status": map[string]string{"clientCertificateData": string(user.ClientCertificateData), "clientKeyData": string(user.ClientKeyData)},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer := filepath.Join(t.TempDir(), "credential.json")
	if err := os.WriteFile(answer, credential, 0o600); err != nil {
		t.Fatal(err)
	}
	config.AuthInfos["me"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		Command: "cat", Args: []string{answer}, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	succeeds(t, namespace, "explain", "checkout", "--kubeconfig", file)
}

func TestAnAuthProviderOfTheKubeconfigIsKnown(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	file := kubeconfig(t, testConfig, namespace)
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	config.AuthInfos["me"] = &clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{
		"client-id": "kubectl", "idp-issuer-url": "https://127.0.0.1:1", "id-token": "not.a.token",
	}}}
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	if said := fails(t, 1, namespace, "explain", "checkout", "--kubeconfig", file); !strings.Contains(said, "illegal base64 data") || strings.Contains(said, "does not answer") {
		t.Errorf("it says %q", said)
	}
}

func TestNoOutputInAPipeHasEscapeSequences(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "trouble")
	for _, arguments := range [][]string{
		{"explain", "checkout"}, {"check"}, {"retune", "checkout", "--rate", "5"}, {"history", "checkout"}, {"top"}, {"explain", "nobody"}, {"--help"},
	} {
		if r := gosvc(t, namespace, arguments...); strings.Contains(r.out+r.err, "\x1b") {
			t.Errorf("%v: %q", arguments, r.out+r.err)
		}
	}
}

func TestCompletionKnowsTheCluster(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	offered := func(arguments ...string) []string {
		r := gosvc(t, namespace, append([]string{"__complete"}, arguments...)...)
		if r.code != 0 {
			t.Fatal(r)
		}
		return strings.Split(r.out, "\n")
	}
	file := kubeconfig(t, testConfig, namespace)
	for want, arguments := range map[string][]string{
		"checkout": {"--kubeconfig", file, "explain", ""},
		namespace:  {"--kubeconfig", file, "-n", ""},
		"nowhere":  {"--kubeconfig", file, "--context", ""},
		"json":     {"explain", "checkout", "-o", ""},
	} {
		if got := offered(arguments...); !slices.Contains(got, want) {
			t.Errorf("%q offers %q, not %q", arguments, got, want)
		}
	}
}

func TestHelpSpeaksOfKubectl(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "explain"} {
		out := succeeds(t, "default", append(strings.Fields(command), "--help")...)
		if !strings.Contains(out, "kubectl gosvc") || strings.Contains(out, "kubectl-gosvc") {
			t.Errorf("%s --help:\n%s", command, out)
		}
	}
}
