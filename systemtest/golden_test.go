// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"archive/tar"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// The folders of testdata/golden are nodes as former versions left them, made by testdata/golden/make. None is ever
// changed; a format that later code reads no more would lock somebody out of his keys.

func TestEveryFormerVersionsNodeIsOpenedAndUsed(t *testing.T) {
	for _, version := range golden(t) {
		t.Run(filepath.Base(version), func(t *testing.T) {
			n := former(t, version, "file")
			n.operational()
			message := filepath.Join(version, "message")

			for _, list := range []struct{ file, command string }{
				{"keys.json", "key list"}, {"operators.json", "operator list"}, {"partitions.json", "partition list"}} {
				var then, now any
				decodeFile(t, filepath.Join(version, list.file), &then)
				must(t, json.Unmarshal([]byte(n.run(append(strings.Fields(list.command), "--json")...)), &now))
				holds(t, list.command, then, now)
			}

			for _, k := range []string{"ec-p256", "rsa-2048", "ed25519", "ml-dsa-44"} {
				public := read(t, filepath.Join(version, k+".pub"))
				if now := n.run("key", "show", k, "--public"); now != string(public) {
					t.Errorf("%s: the public key is another:\n%s", k, now)
				}
				n.run("verify", k, message, "--signature", filepath.Join(version, k+".sig"))
				sig := filepath.Join(t.TempDir(), k)
				n.run("sign", k, message, "--out", sig)
				verifies(t, k, public, read(t, message), read(t, sig))
			}
			if plain := n.run("decrypt", "aes", filepath.Join(version, "aes.enc"), "--aad", "golden"); plain != string(read(t, message)) {
				t.Errorf("decrypted: %q", plain)
			}
			if crt := n.run("cert", "export", "ec-p256"); crt != string(read(t, filepath.Join(version, "ec-p256.crt"))) {
				t.Errorf("another certificate:\n%s", crt)
			}

			// What was refused then is refused now.
			for _, no := range []struct{ stdin, command string }{
				{"", "sign destroyed " + message}, {"", "sign suspended " + message},
				{"wrong-pin-2026", "key list --pin-file -"}, {"gone-pin-2026", "key list --operator gone --pin-file -"},
				{"reader-pin-2026", "sign ec-p256 " + message + " --operator reader --pin-file -"},
			} {
				if out, err := n.try(no.stdin, strings.Fields(no.command)...); err == nil {
					t.Errorf("genbu %s: done: %.100q", no.command, out)
				}
			}
			for _, yes := range []struct{ stdin, command string }{
				{"", "key state suspended active"}, {"", "sign suspended " + message}, {"", "sign clerks " + message},
				{"clerk-pin-2026", "sign clerks " + message + " --operator clerk --pin-file -"},
				{"user2-pin-2026", "sign each " + message + " --token second --pin-file -"},
				{"", "key wrap extractable --with aes"}, {"", "key create new"}, {"", "sign new " + message},
			} {
				if _, err := n.try(yes.stdin, strings.Fields(yes.command)...); err != nil {
					t.Errorf("genbu %s: %v", yes.command, err)
				}
			}

			n.run("audit", "verify", "--witness", filepath.Join(version, "head.txt"))
			n.restart()
			n.operational()
			n.run("sign", "new", message)
			n.run("audit", "verify", "--witness", filepath.Join(version, "head.txt"))
		})
	}
}

func TestEveryFormerVersionsSharesUnlock(t *testing.T) {
	for _, version := range golden(t) {
		t.Run(filepath.Base(version), func(t *testing.T) {
			n := former(t, version, "custodians")
			var given struct{ Shares []string }
			decodeFile(t, filepath.Join(version, "shares.json"), &given)
			n.wantState(wire.StateLocked)
			for _, share := range given.Shares[1:] {
				if out, err := n.try(share, "unlock", "--share-file", "-"); err != nil {
					t.Fatalf("%s: %v", out, err)
				}
			}
			n.wantState(wire.StateOperational)
			if _, err := n.try("user2-pin-2026", "verify", "ec-p256", filepath.Join(version, "message"), "--signature",
				filepath.Join(version, "custodians.sig"), "--token", "old", "--pin-file", "-"); err != nil {
				t.Error(err)
			}
		})
	}
}

// golden are the folders of the former versions, by absolute path.
func golden(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/golden/*/version")
	must(t, err)
	if len(list) == 0 {
		t.Fatal("no former version is kept")
	}
	for i := range list {
		list[i], err = filepath.Abs(filepath.Dir(list[i]))
		must(t, err)
	}
	return list
}

// former is a former version's node, served by today's program.
func former(t *testing.T, version, name string) *node {
	t.Helper()
	n := newNode(t)
	f, err := os.Open(filepath.Join(version, name+".tar.gz"))
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		path := filepath.Join(n.dir, strings.TrimPrefix(h.Name, name+"/"))
		if h.Typeflag == tar.TypeDir {
			must(t, os.MkdirAll(path, h.FileInfo().Mode()))
			continue
		}
		to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, h.FileInfo().Mode())
		must(t, err)
		_, err = io.Copy(to, r)
		must(t, errors.Join(err, to.Close()))
	}
	n.serve()
	return n
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func decodeFile(t *testing.T, path string, v any) {
	t.Helper()
	must(t, json.Unmarshal(read(t, path), v))
}

// holds finds all that was said then in what is said now; later versions may say more.
func holds(t *testing.T, where string, then, now any) {
	t.Helper()
	switch then := then.(type) {
	case map[string]any:
		m, ok := now.(map[string]any)
		if !ok {
			t.Errorf("%s: %v", where, now)
			return
		}
		for name := range then {
			holds(t, where+" "+name, then[name], m[name])
		}
	case []any:
		l, ok := now.([]any)
		if !ok || len(l) != len(then) {
			t.Errorf("%s: %d things then, now %v", where, len(then), now)
			return
		}
		for i := range then {
			holds(t, where, then[i], l[i])
		}
	default:
		if !reflect.DeepEqual(then, now) {
			t.Errorf("%s: %v then, %v now", where, then, now)
		}
	}
}

// verifies checks a signature of today outside the module, with the public key of then. ML-DSA is left to the module.
func verifies(t *testing.T, name string, public, message, sig []byte) {
	t.Helper()
	block, _ := pem.Decode(public)
	if block == nil {
		t.Fatalf("%s: no PEM", name)
	}
	p, err := x509.ParsePKIXPublicKey(block.Bytes)
	digest := sha256.Sum256(message)
	ok := false
	switch p := p.(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(p, digest[:], sig)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(p, crypto.SHA256, digest[:], sig) == nil
	case ed25519.PublicKey:
		ok = ed25519.Verify(p, message, sig)
	default:
		ok = slices.Contains([]string{"ml-dsa-44"}, name)
	}
	if !ok {
		t.Errorf("%s: today's signature does not verify: %v", name, err)
	}
}
