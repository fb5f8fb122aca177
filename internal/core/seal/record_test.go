// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"os"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const path = "r/a/o/1"

func TestRecordOpensWhereItBelongs(t *testing.T) {
	k := held(t, 1)
	for _, plain := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte{7}, 100_000)} {
		rec := must(Record(k, domain, path, 9, plain))
		got, version, err := Open(k, domain, path, rec)
		if err != nil || version != 9 || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: version %d, %v", len(plain), version, err)
		}
		if v, err := Version(rec); v != 9 || err != nil {
			t.Errorf("head says %d, %v", v, err)
		}
	}
	if a, b := must(Record(k, domain, path, 1, nil)), must(Record(k, domain, path, 1, nil)); bytes.Equal(a, b) {
		t.Error("two sealings of the same are equal")
	}
}

// TestRecordRefusesEveryAttackOnTheStore is promise 2 of design.md for one record; the control is the test above.
func TestRecordRefusesEveryAttackOnTheStore(t *testing.T) {
	k := held(t, 1)
	rec := must(Record(k, domain, path, 2, []byte("secret")))
	refused := func(what string, rec []byte) {
		t.Helper()
		plain, version, err := Open(k, domain, path, rec)
		wantFault(t, what, err, fault.RecordInvalid)
		if plain != nil || version != 0 {
			t.Errorf("%s: answered %x, %d", what, plain, version)
		}
	}
	for i := range rec {
		for bit := range 8 {
			b := bytes.Clone(rec)
			b[i] ^= 1 << bit
			refused("altered", b)
		}
		refused("truncated", rec[:i])
	}
	refused("made longer", append(bytes.Clone(rec), 0))
	refused("moved here from another path", must(Record(k, domain, "r/a/o/2", 2, []byte("secret"))))
	refused("brought from another domain", must(Record(k, key.ID{9}, path, 2, []byte("secret"))))
	refused("sealed by another key", must(Record(held(t, 2), domain, path, 2, []byte("secret"))))
	refused("a box, not a record", must(Box(k, "genbu other 1", nil, []byte("secret"))))
}

func TestPartitionKeyIsOfOnePartition(t *testing.T) {
	root, k := held(t, 1), held(t, 2)
	wrapped := must(WrapPartition(root, domain, partition, k))
	got := must(UnwrapPartition(root, domain, partition, wrapped))
	if !got.Equal(k) {
		t.Error("another key came back")
	}
	for what, f := range map[string]func() error{
		"other partition": func() error { _, err := UnwrapPartition(root, domain, key.ID{3}, wrapped); return err },
		"other domain":    func() error { _, err := UnwrapPartition(root, key.ID{3}, partition, wrapped); return err },
		"other root":      func() error { _, err := UnwrapPartition(k, domain, partition, wrapped); return err },
		"empty":           func() error { _, err := UnwrapPartition(root, domain, partition, nil); return err },
	} {
		wantFault(t, what, f(), fault.RecordInvalid)
	}
	for i := range wrapped {
		b := bytes.Clone(wrapped)
		b[i] ^= 0x80
		_, err := UnwrapPartition(root, domain, partition, b)
		wantFault(t, "altered", err, fault.RecordInvalid)
	}
}

func TestBoxIsOfOneLabel(t *testing.T) {
	k := held(t, 1)
	box := must(Box(k, "genbu a 1", []byte("aad"), []byte("plain")))
	if got, err := OpenBox(k, "genbu a 1", []byte("aad"), box, fault.TicketInvalid); err != nil || string(got) != "plain" {
		t.Errorf("%q, %v", got, err)
	}
	_, err := OpenBox(k, "genbu b 1", []byte("aad"), box, fault.TicketInvalid)
	wantFault(t, "other label", err, fault.TicketInvalid)
	_, err = OpenBox(k, "genbu a 1", []byte("AAD"), box, fault.TicketInvalid)
	wantFault(t, "other associated data", err, fault.TicketInvalid)
}

// TestOldBytesStillOpen reads what the first release wrote (style.md F16).
func TestOldBytesStillOpen(t *testing.T) {
	root, k := held(t, 1), held(t, 2)
	rec := golden(t, "record.gbr1", must(Record(k, domain, path, 3, []byte("a record of format 1"))))
	if plain, v, err := Open(k, domain, path, rec); err != nil || v != 3 || string(plain) != "a record of format 1" {
		t.Errorf("record: %q %d %v", plain, v, err)
	}
	wrapped := golden(t, "partition.gbk1", must(WrapPartition(root, domain, partition, k)))
	if got, err := UnwrapPartition(root, domain, partition, wrapped); err != nil || !got.Equal(k) {
		t.Errorf("partition key: %v", err)
	}
	file := golden(t, "root-file.gbs1", must(SealRootToFile(root, k, domain)))
	if got, err := OpenRoot(file, k); err != nil || !got.Equal(root) {
		t.Errorf("root by file: %v", err)
	}
	sealed, shares, err := SealRootToCustodians(root, domain, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	sealed = golden(t, "root-custodians.gbs1", sealed)
	texts := bytes.Split(golden(t, "shares.txt", bytes.Join(shares, []byte("\n"))), []byte("\n"))
	g := gathering(t, sealed)
	must(g.Add(texts[2]))
	must(g.Add(texts[0]))
	if got, err := OpenRoot(sealed, must(g.Secret())); err != nil || !got.Equal(root) {
		t.Errorf("root by custodians: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	k := held(f, 2)
	good := must(os.ReadFile("testdata/record.gbr1")) // the same in every fuzzing process
	f.Add(good)
	f.Add(good[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := Open(k, domain, path, b); err == nil && !bytes.Equal(b, good) {
			t.Errorf("opened %x", b)
		}
		UnwrapPartition(k, domain, partition, b)
		OpenRoot(b, k)
		if h, err := ReadRootHead(b); err == nil && !bytes.HasPrefix(b, h.encode()) {
			t.Errorf("a second form of the head %x", b)
		}
	})
}
