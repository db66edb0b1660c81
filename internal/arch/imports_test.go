package arch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// goPackage is what go list says about a package, of which the rules need this.
type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	if len(packages) == 0 {
		t.Fatal("go list found no package")
	}
	for _, p := range packages {
		for _, v := range violations(p) {
			t.Error(v)
		}
	}
}

func TestViolationsNameThePackageTheImportAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pkg     string
		imports []string
		want    string
	}{
		"allowed":            {"internal/engine", []string{"fmt", module + "/internal/db", "github.com/google/uuid"}, ""},
		"upwards":            {"internal/db", []string{module + "/internal/engine"}, "internal/db imports internal/engine; of this module it may import: internal/workflow"},
		"not even once":      {"internal/workflow", []string{module + "/internal/wire"}, "internal/workflow imports internal/wire; of this module it may import: nothing"},
		"composition":        {"internal/app", []string{module + "/internal/http"}, ""},
		"program":            {"cmd/api", []string{module + "/internal/app", "github.com/spf13/cobra"}, ""},
		"not in the table":   {"internal/util", nil, "internal/util is not in the table of imports"},
		"driver elsewhere":   {"internal/engine", []string{"github.com/jackc/pgx/v5"}, "internal/engine imports github.com/jackc/pgx/v5; that module is for: internal/db/dbopen"},
		"pure":               {"internal/workflow", []string{"github.com/google/uuid"}, "internal/workflow imports github.com/google/uuid; it may import no third-party module"},
		"unknown dependency": {"internal/engine", []string{"example.com/thing"}, "internal/engine imports example.com/thing; no rule says where that module may be used"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := violations(goPackage{ImportPath: module + "/" + test.pkg, Imports: test.imports})
			if test.want == "" && len(got) > 0 {
				t.Errorf("got %q, want none", got)
			}
			if test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)) {
				t.Errorf("got %q, want one that begins with %q", got, test.want)
			}
		})
	}
}

// violations returns a sentence for each rule that a package breaks.
func violations(p goPackage) []string {
	name := relative(p.ImportPath)
	if isProgram(name) {
		return nil
	}
	allowed, known := internalImports[name]
	if !known {
		return []string{name + " is not in the table of imports: decide what it may import and add it"}
	}
	var found []string
	for _, path := range p.Imports {
		switch {
		case path == module || strings.HasPrefix(path, module+"/"):
			if !mayImport(allowed, relative(path)) {
				found = append(found, fmt.Sprintf("%s imports %s; of this module it may import: %s", name, relative(path), list(allowed)))
			}
		case isThirdParty(path):
			if reason := refuse(name, path); reason != "" {
				found = append(found, fmt.Sprintf("%s imports %s; %s", name, path, reason))
			}
		}
	}
	return found
}

func mayImport(allowed []string, path string) bool {
	if slices.Contains(allowed, path) {
		return true
	}
	return slices.Contains(allowed, everything) && strings.HasPrefix(path, "internal/")
}

// refuse says why a package may not import a path of a third-party module.
func refuse(name, path string) string {
	if slices.Contains(pure, name) {
		return "it may import no third-party module"
	}
	for prefix, users := range moduleUsers {
		if path != prefix && !strings.HasPrefix(path, prefix+"/") {
			continue
		}
		if slices.Contains(users, anywhere) || slices.Contains(users, name) {
			return ""
		}
		return "that module is for: " + list(users)
	}
	return "no rule says where that module may be used"
}

func relative(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func isProgram(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"cmd", "bench", "chaos", "examples"}, top)
}

// isThirdParty tells by the dot in a host's name, as the go command does.
func isThirdParty(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".")
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("reading what go list says: %v", err)
		}
		packages = append(packages, p)
	}
}
