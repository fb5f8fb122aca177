// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// maxInput bounds what a command sends at once: one frame of the channel is at most 16 MiB.
const maxInput = 15 << 20

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("the input is longer than %d bytes", limit)
	}
	return b, err
}

// open opens a file, or standard input for "-".
func open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(path)
}

// input reads a file, or standard input for "-".
func input(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readAll(f, maxInput)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return b, err
}

// writeFile writes a file whole or not at all. What is no regular file (a pipe, /dev/null) is written to, not replaced.
func writeFile(path string, b []byte, mode os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() {
		return durable.WriteFile(path, b, mode)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// readPIN reads a PIN, or a share, from a file or for "-" from standard input.
func readPIN(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pin, err := readAll(f, 4096)
	if pin = bytes.TrimRight(pin, "\r\n"); err == nil && len(pin) == 0 {
		err = next(fmt.Errorf("%s is empty", path), "ls -l "+word(path)) // and would cost a try
	}
	return pin, err
}

// mayAsk is cleared where nobody can be asked: completion.
var mayAsk = true

// ask reads a secret from the terminal without echo: the controlling one, so that standard input may be data. Without a
// terminal the hint says where else it may come from.
func ask(what string, otherwise hint) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil || !mayAsk {
		return nil, hinted{fmt.Errorf("there is no terminal to ask for the %s", what), otherwise}
	}
	defer tty.Close()
	defer echoAgain(tty)()
	fmt.Fprintf(tty, "%s%s: ", strings.ToUpper(what[:1]), what[1:])
	defer fmt.Fprintln(tty)
	typed, err := term.ReadPassword(int(tty.Fd()))
	if err == nil && len(typed) == 0 {
		err = hinted{fmt.Errorf("nothing was typed as the %s", what), otherwise}
	}
	return typed, err
}

// echoAgain sees to it that a terminal on which somebody presses Ctrl-C at the question does not stay without echo.
func echoAgain(tty *os.File) (done func()) {
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return func() {}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, pressed := <-stop; pressed {
			term.Restore(int(tty.Fd()), before)
			fmt.Fprintln(tty)
			os.Exit(130)
		}
	}()
	return func() { signal.Stop(stop); close(stop) }
}

// pinElsewhere is where a PIN may come from but a terminal.
var pinElsewhere = hint{`eval "$(genbu env)"`, "or give --pin-file FILE"}

// askNew asks for a new PIN twice.
func askNew(what string, otherwise hint) ([]byte, error) {
	pin, err := ask(what, otherwise)
	if err != nil {
		return nil, err
	}
	again, err := ask("same again", otherwise)
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(pin, again) {
		return nil, errors.New("the two PINs differ")
	}
	return pin, nil
}
