package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

const (
	frame = 100 * time.Millisecond // screens are drawn at most that often
	tick  = time.Second            // and that often without a change: times go on
)

// watchOnScreen follows an execution on a live screen, and leaves its end behind.
func (s *session) watchOnScreen(ctx context.Context, id string, w *watched) error {
	a := animation{session: s, watched: w, events: make(chan durable.Event), losses: make(chan error), done: make(chan error, 1)}
	go func() {
		a.done <- s.follow(ctx, id, func(e durable.Event) error { return hand(ctx, a.events, e) }, func(err error) { _ = hand(ctx, a.losses, err) })
	}()
	show := openScreen(s.Terminal)
	err := a.run(show)
	show.close()
	if err != nil {
		return err
	}
	return s.writeExecution(&w.execution, w.list(), draw(grow(w.list()), nil, false), false, false)
}

// animation draws an execution while its events come.
type animation struct {
	*session
	*watched
	events chan durable.Event
	losses chan error
	done   chan error // the end of the events
}

// hand gives something over, unless the command is interrupted.
func hand[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run draws until there are no more events.
func (a *animation) run(show *screen) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var due <-chan time.Time // when what has changed is drawn
	for {
		select {
		case e := <-a.events:
			a.apply(e)
		case a.lost = <-a.losses:
		case err := <-a.done:
			return err
		case <-ticker.C:
			show.draw(a.frame())
			continue
		case <-due:
			due = nil
			show.draw(a.frame())
			continue
		}
		if due == nil {
			due = time.After(frame)
		}
	}
}

// frame is the screen of an execution: what it is, and as much of the end of its
// tree as fits.
func (a *animation) frame() string {
	e := &a.execution
	width, rows := a.Size()
	if e.ID == "" {
		return "Waiting for Stent at " + clean(a.url)
	}
	title := grid{style: a.style, width: width}
	title.add(in(bold, e.Function), in(plain, e.ID), stateOf(e), in(plain, a.took(e.StartedAt, e.CompletedAt)))
	facts := a.listing()
	facts.width = width
	facts.add("error", executionFailure(e.Error), red)
	facts.add("counters", counters(e.Counters), plain)
	facts.add("custom state", members(e.CustomState), plain)
	head := join("\n", title.String(), facts.String())

	const around = 5 // lines beside the head and the tree: blank ones, the tree's header, the foot
	lines := draw(grow(a.list()), nil, false)
	if room := max(rows-strings.Count(head, "\n")-1-around, 1); len(lines) > room {
		hidden := len(lines) - room
		lines = append([]line{{text: "… " + count(hidden, "line", "lines") + " before"}}, lines[hidden:]...)
	}
	foot := "Ctrl-C leaves; the execution goes on."
	if a.lost != nil {
		foot = a.tryingAgain(a.lost)
	}
	return head + "\n\n" + a.stepTable(e, lines, false).String() + "\n\n" + a.style.in(dim, clean(cut(foot, width)))
}

// pollAll is how often the list of all executions is read.
const pollAll = time.Second

// watchAll follows the executions that a filter selects, until it is interrupted,
// which is its ordinary end.
func (s *session) watchAll(ctx context.Context, f durable.ExecutionFilter) error {
	render, lost, limit := s.changesOf(), s.outages(), 50
	if s.output != outputJSON && s.Screen {
		show := openScreen(s.Terminal)
		defer show.close()
		render = func(page *durable.Page[durable.Execution]) error {
			show.draw(s.overviewFrame(ctx, page))
			return nil
		}
		lost = func(err error) {
			if err != nil { // else the next frame shows it
				show.draw(s.tryingAgain(err))
			}
		}
		_, rows := s.Size()
		limit = min(max(rows-5, 1), maxLimit)
	}
	ticker := time.NewTicker(pollAll)
	defer ticker.Stop()
	var good time.Time // when the service was there last
	for {
		page, err := s.client.Executions(ctx, f, durable.Part{Limit: limit})
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			lost(nil)
			good, err = s.Now(), render(page)
		case passing(err) && s.Now().Sub(good) < giveUp:
			lost(err)
			err = nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// passing tells whether an error may be gone the next time.
func passing(err error) bool {
	var refused *durable.APIError
	return !errors.As(err, &refused) || refused.Status >= http.StatusInternalServerError
}

// maxTold bounds of how many executions is kept what was told.
const maxTold = 10_000

// forget forgets what was told of executions that are not among these.
func (l *lineWriter) forget(but []durable.Execution) {
	told := map[string]string{}
	for i := range but {
		if text, ok := l.told[but[i].ID]; ok {
			told[but[i].ID] = text
		}
	}
	l.told = told
}

// changesOf writes each execution whose state is new as a line, the oldest first.
func (s *session) changesOf() func(*durable.Page[durable.Execution]) error {
	lines := lineWriter{session: s, told: map[string]string{}}
	return func(page *durable.Page[durable.Execution]) error {
		if len(lines.told) > maxTold {
			lines.forget(page.Items)
		}
		var raw struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := s.recorder.decode(&raw); err != nil {
			return err
		}
		for i := len(page.Items) - 1; i >= 0; i-- {
			e := &page.Items[i]
			at, err := stateOf(e), error(nil)
			switch {
			case s.output != outputJSON:
				err = lines.line(news{id: e.ID, since: lines.momentOf(e), what: e.ID + "  " + e.Function, at: at, detail: cell{executionFailure(e.Error), red}})
			case lines.told[e.ID] != at.text:
				lines.told[e.ID] = at.text
				_, err = fmt.Fprintln(s.Out, compact(raw.Items[i]))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// overviewFrame is the screen of all executions.
func (s *session) overviewFrame(ctx context.Context, page *durable.Page[durable.Execution]) string {
	width, _ := s.Size()
	head := s.style.in(bold, "Stent") + " at " + clean(s.url) + "  " + s.Now().Format(time.TimeOnly)
	if stats, err := s.client.Stats(ctx); err == nil { // what it has to say is not essential
		var parts []string
		for _, name := range executionStates {
			if n := stats.Executions.ByState[name]; n > 0 {
				parts = append(parts, s.style.in(statePaints[name], grouped(n)+" "+name))
			}
		}
		if stats.DeadLetters > 0 {
			parts = append(parts, s.style.in(red, count(int(stats.DeadLetters), "dead letter", "dead letters")))
		}
		head += "\n" + strings.Join(parts, "  ")
	}
	body := "There are no executions."
	if len(page.Items) > 0 {
		body = s.executionTable(page.Items).String()
	}
	return head + "\n\n" + body + "\n" + s.style.in(dim, cut("Ctrl-C leaves.", width))
}
