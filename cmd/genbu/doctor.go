// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/server"
)

// finding is one thing that was looked at.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Note string `json:"note"`
	Next string `json:"next,omitempty"`
}

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything that usually goes wrong",
		Long: `Look at the node, its protections, its disk and its files, and say what to do about what is wrong.

  genbu doctor`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := examine()
			err := show(cmd, list, func(w io.Writer) {
				for _, f := range list {
					mark := "ok  "
					if !f.OK {
						mark = "BAD "
					}
					fmt.Fprintf(w, "%s %-22s %s\n", mark, f.What, f.Note)
					if f.Next != "" {
						fmt.Fprintf(w, "     %-22s next: %s\n", "", f.Next)
					}
				}
			})
			if err != nil {
				return err
			}
			bad := slices.DeleteFunc(slices.Clone(list), func(f finding) bool { return f.OK })
			if len(bad) > 0 {
				return next(fmt.Errorf("%d of %d findings are bad", len(bad), len(list)), bad[0].Next)
			}
			return nil
		},
	}
}

// findings are gathered in the order in which they build on each other.
type findings []finding

// add notes a finding; next is the command that mends it.
func (f *findings) add(what string, ok bool, next, note string, args ...any) {
	if ok {
		next = ""
	}
	*f = append(*f, finding{what, ok, fmt.Sprintf(note, args...), withDir(next)})
}

func examine() (list findings) {
	dir := nodeDir()
	c, err := server.Load(dir)
	list.add("configuration", err == nil, "less "+word(filepath.Join(dir, server.ConfigFile)), "%v", orFine(err))
	if err != nil {
		return list
	}
	running, err := server.Running(c.Dir)
	list.add("node", running && err == nil, "genbu up", "%s", map[bool]string{true: "running", false: "not running"}[running])
	keeper := ""
	if running {
		keeper = list.node()
	}
	list.tpm(c, keeper)
	if running {
		list.cluster(context.Background(), c)
	}
	list.files(c)
	_, err = os.Stat(modulePath())
	list.add("PKCS #11 library", err == nil, "make build", "%s", modulePath())
	_, err = exec.LookPath("openssl")
	list.add("openssl", err == nil, "apt-get install openssl", "found: %t", err == nil)
	return list
}

func orFine(err error) string {
	if err != nil {
		return err.Error()
	}
	return "fine"
}

// node asks the module about itself, and answers its keeper.
func (f *findings) node() (keeper string) {
	conn, err := dial()
	f.add("socket", err == nil, "genbu env", "%s", orFine(err))
	if err != nil {
		return ""
	}
	defer conn.Close()
	s, err := conn.Status()
	if err != nil {
		f.add("module", false, "genbu status", "%v", err)
		return ""
	}
	then := ""
	if !operational(s.State) {
		then = hintFor(nil, notOperational(s.State)).command
	}
	f.add("state", operational(s.State), then, "%s", s.State)
	f.add("protections", len(s.Missing) == 0, "genbu status", "missing: %s", dash(strings.Join(s.Missing, ", ")))
	f.add("secret memory", s.Memory == "memfd_secret", "cat /proc/cmdline   (boot with secretmem.enable=1)", "%s", s.Memory)
	f.add("erasure", s.Erasure == "runtime/secret", "make build", "%s", s.Erasure)
	return s.Keeper
}

// tpm looks whether there is one, and whether who asks may use it: mostly that takes a group. It is a fault where the root key, or
// the node's identity, is with it.
func (f *findings) tpm(c *server.Config, keeper string) {
	err := unix.Access(c.TPM, unix.R_OK|unix.W_OK)
	needed := keeper == "tpm" || keeper == "peers-tpm"
	note := "not needed"
	if needed {
		note = "the keeper"
	}
	f.add("TPM", err == nil || !needed, "ls -l "+word(c.TPM)+"   (add the node's user to the device's group)", "%s: %s; %s", c.TPM, orFine(err), note)
}

// files looks at who may read what, and at the disk.
func (f *findings) files(c *server.Config) {
	access := filepath.Join(accessDir(), accessFile)
	for _, file := range []string{c.Keeper, access} {
		if info, err := os.Stat(file); err == nil {
			f.add(filepath.Base(file), info.Mode().Perm()&0o077 == 0, "chmod 600 "+word(file), "mode %04o", info.Mode().Perm())
		}
	}
	if _, err := os.Stat(access); err == nil {
		f.add("PINs on disk", true, "", "%s holds the PINs that genbu up set; delete it once you keep them elsewhere", accessFile)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(c.Dir, &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize) >> 20
		f.add("disk", free > 512, "df -h "+word(c.Dir), "%d MiB free", free)
	}
}
