package postgres

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

var _ db.TaskLister = (*Store)(nil)

// orNull gives NULL for an empty text.
func orNull[T ~string](text T) *string {
	if text == "" {
		return nil
	}
	s := string(text)
	return &s
}

// rareTags is how many executions may have a tag that is looked for by its index, which
// knows no order.
const rareTags = 5_000

// tagged gives all executions with one of the tags, if these are rare. common tells
// that they are not.
func (s *Store) tagged(ctx context.Context, tags []string) (ids []workflow.ID, common bool, err error) {
	err = s.read("listing executions by tag", func(q *dbsqlc.Queries) error {
		ids, err = q.TaggedExecutions(ctx, dbsqlc.TaggedExecutionsParams{Tags: tags, Namespace: namespace, Most: rareTags + 1})
		return err
	})
	if len(ids) > rareTags {
		return nil, true, err
	}
	return ids, false, err
}

// ExecutionIDs implements db.Queries: all runs in one round trip.
func (s *Store) ExecutionIDs(ctx context.Context, f db.ExecutionFilter) ([]workflow.ID, error) {
	among := []workflow.ID{} // empty: all
	if len(f.Tags) > 0 {
		ids, common, err := s.tagged(ctx, f.Tags)
		if err != nil || !common && len(ids) == 0 {
			return nil, err
		}
		among = append(among, ids...)
	}
	least, below := f.IDs()
	runs := f.Runs(false)
	ids := make([][]workflow.ID, len(runs))
	statements := make([]statement, len(runs))
	for i := range runs {
		r := &runs[i]
		params := dbsqlc.ExecutionIDsParams{
			Namespace: namespace, Below: below, Least: least, State: orNull(r.State), Function: orNull(r.Function),
			Queue: orNull(r.Queue), States: texts(r.States), Functions: texts(r.Functions), Queues: texts(r.Queues),
			Tags: texts(r.Tags), CreatedAfter: timeOf(r.CreatedAfter), CreatedBefore: timeOf(r.CreatedBefore),
			Paused: r.Paused, Most: number(f.Limit), Among: among,
		}
		statements[i] = func(ctx context.Context, q *queries) (err error) {
			ids[i], err = q.ExecutionIDs(ctx, params)
			return err
		}
	}
	if err := s.run(ctx, s.reads, "listing executions", statements...); err != nil {
		return nil, err
	}
	return db.MergeIDs(ids, f.Limit), nil
}

// Executions implements db.Queries. The rows are read once it is known which, so
// that their payloads are.
func (s *Store) Executions(ctx context.Context, f db.ExecutionFilter) (executions []*workflow.Execution, err error) {
	ids, err := s.ExecutionIDs(ctx, f)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	err = s.read("listing executions", func(q *dbsqlc.Queries) error {
		rows, err := q.ExecutionsByID(ctx, dbsqlc.ExecutionsByIDParams{Ids: ids, Namespace: namespace})
		if err != nil {
			return err
		}
		executions, err = convert(rows, toExecution)
		return err
	})
	return executions, err
}

// Tasks implements db.Queries.
func (s *Store) Tasks(ctx context.Context, f db.TaskFilter) (*db.TaskPage, error) {
	return db.ListTasks(ctx, s, f)
}

// OpenExecutions implements db.TaskLister.
func (s *Store) OpenExecutions(ctx context.Context, below workflow.ID, limit int) (ids []workflow.ID, err error) {
	err = s.read("listing open executions", func(q *dbsqlc.Queries) error {
		ids, err = q.OpenExecutions(ctx, dbsqlc.OpenExecutionsParams{
			States: texts(db.OpenStates()), Below: below, Namespace: namespace, Most: number(limit),
		})
		return err
	})
	return ids, err
}

// OpenTasks implements db.TaskLister.
func (s *Store) OpenTasks(
	ctx context.Context, executions []workflow.ID, f *db.TaskFilter, place db.TaskPlace, limit int,
) (refs []db.TaskRef, err error) {
	err = s.read("listing open tasks", func(q *dbsqlc.Queries) error {
		rows, err := q.OpenTasks(ctx, dbsqlc.OpenTasksParams{
			Executions: executions, Namespace: namespace, States: texts(f.States), LastExecution: place.Execution,
			LastTask: place.Task, Functions: texts(f.Functions), Queues: texts(f.Queues), Kinds: texts(f.Kinds), Most: number(limit),
		})
		refs = column(rows, func(r dbsqlc.OpenTasksRow) db.TaskRef { return db.TaskRef{Execution: r.ExecutionID, Task: r.ID} })
		return err
	})
	return refs, err
}

// TaskIDs implements db.TaskLister.
func (s *Store) TaskIDs(ctx context.Context, r *db.TaskRun, below workflow.ID, limit int) (ids []workflow.ID, err error) {
	err = s.read("listing tasks", func(q *dbsqlc.Queries) (err error) {
		if !r.Execution.IsZero() {
			ids, err = q.TaskIDsOf(ctx, dbsqlc.TaskIDsOfParams{
				Execution: r.Execution, Namespace: namespace, Below: below, States: texts(r.States),
				Functions: texts(r.Functions), Queues: texts(r.Queues), Kinds: texts(r.Kinds), Most: number(limit),
			})
			return err
		}
		ids, err = q.TaskIDs(ctx, dbsqlc.TaskIDsParams{
			Namespace: namespace, Below: below, Function: orNull(r.Function), Queue: orNull(r.Queue), Kind: orNull(r.Kind),
			Erred: r.Erred, States: texts(r.States), Queues: texts(r.Queues), Kinds: texts(r.Kinds), Most: number(limit),
		})
		return err
	})
	return ids, err
}

// TasksByID implements db.Queries.
func (s *Store) TasksByID(ctx context.Context, ids []workflow.ID) (tasks []*workflow.Task, err error) {
	err = s.read("reading tasks", func(q *dbsqlc.Queries) error {
		rows, err := q.TasksByID(ctx, dbsqlc.TasksByIDParams{Ids: ids, Namespace: namespace})
		if err != nil {
			return err
		}
		tasks, err = convert(rows, toTask)
		return err
	})
	return tasks, err
}
