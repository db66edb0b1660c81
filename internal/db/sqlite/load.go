package sqlite

import (
	"context"
	"errors"

	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// loading collects what a Need names, each thing once.
type loading struct {
	*transaction
	loaded     *workflow.Loaded
	executions map[workflow.ID]bool
	tasks      map[workflow.ID]*workflow.Task
}

func (tx *transaction) load(ctx context.Context, need workflow.Need) (*workflow.Loaded, error) {
	l := &loading{
		transaction: tx, loaded: &workflow.Loaded{Now: tx.now},
		executions: make(map[workflow.ID]bool, len(need.Executions)),
		tasks:      make(map[workflow.ID]*workflow.Task, 2*len(need.Tasks)),
	}
	if err := l.needExecutions(ctx, need); err != nil {
		return nil, err
	}
	if err := l.needTasks(ctx, need); err != nil {
		return nil, err
	}
	if err := l.needSignals(ctx, need.Mailbox); err != nil {
		return nil, err
	}
	if err := l.needSent(ctx, need.Sent); err != nil {
		return nil, err
	}
	if err := l.needCounters(ctx, need.Counters); err != nil {
		return nil, err
	}
	if err := l.needDeadLetters(ctx, need.DeadLetters); err != nil {
		return nil, err
	}
	return l.loaded, l.needResults(ctx, need)
}

func (l *loading) needExecutions(ctx context.Context, need workflow.Need) error {
	for _, id := range need.Executions {
		if l.executions[id] {
			continue
		}
		row, err := l.LoadExecution(ctx, dbsqlc.LoadExecutionParams{Namespace: namespace, ID: id})
		if err := l.addExecution(dbsqlc.Execution(row), err); err != nil {
			return err
		}
	}
	for _, key := range need.Keys {
		row, err := l.ExecutionByKey(ctx, dbsqlc.ExecutionByKeyParams{Namespace: namespace, IdempotencyKey: &key})
		if err := l.addExecution(row, err); err != nil {
			return err
		}
	}
	return nil
}

func (l *loading) addExecution(row dbsqlc.Execution, err error) error {
	if errors.Is(err, errNoRows) || err == nil && l.executions[row.ID] {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := toExecution(row)
	if err != nil {
		return err
	}
	l.executions[e.ID] = true
	l.loaded.Executions = append(l.loaded.Executions, e)
	return nil
}

func (l *loading) needTasks(ctx context.Context, need workflow.Need) error {
	for _, id := range need.Tasks {
		if err := l.needTask(ctx, id, 2); err != nil {
			return err
		}
	}
	for _, ref := range need.Steps {
		if err := l.needStep(ctx, ref); err != nil {
			return err
		}
	}
	for _, ref := range need.Waiters {
		rows, err := l.LoadWaiters(ctx, dbsqlc.LoadWaitersParams{Namespace: namespace, ExecutionID: ref.Execution, WaitingFor: &ref.Name})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := l.addTask(dbsqlc.Task(row)); err != nil {
				return err
			}
			if err := l.needTask(ctx, row.ParentID, 0); err != nil {
				return err
			}
		}
	}
	for _, execution := range need.Open {
		rows, err := l.LoadOpenTasks(ctx, dbsqlc.LoadOpenTasksParams{Namespace: namespace, ExecutionID: execution})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := l.addTask(dbsqlc.Task(row)); err != nil {
				return err
			}
		}
	}
	for _, execution := range need.Trees {
		if err := l.needTree(ctx, execution); err != nil {
			return err
		}
	}
	return nil
}

// needTask loads a task, if it exists, and so many generations above it.
func (l *loading) needTask(ctx context.Context, id workflow.ID, above int) error {
	for ; above >= 0 && !id.IsZero(); above-- {
		if l.tasks[id] == nil {
			row, err := l.LoadTask(ctx, dbsqlc.LoadTaskParams{Namespace: namespace, ID: id})
			if errors.Is(err, errNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := l.addTask(dbsqlc.Task(row)); err != nil {
				return err
			}
		}
		id = l.tasks[id].Parent
	}
	return nil
}

// needStep finds a step with its parent's execution, which leads its index; the
// parent is nearly always loaded.
func (l *loading) needStep(ctx context.Context, ref workflow.StepRef) error {
	var execution workflow.ID
	if parent := l.tasks[ref.Parent]; parent != nil {
		execution = parent.Execution
	} else {
		var err error
		execution, err = l.TaskExecution(ctx, dbsqlc.TaskExecutionParams{Namespace: namespace, ID: ref.Parent})
		if errors.Is(err, errNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	row, err := l.LoadStep(ctx, dbsqlc.LoadStepParams{
		Namespace: namespace, ExecutionID: execution, ParentID: ref.Parent, ParentRun: ref.Run, StepKey: ref.Key,
	})
	if errors.Is(err, errNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.addTask(dbsqlc.Task(row))
}

func (l *loading) addTask(row dbsqlc.Task) error {
	if l.tasks[row.ID] != nil {
		return nil
	}
	t, err := toTask(row)
	if err != nil {
		return err
	}
	l.tasks[t.ID] = t
	l.loaded.Tasks = append(l.loaded.Tasks, t)
	return nil
}

func (l *loading) needSignals(ctx context.Context, mailboxes []workflow.NameRef) error {
	return eachOnce(mailboxes, func(ref workflow.NameRef) error {
		rows, err := l.LoadMailbox(ctx, dbsqlc.LoadMailboxParams{Namespace: namespace, ExecutionID: ref.Execution, Name: ref.Name})
		for _, row := range rows {
			l.loaded.Signals = append(l.loaded.Signals, toSignal(row))
		}
		return err
	})
}

func (l *loading) needSent(ctx context.Context, keys []workflow.NameRef) error {
	return eachOnce(keys, func(ref workflow.NameRef) error {
		row, err := l.LoadSent(ctx, dbsqlc.LoadSentParams{Namespace: namespace, ExecutionID: ref.Execution, IdempotencyKey: &ref.Name})
		if errors.Is(err, errNoRows) {
			return nil
		}
		l.loaded.Sent = append(l.loaded.Sent, toSignal(row))
		return err
	})
}

func (l *loading) needCounters(ctx context.Context, counters []workflow.NameRef) error {
	return eachOnce(counters, func(ref workflow.NameRef) error {
		value, err := l.LoadCounter(ctx, dbsqlc.LoadCounterParams{Namespace: namespace, ExecutionID: ref.Execution, Name: ref.Name})
		if errors.Is(err, errNoRows) {
			return nil
		}
		l.loaded.Counters = append(l.loaded.Counters, workflow.Counter{Execution: ref.Execution, Name: ref.Name, Value: value})
		return err
	})
}

// eachOnce visits the different ones among refs, which name things of a batch of events.
func eachOnce(refs []workflow.NameRef, visit func(workflow.NameRef) error) error {
	seen := make(map[workflow.NameRef]bool, len(refs))
	for _, ref := range refs {
		if seen[ref] {
			continue
		}
		seen[ref] = true
		if err := visit(ref); err != nil {
			return err
		}
	}
	return nil
}
