package sqlite

import (
	"context"
	"strconv"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Changes implements db.Queries. A mark is the time of a transaction, in decimal: of
// the one that wrote last, as far as was seen.
func (s *Store) Changes(ctx context.Context, execution workflow.ID, since db.Mark) (*db.Changes, error) {
	after, err := strconv.ParseInt(string(since), 10, 64)
	if err != nil {
		after = -1 // a mark that nobody here gave
	}
	c := &db.Changes{}
	err = s.view(ctx, "reading what changed", func(ctx context.Context, q *dbsqlc.Queries) error {
		row, err := q.ChangedExecution(ctx, dbsqlc.ChangedExecutionParams{Namespace: namespace, ID: execution})
		if err != nil {
			return err
		}
		tasks, err := q.ChangedTasks(ctx, dbsqlc.ChangedTasksParams{Namespace: namespace, ExecutionID: execution, Since: after})
		if err != nil {
			return err
		}
		last := max(after, row.Changed)
		for _, t := range tasks {
			c.Tasks = append(c.Tasks, t.ID)
			last = max(last, t.Changed)
		}
		c.State, c.Execution = row.State, row.Changed > after
		c.Mark = db.Mark(strconv.FormatInt(last, 10))
		c.Rough = c.Mark
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
