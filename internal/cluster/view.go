// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Node is what a host tells other members' hosts of itself: nothing of tenants, and nothing that a decision rests on.
type Node struct {
	Node        string    `json:"node"`
	Version     string    `json:"version"`
	Core        string    `json:"core"` // state, or "none"
	Keeper      string    `json:"keeper,omitempty"`
	LeaseMS     int64     `json:"lease_ms"` // left of the core's lease; -1 where it needs none, or says nothing
	Learner     bool      `json:"learner,omitempty"`
	Term        uint64    `json:"term"`
	Committed   uint64    `json:"committed"`
	Applied     uint64    `json:"applied"`
	Revision    int64     `json:"revision"`
	Certificate time.Time `json:"certificate_until"`
	StoreBytes  int64     `json:"store_bytes"`
	StoreQuota  int64     `json:"store_quota"`
}

// MemberView is one member as this node sees it.
type MemberView struct {
	ID      string `json:"id"` // of the store's member
	Node    string `json:"node"`
	Peer    string `json:"peer"`
	Self    bool   `json:"self,omitempty"`
	Leader  bool   `json:"leader,omitempty"`
	Learner bool   `json:"learner,omitempty"`
	Healthy bool   `json:"healthy"` // its host answers
	Reason  string `json:"reason,omitempty"`
	Lag     uint64 `json:"lag"` // entries of the log that it has not applied
	Info    *Node  `json:"info,omitempty"`
}

// View is the cluster as this node sees it.
type View struct {
	Joining  bool         `json:"joining,omitempty"`
	Door     string       `json:"door,omitempty"`
	Writable bool         `json:"writable"` // there is a leader, and a majority of voters answers
	Members  []MemberView `json:"members"`
}

const viewTimeout = 2 * time.Second

// View asks all members' hosts.
func (c *Cluster) View(ctx context.Context) (*View, error) {
	s := c.current()
	v := &View{Joining: s.Joining, Members: []MemberView{}}
	if s.Open {
		v.Door = s.Advertise
	}
	engine := c.store.Engine()
	if engine == nil {
		return v, nil
	}
	all, err := engine.Members(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, viewTimeout)
	defer cancel()
	client := c.files.Client()
	defer client.CloseIdleConnections()
	v.Members = make([]MemberView, len(all))
	var wg sync.WaitGroup
	for i, m := range all {
		wg.Go(func() { v.Members[i] = c.look(ctx, client, engine, m) })
	}
	wg.Wait()
	v.sum()
	return v, nil
}

func (c *Cluster) look(ctx context.Context, client *http.Client, engine *etcd.Engine, m store.Member) MemberView {
	v := MemberView{ID: fmt.Sprintf("%x", m.ID), Node: m.Name, Self: m.Self, Leader: m.Leader, Learner: m.Learner}
	if len(m.Peers) > 0 {
		v.Peer = m.Peers[0]
	}
	var err error
	switch {
	case m.Self:
		v.Info, err = c.self(ctx, engine)
	case !m.Started:
		v.Reason = "it was added and has not started yet"
		return v
	default:
		v.Info = new(Node)
		err = c.call(ctx, client, v.Peer, http.MethodGet, "/genbu/node", v.Info)
	}
	if v.Healthy = err == nil; !v.Healthy {
		v.Info, v.Reason = nil, reason(err)
	}
	return v
}

func reason(err error) string {
	if u, ok := err.(*url.Error); ok {
		return u.Err.Error()
	}
	return err.Error()
}

// sum computes what follows from the members' own words.
func (v *View) sum() {
	var committed uint64
	voters, well, led := 0, 0, false
	for _, m := range v.Members {
		if m.Info != nil {
			committed = max(committed, m.Info.Committed)
		}
		if !m.Learner {
			voters++
			if m.Healthy {
				well++
			}
			led = led || m.Leader && m.Healthy
		}
	}
	for i := range v.Members {
		if info := v.Members[i].Info; info != nil {
			v.Members[i].Lag = committed - min(committed, info.Applied)
		}
	}
	v.Writable = led && well > voters/2
}

// self is what this host tells of itself.
func (c *Cluster) self(ctx context.Context, engine *etcd.Engine) (*Node, error) {
	p, err := engine.Progress(ctx)
	if err != nil {
		return nil, err
	}
	u, err := engine.Usage(ctx)
	if err != nil {
		return nil, err
	}
	n := &Node{Node: c.config.Node.String(), Version: c.config.Version, Core: "none", LeaseMS: -1, Learner: p.Learner, Term: p.Term,
		Committed: p.Committed, Applied: p.Applied, Revision: p.Revision, StoreBytes: u.File, StoreQuota: u.Quota}
	if cert := c.certificate(); cert != nil {
		n.Certificate = cert.NotAfter
	}
	if core, err := c.attached(); err == nil {
		n.describe(core)
	}
	return n, nil
}

// describe adds what the core says of itself. One that does not answer is "none".
func (n *Node) describe(core Core) {
	var s wire.Status
	body, err := core.Call(wire.OpStatus, nil)
	if r := wire.NewReader(body); err == nil {
		if s.Decode(&r); r.End() == nil {
			n.Core, n.Keeper = s.State.String(), s.Keeper
		}
	}
	var m wire.Metrics
	body, err = core.Call(wire.OpMetrics, nil)
	if r := wire.NewReader(body); err == nil {
		if m.Decode(&r); r.End() == nil {
			for _, g := range m.Gauges {
				if g.Name == "lease_left" {
					n.LeaseMS = g.Value / int64(time.Millisecond)
					if g.Value < 0 {
						n.LeaseMS = -1
					}
				}
			}
		}
	}
}

// answerPeer answers other members' hosts; package etcd has let in nobody else.
func (c *Cluster) answerPeer(w http.ResponseWriter, r *http.Request) {
	engine := c.store.Engine()
	var answer any = struct{}{}
	err := error(fault.Unavailable.At("the store is being started"))
	if engine != nil {
		switch r.Method + " " + r.URL.Path {
		case "GET /genbu/node":
			answer, err = c.self(r.Context(), engine)
		case "POST /genbu/yield":
			err = engine.Yield(r.Context(), 0)
		case "POST /genbu/reclaim":
			err = engine.Defragment(r.Context())
		default:
			http.NotFound(w, r)
			return
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// call asks another member's host.
func (c *Cluster) call(ctx context.Context, client *http.Client, peer, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, peer+path, nil)
	if err != nil {
		return err
	}
	r, err := client.Do(request)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", r.Status, bytes.TrimSpace(body))
	}
	return json.Unmarshal(body, into)
}
