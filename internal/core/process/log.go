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

// Log writes one line for the host to log. It goes to descriptor 2 and needs no working stream to the host. The line holds
// no secrets; control characters in it become spaces.
func Log(line string) {
	b := []byte(line[:min(len(line), maxLine-1)])
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	unix.Write(2, append(b, '\n'))
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

// OnZeroize calls f when the process gets SIGUSR1: the signal that destroys every secret in memory.
func OnZeroize(f func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGUSR1)
	go func() {
		for range c {
			f()
		}
	}()
}
