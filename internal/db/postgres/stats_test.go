package postgres

import (
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/workflow"
)

// With 2,000 executions and 200,000 tasks, executions are counted and tasks are not.
func TestStatsOfLargeDatabasesAreEstimates(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string][]string{
		"ByTheServersStatistics": {grow, "VACUUM ANALYZE"},
		"BySomePages":            {"ALTER TABLE tasks SET (autovacuum_enabled = off)", grow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := migrated(t, testenv.Relaxed())
			admin := connect(t, url)
			for _, sql := range prepare {
				if _, err := admin.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			stats, err := openURL(t, url).Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := stats.Executions[workflow.ExecutionRunning]; got != (db.Count{N: 2000}) {
				t.Errorf("counted %+v executions", got)
			}
			for state, want := range map[workflow.TaskState]int64{workflow.TaskPending: 2000, workflow.TaskCompleted: 198_000} {
				if got := stats.Tasks[state]; !got.Estimated || got.N < want*8/10 || got.N > want*12/10 {
					t.Errorf("estimated %+v tasks that are %s, not about %d", got, state, want)
				}
			}
			if got := stats.DeadLetters; !got.Estimated || got.N < db.CountedUpTo {
				t.Errorf("estimated %+v dead letters", got)
			}
		})
	}
}
