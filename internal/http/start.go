package http

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// Bounds of what a dispatch may ask for.
const (
	maxDelay    = 366 * 24 * time.Hour
	minDuration = time.Millisecond
	maxDuration = 10 * maxDelay
	maxHost     = 255 // bytes, more than DNS allows
)

// jsonNull stands for values that are absent.
var jsonNull = json.RawMessage("null")

// startRequest makes a request to the engine of one over HTTP. The error is
// workflow.FieldErrors.
func startRequest(body *api.ExecutionStart) (engine.StartRequest, error) {
	var faults workflow.FieldErrors
	r := engine.StartRequest{
		Function: body.Function, Input: orNull(body.Input), StartAt: (*time.Time)(body.StartAt),
		Tags: orZero(body.Tags), Priority: orZero(body.Priority), Queue: orZero(body.Queue), CallbackURL: orZero(body.CallbackURL),
	}
	workflow.CheckName(&faults, "/function", r.Function)
	for i, tag := range r.Tags {
		workflow.CheckName(&faults, "/tags/"+strconv.Itoa(i), tag)
	}
	if body.Queue != nil {
		workflow.CheckName(&faults, "/queue", r.Queue)
	}
	if body.CallbackURL != nil && !callable(r.CallbackURL) {
		faults = append(faults, workflow.FieldError{Pointer: "/callback_url", Detail: "must be an absolute http or https URL of a host with at most 255 bytes"})
	}
	r.Delay = durationOf(&faults, "/delay", body.Delay, 0, maxDelay)
	r.MaxDuration = durationOf(&faults, "/max_duration", body.MaxDuration, minDuration, maxDuration)
	if body.Delay != nil && body.StartAt != nil {
		faults = append(faults, workflow.FieldError{Pointer: "/start_at", Detail: "must not be given together with delay"})
	}
	if len(faults) > 0 {
		return engine.StartRequest{}, faults
	}
	return r, nil
}

// durationOf reads a duration between least and most; none is 0.
func durationOf(faults *workflow.FieldErrors, pointer string, text *string, least, most time.Duration) time.Duration {
	if text == nil {
		return 0
	}
	d, fault := workflow.DurationBetween(*text, least, most)
	if fault != "" {
		*faults = append(*faults, workflow.FieldError{Pointer: pointer, Detail: fault})
	}
	return d
}

// callable tells whether a callback can go to a URL: its host names a lane.
func callable(text string) bool {
	u, err := url.Parse(text)
	return err == nil && workflow.AbsoluteURL(text) && len(u.Host) <= maxHost
}

// checkName refuses the name of a signal, a counter or a key in a path.
func checkName(pointer, name string) error {
	var faults workflow.FieldErrors
	if workflow.CheckName(&faults, pointer, name); len(faults) > 0 {
		return faults
	}
	return nil
}

// orZero gives what is pointed to, or the zero value.
func orZero[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return jsonNull
	}
	return v
}

// texts converts the values of a filter; none is nil.
func texts[To, From ~string](from *[]From) []To {
	if from == nil {
		return nil
	}
	to := make([]To, len(*from))
	for i, text := range *from {
		to[i] = To(text)
	}
	return to
}
