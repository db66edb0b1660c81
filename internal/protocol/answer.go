package protocol

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// ReadAnswer fills in what an orchestrator answered to a turn. The error, which is
// workflow.FieldErrors, says what is wrong, and where.
func ReadAnswer(event *workflow.TurnAnswered, a *wire.Answer) error {
	if len(a.Commands) > maxCommands {
		return fieldError("/commands", fmt.Sprintf("a turn has at most %d commands; use map for a wide fan-out", maxCommands))
	}
	event.Commands = make([]workflow.Command, len(a.Commands))
	for i := range a.Commands {
		if err := readCommand(&event.Commands[i], &a.Commands[i], "/commands/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	event.Unaware = a.Unaware
	if a.Await != nil {
		await, err := readAwait(*a.Await)
		if err != nil {
			return err
		}
		event.Await = &await
	}
	if o := a.Outcome; o != nil {
		set := 0
		event.Outcome = &workflow.Outcome{Completed: o.Completed}
		if o.Completed != nil {
			set++
		}
		if err := checkValue("/outcome/completed", o.Completed); err != nil {
			return err
		}
		if o.Failed != nil {
			failure := FromError(&o.Failed.Error)
			event.Outcome.Failed = &failure
			set++
		}
		if o.ContinueAsNew != nil {
			if err := checkValue("/outcome/continue_as_new/input", o.ContinueAsNew.Input); err != nil {
				return err
			}
			event.Outcome.ContinueAsNew = o.ContinueAsNew.Input
			if event.Outcome.ContinueAsNew == nil {
				event.Outcome.ContinueAsNew = json.RawMessage("null")
			}
			set++
		}
		if set != 1 {
			return workflow.FieldErrors{{Pointer: "/outcome", Detail: "set exactly one of completed, failed and continue_as_new"}}
		}
	}
	return nil
}

func readAwait(a wire.Await) (workflow.Await, error) {
	if a.Key != "" {
		return workflow.Await{Key: a.Key}, checkText("/await", a.Key)
	}
	mode, members := workflow.AwaitAny, a.Any
	switch {
	case a.All != nil:
		mode, members = workflow.AwaitAll, a.All
	case a.AllOrFailure != nil:
		mode, members = workflow.AwaitAllOrFailure, a.AllOrFailure
	case a.FirstSuccess != nil:
		mode, members = workflow.AwaitFirstSuccess, a.FirstSuccess
	}
	of := make([]workflow.Await, len(members))
	for i := range members {
		var err error
		if of[i], err = readAwait(members[i]); err != nil {
			return workflow.Await{}, err
		}
	}
	return workflow.Await{Mode: mode, Of: of}, nil
}
