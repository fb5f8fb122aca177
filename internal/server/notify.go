// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// notify tells a service manager how the node is (sd_notify(3)): that it serves, that it ends, and, where the unit has a
// watchdog, that its core answers. Without NOTIFY_SOCKET it does nothing.
func notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}) // Go takes @ for an abstract name
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

const (
	startingSays = 20 * time.Second
	startingAsks = 60 * time.Second
)

// keepStarting asks the manager for time, again and again until stop is called: a member of a cluster waits for a majority, which
// may be long in coming after a power cut, and is of no more use for being started anew.
func keepStarting() (stop func()) {
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(startingSays)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				notify("STATUS=starting; a member of a cluster waits for a majority\nEXTEND_TIMEOUT_USEC=" + strconv.FormatInt(startingAsks.Microseconds(), 10))
			}
		}
	}()
	return func() { close(over) }
}

// watchdogPeriod is how often the manager wants to hear that the node lives: half of what it waits, as sd_watchdog_enabled(3)
// advises. 0: not at all.
func watchdogPeriod() time.Duration {
	microseconds, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err != nil || microseconds <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond / 2
}

// keepWatch tells the manager that the node serves, and then, as long as its core does not hang, that it lives. A core that
// is being started again is none of the watchdog's business.
func keepWatch(ctx context.Context, core *module, log *slog.Logger) {
	if err := notify("READY=1"); err != nil {
		log.Warn("the service manager cannot be told", "error", err)
	}
	period := watchdogPeriod()
	if period == 0 {
		return
	}
	go func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				core.Call(wire.OpPing, nil) // hangs with the core, and so keeps the note from being sent
				notify("WATCHDOG=1")
			}
		}
	}()
}
