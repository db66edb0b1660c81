// Package postgres is the store on PostgreSQL 14 or newer, for any number of
// services. It imports db, workflow, migrations, its own generated queries and
// the driver.
//
// Everything that commits goes in two round trips: one that locks and loads, one
// that saves and commits, each a pipeline of statements that carry whole batches
// in arrays (pipeline.go). Rows are only ever waited for in the order of the ids
// of executions, and then of the keys of results; a claim waits for none. What was loaded is fenced when saved: by
// the token of each task, by the owner of each result, and by the lease of the scheduler that is given tasks.
//
//	commit   executions (in order of ids) ──▶ results (in order of keys) ──▶ scheduler (key share) ──▶ tasks ──▶ holds
//	claim    scheduler (key share) ──▶ tasks, executions (what is free) ──▶ holds
//	expire   schedulers
//	clean    results (what is free)
//
// The plans of these statements are pinned to index lookups: on tables that have
// no statistics yet the planner would read them whole, which is fast until they grow.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
)

// namespace is the one namespace there is until someone asks for more.
const namespace = db.DefaultNamespace

// Options size the pools of connections; zero fields take the defaults. The pools
// are separate, so that no load of one kind starves another: least of all the
// renewal of leases.
type Options struct {
	Commits int // for commits and what turns are made of; DefaultCommits
	Leases  int // for claims and what schedulers look after; DefaultLeases
	Reads   int // for people's reads and the catalog; DefaultReads
}

// Sizes of the pools.
const (
	DefaultCommits = 6
	DefaultLeases  = 3
	DefaultReads   = 8
)

// A process that hangs in a transaction (stopped, swapped out, cut off) is thrown
// out after so long, since everyone else waits for its locks.
const (
	idleTimeout      = 10 * time.Second
	lockTimeout      = 5 * time.Second
	statementTimeout = 20 * time.Second
	connectTimeout   = 10 * time.Second
	rollbackTimeout  = 5 * time.Second
	pingTimeout      = 2 * time.Second
)

// heard closes all idle connections after one has gone silent, as the others
// probably have too, and nobody has time to find out one by one.
func (s *Store) heard(err error) error {
	if errors.Is(err, errSilent) {
		for _, pool := range []*pgxpool.Pool{s.commits, s.beats, s.leases, s.reads} {
			pool.Reset()
		}
	}
	return err
}

// Store is a database that is connected to. Its methods may be called concurrently.
type Store struct {
	commits *pgxpool.Pool
	beats   *pgxpool.Pool // of heartbeats alone: whatever else is slow, they must get through
	leases  *pgxpool.Pool
	reads   *pgxpool.Pool
}

var _ db.Store = (*Store)(nil)

// Open connects to the database at a URL, postgres://…, and checks that its schema
// is current. The parameters of the URL are those of libpq and of pgxpool.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading the database URL: %w", err)
	}
	return open(ctx, config, o)
}

func open(ctx context.Context, config *pgxpool.Config, o Options) (_ *Store, err error) {
	s := &Store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, pool := range []struct {
		at    **pgxpool.Pool
		size  int
		plans map[string]string
	}{
		{&s.commits, orDefault(o.Commits, DefaultCommits), pinned},
		{&s.beats, 1, pinned},
		{&s.leases, orDefault(o.Leases, DefaultLeases), pinned},
		{&s.reads, orDefault(o.Reads, DefaultReads), map[string]string{"plan_cache_mode": "force_custom_plan"}},
	} {
		if *pool.at, err = newPool(ctx, config.Copy(), pool.size, pool.plans); err != nil {
			return nil, fmt.Errorf("preparing connections: %w", err)
		}
	}
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// pinned makes every plan a nested loop over indexes, made once for each connection.
var pinned = map[string]string{
	"plan_cache_mode":  "force_generic_plan",
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
}

func newPool(ctx context.Context, config *pgxpool.Config, size int, plans map[string]string) (*pgxpool.Pool, error) {
	config.MaxConns = int32(size) //nolint:gosec // a handful
	config.MinConns = 0
	config.PingTimeout = pingTimeout // of connections that were idle for a second
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	parameters := config.ConnConfig.RuntimeParams
	defaults := map[string]string{
		"application_name":                    "stent",
		"jit":                                 "off",
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   milliseconds(statementTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
	}
	for name, value := range defaults {
		if _, set := parameters[name]; !set {
			parameters[name] = value
		}
	}
	for name, value := range plans {
		parameters[name] = value
	}
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerTypes(conn.TypeMap())
		return nil
	}
	return pgxpool.NewWithConfig(ctx, config)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// Close waits for the calls that are under way and closes all connections.
func (s *Store) Close() error {
	for _, pool := range []*pgxpool.Pool{s.commits, s.beats, s.leases, s.reads} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

// Ping implements db.Store.
func (s *Store) Ping(ctx context.Context) error {
	version, dirty, err := schemaVersion(ctx, s.reads)
	if err != nil {
		return translate("reading the version of the schema", err)
	}
	return checkVersion(version, dirty)
}

// Secret implements db.Store.
func (s *Store) Secret(ctx context.Context, name string, fresh []byte) (secret []byte, err error) {
	err = s.run(ctx, s.reads, "reading a secret",
		func(ctx context.Context, q *queries) error {
			return q.PutSecret(ctx, dbsqlc.PutSecretParams{Name: name, Value: fresh})
		},
		func(ctx context.Context, q *queries) (err error) {
			secret, err = q.GetSecret(ctx, name)
			return err
		})
	return secret, err
}

// run sends statements in one round trip, as one transaction.
func (s *Store) run(ctx context.Context, pool *pgxpool.Pool, operation string, statements ...statement) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return unavailable(operation, err)
	}
	defer conn.Release()
	_, err = send(ctx, conn.Conn(), statements)
	return translate(operation, s.heard(err))
}

// read runs one query of a person's.
func (s *Store) read(operation string, query func(q *dbsqlc.Queries) error) error {
	return translate(operation, query(dbsqlc.New(s.reads)))
}
