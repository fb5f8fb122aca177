// SPDX-License-Identifier: Apache-2.0

// Command bench measures Genbu side by side with SoftHSM, as make bench.
//
//	go run ./bench [-json] [-million] [-rounds 7] [-only ratios,overhead,azure,objects]
//
// One C program (driver.c) drives every module with the same calls: SoftHSM in process, SoftHSM behind p11-kit server,
// Genbu in fast and in strict mode, all with token keys, ours with audit on. A ratio is only worth something between
// neighbours: on a shared machine rates move by a third within minutes. So each line is cut into short slices which the
// modules take by turns, a ratio is that of two slices of the same turn, and what is printed is the median of the turns'
// ratios with the middle half of them. It never fails because of a figure.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/genbu-hsm/genbu/internal/core"
)

// report is everything that one run measured.
type report struct {
	Machine  machine      `json:"machine"`
	Floor    []floorLine  `json:"go_crypto_alone"`
	Rates    []rateLine   `json:"rates"`
	Ratios   []ratioLine  `json:"ratios"`
	Overhead []rateLine   `json:"overhead"`
	Objects  []objectLine `json:"objects,omitempty"`
	Seconds  float64      `json:"seconds"`
}

type machine struct {
	CPU  string `json:"cpu"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	Date string `json:"date"`
}

// bench is one run: its settings, and what it started.
type bench struct {
	dir     string // temporary
	genbu   string
	library string
	driver  string
	rounds  int
	only    string
	say     func(format string, args ...any)
	stops   []func() // in reverse order at the end
}

func main() {
	if len(os.Args) == 2 && os.Args[0] == "genbu" && os.Args[1] == "core" {
		core.Main() // the core that overhead.go starts
	}
	if len(os.Args) == 3 && os.Args[1] == "plain-https" {
		fmt.Fprintln(os.Stderr, servePlain(os.Args[2])) // azure_floor.go
		os.Exit(1)
	}
	asJSON := flag.Bool("json", false, "print JSON")
	million := flag.Bool("million", false, "with a million token objects too (many minutes)")
	rounds := flag.Int("rounds", 7, "turns that each line of the comparison takes")
	only := flag.String("only", "", "parts to run: floor, ratios, overhead, azure, objects; default all")
	flag.Parse()

	b := &bench{rounds: *rounds, only: *only, say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	r, err := b.run(*million)
	if err != nil {
		fmt.Fprintln(os.Stderr, "genbu: error: bench:", err)
		os.Exit(1)
	}
	if *asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		out.Encode(r)
		return
	}
	r.print(os.Stdout)
}

func (b *bench) wants(part string) bool {
	return b.only == "" || slices.Contains(strings.Split(b.only, ","), part)
}

func (b *bench) run(million bool) (r *report, err error) {
	start := time.Now()
	if err := b.prepare(); err != nil {
		return nil, err
	}
	defer b.stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		b.stop()
		os.Exit(130)
	}()

	r = &report{Machine: thisMachine()}
	if b.wants("floor") {
		r.Floor = floor()
	}
	if b.wants("ratios") || b.wants("overhead") {
		if err := b.compare(r); err != nil {
			return nil, err
		}
	}
	if b.wants("overhead") {
		if err := b.boundaryOverhead(r); err != nil {
			return nil, err
		}
	}
	if b.wants("azure") {
		if err := b.azure(r); err != nil {
			return nil, err
		}
	}
	if b.wants("objects") {
		counts := []int{100_000}
		if million {
			counts = append(counts, 1_000_000)
		}
		for _, n := range counts {
			line, err := b.manyObjects(n)
			if err != nil {
				return nil, err
			}
			r.Objects = append(r.Objects, line)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// prepare finds the built binary and library and builds the driver.
func (b *bench) prepare() (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	b.genbu, b.library = filepath.Join(root, "bin/genbu"), filepath.Join(root, "bin/libgenbu-pkcs11.so")
	for _, f := range []string{b.genbu, b.library} {
		if _, err := os.Stat(f); err != nil {
			return fmt.Errorf("%w: run make build first", err)
		}
	}
	if b.dir, err = os.MkdirTemp("", "gb"); err != nil {
		return err
	}
	b.stops = append(b.stops, func() { os.RemoveAll(b.dir) })
	b.driver = filepath.Join(b.dir, "driver")
	gcc := exec.Command("gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-I", filepath.Join(root, "pkcs11"),
		"-o", b.driver, filepath.Join(root, "bench/driver.c"), "-ldl", "-lpthread")
	gcc.Stdout, gcc.Stderr = os.Stderr, os.Stderr
	return gcc.Run()
}

func (b *bench) stop() {
	for _, f := range slices.Backward(b.stops) {
		f()
	}
	b.stops = nil
}

func thisMachine() machine {
	m := machine{CPU: "unknown", CPUs: runtime.NumCPU(), Go: runtime.Version(), Date: time.Now().UTC().Format("2006-01-02")}
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}
