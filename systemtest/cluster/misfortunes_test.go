// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// blow is one fault as it happens: to whom among those who were there when it began, and what its seed has drawn.
type blow struct {
	f    *field
	who  []*machine
	i    int           // the place that is hit
	draw uint64        // for what is left to chance in it
	step time.Duration // of a clock
}

func (b *blow) hit() *machine { return b.who[b.i] }

// next is the machine so many places further.
func (b *blow) next(n int) *machine { return b.who[(b.i+n)%len(b.who)] }

// others are all but the one that is hit.
func (b *blow) others() (list []*machine) {
	for n := range len(b.who) - 1 {
		list = append(list, b.next(n+1))
	}
	return list
}

// majority are as many others as it takes that nothing can be written.
func (b *blow) majority() []*machine { return b.others()[:len(b.who)/2+1] }

// misfortune is one kind of fault: how it begins, and how it ends.
type misfortune struct {
	name   string
	single bool // one node at most is lost by it
	begin  func(*blow)
	end    func(*blow)
}

func signalled(file string, s syscall.Signal) func(*blow) {
	return func(b *blow) { b.hit().signal(file, s) }
}

const damaged = "a store is damaged"

// misfortunes are drawn from this list; what has many forms stands in it twice.
var misfortunes = []misfortune{
	{"kill -9 of a host", true, func(b *blow) { b.hit().die() }, func(b *blow) { b.hit().back() }},
	{"kill -9 of a core", true, signalled("core.pid", syscall.SIGKILL), func(*blow) {}},
	{"a host stands still", true, signalled("host.pid", syscall.SIGSTOP), signalled("host.pid", syscall.SIGCONT)},
	{"a core stands still", true, signalled("core.pid", syscall.SIGSTOP), signalled("core.pid", syscall.SIGCONT)},
	{"a machine is cut off", true, func(b *blow) { b.hit().unplug() }, func(b *blow) { b.hit().replug() }},
	{"two machines do not reach each other", true, func(b *blow) {
		b.hit().deaf(b.next(1))
		b.next(1).deaf(b.hit())
	}, func(b *blow) {
		b.hit().hears(b.next(1))
		b.next(1).hears(b.hit())
	}},
	{"packets vanish one way", true, func(b *blow) {
		for _, m := range b.others() {
			b.hit().deaf(m)
		}
	}, func(b *blow) {
		for _, m := range b.others() {
			b.hit().hears(m)
		}
	}},
	{"a slow line", true, func(b *blow) {
		b.hit().inside("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "400kbit", "burst", "4k", "latency", "300ms")
	}, func(b *blow) { b.hit().inside("tc", "qdisc", "del", "dev", "eth0", "root") }},
	{"a line that loses packets", true, func(b *blow) {
		b.hit().inside("nft", "add table inet faults; add chain inet faults in { type filter hook input priority 0 ; }; add rule inet faults in iif eth0 numgen random mod 100 < 15 drop")
	}, func(b *blow) { b.hit().inside("nft", "delete table inet faults") }},
	{"a full disk", true, func(b *blow) {
		out, err := os.Create(filepath.Join(filepath.Dir(b.who[smallDisk].dir), "full"))
		if err != nil {
			return
		}
		defer out.Close()
		for b := make([]byte, 1<<20); err == nil; {
			_, err = out.Write(b)
		}
	}, func(b *blow) {
		os.Remove(filepath.Join(filepath.Dir(b.who[smallDisk].dir), "full"))
		b.who[smallDisk].back()
	}},
	{"the majority is gone", false, func(b *blow) {
		for _, m := range b.majority() {
			m.die()
		}
	}, func(b *blow) { together(b.majority(), (*machine).back) }},
	{"everybody is alone", false, func(b *blow) {
		for _, m := range b.who {
			m.unplug()
		}
	}, func(b *blow) {
		for _, m := range b.who {
			m.replug()
		}
	}},
	{damaged, true, (*blow).spoil, (*blow).mend},
	{damaged, true, (*blow).spoil, (*blow).mend},
	{"a clock is set", true, func(b *blow) { b.hit().setClock(b.step) }, func(b *blow) { b.hit().setClock(0) }},
	{"all clocks are set", true, func(b *blow) { together(b.who, func(m *machine) { m.setClock(b.step) }) },
		func(b *blow) { together(b.who, func(m *machine) { m.setClock(0) }) }},
}

// together does the same to several machines at a time.
func together(all []*machine, do func(*machine)) {
	done := make(chan struct{})
	for _, m := range all {
		go func() { defer func() { done <- struct{}{} }(); do(m) }()
	}
	for range all {
		<-done
	}
}
