package http

import (
	"context"
	"net/http"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// ListTasks lists tasks, newest first.
func (s *server) ListTasks(ctx context.Context, request api.ListTasksRequestObject) (api.ListTasksResponseObject, error) {
	q := request.Params
	after, err := taskPlace(q.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := s.engine.Tasks(ctx, engine.TaskFilter{
		Limit: limitOf(q.Limit), After: after, States: texts[workflow.TaskState](q.State), Queues: texts[string](q.Queue),
		Functions: texts[string](q.Function), Kinds: texts[workflow.Kind](q.Kind),
	})
	if err != nil {
		return nil, err
	}
	return s.renderTasks(ctx, page), nil
}

// ListExecutionTasks lists the tasks of an execution, newest first.
func (s *server) ListExecutionTasks(ctx context.Context, request api.ListExecutionTasksRequestObject) (api.ListExecutionTasksResponseObject, error) {
	id := workflow.ID(request.ID)
	q := request.Params
	after, err := taskPlace(q.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := s.engine.Tasks(ctx, engine.TaskFilter{
		Limit: limitOf(q.Limit), After: after, Execution: id, States: texts[workflow.TaskState](q.State),
		Queues: texts[string](q.Queue), Functions: texts[string](q.Function), Kinds: texts[workflow.Kind](q.Kind),
	})
	if err != nil {
		return nil, err
	}
	if len(page.Tasks) == 0 {
		if _, err := s.engine.Outline(ctx, id); err != nil {
			return nil, aboutExecution(err, id)
		}
	}
	return s.renderTasks(ctx, page), nil
}

func (s *server) renderTasks(ctx context.Context, page *engine.TaskPage) reply {
	host, next := s.hosts(ctx), ""
	if page.Next != nil {
		next = taskCursor(*page.Next)
	}
	return renderList(page.Tasks, next, func(w *jsonWriter, t *workflow.Task) { w.task(t, host(t)) })
}

// The cursor of a list of tasks is a place: whether it is among the open tasks, the
// execution and the task.

func taskCursor(p engine.TaskPlace) string {
	key := make([]byte, 1, 1+2*len(p.Task))
	if p.Open {
		key[0] = 1
	}
	return encodeCursor(append(append(key, p.Execution[:]...), p.Task[:]...))
}

func taskPlace(cursor *api.Cursor) (*engine.TaskPlace, error) {
	key, err := decodeCursor(cursor)
	if err != nil || key == nil {
		return nil, err
	}
	p := &engine.TaskPlace{Open: key[0] == 1}
	if len(key) != 1+2*len(p.Task) || key[0] > 1 {
		return nil, errBadCursor
	}
	copy(p.Execution[:], key[1:])
	copy(p.Task[:], key[1+len(p.Execution):])
	return p, nil
}

// GetTask gives one task and its failed attempts.
func (s *server) GetTask(ctx context.Context, request api.GetTaskRequestObject) (api.GetTaskResponseObject, error) {
	return s.showTask(ctx, workflow.ID(request.ID))
}

// showTask gives a task as it stands.
func (s *server) showTask(ctx context.Context, id workflow.ID) (reply, error) {
	task, attempts, err := s.engine.Task(ctx, id)
	if err != nil {
		return reply{}, aboutTask(err, id)
	}
	worker := s.hosts(ctx)(task)
	return render(http.StatusOK, func(w *jsonWriter) { w.taskWithAttempts(task, worker, attempts) }), nil
}

// hosts gives the worker that hosts the function of a task, zero for none. It
// asks for each function once.
func (s *server) hosts(ctx context.Context) func(*workflow.Task) workflow.ID {
	type called struct{ name, version string }
	found := map[called]workflow.ID{}
	return func(t *workflow.Task) workflow.ID {
		if !t.Kind.Delivered() || t.Op == workflow.OpCallback {
			return workflow.ID{}
		}
		of := called{t.Name, orZero(t.Version)}
		worker, asked := found[of]
		if !asked {
			worker = s.engine.Host(ctx, t.Name, t.Version)
			found[of] = worker
		}
		return worker
	}
}

// CompleteTask takes the result of an attempt.
func (s *server) CompleteTask(ctx context.Context, request api.CompleteTaskRequestObject) (api.CompleteTaskResponseObject, error) {
	id := workflow.ID(request.ID)
	result, update := jsonNull, workflow.ContextUpdate{}
	if body := request.Body; body != nil {
		result, update = orNull(body.Result), workflow.ContextUpdate{Counters: orZero(body.Counters), State: body.State}
	}
	if err := s.engine.Complete(ctx, id, request.Params.StentTaskToken, result, update); err != nil {
		return nil, aboutTask(err, id)
	}
	return api.CompleteTask200JSONResponse{ReportedJSONResponse: api.ReportedJSONResponse{TaskID: request.ID}}, nil
}

// defaultErrorType is the type of a reported failure that names none.
const defaultErrorType = "error"

// FailTask takes the failure of an attempt.
func (s *server) FailTask(ctx context.Context, request api.FailTaskRequestObject) (api.FailTaskResponseObject, error) {
	id := workflow.ID(request.ID)
	reported := request.Body.Error
	failure := workflow.Error{Type: defaultErrorType, Message: reported.Message, Details: reported.Details}
	if reported.Type != nil {
		failure.Type = *reported.Type
	}
	retryable := request.Body.Retryable == nil || *request.Body.Retryable
	if err := s.engine.Fail(ctx, id, request.Params.StentTaskToken, failure, retryable); err != nil {
		return nil, aboutTask(err, id)
	}
	return api.FailTask200JSONResponse{ReportedJSONResponse: api.ReportedJSONResponse{TaskID: request.ID}}, nil
}

// HeartbeatTask takes a sign of life of an attempt.
func (s *server) HeartbeatTask(ctx context.Context, request api.HeartbeatTaskRequestObject) (api.HeartbeatTaskResponseObject, error) {
	id := workflow.ID(request.ID)
	var details api.AnyJSON
	if request.Body != nil {
		details = request.Body.Details
	}
	beat, err := s.engine.Heartbeat(ctx, id, request.Params.StentTaskToken, details)
	if err != nil {
		return nil, aboutTask(err, id)
	}
	return api.HeartbeatTask200JSONResponse{Cancel: beat.Cancel, LeaseExpiresAt: (*api.Time)(beat.LeaseExpiresAt)}, nil
}

func aboutTask(err error, id workflow.ID) error { return about(err, "task", id.String()) }
