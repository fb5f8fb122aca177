// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/wire"
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := examine(global.dir)
			bad := 0
			for _, f := range list {
				if !f.OK {
					bad++
				}
			}
			err := show(cmd.OutOrStdout(), list, func(w io.Writer) {
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
			if err == nil && bad > 0 {
				err = hinted{fmt.Errorf("%d of %d findings are bad", bad, len(list)), "follow the lines that say next"}
			}
			return err
		},
	}
}

func examine(dir string) (list []finding) {
	add := func(what string, ok bool, next, note string, args ...any) {
		if ok {
			next = ""
		}
		list = append(list, finding{what, ok, fmt.Sprintf(note, args...), next})
	}
	c, err := server.Load(dir)
	add("configuration", err == nil, "mend "+filepath.Join(dir, server.ConfigFile), "%v", orFine(err))
	if err != nil {
		return list
	}
	running, err := server.Running(dir)
	add("node", running, "genbu up --dir "+dir, "running: %t", running)
	if running {
		examineNode(add)
	}
	examineFiles(c, add)
	_, err = os.Stat(modulePath())
	add("PKCS #11 library", err == nil, "make build", "%s", modulePath())
	_, err = exec.LookPath("openssl")
	add("openssl", err == nil, "apt-get install openssl", "found: %t", err == nil)
	return list
}

func orFine(err error) string {
	if err != nil {
		return err.Error()
	}
	return "fine"
}

func examineNode(add func(what string, ok bool, next, note string, args ...any)) {
	conn, err := dial()
	add("socket", err == nil, "is the path right? genbu env", "%s", orFine(err))
	if err != nil {
		return
	}
	defer conn.Close()
	s, err := conn.Status()
	if err != nil {
		add("module", false, "look into genbu.log", "%v", err)
		return
	}
	next := map[wire.State]string{wire.StateLocked: "genbu unlock", wire.StateUninitialized: "genbu init", wire.StateZeroized: "restore a backup into a new directory"}[s.State]
	add("state", s.State == wire.StateOperational, next, "%s", s.State)
	add("protections", len(s.Missing) == 0, "run on a kernel that has them, or accept them knowingly in genbu.yaml", "missing: %s", dash(strings.Join(s.Missing, ", ")))
	add("secret memory", s.Memory == "memfd_secret", "boot with secretmem.enable=1", "%s", s.Memory)
	add("erasure", s.Erasure == "runtime/secret", "build with GOEXPERIMENT=runtimesecret", "%s", s.Erasure)
}

func examineFiles(c *server.Config, add func(what string, ok bool, next, note string, args ...any)) {
	for _, file := range []string{c.Keeper, filepath.Join(c.Dir, accessFile)} {
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		add(filepath.Base(file), info.Mode().Perm()&0o077 == 0, "chmod 600 "+file, "mode %04o", info.Mode().Perm())
	}
	if _, err := os.Stat(filepath.Join(c.Dir, accessFile)); err == nil {
		add("PINs on disk", true, "", "%s holds the PINs that genbu up set; delete it once you keep them elsewhere", accessFile)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(c.Dir, &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize) >> 20
		add("disk", free > 512, "free some space in "+c.Dir, "%d MiB free", free)
	}
}
