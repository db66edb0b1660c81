package app_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/testenv"
)

// runnable finds the README's blocks that are marked to be run.
var runnable = regexp.MustCompile("(?ms)^```sh run\n(.*?)^```$")

// The blocks run one after the other in one shell, as someone pastes them; only
// the ports are other ones, as those of the README may be taken.
func TestQuickStartOfTheREADMEWorks(t *testing.T) {
	t.Parallel()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := []string{"set -eu", `trap 'kill $(jobs -p)' EXIT`}
	for _, block := range runnable.FindAllStringSubmatch(string(readme), -1) {
		script = append(script, block[1])
	}
	if len(script) != 6 {
		t.Fatalf("%d blocks are marked to be run, want 4", len(script)-2)
	}
	addr, handler := testenv.FreeAddr(t), testenv.FreeAddr(t)
	_, port, err := net.SplitHostPort(handler)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer(
		"127.0.0.1:8233", addr, "9000", port, "greeter.py", filepath.Join(dir, "greeter.py"),
		"go run ./cmd/stent dev", testenv.Build(t, "./cmd/stent")+" dev",
	).Replace(strings.Join(script, "\n"))
	shell := exec.CommandContext(t.Context(), "bash", "-c", text)
	shell.Dir = root
	shell.Env = append(os.Environ(), "STENT_ADDR="+addr, "STENT_DATABASE_URL="+testenv.SQLite(t))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`"Hello, Ada!"`, "completed shipped against ch_ORD-001"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output has no %s:\n%s", want, out)
		}
	}
}
