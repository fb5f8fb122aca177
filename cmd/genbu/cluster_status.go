// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func clusterStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the nodes: who leads, who is well, how many more may fail",
		Long: `Show every node as this one sees it: its part in the store (leader, voter, learner), the state of
its core and what is left of its lease, how far it lags behind, whether the cores are linked, how
long its host's certificate holds, and its version. It answers without a majority as well.

  genbu cluster status`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := readCluster(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, s, s.text)
		},
	}
}

// clusterInfo is what hosts and cores tell of the nodes, put together by node.
type clusterInfo struct {
	Nodes    []nodeInfo `json:"nodes"`
	Joining  bool       `json:"joining,omitempty"`
	Writable bool       `json:"writable"`
	Voters   int        `json:"voters"`
	MayFail  int        `json:"may_fail"` // voters beyond those that have failed
	Policy   *policy    `json:"policy,omitempty"`
}

type policy struct {
	Approvals  uint64 `json:"approvals"`
	AutoUnlock bool   `json:"auto_unlock"`
	LeaseMS    int64  `json:"lease_ms"`
}

type nodeInfo struct {
	Name        string     `json:"name"`
	Node        string     `json:"node"`
	Role        string     `json:"role"` // leader, voter, learner; "none" for a member of the domain whose store is in no cluster
	Self        bool       `json:"self"`
	Healthy     bool       `json:"healthy"`
	Reason      string     `json:"reason,omitempty"`
	Core        string     `json:"core"`
	Linked      bool       `json:"linked"` // the core that was asked has a link to this one
	Waits       bool       `json:"waits_for_unlock"`
	LeaseMS     int64      `json:"lease_left_ms"` // -1: it needs none, or is not known
	Lag         uint64     `json:"lag"`
	Keeper      string     `json:"keeper"`
	Door        string     `json:"door"`
	Peer        string     `json:"peer"`
	Certificate *time.Time `json:"certificate_until,omitempty"`
	Version     string     `json:"version"`
}

func readCluster(ctx context.Context) (*clusterInfo, error) {
	v, err := readView(ctx, nodeDir())
	if err != nil {
		return nil, err
	}
	var members []client.Member
	s := &clusterInfo{Joining: v.Joining, Writable: v.Writable, Nodes: []nodeInfo{}}
	conn, err := dial()
	if err == nil {
		defer conn.Close()
		if members, err = conn.Members(); err == nil {
			if p, err := conn.ClusterPolicy(); err == nil {
				s.Policy = &policy{p.Approvals, p.AutoUnlock, p.Lease.Milliseconds()}
			}
		}
	}
	if err != nil && fault.Of(err) != fault.Unavailable && !quietState(err) {
		return nil, err
	}
	s.merge(v, members)
	return s, nil
}

// quietState tells that the core cannot say who the members are; the hosts can still be shown.
func quietState(err error) bool {
	switch fault.Of(err) {
	case fault.Locked, fault.Uninitialized, fault.Zeroized, fault.Timeout:
		return true
	}
	return false
}

func (s *clusterInfo) merge(v *cluster.View, members []client.Member) {
	well := 0
	for _, m := range v.Members {
		n := nodeInfo{Name: short(m.Node), Node: m.Node, Role: "voter", Self: m.Self, Healthy: m.Healthy, Reason: m.Reason, Core: "-", LeaseMS: -1, Lag: m.Lag, Peer: m.Peer}
		switch {
		case m.Leader:
			n.Role = "leader"
		case m.Learner:
			n.Role = "learner"
		}
		if m.Info != nil {
			n.Core, n.Keeper, n.Version, n.LeaseMS = m.Info.Core, m.Info.Keeper, m.Info.Version, m.Info.LeaseMS
			if !m.Info.Certificate.IsZero() {
				n.Certificate = &m.Info.Certificate
			}
		}
		for _, of := range members {
			if of.Node.String() == m.Node {
				n.Name, n.Door, n.Keeper, n.Linked, n.Waits = of.Name, of.Door, cmp.Or(n.Keeper, of.Keeper), of.Linked, of.Waits
			}
		}
		if !m.Learner {
			s.Voters++
			if m.Healthy {
				well++
			}
		}
		s.Nodes = append(s.Nodes, n)
	}
	for _, of := range members {
		known := false
		for _, n := range s.Nodes {
			known = known || n.Node == of.Node.String()
		}
		if !known {
			s.Nodes = append(s.Nodes, nodeInfo{Name: of.Name, Node: of.Node.String(), Role: "none", Core: "-", LeaseMS: -1, Keeper: of.Keeper, Door: of.Door,
				Peer: of.Peer, Linked: of.Linked, Waits: of.Waits, Reason: "its store is no member: genbu cluster remove " + word(of.Name)})
		}
	}
	slices.SortFunc(s.Nodes, func(a, b nodeInfo) int { return cmp.Compare(a.Name, b.Name) })
	s.MayFail = max(0, well-(s.Voters/2+1))
}

func short(node string) string { return node[:min(8, len(node))] }

func (s *clusterInfo) text(w io.Writer) {
	if s.Joining {
		fmt.Fprintf(w, "this node waits to be let in; next: %s\n", withDir("genbu join TOKEN"))
		return
	}
	var rows [][]string
	for _, n := range s.Nodes {
		cert := "-"
		if n.Certificate != nil {
			cert = remaining(time.Until(*n.Certificate))
		}
		link := map[bool]string{true: "yes", false: "no"}[n.Linked]
		lag := fmt.Sprint(n.Lag)
		if n.Self {
			link = "here"
		}
		host := "well"
		if !n.Healthy {
			host, lag = "AWAY", "-"
		}
		lease := "-"
		switch {
		case n.LeaseMS == 0:
			lease = "OVER"
		case n.LeaseMS > 0:
			lease = fmt.Sprintf("%.1fs", float64(n.LeaseMS)/1000)
		}
		if n.Waits {
			n.Core = "waits for unlock"
		}
		rows = append(rows, []string{n.Name, n.Role, host, n.Core, lease, lag, link, dash(n.Keeper), cert, dash(n.Version), dash(n.Door)})
	}
	table(w, "NAME ROLE HOST CORE LEASE LAG LINK KEEPER CERTIFICATE VERSION DOOR", rows)
	for _, n := range s.Nodes {
		if n.Reason != "" {
			fmt.Fprintf(w, "%s: %s\n", n.Name, n.Reason)
		}
	}
	for _, n := range s.Nodes {
		if n.Core == wire.StateLocked.String() || n.Waits {
			next := "genbu unlock on its machine"
			if strings.HasPrefix(n.Keeper, "peers") {
				next = "genbu cluster unlock " + word(n.Name) + " on a node that is open"
			}
			fmt.Fprintf(w, "%s is locked: %s\n", n.Name, next)
		}
	}
	switch {
	case !s.Writable:
		fmt.Fprintf(w, "NO MAJORITY of the %d voters: keys go on being used for as long as the lease lasts, nothing can be made or changed\n", s.Voters)
		fmt.Fprintf(w, "next: start the nodes that are away; if a majority is lost for good, on one that is left: %s\n", withDir("genbu cluster recover"))
	case s.Voters == 1:
		fmt.Fprintln(w, "one node: when it fails, nothing goes on")
	case s.leased() == 0:
		fmt.Fprintln(w, "NO LEASE on any node: the cores of a majority have not agreed yet, or are not there; until they do no key can be used or made")
	default:
		fmt.Fprintf(w, "keys can be made and used; %s may fail before that ends\n", count(s.MayFail, "more node"))
	}
	if s.Voters%2 == 0 {
		fmt.Fprintf(w, "%d voters stand no more failures than %d: an odd number is better\n", s.Voters, s.Voters-1)
	}
	if p := s.Policy; p != nil && s.Voters > 1 {
		unlock := "an admin or the keeper unlocks a restarted node"
		if p.AutoUnlock {
			unlock = "restarted nodes are unlocked by the others"
		}
		s.unattended(w)
		fmt.Fprintf(w, "policy: %s to join; %s; lease %v\n", count(int(p.Approvals), "approval"), unlock, time.Duration(p.LeaseMS)*time.Millisecond)
	}
}

// leased is how many nodes hold a lease, or need none.
func (s *clusterInfo) leased() (n int) {
	for _, of := range s.Nodes {
		if of.Healthy && of.LeaseMS != 0 {
			n++
		}
	}
	return n
}

// unattended says which nodes open again without asking anybody, and what that is worth to a thief.
func (s *clusterInfo) unattended(w io.Writer) {
	by := map[string][]string{}
	for _, n := range s.Nodes {
		by[n.Keeper] = append(by[n.Keeper], n.Name)
	}
	file, tpm := by["file"], by["tpm"]
	if s.Policy.AutoUnlock {
		file, tpm = append(file, by["peers"]...), append(tpm, by["peers-tpm"]...)
	}
	slices.Sort(file)
	slices.Sort(tpm)
	if len(file) > 0 {
		fmt.Fprintf(w, "restarted, %s open by a file on their disks: who has that has every key (keeper tpm or peers-tpm ends it)\n", strings.Join(file, ", "))
	}
	if len(tpm) > 0 {
		fmt.Fprintf(w, "restarted, %s open by their machines' TPMs: the disk alone opens nothing\n", strings.Join(tpm, ", "))
	}
}

func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func remaining(d time.Duration) string {
	switch {
	case d <= 0:
		return "OVER"
	case d < 2*time.Hour:
		return d.Round(time.Minute).String()
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
