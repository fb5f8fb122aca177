// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// writer is the state of the one goroutine that numbers, links, signs and sends.
type writer struct {
	tree    wire.Tree
	prev    [8]byte   // start of the last leaf hash
	seal    *[64]byte // signature over the checkpoint of the tree as it is; nil if there is none
	first   uint64    // index of entries[0]
	entries [][]byte  // numbered, and not taken by the host yet
	waiting []item    // their items
	sync    bool      // one of them is to be durable
}

// write runs until the log is closed.
func (l *Log) write() {
	defer close(l.done)
	for {
		l.mu.Lock()
		for (len(l.queue) == 0 || l.stuck) && !l.force && !l.closing {
			l.wake.Wait()
		}
		if l.closing && (len(l.queue) == 0 || l.stuck) {
			l.mu.Unlock()
			return
		}
		n := min(len(l.queue), max(0, maxBatch-len(l.w.entries)))
		batch := append([]item(nil), l.queue[:n]...)
		l.queue = l.queue[:copy(l.queue, l.queue[n:])]
		l.unsent += n
		l.force = false
		behind := len(l.queue) // they had no room in this batch
		signer := l.signer
		l.mu.Unlock()

		l.w.number(l, batch)
		note := l.w.sign(l, signer)
		err := l.sink.Audit(wire.Audit{Segment: l.segment, First: l.w.first, Entries: l.w.entries, Checkpoint: note, Sync: l.w.sync})
		l.settle(note, behind, err)
	}
}

// number gives each entry its place and encodes it. From here on its bytes are fixed: the host may have them even when
// it answered an error.
func (w *writer) number(l *Log, batch []item) {
	for _, it := range batch {
		w.waiting = append(w.waiting, it)
		w.sync = w.sync || it.durable
		if it.entry == nil {
			continue
		}
		e := it.entry
		e.Index, e.Prev, e.Node, e.Seal = w.tree.Size(), w.prev, l.node, w.seal
		w.seal = nil // one carrier is enough
		var enc wire.Writer
		e.Encode(&enc)
		leaf := wire.LeafHash(enc.B)
		w.tree.Append(leaf)
		copy(w.prev[:], leaf[:])
		w.entries = append(w.entries, enc.B)
	}
}

// sign makes the checkpoint of the tree as it is. Without a signer, or with one that was zeroized, entries go out
// unsigned: they are worth more than none.
func (w *writer) sign(l *Log, s Signer) []byte {
	if s == nil {
		return nil
	}
	cp := wire.Checkpoint{Node: l.node, Segment: l.segment, Size: w.tree.Size(), Root: w.tree.Root()}
	sig, err := s.Sign(cp.Text())
	if err != nil || len(sig) != 64 {
		return nil
	}
	w.seal = (*[64]byte)(append([]byte(nil), sig...))
	return cp.Note(s.Public(), sig)
}

// settle tells the waiters. After an error the entries stay, for the next attempt, but everybody who waits is told now,
// those included whose entries had no room in this batch. Who came during the attempt gets one of his own.
func (l *Log) settle(note []byte, behind int, err error) {
	w := &l.w
	if err != nil {
		err = fault.AuditUnavailable.At("write audit entries")
	}
	l.mu.Lock()
	if err != nil {
		answer(l.queue[:behind], err)
		l.stuck = len(l.queue) == behind
	} else {
		l.stuck = false
		l.unsent = 0
		if note != nil {
			l.head = note
		}
	}
	l.mu.Unlock()
	answer(w.waiting, err)
	if err != nil {
		return
	}
	counted := 0
	for _, it := range w.waiting {
		if it.counted {
			counted++
		}
	}
	l.counts.written(counted)
	w.first += uint64(len(w.entries))
	w.entries, w.waiting, w.sync = nil, nil, false
}

// answer tells each waiter once.
func answer(items []item, err error) {
	for i, it := range items {
		if it.done != nil {
			it.done <- err
			items[i].done = nil
		}
	}
}
