package http

import (
	"context"
	"net/http"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// SendSignal puts a message into an execution's mailbox. A repetition is answered
// with the message that the first one sent, as it then stands.
func (s *server) SendSignal(ctx context.Context, request api.SendSignalRequestObject) (api.SendSignalResponseObject, error) {
	if err := checkName("/path/name", request.Name); err != nil {
		return nil, err
	}
	id := workflow.ID(request.ID)
	receipt, err := s.engine.Signal(ctx, id, request.Name, orNull(orZero(request.Body)), orZero(request.Params.IdempotencyKey))
	if err != nil {
		return nil, aboutExecution(err, id)
	}
	answer := render(http.StatusAccepted, func(w *jsonWriter) {
		w.begin('{')
		w.text("id", receipt.ID.String())
		w.text("delivery", string(delivery(receipt.Delivered)))
		w.end('}')
	})
	answer.replayed = receipt.Replayed
	return answer, nil
}

// ListSignals lists the signals that were sent to an execution, newest first.
func (s *server) ListSignals(ctx context.Context, request api.ListSignalsRequestObject) (api.ListSignalsResponseObject, error) {
	id := workflow.ID(request.ID)
	p, err := page(request.Params.Limit, request.Params.Cursor)
	if err != nil {
		return nil, err
	}
	signals, err := s.engine.Signals(ctx, id, p)
	if err != nil {
		return nil, aboutExecution(err, id)
	}
	return renderPage(p, signals, func(s *workflow.Signal) workflow.ID { return s.ID }, (*jsonWriter).signal), nil
}

func delivery(taken bool) api.SignalDelivery {
	if taken {
		return api.SignalDeliveryDelivered
	}
	return api.SignalDeliveryBuffered
}
