// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/key"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	domain    = key.ID{0xd0, 1}
	partition = key.ID{0xa0, 2}
)

// held is 32 equal bytes as a secret.
func held(t testing.TB, b byte) ssp.Bytes {
	t.Helper()
	k, err := ssp.Alloc(32)
	if err != nil {
		t.Fatal(err)
	}
	k.Use(access.Token{}, func(p []byte) { copy(p, bytes.Repeat([]byte{b}, 32)) })
	t.Cleanup(k.Free)
	return k
}

func shown(k ssp.Bytes) (b []byte) {
	k.Use(access.Token{}, func(p []byte) { b = bytes.Clone(p) })
	return b
}

// golden answers the bytes of a file that the first release wrote; with -update it writes it.
func golden(t *testing.T, name string, made []byte) []byte {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func extend(l *Ledger, changes [][]byte, head []byte) error {
	_, err := l.Extend(changes, head)
	return err
}
