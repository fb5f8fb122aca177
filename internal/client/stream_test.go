// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// streams is a Stream and the core's ends of it.
func streams(t *testing.T) (s *Stream, requests, answers *os.File) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	if s, err = NewStream(p[1], pipe[0]); err != nil {
		t.Fatal(err)
	}
	return s, os.NewFile(uintptr(p[0]), "requests"), os.NewFile(uintptr(pipe[1]), "answers")
}

func TestARequestThatDoesNotFitTheSocketIsSentWhole(t *testing.T) {
	s, requests, answers := streams(t)
	defer s.Close()
	go io.Copy(answers, requests)
	big := bytes.Repeat([]byte("0123456789"), 200_000)
	go func() {
		for range 3 {
			if n, err := s.Write(big); err != nil || n != len(big) {
				t.Errorf("wrote %d: %v", n, err)
			}
		}
	}()
	got := make([]byte, len(big))
	for range 3 {
		if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, big) {
			t.Fatalf("echo: %v", err)
		}
	}
}

func TestAStreamEndsWithTheCoreAndWithClose(t *testing.T) {
	s, requests, answers := streams(t)
	requests.Close()
	answers.Close()
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("wrote to nobody")
	}
	if _, err := s.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read from nobody: %v", err)
	}
	s.Close()

	s, requests, answers = streams(t)
	defer requests.Close()
	defer answers.Close()
	done := make(chan error)
	go func() { _, err := s.Read(make([]byte, 1)); done <- err }()
	s.Close()
	if err := <-done; err == nil {
		t.Error("a read went on after Close")
	}
}

func TestHelloAsksForAnswersThroughThePipe(t *testing.T) {
	s, requests, _ := streams(t)
	go New(s).HelloJoin(make([]byte, 32))
	defer s.Close()
	head := make([]byte, requestHeader+16)
	if _, err := io.ReadFull(requests, head); err != nil || head[requestHeader+8] != helloJoin|helloApart {
		t.Errorf("%x, %v", head, err)
	}
}
