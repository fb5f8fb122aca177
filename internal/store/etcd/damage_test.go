// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/genbu-hsm/genbu/internal/store"
)

// filled is the database of a store with some hundred records, written and removed in many steps.
func filled(t testing.TB) []byte {
	t.Helper()
	e, err := Start(context.Background(), Config{Dir: t.TempDir()})
	must(t, err)
	for i := range 300 {
		_, err := e.Txn(context.Background(), store.Txn{Puts: []store.Put{{Path: fmt.Sprint("a/", i%200), Value: bytes.Repeat([]byte{byte(i)}, 50+7*i)}}})
		must(t, err)
		if i%5 == 4 {
			_, err = e.Txn(context.Background(), store.Txn{Deletes: []string{fmt.Sprint("a/", i-2)}})
			must(t, err)
		}
	}
	path := e.database(1)
	must(t, e.Close())
	must(t, examine(path))
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// spoiled is a database of these bytes as examine finds it.
func spoiled(t *testing.T, b []byte) error {
	path := t.TempDir() + "/db"
	must(t, os.WriteFile(path, b, 0o600))
	return examine(path)
}

func TestADatabaseThatWasCutOrOverwrittenIsFoundBeforeEtcdReadsIt(t *testing.T) {
	good := filled(t)
	x := &exam{file: good}
	root, err := x.meta()
	must(t, err)
	x.reached = make([]bool, x.most)
	must(t, x.tree(root, false, 0, nil, nil))
	good = good[:x.most*x.size] // the rest is room
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		if end := r.Uint64N(x.most * x.size); !errors.Is(spoiled(t, good[:end]), ErrDamaged) {
			t.Errorf("cut at %d of %d: not found", end, len(good))
		}
	}
	for n, reached := range x.reached {
		if !reached || binary.LittleEndian.Uint64(good[uint64(n)*x.size:]) != uint64(n) {
			continue // free, or the rest of a long value, which is for the others to find, or for the seals
		}
		b := bytes.Clone(good)
		clear(b[uint64(n)*x.size:][:x.size/2])
		if err := examineBytes(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("half a page of zeros at page %d: %v", n, err)
		}
	}
	// No bit may make the reading itself fail.
	found := 0
	for range 3000 {
		at, bit := r.IntN(len(good)), byte(1)<<r.IntN(8)
		good[at] ^= bit
		err := examineBytes(good)
		good[at] ^= bit
		if err != nil {
			found++
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d of 3000 bits that were turned over break the form", found)
	if found == 0 {
		t.Error("none was found")
	}
}

func FuzzExamine(f *testing.F) {
	good := filled(f)
	f.Add(good)
	f.Add(good[:3*4096])
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := examineBytes(b); err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}

func TestAMemberWithOtherRecordsThanTheOthersDoesNotStart(t *testing.T) {
	c := newCluster(t, 3)
	const value, path = "the value that a disk has altered", "needle/in-the-store"
	_, err := c.engines[0].Txn(soon(t), store.Txn{Puts: []store.Put{{Path: path, Value: []byte(value)}}})
	must(t, err)
	must(t, c.engines[2].CatchUp(soon(t)))
	must(t, c.engines[2].Close())
	db := c.engines[2].database(1)
	good, err := os.ReadFile(db)
	must(t, err)
	for _, needle := range []string{value, path} {
		at := bytes.Index(good, []byte(needle))
		if at < 0 {
			t.Fatal("the record is not in the file")
		}
		bad := bytes.Clone(good)
		bad[at+3] ^= 4
		must(t, examineBytes(bad)) // its form is right
		must(t, os.WriteFile(db, bad, 0o600))
		if e, err := Start(soon(t), c.configs[2]); !errors.Is(err, ErrDamaged) {
			t.Errorf("altered %q: %v", needle, err)
			if err == nil {
				e.Close()
			}
		}
		// The others are not disturbed.
		_, err = c.engines[0].Txn(soon(t), store.Txn{Puts: []store.Put{{Path: "meanwhile", Value: []byte(needle)}}})
		must(t, err)
	}
	t.Run("control: the file as it was", func(t *testing.T) {
		must(t, os.WriteFile(db, good, 0o600))
		c.restart(2)
		got, err := c.engines[2].Get(soon(t), path)
		if must(t, err); string(got.Value) != value {
			t.Errorf("%q", got.Value)
		}
	})
}
