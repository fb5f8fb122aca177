// SPDX-License-Identifier: Apache-2.0

// Package chart lints the Helm chart, renders it, and reads what comes out with Kubernetes' own types.
package chart

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

func TestTheChartIsWithoutAWarning(t *testing.T) {
	for _, m := range lint.RunAll("genbu", map[string]any{}, "hsm").Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

// rendered is what a release makes, by kind and name; every object was read strictly by Kubernetes' own type.
type rendered map[string]any

func render(t *testing.T, values map[string]any) (rendered, string) {
	t.Helper()
	c, err := loader.Load("genbu")
	must(t, err)
	all, err := util.ToRenderValues(c, values, common.ReleaseOptions{Name: "genbu", Namespace: "hsm", IsInstall: true, Revision: 1}, nil)
	must(t, err)
	files, err := engine.Render(c, all)
	must(t, err)
	r, notes := rendered{}, ""
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			notes = files[name]
			continue
		}
		if strings.HasSuffix(name, ".tpl") {
			continue
		}
		for _, doc := range strings.Split("\n"+files[name], "\n---\n") {
			var head struct {
				Kind     string
				Metadata struct{ Name string }
			}
			must(t, yaml.Unmarshal([]byte(doc), &head))
			if head.Kind == "" {
				continue
			}
			object := kind(t, head.Kind)
			if err := yaml.UnmarshalStrict([]byte(doc), object); err != nil {
				t.Errorf("%s: %v\n%s", name, err, doc)
			}
			r[head.Kind+"/"+head.Metadata.Name] = object
		}
	}
	return r, notes
}

func kind(t *testing.T, name string) any {
	switch name {
	case "StatefulSet":
		return new(apps.StatefulSet)
	case "Deployment":
		return new(apps.Deployment)
	case "Service":
		return new(core.Service)
	case "ServiceAccount":
		return new(core.ServiceAccount)
	case "ConfigMap":
		return new(core.ConfigMap)
	case "PodDisruptionBudget":
		return new(policy.PodDisruptionBudget)
	case "NetworkPolicy":
		return new(networking.NetworkPolicy)
	case "ServiceMonitor", "PrometheusRule": // the Prometheus operator's
		return new(map[string]any)
	}
	t.Fatalf("a kind that this test does not know: %s", name)
	return nil
}

func TestANodesPodIsConfinedAndProbed(t *testing.T) {
	r, notes := render(t, nil)
	set := r["StatefulSet/genbu"].(*apps.StatefulSet)
	pod := set.Spec.Template.Spec
	node := pod.Containers[0]
	if *set.Spec.Replicas != 3 || set.Spec.ServiceName != "genbu-nodes" || set.Spec.PodManagementPolicy != apps.ParallelPodManagement {
		t.Errorf("%d replicas of %s, %s", *set.Spec.Replicas, set.Spec.ServiceName, set.Spec.PodManagementPolicy)
	}
	if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser != 65532 || s.SeccompProfile == nil {
		t.Errorf("%+v", s)
	}
	if s := node.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%+v", s)
	}
	if *pod.AutomountServiceAccountToken {
		t.Error("the node gets a token of the cluster")
	}
	for path, probe := range map[string]*core.Probe{"/live": node.LivenessProbe, "/ready": node.ReadinessProbe} {
		if probe.HTTPGet.Path != path || probe.HTTPGet.Scheme != core.URISchemeHTTPS || probe.TimeoutSeconds < 4 { // the door's own patience is 3 s
			t.Errorf("%s: %+v", path, probe)
		}
	}
	names := r["Service/genbu-nodes"].(*core.Service)
	if names.Spec.ClusterIP != "None" || !names.Spec.PublishNotReadyAddresses {
		t.Error("a locked node is not found by its peers")
	}
	for _, s := range []string{"genbu-nodes", "genbu"} {
		for _, p := range r["Service/"+s].(*core.Service).Spec.Ports {
			if !slices.ContainsFunc(node.Ports, func(c core.ContainerPort) bool { return c.Name == p.TargetPort.StrVal }) {
				t.Errorf("service %s: no port %s", s, p.TargetPort.StrVal)
			}
		}
	}
	mounts := map[string]bool{}
	for _, v := range pod.Volumes {
		mounts[v.Name] = true
	}
	for _, v := range set.Spec.VolumeClaimTemplates {
		mounts[v.Name] = true
	}
	for _, m := range node.VolumeMounts {
		if !mounts[m.Name] {
			t.Errorf("no volume %s", m.Name)
		}
	}
	if b := r["PodDisruptionBudget/genbu"].(*policy.PodDisruptionBudget); b.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("%+v", b.Spec)
	}
	for _, step := range []string{"genbu-0 -- genbu init", "genbu token create genbu-1", "genbu-2 -- genbu join TOKEN"} {
		if !strings.Contains(notes, step) {
			t.Errorf("the notes do not say %q:\n%s", step, notes)
		}
	}
}

// TestTheNodeTakesItsConfiguration asks the program itself.
func TestTheNodeTakesItsConfiguration(t *testing.T) {
	genbu, err := filepath.Abs("../../bin/genbu")
	must(t, err)
	if _, err := os.Stat(genbu); err != nil {
		t.Skip("nothing was built: make build")
	}
	for name, values := range map[string]map[string]any{
		"default": nil,
		"other": {"mode": "fast", "fips": true, "acceptMissing": []any{"userns", "namespaces"}, "traces": "http://collector:4318",
			"config": map[string]any{"audit_max_lag": "20s", "cluster": map[string]any{"first": "elsewhere"}}},
	} {
		r, _ := render(t, values)
		text := r["ConfigMap/genbu"].(*core.ConfigMap).Data["genbu.yaml"]
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "genbu.yaml"), []byte(text), 0o644))
		out, _ := exec.Command(genbu, "doctor", "--json", "--dir", dir).Output()
		var findings []struct {
			What, Note string
			OK         bool
		}
		must(t, json.Unmarshal(out, &findings))
		if !findings[0].OK || findings[0].What != "configuration" {
			t.Errorf("%s: %+v\n%s", name, findings[0], text)
		}
		for _, want := range []string{"{hostname}.genbu-nodes.hsm.svc:7710", map[bool]string{true: "first: elsewhere", false: "first: genbu-0"}[name == "other"]} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}

func TestEveryValueHasItsEffectAndUnknownOnesAreRefused(t *testing.T) {
	peers := []any{map[string]any{"namespaceSelector": map[string]any{}}}
	r, _ := render(t, map[string]any{
		"replicas": 5, "antiAffinity": "preferred", "topologyKey": "", "priorityClassName": "high", "nodeSelector": map[string]any{"a": "b"},
		"tolerations": []any{map[string]any{"key": "k", "operator": "Exists"}}, "podAnnotations": map[string]any{"x": "y"}, "podLabels": map[string]any{"l": "m"},
		"imagePullSecrets": []any{map[string]any{"name": "s"}}, "persistence": map[string]any{"storageClassName": "fast", "size": "1Gi"},
		"serviceAccount": map[string]any{"name": "acc", "annotations": map[string]any{"q": "r"}}, "networkPolicy": map[string]any{"from": peers, "monitoring": peers},
		"service":        map[string]any{"type": "LoadBalancer", "port": 443, "annotations": map[string]any{"i": "j"}},
		"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prom"}}, "prometheusRule": map[string]any{"enabled": true}, "dashboard": map[string]any{"enabled": true},
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	})
	set := r["StatefulSet/genbu"].(*apps.StatefulSet)
	pod := set.Spec.Template
	if *set.Spec.Replicas != 5 || pod.Spec.PriorityClassName != "high" || pod.Spec.NodeSelector["a"] != "b" || len(pod.Spec.Tolerations) != 1 ||
		pod.Annotations["x"] != "y" || pod.Labels["l"] != "m" || len(pod.Spec.ImagePullSecrets) != 1 || pod.Spec.ServiceAccountName != "acc" ||
		*set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName != "fast" || len(pod.Spec.TopologySpreadConstraints) != 0 ||
		len(pod.Spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution) != 1 || pod.Spec.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%+v", set.Spec)
	}
	if s := r["Service/genbu"].(*core.Service); s.Spec.Type != core.ServiceTypeLoadBalancer || s.Spec.Ports[0].Port != 443 || s.Annotations["i"] != "j" {
		t.Errorf("%+v", s)
	}
	if n := r["NetworkPolicy/genbu"].(*networking.NetworkPolicy); len(n.Spec.Ingress) != 3 {
		t.Errorf("%+v", n.Spec)
	}
	rule := *r["PrometheusRule/genbu"].(*map[string]any)
	if groups := rule["spec"].(map[string]any)["groups"].([]any); len(groups) == 0 {
		t.Error("no alerts")
	}
	if r["ServiceMonitor/genbu"] == nil || !json.Valid([]byte(r["ConfigMap/genbu-dashboard"].(*core.ConfigMap).Data["genbu.json"])) {
		t.Error("no monitor, or no dashboard")
	}
	if plain, _ := render(t, nil); plain["ServiceMonitor/genbu"] != nil || plain["PrometheusRule/genbu"] != nil || plain["ConfigMap/genbu-dashboard"] != nil {
		t.Error("what needs an operator is made unasked")
	}

	c, err := loader.Load("genbu")
	must(t, err)
	for _, bad := range []map[string]any{{"replica": 3}, {"replicas": "three"}, {"mode": "quick"}, {"image": map[string]any{"tagg": "x"}}, {"traces": "over there"}} {
		if _, err := util.ToRenderValues(c, bad, common.ReleaseOptions{Name: "genbu"}, nil); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestTheChartsCopiesAreThoseThatAreShipped(t *testing.T) {
	for name, from := range map[string]string{"genbu.rules.yml": "../prometheus", "genbu.json": "../grafana"} {
		a, err := os.ReadFile(filepath.Join("genbu/files", name))
		must(t, err)
		b, err := os.ReadFile(filepath.Join(from, name))
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Errorf("cp %s/%s chart/genbu/files", from, name)
		}
	}
}

func TestTheSidecarExampleIsOfKubernetesForm(t *testing.T) {
	text, err := os.ReadFile("examples/agent-sidecar.yaml")
	must(t, err)
	var d apps.Deployment
	must(t, yaml.UnmarshalStrict(text, &d))
	agent := d.Spec.Template.Spec.InitContainers[0]
	if agent.RestartPolicy == nil || *agent.RestartPolicy != core.ContainerRestartPolicyAlways || agent.Args[0] != "agent" {
		t.Errorf("%+v", agent)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
