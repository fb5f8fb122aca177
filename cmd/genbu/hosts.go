// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hostsFile is where names of this machine stand. It is written in place: in a container it is often a mount of its own, which
// nothing can be renamed onto.
var hostsFile = "/etc/hosts"

// hostsMark ends the lines that are ours, before the node's directory.
const hostsMark = " # genbu connect azure, node "

// knowHosts sees to it that names resolve to the address: as root by lines in /etc/hosts, else it answers the lines that are missing.
func knowHosts(dir, ip string, names ...string) (missing string, err error) {
	if net.ParseIP(ip).IsUnspecified() {
		ip = "127.0.0.1"
	}
	text, _ := os.ReadFile(hostsFile) // what another node's line says goes with that node
	names = slices.DeleteFunc(names, func(name string) bool { return resolves(name, ip) && !borrowed(text, name, dir) })
	if len(names) == 0 {
		return "", nil
	}
	var lines strings.Builder
	for _, name := range names {
		lines.WriteString(ip + " " + name + hostsMark + dir + "\n")
	}
	err = editHosts(func(text []byte) []byte {
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		return append(text, lines.String()...)
	})
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, os.ErrNotExist) {
		return lines.String(), nil
	}
	return "", err
}

// borrowed tells whether a name stands in the file by other nodes' lines alone.
func borrowed(text []byte, name, dir string) bool {
	others := false
	for line := range strings.Lines(string(text)) {
		entry, mark, marked := strings.Cut(line, hostsMark)
		if !slices.Contains(strings.Fields(entry), name) || strings.HasPrefix(entry, "#") {
			continue
		}
		if !marked || strings.TrimSpace(mark) == dir {
			return false
		}
		others = true
	}
	return others
}

func resolves(name, ip string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	found, err := (&net.Resolver{}).LookupHost(ctx, name)
	return err == nil && slices.Contains(found, ip)
}

// forgetHosts takes the node's lines out again. Who may not write the file leaves them.
func forgetHosts(dir string) error {
	text, err := os.ReadFile(hostsFile)
	if err != nil || !bytes.Contains(text, []byte(hostsMark+dir+"\n")) {
		return nil
	}
	err = editHosts(func(text []byte) []byte {
		var kept []byte
		for line := range bytes.Lines(text) {
			if !bytes.HasSuffix(line, []byte(hostsMark+dir+"\n")) {
				kept = append(kept, line...)
			}
		}
		return kept
	})
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}

// editHosts changes the file under a lock, so that two nodes do not undo each other's change.
func editHosts(edit func(text []byte) []byte) error {
	f, err := os.OpenFile(hostsFile, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	text, err := os.ReadFile(hostsFile)
	if err != nil {
		return err
	}
	changed := edit(slices.Clone(text))
	if _, err := f.WriteAt(changed, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(changed))); err != nil {
		return err
	}
	return f.Sync()
}
