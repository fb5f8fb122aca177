// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// Prove makes a C2SP tlog-proof that an entry is in the log: the entry itself (as "extra"), its place, the hashes up to
// the root, and the segment's newest checkpoint.
func Prove(dir string, id key.ID, index uint64) ([]byte, error) {
	list, err := files(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if f.id == id {
			return f.prove(index)
		}
	}
	return nil, fmt.Errorf("there is no segment %s", id)
}

func (f file) prove(index uint64) ([]byte, error) {
	note, err := f.note()
	if err != nil {
		return nil, err
	}
	cp, _, err := wire.ParseCheckpoint(note)
	if err != nil || index >= cp.Size {
		return nil, fmt.Errorf("no checkpoint covers entry %d", index)
	}
	var entry []byte
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = stored[n]
		}
		return out, nil
	})
	done := errors.New("done")
	err = f.each(func(i uint64, raw []byte) error {
		if i == index {
			entry = raw
		}
		h, err := tlog.StoredHashes(int64(i), raw, reader)
		stored = append(stored, h...)
		if err == nil && i+1 == cp.Size {
			err = done
		}
		return err
	})
	if err != done {
		return nil, fmt.Errorf("segment %s ends before its checkpoint", f.id)
	}
	proof, err := tlog.ProveRecord(int64(cp.Size), int64(index), reader)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(entry), index)
	for _, h := range proof {
		fmt.Fprintln(&out, h)
	}
	fmt.Fprintf(&out, "\n%s", note)
	return out.Bytes(), nil
}

// CheckProof verifies what Prove made, with the node's public key, and answers the entry.
func CheckProof(text []byte, public ed25519.PublicKey) (Listed, error) {
	bad := func(what string) (Listed, error) { return Listed{}, errors.New("the proof's " + what) }
	head, note, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || len(lines) > 3+64 || lines[0] != proofHeader {
		return bad("form is not that of " + proofHeader)
	}
	entry, err1 := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(lines[1], "extra "))
	index, err2 := strconv.ParseUint(strings.TrimPrefix(lines[2], "index "), 10, 63)
	if err1 != nil || err2 != nil || !strings.HasPrefix(lines[1], "extra ") || lines[2] != "index "+strconv.FormatUint(index, 10) {
		return bad("entry or index cannot be read")
	}
	var proof tlog.RecordProof
	for _, l := range lines[3:] {
		h, err := tlog.ParseHash(l)
		if err != nil || h.String() != l {
			return bad("hashes cannot be read")
		}
		proof = append(proof, h)
	}
	cp, err := wire.OpenCheckpoint([]byte(note), public)
	if err != nil {
		return bad("checkpoint is not signed by this key")
	}
	if cp.Size > 1<<62 || index >= cp.Size || tlog.CheckRecord(proof, int64(cp.Size), tlog.Hash(cp.Root), int64(index), tlog.RecordHash(entry)) != nil {
		return bad("hashes do not lead to the checkpoint")
	}
	e, err := decode(entry)
	if err != nil || e.Index != index || e.Node != cp.Node {
		return bad("entry is not one of this log")
	}
	return Listed{cp.Segment, index, e}, nil
}
