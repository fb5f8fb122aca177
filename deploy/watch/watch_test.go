// SPDX-License-Identifier: Apache-2.0

// Package watch checks what is shipped for watching a node: alert rules and dashboard are well formed, and name nothing that a
// node does not show.
package watch

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	rules     = "../prometheus/genbu.rules.yml"
	dashboard = "../grafana/genbu.json"
)

// shown are the names of docs/spec/metrics.md, which a test of internal/metrics holds equal to the code.
func shown(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/spec/metrics.md")
	must(t, err)
	names := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(genbu_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(text), -1) {
		names[m[1]] = true
		if m[2] == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				names[m[1]+part] = true
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("the table has %d names", len(names))
	}
	return names
}

var metric = regexp.MustCompile(`\bgenbu_[a-z_]+`)

// names finds names that no node shows.
func names(t *testing.T, where, expr string) {
	t.Helper()
	found := metric.FindAllString(expr, -1)
	for _, name := range found {
		if !shown(t)[name] {
			t.Errorf("%s: no node shows %s", where, name)
		}
	}
	if len(found) == 0 && !regexp.MustCompile(`\b(up|process_|go_)`).MatchString(expr) {
		t.Errorf("%s: no metric in %q", where, expr)
	}
}

func TestAlertsNameWhatIsShownAndSayWhatToDo(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile(rules)
	must(t, err)
	must(t, yaml.Unmarshal(text, &file))
	n := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			names(t, r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s: severity %q, annotations %v", r.Alert, s, r.Annotations)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d alerts", n)
	}
}

func TestAlertsFireWhenTheyShouldAndOnlyThen(t *testing.T) {
	promtool(t, "../prometheus", "check", "rules", "genbu.rules.yml")
	promtool(t, "../prometheus", "test", "rules", "genbu.rules.test.yml")
}

// TestTheDashboardsQueriesParseAndNameWhatIsShown has promtool parse each query as if it were a recording rule.
func TestTheDashboardsQueriesParseAndNameWhatIsShown(t *testing.T) {
	text, err := os.ReadFile(dashboard)
	must(t, err)
	var board struct {
		Title, UID string
		Panels     []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Annotations struct {
			List []struct{ Name, Expr string }
		}
	}
	must(t, json.Unmarshal(text, &board))
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var all []rule
	add := func(where, expr string) {
		names(t, where, expr)
		expr = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".+").Replace(expr)
		all = append(all, rule{fmt.Sprintf("panel:%d", len(all)), expr})
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			add(p.Title, target.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		add(a.Name, a.Expr)
	}
	if board.UID != "genbu" || len(all) < 20 {
		t.Errorf("%q with %d queries", board.UID, len(all))
	}
	out, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": all}}})
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "dashboard.yml"), out, 0o644))
	promtool(t, dir, "check", "rules", "dashboard.yml")
}

func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool: deploy/install-tools test")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
