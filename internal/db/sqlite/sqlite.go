// Package sqlite is the store on one SQLite file, for a service that is one
// process. It imports db, workflow, migrations, its own generated queries and
// the driver.
//
// SQLite lets one connection write at a time, so there is one, and calls take
// turns for it: each is one immediate transaction of single-row statements that
// were prepared once, which in process cost microseconds. Reads run beside it on
// a few connections of their own, each on the snapshot that its transaction began
// with. Because this process is the only one, its clock is the database's clock,
// and every scheduler of an earlier process is known to be dead.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
)

// Memory is the path of a database that lives and dies with its Store.
const Memory = ":memory:"

// namespace is the one namespace there is until someone asks for more.
const namespace = db.DefaultNamespace

// Options are how a file is used; the zero value is right for most.
type Options struct {
	// Relaxed does not wait for the disk at each commit: faster, but a power
	// failure may undo the last commits. A crash of the process does not.
	Relaxed bool
	// Readers is how many reads may run at once. 0: DefaultReaders.
	Readers int
}

// DefaultReaders is how many reads may run at once.
const DefaultReaders = 4

// Store is an open database. Its methods may be called concurrently.
type Store struct {
	lock      *fileLock // nil in memory
	writer    *writer
	readers   *sql.DB         // nil in memory, where reads take turns with writes
	reads     *dbsqlc.Queries // prepared on readers
	clock     clock
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

var _ db.Store = (*Store)(nil)

// Open opens the database at a path, or a fresh one for Memory. The file must
// have been migrated; one in memory is migrated here. Schedulers that an earlier
// process left behind count as expired at once. It gives ErrInUse when another
// process, or another Store of this one, has the file open.
func Open(ctx context.Context, path string, o Options) (_ *Store, err error) {
	s := &Store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if path == Memory {
		err = s.openMemory(ctx)
	} else {
		err = s.openFile(ctx, path, o)
	}
	if err != nil {
		return nil, err
	}
	if err := s.expireAll(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) openMemory(ctx context.Context) error {
	pool, err := sql.Open("sqlite", dataSource(Memory, "temp_store(MEMORY)"))
	if err != nil {
		return fmt.Errorf("opening a database in memory: %w", err)
	}
	pool.SetMaxOpenConns(1)
	if err := migrateUp(pool); err != nil {
		return errors.Join(err, pool.Close())
	}
	s.writer, err = newWriter(ctx, pool)
	return err
}

func (s *Store) openFile(ctx context.Context, path string, o Options) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("finding the database file: %w", err)
	}
	if s.lock, err = lockFile(path); err != nil {
		return err
	}
	pool, err := openWriterPool(path, o)
	if err != nil {
		return err
	}
	if err := checkSchema(ctx, pool); err != nil {
		return errors.Join(err, pool.Close())
	}
	if s.writer, err = newWriter(ctx, pool); err != nil {
		return err
	}
	return s.openReaders(ctx, path, o)
}

func (s *Store) openReaders(ctx context.Context, path string, o Options) (err error) {
	s.readers, err = sql.Open("sqlite", dataSource(path,
		"busy_timeout(5000)", "query_only(1)", "temp_store(MEMORY)", "cache_size(-4096)"))
	if err != nil {
		return fmt.Errorf("opening %s for reading: %w", path, err)
	}
	n := o.Readers
	if n <= 0 {
		n = DefaultReaders
	}
	s.readers.SetMaxOpenConns(n)
	s.readers.SetMaxIdleConns(n)
	s.reads, err = dbsqlc.Prepare(ctx, s.readers)
	return translate("preparing to read", err)
}

// openWriterPool opens a file for the one connection that writes.
//
// The write-ahead log is folded back every thousand pages and cut back to 64 MiB
// when a long read made it longer.
func openWriterPool(path string, o Options) (*sql.DB, error) {
	synchronous := "synchronous(FULL)"
	if o.Relaxed {
		synchronous = "synchronous(NORMAL)"
	}
	pool, err := sql.Open("sqlite", dataSource(path,
		"busy_timeout(5000)", "journal_mode(WAL)", synchronous, "wal_autocheckpoint(1000)",
		"journal_size_limit(67108864)", "foreign_keys(0)", "temp_store(MEMORY)", "cache_size(-16384)"))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

// dataSource names a database to the driver, with pragmas for each connection.
func dataSource(path string, pragmas ...string) string {
	query := url.Values{"_pragma": pragmas}.Encode()
	if path == Memory {
		return Memory + "?" + query
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}

// Ping tells whether the database answers and its schema is current.
func (s *Store) Ping(ctx context.Context) error {
	if s.readers != nil && !s.closed.Load() {
		return checkSchema(ctx, s.readers)
	}
	return s.view(ctx, "pinging", func(ctx context.Context, q *dbsqlc.Queries) error {
		_, err := q.ListUnreleased(ctx)
		return err
	})
}

// Close waits for the transaction that is under way, folds the write-ahead log
// back into the file and lets go of it. Calls after it give ErrUnavailable.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.closed.Store(true)
		var errs []error
		if s.reads != nil {
			errs = append(errs, s.reads.Close())
		}
		if s.readers != nil {
			errs = append(errs, s.readers.Close())
		}
		if s.writer != nil {
			errs = append(errs, s.writer.close())
		}
		if s.lock != nil {
			errs = append(errs, s.lock.release())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}
