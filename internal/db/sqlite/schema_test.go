package sqlite

import (
	"embed"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stent-dev/stent/migrations"
)

var (
	tableText  = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
	columnText = regexp.MustCompile(`(?m)^    ([a-z_]+) `)
	addedText  = regexp.MustCompile(`ADD COLUMN (\w+)`)
	indexText  = regexp.MustCompile(`CREATE (?:UNIQUE )?INDEX (.*)`)
)

// schema gives table.column and the indexes of the migrations in a folder.
func schema(t *testing.T, files embed.FS, folder string) (names []string) {
	t.Helper()
	paths, err := fs.Glob(files, folder+"/*.up.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d migrations, %v", len(paths), err)
	}
	for _, path := range paths {
		content, err := files.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(path, folder))
		for _, table := range tableText.FindAllStringSubmatch(string(content), -1) {
			if table[1] == "execution_tags" { // PostgreSQL has an inverted index
				continue
			}
			for _, column := range columnText.FindAllStringSubmatch(table[2], -1) {
				names = append(names, table[1]+"."+column[1])
			}
		}
		for _, column := range addedText.FindAllStringSubmatch(string(content), -1) {
			if column[1] != "changed" { // PostgreSQL has xmin
				names = append(names, column[1])
			}
		}
		for _, index := range indexText.FindAllStringSubmatch(string(content), -1) {
			if !strings.Contains(index[1], "USING gin") {
				names = append(names, index[1])
			}
		}
	}
	return names
}

func TestBothDatabasesHaveTheSameTablesColumnsAndIndexes(t *testing.T) {
	t.Parallel()
	ours, theirs := schema(t, migrations.SQLite, "sqlite"), schema(t, migrations.Postgres, "postgres")
	if len(ours) < 100 || !slices.Equal(ours, theirs) {
		t.Errorf("SQLite has\n%s\nand PostgreSQL\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
	}
}
