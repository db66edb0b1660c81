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
		l.loadTasks(tasks), l.loadSteps(tasks), l.loadState(tasks), l.loadCounters(tasks), commitNow)
	if err != nil {
		return nil, err
	}
	return l.turns(), nil
}

// turnLoad is what was found for turns, by execution or task.
type turnLoad struct {
	found    []db.Turn
	steps    map[workflow.ID][]*workflow.Task
	state    map[workflow.ID][]workflow.StateEntry
	counters map[workflow.ID][]workflow.Counter
}

func (l *turnLoad) turns() []db.Turn {
	for i := range l.found {
		t := &l.found[i]
		t.Steps, t.State, t.Counters = l.steps[t.Task.ID], l.state[t.Execution.ID], l.counters[t.Execution.ID]
	}
	return l.found
}

func (l *turnLoad) loadTasks(ids []workflow.ID) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.TurnTasks(ctx, dbsqlc.TurnTasksParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		l.found, err = convert(rows, func(r dbsqlc.TurnTasksRow) (t db.Turn, err error) {
			if t.Execution, err = toExecution(r.Execution); err != nil {
				return t, err
			}
			t.Task, err = toTask(r.Task)
			if err == nil && t.Task.Input == nil && t.Task.Root() {
				t.Task.Input = t.Execution.Input
			}
			return t, err
		})
		return err
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
