// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"reflect"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func callSamples() []message {
	id := key.ID{1, 2, 3}
	record := Record{"r/x", []byte("v"), 7}
	meta := &Meta{Partition: id, Object: id, Class: key.ClassPrivate, KeyType: key.TypeEC, Label: []byte("a"), ID: []byte{9}}
	return []message{
		&LoadRequest{"p/1"},
		&ListRequest{"r/", "r/1", 9},
		&ListReply{[]Record{record, {"r/y", []byte{}, 8}}, true},
		&FindRequest{Query{Partition: id, Label: []byte("l")}, id, 5},
		&FindReply{[]key.ID{id, {4}}, true},
		&CommitReply{12},
		&RootRequest{RootPut, "file", []byte("sealed")},
		&RootReply{[]byte("sealed")},
		&LogLine{LogWarn, 77, "record refused"},
		&DescribeRequest{true, []Record{record}},
		&DescribeReply{[]Described{{fault.OK, meta}, {fault.RecordOld, nil}, {}}},
		&ChangedRequest{[]string{"a", "b"}},
	}
}

func TestHostCallsSurviveTheWire(t *testing.T) {
	for _, want := range callSamples() {
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

// FuzzHostCalls is FuzzHostMessages for the bodies of hostcalls.go.
func FuzzHostCalls(f *testing.F) {
	for i, m := range callSamples() {
		var w Writer
		m.Encode(&w)
		f.Add(i, w.B)
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		all := callSamples()
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
