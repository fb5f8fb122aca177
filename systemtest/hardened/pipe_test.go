// SPDX-License-Identifier: Apache-2.0

package hardened

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/genbu-hsm/genbu/internal/boundary"
)

// What opens found, as exit codes.
const (
	opened = 10
	denied = 11
)

// opens opens a file, after this process was hardened or as it is.
func opens(path string, harden bool) int {
	if harden {
		if _, err := boundary.Harden(nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	_, err := os.OpenFile(path, os.O_RDWR, 0) // which does not wait for another end
	switch {
	case err == nil:
		return opened
	case errors.Is(err, os.ErrPermission):
		return denied
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A client's pipe for answers belongs to the host's user, and pipes can be opened anew through /proc: by a host that was captured
// after it had given the pipe away, too, if it were not hardened.
func TestAHostThatIsCapturedLaterCannotOpenItsClientsPipes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	client := exec.Command("sleep", "60")
	client.ExtraFiles = []*os.File{r}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer client.Process.Kill()
	path := fmt.Sprintf("/proc/%d/fd/3", client.Process.Pid)
	for how, want := range map[string]int{"hardened": denied, "as it is": opened} {
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"open", path, how}, Dir: "/", Env: []string{}}
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != want {
			t.Errorf("%s: %v %s", how, cmd.ProcessState, out)
		}
	}
}
