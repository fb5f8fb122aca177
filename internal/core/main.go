// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/fips140"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Main is the role "core": it never returns. The order matters: the sandbox is there before the first request is read.
func Main() {
	sandbox, err := process.Seal()
	if err != nil {
		process.Log("the core does not start: " + err.Error())
		process.Exit(wire.ExitConfig)
	}
	m := &machine{}
	process.Collect()
	ready := make(chan struct{})
	mux := wire.NewMux(process.Host(), func(op uint16, body []byte) ([]byte, error) {
		defer process.LastWords()
		<-ready
		return m.core.Handle(op, body)
	})
	mux.Clock = process.Monotonic
	if m.core, err = New(m, mux); err != nil {
		process.Log("the core does not start: " + err.Error())
		process.Exit(wire.ExitConfig)
	}
	m.core.sandbox = sandbox
	close(ready)
	process.OnZeroize(func() {
		process.Log("zeroized by signal")
		process.Exit(wire.ExitZeroized)
	})
	process.Every(1_000_000_000, func() {
		defer process.LastWords()
		m.core.Tick()
	})
	go m.intake()
	mux.Serve()
	process.Exit(wire.ExitClosed)
}

// machine is the System of the real process.
type machine struct {
	core *Core

	mu     sync.Mutex
	keeper *process.Keeper // guarded by mu
}

func (*machine) Now() int64              { return process.Nanoseconds() }
func (*machine) Boot() int64             { return process.Boottime() }
func (*machine) Exit(code int)           { process.Exit(code) }
func (*machine) After(d int64, f func()) { process.After(d, f) }

// intake takes descriptors from the host: each channel gets a goroutine of its own.
func (m *machine) intake() {
	defer process.LastWords()
	for {
		p, err := process.Intake()
		if fault.Of(err) == fault.Malformed || fault.Of(err) == fault.Unavailable {
			process.Log("descriptor refused: " + err.Error())
			continue
		}
		if err != nil {
			return // the host is gone; the stream's end tells the rest
		}
		if p.Keeper != nil {
			m.setKeeper(p.Keeper)
			m.core.KeeperCame() // before the channels that come after it
			continue
		}
		if p.Arrived != nil || p.Dialled != nil {
			go func() {
				defer process.LastWords()
				if p.Arrived != nil {
					m.core.Arrived(p.Arrived, p.Purpose)
				} else {
					m.core.Dialled(p.Dialled, p.ID)
				}
			}()
			continue
		}
		go func() {
			defer process.LastWords()
			defer p.Channel.Done()
			m.core.server.Serve(p.Channel, channel.Peer{Door: p.Door, UID: p.UID, GID: p.GID, PID: p.PID})
		}()
	}
}

func (m *machine) setKeeper(k *process.Keeper) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keeper != nil {
		m.keeper.Close()
	}
	m.keeper = k
}

// ReadKeeper reads the keeper's file straight into secret memory.
func (m *machine) ReadKeeper() (ssp.Bytes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keeper == nil {
		return ssp.Bytes{}, fault.RecordUnknown.At("read keeper file: the host passed none")
	}
	secret, err := ssp.Alloc(process.KeeperLen)
	if err != nil {
		return secret, err
	}
	secret.Use(access.Token{}, func(p []byte) { err = m.keeper.Read(p) })
	if err != nil {
		secret.Free()
	}
	return secret, err
}

// WriteKeeper puts a new secret into the keeper's file, which must be empty.
func (m *machine) WriteKeeper(secret ssp.Bytes) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keeper == nil {
		return fault.RecordUnknown.At("write keeper file: the host passed none")
	}
	secret.Use(access.Token{}, func(p []byte) { err = m.keeper.Write(p) })
	return err
}

// selfTest runs every CAST; broken names one that is to fail, so that each can be shown to.
func selfTest(broken string) (passed uint32, failed string) {
	for _, t := range all.SelfTests() {
		if err := t.Run(t.Name == broken); err != nil {
			return passed, t.Name
		}
		passed++
	}
	return passed, ""
}

// provider is the FIPS module under the mechanisms that are approved.
func provider() string {
	if !fips140.Enabled() {
		return "Go cryptography, not in FIPS mode"
	}
	return "Go Cryptographic Module " + fips140.Version()
}
