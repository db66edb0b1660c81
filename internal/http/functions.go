package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// PutFunction registers a function.
func (s *server) PutFunction(ctx context.Context, request api.PutFunctionRequestObject) (api.PutFunctionResponseObject, error) {
	function, err := newFunction(request.Name, request.Body)
	if err != nil {
		return nil, err
	}
	stored, err := s.engine.PutFunction(ctx, function)
	if err != nil {
		return nil, err
	}
	return api.PutFunction200JSONResponse(showFunction(stored)), nil
}

// GetFunction gives a function, the version asked for or the one registered last.
func (s *server) GetFunction(ctx context.Context, request api.GetFunctionRequestObject) (api.GetFunctionResponseObject, error) {
	function, err := s.engine.Function(ctx, request.Name, request.Params.Version)
	if err != nil {
		return nil, aboutFunction(err, request.Name)
	}
	return api.GetFunction200JSONResponse(showFunction(function)), nil
}

// ListFunctions lists functions, those registered last first.
func (s *server) ListFunctions(ctx context.Context, request api.ListFunctionsRequestObject) (api.ListFunctionsResponseObject, error) {
	all, err := s.engine.Functions(ctx)
	if err != nil {
		return nil, err
	}
	functions, next, err := part(all, functionKey, functionKeyForm.MatchString, request.Params.Limit, request.Params.Cursor)
	if err != nil {
		return nil, err
	}
	return api.ListFunctions200JSONResponse{Items: showFunctions(functions), NextCursor: next}, nil
}

// functionKey orders functions by their registration.
func functionKey(f *workflow.Function) string {
	return fmt.Sprintf("%020d\x00%s\x00%s", f.UpdatedAt.UnixMicro(), f.Name, f.Version)
}

// functionKeyForm is what functionKey gives.
var functionKeyForm = regexp.MustCompile(`^[0-9]{20}\x00[^\x00]+\x00[^\x00]*$`)

func byRegistration(functions []*workflow.Function) []*workflow.Function {
	return slices.SortedFunc(slices.Values(functions), func(a, b *workflow.Function) int { return cmp.Compare(functionKey(b), functionKey(a)) })
}

// DeleteFunction deletes every version of a function.
func (s *server) DeleteFunction(ctx context.Context, request api.DeleteFunctionRequestObject) (api.DeleteFunctionResponseObject, error) {
	if err := s.engine.DeleteFunction(ctx, request.Name); err != nil {
		return nil, aboutFunction(err, request.Name)
	}
	return api.DeleteFunction204Response{}, nil
}

// InvalidateResults forgets the completed results of a function.
func (s *server) InvalidateResults(ctx context.Context, request api.InvalidateResultsRequestObject) (api.InvalidateResultsResponseObject, error) {
	if err := s.engine.InvalidateResults(ctx, request.Name, request.Params.Version); err != nil {
		return nil, aboutFunction(err, request.Name)
	}
	return api.InvalidateResults204Response{}, nil
}

func aboutFunction(err error, name string) error { return about(err, "function", strconv.Quote(name)) }

// newFunction checks a registration. The error is workflow.FieldErrors.
func newFunction(name string, body *api.FunctionRegistration) (*workflow.Function, error) {
	spec := workflow.FunctionSpec{
		Name: name, Kind: string(body.Kind), URL: body.URL, Version: orZero(body.Version), Queue: orZero(body.Queue),
		Priority: orZero(body.Priority), Tags: orZero(body.Tags), Timeout: orZero(body.Timeout), HeartbeatTimeout: body.HeartbeatTimeout,
		Idempotent: orZero(body.Idempotent), IdempotencyKeyFrom: orZero(body.IdempotencyKeyFrom), CacheTTL: body.CacheTTL,
		MaxConcurrent: body.MaxConcurrent, Retention: body.Retention,
	}
	if r := body.RetryPolicy; r != nil {
		spec.Retry = &workflow.RetrySpec{
			MaxAttempts: r.MaxAttempts, InitialDelay: r.InitialDelay, BackoffFactor: r.BackoffFactor, MaxDelay: r.MaxDelay,
			Jitter: r.Jitter, RetryFor: orZero(r.RetryFor),
		}
	}
	if r := body.RateLimit; r != nil {
		spec.RateLimit = &workflow.RateLimitSpec{Limit: r.Limit, Per: r.Per}
	}
	function, err := spec.Function()
	var faults workflow.FieldErrors
	if err != nil && !errors.As(err, &faults) {
		return nil, err
	}
	for i := range faults {
		if faults[i].Pointer == "/name" {
			faults[i].Pointer = "/path/name"
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return function, nil
}

func showFunctions(functions []*workflow.Function) []api.Function {
	shown := make([]api.Function, len(functions))
	for i, f := range functions {
		shown[i] = showFunction(f)
	}
	return shown
}

func showFunction(f *workflow.Function) api.Function {
	shown := api.Function{
		Name: f.Name, Kind: api.FunctionKind(f.Kind), URL: workflow.ShownURL(f.URL), Version: f.Version, Queue: f.Queue, Priority: f.Priority,
		Tags: orEmpty(f.Tags), Timeout: workflow.FormatDuration(f.Timeout), Idempotent: f.Idempotent,
		IdempotencyKeyFrom: orEmpty(f.IdempotencyKeyFrom), CreatedAt: api.Time(f.CreatedAt), UpdatedAt: api.Time(f.UpdatedAt),
		RetryPolicy: api.RetryPolicy{
			MaxAttempts: f.Retry.MaxAttempts, InitialDelay: workflow.FormatDuration(f.Retry.InitialDelay),
			BackoffFactor: f.Retry.BackoffFactor, MaxDelay: workflow.FormatDuration(f.Retry.MaxDelay), Jitter: f.Retry.Jitter,
			RetryFor: orEmpty(f.Retry.RetryFor),
		},
	}
	if f.HeartbeatTimeout > 0 {
		shown.HeartbeatTimeout = new(workflow.FormatDuration(f.HeartbeatTimeout))
	}
	if f.CacheTTL != nil {
		shown.CacheTTL = new(workflow.FormatDuration(*f.CacheTTL))
	}
	if f.Retention != nil {
		shown.Retention = new(workflow.FormatDuration(*f.Retention))
	}
	if f.MaxConcurrent > 0 {
		shown.MaxConcurrent = new(f.MaxConcurrent)
	}
	if f.RateLimit != nil {
		shown.RateLimit = &api.RateLimit{Limit: f.RateLimit.Limit, Per: workflow.FormatDuration(f.RateLimit.Per)}
	}
	if !f.Worker.IsZero() {
		shown.WorkerID = new(api.ID(f.Worker))
	}
	return shown
}

// orEmpty keeps an absent list from being written as null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
