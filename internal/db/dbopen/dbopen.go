// Package dbopen chooses the store that a database URL names: postgres:// or
// postgresql:// for PostgreSQL, sqlite:path or sqlite::memory: for SQLite. It
// imports the stores and nothing else.
package dbopen

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres"
	"github.com/stent-dev/stent/internal/db/sqlite"
)

// ErrURL says that a database URL names no store. Its text never holds the URL,
// which may hold a password.
var ErrURL = errors.New("not a database URL: give postgres://user@host/name, sqlite:path, or sqlite::memory: for none")

// backend is what can be done with the databases of one kind, by their address.
type backend struct {
	open        func(ctx context.Context, address string) (db.Store, error)
	migrate     func(ctx context.Context, address string) error
	migrateDown func(ctx context.Context, address string) error
	version     func(ctx context.Context, address string) (version int, dirty bool, err error)
}

var postgresBackend = backend{
	open: func(ctx context.Context, url string) (db.Store, error) {
		store, err := postgres.Open(ctx, url, postgres.Options{})
		if err != nil {
			return nil, err // not a nil *postgres.Store in an interface
		}
		return store, nil
	},
	migrate: postgres.Migrate, migrateDown: postgres.MigrateDown, version: postgres.SchemaVersion,
}

var sqliteBackend = backend{
	open: func(ctx context.Context, path string) (db.Store, error) {
		store, err := sqlite.Open(ctx, path, sqlite.Options{})
		if err != nil {
			return nil, err
		}
		return store, nil
	},
	migrate: sqlite.Migrate, migrateDown: sqlite.MigrateDown, version: sqlite.SchemaVersion,
}

// Open opens a store. Its schema must be current: see Migrate. Errors: ErrURL,
// db.ErrUnavailable, sqlite.ErrInUse.
func Open(ctx context.Context, url string) (db.Store, error) {
	b, address, err := choose(url)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, address)
}

// Migrate brings the schema of a database up to date. Errors as of Open.
func Migrate(ctx context.Context, url string) error {
	b, address, err := choose(url)
	if err != nil {
		return err
	}
	return b.migrate(ctx, address)
}

// MigrateDown takes the newest migration back, with all that it holds. Errors as of Open.
func MigrateDown(ctx context.Context, url string) error {
	b, address, err := choose(url)
	if err != nil {
		return err
	}
	return b.migrateDown(ctx, address)
}

// Version gives the version of the schema; 0 before the first migration. Errors as of Open.
func Version(ctx context.Context, url string) (int, error) {
	b, address, err := choose(url)
	if err != nil {
		return 0, err
	}
	version, dirty, err := b.version(ctx, address)
	if err == nil && dirty {
		err = fmt.Errorf("%w: migration %d of the schema failed half way", db.ErrUnavailable, version)
	}
	return version, err
}

// choose gives the kind of database that a URL names, and its address there: a
// path for SQLite (sqlite:///abs is /abs), the whole URL for PostgreSQL.
func choose(url string) (b backend, address string, err error) {
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok {
		return b, "", ErrURL
	}
	switch scheme {
	case "sqlite":
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return b, "", fmt.Errorf("%w: the path is missing", ErrURL)
		}
		return sqliteBackend, path, nil
	case "postgres", "postgresql":
		return postgresBackend, url, nil
	}
	return b, "", fmt.Errorf("%w: there is no store for %q", ErrURL, scheme)
}
