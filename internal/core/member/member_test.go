// SPDX-License-Identifier: Apache-2.0

package member

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

func newID() (id key.ID) { rand.Read(id[:]); return id }

func newKey(t *testing.T) *SigningKey {
	t.Helper()
	k, err := NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCertificatesStandBeforeAnIndependentReader(t *testing.T) {
	ca, leaf, domain, node := newKey(t), newKey(t), newID(), newID()
	now := time.Now()
	root, err := NewCA(ca, domain, now.Unix())
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := anchor.CheckSignatureFrom(anchor); err != nil || !anchor.IsCA || !anchor.MaxPathLenZero || anchor.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("ca: %v, %+v", err, anchor)
	}
	if anchor.NotAfter.Before(now.AddDate(9, 0, 0)) {
		t.Errorf("the ca ends %v", anchor.NotAfter)
	}
	pool := x509.NewCertPool()
	pool.AddCert(anchor)
	identity, err := Issue(ca, domain, KindNode, node, leaf.SPKI(), now.Unix())
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if kind, id, ok := ParseURI(domain, c.URIs[0].String()); !ok || kind != KindNode || id != node || c.IsCA || !reflect.DeepEqual(c.RawSubjectPublicKeyInfo, leaf.SPKI()) {
		t.Errorf("identity: %v %v %t", kind, id, ok)
	}
	if d := c.NotAfter.Sub(now); d < 6*24*time.Hour || d > 8*24*time.Hour {
		t.Errorf("identity ends %v", c.NotAfter)
	}
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now.AddDate(0, 0, 8)}); err == nil {
		t.Error("it is good for more than its seven days")
	}
	ip := netip.MustParseAddr("10.1.2.3").As4()
	transport, until, err := IssueTransport(ca, domain, node, leaf.SPKI(), []string{"a.example"}, [][]byte{ip[:]}, now.Unix())
	if err != nil || until < now.Unix() {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(transport); err != nil || len(c.URIs) != 0 || c.VerifyHostname("10.1.2.3") != nil || c.VerifyHostname("a.example") != nil {
		t.Errorf("transport: %v", err)
	}
}

func TestATransportCertificateNamesHostsOnly(t *testing.T) {
	ca, k := newKey(t), newKey(t)
	for name, ask := range map[string]struct {
		dns  []string
		ips  [][]byte
		spki []byte
	}{
		"no name":             {nil, nil, k.SPKI()},
		"a uri for a name":    {[]string{"genbu://x"}, nil, k.SPKI()},
		"an address of three": {nil, [][]byte{{1, 2, 3}}, k.SPKI()},
		"too many":            {make([]string, 40), nil, k.SPKI()},
		"no key":              {[]string{"a"}, nil, []byte("key")},
		"a key and more":      {[]string{"a"}, nil, append(append([]byte{}, k.SPKI()...), 0)},
	} {
		if _, _, err := IssueTransport(ca, newID(), newID(), ask.spki, ask.dns, ask.ips, 1); err == nil {
			t.Errorf("%s: it was issued", name)
		}
	}
}

func TestURIsHaveOneForm(t *testing.T) {
	domain, id := newID(), newID()
	if kind, got, ok := ParseURI(domain, URI(domain, KindAgent, id)); !ok || kind != KindAgent || got != id {
		t.Errorf("%v %v %t", kind, got, ok)
	}
	for _, bad := range []string{"", URI(newID(), KindAgent, id), URI(domain, KindUnknown, id), URI(domain, KindNode, id) + "/x",
		URI(domain, KindNode, id)[:50], "genbu://" + domain.String() + "/node/" + string(make([]byte, 32))} {
		if _, _, ok := ParseURI(domain, bad); ok {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestWhatIsSealedToANodeOpensThereOnly(t *testing.T) {
	a, err := NewKEMKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewKEMKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealTo(a.Public(), "test 1", []byte("aad"), []byte("root"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(k *KEMKey, info, aad string, sealed []byte) (text []byte, err error) {
		ssp.Do(func() {
			var plain []byte
			plain, err = k.Open(info, []byte(aad), sealed)
			text = plain
		})
		return text, err
	}
	if text, err := open(a, "test 1", "aad", sealed); err != nil || string(text) != "root" {
		t.Errorf("%q %v", text, err)
	}
	altered := append([]byte{}, sealed...)
	altered[len(altered)-1] ^= 1
	for name, f := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return open(b, "test 1", "aad", sealed) },
		"another purpose": func() ([]byte, error) { return open(a, "test 2", "aad", sealed) },
		"another context": func() ([]byte, error) { return open(a, "test 1", "x", sealed) },
		"one bit":         func() ([]byte, error) { return open(a, "test 1", "aad", altered) },
		"too short":       func() ([]byte, error) { return open(a, "test 1", "aad", sealed[:50]) },
	} {
		if text, err := f(); fault.Of(err) != fault.AEADFailed {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
}

func TestKeysSurviveTheirRecords(t *testing.T) {
	k, e := newKey(t), (*KEMKey)(nil)
	var err error
	if e, err = NewKEMKey(); err != nil {
		t.Fatal(err)
	}
	var k2 *SigningKey
	var e2 *KEMKey
	ssp.Do(func() { k2, e2, err = DecodeIdentity(EncodeIdentity(k, e)) })
	if err != nil || !reflect.DeepEqual(k.SPKI(), k2.SPKI()) || !reflect.DeepEqual(e.Public(), e2.Public()) {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := k2.Sign(nil, digest[:], nil)
	if err != nil || !VerifySignature(k.SPKI(), digest[:], signature) || VerifySignature(newKey(t).SPKI(), digest[:], signature) {
		t.Error("the signature of a key that was read back", err)
	}
}

func records() []interface{ Encode() []byte } {
	id := key.ID{1}
	return []interface{ Encode() []byte }{
		&Node{id, "node1", "a:1", "https://a:2", []byte("tls"), []byte("kem"), "file", 5, id, id, []byte("k"), 9},
		&Agent{id, "web-1", []byte("tls"), true, 5, id, id, []byte("k"), 9},
		&Token{id, KindAgent, "web-1", make([]byte, 32), 9, id, []byte("f"), []key.ID{id, {2}}},
		&Settings{2, true, 3000},
	}
}

func decode(which int, b []byte) (interface{ Encode() []byte }, error) {
	switch which {
	case 0:
		return DecodeNode(b)
	case 1:
		return DecodeAgent(b)
	case 2:
		return DecodeToken(b)
	}
	return DecodeSettings(b)
}

func TestRecordsSurvive(t *testing.T) {
	for i, want := range records() {
		b := want.Encode()
		got, err := decode(i, b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T: %+v, %v", want, got, err)
		}
		for n := range b {
			if _, err := decode(i, b[:n]); err == nil {
				t.Errorf("%T: %d of %d bytes pass", want, n, len(b))
			}
		}
	}
}

func FuzzRecords(f *testing.F) {
	for i, r := range records() {
		f.Add(i, r.Encode())
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		v, err := decode(which&3, b)
		if err == nil && string(v.Encode()) != string(b) {
			t.Errorf("%T has two forms", v)
		}
	})
}

// Whoever has a certificate of the CA can sign with it. What tells a statement of the core from one of its host, or of an
// agent, is the certificate's URI, which the core writes and nobody else chooses.
func TestNobodyElsesCertificateMakesAStatement(t *testing.T) {
	ca, err := NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewStatementKey()
	if err != nil {
		t.Fatal(err)
	}
	domain, id, now := key.ID{1}, key.ID{2}, time.Now().Unix()
	uris := func(der []byte, err error) (list []string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range c.URIs {
			list = append(list, u.String())
		}
		return list
	}
	for name, list := range map[string][]string{
		"node":  uris(Issue(ca, domain, KindNode, id, other.SPKI(), now)),
		"agent": uris(Issue(ca, domain, KindAgent, id, other.SPKI(), now)),
		"host": uris(func() ([]byte, error) {
			der, _, err := IssueTransport(ca, domain, id, other.SPKI(), []string{"statements"}, nil, now)
			return der, err
		}()),
	} {
		if slices.Contains(list, StatementURI(domain)) {
			t.Errorf("the certificate of a %s makes statements: %v", name, list)
		}
	}
	if _, _, err := IssueTransport(ca, domain, id, other.SPKI(), []string{StatementURI(domain)}, nil, now); err == nil {
		t.Error("a host gets a certificate with the URI as a name")
	}
	list := uris(IssueStatement(ca, domain, k, now))
	if !slices.Equal(list, []string{StatementURI(domain)}) {
		t.Errorf("the certificate for statements has %v", list)
	}
	if _, _, ok := ParseURI(domain, list[0]); ok {
		t.Error("the certificate for statements passes for a node's or an agent's")
	}
	var kept []byte
	ssp.Do(func() { kept = EncodeStatementKey(k) })
	back, err := DecodeStatementKey(kept)
	if err != nil || string(back.SPKI()) != string(k.SPKI()) {
		t.Fatalf("read again: %v", err)
	}
	for i := range len(kept) - 1 { // whatever is cut or changed is refused, and never signs
		if _, err := DecodeStatementKey(kept[:i]); i%97 == 0 && err == nil {
			t.Errorf("%d bytes of it are a key", i)
		}
	}
}
