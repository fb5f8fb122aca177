// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net"
	"reflect"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

type message interface {
	Encode(*Writer)
	Decode(*Reader)
}

func samples() []message {
	class, typ, id := key.ClassSecret, key.TypeAES, key.ID{1, 2, 3}
	meta := &Meta{Partition: id, Object: id, Class: class, KeyType: typ, Private: true, Label: []byte("a"), ID: []byte{9}}
	return append(callSamples(),
		&Record{"r/x", []byte("v"), 7}, meta,
		&Query{Partition: id, Class: &class, KeyType: &typ, Label: []byte{}, ID: []byte("i"), Object: &id, Handle: 5},
		&Query{Partition: id},
		&Txn{[]Compare{{"a", 1}}, []Put{{"b", []byte("c"), meta}, {"d", []byte("e"), nil}}, []string{"f"}},
		&Audit{id, 4, [][]byte{[]byte("e")}, []byte("cp"), true},
		&Config{true, true, []string{"userns"}, []byte("last"), 1000, "sha256", id, true},
		&Status{State: StateLocked, Memory: "mlock", Sandbox: []string{"x"}, Missing: []string{"y"}, AuditKey: []byte("k"), Version: "1", TPMRoot: []byte("n"), TPMPCRs: 128},
	)
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, want := range samples() {
		var w Writer
		want.Encode(&w)
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface().(message)
		r := NewReader(w.B)
		got.Decode(&r)
		if err := r.End(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T: got %+v, %v; want %+v", want, got, err, want)
		}
		for n := range w.B {
			r := NewReader(w.B[:n])
			reflect.New(reflect.TypeOf(want).Elem()).Interface().(message).Decode(&r)
			if r.End() == nil {
				t.Errorf("%T: accepted the first %d of %d bytes", want, n, len(w.B))
			}
		}
	}
}

// FuzzHostMessages feeds arbitrary bytes to every decoder: none may panic, and what decodes must encode to the same
// bytes, so that a message has one form only.
func FuzzHostMessages(f *testing.F) {
	for i, m := range samples() {
		var w Writer
		m.Encode(&w)
		f.Add(i, w.B)
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		all := samples()
		m := reflect.New(reflect.TypeOf(all[uint(which)%uint(len(all))]).Elem()).Interface().(message)
		r := NewReader(b)
		m.Decode(&r)
		if r.End() != nil {
			return
		}
		var w Writer
		m.Encode(&w)
		if string(w.B) != string(b) {
			t.Errorf("%T has two forms: %x and %x", m, b, w.B)
		}
	})
}

func TestMuxCarriesCallsBothWays(t *testing.T) {
	a, b := net.Pipe()
	echo := func(op uint16, body []byte) ([]byte, error) {
		if op == 99 {
			return nil, fault.Locked.At("echo")
		}
		return body, nil
	}
	ma, mb := NewMux(a, echo), NewMux(b, echo)
	go ma.Serve()
	go mb.Serve()
	var wg sync.WaitGroup
	for _, m := range []*Mux{ma, mb} {
		for i := range 32 {
			wg.Go(func() {
				for range 50 {
					out, err := m.Call(uint16(i%3), []byte{byte(i)})
					if err != nil || len(out) != 1 || out[0] != byte(i) {
						t.Errorf("call: %v %v", out, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	if _, err := ma.Call(99, nil); fault.Of(err) != fault.Locked {
		t.Errorf("the fault code did not cross: %v", err)
	}
	b.Close()
	if _, err := ma.Call(0, nil); fault.Of(err) != fault.Unavailable {
		t.Errorf("a call on a dead stream: %v", err)
	}
}

func TestAStatusOfAnotherVersionIsReadAsFarAsItGoes(t *testing.T) {
	s := Status{State: StateLocked, Memory: "mlock", AuditKey: []byte("k"), Version: "2.0", TPMRoot: []byte("n"), TPMPCRs: 1}
	var w Writer
	s.Encode(&w)
	const tpm = 4 + 1 + 4
	for _, c := range []struct {
		name    string
		b       []byte
		version string
		fails   bool
	}{
		{"ours", w.B, "2.0", false},
		{"of 0.1", w.B[:len(w.B)-tpm-4-len("2.0")], "", false},
		{"without a TPM", w.B[:len(w.B)-tpm], "2.0", false},
		{"of a later one", append(append([]byte{}, w.B...), 1, 2, 3), "2.0", false},
		{"cut", w.B[:20], "", true},
	} {
		var got Status
		r := NewReader(c.b)
		got.DecodeAny(&r)
		if err := r.End(); (err != nil) != c.fails || !c.fails && (got.Version != c.version || got.State != StateLocked || string(got.AuditKey) != "k") {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}
