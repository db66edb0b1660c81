package wake

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"
)

// Defaults and bounds of a Remote.
const (
	DefaultChannel  = "stent_wake"
	DefaultInterval = 5 * time.Millisecond

	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	lastSendTime = time.Second // for what is unsent when Run ends
	sendTimeout  = 5 * time.Second
)

// Options are the settings of a Remote; the zero value is usable.
type Options struct {
	// Channel is the name that hints travel under, DefaultChannel if empty.
	// Services that share a server but not their data need one each.
	Channel string
	// Interval is the least time between two messages of this process.
	Interval time.Duration
	// Logger is told when the link fails and when it is back; nil for none.
	Logger *slog.Logger
}

func (o *Options) setDefaults() {
	if o.Channel == "" {
		o.Channel = DefaultChannel
	}
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// link is the way to other processes. Send and listen are called from one
// goroutine each; both connect when need be.
type link interface {
	// limit is how many bytes a payload may have.
	limit() int
	send(ctx context.Context, payloads []string) error
	// listen calls up once when it listens, then got for each payload, until ctx
	// ends or the connection fails.
	listen(ctx context.Context, up func(), got func(payload string)) error
	// close ends the sending side.
	close(ctx context.Context)
}

// Remote is a Local that also exchanges hints with other processes while it runs.
type Remote struct {
	Local
	link     link
	opts     Options
	instance string // tells own messages, which Local has delivered, from others'
	log      *quietLog

	mu      sync.Mutex
	pending batch
	kick    chan struct{} // there is something pending
}

var _ Bus = (*Remote)(nil)

func newRemote(l link, opts Options, name string) *Remote {
	return &Remote{
		link: l, opts: opts, instance: rand.Text()[:16],
		log:  &quietLog{logger: opts.Logger.With(slog.String("wake", name))},
		kick: make(chan struct{}, 1),
	}
}

// Publish hands a hint to the subscribers of this process and leaves it for Run
// to send to others, merged with what comes within the interval.
func (r *Remote) Publish(h Hint) {
	if h.Empty() {
		return
	}
	r.Local.Publish(h)
	r.enqueue(h)
}

func (r *Remote) enqueue(h Hint) {
	r.mu.Lock()
	r.pending.add(h)
	r.mu.Unlock()
	select {
	case r.kick <- struct{}{}:
	default: // kicked already
	}
}

func (r *Remote) take() Hint {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.pending.hint()
	r.pending = batch{}
	return h
}

// Run sends and receives until ctx ends, reconnecting with backoff. It returns nil.
func (r *Remote) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { r.listenLoop(ctx) })
	running.Go(func() { r.sendLoop(ctx) })
	running.Wait()
	return nil
}

func (r *Remote) listenLoop(ctx context.Context) {
	delay := minBackoff
	for ctx.Err() == nil {
		err := r.link.listen(ctx, func() {
			delay = minBackoff
			r.log.good("listening for hints")
			r.Local.Publish(Hint{All: true})
		}, r.receive)
		if ctx.Err() != nil {
			return
		}
		r.log.bad("listening for hints failed, polling goes on", err)
		delay = pause(ctx, delay)
	}
}

func (r *Remote) receive(payload string) {
	from, h, err := decode(payload)
	if err != nil {
		r.log.bad("a hint was not understood", err)
		return
	}
	if from != r.instance {
		r.Local.Publish(h)
	}
}

func (r *Remote) sendLoop(ctx context.Context) {
	defer r.sendLast(ctx)
	delay := minBackoff
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		}
		if !sleep(ctx, time.Until(last.Add(r.opts.Interval))) {
			return
		}
		h := r.take()
		last = time.Now()
		if err := r.sendHint(ctx, h, sendTimeout); err != nil {
			if ctx.Err() == nil {
				r.log.bad("sending hints failed, polling goes on", err)
			}
			r.enqueue(h)
			delay = pause(ctx, delay)
			continue
		}
		delay = minBackoff
	}
}

// sendLast sends what is pending when Run ends, so that others take over at once.
func (r *Remote) sendLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSendTime)
	defer cancel()
	defer r.link.close(ctx)
	if err := r.sendHint(ctx, r.take(), lastSendTime); err != nil {
		r.log.bad("the last hints were not sent", err)
	}
}

func (r *Remote) sendHint(ctx context.Context, h Hint, timeout time.Duration) error {
	if h.Empty() {
		return nil
	}
	payloads, err := encode(r.instance, h, r.link.limit())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return r.link.send(ctx, payloads)
}
