// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("../.."); err != nil {
		fmt.Fprintln(os.Stderr, "gen: error:", err)
		os.Exit(1)
	}
}

// run writes every output below root.
func run(root string) error {
	outputs, err := render(root)
	if err != nil {
		return err
	}
	for path, text := range outputs {
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render makes every output, by its path below root.
func render(root string) (map[string]string, error) {
	def, err := os.ReadFile(filepath.Join(root, "pkcs11/calls.def"))
	if err != nil {
		return nil, err
	}
	calls, err := parse(string(def))
	if err != nil {
		return nil, err
	}
	goCode, err := renderGo(calls)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"internal/wire/calls_gen.go": goCode,
		"docs/spec/calls.md":         renderDoc(calls),
		"pkcs11/faults.gen.h":        renderFaults(),
	}, nil
}
