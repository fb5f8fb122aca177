// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// objectLine is a node with many token objects.
type objectLine struct {
	Objects     int     `json:"objects"`
	CreateRate  float64 `json:"created_per_second"`
	Serves      float64 `json:"start_to_serving_seconds"`
	Ready       float64 `json:"start_to_index_ready_seconds"`
	FirstFind   float64 `json:"first_find_by_label_us"`
	LaterFind   float64 `json:"later_find_by_label_us"` // median of some with other labels
	HostMemory  float64 `json:"host_bytes_per_object"`
	CoreMemory  float64 `json:"core_bytes_per_object"`
	DiskPerItem float64 `json:"disk_bytes_per_object"`
}

// creators is how many threads populate the token: a commit waits for the disk, so many wait together.
const creators = 64

// manyObjects fills a node through its PKCS #11 door, starts it again, and looks for an object.
func (b *bench) manyObjects(count int) (l objectLine, err error) {
	l.Objects = count
	name := "many" + strconv.Itoa(count)
	n, err := b.up(name, "--fast")
	if err != nil {
		return l, err
	}
	hostEmpty, coreEmpty, err := n.rest(b)
	if err != nil {
		return l, err
	}
	b.say("creating %d token objects", count)
	if n, err = b.up(name); err != nil {
		return l, err
	}
	c, err := b.driveNode("Genbu "+name, n)
	if err != nil {
		return l, err
	}
	words, err := c.do("fill %d %d", count, creators)
	if err != nil {
		return l, err
	}
	seconds, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		return l, err
	}
	l.CreateRate = float64(count) / seconds
	c.close()
	n.downWith(b.genbu)()

	start := time.Now()
	if n, err = b.up(name); err != nil {
		return l, err
	}
	l.Serves = time.Since(start).Seconds()
	if err := n.waitForIndex(); err != nil {
		return l, err
	}
	l.Ready = time.Since(start).Seconds()
	if c, err = b.driveNode("Genbu "+name, n); err != nil {
		return l, err
	}
	var later []float64
	for i := range 51 {
		words, err := c.do("find n%08d", (i*7919+4711)%count)
		if err != nil {
			return l, err
		}
		us, err := strconv.ParseFloat(words[0], 64)
		if err != nil || len(words) < 2 || words[1] != "1" {
			return l, fmt.Errorf("find answered %v", words)
		}
		if i == 0 {
			l.FirstFind = us
		} else {
			later = append(later, us)
		}
	}
	l.LaterFind = quantile(later, 0.5)
	c.close()
	host, core := rss(n.vars["GENBU_HOST_PID"]), rss(n.vars["GENBU_CORE_PID"])
	l.HostMemory, l.CoreMemory = (host-hostEmpty)/float64(count), (core-coreEmpty)/float64(count)
	l.DiskPerItem = diskUse(filepath.Join(n.dir, "store")) / float64(count)
	return l, nil
}

// rest is the memory of the node's two processes after a restart with nothing in it.
func (n *node) rest(b *bench) (host, core float64, err error) {
	n.downWith(b.genbu)()
	again, err := b.up(filepath.Base(n.dir))
	if err != nil {
		return 0, 0, err
	}
	err = again.waitForIndex()
	return rss(again.vars["GENBU_HOST_PID"]), rss(again.vars["GENBU_CORE_PID"]), err
}

// waitForIndex returns when the node answers a find, which it does from its index alone.
func (n *node) waitForIndex() error {
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := n.find()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (n *node) find() error {
	conn, err := client.Dial(n.vars["GENBU_SOCKET"])
	if err != nil {
		return err
	}
	defer conn.Close()
	tokens, err := conn.Slots()
	if err != nil {
		return err
	}
	for _, t := range tokens {
		s, err := conn.Open(t.Slot, false)
		if err != nil {
			return err
		}
		if _, _, err := s.Find(client.Template{client.Bytes(key.AttrLabel, []byte("no such label"))}, 1); err != nil {
			return err
		}
	}
	return nil
}

// rss is a process's resident memory in bytes.
func rss(pid string) float64 {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024
		}
	}
	return 0
}

func diskUse(dir string) (bytes float64) {
	filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += float64(info.Size())
		}
		return nil
	})
	return bytes
}
