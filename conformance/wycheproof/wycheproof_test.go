// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/conformance/node"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

// run is one file of vectors on its way through one driver.
type run struct {
	*driver
	t       *testing.T
	name    string
	step    int            // every step-th group of a slow file runs; 1 with GENBU_SOAK
	total   int            // what the file says it holds
	cases   int            // run
	skipped map[string]int // not run, by reason
}

// load reads the run's file.
func load[G any](r *run) mechtest.File[G] {
	r.t.Helper()
	var f mechtest.File[G]
	mechtest.Wycheproof(r.t, r.name, &f)
	r.total = f.NumberOfTests
	return f
}

func (r *run) skip(reason string) { r.skipped[reason]++ }

// leave tells whether group i is one that only the soak runs: import of a large RSA key looks for primes, which takes its time.
func (r *run) leave(i, tests int) bool {
	if i%r.step == 0 {
		return false
	}
	r.skipped["import of many large keys: with GENBU_SOAK=1"] += tests
	return true
}

// judge compares an answer with the file. fits are the codes with which this operation may refuse bad input.
func (r *run) judge(c mechtest.Case, rv ckr, right bool, fits ...ckr) {
	r.cases++
	refused := slices.Contains(fits, rv)
	var fault string
	switch {
	case rv == ok && c.Invalid():
		fault = "accepted"
	case rv == ok && !right:
		fault = "wrong result"
	case rv != ok && c.Valid():
		fault = "refused"
	case rv != ok && !refused:
		fault = "refused with a code that does not say why"
	default:
		return
	}
	r.t.Errorf("tcId %d (%s, %q %v): %s, %v", c.TCID, c.Result, c.Comment, c.Flags, fault, rv)
}

// result judges an operation that gives bytes.
func (r *run) result(c mechtest.Case, rv ckr, got, want []byte, fits ...ckr) {
	r.judge(c, rv, bytes.Equal(got, want), fits...)
}

// part is the length of the parts in which a case's data goes to C_*Update; 0 is one shot. Both forms get their share.
func part(c mechtest.Case) uint32 { return []uint32{0, 16, 0, 5}[c.TCID%4] }

// file says what is done with the files whose names match a pattern.
type file struct {
	pattern string // as in path.Match
	run     func(r *run)
	reason  string // why it is not run
	step    int    // take every step-th group without GENBU_SOAK; 0 is all
}

// files is the whole archive; the first pattern that matches counts, and a file that none matches fails the test.
var files = []file{
	{pattern: "*brainpool*", reason: "curve not offered: brainpool"},
	{pattern: "*_sect*", reason: "curve not offered: binary curves"},
	{pattern: "ecdsa_secp1[69][02]*", reason: "curve not offered: under 224 bits"},
	{pattern: "ecdsa_secp224k1*", reason: "curve not offered: secp224k1"},
	{pattern: "ec_prime_order_curves_test.json", reason: "domain parameters only; curves go by name"},
	{pattern: "ecdsa_*_bitcoin_test.json", reason: "Bitcoin's own rule (low s), not ECDSA's"},
	{pattern: "ecdsa_*", run: runECDSA},
	{pattern: "ecdh_*", run: runECDH},
	{pattern: "x25519_*", run: runXDH},
	{pattern: "x448_*", reason: "X448 not offered"},
	{pattern: "ed*", run: runEdDSA},
	{pattern: "rsa_signature_*", run: runPKCS1Verify},
	{pattern: "rsa_pkcs1_*_sig_gen_test.json", run: runPKCS1Sign},
	{pattern: "rsa_pkcs1_2048_test.json", run: runPKCS1Decrypt},
	{pattern: "rsa_pkcs1_*", run: runPKCS1Decrypt, step: 4}, // 33 keys each of 3072 and 4096 bits
	{pattern: "rsa_pss_*shake*", reason: "no RSA-PSS with SHAKE in PKCS #11"},
	{pattern: "rsa_pss_*_sha512_2*", reason: "no RSA-PSS with SHA-512/t in PKCS #11"},
	{pattern: "rsa_pss_*", run: runPSS},
	{pattern: "rsa_oaep_*_sha512_2*", reason: "SHA-512/t not offered, and PKCS #11 has no MGF1 with it"},
	{pattern: "rsa_oaep_misc_test.json", run: runOAEP, step: 7}, // 128 keys up to 8192 bits, whose import takes its time
	{pattern: "rsa_oaep_*", run: runOAEP},
	{pattern: "rsa_three_primes_*", run: runOAEP},
	{pattern: "aes_gcm_test.json", run: runAEAD},
	{pattern: "aes_ccm_test.json", run: runAEAD},
	{pattern: "chacha20_poly1305_test.json", run: runAEAD},
	{pattern: "aes_cbc_pkcs5_test.json", run: runCBCPad},
	{pattern: "aes_cmac_test.json", run: runMAC},
	{pattern: "aes_gmac_test.json", run: runGMAC},
	{pattern: "aes_wrap_test.json", run: runKeyWrap},
	{pattern: "aes_kwp_test.json", run: runKeyWrap},
	{pattern: "hmac_sha512_2*", reason: "SHA-512/t not offered"},
	{pattern: "hmac_sm3_test.json", reason: "SM3 not offered"},
	{pattern: "hmac_*", run: runMAC},
	{pattern: "hkdf_*", run: runHKDF},
	{pattern: "pbkdf2_*", run: runPBKDF2},
	{pattern: "mlkem_*_encaps_test.json", run: runMLKEMEncaps},
	{pattern: "mlkem_*_keygen_seed_test.json", run: runMLKEMSeed},
	{pattern: "mlkem_*", run: runMLKEMDecaps},
	{pattern: "mldsa_*_verify_test.json", run: runMLDSAVerify},
	{pattern: "mldsa_*", run: runMLDSASign},
	{pattern: "a???cbc_hs*", reason: "a composite of JOSE, not a PKCS #11 mechanism"},
	{pattern: "aes_eax_test.json", reason: "not a PKCS #11 mechanism"},
	{pattern: "aes_gcm_siv_test.json", reason: "not a PKCS #11 mechanism"},
	{pattern: "aes_siv_cmac_test.json", reason: "not a PKCS #11 mechanism"},
	{pattern: "aes_xts_test.json", reason: "AES-XTS not offered"},
	{pattern: "c2sp_*", reason: "a file format, not a PKCS #11 mechanism"},
	{pattern: "xchacha20_*", reason: "not a PKCS #11 mechanism"},
	{pattern: "kmac*", reason: "not a PKCS #11 mechanism"},
	{pattern: "json_web_*", reason: "JOSE formats"},
}

func lookup(name string) *file {
	for i := range files {
		if match, err := path.Match(files[i].pattern, name); err == nil && match {
			return &files[i]
		}
	}
	return nil
}

// drivers is how many processes share the node; each waits most of its time.
const drivers = 3

func TestWycheproofThroughPKCS11(t *testing.T) {
	names := mechtest.Names(t)
	program := node.Compile(t, "driver/driver.c")
	n := node.Start(t)
	pool := make(chan *driver, drivers)
	for range drivers {
		pool <- startDriver(t, program, n)
	}
	var mu sync.Mutex // guards what the files add up to
	var cases, ran int
	skipped, absent := map[string]int{}, map[string]int{}

	t.Run("files", func(t *testing.T) {
		for _, name := range names {
			f := lookup(name)
			if f == nil {
				t.Errorf("%s: neither run nor given a reason", name)
				continue
			}
			if f.run == nil {
				absent[f.reason]++
				continue
			}
			t.Run(strings.TrimSuffix(name, "_test.json"), func(t *testing.T) {
				t.Parallel()
				d := <-pool
				defer func() { pool <- d }()
				r := &run{driver: d, t: t, name: name, step: 1, skipped: map[string]int{}}
				if f.step > 1 && os.Getenv("GENBU_SOAK") == "" {
					r.step = f.step
				}
				f.run(r)
				t.Logf("%s: %d cases%s", name, r.cases, notes(r.skipped))
				left := 0
				for _, k := range r.skipped {
					left += k
				}
				if r.cases+left != r.total || r.total == 0 {
					t.Errorf("%d run and %d not, of %d", r.cases, left, r.total)
				}
				mu.Lock()
				defer mu.Unlock()
				cases, ran = cases+r.cases, ran+1
				for reason, k := range r.skipped {
					skipped[reason] += k
				}
			})
		}
	})
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		t.Logf("not run: %5d cases: %s", skipped[reason], reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(absent)) {
		t.Logf("not run: %5d files: %s", absent[reason], reason)
	}
	verdict := "all as expected"
	if t.Failed() {
		verdict = "NOT all as expected"
	}
	t.Logf("wycheproof through PKCS #11: %d cases in %d files, %s", cases, ran, verdict)
}

func notes(skipped map[string]int) string {
	var b strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Fprintf(&b, "; %d not run: %s", skipped[reason], reason)
	}
	return b.String()
}
