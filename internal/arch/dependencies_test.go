package arch_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the module's, seen from this package's directory.
const root = "../.."

// toolModules are the module files that pin the tools.
var toolModules = []string{"tools/go.mod", "tools/lint/go.mod"}

// row matches a line of the tables of docs/dependencies.md: the module, what
// it is for, why this one, and its licence.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$")

func TestEachDirectDependencyHasALine(t *testing.T) {
	t.Parallel()
	documented := documentedModules(t)
	for _, path := range directDependencies(t) {
		if !documented[path] {
			t.Errorf("docs/dependencies.md has no line for %s", path)
		}
	}
}

func TestEachLineNamesADependency(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, file := range append([]string{"go.mod"}, toolModules...) {
		for _, require := range readModule(t, file).Require {
			known[require.Path] = true
		}
	}
	for path := range documentedModules(t) {
		// What npm runs is pinned by the Makefile, not by a go.mod.
		if !known[path] && !strings.HasPrefix(path, "@") {
			t.Errorf("docs/dependencies.md has a line for %s, which is required nowhere", path)
		}
	}
}

// goMod is what go mod edit -json says, of which the test needs this.
type goMod struct {
	Require []struct {
		Path     string
		Indirect bool
	}
	Tool []struct{ Path string }
}

// directDependencies returns what go.mod requires directly, and the modules of
// the tools.
func directDependencies(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, require := range readModule(t, "go.mod").Require {
		if !require.Indirect {
			paths = append(paths, require.Path)
		}
	}
	for _, file := range toolModules {
		mod := readModule(t, file)
		for _, tool := range mod.Tool {
			for _, require := range mod.Require {
				if strings.HasPrefix(tool.Path, require.Path+"/") {
					paths = append(paths, require.Path)
				}
			}
		}
	}
	return paths
}

func readModule(t *testing.T, file string) goMod {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json", file)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %v", file, err)
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatalf("reading %s: %v", file, err)
	}
	return mod
}

func documentedModules(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		modules[match[1]] = true
	}
	return modules
}
