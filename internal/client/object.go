// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// one makes a call that answers one object.
func (s *Session) one(call wire.Call, put func(w *wire.Writer)) (o Summary, err error) {
	err = s.conn.call(call, func(w *wire.Writer) {
		w.U64(s.ID)
		put(w)
	}, func(r *wire.Reader) { o = summary(r) })
	return o, err
}

// Create makes an object of a template.
func (s *Session) Create(t Template) (Summary, error) {
	return s.one(wire.CallCreate, t.put)
}

// Copy copies an object with changes.
func (s *Session) Copy(object uint64, t Template) (Summary, error) {
	return s.one(wire.CallCopy, func(w *wire.Writer) {
		w.U64(object)
		t.put(w)
	})
}

// Summary tells about an object what a client needs before it uses it.
func (s *Session) Summary(object uint64) (Summary, error) {
	return s.one(wire.CallSummary, func(w *wire.Writer) { w.U64(object) })
}

// Destroy ends an object for ever.
func (s *Session) Destroy(object uint64) error {
	return s.conn.call(wire.CallDestroy, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
	}, nil)
}

// Size is about how many bytes an object takes.
func (s *Session) Size(object uint64) (n uint64, err error) {
	err = s.conn.call(wire.CallSize, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
	}, func(r *wire.Reader) { n = r.U64() })
	return n, err
}

// Get reads attributes; each has a status of its own.
func (s *Session) Get(object uint64, types ...key.Attr) (list []Value, err error) {
	err = s.conn.call(wire.CallGet, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
		w.U32(uint32(len(types)))
		for _, t := range types {
			w.U64(uint64(t))
		}
	}, func(r *wire.Reader) { list = values(r) })
	return list, err
}

// Set changes attributes, all or none.
func (s *Session) Set(object uint64, t Template) error {
	return s.conn.call(wire.CallSet, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
		t.put(w)
	}, nil)
}

// Find answers the first objects that match, at most most of them, and whether there are more for FindNext.
func (s *Session) Find(t Template, most int) (list []Summary, more bool, err error) {
	err = s.conn.call(wire.CallFind, func(w *wire.Writer) {
		w.U64(s.ID)
		t.put(w)
		w.U64(uint64(most))
	}, func(r *wire.Reader) { more, list = r.Bool(), summaries(r) })
	return list, more, err
}

// FindNext goes on with the session's last Find.
func (s *Session) FindNext(most int) (list []Summary, more bool, err error) {
	err = s.conn.call(wire.CallFindNext, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(most))
	}, func(r *wire.Reader) { more, list = r.Bool(), summaries(r) })
	return list, more, err
}

// FindEnd gives the last Find up.
func (s *Session) FindEnd() error {
	return s.conn.call(wire.CallFindEnd, func(w *wire.Writer) { w.U64(s.ID) }, nil)
}

// FindAll answers every object that matches.
func (s *Session) FindAll(t Template) ([]Summary, error) {
	all, more, err := s.Find(t, 1000)
	for more && err == nil {
		var list []Summary
		list, more, err = s.FindNext(1000)
		all = append(all, list...)
	}
	return all, err
}

// Generate makes a secret key.
func (s *Session) Generate(m Mechanism, t Template) (Summary, error) {
	return s.one(wire.CallGenerate, func(w *wire.Writer) {
		m.put(w)
		t.put(w)
	})
}

// GeneratePair makes a key pair.
func (s *Session) GeneratePair(m Mechanism, public, private Template) (pub, priv Summary, err error) {
	err = s.conn.call(wire.CallGeneratePair, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		public.put(w)
		private.put(w)
	}, func(r *wire.Reader) {
		list := summaries(r)
		if len(list) != 2 {
			r.Fail()
			return
		}
		pub, priv = list[0], list[1]
	})
	return pub, priv, err
}

// Wrap answers a key under another.
func (s *Session) Wrap(m Mechanism, wrapping, object uint64) (wrapped []byte, err error) {
	err = s.conn.call(wire.CallWrap, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		w.U64(wrapping)
		w.U64(object)
	}, func(r *wire.Reader) { wrapped = keep(r.Bytes()) })
	return wrapped, err
}

// Unwrap makes a key of what Wrap answered.
func (s *Session) Unwrap(m Mechanism, unwrapping uint64, wrapped []byte, t Template) (Summary, error) {
	return s.one(wire.CallUnwrap, func(w *wire.Writer) {
		m.put(w)
		w.U64(unwrapping)
		w.Bytes(wrapped)
		t.put(w)
	})
}

// Derive makes a key of another; further are the handles of the keys that SP800-108 makes beside it.
func (s *Session) Derive(m Mechanism, base uint64, t Template) (o Summary, further []uint64, err error) {
	err = s.conn.call(wire.CallDerive, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		w.U64(base)
		t.put(w)
	}, func(r *wire.Reader) {
		o = summary(r)
		for range r.Count(8) {
			further = append(further, r.U64())
		}
	})
	return o, further, err
}

// Encapsulate makes a shared secret and the ciphertext that carries it.
func (s *Session) Encapsulate(m Mechanism, public uint64, t Template) (ct []byte, o Summary, err error) {
	err = s.conn.call(wire.CallEncapsulate, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		w.U64(public)
		t.put(w)
	}, func(r *wire.Reader) { ct, o = keep(r.Bytes()), summary(r) })
	return ct, o, err
}

// Decapsulate makes the shared secret of a ciphertext.
func (s *Session) Decapsulate(m Mechanism, private uint64, ct []byte, t Template) (Summary, error) {
	return s.one(wire.CallDecapsulate, func(w *wire.Writer) {
		m.put(w)
		w.U64(private)
		w.Bytes(ct)
		t.put(w)
	})
}
