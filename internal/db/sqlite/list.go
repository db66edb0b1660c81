package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

var _ db.TaskLister = (*Store)(nil)

// ExecutionIDs implements db.Queries.
func (s *Store) ExecutionIDs(ctx context.Context, f db.ExecutionFilter) (ids []workflow.ID, err error) {
	err = s.view(ctx, "listing executions", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		ids, err = executionIDs(ctx, q, f)
		return err
	})
	return ids, err
}

// Executions implements db.Queries.
func (s *Store) Executions(ctx context.Context, f db.ExecutionFilter) (executions []*workflow.Execution, err error) {
	err = s.view(ctx, "listing executions", func(ctx context.Context, q *dbsqlc.Queries) error {
		ids, err := executionIDs(ctx, q, f)
		if err != nil {
			return err
		}
		for _, id := range ids {
			row, err := q.GetExecution(ctx, dbsqlc.GetExecutionParams{Namespace: namespace, ID: id})
			if err != nil {
				return err
			}
			e, err := toExecution(row)
			if err != nil {
				return err
			}
			executions = append(executions, e)
		}
		return nil
	})
	return executions, err
}

func executionIDs(ctx context.Context, q *dbsqlc.Queries, f db.ExecutionFilter) ([]workflow.ID, error) {
	least, below := f.IDs()
	runs := f.Runs(true)
	ids := make([][]workflow.ID, len(runs))
	for i := range runs {
		var err error
		if ids[i], err = executionRun(ctx, q, &runs[i], least, below); err != nil {
			return nil, err
		}
	}
	return db.MergeIDs(ids, f.Limit), nil
}

// executionRun reads a run from the index that gives it in order. What has no index
// of its own beside another goes with the rest of the filter.
func executionRun(ctx context.Context, q *dbsqlc.Queries, r *db.ExecutionRun, least, below workflow.ID) ([]workflow.ID, error) {
	if r.Queue != "" && (r.Queue == workflow.DefaultQueue || r.Function+string(r.State)+r.Tag != "") {
		r.Queues, r.Queue = []string{r.Queue}, ""
	}
	p := dbsqlc.ExecutionIDsParams{
		Namespace: namespace, Below: below, Least: lowest(least), Most: int64(r.Limit),
		CreatedAfter: usOrNil(r.CreatedAfter), CreatedBefore: usOrNil(r.CreatedBefore), Paused: flag(r.Paused),
	}
	if err := errors.Join(
		alternatives(&p.States, r.States), alternatives(&p.Functions, r.Functions), alternatives(&p.Queues, r.Queues),
	); err != nil {
		return nil, err
	}
	switch {
	case r.Tag != "":
		return q.ExecutionIDsOfTag(ctx, dbsqlc.ExecutionIDsOfTagParams{
			Tag: r.Tag, Namespace: p.Namespace, Below: p.Below, Least: p.Least, States: p.States, Functions: p.Functions,
			Queues: p.Queues, CreatedAfter: p.CreatedAfter, CreatedBefore: p.CreatedBefore, Paused: p.Paused, Most: p.Most,
		})
	case r.Function != "":
		return q.ExecutionIDsOfFunction(ctx, dbsqlc.ExecutionIDsOfFunctionParams{
			Function: r.Function, State: r.State, Namespace: p.Namespace, Below: p.Below, Least: p.Least, States: p.States,
			Functions: p.Functions, Queues: p.Queues, CreatedAfter: p.CreatedAfter, CreatedBefore: p.CreatedBefore,
			Paused: p.Paused, Most: p.Most,
		})
	case r.State != "":
		return q.ExecutionIDsOfState(ctx, dbsqlc.ExecutionIDsOfStateParams{
			State: r.State, Namespace: p.Namespace, Below: p.Below, Least: p.Least, States: p.States, Functions: p.Functions,
			Queues: p.Queues, CreatedAfter: p.CreatedAfter, CreatedBefore: p.CreatedBefore, Paused: p.Paused, Most: p.Most,
		})
	case r.Queue != "":
		return q.ExecutionIDsOfQueue(ctx, dbsqlc.ExecutionIDsOfQueueParams{
			Queue: r.Queue, Namespace: p.Namespace, Below: p.Below, Least: p.Least, States: p.States, Functions: p.Functions,
			Queues: p.Queues, CreatedAfter: p.CreatedAfter, CreatedBefore: p.CreatedBefore, Paused: p.Paused, Most: p.Most,
		})
	}
	return q.ExecutionIDs(ctx, p)
}

// lowest gives the id for a query: the zero id would be NULL, below which nothing is.
func lowest(id workflow.ID) workflow.ID {
	if id.IsZero() {
		id[len(id)-1] = 1
	}
	return id
}

// flag stores a truth, nil as NULL.
func flag(b *bool) *int64 {
	if b == nil {
		return nil
	}
	var n int64
	if *b {
		n = 1
	}
	return &n
}

// alternatives sets a filter: the JSON array of what is wanted, NULL for all.
func alternatives[T ~string](filter **string, wanted []T) error {
	if len(wanted) == 0 {
		return nil
	}
	text, err := list(wanted)
	if err != nil {
		return fmt.Errorf("filtering: %w", err)
	}
	*filter = &text
	return nil
}

// Tasks implements db.Queries.
func (s *Store) Tasks(ctx context.Context, f db.TaskFilter) (*db.TaskPage, error) {
	return db.ListTasks(ctx, s, f)
}

// OpenExecutions implements db.TaskLister.
func (s *Store) OpenExecutions(ctx context.Context, below workflow.ID, limit int) (ids []workflow.ID, err error) {
	err = s.view(ctx, "listing open executions", func(ctx context.Context, q *dbsqlc.Queries) error {
		var runs [][]workflow.ID
		for _, state := range db.OpenStates() {
			run, err := q.OpenExecutions(ctx, dbsqlc.OpenExecutionsParams{
				State: state, Namespace: namespace, Below: below, Most: int64(limit),
			})
			if err != nil {
				return err
			}
			runs = append(runs, run)
		}
		ids = db.MergeIDs(runs, limit)
		return nil
	})
	return ids, err
}

// OpenTasks implements db.TaskLister.
func (s *Store) OpenTasks(
	ctx context.Context, executions []workflow.ID, f *db.TaskFilter, place db.TaskPlace, limit int,
) (refs []db.TaskRef, err error) {
	err = s.view(ctx, "listing open tasks", func(ctx context.Context, q *dbsqlc.Queries) error {
		_, all := (&db.ExecutionFilter{}).IDs()
		for _, execution := range executions {
			below := all
			if execution == place.Execution {
				below = lowest(place.Task)
			}
			of := *f
			of.Execution = execution
			ids, err := taskIDsOf(ctx, q, &of, below, limit-len(refs))
			if err != nil {
				return err
			}
			for _, id := range ids {
				refs = append(refs, db.TaskRef{Execution: execution, Task: id})
			}
			if len(refs) >= limit {
				return nil
			}
		}
		return nil
	})
	return refs, err
}

func taskIDsOf(ctx context.Context, q *dbsqlc.Queries, f *db.TaskFilter, below workflow.ID, limit int) ([]workflow.ID, error) {
	p := dbsqlc.TaskIDsOfParams{ExecutionID: f.Execution, Namespace: namespace, Below: below, Most: int64(limit)}
	if err := errors.Join(
		alternatives(&p.States, f.States), alternatives(&p.Queues, f.Queues),
		alternatives(&p.Functions, f.Functions), alternatives(&p.Kinds, f.Kinds),
	); err != nil {
		return nil, err
	}
	return q.TaskIDsOf(ctx, p)
}

// TaskIDs implements db.TaskLister.
func (s *Store) TaskIDs(ctx context.Context, r *db.TaskRun, below workflow.ID, limit int) (ids []workflow.ID, err error) {
	err = s.view(ctx, "listing tasks", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		if r.Execution.IsZero() {
			ids, err = taskRun(ctx, q, r, below, limit)
		} else {
			ids, err = taskIDsOf(ctx, q, &r.TaskFilter, below, limit)
		}
		return err
	})
	return ids, err
}

// taskRun reads a run from the index that gives it in order.
func taskRun(ctx context.Context, q *dbsqlc.Queries, r *db.TaskRun, below workflow.ID, limit int) ([]workflow.ID, error) {
	p := dbsqlc.TaskIDsParams{Namespace: namespace, Below: below, Most: int64(limit)}
	if err := errors.Join(
		alternatives(&p.States, r.States), alternatives(&p.Queues, r.Queues), alternatives(&p.Kinds, r.Kinds),
	); err != nil {
		return nil, err
	}
	switch {
	case r.Erred:
		return q.ErredTaskIDs(ctx, dbsqlc.ErredTaskIDsParams{
			Namespace: p.Namespace, Below: p.Below, Function: textOrNil(r.Function), Queue: textOrNil(r.Queue),
			Kind: textOrNil(string(r.Kind)), States: p.States, Queues: p.Queues, Kinds: p.Kinds, Most: p.Most,
		})
	case r.Function != "":
		return q.TaskIDsOfFunction(ctx, dbsqlc.TaskIDsOfFunctionParams{
			Function: r.Function, Namespace: p.Namespace, Below: p.Below, States: p.States, Queues: p.Queues, Kinds: p.Kinds, Most: p.Most,
		})
	case r.Queue != "":
		return q.TaskIDsOfQueue(ctx, dbsqlc.TaskIDsOfQueueParams{
			Queue: r.Queue, Namespace: p.Namespace, Below: p.Below, States: p.States, Queues: p.Queues, Kinds: p.Kinds, Most: p.Most,
		})
	case r.Kind != "":
		return q.TaskIDsOfKind(ctx, dbsqlc.TaskIDsOfKindParams{
			Kind: r.Kind, Namespace: p.Namespace, Below: p.Below, States: p.States, Queues: p.Queues, Kinds: p.Kinds, Most: p.Most,
		})
	}
	return q.TaskIDs(ctx, p)
}

// TasksByID implements db.Queries.
func (s *Store) TasksByID(ctx context.Context, ids []workflow.ID) (tasks []*workflow.Task, err error) {
	ids = slices.SortedFunc(slices.Values(ids), workflow.ID.Compare)
	err = s.view(ctx, "reading tasks", func(ctx context.Context, q *dbsqlc.Queries) error {
		for _, id := range slices.Compact(ids) {
			row, err := q.GetTask(ctx, dbsqlc.GetTaskParams{Namespace: namespace, ID: id})
			if errors.Is(err, errNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			t, err := toTask(row)
			if err != nil {
				return err
			}
			tasks = append(tasks, t)
		}
		return nil
	})
	return tasks, err
}
