// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/deploy/internal/jail"
)

// underSystemd is what a machine that systemd has booted does with the package. Each line of its answer is a claim.
const underSystemd = `#!/bin/sh
exec >/mnt/answer 2>&1
dpkg -i /mnt/genbu.deb
systemctl daemon-reload
systemctl start genbu && echo started
printf admin-pin | genbu init --pin-file - && echo initialized
genbu doctor && echo well
systemctl restart genbu && echo restarted
printf '[Service]\nWatchdogSec=3\n' >/tmp/watchdog.conf
mkdir -p /run/systemd/system/genbu.service.d && cp /tmp/watchdog.conf /run/systemd/system/genbu.service.d/
systemctl daemon-reload && systemctl restart genbu
sleep 5; [ "$(systemctl show genbu -p NRestarts --value)" = 0 ] && echo 'left alone while it lives'
kill -STOP $(cat /var/lib/genbu/run/core.pid)
for i in $(seq 60); do [ "$(systemctl show genbu -p NRestarts --value)" != 0 ] && break; sleep 0.5; done
for i in $(seq 60); do genbu status | grep -q operational && echo 'restarted by the watchdog' && break; sleep 0.5; done
systemctl stop genbu && echo stopped
systemctl show genbu -p Result --value
journalctl -u genbu --no-pager -n 60 -o cat
echo end
`

// TestTheUnitServesUnderSystemdItself boots systemd in a container whose files are this machine's.
func TestTheUnitServesUnderSystemdItself(t *testing.T) {
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("in make soak: GENBU_SOAK=1")
	}
	nspawn, err := exec.LookPath("systemd-nspawn")
	if err != nil {
		t.Skip("no systemd-nspawn")
	}
	packages := made(t)
	j := jail.Bare(t)
	mnt := t.TempDir()
	copyTo(t, packages["deb"], filepath.Join(mnt, "genbu.deb"))
	must(t, os.WriteFile(filepath.Join(mnt, "try"), []byte(underSystemd), 0o755))
	unit := "[Service]\nType=oneshot\nExecStart=/bin/sh /mnt/try\nExecStopPost=/bin/systemctl poweroff -ff\n"
	must(t, os.WriteFile(j.Path("etc/systemd/system/try.service"), []byte("[Unit]\nAfter=basic.target\n"+unit), 0o644))
	others := j.Path("etc/systemd/system/multi-user.target.wants")
	must(t, os.RemoveAll(others))
	must(t, os.MkdirAll(others, 0o755))
	must(t, os.Symlink("../try.service", filepath.Join(others, "try.service")))

	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	// The container's own filter would forbid landlock, which no unit has to do with.
	cmd := exec.CommandContext(ctx, nspawn, "-q", "-D", j.Root, "--bind="+mnt+":/mnt", "--private-network", "--register=no", "--keep-unit",
		"--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret", "--capability=all", "--boot")
	out, err := cmd.CombinedOutput()
	answer, e := os.ReadFile(filepath.Join(mnt, "answer"))
	if e != nil {
		t.Skipf("systemd does not boot here: %v\n%s", err, out)
	}
	for _, claim := range []string{"started", "initialized", "well", "restarted", "left alone while it lives", "restarted by the watchdog", "stopped", "end"} {
		if !strings.Contains(string(answer), "\n"+claim+"\n") {
			t.Errorf("not %s:\n%s", claim, answer)
			break
		}
	}
}
