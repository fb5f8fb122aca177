// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowStore takes what it is given, once it is let.
type slowStore struct {
	*httptest.Server
	room chan struct{} // one for each request that may pass
	seen atomic.Int64
}

func newSlowStore(t *testing.T) *slowStore {
	s := &slowStore{room: make(chan struct{}, 1000)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Add(1)
		select {
		case <-s.room:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *slowStore) body() string {
	return `{"storageResourceUri":"` + s.URL + `/box","token":"sig=c2VjcmV0LXNpZw"}`
}

// job is the address of a long-running operation, without its host.
func (n *node) job(a answer) string {
	n.t.Helper()
	at := a.header.Get("Azure-AsyncOperation")
	path, ok := strings.CutPrefix(at, n.HSM)
	if a.status != http.StatusAccepted || !ok || a.body["status"] != "InProgress" || a.header.Get("Retry-After") == "" {
		n.t.Fatalf("not the answer of something that goes on: %d %q %s", a.status, at, a.text)
	}
	return path
}

// over waits for the end of a job.
func (n *node) over(path, token string) answer {
	n.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		a := n.must200("GET", n.HSM, path, token, "")
		if a.body["status"] != "InProgress" {
			return a
		}
		if time.Now().After(deadline) {
			n.t.Fatal("the job does not end: " + a.text)
		}
	}
}

func TestBackupsOfAManagedHSMAreRefusedAsDocumentedAndChangeNothing(t *testing.T) {
	store := newSlowStore(t)
	n := newNodeWith(t, "azure: {storage: ["+store.URL+"]}\n")
	token := n.access(n.HSM)
	n.must200("POST", n.HSM, "/keys/k/create", token, `{"kty":"EC-HSM"}`)
	before := n.must200("GET", n.HSM, "/keys/k/versions", token, "").text + n.must200("GET", n.HSM, "/settings", token, "").text
	sas := store.body()
	from := func(folder string) string {
		return `{"sasTokenParameters":` + sas + `,"folderToRestore":"` + folder + `"}`
	}
	none := strings.Repeat("0", 32)
	const setting = "/settings/AllowKeyManagementOperationsThroughARM"
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"no body", "POST", "/backup", "", 400, "BadParameter"},
		{"no token", "POST", "/backup", `{"storageResourceUri":"` + store.URL + `/box"}`, 400, "BadParameter"},
		{"no storage", "POST", "/backup", `{"token":"sig=x"}`, 400, "BadParameter"},
		{"malformed JSON", "POST", "/backup", `{"token":`, 400, "BadParameter"},
		{"a member that is not known", "POST", "/backup", `{"storageResourceUri":"x","token":"y","folder":"z"}`, 400, "BadParameter"},
		{"a managed identity", "POST", "/backup", `{"storageResourceUri":"` + store.URL + `/box","useManagedIdentity":true}`, 400, "BadParameter"},
		{"storage that is not allowed", "POST", "/backup", `{"storageResourceUri":"http://169.254.169.254/box","token":"sig=x"}`, 400, "BadParameter"},
		{"the same, looked at", "POST", "/prebackup", `{"storageResourceUri":"http://169.254.169.254/box","token":"sig=x"}`, 400, "BadParameter"},
		{"storage without a container", "POST", "/backup", `{"storageResourceUri":"` + store.URL + `","token":"sig=x"}`, 400, "BadParameter"},
		{"storage with a query", "POST", "/backup", `{"storageResourceUri":"` + store.URL + `/box?x=y","token":"sig=x"}`, 400, "BadParameter"},
		{"no folder", "PUT", "/restore", `{"sasTokenParameters":` + sas + `}`, 400, "BadParameter"},
		{"no parameters", "PUT", "/restore", `{"folderToRestore":"x"}`, 400, "BadParameter"},
		{"a folder that leads elsewhere", "PUT", "/restore", from("../x"), 400, "BadParameter"},
		{"a folder with a query", "PUT", "/restore", from("x?y=z"), 400, "BadParameter"},
		{"the same, looked at", "PUT", "/prerestore", from("x#y"), 400, "BadParameter"},
		{"one key's, which is called otherwise", "PUT", "/keys/k/restore", from("x"), 400, "BadParameter"},
		{"another method", "PUT", "/backup", sas, 405, "MethodNotAllowed"},
		{"another method of a restore", "POST", "/restore", from("x"), 405, "MethodNotAllowed"},
		{"a job that there is not", "GET", "/backup/" + none + "/pending", "", 404, "JobNotFound"},
		{"a restore that there is not", "GET", "/restore/" + none + "/pending", "", 404, "JobNotFound"},
		{"a setting that there is not", "GET", "/settings/Other", "", 404, "SettingNotFound"},
		{"changing it", "PATCH", "/settings/Other", `{"value":"true"}`, 404, "SettingNotFound"},
		{"a setting without a value", "PATCH", setting, `{}`, 400, "BadParameter"},
		{"a value that is none", "PATCH", setting, `{"value":"maybe"}`, 400, "BadParameter"},
	} {
		if a := n.do(c.method, n.HSM, c.path, token, c.body); a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s; want %d %s", c.name, a.status, a.text, c.status, c.code)
		}
	}
	of := n.access(n.Vault)
	for _, path := range []string{"/backup", "/prebackup"} {
		if a := n.do("POST", n.Vault, path, of, sas); a.status != 404 {
			t.Errorf("%s of a vault: %d %s", path, a.status, a.text)
		}
	}
	if a := n.do("GET", n.Vault, "/settings", of, ""); a.status != 404 {
		t.Errorf("settings of a vault: %d %s", a.status, a.text)
	}
	if store.seen.Load() > 0 {
		t.Errorf("the storage was asked %d times", store.seen.Load())
	}

	// Who has no role for it, begins nothing and sees nothing.
	var who struct {
		ID          string `json:"client_id"`
		Credentials []struct {
			Secret string `json:"secret"`
		} `json:"credentials"`
	}
	must(t, json.Unmarshal(n.run("operator", "create", "user", "--client-secret", "--json"), &who))
	n.run("operator", "grant", "user", "--domain", "--token", "genbu-hsm", "--role", "Managed HSM Crypto User")
	user, _ := n.token(n.HSM, who.ID, who.Credentials[0].Secret).body["access_token"].(string)
	first := n.job(n.do("POST", n.HSM, "/backup", token, sas))
	for name, a := range map[string]answer{
		"backup": n.do("POST", n.HSM, "/backup", user, sas), "prebackup": n.do("POST", n.HSM, "/prebackup", user, sas),
		"restore": n.do("PUT", n.HSM, "/restore", user, from("x")), "prerestore": n.do("PUT", n.HSM, "/prerestore", user, from("x")),
		"one key":          n.do("PUT", n.HSM, "/keys/gone/restore", user, `{"sasTokenParameters":`+sas+`,"folder":"x"}`),
		"look at a job":    n.do("GET", n.HSM, first, user, ""),
		"change a setting": n.do("PATCH", n.HSM, setting, user, `{"value":"true"}`),
	} {
		if a.status != http.StatusForbidden || a.code() != "Forbidden" {
			t.Errorf("%s without a role: %d %s", name, a.status, a.text)
		}
	}

	// One at a time, and a job that waits for its storage says that it goes on.
	for name, a := range map[string]answer{"a backup": n.do("POST", n.HSM, "/backup", token, sas), "a restore": n.do("PUT", n.HSM, "/restore", token, from("x"))} {
		if a.status != http.StatusConflict || a.code() != "Conflict" {
			t.Errorf("%s while another backup is under way: %d %s", name, a.status, a.text)
		}
	}
	a := n.must200("GET", n.HSM, first, token, "")
	if a.body["status"] != "InProgress" || a.body["endTime"] != nil || a.header.Get("Retry-After") == "" {
		t.Errorf("while it works: %s", a.text)
	}
	if a := n.do("GET", n.HSM, strings.Replace(first, "/backup/", "/restore/", 1), token, ""); a.status != 404 {
		t.Errorf("a backup as a restore: %d %s", a.status, a.text)
	}
	for range 2 {
		store.room <- struct{}{}
	}
	if a = n.over(first, token); a.body["status"] != "Succeeded" || a.body["endTime"] == nil || !strings.HasPrefix(a.body["azureStorageBlobContainerUri"].(string), store.URL+"/box/mhsm-genbu-hsm-") {
		t.Errorf("afterwards: %s", a.text)
	}
	// It is over for the core, too: the next may begin. What comes back from this storage is no backup.
	for range 8 {
		store.room <- struct{}{}
	}
	a = n.over(n.job(n.do("PUT", n.HSM, "/restore", token, from("mhsm-x"))), token)
	if e, _ := a.body["error"].(map[string]any); a.body["status"] != "Failed" || e["code"] != "StorageFailed" {
		t.Errorf("a restore of what is no backup: %s", a.text)
	}
	if after := n.must200("GET", n.HSM, "/keys/k/versions", token, "").text + n.must200("GET", n.HSM, "/settings", token, "").text; after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}

	// The node does not wait for a storage that does not answer, and knows nothing of the job afterwards.
	cut := n.job(n.do("POST", n.HSM, "/backup", token, sas))
	n.run("down")
	n.run("up")
	if a := n.do("GET", n.HSM, cut, n.access(n.HSM), ""); a.status != 404 || a.code() != "JobNotFound" {
		t.Errorf("a job of before: %d %s", a.status, a.text)
	}
	n.job(n.do("POST", n.HSM, "/backup", n.access(n.HSM), sas))
	log, err := os.ReadFile(filepath.Join(n.dir, "genbu.log"))
	if must(t, err); strings.Contains(string(log), "c2VjcmV0") {
		t.Error("the signature is in the log")
	}
}
