// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

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
	return bytes.TrimRight(pin, "\r\n"), err
}

// mayAsk is cleared where nobody can be asked: completion.
var mayAsk = true

// ask reads a secret from the terminal without echo: the controlling one, so that standard input may be data.
func ask(prompt string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil || !mayAsk {
		return nil, hinted{errors.New("a PIN is needed, and there is no terminal to ask for it"), hint{`eval "$(genbu env)"`, "or give --pin-file FILE"}}
	}
	defer tty.Close()
	fmt.Fprint(tty, prompt)
	defer fmt.Fprintln(tty)
	return term.ReadPassword(int(tty.Fd()))
}

// askNew asks for a new PIN twice.
func askNew(prompt string) ([]byte, error) {
	pin, err := ask(prompt)
	if err != nil {
		return nil, err
	}
	again, err := ask("Again: ")
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(pin, again) {
		return nil, errors.New("the two PINs differ")
	}
	return pin, nil
}
