package http

import (
	"context"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// ListDeadLetters lists dead letters, those that failed last first.
func (s *server) ListDeadLetters(ctx context.Context, request api.ListDeadLettersRequestObject) (api.ListDeadLettersResponseObject, error) {
	q := request.Params
	key, err := decodeCursor(q.Cursor)
	if err != nil {
		return nil, err
	}
	before, ok := letterAt(key)
	if !ok {
		return nil, errBadCursor
	}
	f := engine.DeadLetterFilter{
		Limit: limitOf(q.Limit) + 1, Before: before, Functions: texts[string](q.Function), Queues: texts[string](q.Queue),
		Kinds: texts[workflow.Kind](q.Kind), FailedAfter: (*time.Time)(q.FailedAfter), FailedBefore: (*time.Time)(q.FailedBefore),
	}
	letters, err := s.engine.DeadLetters(ctx, f)
	if err != nil {
		return nil, err
	}
	return renderPart(f.Limit, letters, letterKey, func(w *jsonWriter, d *workflow.DeadLetter) {
		w.begin('{')
		w.letterFields(d)
		w.end('}')
	}), nil
}

// letterKey is what dead letters are ordered by: when their tasks failed, in
// microseconds, and the tasks' ids.
func letterKey(d *workflow.DeadLetter) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(d.FailedAt.UnixMicro())) //nolint:gosec // it is after 1970
	return append(key, d.Task[:]...)
}

// letterAt reads what letterKey wrote; nothing is the beginning of the list.
func letterAt(key []byte) (at engine.DeadLetterRef, ok bool) {
	if key == nil {
		return at, true
	}
	if len(key) != 8+len(at.Task) || key[0] != 0 { // a time in this millennium begins with 0
		return at, false
	}
	at.FailedAt = time.UnixMicro(int64(binary.BigEndian.Uint64(key))).UTC() //nolint:gosec // it begins with 0
	copy(at.Task[:], key[8:])
	return at, !at.Task.IsZero()
}

// GetDeadLetter gives one dead letter, with the input and the attempts of its task.
func (s *server) GetDeadLetter(ctx context.Context, request api.GetDeadLetterRequestObject) (api.GetDeadLetterResponseObject, error) {
	task := workflow.ID(request.TaskID)
	view, err := s.engine.DeadLetter(ctx, task)
	if err != nil {
		return nil, aboutDeadLetter(err, task)
	}
	return render(http.StatusOK, func(w *jsonWriter) {
		w.begin('{')
		w.letterFields(view.DeadLetter)
		w.text("step_key", view.Step)
		w.raw("input", view.Input)
		w.attempts(view.Attempts)
		w.end('}')
	}), nil
}

// ReplayDeadLetter runs the task of a dead letter again.
func (s *server) ReplayDeadLetter(ctx context.Context, request api.ReplayDeadLetterRequestObject) (api.ReplayDeadLetterResponseObject, error) {
	task := workflow.ID(request.TaskID)
	replay := engine.ReplayRequest{ResetRetries: true}
	if body := request.Body; body != nil {
		replay = engine.ReplayRequest{Queue: orZero(body.Queue), ResetRetries: body.ResetRetries == nil || *body.ResetRetries}
		if body.Queue != nil {
			if err := checkName("/queue", *body.Queue); err != nil {
				return nil, err
			}
		}
	}
	if err := s.engine.Replay(ctx, task, replay); err != nil {
		return nil, aboutDeadLetter(err, task)
	}
	return s.showTask(ctx, task)
}

// ReplayDeadLetters runs the tasks of many dead letters again.
func (s *server) ReplayDeadLetters(ctx context.Context, request api.ReplayDeadLettersRequestObject) (api.ReplayDeadLettersResponseObject, error) {
	replay := engine.BulkReplay{Limit: maxBulk, ResetRetries: true}
	if body := request.Body; body != nil {
		if body.Limit != nil {
			replay.Limit = *body.Limit
		}
		if body.Function != nil {
			replay.Filter.Functions = []string{*body.Function}
		}
		if body.Queue != nil {
			replay.Filter.Queues = []string{*body.Queue}
		}
		replay.Filter.FailedAfter, replay.Filter.FailedBefore = (*time.Time)(body.FailedAfter), (*time.Time)(body.FailedBefore)
		replay.ResetRetries = body.ResetRetries == nil || *body.ResetRetries
		replay.DryRun = orZero(body.DryRun)
	}
	done, err := s.engine.ReplayAll(ctx, replay)
	if err != nil {
		return nil, err
	}
	return api.ReplayDeadLetters200JSONResponse{Matched: done.Matched, Replayed: done.Replayed, Refused: done.Refused, More: done.More}, nil
}

// DiscardDeadLetter deletes a dead letter.
func (s *server) DiscardDeadLetter(ctx context.Context, request api.DiscardDeadLetterRequestObject) (api.DiscardDeadLetterResponseObject, error) {
	task := workflow.ID(request.TaskID)
	if err := s.engine.Discard(ctx, task); err != nil {
		return nil, aboutDeadLetter(err, task)
	}
	return api.DiscardDeadLetter204Response{}, nil
}

// RestartExecution runs an execution again.
func (s *server) RestartExecution(ctx context.Context, request api.RestartExecutionRequestObject) (api.RestartExecutionResponseObject, error) {
	id := workflow.ID(request.ID)
	var from *string
	if request.Body != nil {
		from = request.Body.FromStep
	}
	if err := s.engine.Restart(ctx, id, from); err != nil {
		return nil, aboutExecution(err, id)
	}
	return s.show(ctx, id, 0)
}

func (w *jsonWriter) letterFields(d *workflow.DeadLetter) {
	w.text("task_id", d.Task.String())
	w.text("execution_id", d.Execution.String())
	w.text("function", d.Function)
	w.text("kind", string(d.Kind))
	w.text("queue", d.Queue)
	w.int("attempt", int64(d.Attempts))
	w.failure("error", d.Error)
	w.time("failed_at", &d.FailedAt)
}

func aboutDeadLetter(err error, task workflow.ID) error {
	return about(err, "dead letter of the task", task.String())
}
