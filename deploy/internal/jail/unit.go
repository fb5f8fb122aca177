// SPDX-License-Identifier: Apache-2.0

package jail

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Unit is what of a systemd unit a program's start needs. The rest (filters, what of the file system is hidden) only systemd
// itself can do.
type Unit struct {
	Exec    []string
	As      As
	Runtime string // RuntimeDirectory
}

// ReadUnit reads a unit of the jail.
func (j *Jail) ReadUnit(t *testing.T, path string) Unit {
	t.Helper()
	text, err := os.ReadFile(j.Path(path))
	must(t, err)
	u := Unit{As: As{Env: Env, Limits: map[int]uint64{}}}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "ExecStart":
			u.Exec = strings.Fields(value)
		case "User":
			u.As.UID, u.As.GID = j.user(t, value)
		case "UMask":
			n, err := strconv.ParseInt(value, 8, 32)
			must(t, err)
			u.As.Umask = int(n)
		case "RuntimeDirectory":
			u.Runtime = value
		case "LimitCORE":
			u.As.Limits[unix.RLIMIT_CORE] = size(t, value)
		case "LimitMEMLOCK":
			u.As.Limits[unix.RLIMIT_MEMLOCK] = size(t, value)
		case "LimitNOFILE":
			u.As.Limits[unix.RLIMIT_NOFILE] = size(t, value)
		}
	}
	if len(u.Exec) == 0 || u.As.UID == 0 {
		t.Fatalf("%s: no ExecStart, or no User", path)
	}
	must(t, os.MkdirAll(j.Path("run/"+u.Runtime), 0o755))
	must(t, os.Chown(j.Path("run/"+u.Runtime), u.As.UID, u.As.GID))
	return u
}

// user finds a user of the jail by name.
func (j *Jail) user(t *testing.T, name string) (uid, gid int) {
	t.Helper()
	text, err := os.ReadFile(j.Path("etc/passwd"))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == name && len(f) > 3 {
			if _, err := fmt.Sscan(f[2]+" "+f[3], &uid, &gid); err == nil {
				return uid, gid
			}
		}
	}
	t.Fatalf("there is no user %s", name)
	return 0, 0
}

func size(t *testing.T, text string) uint64 {
	t.Helper()
	number, shift := text, 0
	if s, ok := strings.CutSuffix(text, "M"); ok {
		number, shift = s, 20
	}
	n, err := strconv.ParseUint(number, 10, 64)
	must(t, err)
	return n << shift
}
