// SPDX-License-Identifier: Apache-2.0

package ssp

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// readBack reads this process's own memory the way another process would, through /proc/self/mem.
func readBack(t *testing.T, p []byte) ([]byte, error) {
	t.Helper()
	f, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := make([]byte, len(p))
	_, err = f.ReadAt(out, int64(uintptr(unsafe.Pointer(&p[0]))))
	return out, err
}

func TestSecretMemoryCannotBeReadThroughProc(t *testing.T) {
	plain := []byte("readable, as the negative control")
	if out, err := readBack(t, plain); err != nil || string(out) != string(plain) {
		t.Fatalf("control: %v", err)
	}
	if Kind() != "memfd_secret" {
		t.Skipf("this kernel has no memfd_secret; the arena is %q", Kind())
	}
	b, err := Alloc(32)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	b.Use(access.Token{}, func(p []byte) {
		p[0] = 1
		if _, err := readBack(t, p); err == nil {
			t.Error("the arena was read through /proc/self/mem")
		}
	})
}

func TestFallbackMemoryIsLockedAndNotDumped(t *testing.T) {
	mem, err := mapLocked(smallestArena)
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM) {
		t.Skipf("this user may not lock memory: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	mem[0] = 1
	flags := vmFlags(t, uintptr(unsafe.Pointer(&mem[0])))
	for _, want := range []string{"lo", "dd", "dc"} { // locked, not dumped, not copied on fork: proc(5)
		if !strings.Contains(" "+flags+" ", " "+want+" ") {
			t.Errorf("mapping lacks %q: %s", want, flags)
		}
	}
}

// vmFlags is the VmFlags line of the mapping that holds addr.
func vmFlags(t *testing.T, addr uintptr) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	in := false
	for line := range strings.Lines(string(b)) {
		head, _, _ := strings.Cut(line, " ")
		if lo, hi, ok := strings.Cut(head, "-"); ok && !strings.HasSuffix(head, ":") {
			in = parseHex(lo) <= addr && addr < parseHex(hi)
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && in {
			return strings.TrimSpace(flags)
		}
	}
	t.Fatal("mapping not found")
	return ""
}

func parseHex(s string) (v uintptr) {
	for _, c := range s {
		v = v<<4 | uintptr(strings.IndexRune("0123456789abcdef", c))
	}
	return v
}

func TestUseInsideDoAsksForACollection(t *testing.T) {
	Collected()
	if Dirty() {
		t.Fatal("dirty after a collection")
	}
	Do(func() {
		if !Dirty() {
			t.Error("not dirty while f runs")
		}
		Collected() // a collection in the middle does not see what f still holds
	})
	if !Dirty() {
		t.Error("not dirty after f")
	}
	Collected()
	func() {
		defer func() { recover() }()
		Do(func() { Collected(); panic("f failed") })
	}()
	if !Dirty() {
		t.Error("a panic hides the use")
	}
}

// The trace of a secret on the heap is looked for in the freed memory itself.
func TestDoErasesTheHeapAtCollection(t *testing.T) {
	if Erasure() == "none" {
		t.Skip("built without GOEXPERIMENT=runtimesecret")
	}
	var at uintptr
	Do(func() {
		p := make([]byte, 4096)
		for i := range p {
			p[i] = 0xA5
		}
		at = uintptr(unsafe.Pointer(&p[0]))
		runtime.KeepAlive(p)
	})
	runtime.GC()
	runtime.GC()
	f, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := make([]byte, 4096)
	if _, err := f.ReadAt(out, int64(at)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "\xA5"); n != 0 {
		t.Errorf("%d bytes of the secret are left", n)
	}
}
