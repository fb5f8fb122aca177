// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"net"
	"reflect"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func sampleToken() (*JoinToken, []byte) {
	return &JoinToken{Kind: JoinNode, ID: key.ID{1, 2, 3, 4, 5, 6, 7, 8}, Domain: key.ID{9}, CA: [32]byte{7}, Doors: []string{"a.example:7443", "[::1]:1"}},
		bytes.Repeat([]byte{0x5a}, 32)
}

func TestAJoinTokenSurvivesPeople(t *testing.T) {
	want, secret := sampleToken()
	text := want.Text(secret)
	for name, as := range map[string][]byte{
		"as written":  text,
		"in capitals": bytes.ToUpper(text),
		"over lines":  append(append(append([]byte("  "), text[:40]...), '\r', '\n', '\t'), text[40:]...),
		"with an end": append(append([]byte{}, text...), '\n'),
	} {
		got, err := ParseJoinToken(as)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(got.Key(), JoinKey(want.ID, secret)) {
			t.Errorf("%s: another key", name)
		}
		got.secret = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for i := range text {
		slip := bytes.Clone(text)
		slip[i] ^= 1
		if _, err := ParseJoinToken(slip); fault.Of(err) != fault.TokenRefused {
			t.Fatalf("a slip at %d: %v", i, err)
		}
		if _, err := ParseJoinToken(text[:i]); fault.Of(err) != fault.TokenRefused {
			t.Fatalf("the first %d letters: %v", i, err)
		}
	}
}

func FuzzJoinToken(f *testing.F) {
	token, secret := sampleToken()
	f.Add(token.Text(secret))
	f.Add([]byte("genbu-join1qqqq"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseJoinToken(text)
		if err != nil {
			return
		}
		again, err := ParseJoinToken(got.Text(got.secret()))
		if err != nil || again.ID != got.ID || !reflect.DeepEqual(again.Doors, got.Doors) {
			t.Errorf("%+v came back as %+v, %v", got, again, err)
		}
	})
}

func TestAMessageIsAuthenticInItsConnectionOnly(t *testing.T) {
	k, x := make([]byte, 32), [32]byte{1}
	message := Authenticate(k, JoinAsks, x, []byte("m"))
	if got, ok := Authentic(k, JoinAsks, x, message); !ok || string(got) != "m" {
		t.Errorf("%q %t", got, ok)
	}
	altered := append([]byte{'n'}, message[1:]...)
	for name, ok := range map[string]bool{
		"another connection": second(Authentic(k, JoinAsks, [32]byte{2}, message)),
		"another purpose":    second(Authentic(k, JoinAnswers, x, message)),
		"another key":        second(Authentic([]byte("k"), JoinAsks, x, message)),
		"another message":    second(Authentic(k, JoinAsks, x, altered)),
		"too short":          second(Authentic(k, JoinAsks, x, message[:10])),
	} {
		if ok {
			t.Errorf("%s passes", name)
		}
	}
}

func second(_ []byte, ok bool) bool { return ok }

func TestADoorAnswersOneRequest(t *testing.T) {
	ask := func(answer func(uint8, []byte) ([]byte, error)) ([]byte, error) {
		a, b := net.Pipe()
		defer a.Close()
		go func() {
			AnswerDoor(b, answer)
			b.Close()
		}()
		return AskDoor(a, AskUnlock, []byte("x"))
	}
	got, err := ask(func(what uint8, body []byte) ([]byte, error) { return append([]byte{what}, body...), nil })
	if err != nil || string(got) != "\x03x" {
		t.Errorf("%q %v", got, err)
	}
	_, err = ask(func(uint8, []byte) ([]byte, error) { return []byte("leaked"), fault.Denied.At("unlock") })
	if fault.Of(err) != fault.Denied || err.Error() != "unlock: not allowed" {
		t.Errorf("%v", err)
	}
	a, b := net.Pipe()
	go a.Write([]byte{0xff, 0xff, 0xff, 0x7f})
	if err := AnswerDoor(b, nil); fault.Of(err) != fault.Malformed {
		t.Errorf("a length beyond all measure: %v", err)
	}
}
