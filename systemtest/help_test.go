// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode fails the test unless err carries the code.
func wantCode(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("%s: answered %q (%v), want %q", what, got, err, want)
	}
}

// codeOf is fault.Of for the client's errors.
func codeOf(err error) fault.Code {
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fault.Of(err)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// copyTree copies a directory of plain files.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return nil // the socket
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			out.Close()
			return err
		}
		return out.Close()
	}))
}

// seed is GENBU_SEED or a fresh one, printed so that the run can be replayed.
func seed(t *testing.T) uint64 {
	t.Helper()
	var b [6]byte
	rand.Read(b[:])
	text := hex.EncodeToString(b[:])
	if v := os.Getenv("GENBU_SEED"); v != "" {
		text = v
	}
	n, err := strconv.ParseUint(text, 16, 64)
	must(t, err)
	fmt.Printf("%s: GENBU_SEED=%s\n", t.Name(), text)
	return n
}

func soak() bool { return os.Getenv("GENBU_SOAK") == "1" }
