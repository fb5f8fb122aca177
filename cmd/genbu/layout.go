// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/server"
)

// layout is a directory that holds several nodes of this machine, made by genbu up --nodes: each in a directory of its own,
// under the name that its cluster knows it by. Commands about such a directory go to one of its nodes.
type layout struct {
	dir   string
	Nodes []string `json:"nodes"`
}

const layoutFile = "nodes.json"

// readLayout reads the list of nodes in dir; nil when dir is one node's own, or nothing yet.
func readLayout(dir string) (*layout, error) {
	path := filepath.Join(dir, layoutFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	l := &layout{dir: dir}
	if err == nil {
		err = json.Unmarshal(text, l)
	}
	if err == nil && (len(l.Nodes) == 0 || slices.ContainsFunc(l.Nodes, func(name string) bool { return name == "" || name != filepath.Base(name) })) {
		err = errors.New("it names no nodes")
	}
	if err != nil {
		return nil, next(fmt.Errorf("%s: %w", path, err), "less "+word(path))
	}
	return l, nil
}

func (l *layout) write() error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(l.dir, layoutFile), append(text, '\n'), 0o644)
}

func (l *layout) node(name string) string { return filepath.Join(l.dir, name) }

// pick is the node that commands go to: the first that runs, else the first.
func (l *layout) pick() string {
	for _, name := range l.Nodes {
		if running, err := server.Running(l.node(name)); err == nil && running {
			return l.node(name)
		}
	}
	return l.node(l.Nodes[0])
}

// all are the nodes, and those that an interrupted genbu up left unfinished.
func (l *layout) all() []string {
	list := slices.Clone(l.Nodes)
	entries, _ := os.ReadDir(l.dir)
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(list, e.Name()) && server.Exists(l.node(e.Name())) {
			list = append(list, e.Name())
		}
	}
	return list
}

// layoutOf finds the layout that dir is, or is a node of; nil for a node by itself.
func layoutOf(dir string) *layout {
	if l, err := readLayout(dir); err == nil && l != nil {
		return l
	}
	if l, err := readLayout(filepath.Dir(dir)); err == nil && l != nil && slices.Contains(l.Nodes, filepath.Base(dir)) {
		return l
	}
	return nil
}
