// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// watched is a writer that tells when it was first written to.
type watched struct {
	bytes.Buffer
	first chan struct{}
}

func (w *watched) Write(b []byte) (int, error) {
	if w.Len() == 0 {
		close(w.first)
	}
	return w.Buffer.Write(b)
}

func TestProgressShowsWhatTakesLongAndCleansUpBehindItself(t *testing.T) {
	w := &watched{first: make(chan struct{})}
	done := progressTo(w, "making the key", time.Millisecond)
	<-w.first
	done()
	if !strings.HasPrefix(w.String(), "\rmaking the key ... 0 s") || !strings.HasSuffix(w.String(), "\r\x1b[K") {
		t.Errorf("%q", w.String())
	}
}

func TestProgressIsSilentAboutWhatIsQuick(t *testing.T) {
	var w bytes.Buffer
	progressTo(&w, "making the key", time.Hour)()
	if w.Len() > 0 {
		t.Errorf("%q", w.String())
	}
}

func TestLabelsDoNotSteerTheTerminal(t *testing.T) {
	var w bytes.Buffer
	table(&w, "LABEL ID", [][]string{{"a\x1b[2J\tb\nc", "1"}, {"plain", "2"}})
	if strings.Contains(w.String(), "\x1b") || strings.Count(w.String(), "\n") != 3 {
		t.Errorf("%q", w.String())
	}
}

func TestPINsAreDrawnFromLettersThatCannotBeMistaken(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		pin := string(newPIN())
		if len(pin) != 12 || strings.ContainsAny(pin, "01loi:") || seen[pin] {
			t.Fatalf("%q", pin)
		}
		seen[pin] = true
	}
}
