package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	conformance  = regexp.MustCompile(`(?m)^\t"([A-Z]\w+)": `)
	promise      = regexp.MustCompile(`(?m)^\|.* \| ([^|]+) \|$`)
	testName     = regexp.MustCompile("`([A-Z]\\w+)`")
)

// tests gives the names of all tests of the module, those of the stores' suite included.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		pattern := testFunction
		switch {
		case err != nil:
			return err
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		case filepath.Base(filepath.Dir(path)) == "dbtest":
			pattern = conformance
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // of this module
		for _, match := range pattern.FindAllSubmatch(text, -1) {
			known[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func TestEachPromiseNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	known := tests(t)
	for _, page := range []string{"promises.md", "holes.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		promises := 0
		for _, line := range promise.FindAllSubmatch(text, -1) {
			names := testName.FindAllSubmatch(line[1], -1)
			if head := string(line[1]); head == "tests" || head == "---" {
				continue
			}
			promises++
			if len(names) == 0 {
				t.Errorf("%s: this names no test: %s", page, line[0])
			}
			for _, name := range names {
				if !known[string(name[1])] {
					t.Errorf("%s: there is no test %s: %s", page, name[1], line[0])
				}
			}
		}
		if promises < 38 {
			t.Errorf("%s has %d promises", page, promises)
		}
	}
}
