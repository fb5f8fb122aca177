// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/gob"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// look is what the scanner is asked: processes (all but itself and Skip, when Pids is nil and there are no Paths), files.
// Only and Not choose among the secrets by the beginning of their names.
type look struct {
	Pids, Skip []int
	Paths      []string
	NotPaths   []string
	Only, Not  string
}

// found is what it answers.
type found struct {
	Hits    []memscan.Hit
	Total   int // of hits, of which Hits has the first ones
	Secrets []string
	Scanned uint64
	Needles int
	Refused []string
}

// scan is the role that searches. It is the one process that has every value in clear, and the one that it leaves out.
func scan(in *gob.Decoder, out *gob.Encoder) error {
	var secrets []secret
	scanners := map[string]*memscan.Scanner{}
	for {
		var ask struct {
			More []secret
			Look look
		}
		if err := in.Decode(&ask); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if len(ask.More) > 0 {
			secrets = append(secrets, ask.More...)
			clear(scanners)
		}
		q := ask.Look
		s := scanners[q.Only+"\x00"+q.Not]
		if s == nil {
			var needles []memscan.Needle
			for _, one := range secrets {
				if (q.Only == "" || strings.HasPrefix(one.Name, q.Only)) && (q.Not == "" || !strings.HasPrefix(one.Name, q.Not)) {
					needles = append(needles, memscan.Needles(one.Name+":", one.value(), one.Kind)...)
				}
			}
			s = memscan.New(needles)
			scanners[q.Only+"\x00"+q.Not] = s
		}
		s.Hits, s.Scanned, s.Refused = nil, 0, nil
		switch {
		case q.Pids != nil:
			for _, pid := range q.Pids {
				s.Process(pid)
			}
		case q.Paths == nil:
			s.AllProcesses(q.Skip...)
		}
		for _, p := range q.Paths {
			s.Path(p, q.NotPaths...)
		}
		f := found{Total: len(s.Hits), Scanned: s.Scanned, Needles: s.Needles(), Refused: s.Refused}
		seen := map[string]bool{}
		for _, h := range s.Hits {
			name, _, _ := strings.Cut(h.Needle, ":")
			seen[name] = true
		}
		for name := range seen {
			f.Secrets = append(f.Secrets, name)
		}
		slices.Sort(f.Secrets)
		f.Hits = s.Hits[:min(len(s.Hits), 2000)]
		if err := out.Encode(f); err != nil {
			return err
		}
	}
}

// hold is the role that has every value in each form that a program might keep it in.
func hold(in *gob.Decoder, out *gob.Encoder) error {
	var secrets []secret
	if err := in.Decode(&secrets); err != nil {
		return err
	}
	var forms [][]byte
	for _, s := range secrets {
		forms = append(forms, formsOf(s)...)
	}
	if err := out.Encode(os.Getpid()); err != nil {
		return err
	}
	in.Decode(&secrets) // until the other end closes
	runtime.KeepAlive(forms)
	return nil
}
