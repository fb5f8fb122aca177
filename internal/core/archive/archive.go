// SPDX-License-Identifier: Apache-2.0

// Package archive is the core's part of a backup (docs/design/backup.md): it seals chunks of records as the host lists them, and
// a head over all of them, and opens both again.
//
//	w := archive.NewWriter(follower, id)      r, err := archive.NewReader(follower, head)
//	sealed, err := w.Chunk(records, last)     records, err := r.Chunk(number, last, sealed)
//	head, err := w.End(...)                   err = r.End()
//
// Each chunk is sealed by a key derived for it alone from the root key, bound to domain, backup, number and whether it is the
// last. So a chunk that was altered, exchanged, moved or left out does not open, and a backup that was cut has no last one.
package archive

import (
	"crypto/sha256"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	chunkLabel = "genbu backup 1"
	headLabel  = "genbu backup head 1"
)

// kind is what a backup is of: it names the keys that are derived for it.
type kind struct{ chunk, head string }

var whole = kind{chunkLabel, headLabel}

// stream is what writing and reading have in common.
type stream struct {
	kind   kind
	key    ssp.Bytes
	domain key.ID
	backup key.ID
	chunks uint64
	ended  bool // the last chunk has passed
	digest hash.Hash
}

func newStream(k kind, sealing ssp.Bytes, domain, backup key.ID) stream {
	return stream{kind: k, key: sealing, domain: domain, backup: backup, digest: sha256.New()}
}

// seal seals the next chunk. Called inside ssp.Do.
func (s *stream) seal(plain []byte, last bool) ([]byte, error) {
	if s.ended {
		return nil, fault.ArgumentsBad.At("seal chunk: the last one was sealed")
	}
	sealed, err := seal.Box(s.key, s.kind.chunk, s.aad(s.chunks, last), plain)
	if err == nil {
		s.passed(sealed, last)
	}
	return sealed, err
}

// open opens the next chunk. Called inside ssp.Do.
func (s *stream) open(number uint64, last bool, sealed []byte) ([]byte, error) {
	if s.ended || number != s.chunks {
		return nil, fault.BackupInvalid.At("open chunk: out of order")
	}
	plain, err := seal.OpenBox(s.key, s.kind.chunk, s.aad(number, last), sealed, fault.BackupInvalid)
	if err != nil {
		return nil, fault.BackupInvalid.At("open chunk: it was altered, moved or taken from another backup")
	}
	s.passed(sealed, last)
	return plain, nil
}

// mark completes a head with what the stream knows, and the core's mark.
func (s *stream) mark(head wire.BackupHead) (b []byte, err error) {
	head.Domain, head.Backup, head.Chunks, head.Digest = s.domain, s.backup, s.chunks, s.sum()
	ssp.Do(func() { head.Mark, err = seal.Box(s.key, s.kind.head, head.Said(), nil) })
	var out wire.Writer
	head.Encode(&out)
	return out.B, err
}

// matches compares what has passed with a head.
func (s *stream) matches(head *wire.BackupHead, records uint64) error {
	switch {
	case !s.ended || s.chunks != head.Chunks:
		return fault.BackupInvalid.At("end of backup: chunks are missing")
	case s.sum() != head.Digest || records != head.Records:
		return fault.BackupInvalid.At("end of backup: it is not what the head says")
	}
	return nil
}

func (s *stream) aad(number uint64, last bool) []byte {
	var w wire.Writer
	w.Raw([]byte(wire.BackupMagic))
	w.U8(wire.BackupFormat)
	w.PutID(s.domain)
	w.PutID(s.backup)
	w.U64(number)
	w.Bool(last)
	return w.B
}

// passed counts a sealed chunk in.
func (s *stream) passed(sealed []byte, last bool) {
	var w wire.Writer
	w.U32(uint32(len(sealed)))
	s.digest.Write(w.B)
	s.digest.Write(sealed)
	s.chunks++
	s.ended = last
}

func (s *stream) sum() (h wire.Hash) {
	s.digest.Sum(h[:0])
	return h
}

// Writer makes a backup.
type Writer struct {
	stream
	f *Follower
}

// NewWriter begins a backup with an id of its own.
func NewWriter(f *Follower, backup key.ID) *Writer {
	return &Writer{newStream(whole, f.root, f.domain, backup), f}
}

// Chunk seals the next records.
func (w *Writer) Chunk(records []wire.Record, last bool) (sealed []byte, err error) {
	var b wire.Writer
	b.U32(uint32(len(records)))
	for _, rec := range records {
		if _, err := w.f.Add(rec); err != nil {
			return nil, err
		}
		b.String(rec.Path)
		b.Bytes(rec.Value)
	}
	ssp.Do(func() { sealed, err = w.seal(b.B, last) })
	return sealed, err
}

// End answers the head, which carries the core's mark.
func (w *Writer) End(head wire.BackupHead) (b []byte, err error) {
	if !w.ended {
		return nil, fault.ArgumentsBad.At("seal head: the last chunk is missing")
	}
	if err := w.f.End(); err != nil {
		return nil, err
	}
	head.Incarnation, head.Records, head.Heads = w.f.birth, w.f.count, w.f.Heads()
	return w.mark(head)
}

// Reader opens a backup.
type Reader struct {
	stream
	f    *Follower
	Head wire.BackupHead
}

// CheckHead opens a head. DomainOther: it is of another domain; BackupInvalid: it is not as a core of this domain made it.
func CheckHead(root ssp.Bytes, domain key.ID, b []byte) (head wire.BackupHead, err error) {
	return checkHead(whole, root, domain, b)
}

func checkHead(k kind, sealing ssp.Bytes, domain key.ID, b []byte) (head wire.BackupHead, err error) {
	r := wire.NewReader(append([]byte{}, b...))
	if head.Decode(&r); r.End() != nil {
		return head, fault.BackupInvalid.At("read head: it is damaged")
	}
	if head.Domain != domain {
		return head, fault.DomainOther.At("read head of a backup")
	}
	ssp.Do(func() { _, err = seal.OpenBox(sealing, k.head, head.Said(), head.Mark, fault.BackupInvalid) })
	if err != nil {
		return head, fault.BackupInvalid.At("check head: it was altered, or made under another key")
	}
	return head, nil
}

// NewReader begins to read the backup of this head.
func NewReader(f *Follower, b []byte) (*Reader, error) {
	head, err := CheckHead(f.root, f.domain, b)
	if err != nil {
		return nil, err
	}
	return &Reader{newStream(whole, f.root, f.domain, head.Backup), f, head}, nil
}

// Chunk opens a chunk and answers its records, as the Follower answers them.
func (r *Reader) Chunk(number uint64, last bool, sealed []byte) ([]wire.Record, error) {
	var plain []byte
	var err error
	ssp.Do(func() { plain, err = r.open(number, last, sealed) }) // sealed records: nothing in them needs erasure
	if err != nil {
		return nil, err
	}
	in := wire.NewReader(plain)
	n := in.Count(8)
	records := make([]wire.Record, 0, n)
	for range n {
		rec := wire.Record{Path: in.String(), Value: in.Bytes()}
		if in.Err() != nil {
			break
		}
		if rec, err = r.f.Add(rec); err != nil {
			return nil, err
		}
		if !r.f.Drops(rec) {
			records = append(records, rec)
		}
	}
	if in.End() != nil {
		return nil, fault.BackupInvalid.At("read chunk")
	}
	return records, nil
}

// End compares what came with the head.
func (r *Reader) End() error {
	if err := r.matches(&r.Head, r.f.count); err != nil {
		return err
	}
	return r.f.End()
}
