// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	// maxNodes of one machine: more voters make no store safer.
	maxNodes = 7

	// onLoopback is how the nodes of one machine find each other: at ports that are drawn once and kept.
	onLoopback = "cluster:\n  listen: 127.0.0.1:0\n  peer_listen: 127.0.0.1:0\n"

	// joinLife of the tokens by which they join; each is used at once.
	joinLife = 10 * time.Minute

	votesWithin = 2 * time.Minute
)

// upNodes starts the nodes of dir that do not run, and its agent, and adds those that are wanted beyond: they join like nodes on machines of
// their own, only that nobody has to carry the tokens.
func (want *wanted) upNodes(ctx context.Context, dir string, l *layout) (*upped, error) {
	if l == nil && server.Exists(dir) {
		return nil, hinted{fmt.Errorf("there is a node in %s already; it grows by others that join it", dir),
			hint{"genbu token create node2", "then genbu join TOKEN --dir ANOTHER"}}
	}
	if l != nil && want.nodes > 0 && want.nodes < len(l.Nodes) {
		return nil, next(fmt.Errorf("there are %d nodes in %s; they are removed one by one", len(l.Nodes), dir), "genbu cluster remove "+l.Nodes[len(l.Nodes)-1])
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	release, err := oneAtATime(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	began := time.Now()
	if l == nil {
		l = &layout{dir: dir}
	}
	started, err := want.startNodes(ctx, l, l.Nodes)
	if err != nil {
		return nil, err
	}
	if len(l.Nodes) == 0 {
		if err := want.firstNode(ctx, l); err != nil {
			return nil, err
		}
		started = true
	}
	if want.nodes > len(l.Nodes) {
		if err := want.grow(ctx, l); err != nil {
			return nil, err
		}
		started = true
	}
	if started {
		if err := allVote(ctx, l); err != nil {
			return nil, err
		}
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	status, err := conn.Status()
	if err != nil {
		return nil, err
	}
	r := &upped{Dir: dir, Started: started, State: status.State.String(), Mode: modeName(&status), Nodes: l.Nodes, Exposed: exposed(dir, &status)}
	if status.State == wire.StateOperational {
		keepAuditKey(status.AuditKey)
		if r.Proven, err = want.makeToken(conn); err != nil {
			return nil, err
		}
	}
	if status.State == wire.StateOperational {
		began, err := l.upAgent(ctx)
		if err != nil {
			return nil, err
		}
		r.Started = r.Started || began
	}
	if started && !global.json {
		note("%d nodes stand after %.1f s", len(l.Nodes), time.Since(began).Seconds())
	}
	r.Env, err = readEnv("")
	return r, err
}

// startNodes starts those that do not answer, all at once: each waits for a majority.
func (want *wanted) startNodes(ctx context.Context, l *layout, names []string) (started bool, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	defer progress("starting the nodes")()
	for _, name := range names {
		c, e := want.configure(l.node(name), onLoopback)
		if e != nil {
			return false, e
		}
		wg.Go(func() {
			conn, e := client.Dial(c.Socket)
			if e != nil {
				conn, e = start(ctx, l.node(name), c)
				mu.Lock()
				defer mu.Unlock()
				started = true
			}
			if e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
				return
			}
			conn.Close()
		})
	}
	wg.Wait()
	return started, err
}

// firstNode makes the node that the others join.
func (want *wanted) firstNode(ctx context.Context, l *layout) error {
	const name = "node1"
	if err := os.MkdirAll(l.node(name), 0o711); err != nil {
		return err
	}
	if _, err := want.startNodes(ctx, l, []string{name}); err != nil {
		return err
	}
	// From here on the directory is one of several nodes, and PINs are kept in it.
	l.Nodes = []string{name}
	if err := l.write(); err != nil {
		return err
	}
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	status, err := conn.Status()
	if err == nil && status.State == wire.StateUninitialized {
		_, err = want.initialize(conn, true)
	}
	return err
}

// grow adds nodes until there are as many as wanted. The new ones are started while the first is asked for their tokens, and
// join at once: etcd takes several learners while there is one voter, and else wants seconds between one and the next.
func (want *wanted) grow(ctx context.Context, l *layout) error {
	above := admin{}
	pin, err := above.pin()
	if err != nil {
		return err
	}
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := begin(conn, domainSlot, client.Officer, "", pin)
	if err != nil {
		return err
	}
	defer s.end()
	names := l.newNames(want.nodes - len(l.Nodes))
	made, err := s.conn.Tokens()
	if err != nil {
		return err
	}
	tokens := make([][]byte, len(names))
	for i, name := range names {
		if err := os.MkdirAll(l.node(name), 0o711); err != nil {
			return err
		}
		if !server.Exists(l.node(name)) {
			if err := cluster.Prepare(l.node(name)); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(made, func(t client.JoinTokenInfo) bool { return t.Name == name }) { // by an attempt that was interrupted
			if err := s.conn.TokenRevoke(name); err != nil {
				return err
			}
		}
		if tokens[i], err = s.conn.TokenCreate(name, wire.JoinNode, joinLife); err != nil {
			return fmt.Errorf("join token of %s: %w", name, err)
		}
	}
	if _, err := want.startNodes(ctx, l, names); err != nil {
		return err
	}
	defer progress("joining the nodes")()
	faults := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { faults[i] = want.joinHere(l.node(name), tokens[i]) })
	}
	wg.Wait()
	for i, name := range names {
		if faults[i] != nil {
			faults[i] = fmt.Errorf("%s: %w", name, faults[i])
			continue
		}
		l.Nodes = append(l.Nodes, name)
	}
	return errors.Join(append(faults, l.write())...)
}

// newNames are names that no directory has.
func (l *layout) newNames(n int) (names []string) {
	for i := 1; len(names) < n; i++ {
		if name := fmt.Sprint("node", i); !slices.Contains(l.Nodes, name) {
			names = append(names, name)
		}
	}
	return names
}

// joinHere lets the node in dir join. Its keeper is the one that was asked for, by itself a file as with a node alone.
func (want *wanted) joinHere(dir string, token []byte) error {
	c, err := configOf(dir)
	if err != nil {
		return err
	}
	conn, err := client.Dial(c.Socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if status, err := conn.Status(); err != nil || status.State != wire.StateUninitialized {
		return err // an interrupted attempt came this far
	}
	by, err := want.keep.said()
	if err != nil {
		return err
	}
	state, err := conn.JoinDomain(bytes.Clone(token), by)
	if err == nil && !state.Admitted {
		err = next(fmt.Errorf("the policy wants %d admins to approve it", state.Wanted), "genbu cluster policy --approvals 0")
	}
	return err
}

// allVote waits until every node has its vote in the store, and a lease from the others' cores where it is unlocked.
func allVote(ctx context.Context, l *layout) error {
	defer progress("waiting for every node's vote")()
	var last error
	for end := time.Now().Add(votesWithin); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		v, err := readView(ctx, l.pick())
		if last = err; err != nil {
			continue
		}
		voters := 0
		for _, m := range v.Members {
			waits := len(l.Nodes) > 1 && m.Info != nil && m.Info.Core == wire.StateOperational.String() && m.Info.LeaseMS <= 0
			if m.Healthy && !m.Learner && !waits {
				voters++
			}
		}
		if voters >= len(l.Nodes) && v.Writable {
			return nil
		}
		last = fmt.Errorf("%d of %d nodes vote and have a lease", voters, len(l.Nodes))
	}
	return next(errors.Join(last, ctx.Err()), "genbu cluster status")
}

// downNodes ends all nodes, and waits for them.
func downNodes(cmd *cobra.Command, l *layout) error {
	ended, err := stopNodes(l)
	if err != nil {
		return err
	}
	return show(cmd, map[string]any{"stopped": len(ended) > 0, "nodes": ended}, func(w io.Writer) {
		if len(ended) == 0 {
			fmt.Fprintf(w, "no node runs in %s\n", l.dir)
			return
		}
		fmt.Fprintf(w, "%s in %s stopped\n", strings.Join(ended, ", "), filepath.Clean(l.dir))
	})
}

// stopNodes stops every node of a layout, all at once.
func stopNodes(l *layout) (stoppedNodes []string, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var faults []error
	ended := []string{}
	if stopped, err := l.downAgent(); err != nil {
		faults = append(faults, err)
	} else if stopped {
		ended = append(ended, agentName)
	}
	for _, name := range l.all() {
		wg.Go(func() {
			c, err := configOf(l.node(name))
			stopped := false
			if err == nil {
				stopped, err = down(c.Dir)
			}
			mu.Lock()
			defer mu.Unlock()
			if stopped {
				ended = append(ended, name)
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	wg.Wait()
	slices.Sort(ended)
	return ended, errors.Join(faults...)
}
