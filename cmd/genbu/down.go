// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/server"
)

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the node on this machine",
		Long: `Stop the node of this directory, or the nodes that genbu up --nodes made there, if they run.
Their data stays; genbu up starts them again.

  genbu down --dir /tmp/demo`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := readLayout(placeDir())
			if err != nil {
				return err
			}
			if l != nil {
				return downNodes(cmd, l)
			}
			c, err := nodeConfig()
			if err != nil {
				return err
			}
			stopped, err := down(c.Dir)
			if err != nil {
				return err
			}
			if err := forgetHosts(c.Dir); err != nil {
				note("the node's lines in %s are still there: %v", hostsFile, err)
			}
			return show(cmd, map[string]bool{"stopped": stopped}, func(w io.Writer) {
				if stopped {
					fmt.Fprintf(w, "node in %s stopped\n", c.Dir)
				} else {
					fmt.Fprintf(w, "no node runs in %s\n", c.Dir)
				}
			})
		},
	}
}

// down ends the node and waits for it. The pid is believed only while the node's lock is held, so that another process
// that got the number meanwhile is left alone.
func down(dir string) (bool, error) {
	held, err := server.Running(dir)
	if err != nil || !held {
		return false, err
	}
	pid := readPID(filepath.Join(dir, server.HostPIDFile))
	if pid <= 1 {
		return false, next(errors.New("a node runs there, but its pid is not known"), "fuser -v "+word(filepath.Join(dir, "run/lock")))
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return false, hinted{fmt.Errorf("cannot stop the node (pid %d): %w", pid, err), hint{"genbu down", "as the user who started it"}}
	}
	defer progress("stopping the node")()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if held, err := server.Running(dir); err != nil || !held {
			return true, err
		}
	}
	return false, next(fmt.Errorf("the node (pid %d) does not end", pid), fmt.Sprintf("kill -9 %d", pid))
}
