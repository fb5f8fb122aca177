// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/tpmtest"
)

func secret(t *testing.T, b byte) ssp.Bytes {
	t.Helper()
	s, err := ssp.Alloc(SecretLen)
	if err != nil {
		t.Fatal(err)
	}
	s.Use(access.Token{}, func(p []byte) {
		for i := range p {
			p[i] = b ^ byte(i*37)
		}
	})
	t.Cleanup(s.Free)
	return s
}

func sealed(t *testing.T, x Exchange, b byte, pcrs uint32) *Sealed {
	t.Helper()
	s, err := Seal(x, secret(t, b), pcrs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func want(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v; want %v", what, err, code)
	}
}

// opens asks whether s gives the secret made of b.
func opens(t *testing.T, x Exchange, s *Sealed, b byte) error {
	t.Helper()
	got, err := s.Unseal(x)
	if err == nil {
		if !got.Equal(secret(t, b)) {
			t.Error("another secret came back")
		}
		got.Free()
	}
	return err
}

func TestASecretComesBackFromItsOwnTPMOnly(t *testing.T) {
	m, other := tpmtest.Start(t), tpmtest.Start(t)
	s := sealed(t, m.Exchange, 1, 0)
	for range 20 { // and leaves nothing behind in a TPM that has room for three objects
		want(t, "its own TPM", opens(t, m.Exchange, s, 1), fault.OK)
	}
	m.Reboot()
	want(t, "after a reboot", opens(t, m.Exchange, s, 1), fault.OK)
	want(t, "another TPM", opens(t, other.Exchange, s, 1), fault.TPMOther)
	m.Clear()
	want(t, "after it was cleared", opens(t, m.Exchange, s, 1), fault.TPMOther)
}

func TestRegistersDecideWhereTheyWereNamed(t *testing.T) {
	m := tpmtest.Start(t)
	free, bound := sealed(t, m.Exchange, 1, 0), sealed(t, m.Exchange, 2, 1<<7|1<<11)
	want(t, "as it was sealed", opens(t, m.Exchange, bound, 2), fault.OK)
	m.Extend(8)
	want(t, "another register changed", opens(t, m.Exchange, bound, 2), fault.OK)
	m.Extend(11)
	want(t, "one of them changed", opens(t, m.Exchange, bound, 2), fault.TPMChanged)
	want(t, "not bound to any", opens(t, m.Exchange, free, 1), fault.OK)
	m.Reboot()
	want(t, "as it was sealed, again", opens(t, m.Exchange, bound, 2), fault.OK)
	all := sealed(t, m.Exchange, 3, maxPCRs) // more than a TPM gives in one answer
	want(t, "all of them", opens(t, m.Exchange, all, 3), fault.OK)
	bound.PCRs = 0
	want(t, "somebody took the registers out of what rests", opens(t, m.Exchange, bound, 2), fault.TPMChanged)
}

func TestWhatRestsIsRefusedWhenItWasAltered(t *testing.T) {
	m := tpmtest.Start(t)
	s := sealed(t, m.Exchange, 1, 0)
	for _, c := range []struct {
		name  string
		alter func(s *Sealed)
	}{
		{"private part", func(s *Sealed) { s.Private[len(s.Private)-1] ^= 1 }},
		{"private part's length", func(s *Sealed) { s.Private[1] ^= 1 }},
		{"public part", func(s *Sealed) { s.Public[len(s.Public)-1] ^= 1 }},
		{"policy", func(s *Sealed) { s.Public[12] ^= 1 }},
		{"attributes", func(s *Sealed) { s.Public[7] ^= 0x40 }},
		{"kind", func(s *Sealed) { s.Public[1] ^= 1 }},
		{"part of another", func(s *Sealed) { s.Private = sealed(t, m.Exchange, 2, 0).Private }},
	} {
		a, err := Decode(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		c.alter(a)
		if err := opens(t, m.Exchange, a, 1); fault.Of(err) != fault.KeeperRefused && fault.Of(err) != fault.TPMFailed {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	a, _ := Decode(s.Encode())
	a.SRK[5] ^= 1
	want(t, "name of the root", opens(t, m.Exchange, a, 1), fault.TPMOther)
	want(t, "unaltered", opens(t, m.Exchange, s, 1), fault.OK)
}

func TestAnOwnersPasswordWantsTheRootThatTheInstallerLeft(t *testing.T) {
	m := tpmtest.Start(t)
	s := sealed(t, m.Exchange, 1, 0)
	left := &talk{exchange: m.Exchange}
	root, err := left.storageRoot(nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Persist(root.handle)
	left.close()
	m.OwnerPassword("owner")
	want(t, "with the root at its place", opens(t, m.Exchange, s, 1), fault.OK)
	again := sealed(t, m.Exchange, 2, 0)
	if !bytes.Equal(again.SRK, s.SRK) {
		t.Error("it is another root")
	}
	bare := tpmtest.Start(t)
	bare.OwnerPassword("owner")
	_, err = Seal(bare.Exchange, secret(t, 1), 0)
	want(t, "with none there", err, fault.TPMFailed)
}

// between is a host that sits between core and TPM.
type between struct {
	x       Exchange
	heard   []byte
	alter   func(code uint32, command []byte) []byte
	answers func(code uint32, answer []byte) []byte
}

func (b *between) exchange(command []byte) ([]byte, error) {
	code := binary.BigEndian.Uint32(command[6:])
	if b.alter != nil {
		command = b.alter(code, bytes.Clone(command))
	}
	b.heard = append(b.heard, command...)
	answer, err := b.x(command)
	b.heard = append(b.heard, answer...)
	if err == nil && b.answers != nil {
		answer = b.answers(code, answer)
	}
	return answer, err
}

func TestWhoSitsBetweenHearsNoSecretAndChangesNothing(t *testing.T) {
	m, own := tpmtest.Start(t), tpmtest.Start(t)
	b := &between{x: m.Exchange}
	s := sealed(t, b.exchange, 1, 1<<7)
	want(t, "heard", opens(t, b.exchange, s, 1), fault.OK)
	secret(t, 1).Use(access.Token{}, func(p []byte) {
		for _, part := range [][]byte{p, p[:8], p[24:]} {
			if bytes.Contains(b.heard, part) {
				t.Error("the secret passed in clear")
			}
		}
	})
	for _, c := range []struct {
		name string
		code uint32
		at   int // from the end, in the command
	}{
		{"what is sealed", ccCreate, 20}, {"attributes of what is sealed", ccCreate, 50}, {"question for it", ccUnseal, 1}, {"its session", ccUnseal, 40},
	} {
		b := &between{x: m.Exchange, alter: func(code uint32, command []byte) []byte {
			if code == c.code {
				command[len(command)-c.at] ^= 1
			}
			return command
		}}
		if _, err := Seal(b.exchange, secret(t, 1), 0); fault.Of(err) != fault.TPMFailed {
			t.Errorf("%s was altered: %v", c.name, err)
		}
	}
	// A TPM of the host's own, in the place of the machine's.
	fake := &between{x: own.Exchange}
	want(t, "a TPM of the host's own", opens(t, fake.exchange, s, 1), fault.TPMOther)
	if bytes.Contains(fake.heard, []byte{0, 0, 1, 0x76}) {
		t.Error("a session was begun with it")
	}
}

// TestAnAlteredAnswerIsNoticed alters every seventh byte of the answers that matter.
func TestAnAlteredAnswerIsNoticed(t *testing.T) {
	m := tpmtest.Start(t)
	lengths := map[uint32]int{}
	b := &between{x: m.Exchange, answers: func(code uint32, answer []byte) []byte {
		lengths[code] = len(answer)
		return answer
	}}
	sealed(t, b.exchange, 1, 0)
	for _, code := range []uint32{ccStartAuthSession, ccCreate, ccUnseal} {
		if lengths[code] < 20 {
			t.Fatalf("command %#x: %d bytes answered", code, lengths[code])
		}
		for at := 0; at < lengths[code]; at += 7 {
			b.answers = func(c uint32, answer []byte) []byte {
				if c == code {
					answer[at] ^= 4
				}
				return answer
			}
			if _, err := Seal(b.exchange, secret(t, 1), 0); err == nil {
				t.Errorf("command %#x, byte %d of its answer altered: not noticed", code, at)
			}
			if at < header+4 { // its handle was not read: what it stands for was left
				m.Reboot()
			}
		}
	}
	b.answers = nil
	sealed(t, b.exchange, 1, 0)
}

func TestAnAnswerThatWasHeardBeforeIsRefused(t *testing.T) {
	m := tpmtest.Start(t)
	s := sealed(t, m.Exchange, 1, 0)
	var heard []byte
	first := &between{x: m.Exchange, answers: func(code uint32, answer []byte) []byte {
		if code == ccUnseal {
			heard = bytes.Clone(answer)
		}
		return answer
	}}
	want(t, "heard", opens(t, first.exchange, s, 1), fault.OK)
	second := &between{x: m.Exchange, answers: func(code uint32, answer []byte) []byte {
		if code == ccUnseal {
			return heard
		}
		return answer
	}}
	want(t, "said again", opens(t, second.exchange, s, 1), fault.TPMFailed)
}

func TestAHostThatLiesAboutRegistersIsFoundOut(t *testing.T) {
	m := tpmtest.Start(t)
	b := &between{x: m.Exchange, answers: func(code uint32, answer []byte) []byte {
		if code == ccPCRRead {
			answer[len(answer)-1] ^= 1
		}
		return answer
	}}
	_, err := Seal(b.exchange, secret(t, 1), 1<<7)
	want(t, "other values", err, fault.TPMChanged)
	b.answers = func(code uint32, answer []byte) []byte {
		if code == ccPCRRead {
			answer[21] = 0 // registers 0 to 7 of the selection
		}
		return answer
	}
	_, err = Seal(b.exchange, secret(t, 1), 1<<7)
	want(t, "none of them", err, fault.TPMFailed)
}

// TestTheSameSecretUnderAPasswordSessionPassesInClear is the control of the tests above: without a salted session whoever sits
// between reads it.
func TestTheSameSecretUnderAPasswordSessionPassesInClear(t *testing.T) {
	m := tpmtest.Start(t)
	b := &between{x: m.Exchange}
	left := &talk{exchange: b.exchange}
	defer left.close()
	root, err := left.storageRoot(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := command{code: ccCreate, handles: []handle{{root.handle, root.name}}, fill: func(w *writer) {
		var inner writer
		inner.b16(nil)
		secret(t, 1).Use(access.Token{}, func(p []byte) { inner.b16(p) })
		w.b16(inner.b)
		w.b16(objectTemplate(make([]byte, 32)))
		w.b16(nil)
		w.u32(0)
	}}
	if _, err := left.run(c, password, 0, nil); err != nil {
		t.Fatal(err)
	}
	secret(t, 1).Use(access.Token{}, func(p []byte) {
		if !bytes.Contains(b.heard, p) {
			t.Error("the search above finds nothing")
		}
	})
}
