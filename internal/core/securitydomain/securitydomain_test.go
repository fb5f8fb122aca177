// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
)

type person struct {
	key  *rsa.PrivateKey
	cert []byte
}

// people are four holders, with keys of every length there may be.
var people = sync.OnceValue(func() (list []person) {
	for i, bits := range []int{2048, 3072, 4096, 2048} {
		k := must(rsa.GenerateKey(rand.Reader, bits))
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "holder"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		list = append(list, person{k, must(x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k))})
	}
	return list
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func certs(list []person) (certs [][]byte) {
	for _, p := range list {
		certs = append(certs, p.cert)
	}
	return certs
}

var data = []Datum{{"genbu-domain", []byte("what opens everything, 49 bytes of it, or any number")}}

// asFile is the file as its holders have it.
func asFile(f *File, quorum int) *holder.File {
	var s []holder.Share
	for _, share := range f.Shares {
		s = append(s, holder.Share{JWE: share.JWE, Thumbprint: holder.PrintText(share.Thumbprint)})
	}
	var d []holder.Datum
	for _, datum := range f.Data {
		d = append(d, holder.Datum{JWE: datum.JWE, Tag: datum.Tag})
	}
	return must(holder.Read(must(holder.New(quorum, s, d).JSON())))
}

// upload is what some of the people make of a file for a transfer key.
func upload(t *testing.T, f *File, quorum int, transfer []byte, say holder.Statement, list ...person) *Upload {
	t.Helper()
	u := &Upload{Quorum: quorum, Data: f.Data}
	for _, p := range list {
		w, err := asFile(f, quorum).Wrap(p.key, transfer, say)
		if err != nil {
			t.Fatal(err)
		}
		u.Shares = append(u.Shares, Share{must(w.Print()), w.JWE})
	}
	return u
}

var transferKey = sync.OnceValues(func() ([]byte, []byte) {
	certificate, private, err := NewTransfer()
	if err != nil {
		panic(err)
	}
	return certificate, private
})

func wantFault(t *testing.T, what string, err error, code fault.Code, words string) {
	t.Helper()
	if fault.Of(err) != code || err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v; want %v with %q", what, err, code, words)
	}
}

func TestAnyQuorumOfHoldersOpensAndFewerDoNot(t *testing.T) {
	p := people()
	transfer, private := transferKey()
	f := must(Seal(data, certs(p), 3))
	for _, who := range [][]person{{p[0], p[1], p[2]}, {p[3], p[0], p[2]}, {p[1], p[2], p[3]}, p} {
		got, say, err := Open(private, upload(t, f, 3, transfer, holder.Statement{Older: true, Backup: [32]byte{9}}, who...))
		if err != nil || len(got) != 1 || got[0].Tag != data[0].Tag || !bytes.Equal(got[0].Plain, data[0].Plain) {
			t.Errorf("%v, %v", got, err)
		}
		if !say.Older || say.Backup != [32]byte{9} {
			t.Errorf("statement %v", say)
		}
	}
	_, _, err := Open(private, upload(t, f, 3, transfer, holder.Statement{}, p[0], p[3]))
	wantFault(t, "two of three", err, fault.SharesMissing, "")
	few := upload(t, f, 2, transfer, holder.Statement{}, p[0], p[3])
	_, _, err = Open(private, few)
	wantFault(t, "two of three who say that two are enough", err, fault.ShareBad, "")
}

// TestFewerSharesThanTheQuorumSayNothing: beside any two shares of three that are wanted, each value of each byte of the secret
// is as possible as any other, since exactly one third share makes it that value.
func TestFewerSharesThanTheQuorumSayNothing(t *testing.T) {
	secret := []byte{0, 1, 77, 255}
	secret = append(secret, make([]byte, masterLen-len(secret))...)
	shares := split(secret, 3, 4)
	for b := range 4 {
		seen := map[byte]int{}
		for v := range uint16(prime) {
			third := bytes.Clone(shares[2])
			binary.LittleEndian.PutUint16(third[2*b:], 3<<9|v)
			if got, ok := join([][]byte{shares[0], shares[1], third}); ok {
				seen[got[b]]++
			}
		}
		for v := range 256 {
			if seen[byte(v)] != 1 {
				t.Fatalf("byte %d: %d third shares make it %d", b, seen[byte(v)], v)
			}
		}
	}
	if got, ok := join(shares[1:]); !ok || !bytes.Equal(got, secret) {
		t.Errorf("three shares: %x", got)
	}
}

// TestSharesAreSpreadEvenly: every value of a share is as likely as the others, 256 among them.
func TestSharesAreSpreadEvenly(t *testing.T) {
	const rounds = 3000
	var count [prime]int
	for range rounds {
		for i, s := 0, split(make([]byte, masterLen), 2, 2)[1]; i < len(s); i += 2 {
			count[binary.LittleEndian.Uint16(s[i:])&0x1ff]++
		}
	}
	mean := float64(rounds*masterLen) / prime // 373; six standard deviations are 116
	for v, n := range count {
		if d := float64(n) - mean; d > 116 || d < -116 {
			t.Errorf("%d came %d times, %.0f expected", v, n, mean)
		}
	}
}

func TestAWrongOrDamagedShareIsNamed(t *testing.T) {
	p := people()
	transfer, private := transferKey()
	f, other := must(Seal(data, certs(p), 2)), must(Seal(data, certs(p), 2))
	name := func(i int) string { return of(f.Shares[i]) }
	all := func() *Upload { return upload(t, f, 2, transfer, holder.Statement{}, p[0], p[1], p[2]) }

	u := all()
	u.Shares[1].JWE = u.Shares[1].JWE[:len(u.Shares[1].JWE)-9] + "AAAAAAAAA"
	_, _, err := Open(private, u)
	wantFault(t, "a damaged share", err, fault.ShareBad, name(1))

	u = all()
	u.Shares[2].JWE = upload(t, other, 2, transfer, holder.Statement{}, p[2]).Shares[0].JWE
	_, _, err = Open(private, u)
	wantFault(t, "a share of another file", err, fault.ShareBad, name(2))

	u = all()
	u.Shares[0].JWE = upload(t, other, 2, transfer, holder.Statement{}, p[0]).Shares[0].JWE
	_, _, err = Open(private, u)
	wantFault(t, "the first share of another file", err, fault.ShareBad, name(0))

	u = all()
	u.Shares[1].JWE = upload(t, f, 2, transfer, holder.Statement{}, p[0]).Shares[0].JWE
	_, _, err = Open(private, u)
	wantFault(t, "a share twice", err, fault.ShareBad, name(1))

	u = all()
	u.Shares[2].JWE = upload(t, f, 2, transfer, holder.Statement{Older: true}, p[2]).Shares[0].JWE
	_, _, err = Open(private, u)
	wantFault(t, "another statement", err, fault.ShareBad, name(2))

	foreign, _, _ := NewTransfer()
	u = all()
	u.Shares[0].JWE = upload(t, f, 2, foreign, holder.Statement{}, p[0]).Shares[0].JWE
	_, _, err = Open(private, u)
	wantFault(t, "wrapped to another transfer key", err, fault.ShareBad, name(0))

	u = upload(t, f, 2, transfer, holder.Statement{}, p[0], p[1])
	u.Data = other.Data
	_, _, err = Open(private, u)
	wantFault(t, "data of another file", err, fault.ShareBad, "one more holder")

	broken := asFile(f, 2)
	jwe := strings.Split(broken.SharedKeys.Shares[0].JWE, ".")
	jwe[3] = "AAAA" + jwe[3][4:]
	broken.SharedKeys.Shares[0].JWE = strings.Join(jwe, ".")
	if _, err := broken.Wrap(p[0].key, transfer, holder.Statement{}); err == nil || !strings.Contains(err.Error(), broken.SharedKeys.Shares[0].Thumbprint[:8]) {
		t.Errorf("a share that is damaged in the file: %v", err)
	}
	if _, err := broken.Wrap(must(rsa.GenerateKey(rand.Reader, 2048)), transfer, holder.Statement{}); err == nil {
		t.Error("a stranger opened a share")
	}
}

// TestAFreshMasterKeyIsTakenAsAzWrapsIt opens the file with all shares at hand, as az does, and wraps a new master key.
func TestAFreshMasterKeyIsTakenAsAzWrapsIt(t *testing.T) {
	transfer, private := transferKey()
	cert := must(x509.ParseCertificate(transfer))
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Errorf("the transfer certificate: %v", err)
	}
	to := cert.PublicKey.(*rsa.PublicKey)
	master := make([]byte, masterLen)
	rand.Read(master)
	u := &Upload{Wrapped: must(wrapJWE(to, master))}
	for _, d := range append(data, Datum{TagStatement, append([]byte{1}, make([]byte, 32)...)}) {
		u.Data = append(u.Data, Sealed{d.Tag, must(sealDatum(master, d))})
	}
	got, say, err := Open(private, u)
	if err != nil || len(got) != 1 || !bytes.Equal(got[0].Plain, data[0].Plain) || !say.Older {
		t.Fatalf("%v %v %v", got, say, err)
	}
	u.Data[0], u.Data[1] = Sealed{u.Data[0].Tag, u.Data[1].JWE}, Sealed{u.Data[1].Tag, u.Data[0].JWE}
	_, _, err = Open(private, u)
	wantFault(t, "data exchanged", err, fault.RecordInvalid, "")
	u.Wrapped = must(wrapJWE(to, master[:31]))
	_, _, err = Open(private, u)
	wantFault(t, "a short master key", err, fault.ShareBad, "")
}

func TestCertificatesThatCannotHoldAShareAreRefused(t *testing.T) {
	p := people()
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	template := &x509.Certificate{SerialNumber: big.NewInt(9), NotAfter: time.Now()}
	weak := must(x509.CreateCertificate(rand.Reader, template, template, &small.PublicKey, small))
	again := must(x509.CreateCertificate(rand.Reader, template, template, &p[0].key.PublicKey, p[0].key))
	for what, c := range map[string]struct {
		certs  [][]byte
		quorum int
		code   fault.Code
	}{
		"a key of 1024 bits":    {[][]byte{p[0].cert, weak}, 2, fault.KeySize},
		"two of the same key":   {[][]byte{p[0].cert, p[1].cert, again}, 2, fault.ArgumentsBad},
		"no certificate":        {[][]byte{p[0].cert, []byte("x")}, 2, fault.PublicKeyInvalid},
		"half a certificate":    {[][]byte{p[0].cert, p[1].cert[:200]}, 2, fault.PublicKeyInvalid},
		"a quorum of one":       {certs(p), 1, fault.ArgumentsBad},
		"a quorum of all and 1": {certs(p), 5, fault.ArgumentsBad},
	} {
		_, err := Seal(data, c.certs, c.quorum)
		wantFault(t, what, err, c.code, "")
	}
}

func TestTheFilesThumbprintsAreThoseOfTheCertificates(t *testing.T) {
	f := must(Seal(data, certs(people()), 2))
	for i, p := range people() {
		if f.Shares[i].Thumbprint != sha256.Sum256(p.cert) {
			t.Errorf("share %d", i)
		}
	}
}

// FuzzUpload: whatever comes as an upload, the core answers with a fault or opens it, and does not fall over.
func FuzzUpload(f *testing.F) {
	p := people()[:2]
	_, private := transferKey()
	file := must(Seal(data, certs(p), 2))
	f.Add(file.Shares[0].JWE, file.Data[0].JWE, p[0].cert)
	f.Add("a.b.c.d.e", "....", []byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, share, datum string, cert []byte) {
		holderKey(cert)
		openDatum(make([]byte, masterLen), Sealed{"genbu-domain", datum})
		u := &Upload{Quorum: 2, Shares: []Share{{JWE: share}, {JWE: datum}}, Data: []Sealed{{"genbu-domain", datum}}}
		if _, _, err := Open(private, u); err == nil {
			t.Error("opened")
		}
	})
}
