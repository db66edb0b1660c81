package postgres

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Turns implements db.Journal: one round trip, one snapshot for all of it.
func (s *Store) Turns(ctx context.Context, tasks []workflow.ID) ([]db.Turn, error) {
	var l turnLoad
	err := s.run(ctx, s.commits, "loading turns",
		func(ctx context.Context, q *queries) error {
			_, err := q.exec(ctx, "begin isolation level repeatable read, read only")
			return err
		},
		l.loadTasks(tasks), l.loadExecutions(tasks), l.loadSteps(tasks), l.loadState(tasks), l.loadCounters(tasks), commitNow)
	if err != nil {
		return nil, err
	}
	return l.turns(), nil
}

// turnLoad is what was found for turns, by execution or task.
type turnLoad struct {
	tasks      []*workflow.Task
	executions map[workflow.ID]*workflow.Execution
	steps      map[workflow.ID][]*workflow.Task
	state      map[workflow.ID][]workflow.StateEntry
	counters   map[workflow.ID][]workflow.Counter
}

func (l *turnLoad) turns() []db.Turn {
	return column(l.tasks, func(t *workflow.Task) db.Turn {
		e := l.executions[t.Execution]
		if t.Root() && t.Input == nil {
			t.Input = e.Input
		}
		return db.Turn{Execution: e, Task: t, Steps: l.steps[t.ID], State: l.state[e.ID], Counters: l.counters[e.ID]}
	})
}

func (l *turnLoad) loadTasks(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnTasks(ctx, dbsqlc.TurnTasksParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		l.tasks, err = convert(rows, toTask)
		return err
	}
}

func (l *turnLoad) loadExecutions(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnExecutions(ctx, dbsqlc.TurnExecutionsParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		l.executions = make(map[workflow.ID]*workflow.Execution, len(rows))
		for _, r := range rows {
			if l.executions[r.ID], err = toExecution(r); err != nil {
				return err
			}
		}
		return nil
	}
}

func (l *turnLoad) loadSteps(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnSteps(ctx, dbsqlc.TurnStepsParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		steps, err := convert(rows, func(r dbsqlc.TurnStepsRow) (*workflow.Task, error) { return toTask(dbsqlc.Task(r)) })
		l.steps = groupBy(steps, func(t *workflow.Task) workflow.ID { return t.Parent })
		return err
	}
}

func (l *turnLoad) loadState(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnState(ctx, dbsqlc.TurnStateParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		entries, err := convert(rows, toStateEntry)
		l.state = groupBy(entries, func(e workflow.StateEntry) workflow.ID { return e.Execution })
		return err
	}
}

func (l *turnLoad) loadCounters(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnCounters(ctx, dbsqlc.TurnCountersParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		counters, err := convert(rows, toCounter)
		l.counters = groupBy(counters, func(c workflow.Counter) workflow.ID { return c.Execution })
		return err
	}
}

// groupBy keeps the order within each group.
func groupBy[V any](values []V, key func(V) workflow.ID) map[workflow.ID][]V {
	groups := map[workflow.ID][]V{}
	for _, v := range values {
		groups[key(v)] = append(groups[key(v)], v)
	}
	return groups
}
