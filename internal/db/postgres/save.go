package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// saving gives the statements that save a change, but for its holds; those for
// which there is nothing to do are left out. The order matters: what the change
// made and updated is swept too.
func (c *commit) saving(change *workflow.Change) ([]statement, error) {
	var s saver
	if len(change.Results) > 0 {
		s.add(updateResults(change.Results))
	}
	if len(change.NewResults) > 0 {
		s.add(insertResults(change.NewResults))
	}
	if !change.Lessee.IsZero() {
		s.add(checkAlive(change.Lessee))
	}
	if len(change.NewExecutions) > 0 {
		s.try(insertExecutions(change.NewExecutions))
	}
	if len(change.Executions) > 0 {
		s.try(updateExecutions(change.Executions))
	}
	if len(change.Moves) > 0 {
		s.add(moved(change.Moves))
	}
	if len(change.NewTasks) > 0 {
		s.try(insertTasks(change.NewTasks))
	}
	if len(change.Reopened) > 0 {
		s.add(reopened(change.Reopened))
	}
	if len(change.Tasks) > 0 {
		s.try(updateTasks(change.Tasks))
	}
	if len(change.Inputs) > 0 {
		s.add(setInputs(change.Inputs))
	}
	if len(change.Releases) > 0 {
		s.add(release(change))
	}
	s.parks(change.Parks)
	if len(change.Sweeps) > 0 {
		s.add(c.sweep(change))
	}
	s.mailbox(change)
	s.deadLetters(change)
	if len(change.Counters) > 0 {
		s.add(setCounters(change.Counters))
	}
	if len(change.State) > 0 {
		s.add(setState(change.State))
	}
	if len(change.Attempts) > 0 {
		s.try(insertAttempts(change.Attempts))
	}
	return s.statements, errors.Join(s.errs...)
}

// holding gives the statements for holds. They come last: a claim of the same
// scheduler may be inserting the same hold, with tasks locked that this
// transaction wants to update, so it must have them before it waits for the hold.
func holding(change *workflow.Change) []statement {
	var s saver
	if len(change.Holds) > 0 {
		schedulers, executions := holdColumns(change.Holds)
		s.add(func(ctx context.Context, q *queries) error {
			return q.InsertHolds(ctx, dbsqlc.InsertHoldsParams{Namespace: namespace, Schedulers: schedulers, Executions: executions})
		})
	}
	if len(change.Unholds) > 0 {
		schedulers, executions := holdColumns(change.Unholds)
		s.add(func(ctx context.Context, q *queries) error {
			return q.DeleteHolds(ctx, dbsqlc.DeleteHoldsParams{Schedulers: schedulers, Executions: executions})
		})
	}
	return s.statements
}

func holdColumns(holds []workflow.Hold) (schedulers, executions []workflow.ID) {
	return column(holds, func(h workflow.Hold) workflow.ID { return h.Scheduler }),
		column(holds, func(h workflow.Hold) workflow.ID { return h.Execution })
}

// saver collects statements, and the errors of making them.
type saver struct {
	statements []statement
	errs       []error
}

func (s *saver) add(st statement) { s.statements = append(s.statements, st) }

func (s *saver) try(st statement, err error) {
	s.add(st)
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

func (s *saver) mailbox(change *workflow.Change) {
	if signals := change.NewSignals; len(signals) > 0 {
		params := dbsqlc.InsertSignalsParams{
			Namespace:   namespace,
			Executions:  column(signals, func(v *workflow.Signal) workflow.ID { return v.Execution }),
			Seqs:        column(signals, func(v *workflow.Signal) int64 { return v.Seq }),
			Ids:         column(signals, func(v *workflow.Signal) workflow.ID { return v.ID }),
			Names:       column(signals, func(v *workflow.Signal) string { return v.Name }),
			Payloads:    column(signals, func(v *workflow.Signal) []byte { return v.Payload }),
			ReceivedAts: column(signals, func(v *workflow.Signal) time.Time { return v.ReceivedAt }),
			TakenBys:    column(signals, func(v *workflow.Signal) workflow.ID { return v.TakenBy }),

			IdempotencyKeys: column(signals, func(v *workflow.Signal) string { return v.IdempotencyKey }),
			RequestHashes:   column(signals, func(v *workflow.Signal) []byte { return v.RequestHash }),
		}
		s.add(func(ctx context.Context, q *queries) error { return q.InsertSignals(ctx, params) })
	}
	if signals := change.Taken; len(signals) > 0 {
		params := dbsqlc.TakeSignalsParams{
			Executions: column(signals, func(v *workflow.Signal) workflow.ID { return v.Execution }),
			Seqs:       column(signals, func(v *workflow.Signal) int64 { return v.Seq }),
			TakenBys:   column(signals, func(v *workflow.Signal) workflow.ID { return v.TakenBy }),
		}
		s.add(func(ctx context.Context, q *queries) error { return q.TakeSignals(ctx, params) })
	}
}

func checkAlive(scheduler workflow.ID) statement {
	return func(ctx context.Context, q *queries) error { return q.CheckAlive(ctx, scheduler) }
}

func setInputs(inputs []workflow.TaskInput) statement {
	params := dbsqlc.SetInputsParams{
		Ids:    column(inputs, func(v workflow.TaskInput) workflow.ID { return v.Task }),
		Inputs: column(inputs, func(v workflow.TaskInput) []byte { return v.Input }),
	}
	return func(ctx context.Context, q *queries) error { return q.SetInputs(ctx, params) }
}

func setResults(ids []workflow.ID, results [][]byte) statement {
	params := dbsqlc.SetResultsParams{Ids: ids, Results: results}
	return func(ctx context.Context, q *queries) error { return q.SetResults(ctx, params) }
}

func release(change *workflow.Change) statement {
	rs := change.Releases
	params := dbsqlc.ReleaseParams{
		Now:        &change.Now,
		Executions: column(rs, func(v workflow.Release) workflow.ID { return v.Execution }),
		Maps:       column(rs, func(v workflow.Release) workflow.ID { return v.Map }),
		Runs:       column(rs, func(v workflow.Release) int32 { return number(v.Run) }),
		Froms:      column(rs, func(v workflow.Release) int32 { return number(v.From) }),
		Tos:        column(rs, func(v workflow.Release) int32 { return number(v.To) }),
		Parkeds:    column(rs, func(v workflow.Release) bool { return v.Parked }),
	}
	return func(ctx context.Context, q *queries) error { return q.Release(ctx, params) }
}

func (s *saver) parks(parks []workflow.Park) {
	var paused, resumed []workflow.ID
	for _, p := range parks {
		if p.Paused {
			paused = append(paused, p.Execution)
		} else {
			resumed = append(resumed, p.Execution)
		}
	}
	if len(paused) > 0 {
		s.add(func(ctx context.Context, q *queries) error { return q.Park(ctx, paused) })
	}
	if len(resumed) > 0 {
		s.add(func(ctx context.Context, q *queries) error { return q.Unpark(ctx, resumed) })
	}
}

func (c *commit) sweep(change *workflow.Change) statement {
	sweeps := distinct(change.Sweeps)
	failure, err := encode(workflow.SweptError(), true)
	if err != nil {
		return func(context.Context, *queries) error { return err }
	}
	params := dbsqlc.SweepParams{
		Now: &change.Now, SweptError: failure,
		Executions: column(sweeps, func(v workflow.Sweep) workflow.ID { return v.Execution }),
		Unders:     column(sweeps, func(v workflow.Sweep) workflow.ID { return v.Under }),
	}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.Sweep(ctx, params)
		if err != nil {
			return err
		}
		c.saved.Swept, err = convert(rows, func(r dbsqlc.SweepRow) (workflow.Lease, error) { return toLease(dbsqlc.HeldRow(r)) })
		return err
	}
}

func setCounters(counters []workflow.Counter) statement {
	params := dbsqlc.SetCountersParams{
		Namespace:  namespace,
		Executions: column(counters, func(v workflow.Counter) workflow.ID { return v.Execution }),
		Names:      column(counters, func(v workflow.Counter) string { return v.Name }),
		Amounts:    column(counters, func(v workflow.Counter) int64 { return v.Value }),
	}
	return func(ctx context.Context, q *queries) error { return q.SetCounters(ctx, params) }
}

// setState stores the last value of each key: one statement cannot write a row twice.
func setState(entries []workflow.StateEntry) statement {
	type ref struct {
		execution workflow.ID
		key       string
	}
	at := make(map[ref]int, len(entries))
	last := make([]workflow.StateEntry, 0, len(entries))
	for _, e := range entries {
		r := ref{e.Execution, e.Key}
		if i, ok := at[r]; ok {
			last[i] = e
			continue
		}
		at[r] = len(last)
		last = append(last, e)
	}
	params := dbsqlc.SetStateParams{
		Namespace:  namespace,
		Executions: column(last, func(v workflow.StateEntry) workflow.ID { return v.Execution }),
		Keys:       column(last, func(v workflow.StateEntry) string { return v.Key }),
		Contents:   column(last, func(v workflow.StateEntry) []byte { return v.Value }),
	}
	return func(ctx context.Context, q *queries) error { return q.SetState(ctx, params) }
}
