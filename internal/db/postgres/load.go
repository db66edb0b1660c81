package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// loading gives the statements that load a need, and fills the result when they
// have been sent. The locks come first: what follows them in the pipeline sees
// what those who held them before have committed. What there is no need of is not asked.
func loading(n workflow.Need, l *workflow.Loaded) []statement {
	statements := []statement{}
	if len(n.Executions) > 0 {
		statements = append(statements, lockExecutions(n.Executions, l))
	}
	if shares(n) {
		statements = append(statements, lockResults(n))
	}
	statements = append(statements, func(ctx context.Context, q *queries) (err error) {
		l.Now, err = q.Now(ctx)
		return err
	})
	if len(n.Keys) > 0 {
		statements = append(statements, executionsByKey(n.Keys, l))
	}
	if len(n.Tasks)+len(n.Steps)+len(n.Waiters)+len(n.Open)+len(n.Trees) > 0 {
		statements = append(statements, loadTasks(n, l))
	}
	if len(n.Mailbox) > 0 {
		statements = append(statements, loadMailbox(n.Mailbox, l))
	}
	if len(n.Sent) > 0 {
		statements = append(statements, loadSent(n.Sent, l))
	}
	if len(n.Counters) > 0 {
		statements = append(statements, loadCounters(n.Counters, l))
	}
	if len(n.DeadLetters) > 0 {
		statements = append(statements, loadDeadLetters(n.DeadLetters, l))
	}
	if len(n.Trees) > 0 {
		statements = append(statements, loadMailboxes(n.Trees, l))
	}
	if shares(n) {
		statements = append(statements, loadResults(n, l))
	}
	return statements
}

func lockExecutions(ids []workflow.ID, l *workflow.Loaded) statement {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, workflow.ID.Compare)
	ids = slices.Compact(ids)
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LockExecutions(ctx, dbsqlc.LockExecutionsParams{Namespace: namespace, Ids: ids})
		if err != nil {
			return err
		}
		l.Executions, err = convert(rows, func(r dbsqlc.LockExecutionsRow) (*workflow.Execution, error) {
			return toExecution(dbsqlc.Execution(r))
		})
		return err
	}
}

// executionsByKey adds the executions that have these keys; one that is locked
// already is replaced, because this one has its input.
func executionsByKey(keys []string, l *workflow.Loaded) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.ExecutionsByKey(ctx, dbsqlc.ExecutionsByKeyParams{Namespace: namespace, Keys: keys})
		if err != nil {
			return err
		}
		found, err := convert(rows, toExecution)
		if err != nil {
			return err
		}
		locked := make(map[workflow.ID]int, len(l.Executions))
		for i, e := range l.Executions {
			locked[e.ID] = i
		}
		for _, e := range found {
			if i, ok := locked[e.ID]; ok {
				l.Executions[i] = e
				continue
			}
			l.Executions = append(l.Executions, e)
		}
		return nil
	}
}

func loadTasks(n workflow.Need, l *workflow.Loaded) statement {
	params := dbsqlc.LoadTasksParams{
		Namespace:        namespace,
		Ids:              n.Tasks,
		StepParents:      column(n.Steps, func(s workflow.StepRef) workflow.ID { return s.Parent }),
		StepRuns:         column(n.Steps, func(s workflow.StepRef) int32 { return number(s.Run) }),
		StepKeys:         column(n.Steps, func(s workflow.StepRef) string { return s.Key }),
		WaiterExecutions: column(n.Waiters, execution),
		WaiterNames:      column(n.Waiters, name),
		Open:             n.Open,
		Trees:            n.Trees,
	}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadTasks(ctx, params)
		if err != nil {
			return err
		}
		l.Tasks, err = convert(rows, func(r dbsqlc.LoadTasksRow) (*workflow.Task, error) { return toTask(dbsqlc.Task(r)) })
		return err
	}
}

func loadMailbox(refs []workflow.NameRef, l *workflow.Loaded) statement {
	refs = distinct(refs)
	params := dbsqlc.LoadMailboxParams{Namespace: namespace, Executions: column(refs, execution), Names: column(refs, name)}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadMailbox(ctx, params)
		if err != nil {
			return err
		}
		l.Signals, err = convert(rows, toSignal)
		return err
	}
}

func loadSent(refs []workflow.NameRef, l *workflow.Loaded) statement {
	refs = distinct(refs)
	params := dbsqlc.LoadSentParams{Namespace: namespace, Executions: column(refs, execution), Keys: column(refs, name)}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadSent(ctx, params)
		if err != nil {
			return err
		}
		l.Sent, err = convert(rows, toSignal)
		return err
	}
}

func loadCounters(refs []workflow.NameRef, l *workflow.Loaded) statement {
	refs = distinct(refs)
	params := dbsqlc.LoadCountersParams{Namespace: namespace, Executions: column(refs, execution), Names: column(refs, name)}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadCounters(ctx, params)
		if err != nil {
			return err
		}
		l.Counters, err = convert(rows, toCounter)
		return err
	}
}

func execution(r workflow.NameRef) workflow.ID { return r.Execution }
func name(r workflow.NameRef) string           { return r.Name }

// distinct drops repetitions, which would load the same rows again.
func distinct[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	out := make([]T, 0, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// gathering gives the statement that loads the items of maps, each list in order.
func gathering(gathers []workflow.Gather, items [][]workflow.Item) statement {
	ats := make([]int32, len(gathers))
	for i := range gathers {
		ats[i] = number(i)
	}
	params := dbsqlc.LoadItemsParams{
		Namespace:  namespace,
		Executions: column(gathers, func(g workflow.Gather) workflow.ID { return g.Execution }),
		Maps:       column(gathers, func(g workflow.Gather) workflow.ID { return g.Map }),
		Runs:       column(gathers, func(g workflow.Gather) int32 { return number(g.Run) }),
		Ats:        ats,
	}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadItems(ctx, params)
		if err != nil {
			return err
		}
		for _, r := range rows {
			item := workflow.Item{State: r.State, Result: r.Result}
			if err := decodeTo(r.Error, &item.Error); err != nil {
				return fmt.Errorf("reading an item of map %s: %w", gathers[r.At].Map, err)
			}
			items[r.At] = append(items[r.At], item)
		}
		return nil
	}
}
