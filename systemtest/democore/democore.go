// SPDX-License-Identifier: Apache-2.0

// Package democore is a core without a module: the sandbox, a few ops, and secrets planted on request, for tests of the
// process, its boundary and the memory scan. A test binary becomes one by itself:
//
//	func TestMain(m *testing.M) { democore.Main(); os.Exit(m.Run()) }
//
// Secrets travel masked with Mask, so that the request itself holds none.
package democore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Ops beside those of wire.
const (
	OpKeep       uint16 = 1000 + iota // masked secret: kept in the arena
	OpUse                             // masked secret: used as an AES key inside ssp.Do
	OpUsePlainly                      // the same outside, as the scan's negative control
	OpTry                             // name of a forbidden act -> what the system answered; see acts
	OpKeeper                          // -> SHA-256 of the keeper's secret, which is made first where the file is empty
	OpEnviron                         // -> the environment
	OpPanic                           // ends the core with a panic
	OpAskHost                         // op, body -> the host's answer to that request of the core
)

// Args are the words by which a test binary becomes a demo core; further words change it: "errno" (forbidden calls fail
// instead of killing), "hang" (never answers), "crash" (does not catch fatal signals).
func Args(words ...string) []string { return append([]string{"genbu", "core"}, words...) }

// Main becomes a core if the process was started as one, and then does not return.
func Main() {
	if len(os.Args) < 2 || os.Args[0] != "genbu" || os.Args[1] != "core" {
		return
	}
	defer process.LastWords()
	word := func(w string) bool { return slices.Contains(os.Args[2:], w) }
	var options []process.Option
	if word("errno") {
		options = append(options, process.DenyWithErrno())
	}
	report, err := process.Seal(options...)
	if err != nil {
		process.Log(err.Error())
		process.Exit(wire.ExitConfig)
	}
	if word("crash") {
		debug.SetTraceback("crash") // a fatal signal ends in the kernel's hands, which would dump core
	}
	if word("hang") {
		time.Sleep(time.Hour)
	}
	c := &core{report: report, keeper: make(chan *process.Keeper, 1)}
	c.mux = wire.NewMux(process.Host(), c.handle)
	process.Collect()
	process.OnZeroize(func() {
		ssp.ZeroizeAll()
		process.Log("zeroized")
	})
	go c.intake()
	c.mux.Serve()
	process.Exit(0)
}

type core struct {
	report process.Report
	mux    *wire.Mux
	keeper chan *process.Keeper
	kept   []ssp.Bytes
	plain  [][]byte
}

func (c *core) handle(op uint16, body []byte) ([]byte, error) {
	defer process.LastWords()
	switch op {
	case wire.OpConfigure:
		var cfg wire.Config
		r := wire.NewReader(body)
		cfg.Decode(&r)
		if err := r.End(); err != nil {
			return nil, err
		}
		if err := c.report.Check(cfg.Accepted); err != nil {
			return nil, err
		}
		status := wire.Status{State: wire.StateLocked, Memory: ssp.Kind(), Erasure: ssp.Erasure(), Sandbox: c.report.Sandbox, Missing: c.report.Missing}
		var w wire.Writer
		status.Encode(&w)
		return w.B, nil
	case wire.OpPing:
		return body, nil
	case OpKeep:
		b, err := ssp.Alloc(len(body))
		if err != nil {
			return nil, err
		}
		b.Use(access.Token{}, func(p []byte) { copy(p, body); Mask(p) })
		c.kept = append(c.kept, b)
		return nil, nil
	case OpUse:
		var out []byte
		sum := make([]byte, sha256.Size)
		ssp.Do(func() { copy(sum, use(body)) })
		out = append(out, sum...)
		return out, nil
	case OpUsePlainly:
		key := slices.Clone(body)
		out := use(body)
		Mask(key)
		c.plain = append(c.plain, key)
		return out, nil
	case OpTry:
		act, ok := acts[string(body)]
		if !ok {
			return nil, fault.ArgumentsBad
		}
		if err := act(); err != nil {
			return []byte(err.Error()), nil
		}
		return []byte("allowed"), nil
	case OpKeeper:
		return c.useKeeper()
	case OpEnviron:
		return []byte(strings.Join(os.Environ(), "\n")), nil
	case OpPanic:
		panic("asked to")
	case OpAskHost:
		r := wire.NewReader(body)
		return c.mux.Call(r.U16(), r.Rest())
	}
	return nil, fault.Unsupported
}

// use encrypts with a key, as a mechanism would.
func use(masked []byte) []byte {
	key := slices.Clone(masked)
	Mask(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	gcm, _ := cipher.NewGCMWithRandomNonce(block)
	sum := sha256.Sum256(gcm.Seal(nil, nil, []byte("message"), nil))
	return sum[:]
}

// Mask hides and shows a secret.
func Mask(b []byte) {
	for i := range b {
		b[i] ^= 0xA5 ^ byte(i*7)
	}
}

func (c *core) useKeeper() ([]byte, error) {
	k := <-c.keeper
	defer k.Close()
	b, err := ssp.Alloc(process.KeeperLen)
	if err != nil {
		return nil, err
	}
	defer b.Free()
	var sum [32]byte
	b.Use(access.Token{}, func(p []byte) {
		if k.Writable() {
			for i := range p {
				p[i] = byte(i)
			}
			err = k.Write(p)
		} else {
			err = k.Read(p)
		}
		sum = sha256.Sum256(p)
	})
	return sum[:], err
}

// intake echoes on every channel, after a first answer of what the host asserted.
func (c *core) intake() {
	for {
		p, err := process.Intake()
		if fault.Of(err) == fault.Malformed {
			process.Log(err.Error())
			continue
		}
		if err != nil {
			return
		}
		if p.Keeper != nil {
			c.keeper <- p.Keeper
			continue
		}
		go func() {
			defer p.Channel.Done()
			w := wire.Writer{}
			w.U8(p.Door)
			w.U32(p.UID)
			w.U32(p.GID)
			w.U32(p.PID)
			p.Channel.Write(w.B)
			buf := make([]byte, 64<<10)
			for {
				n, err := p.Channel.Read(buf)
				if err != nil {
					return
				}
				if _, err := p.Channel.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}
