// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/deploy/internal/jail"
)

func TestMain(m *testing.M) { jail.Main(m) }

const patience = 60 * time.Second

// made builds the packages of what is in bin, and answers their paths by format.
func made(t *testing.T) map[string]string {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	must(t, err)
	if _, err := os.Stat(filepath.Join(bin, "libgenbu-pkcs11.so")); err != nil {
		t.Skip("nothing was built: make build")
	}
	dir := t.TempDir()
	for _, name := range []string{"genbu", "libgenbu-pkcs11.so"} {
		copyTo(t, filepath.Join(bin, name), filepath.Join(dir, name))
		must(t, os.Chmod(filepath.Join(dir, name), 0o755))
	}
	if _, err := exec.LookPath("musl-gcc"); err == nil {
		out, err := exec.Command("make", "-s", "-C", "../../pkcs11", "CC=musl-gcc", "BUILD=build/musl", "all").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		must(t, os.MkdirAll(filepath.Join(dir, "made/musl"), 0o755))
		copyTo(t, "../../pkcs11/build/musl/libgenbu-pkcs11.so", filepath.Join(dir, "made/musl/libgenbu-pkcs11.so"))
	}
	t.Chdir("..")
	must(t, os.MkdirAll(filepath.Join(dir, "packages"), 0o755))
	must(t, run(dir, filepath.Join(dir, "made"), "1.2.3"))
	list := map[string]string{}
	for _, format := range []string{"deb", "rpm", "apk"} {
		if found, _ := filepath.Glob(filepath.Join(dir, "packages/*."+format)); len(found) == 1 {
			list[format] = found[0]
		}
	}
	return list
}

func TestPackagesInstallServeSurviveAnUpgradeAndLeaveTheKeys(t *testing.T) {
	packages := made(t)
	for _, c := range []struct {
		format, tool, library string
		install, upgrade      []string
		remove                []string
	}{
		{"deb", "dpkg", "/usr/lib/" + triplet() + "/libgenbu-pkcs11.so", []string{"dpkg", "-i"}, []string{"dpkg", "-i"}, []string{"dpkg", "-P", "genbu"}},
		// --nodeps: the scratch root is a Debian, whose libc no rpm knows of.
		{"rpm", "rpm", "/usr/lib64/libgenbu-pkcs11.so", []string{"rpm", "-i", "--nodeps"}, []string{"rpm", "-U", "--nodeps", "--replacepkgs"}, []string{"rpm", "-e", "genbu"}},
		// No apk-tools here: unpacked, and its script run by hand, as Alpine's would be.
		{"apk", "tar", "/usr/lib/libgenbu-pkcs11.so", []string{"tar", "--warning=no-unknown-keyword", "-C", "/", "-xzf"}, nil, nil},
	} {
		t.Run(c.format, func(t *testing.T) {
			if packages[c.format] == "" {
				t.Skip("there is no such package")
			}
			j := jail.Overlay(t)
			if _, err := os.Stat(j.Path("usr/bin/" + c.tool)); err != nil {
				t.Skip("no " + c.tool)
			}
			file := "/tmp/genbu." + c.format
			copyTo(t, packages[c.format], j.Path(file))
			j.Run(t, append(c.install, file)...)
			if c.format == "apk" {
				j.Run(t, "sh", "/.post-install")
			}
			for _, f := range []string{c.library, "/usr/share/p11-kit/modules/genbu.module", "/var/lib/genbu/genbu.yaml", "/usr/share/bash-completion/completions/genbu"} {
				if _, err := os.Lstat(j.Path(f)); err != nil {
					t.Error(err)
				}
			}
			unit := "usr/lib/systemd/system/genbu.service"
			if c.format == "apk" { // the same limits, which OpenRC's script states in its own words
				copyTo(t, "../systemd/genbu.service", j.Path("tmp/genbu.service"))
				unit = "tmp/genbu.service"
			}
			stop := serve(t, j, j.ReadUnit(t, unit))
			j.Run(t, "sh", "-c", "printf %s admin-pin | genbu init --pin-file -")
			j.Run(t, "sh", "-c", "cd /tmp && printf %s admin-pin >admin && printf %s user-pin >user && genbu partition create demo --pin-file admin --user-pin-file user")
			sign := "genbu sign k /etc/passwd --token demo --pin-file /tmp/user --out /tmp/sig && genbu verify k /etc/passwd --signature /tmp/sig --token demo --pin-file /tmp/user"
			j.Run(t, "sh", "-c", "genbu key create k --token demo --pin-file /tmp/user && "+sign)
			if out := j.Run(t, "genbu", "connect", "java", "--token", "demo"); !strings.Contains(out, c.library) {
				t.Errorf("the program does not find its library:\n%s", out)
			}
			if out := j.Run(t, "genbu", "doctor", "--json"); strings.Contains(out, `"what": "protections",
    "ok": false`) {
				t.Errorf("protections are missing:\n%s", out)
			}
			if _, err := os.Stat(j.Path("usr/bin/pkcs11-tool")); err == nil && c.format != "apk" { // which is musl's
				if out := j.Run(t, "pkcs11-tool", "--module", c.library, "--list-token-slots"); !strings.Contains(out, "demo") {
					t.Errorf("pkcs11-tool finds no token at the default socket:\n%s", out)
				}
			}
			stop()

			if c.upgrade == nil {
				return
			}
			must(t, os.WriteFile(j.Path("etc/genbu/genbu.yaml"), []byte("socket: /run/genbu/genbu.sock\nlisten: \"\"\n"), 0o644))
			j.Run(t, append(c.upgrade, file)...)
			if b, err := os.ReadFile(j.Path("etc/genbu/genbu.yaml")); err != nil || !strings.Contains(string(b), `listen: ""`) {
				t.Errorf("the upgrade took the operator's configuration: %s, %v", b, err)
			}
			stop = serve(t, j, j.ReadUnit(t, unit))
			j.Run(t, "sh", "-c", sign)
			stop()
			j.Run(t, c.remove...)
			if _, err := os.Stat(j.Path("var/lib/genbu/store")); err != nil {
				t.Errorf("removing the package took the keys: %v", err)
			}
			if _, err := os.Stat(j.Path("usr/bin/genbu")); err == nil {
				t.Error("removing the package left the program")
			}
		})
	}
}

// serve starts a unit's program as systemd would, until it says that it is ready.
func serve(t *testing.T, j *jail.Jail, u jail.Unit) (stop func()) {
	t.Helper()
	name := "/tmp/notify"
	os.Remove(j.Path(name))
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: j.Path(name), Net: "unixgram"})
	must(t, err)
	must(t, os.Chmod(j.Path(name), 0o666))
	u.As.Env = append(u.As.Env, "NOTIFY_SOCKET="+name)
	cmd := j.Command(u.As, u.Exec...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	gone := make(chan struct{})
	go func() {
		cmd.Wait()
		close(gone)
		l.Close()
	}()
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-gone:
		case <-time.After(patience):
			t.Errorf("it does not end")
			cmd.Process.Kill()
			<-gone
		}
	}
	t.Cleanup(stop)
	b := make([]byte, 100)
	l.SetReadDeadline(time.Now().Add(patience))
	if n, err := l.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Fatalf("%q is not ready: %q, %v\n%s", u.Exec, b[:n], err, said.String())
	}
	return stop
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
