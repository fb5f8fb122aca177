// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/etcdhttp"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
)

// Peer is how a member listens to the others and reaches them.
type Peer struct {
	Listen    string // host:port
	Advertise string // the URL under which the others find it; https and a name or address that its certificate has
	TLS       Files

	// Tick is the time between heartbeats and Election after how long without one a follower stands for election. 0:
	// the constants of the same name. All members must agree.
	Tick, Election time.Duration

	// Handler answers requests below /genbu/ that other members' hosts send here; nil for none.
	Handler http.Handler
}

func (p *Peer) tick() time.Duration {
	if p.Tick != 0 {
		return p.Tick
	}
	return Tick
}

func (p *Peer) election() time.Duration {
	if p.Election != 0 {
		return p.Election
	}
	return Election
}

// peers is the listener for other members. It is ours and not etcd's, which would let in whoever has a certificate of the
// CA: agents have one, and removed members until theirs runs out.
type peers struct {
	http *http.Server
	own  http.Handler
	log  *slog.Logger
	run  atomic.Pointer[peerRun] // nil until etcd runs
}

type peerRun struct {
	server *etcdserver.EtcdServer
	etcd   http.Handler // raft, and what members ask each other
}

const (
	peerHeaderTimeout = 10 * time.Second
	peerReadTimeout   = 5 * time.Minute // as etcd has it: a snapshot of gigabytes is one request
)

// listen begins to answer the other members: that etcd does not run yet, until attach says that it does. Who got no answer would
// wait for one: two newcomers for each other, which each of them asks for its version before it starts.
func (p *Peer) listen(log *slog.Logger) (*peers, error) {
	l, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	s := &peers{own: p.Handler, log: log}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: peerHeaderTimeout, ReadTimeout: peerReadTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go s.http.Serve(tls.NewListener(l, p.TLS.server()))
	return s, nil
}

// attach gives the member that runs, before it is ready, which it is only once the others reach it.
func (s *peers) attach(server *etcdserver.EtcdServer) {
	s.run.Store(&peerRun{server, etcdhttp.NewPeerHandler(server.Logger(), server)})
}

func (s *peers) close() { s.http.Close() }

// ServeHTTP lets members in, each as itself only.
func (s *peers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	run := s.run.Load()
	if run == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	from, err := types.IDFromString(r.Header.Get("X-Server-From"))
	named := r.Header.Get("X-Server-From") != ""
	if named && err == nil && run.server.IsIDRemoved(uint64(from)) {
		// A member that was down while it was removed learns of it here, and stops.
		w.Header().Set("X-Server-Version", version.Version) // without it rafthttp does not look at the code
		http.Error(w, "removed member", http.StatusGone)
		return
	}
	m := run.member(r.TLS)
	if m == nil || named && (err != nil || m.ID != from) {
		s.log.Warn("a peer is refused: it is no member, or not the one it says", "address", r.RemoteAddr, "certificate", commonName(r.TLS))
		http.Error(w, "not a member of this cluster", http.StatusForbidden)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/genbu/") && s.own != nil {
		s.own.ServeHTTP(w, r)
		return
	}
	run.etcd.ServeHTTP(w, r)
}

// member is who the certificate belongs to: the member of its name. Nil for nobody.
func (s *peerRun) member(state *tls.ConnectionState) *membership.Member {
	name := commonName(state)
	for _, m := range s.server.Cluster().Members() {
		if name != "" && m.Name == name {
			return m
		}
	}
	return nil
}

func commonName(state *tls.ConnectionState) string {
	if state == nil || len(state.PeerCertificates) == 0 {
		return ""
	}
	return state.PeerCertificates[0].Subject.CommonName
}

// initialCluster asks the members that are there who belongs to the cluster, in the form etcd wants: it starts a newcomer
// only with exactly the members that the others know.
func (e *Engine) initialCluster(ctx context.Context, advertise string) (string, error) {
	var members []membership.Member
	var err error
	client := e.config.Peer.TLS.Client()
	defer client.CloseIdleConnections()
	for _, u := range e.config.Join {
		if err = getJSON(ctx, client, u+"/members", &members); err == nil {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("ask for the members: %w", err)
	}
	var parts []string
	added := false
	for _, m := range members {
		if len(m.PeerURLs) != 1 {
			return "", fmt.Errorf("member %s has %d peer urls", m.ID, len(m.PeerURLs))
		}
		if m.Name == e.config.Name && len(m.ClientURLs) > 0 {
			return "", ErrStarted
		}
		added = added || m.Name == e.config.Name && m.PeerURLs[0] == advertise
		parts = append(parts, m.Name+"="+m.PeerURLs[0])
	}
	if !added {
		return "", fmt.Errorf("the cluster has no member at %s", advertise)
	}
	return strings.Join(parts, ","), nil
}

func closeBody(r *http.Response) {
	io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10)) // so that the connection can be used again
	r.Body.Close()
}
