// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"testing"
	"time"
)

func TestADirectoryServesOneNodeAndTheNextOnceItEnds(t *testing.T) {
	dir := t.TempDir()
	first, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := Running(dir); !held || err != nil {
		t.Errorf("running: %v, %v", held, err)
	}
	if _, err := lock(dir); !errors.Is(err, ErrRunning) {
		t.Errorf("a second node: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { first.Close() }) // as the half-born core of a killed host does
	second, err := lock(dir)
	if err != nil {
		t.Fatalf("the next node: %v", err)
	}
	second.Close()
	if held, err := Running(dir); held || err != nil {
		t.Errorf("running after both: %v, %v", held, err)
	}
}
