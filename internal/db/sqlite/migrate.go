package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	driver "github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/migrations"
)

// migrationsFolder is where package migrations has those for SQLite.
const migrationsFolder = "sqlite"

// Migrate makes the file at a path, if there is none, and brings its schema up to
// date; one that is newer than this program is left as it is. It gives ErrInUse
// while the database is open. Memory needs no migration.
func Migrate(ctx context.Context, path string) error { return withFile(ctx, path, migrateUp) }

// MigrateDown takes the newest migration back, with all that it holds.
func MigrateDown(ctx context.Context, path string) error { return withFile(ctx, path, migrateDown) }

// SchemaVersion tells which migration the file at a path is at, 0 for none, and
// whether that one failed half way. It gives ErrInUse while the database is open.
func SchemaVersion(ctx context.Context, path string) (version int, dirty bool, err error) {
	if path == Memory {
		version, err = newestMigration()
		return version, false, err
	}
	err = withFile(ctx, path, func(pool *sql.DB) (err error) {
		version, dirty, err = schemaVersion(ctx, pool)
		return err
	})
	return version, dirty, err
}

// withFile does something to a file that nobody has open.
func withFile(ctx context.Context, path string, do func(*sql.DB) error) (err error) {
	if err := ctx.Err(); err != nil || path == Memory {
		return err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("finding the database file: %w", err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	pool, err := openWriterPool(path, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return do(pool)
}

func migrateUp(pool *sql.DB) error { return run(pool, up) }

// up takes it for no error that the schema is at a migration which this program does
// not have: whoever goes back to the version before keeps the file.
func up(m *migrate.Migrate) error {
	err := m.Up()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	version, dirty, versionErr := m.Version()
	newest, newestErr := newestMigration()
	if versionErr == nil && newestErr == nil && !dirty && int64(version) > int64(newest) {
		return nil
	}
	return err
}

func migrateDown(pool *sql.DB) error {
	return run(pool, func(m *migrate.Migrate) error { return m.Steps(-1) })
}

// run leaves the pool open, as it must for a database in memory.
func run(pool *sql.DB, step func(*migrate.Migrate) error) error {
	source, err := iofs.New(migrations.SQLite, migrationsFolder)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	target, err := driver.WithInstance(pool, &driver.Config{})
	if err != nil {
		return translate("migrating", err)
	}
	m, err := migrate.NewWithInstance("iofs", source, "sqlite", target)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := step(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return translate("migrating", err)
	}
	return nil
}

// schemaVersion reads golang-migrate's own table, which there is none of before
// the first migration.
func schemaVersion(ctx context.Context, pool *sql.DB) (version int, dirty bool, err error) {
	var tables int
	err = pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'").Scan(&tables)
	if err == nil && tables > 0 {
		err = pool.QueryRowContext(ctx, "SELECT version, dirty FROM schema_migrations LIMIT 1").Scan(&version, &dirty)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return version, dirty, translate("reading the version of the schema", err)
}

// checkSchema gives ErrUnavailable when the schema is older than this program. A
// newer one is right too: migrations only add to what older programs use.
func checkSchema(ctx context.Context, pool *sql.DB) error {
	want, err := newestMigration()
	if err != nil {
		return err
	}
	version, dirty, err := schemaVersion(ctx, pool)
	switch {
	case err != nil:
		return err
	case dirty:
		return fmt.Errorf("%w: migration %d of the schema failed half way", db.ErrUnavailable, version)
	case version < want:
		return fmt.Errorf("%w: the schema has version %d and this program wants %d: migrate the database first",
			db.ErrUnavailable, version, want)
	}
	return nil
}

// newestMigration gives the highest number among the embedded files.
func newestMigration() (newest int, err error) {
	files, err := fs.ReadDir(migrations.SQLite, migrationsFolder)
	if err != nil {
		return 0, fmt.Errorf("reading the migrations: %w", err)
	}
	for _, file := range files {
		digits, _, _ := strings.Cut(file.Name(), "_")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return 0, fmt.Errorf("migration %s has no number: %w", file.Name(), err)
		}
		newest = max(newest, number)
	}
	return newest, nil
}
