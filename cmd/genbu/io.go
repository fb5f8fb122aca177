// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// maxInput bounds what a command reads into memory: one frame of the channel is at most 16 MiB.
const maxInput = 15 << 20

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("input is longer than %d bytes", limit)
	}
	return b, err
}

// input reads a file, or standard input for "-".
func input(path string) ([]byte, error) {
	if path == "-" {
		return readAll(os.Stdin, maxInput)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, maxInput)
}

// output writes a file whole or not at all, or to w when path is empty or "-".
func output(w io.Writer, path string, b []byte, perm os.FileMode) error {
	if path == "" || path == "-" {
		_, err := w.Write(b)
		return err
	}
	return durable.WriteFile(path, b, perm)
}
