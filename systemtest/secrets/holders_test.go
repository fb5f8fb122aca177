// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

func init() { roles["holders"] = holders }

// holders is the role of three people, two of whom bring a node's domain to another node. What they open is told masked; nobody else
// shall have it.
func holders(in *gob.Decoder, out *gob.Encoder) error {
	var from, to string
	if err := errors.Join(in.Decode(&from), in.Decode(&to)); err != nil {
		return err
	}
	var keys []*rsa.PrivateKey
	var certs [][]byte
	for range 3 {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "holder"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			return err
		}
		keys, certs = append(keys, k), append(certs, der)
	}
	shares, data, err := downloadAs(from, certs)
	if err != nil {
		return err
	}
	var opened [][]byte
	var all []secret
	var s []holder.Share
	for i, share := range shares {
		s = append(s, holder.Share{JWE: share.JWE, Thumbprint: holder.PrintText(share.Thumbprint)})
		parts := strings.Split(share.JWE, ".")
		cek, err := rsa.DecryptOAEP(sha256.New(), nil, keys[i], decode64(parts[1]), nil)
		if err != nil {
			return err
		}
		plain, err := openCBC(share.JWE, cek)
		if err != nil {
			return err
		}
		opened = append(opened, plain)
		all = append(all, masked(fmt.Sprintf("domain share %d", i+1), memscan.Bytes, plain))
	}
	master := joinTwo(opened[0], opened[2])
	h := hmac.New(sha512.New, master)
	h.Write(append(append([]byte{0, 0, 0, 1}, data[0].Tag...), 0, 0, 0, 2, 0))
	datum, err := openCBC(data[0].JWE, h.Sum(nil))
	if err != nil {
		return err
	}
	all = append(all, masked("domain master key", memscan.Bytes, master), masked("domain root key", memscan.Bytes, datum[17:49]))

	conn, err := client.Dial(filepath.Join(to, "genbu.sock"))
	if err != nil {
		return err
	}
	transfer, err := conn.DomainTransfer()
	if err != nil {
		return err
	}
	file := holder.New(2, s, []holder.Datum{{JWE: data[0].JWE, Tag: data[0].Tag}})
	u := &client.DomainUpload{Restore: true, Quorum: 2, Data: data}
	for _, k := range []*rsa.PrivateKey{keys[0], keys[2]} {
		w, err := file.Wrap(k, transfer, holder.Statement{})
		if err != nil {
			return err
		}
		print, err := w.Print()
		if err != nil {
			return err
		}
		u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: w.JWE})
	}
	if _, _, err := conn.DomainUpload(u); err != nil {
		return err
	}
	return out.Encode(all)
}

func downloadAs(dir string, certs [][]byte) ([]client.DomainShare, []client.DomainDatum, error) {
	text, err := os.ReadFile(filepath.Join(dir, "access.json"))
	if err != nil {
		return nil, nil, err
	}
	var pins struct {
		Admin string `json:"admin_pin"`
	}
	if err := json.Unmarshal(text, &pins); err != nil {
		return nil, nil, err
	}
	conn, err := client.Dial(filepath.Join(dir, "genbu.sock"))
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	s, err := conn.Open(0, true)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.Login(client.Officer, "", []byte(pins.Admin)); err != nil {
		return nil, nil, err
	}
	return conn.DomainDownload(2, certs)
}

func decode64(text string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(text)
	return b
}

// openCBC is A256CBC-HS512 (RFC 7518 section 5.2.5) of a compact JWE.
func openCBC(jwe string, cek []byte) ([]byte, error) {
	parts := strings.Split(jwe, ".")
	if len(parts) != 5 || len(cek) != 64 {
		return nil, errors.New("no JWE")
	}
	iv, ct := decode64(parts[2]), decode64(parts[3])
	h := hmac.New(sha512.New, cek[:32])
	h.Write(binary.BigEndian.AppendUint64(append(append([]byte(parts[0]), iv...), ct...), 8*uint64(len(parts[0]))))
	if !bytes.Equal(h.Sum(nil)[:32], decode64(parts[4])) {
		return nil, errors.New("the JWE's tag is wrong")
	}
	block, err := aes.NewCipher(cek[32:])
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(ct, ct)
	return ct[:len(ct)-int(ct[len(ct)-1])], nil
}

// joinTwo joins two shares of a quorum of two, over GF(257).
func joinTwo(a, b []byte) (secret []byte) {
	const p = 257
	inverse := func(x int) int {
		for y := 1; ; y++ {
			if (x%p+p)%p*y%p == 1 {
				return y
			}
		}
	}
	for i := 0; i < len(a); i += 2 {
		u, v := int(binary.LittleEndian.Uint16(a[i:])), int(binary.LittleEndian.Uint16(b[i:]))
		x, y := u>>9, v>>9
		s := (u&511)*y%p*inverse(y-x) + (v&511)*x%p*inverse(x-y)
		secret = append(secret, byte(s%p))
	}
	return secret
}

// TestHoldersKeepWhatOpensEverything: shares, master key and root key are in no process but the holders' own and, as far as
// secret memory goes, the cores: not while a domain waits for its backup, and not after the restore.
func TestHoldersKeepWhatOpensEverything(t *testing.T) {
	n, bare := newNode(t), newNode(t)
	n.up()
	place := t.TempDir()
	n.command("backup", "create", "--place", place)
	bare.serve()
	r := start(t, "holders")
	r.tell(n.dir)
	r.tell(bare.dir)
	var opened []secret
	r.hear(&opened)
	r.end()
	time.Sleep(settled)
	s := newSearch(t, opened)
	s.nothing("all processes, while the domain waits", look{})
	askHost(t, bare.dir, "/restore", map[string]string{"place": place})
	bare.await(wire.StateOperational, 0)
	time.Sleep(settled)
	s.nothing("all processes, restored", look{})
	s.nothing("directories", look{Paths: []string{n.dir, bare.dir, place}})
	theScannerFindsThem(t, s)
}

// askHost asks a node's host over the door of its owner.
func askHost(t *testing.T, dir, path string, request map[string]string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "run/control.sock"))
	}}}
	body, err := json.Marshal(request)
	must(t, err)
	answer, err := c.Post("http://host"+path, "application/json", bytes.NewReader(body))
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	if !bytes.Contains(text, []byte(`"result"`)) {
		t.Fatalf("%s: %s", path, text)
	}
}
