// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// processorTime is how long the threads of some processes have been on a processor, in microseconds. It is the scheduler's
// own count, in nanoseconds; the times of getrusage and /proc/PID/stat are ticks.
func processorTime(pids ...int) (us float64) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, file := range tasks {
			var ns float64
			text, _ := os.ReadFile(file)
			fmt.Sscan(string(text), &ns)
			us += ns / 1000
		}
	}
	return us
}
