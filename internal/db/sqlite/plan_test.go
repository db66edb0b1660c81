package sqlite

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var argument = regexp.MustCompile(`sqlc\.n?arg\((\w+)\)`)

// queries gives the text of each query by its name.
func queries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(content), "-- name: ")[1:] {
			head, text, _ := strings.Cut(part, "\n")
			name, _, _ := strings.Cut(head, " ")
			text = strings.ReplaceAll(argument.ReplaceAllString(text, "?"), "sqlc.embed(t)", "t.*")
			texts[name], _, _ = strings.Cut(text, ";")
		}
	}
	return texts
}

// plan gives the steps of a query's plan.
func plan(t *testing.T, pool *sql.DB, text string) (steps []string) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, slices.Repeat([]any{nil}, strings.Count(text, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

func TestNoQueryScansATableThatGrows(t *testing.T) {
	t.Parallel()
	pool, err := sql.Open("sqlite", dataSource(Memory))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	if err := migrateUp(pool); err != nil {
		t.Fatal(err)
	}
	small := regexp.MustCompile(`^(SCAN|SEARCH) (schedulers|functions|workers|paused_queues|json_each|tag|parents|CONSTANT ROW|\(subquery-\d+\))`)
	// A part of an index that only its namespace and an order bound: right for pages of lists.
	wide := regexp.MustCompile(`\(namespace=\?( AND id<\?)?\)$`)
	// And what stops after so many rows.
	pages := []string{"ListTasks", "ListExecutions"}
	bounded := []string{"SampleTasks", "TaskRange"}
	for name, text := range queries(t) {
		for _, step := range plan(t, pool, text) {
			scans := strings.HasPrefix(step, "SCAN ") || wide.MatchString(step) && !slices.Contains(pages, name)
			if scans && !small.MatchString(step) && !slices.Contains(bounded, name) {
				t.Errorf("%s: %s", name, step)
			}
			lane := slices.Contains([]string{"NextLane", "NextDue", "ListDue", "Hasten"}, name)
			if lane && strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s sorts: %s", name, step)
			}
			if name == "NextLane" && !strings.Contains(step, "(queue,lane,pinned,version,priority,concurrency_key)>") {
				t.Errorf("%s does not leap: %s", name, step)
			}
			if lane && strings.HasPrefix(step, "SEARCH t") && !strings.Contains(step, "tasks_due") {
				t.Errorf("%s does not use the index of due tasks: %s", name, step)
			}
		}
	}
}

// Whoever follows an execution sees a task that changed only by this.
func TestEveryWriteOfATaskOrAnExecutionSaysWhenItWas(t *testing.T) {
	t.Parallel()
	write := regexp.MustCompile(`(?s)(UPDATE|INSERT INTO) (tasks|executions)\b`)
	for name, text := range queries(t) {
		if write.MatchString(text) && !regexp.MustCompile(`\bchanged\b`).MatchString(text) {
			t.Errorf("%s does not set changed", name)
		}
	}
}
