// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// change is what happens to the members while a fault lasts.
type change int

const (
	stay change = iota
	joins
	leaves
	takesPlace
)

var changes = []change{joins, leaves, takesPlace}

func (c change) String() string {
	return []string{"nobody comes or goes", "one more joins", "one leaves", "another takes its place"}[c]
}

// prepare is what must be there before the fault: one that can leave.
func (f *field) prepare(c change) {
	if c == leaves && f.spare == nil {
		f.join()
	}
}

// carryOut types what an operator would, again and again while the fault refuses it, and returns when it is done. The place is
// that of the machine which is hit.
func (f *field) carryOut(c change, place int) {
	switch {
	case c == joins && f.spare == nil:
		f.join()
	case c == joins || c == leaves:
		f.leave()
	case c == takesPlace:
		f.replace(place)
	}
}

// admit lets a machine in.
func (f *field) admit(m *machine, except *machine) {
	var last error
	token := f.token(m, except)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if _, last = m.try("join", token, "--keeper", "file"); last == nil {
			f.entrust(m)
			return
		}
		if strings.Contains(last.Error(), refusedToken) { // by a clock that is set to another hour: an operator makes another
			f.rename(m)
			token = f.token(m, except)
		}
	}
	f.t.Errorf("%s did not get in: %v", m.node, last)
}

const refusedToken = "genbu token create NAME" // the hint

// token makes a join token for a machine. One whose making nobody could confirm is forgotten: names are used once.
func (f *field) token(m *machine, except *machine) string {
	var made struct {
		JoinToken string `json:"join_token"`
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, at := range f.all() {
			if at == except {
				continue
			}
			if out, err := at.attempt(20*time.Second, "token", "create", m.node, "--json"); err == nil && json.Unmarshal([]byte(out), &made) == nil {
				return made.JoinToken
			}
			f.rename(m)
		}
	}
	f.t.Errorf("no join token within %v", patience)
	return ""
}

func (f *field) rename(m *machine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	m.node = fmt.Sprint("node", f.made)
}

func (f *field) join() {
	m := f.newcomer(-1)
	f.admit(m, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = m
}

// leave removes the spare machine.
func (f *field) leave() {
	f.mu.Lock()
	m := f.spare
	f.spare = nil
	f.mu.Unlock()
	f.expel(m)
	m.leave()
}

// expel removes a node, which may have happened although nobody said so. What was left half done is finished by the node's id.
func (f *field) expel(m *machine) {
	id := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		for _, at := range f.all() {
			if at == m {
				continue
			}
			s, err := at.look()
			if err != nil {
				continue
			}
			name := s.find(m.node)
			switch {
			case id == "" && name == "":
				continue
			case id == "":
				id = name
			case s.Writable && name == "" && s.find(id) == "":
				return
			}
			ask := m.node
			if name == "" {
				ask = id
			}
			if _, err := at.attempt(40*time.Second, "cluster", "remove", ask); err == nil {
				return
			}
		}
	}
	f.t.Errorf("%s is not removed within %v", m.node, patience)
}

// replace puts a new machine into a place: as docs/guide.md says, the dead one is removed first, the one that lives last.
func (f *field) replace(place int) {
	old, m := f.at(place), f.newcomer(place)
	dead := false
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if s, err := f.at((place + 1) % len(f.all())).look(); err == nil && s.Writable {
			dead = slices.ContainsFunc(s.Nodes, func(n member) bool { return n.Name == old.node && !n.Healthy })
			break
		}
	}
	if dead {
		f.expel(old)
		f.admit(m, old)
	} else {
		f.admit(m, old)
		f.expel(old)
	}
	f.mu.Lock()
	f.machines[place] = m
	f.mu.Unlock()
}

// leave ends what is left of a node that was removed, and gives its machine back.
func (m *machine) leave() {
	m.attempt(20*time.Second, "down")
	m.die()
	syscall.Unmount(filepath.Dir(m.dir), syscall.MNT_DETACH)
	os.RemoveAll(filepath.Dir(m.dir))
	m.quiet("netns", "del", m.name)
}

// find answers the id of a node by its name or id; empty for none.
func (s *status) find(node string) string {
	for _, n := range s.Nodes {
		if n.Name == node || n.Node == node {
			return n.Node
		}
	}
	return ""
}
