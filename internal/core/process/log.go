// SPDX-License-Identifier: Apache-2.0

package process

import (
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLine keeps a line within what a pipe takes in one piece (PIPE_BUF), so that lines of threads never mix.
const maxLine = 1024

// logDescriptor is where Log writes: descriptor 2 until muteRuntime gives it another number. It changes once, in Seal.
var logDescriptor = 2

// muteRuntime takes descriptor 2 from the Go runtime. What the runtime prints when it dies are stacks with arguments, and
// registers: a captured host that sends SIGABRT in the middle of a signature would find parts of the key in its log.
// (GOTRACEBACK=none does not hold for fatal signals.)
func muteRuntime() error {
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, intakeDescriptor+1)
	if err != nil {
		return err
	}
	if err := unix.Dup3(1, 2, 0); err != nil { // 1 is /dev/null (docs/design/boundary.md)
		return err
	}
	logDescriptor = fd
	return nil
}

// Log writes one line for the host to log. It needs no working stream to the host. The line holds no secrets; control
// characters in it become spaces.
func Log(line string) {
	b := []byte(line[:min(len(line), maxLine-1)])
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	unix.Write(logDescriptor, append(b, '\n'))
}

// Trace names the functions and lines that led here, for the log of a recovered panic. Unlike the runtime's own trace it
// shows no arguments, which may be parts of a key.
func Trace() string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	var s strings.Builder
	for {
		f, more := frames.Next()
		s.WriteString(f.Function + ":" + strconv.Itoa(f.Line) + " ")
		if !more {
			return strings.TrimSpace(s.String())
		}
	}
}

// LastWords is to be deferred in every goroutine, and in handlers that others' goroutines call: it logs a panic, as far as
// that is safe, and ends the process. Without it a panic ends the process too, but nobody learns why.
func LastWords() {
	r := recover()
	if r == nil {
		return
	}
	what := "an unknown value"
	switch r := r.(type) {
	case error:
		what = r.Error()
	case string:
		what = r
	}
	Log("panic: " + what + " at " + Trace())
	Exit(exitPanic)
}

const exitPanic = 70 // EX_SOFTWARE of sysexits.h

// OnZeroize calls f when the process gets SIGUSR1: the signal that destroys every secret in memory.
func OnZeroize(f func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGUSR1)
	go func() {
		defer LastWords()
		for range c {
			f()
		}
	}()
}
