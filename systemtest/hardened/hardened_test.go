// SPDX-License-Identifier: Apache-2.0

// Package hardened holds that the host's own parts go on working under the limits that boundary.Harden puts on it.
package hardened

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

func TestMain(m *testing.M) {
	if os.Args[0] == "open" {
		os.Exit(opens(os.Args[1], os.Args[2] == "hardened"))
	}
	if os.Args[0] == "role" {
		if err := serve(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve hardens this process, then runs the store through everything it does with files, threads and maps.
func serve(dir string) error {
	if _, err := boundary.Harden(nil); err != nil {
		return err
	}
	ctx := context.Background()
	for round := range 2 { // the second opens what the first wrote
		engine, err := etcd.Start(context.Background(), etcd.Config{Dir: dir})
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make(chan error, 16)
		for g := range 16 {
			wg.Go(func() {
				for i := range 20 {
					path := "r/" + strconv.Itoa(round) + "/" + strconv.Itoa(g) + "/" + strconv.Itoa(i)
					if _, err := engine.Txn(ctx, store.Txn{Puts: []store.Put{{Path: path, Value: []byte(path)}}}); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			return err
		}
		if _, err := engine.Get(ctx, "r/0/15/19"); err != nil {
			return err
		}
		var snapshot bytes.Buffer
		if _, err := engine.Snapshot(ctx, &snapshot); err != nil {
			return err
		}
		if err := engine.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestStoreWorksUnderTheHostsLimits(t *testing.T) {
	users := []uint32{uint32(os.Getuid())}
	if users[0] == 0 {
		users = append(users, 1000)
	}
	for _, uid := range users {
		dir, err := os.MkdirTemp("", "genbu-hardened") // t.TempDir is closed to other users
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chown(dir, int(uid), -1); err != nil {
			t.Fatal(err)
		}
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"role", dir + "/store"}, Dir: "/", Env: []string{}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if uid != uint32(os.Getuid()) {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("as uid %d: %v\n%s", uid, err, out)
		}
	}
}
