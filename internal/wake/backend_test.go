package wake_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/wake"
)

const patience = 20 * time.Second

// backend is a way between processes, and how to cut it.
type backend struct {
	open func(t *testing.T, channel string) *wake.Remote
	cut  func(t *testing.T)
}

var backends = map[string]func(*testing.T) backend{"postgres": postgresBackend, "redis": redisBackend}

func postgresBackend(t *testing.T) backend {
	databaseURL := testenv.Postgres(t)
	return backend{
		open: func(t *testing.T, channel string) *wake.Remote {
			bus, err := wake.NewPostgres(databaseURL, wake.Options{Channel: channel})
			if err != nil {
				t.Fatal(err)
			}
			return bus
		},
		cut: func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), databaseURL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			tag, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'stent wake'`)
			if err != nil || tag.RowsAffected() == 0 {
				t.Fatalf("cut %d connections: %v", tag.RowsAffected(), err)
			}
		},
	}
}

func redisBackend(t *testing.T) backend {
	redisURL := testenv.Redis(t)
	name := "cut_" + strings.ToLower(strings.NewReplacer("/", "_").Replace(t.Name()))
	return backend{
		open: func(t *testing.T, channel string) *wake.Remote {
			bus, err := wake.NewRedis(withClientName(t, redisURL, name), wake.Options{Channel: channel})
			if err != nil {
				t.Fatal(err)
			}
			return bus
		},
		cut: func(t *testing.T) {
			config, err := redis.ParseURL(redisURL)
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(config)
			defer func() { _ = client.Close() }()
			list, err := client.ClientList(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(list) {
				fields := strings.Fields(line)
				if slices.Contains(fields, "name="+name) {
					id := strings.TrimPrefix(fields[0], "id=")
					if err := client.Do(t.Context(), "CLIENT", "KILL", "ID", id).Err(); err != nil && !strings.Contains(err.Error(), "No such client") {
						t.Fatal(err)
					}
				}
			}
		},
	}
}

func withClientName(t *testing.T, rawURL, name string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("client_name", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// process is a bus as another process would have it.
type process struct {
	*wake.Remote
	news chan struct{} // a hint came

	mu    sync.Mutex
	hints []wake.Hint
	all   int
}

func start(t *testing.T, bus *wake.Remote) *process {
	t.Helper()
	p := &process{Remote: bus, news: make(chan struct{}, 1)}
	cancelSubscription := bus.Subscribe(func(h wake.Hint) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.hints = append(p.hints, h)
		if h.All {
			p.all++
		}
		select {
		case p.news <- struct{}{}:
		default: // told already
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		cancelSubscription()
	})
	return p
}

func (p *process) listens(t *testing.T, times int) {
	t.Helper()
	p.eventually(t, "listening", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.all >= times
	})
}

func (p *process) executions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, h := range p.hints {
		ids = append(ids, h.Executions...)
	}
	return ids
}

// eventually waits until the hints of a process make ok true.
func (p *process) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-p.news:
		case <-deadline:
			t.Fatalf("%s did not happen", what)
		}
	}
}

func forEachBackend(t *testing.T, test func(t *testing.T, b backend)) {
	t.Parallel()
	for name, setup := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t))
		})
	}
}

func TestHintReachesTheOtherProcessOnceAndItsOwnOnce(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backend) {
		channel := "Stent \"test\" " + t.Name()
		channel = channel[:min(len(channel), 60)]
		one, two := start(t, b.open(t, channel)), start(t, b.open(t, channel))
		stranger := start(t, b.open(t, "another"))
		one.listens(t, 1)
		two.listens(t, 1)
		stranger.listens(t, 1)
		one.Publish(wake.Hint{Executions: []string{"a"}, Cancelled: []string{"t"}, Functions: true})
		two.eventually(t, "the hint", func() bool { return slices.Contains(two.executions(), "a") })
		two.Publish(wake.Hint{Executions: []string{"b"}})
		one.eventually(t, "the answer", func() bool { return slices.Contains(one.executions(), "b") })
		if got := one.executions(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the publisher got %v", got)
		}
		if got := two.executions(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the other got %v", got)
		}
		if got := stranger.executions(); len(got) != 0 {
			t.Errorf("a stranger got %v", got)
		}
	})
}

func TestLargeHintArrivesWhole(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backend) {
		one, two := start(t, b.open(t, "large")), start(t, b.open(t, "large"))
		one.listens(t, 1)
		two.listens(t, 1)
		ids := make([]string, 900)
		for i := range ids {
			ids[i] = fmt.Sprintf("01900000-0000-7000-8000-%012d", i)
		}
		one.Publish(wake.Hint{Executions: ids})
		two.eventually(t, "the whole hint", func() bool { return slices.Equal(two.executions(), ids) })
	})
}

func TestCutConnectionsComeBackAndSubscribersAreTold(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b backend) {
		one, two := start(t, b.open(t, "cut")), start(t, b.open(t, "cut"))
		one.listens(t, 1)
		two.listens(t, 1)
		one.Publish(wake.Hint{Executions: []string{"before"}})
		two.eventually(t, "the hint before", func() bool { return slices.Contains(two.executions(), "before") })
		b.cut(t)
		one.listens(t, 2)
		two.listens(t, 2)
		one.Publish(wake.Hint{Executions: []string{"after"}})
		two.eventually(t, "the hint after", func() bool { return slices.Contains(two.executions(), "after") })
	})
}

func TestBusWithoutItsServerStillServesItsProcessAndStops(t *testing.T) {
	t.Parallel()
	const nowhere = "127.0.0.1:1"
	postgres, err := wake.NewPostgres("postgres://stent@"+nowhere+"/stent", wake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	redis, err := wake.NewRedis("redis://"+nowhere, wake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, bus := range map[string]*wake.Remote{"postgres": postgres, "redis": redis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, bus)
			p.Publish(wake.Hint{Executions: []string{"x"}})
			if got := p.executions(); !slices.Equal(got, []string{"x"}) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestBadURLIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := wake.NewPostgres("postgres://%zz", wake.Options{}); err == nil {
		t.Error("postgres: no error")
	}
	if _, err := wake.NewRedis("http://localhost", wake.Options{}); err == nil {
		t.Error("redis: no error")
	}
}
