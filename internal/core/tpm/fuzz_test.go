// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

// conversations are what swtpm answered once, a line each: a sealing that was bound to registers, and an unsealing.
func conversations(t testing.TB) (list [][]byte) {
	text, err := os.ReadFile("testdata/conversations")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// said answers with one piece after the other of what was said before.
func said(answers []byte) Exchange {
	return func([]byte) ([]byte, error) {
		if len(answers) < header {
			return nil, fault.TPMMissing
		}
		n := max(header, min(len(answers), int(binary.BigEndian.Uint32(answers[2:]))))
		answer := answers[:n]
		answers = answers[n:]
		return answer, nil
	}
}

// FuzzAnswers has the host answer anything: nothing is sealed and nothing unsealed.
func FuzzAnswers(f *testing.F) {
	for i, c := range conversations(f) {
		f.Add(i == 0, c)
	}
	key, err := ssp.Alloc(SecretLen)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sealing bool, answers []byte) {
		if sealing {
			if _, err := Seal(said(answers), key, 1<<7); err == nil {
				t.Error("it is sealed")
			}
			return
		}
		s := &Sealed{PCRs: 1 << 7, Private: []byte{1}, Public: []byte{1}}
		if root, err := (&talk{exchange: said(answers)}).storageRoot(nil); err == nil {
			s.SRK = root.name // so that it goes on behind
		}
		if _, err := s.Unseal(said(answers)); err == nil {
			t.Error("it unseals")
		}
	})
}

// FuzzSealed reads anything as what rests.
func FuzzSealed(f *testing.F) {
	f.Add((&Sealed{SRK: make([]byte, nameLen), PCRs: 1 << 7, Private: []byte{1, 2}, Public: []byte{3}}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Decode(b); err == nil && !bytes.Equal(s.Encode(), b) {
			t.Errorf("it has two forms: %x", b)
		}
	})
}

// TestWhatASoftwareTPMAnsweredOnceIsRead keeps the seeds alive: they reach the sessions, whose salt is another one today.
func TestWhatASoftwareTPMAnsweredOnceIsRead(t *testing.T) {
	root, err := (&talk{exchange: said(conversations(t)[0])}).storageRoot(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssp.Alloc(SecretLen)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	x := said(conversations(t)[0])
	_, err = Seal(func(c []byte) ([]byte, error) { asked++; return x(c) }, key, 1<<7)
	want(t, "a conversation of another time", err, fault.TPMFailed)
	if asked < 4 || len(root.name) != nameLen {
		t.Errorf("it ends after %d commands", asked)
	}
}
