// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnitsAreWellFormedAndHardened asks systemd itself; exposure is its own measure, 0 to 10, times ten.
func TestUnitsAreWellFormedAndHardened(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	for unit, exposure := range map[string]string{"genbu.service": "24", "genbu-agent.service": "15"} {
		text, err := os.ReadFile(filepath.Join("../systemd", unit))
		must(t, err)
		// The program stands where the test has one, and its guide too: systemd looks for both.
		guide, err := filepath.Abs("../../docs/guide.md")
		must(t, err)
		here := strings.NewReplacer("/usr/bin/genbu", "/bin/true", "/usr/share/doc/genbu/guide.md", guide).Replace(string(text))
		path := filepath.Join(t.TempDir(), unit)
		must(t, os.WriteFile(path, []byte(here), 0o644))
		if out, err := exec.Command(tool, "verify", "--man=no", path).CombinedOutput(); err != nil || strings.Contains(string(out), unit+":") {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
		if out, err := exec.Command(tool, "security", "--offline=true", "--no-pager", "--threshold="+exposure, path).CombinedOutput(); err != nil {
			t.Errorf("%s is more exposed than it was: %v\n%s", unit, err, out)
		}
	}
}
