// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/key"

// Backups (docs/design/backup.md). The host lists records and keeps files, the core seals, opens and judges. One request serves
// OpBackup, OpVerify and OpRestore; which fields a verb uses is said beside it. OpPartitionBackup and OpPartitionRestore use it as well, with
// the run that an operator began (PARTITION_BACKUP, PARTITION_RESTORE) in Backup: of the partition's records, a chunk may come out empty. A
// restore is passed through twice: all is checked until the first End, and done from then to the second.

// BackupVerb is a step of one of the three.
type BackupVerb uint8

const (
	BackupUnknown BackupVerb = iota
	BackupBegin              // OpBackup: -> Backup, Domain; OpVerify, OpRestore: Bytes (the head; none: the node's own store)
	BackupChunk              // OpBackup: Records, Last -> Bytes; OpVerify, OpRestore: Number, Last, Bytes (or, of the own store, Records) -> (OpRestore) Records
	BackupEnd                // OpBackup: Revision -> Bytes (the head); OpRestore: -> Undone, Records (the last); then the host exchanges its store
	BackupOpen               // OpRestore: the store has been exchanged
	BackupDrop               // any: it is given up
	BackupLook               // OpVerify: Bytes (the head): is it as a core of this domain made it?
)

// BackupRequest is the request of the three ops. Backup names the one that is under way; a new Begin gives up the last.
type BackupRequest struct {
	Verb     BackupVerb
	Backup   key.ID
	Revision int64
	Number   uint64 // of the chunk, from 0
	Last     bool   // no chunk follows
	Records  []Record
	Bytes    []byte
}

// BackupReply is the answer.
type BackupReply struct {
	Backup  key.ID
	Domain  key.ID
	Bytes   []byte
	Records []Record
	Undone  []Undone
}

// What a restore makes undone, as far as it can be told from the state that it replaces.
const (
	UndoneDestruction uint8 = 1 // destroyed after the backup: it is back
	UndoneChange      uint8 = 2 // changed after the backup (a PIN, a disabling, attributes): it is as it was
	UndoneCreation    uint8 = 3 // made after the backup: it is gone
	UndoneDeleted     uint8 = 4 // the same, in a partition with purge protection: it is deleted, and can be recovered until its purge date
	UndoneKept        uint8 = 5 // the same, where that cannot be: it stays
)

// Kinds of records.
const (
	KindOther     uint8 = 0
	KindObject    uint8 = 1
	KindOperator  uint8 = 2
	KindPartition uint8 = 3
	KindAgent     uint8 = 4
)

// Undone is one act that a restore takes back.
type Undone struct {
	What, Kind uint8
	Partition  key.ID
	ID         key.ID
	Name       []byte // label of an object or partition, name of an operator, where the backup or the state has it
}

// BackupMagic begins a backup's head, and its file.
const BackupMagic = "GBB1"

// BackupFormat is the one format there is.
const BackupFormat = 1

// HeadCounter is how far a partition's change log reaches.
type HeadCounter struct {
	Partition key.ID
	Counter   uint64
}

// BackupHead tells what a backup is. It is the core's word, by Mark; before that was checked it is anybody's.
type BackupHead struct {
	Domain      key.ID
	Incarnation key.ID
	Backup      key.ID
	Node        key.ID // by whose core it was made
	Revision    int64  // of the store; all records are as of it
	Time        int64  // nanoseconds since 1970, when it was begun
	Records     uint64
	Chunks      uint64
	Digest      Hash // SHA-256 over all chunks, each with its u32 length before it
	Heads       []HeadCounter
	Version     string // of the core that made it
	Mark        []byte // the core's, over all that stands before
}

func (v *BackupRequest) Encode(w *Writer) {
	w.U8(uint8(v.Verb))
	w.PutID(v.Backup)
	w.U64(uint64(v.Revision))
	w.U64(v.Number)
	w.Bool(v.Last)
	w.records(v.Records)
	w.Bytes(v.Bytes)
}

func (v *BackupRequest) Decode(r *Reader) {
	v.Verb, v.Backup, v.Revision, v.Number, v.Last = BackupVerb(r.U8()), r.ID(), int64(r.U64()), r.U64(), r.Bool()
	v.Records, v.Bytes = r.records(), r.Bytes()
}

func (v *BackupReply) Encode(w *Writer) {
	w.PutID(v.Backup)
	w.PutID(v.Domain)
	w.Bytes(v.Bytes)
	w.records(v.Records)
	w.U32(uint32(len(v.Undone)))
	for i := range v.Undone {
		v.Undone[i].Encode(w)
	}
}

func (v *BackupReply) Decode(r *Reader) {
	v.Backup, v.Domain, v.Bytes, v.Records = r.ID(), r.ID(), r.Bytes(), r.records()
	v.Undone = make([]Undone, r.Count(38))
	for i := range v.Undone {
		v.Undone[i].Decode(r)
	}
}

func (v *Undone) Encode(w *Writer) {
	w.U8(v.What)
	w.U8(v.Kind)
	w.PutID(v.Partition)
	w.PutID(v.ID)
	w.Bytes(v.Name)
}

func (v *Undone) Decode(r *Reader) {
	v.What, v.Kind, v.Partition, v.ID, v.Name = r.U8(), r.U8(), r.ID(), r.ID(), r.Bytes()
}

// Said is the head without its mark: what the mark is over.
func (v *BackupHead) Said() []byte {
	var w Writer
	w.Raw([]byte(BackupMagic))
	w.U8(BackupFormat)
	w.PutID(v.Domain)
	w.PutID(v.Incarnation)
	w.PutID(v.Backup)
	w.PutID(v.Node)
	w.U64(uint64(v.Revision))
	w.U64(uint64(v.Time))
	w.U64(v.Records)
	w.U64(v.Chunks)
	w.Raw(v.Digest[:])
	w.U32(uint32(len(v.Heads)))
	for _, h := range v.Heads {
		w.PutID(h.Partition)
		w.U64(h.Counter)
	}
	w.String(v.Version)
	return w.B
}

func (v *BackupHead) Encode(w *Writer) {
	w.Raw(v.Said())
	w.Bytes(v.Mark)
}

func (v *BackupHead) Decode(r *Reader) {
	if string(r.Raw(len(BackupMagic))) != BackupMagic || r.U8() != BackupFormat {
		r.Fail()
	}
	v.Domain, v.Incarnation, v.Backup, v.Node = r.ID(), r.ID(), r.ID(), r.ID()
	v.Revision, v.Time, v.Records, v.Chunks = int64(r.U64()), int64(r.U64()), r.U64(), r.U64()
	copy(v.Digest[:], r.Raw(len(v.Digest)))
	v.Heads = make([]HeadCounter, r.Count(24))
	for i := range v.Heads {
		v.Heads[i] = HeadCounter{r.ID(), r.U64()}
	}
	v.Version, v.Mark = r.String(), r.Bytes()
}
