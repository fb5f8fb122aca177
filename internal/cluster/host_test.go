// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const patience = 60 * time.Second

// domain is the CA that every core of a domain has.
type domain struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newDomain(t *testing.T) *domain {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "domain"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &domain{cert, k}
}

// core stands in for a node's core: it issues certificates and takes descriptors.
type core struct {
	node   key.ID
	domain *domain
	life   time.Duration
	locked bool

	joining bool   // guarded by mu: as a newcomer's core it keeps the host's request
	kept    []byte // guarded by mu

	mu       sync.Mutex
	address  wire.NodeAddress // guarded by mu
	issued   int              // guarded by mu
	arrivals chan arrival
	dialled  chan *os.File
}

type arrival struct {
	f       *os.File
	purpose uint8
}

func (c *core) Call(op uint16, body []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := wire.NewReader(body)
	var w wire.Writer
	switch op {
	case wire.OpStatus:
		(&wire.Status{State: wire.StateOperational, Keeper: "file"}).Encode(&w)
	case wire.OpNodeAddress:
		c.address.Decode(&r)
	case wire.OpNodeCertificate:
		if c.locked {
			return nil, fault.Locked
		}
		if c.joining {
			c.kept = slices.Clone(body)
			return nil, fault.Uninitialized
		}
		var ask wire.CertificateRequest
		ask.Decode(&r)
		public, err := x509.ParsePKIXPublicKey(ask.Public)
		if err != nil {
			return nil, err
		}
		c.issued++
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(c.issued)), Subject: pkix.Name{CommonName: c.node.String()},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(c.life), KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: ask.DNS,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
		for _, ip := range ask.IPs {
			template.IPAddresses = append(template.IPAddresses, net.IP(ip))
		}
		der, err := x509.CreateCertificate(rand.Reader, template, c.domain.cert, public, c.domain.key)
		if err != nil {
			return nil, err
		}
		(&wire.CertificateReply{Certificate: der, CA: c.domain.cert.Raw, NotAfter: uint64(template.NotAfter.Unix())}).Encode(&w)
	}
	return w.B, nil
}

func (c *core) PassArrived(f *os.File, purpose uint8) error {
	c.arrivals <- arrival{dup(f), purpose}
	return nil
}

func (c *core) PassDialled(f *os.File, _ key.ID) error {
	c.dialled <- dup(f)
	return nil
}

func dup(f *os.File) *os.File {
	conn, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	defer conn.Close()
	copied, _ := conn.(*net.TCPConn).File()
	return copied
}

// host is one node's host, without a core process.
type host struct {
	*Cluster
	t    *testing.T
	core *core
	dir  string
	end  context.CancelFunc
	ran  chan error
}

func open(t *testing.T, d *domain, dir string, id byte) *host {
	t.Helper()
	h := &host{t: t, dir: dir, ran: make(chan error, 1),
		core: &core{domain: d, life: time.Hour, arrivals: make(chan arrival, 10), dialled: make(chan *os.File, 10)}}
	h.core.node[15] = id
	if s, err := readState(dir); err == nil {
		h.core.joining = s.Joining
	}
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	h.Cluster, err = Open(ctx, Config{Dir: dir, Node: h.core.node, Listen: "127.0.0.1:0", PeerListen: "127.0.0.1:0",
		Heartbeat: 20 * time.Millisecond, Election: 400 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	h.Attach(h.core)
	h.end = func() {
		cancel()
		h.Close()
	}
	go func() { h.ran <- h.Run(ctx) }()
	t.Cleanup(h.end)
	return h
}

// admit does what the cores do between them: by adds the newcomer, which is then told.
func admit(t *testing.T, by, newcomer *host) {
	t.Helper()
	s := newcomer.current()
	reply := &wire.MemberReply{}
	ask(t, by, wire.OpMember, &wire.MemberRequest{Verb: wire.MemberAdd, Node: newcomer.core.node, Name: "new", Peer: "https://" + s.PeerAdvertise}, reply)
	var request []byte
	eventually(t, "the newcomer's key", func() bool {
		newcomer.core.mu.Lock()
		defer newcomer.core.mu.Unlock()
		request = newcomer.core.kept
		return request != nil
	})
	newcomer.core.mu.Lock()
	newcomer.core.joining = false
	newcomer.core.mu.Unlock()
	transport, err := newcomer.core.Call(wire.OpNodeCertificate, request) // by the core of the one that admits
	must(t, err)
	ask(t, newcomer, wire.OpJoined, &wire.JoinedRequest{Name: "new", Initial: reply.Initial, Transport: transport}, nil)
}

func try(h *host, op uint16, request interface{ Encode(*wire.Writer) }) ([]byte, error) {
	var w wire.Writer
	request.Encode(&w)
	answer, known, err := h.Handle(h.core, op, w.B)
	if !known {
		return nil, errors.New("not an op of a cluster")
	}
	return answer, err
}

func ask(t *testing.T, h *host, op uint16, request interface{ Encode(*wire.Writer) }, reply interface{ Decode(*wire.Reader) }) {
	t.Helper()
	answer, err := try(h, op, request)
	if err != nil {
		t.Fatalf("op %d: %v", op, err)
	}
	if reply != nil {
		r := wire.NewReader(answer)
		reply.Decode(&r)
		must(t, r.End())
	}
}

// newcomer is a node that waits to be admitted.
func newcomer(t *testing.T, d *domain, id byte) *host {
	t.Helper()
	dir := t.TempDir()
	must(t, Prepare(dir))
	return open(t, d, dir, id)
}

func three(t *testing.T) (*domain, []*host) {
	t.Helper()
	d := newDomain(t)
	all := []*host{open(t, d, t.TempDir(), 1)}
	put(t, all[0], "first")
	for id := byte(2); id <= 3; id++ {
		all = append(all, newcomer(t, d, id))
	}
	admit(t, all[0], all[1]) // both are learners at once, so neither waits for the other's five seconds
	admit(t, all[0], all[2])
	voters(t, all[0], 3)
	return d, all
}

func voters(t *testing.T, h *host, want int) {
	t.Helper()
	eventually(t, "the voters", func() bool {
		all, err := h.Store().Members(soon(t))
		return err == nil && len(all) == want && !slices.ContainsFunc(all, func(m store.Member) bool { return m.Learner })
	})
}

func put(t *testing.T, h *host, path string) {
	t.Helper()
	if _, err := h.Store().Txn(soon(t), store.Txn{Compares: []store.Compare{{Path: path}}, Puts: []store.Put{{Path: path, Value: []byte(path)}}}); err != nil {
		t.Fatalf("put %s: %v", path, err)
	}
}

func has(t *testing.T, h *host, path string) {
	t.Helper()
	if r, err := h.Store().Get(soon(t), path); err != nil || string(r.Value) != path {
		t.Errorf("get %s: %q, %v", path, r.Value, err)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("not within %v: %s", patience, what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func always(etcd.Usage) bool { return true }
