// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Args[0] == "client" {
		client(os.Args[1])
	}
	os.Exit(m.Run())
}

// pair is a channel: the core's end and the client's.
func pair(t testing.TB) (*Conn, *os.File) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConn(p[0], -1)
	if err != nil {
		t.Fatal(err)
	}
	return c, os.NewFile(uintptr(p[1]), "client")
}

// signing is how long echo computes before it answers.
var signing time.Duration

// echo is a channel's goroutine.
func echo(c *Conn) {
	defer c.Done()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for end := nanotime() + int64(signing); nanotime() < end; {
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

func TestChannelsEchoAndLeaveNoWorkBehind(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		c, peer := pair(t)
		wg.Go(func() { echo(c) })
		wg.Go(func() {
			defer peer.Close()
			for k := range 200 {
				out := bytes.Repeat([]byte{byte(i + k)}, 1+k*7)
				peer.Write(out)
				in := make([]byte, len(out))
				if _, err := io.ReadFull(peer, in); err != nil || !bytes.Equal(in, out) {
					t.Errorf("echo: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if working.Load() != 0 {
		t.Errorf("%d channels at work after the last has ended", working.Load())
	}
}

func TestALargeWriteWaitsForASlowReader(t *testing.T) {
	c, peer := pair(t)
	defer peer.Close()
	big := bytes.Repeat([]byte("abcdefgh"), 1<<18)
	done := make(chan error, 1)
	go func() { _, err := c.Write(big); done <- err }()
	time.Sleep(20 * time.Millisecond) // the socket is full by now
	got := make([]byte, len(big))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, big) {
		t.Errorf("read: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("write: %v", err)
	}
	c.Done()
}

func TestTheEndOfAChannel(t *testing.T) {
	c, peer := pair(t)
	peer.Close()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read after the client has gone: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("write after the client has gone: %v", err)
	}
	c.Done()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read after Close: %v", err)
	}

	c, peer = pair(t)
	defer peer.Close()
	done := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); done <- err }()
	time.Sleep(20 * time.Millisecond)
	c.Close()
	if err := <-done; err != io.EOF {
		t.Errorf("a read that was waiting: %v", err)
	}
}

// apart is a channel whose answers go through a pipe, the client's socket and the pipe's reading end.
func apart(t *testing.T) (c *Conn, peer, answers *os.File) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if c, err = NewConn(p[0], pipe[1]); err != nil {
		t.Fatal(err)
	}
	if !c.AnswerApart() {
		t.Fatal("there is no pipe")
	}
	return c, os.NewFile(uintptr(p[1]), "client"), os.NewFile(uintptr(pipe[0]), "answers")
}

func TestAnswersGoThroughThePipe(t *testing.T) {
	c, peer, answers := apart(t)
	done := make(chan struct{})
	go func() { echo(c); close(done) }()
	for k := range 200 {
		out := bytes.Repeat([]byte{byte(k)}, 1+k*300) // within what echo reads at once, and up to what a pipe holds
		go peer.Write(out)
		in := make([]byte, len(out))
		if _, err := io.ReadFull(answers, in); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("echo: %v", err)
		}
	}
	peer.Close()
	<-done
	if n, err := answers.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the channel's end: %d, %v", n, err)
	}
	if c, _ := pair(t); c.AnswerApart() {
		t.Error("a channel without a pipe answers through one")
	}
}

func TestALargeAnswerThroughThePipeWaitsForItsReader(t *testing.T) {
	c, peer, answers := apart(t)
	defer peer.Close()
	big := bytes.Repeat([]byte("abcdefgh"), 1<<18)
	done := make(chan error, 1)
	go func() { _, err := c.Write(big); done <- err }()
	time.Sleep(20 * time.Millisecond) // the pipe is full by now
	got := make([]byte, len(big))
	if _, err := io.ReadFull(answers, got); err != nil || !bytes.Equal(got, big) {
		t.Errorf("read: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("write: %v", err)
	}
	answers.Close()
	if _, err := c.Write([]byte("x")); !errors.Is(err, unix.EPIPE) { // and SIGPIPE has ended nobody
		t.Errorf("write after the reader has gone: %v", err)
	}
	c.Done()
}

func TestReadAndWriteAllocateNothing(t *testing.T) {
	c, peer := pair(t)
	defer peer.Close()
	defer c.Done()
	buf, out := make([]byte, 64), []byte("request")
	if n := testing.AllocsPerRun(100, func() {
		peer.Write(out)
		if n, err := c.Read(buf); err != nil || n != len(out) {
			t.Fatal(n, err)
		}
		c.Write(out)
		unix.Read(int(peer.Fd()), buf)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAChannelWhoseSpinsMissStopsSpinning(t *testing.T) {
	if lonely {
		t.Skip("one processor: nothing spins")
	}
	s := spin{channel: channels.Add(1)}
	s.request()
	working.Add(-1)
	crowdUntil.Store(0)
	tries := 0
	for range 1000 {
		if _, ok := s.begin(); ok {
			tries++
			s.end(false)
		}
	}
	if tries <= fewMisses || tries > 40 {
		t.Errorf("%d tries in 1000 reads of a slow client", tries)
	}
	for s.pause > 0 {
		s.begin()
	}
	if _, ok := s.begin(); !ok {
		t.Fatal("does not try again")
	}
	if s.end(true); s.misses != 0 || s.pause != 0 {
		t.Error("a hit does not count")
	}
}

func TestOnlyAChannelThatIsAloneSpins(t *testing.T) {
	if lonely {
		t.Skip("one processor: nothing spins")
	}
	a, b := spin{channel: channels.Add(1)}, spin{channel: channels.Add(1)}
	may := func(s *spin) bool { _, ok := s.begin(); return ok }
	a.request()
	crowdUntil.Store(0)
	if may(&a) {
		t.Error("spins while it works itself")
	}
	working.Add(-1)
	if !may(&a) || may(&b) {
		t.Error("the one that had the last request may spin, another not")
	}
	b.request()
	if a.alone() {
		t.Error("goes on spinning when another has a request")
	}
	working.Add(-1)
	if may(&b) || may(&a) {
		t.Error("spins in a crowd")
	}
	crowdUntil.Store(0) // 2 ms later
	b.request()
	working.Add(-1)
	if !may(&b) {
		t.Error("does not notice that it is alone again")
	}
}

// client is another process, as a C client would be: blocking writes and reads on its channels, one thread for each. It
// prints the median and the 99th percentile of the round trip.
func client(channels string) {
	n, _ := strconv.Atoi(channels)
	const warm, rounds = 200, 3000
	times := make([][]time.Duration, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			fd, out, in := 3+i, make([]byte, 100), make([]byte, 100)
			for k := range warm + rounds/n {
				start := time.Now()
				unix.Write(fd, out)
				for got := 0; got < len(in); {
					m, err := unix.Read(fd, in[got:])
					if err != nil || m == 0 {
						os.Exit(1)
					}
					got += m
				}
				if k >= warm {
					times[i] = append(times[i], time.Since(start))
				}
			}
		})
	}
	wg.Wait()
	all := slices.Concat(times...)
	slices.Sort(all)
	fmt.Println(all[len(all)/2].Nanoseconds(), all[len(all)*99/100].Nanoseconds())
	os.Exit(0)
}

// BenchmarkEcho measures the channel for callers of another process, with and without spinning, answering at once and after
// the time of a P-256 signature. Its figures hold for an idle machine.
func BenchmarkEcho(b *testing.B) {
	for _, signing = range []time.Duration{0, 40 * time.Microsecond} {
		b.Run("work="+signing.String(), benchmarkEcho)
	}
	signing = 0
}

func benchmarkEcho(b *testing.B) {
	for _, callers := range []int{1, 2, 16} {
		for _, spins := range []bool{false, true} {
			b.Run(fmt.Sprintf("callers=%d/spin=%v", callers, spins), func(b *testing.B) {
				was := lonely
				lonely = !spins
				defer func() { lonely = was }()
				var p50, p99 float64
				for b.Loop() {
					cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"client", strconv.Itoa(callers)}, Stderr: os.Stderr}
					var wg sync.WaitGroup
					for range callers {
						c, peer := pair(b)
						cmd.ExtraFiles = append(cmd.ExtraFiles, peer)
						wg.Go(func() { echo(c) })
					}
					out, err := cmd.Output()
					for _, f := range cmd.ExtraFiles {
						f.Close()
					}
					wg.Wait()
					var m, h float64
					if _, err2 := fmt.Sscan(string(out), &m, &h); err != nil || err2 != nil {
						b.Fatal(err, err2)
					}
					p50, p99 = p50+m, p99+h
				}
				b.ReportMetric(p50/float64(b.N)/1000, "p50-us")
				b.ReportMetric(p99/float64(b.N)/1000, "p99-us")
			})
		}
	}
}
