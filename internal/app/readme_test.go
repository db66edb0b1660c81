package app_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
)

// root is the module's root.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// text reads a file of the repository.
func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// blocks gives the README's fenced blocks whose first line says what. GitHub
// colours a block by the first word of that line, and shows none of it.
func blocks(t *testing.T, what string) []string {
	t.Helper()
	fenced := regexp.MustCompile("(?ms)^```" + regexp.QuoteMeta(what) + "\n(.*?)^```$")
	var found []string
	for _, match := range fenced.FindAllStringSubmatch(text(t, "README.md"), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("the README has no block that begins with ```%s", what)
	}
	return found
}

var goRun = regexp.MustCompile(`go run (\./\S+)`)

// pasteTime bounds how long pasted blocks may take; they take seconds.
const pasteTime = 2 * time.Minute

// paste runs blocks one after the other in one shell at the repository's root, as
// someone pastes them, and gives what they print. Programs are built beforehand,
// and listen on other ports, as those of the README may be taken; replace are
// further pairs of what the README says and what is run instead.
func paste(t *testing.T, blocks []string, replace ...string) string {
	t.Helper()
	script := strings.Join(blocks, "\n")
	for _, command := range goRun.FindAllStringSubmatch(script, -1) {
		replace = append(replace, command[0]+" ", testenv.Build(t, command[1])+" ")
	}
	for _, port := range []string{"8233", "9000", "9001"} {
		_, free, err := net.SplitHostPort(testenv.FreeAddr(t))
		if err != nil {
			t.Fatal(err)
		}
		replace = append(replace, port, free)
	}
	script = strings.NewReplacer(replace...).Replace(script)
	// The blocks end what they start, or else the trap does when one of them fails.
	script = "set -eu\ncd '" + root() + "'\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + script + "\nwait\n"
	shell := testenv.Start(t, "shell", "bash", []string{"-c", script}, nil)
	late := time.AfterFunc(pasteTime, func() { _ = shell.Stop() })
	defer late.Stop()
	if err := shell.Wait(); err != nil {
		t.Fatalf("the shell ended with %v:\n%s", err, script)
	}
	return shell.Output()
}

func TestQuickStartOfTheREADMEWorks(t *testing.T) {
	t.Parallel()
	defaults := "export STENT_ADDR=127.0.0.1:8233 STENT_URL=http://127.0.0.1:8233 STENT_DATABASE_URL=sqlite:stent.db"
	out := paste(t, append([]string{defaults}, blocks(t, "sh run")...),
		"sqlite:stent.db", testenv.SQLite(t), "/tmp/greeter.py", t.TempDir()+"/greeter.py")
	for _, want := range []string{
		`"result":"Hello, Ada!"`, `"code":"idempotency_key_reused"`, `"result":15`, "completed shipped against ch_ORD-001",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output has no %s", want)
		}
	}
}

func TestProductionOfTheREADMEWorks(t *testing.T) {
	t.Parallel()
	out := paste(t, blocks(t, "sh run on PostgreSQL"), "postgres://stent:secret@127.0.0.1:5432/stent", testenv.Postgres(t))
	if want := "completed shipped against ch_ORD-001"; !strings.Contains(out, want) {
		t.Errorf("the output has no %s", want)
	}
}

func TestCodeOfTheREADMEIsThatOfTheExamples(t *testing.T) {
	t.Parallel()
	for what, path := range map[string]string{"go example": "examples/order/main.go", "python": "examples/python/worker.py"} {
		for _, block := range blocks(t, what) {
			if !strings.Contains(text(t, path), block) {
				t.Errorf("%s has no such code:\n%s", path, block)
			}
		}
	}
}

func TestREADMENamesEveryFolder(t *testing.T) {
	t.Parallel()
	readme := text(t, "README.md")
	_, structure, _ := strings.Cut(readme, "## Structure\n")
	for _, pattern := range []string{"*", "internal/*", "cmd/*"} {
		paths, err := filepath.Glob(filepath.Join(root(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			folder, err := filepath.Rel(root(), path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			// bin is what make build makes; of cmd and internal, each folder in them is named.
			if !info.IsDir() || strings.HasPrefix(folder, ".") || folder == "bin" || folder == "cmd" || folder == "internal" {
				continue
			}
			if !strings.Contains(structure, "`"+filepath.ToSlash(folder)+"`") {
				t.Errorf("the README's structure does not name %s", folder)
			}
		}
	}
}
