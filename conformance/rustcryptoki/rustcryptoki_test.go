// SPDX-License-Identifier: Apache-2.0

// Package rustcryptoki runs the test suite of the Rust crate cryptoki, which speaks PKCS #11 3.2, against a real node: its
// authors wrote it for SoftHSM, Kryoptic and others.
package rustcryptoki

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/genbu-hsm/genbu/conformance/node"
)

const version = "0.12.1"

// differences are the tests of the crate that fail here, and why that is right. One that begins to pass must leave the list.
var differences = map[string]string{
	"derive_key_concatenation_key_and_data":   "CKM_CONCATENATE_BASE_AND_DATA is not offered",
	"derive_key_concatenation_two_keys":       "CKM_CONCATENATE_BASE_AND_KEY is not offered",
	"derive_key_extract_from_key":             "CKM_EXTRACT_KEY_FROM_KEY is not offered",
	"derive_key_xor_key_and_data":             "CKM_XOR_BASE_AND_DATA is not offered",
	"derive_key_sp800":                        "CKD_SHA256_KDF_SP800 is not offered",
	"ekdf_aes_cbc_encrypt_data":               "CKM_AES_CBC_ENCRYPT_DATA is not offered",
	"kbkdf_feedback_mode":                     "CKM_SP800_108_FEEDBACK_KDF is not offered",
	"kbkdf_additional_keys_feedback_mode":     "CKM_SP800_108_FEEDBACK_KDF is not offered",
	"kbkdf_invalid_data_params_feedback_mode": "CKM_SP800_108_FEEDBACK_KDF is not offered",
	"slh_dsa_hash":                            "CKM_HASH_SLH_DSA is not offered; the mechanisms that name their hash are",
	"ml_dsa_hash":                             "wants CKM_HASH_ML_DSA to refuse parts; a digest in parts is taken here",
	"get_slot_event":                          "wants C_WaitForSlotEvent to be missing; no event is what it is told here",
	"import_export":                           "wants no CKA_ALLOWED_MECHANISMS on a key without; an empty list is answered, as by SoftHSM",
	"unique_id":                               "wants CKR_ATTRIBUTE_TYPE_INVALID for a chosen CKA_UNIQUE_ID; section 4.4.1 says CKR_ATTRIBUTE_READ_ONLY",
}

// newer are the tests of what few other programs use; the rest takes a minute more and waits for GENBU_SOAK.
var newer = []string{"message", "gcm", "ml_", "slh_", "wycheproof", "allowed", "eddsa", "unique", "kbkdf", "derive_key_sp800", "validation"}

var outcome = regexp.MustCompile(`(?m)^test (\w+) \.\.\. (ok|FAILED)$`)

func TestCrateCryptoki(t *testing.T) {
	crate := build(t)
	// The suite brings PINs of its own, and empties the token before each test.
	n := node.Start(t)
	args := []string{"test", "--quiet", "--tests", "--no-fail-fast", "--", "--test-threads=1", "--format=pretty"}
	if os.Getenv("GENBU_SOAK") == "" {
		args = append(args, newer...)
	}
	cmd := exec.Command("cargo", args...)
	cmd.Dir = crate
	cmd.Env = append(n.Env, "TEST_PKCS11_MODULE="+filepath.Join(node.Bin(t), "libgenbu-pkcs11.so"), "RUST_BACKTRACE=0")
	out, _ := cmd.CombinedOutput() // some fail: which, is judged below
	passed, differ := 0, 0
	for _, m := range outcome.FindAllSubmatch(out, -1) {
		name, ok := string(m[1]), string(m[2]) == "ok"
		reason, expected := differences[name]
		switch {
		case ok && expected:
			t.Errorf("%s passes now and must leave the list of differences", name)
		case !ok && !expected:
			t.Errorf("%s fails", name)
		case ok:
			passed++
		default:
			differ++
			t.Logf("%s differs: %s", name, reason)
		}
	}
	if t.Failed() || passed == 0 {
		t.Fatalf("%d passed\n%s", passed, node.Tail(string(out), 6000))
	}
	t.Logf("the suite of the Rust crate cryptoki %s: %d passed, %d differ for reasons given", version, passed, differ)
}

// build fetches the crate with cargo and compiles its tests in a folder of the user's cache. A machine without cargo or its registry
// skips the test: the C program beside it covers the same ground.
func build(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("cargo is not installed")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "genbu-conformance", "cryptoki-"+version)
	crate := filepath.Join(dir, "crate")
	if _, err := os.Stat(filepath.Join(crate, "Cargo.toml")); err != nil {
		if err := fetch(dir, crate); err != nil {
			t.Skipf("the crate cannot be had: %v", err)
		}
	}
	cmd := exec.Command("cargo", "test", "--quiet", "--tests", "--no-run")
	cmd.Dir = crate
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("the crate cannot be built: %v\n%s", err, node.Tail(string(out), 2000))
	}
	return crate
}

// fetch lets cargo bring the crate as a dependency, and copies its source from where cargo keeps it.
func fetch(dir, crate string) error {
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o755); err != nil {
		return err
	}
	manifest := "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\ncryptoki = \"=" + version + "\"\n"
	if err := os.WriteFile(filepath.Join(dir, "Cargo.toml"), []byte(manifest), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "src", "lib.rs"), nil, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("cargo", "metadata", "--quiet", "--format-version", "1")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return &exec.Error{Name: "cargo metadata: " + stderr.String(), Err: err}
	}
	var meta struct {
		Packages []struct {
			Name     string
			Manifest string `json:"manifest_path"`
		}
	}
	if err := json.Unmarshal(out, &meta); err != nil {
		return err
	}
	for _, p := range meta.Packages {
		if p.Name == "cryptoki" {
			if err := os.CopyFS(crate+".new", os.DirFS(filepath.Dir(p.Manifest))); err != nil {
				return err
			}
			return os.Rename(crate+".new", crate)
		}
	}
	return os.ErrNotExist
}
