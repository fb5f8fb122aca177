// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// talker is a TPM that answers what it is told to, in pieces, and counts who comes.
func talker(t *testing.T, answer []byte) (path string, came chan struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path, came = filepath.Join(dir, "s"), make(chan struct{}, 100)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			came <- struct{}{}
			go func() {
				defer conn.Close()
				command := make([]byte, 10)
				for {
					if _, err := io.ReadFull(conn, command); err != nil {
						return
					}
					for _, b := range answer {
						conn.Write([]byte{b})
						time.Sleep(time.Millisecond)
					}
					if len(answer) == 3 {
						return
					}
				}
			}()
		}
	}()
	return path, came
}

func say(l *tpmLine, command []byte) ([]byte, error) {
	var w wire.Writer
	(&wire.TPMRequest{Command: command}).Encode(&w)
	b, err := l.handle(w.B)
	if err != nil {
		return nil, err
	}
	var reply wire.TPMReply
	r := wire.NewReader(b)
	reply.Decode(&r)
	return reply.Answer, r.End()
}

func TestTheHostCarriesCommandsToTheTPMAndBack(t *testing.T) {
	command := []byte{0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x44}
	good := []byte{0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 7, 8}
	path, came := talker(t, good)
	l := &tpmLine{path: path, log: slog.New(slog.DiscardHandler)}
	for range 2 { // one conversation
		if answer, err := say(l, command); err != nil || !bytes.Equal(answer, good) {
			t.Fatalf("%x, %v", answer, err)
		}
	}
	if len(came) != 1 {
		t.Errorf("it came %d times", len(came))
	}
	if _, err := say(l, nil); err != nil || l.conn != nil {
		t.Errorf("the conversation does not end: %v", err)
	}
	if _, err := say(l, command); err != nil || len(came) != 2 {
		t.Errorf("the next one: %v", err)
	}
	say(l, nil)

	for name, answer := range map[string][]byte{
		"no TPM":    []byte("HTTP/1.1 400 Bad Request\r\n"),
		"too short": {0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0},
		"cut":       {0x80, 1, 0},
	} {
		path, _ := talker(t, answer)
		_, err := say(&tpmLine{path: path, log: slog.New(slog.DiscardHandler)}, command)
		if fault.Of(err) != fault.TPMMissing {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{"/does/not/exist", t.TempDir(), "/etc/hostname"} {
		if _, err := say(&tpmLine{path: path, log: slog.New(slog.DiscardHandler)}, command); fault.Of(err) != fault.TPMMissing {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := l.handle([]byte{1, 2}); fault.Of(err) != fault.Malformed {
		t.Errorf("what is no request: %v", err)
	}
	if _, err := say(l, make([]byte, maxTPM+1)); fault.Of(err) != fault.Malformed {
		t.Errorf("a command beyond every TPM's: %v", err)
	}
}

// TestADeviceIsReadAndWrittenAsItIs uses a device that is everywhere; that it is no TPM shows in what it answers.
func TestADeviceIsReadAndWrittenAsItIs(t *testing.T) {
	conn, err := openTPM("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := conn.(tpmDevice); !ok {
		t.Errorf("it is a %T", conn)
	}
	conn.Close()
	_, err = say(&tpmLine{path: "/dev/zero", log: slog.New(slog.DiscardHandler)}, make([]byte, 10))
	if fault.Of(err) != fault.TPMMissing {
		t.Errorf("/dev/zero: %v", err)
	}
	_, err = say(&tpmLine{path: "/dev/null", log: slog.New(slog.DiscardHandler)}, make([]byte, 10))
	if fault.Of(err) != fault.TPMMissing {
		t.Errorf("/dev/null: %v", err)
	}
}
