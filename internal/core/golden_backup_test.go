// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
)

var updateBackup = flag.Bool("update", false, "write the golden backup anew")

const goldenBackup = "testdata/backup-1"

// TestABackupOfTheFirstFormatIsStillRestored: file, head, security domain and incarnation as the first release wrote them.
func TestABackupOfTheFirstFormatIsStillRestored(t *testing.T) {
	if *updateBackup {
		writeGolden(t)
	}
	text := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(goldenBackup, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	file, err := holder.Read(text("domain.json"))
	if err != nil {
		t.Fatal(err)
	}
	var people []person
	for _, name := range []string{"a.key", "c.key"} {
		k, err := holder.ParseKey(text(name))
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, person{key: k})
	}
	var digests map[string]string
	if err := json.Unmarshal(text("digests.json"), &digests); err != nil {
		t.Fatal(err)
	}
	p, err := backup.OpenPlace(t.Context(), goldenBackup)
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.List(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	bare := bareNode(t)
	want(t, "upload", bare.bring(file, holder.Statement{}, true, people...), fault.OK)
	if _, err := bare.engine().Restore(t.Context(), p, list[0].Name, nil); err != nil {
		t.Fatal(err)
	}
	content := bare.content()
	for path, digest := range digests {
		if d := content[path]; hex.EncodeToString(d[:]) != digest {
			t.Errorf("%s is another one", path)
		}
	}
	bare.secret(1, "new")
}

func writeGolden(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(goldenBackup); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(goldenBackup, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(goldenBackup, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := newPerson(t, "a"), newPerson(t, "b"), newPerson(t, "c")
	n := filled(t)
	s, k := n.secret(1, "kept")
	rename(t, s, k, "renamed")
	if err := s.Destroy(generateAES(t, s, "destroyed")); err != nil {
		t.Fatal(err)
	}
	file, err := n.download(2, a, b, c).JSON()
	if err != nil {
		t.Fatal(err)
	}
	put("domain.json", file)
	for name, p := range map[string]person{"a.key": a, "c.key": c} {
		der, err := x509.MarshalPKCS8PrivateKey(p.key)
		if err != nil {
			t.Fatal(err)
		}
		put(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	digests := map[string]string{}
	for path, d := range withoutNodes(n.content()) {
		digests[path] = hex.EncodeToString(d[:])
	}
	text, err := json.MarshalIndent(digests, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	put("digests.json", append(text, '\n'))
	p, err := backup.OpenPlace(t.Context(), goldenBackup)
	if err != nil {
		t.Fatal(err)
	}
	make1(t, n.engine(), p)
}
