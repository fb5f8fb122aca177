// SPDX-License-Identifier: Apache-2.0

// Package config is what the configurations of a node and of an agent have in common: a YAML file in a directory, and the socket
// that programs on the machine connect to.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"sigs.k8s.io/yaml"
)

// Read decodes the file name in dir, if there is one, and has finish set defaults and answer all faults together. A key that into
// does not have is a fault.
func Read(dir, name string, into any, finish func(dir string) error) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err = yaml.UnmarshalStrict(text, into); err == nil {
		if dir, err = filepath.Abs(dir); err == nil {
			err = finish(dir)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// From is a path as base sees it.
func From(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

// maxSocketPath is what sun_path holds, less the byte that ends it.
const maxSocketPath = 107

// Socket is a unix socket: its path, and its mode as octal digits.
type Socket struct{ Path, Mode string }

// Check answers what is wrong with either.
func (s Socket) Check() (faults []error) {
	if len(s.Path) > maxSocketPath {
		faults = append(faults, fmt.Errorf("socket: %q is longer than the %d bytes a unix socket's path may have", s.Path, maxSocketPath))
	}
	if _, err := s.mode(); err != nil {
		faults = append(faults, err)
	}
	return faults
}

func (s Socket) mode() (os.FileMode, error) {
	mode, err := strconv.ParseUint(s.Mode, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, fmt.Errorf("socket_mode: %q is not an octal mode such as 0660", s.Mode)
	}
	return os.FileMode(mode), nil
}

// Listen opens the socket. A file that a killed process left is removed: the caller holds a lock that says that nobody serves it.
func (s Socket) Listen() (*net.UnixListener, error) {
	mode, err := s.mode()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(s.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.Path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(s.Path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
