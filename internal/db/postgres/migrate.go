package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	driver "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/migrations"
)

// migrationsFolder is where package migrations has those for PostgreSQL.
const migrationsFolder = "postgres"

// Migrate brings the schema of the database at a URL up to date. Any number of
// processes may do so at once: one migrates, the others wait for it. A schema that
// is newer than this program is left as it is.
func Migrate(ctx context.Context, url string) error { return migrating(ctx, url, up) }

// up takes it for no error that the schema is at a migration which this program does
// not have: a process of the version before may start beside those of the next.
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

// MigrateDown takes the newest migration back, with all that it holds.
func MigrateDown(ctx context.Context, url string) error {
	return migrating(ctx, url, func(m *migrate.Migrate) error { return m.Steps(-1) })
}

// SchemaVersion tells which migration the database at a URL is at, 0 for none,
// and whether that one failed half way.
func SchemaVersion(ctx context.Context, url string) (version int, dirty bool, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, false, unavailable("connecting", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	version, dirty, err = schemaVersion(ctx, conn)
	return version, dirty, translate("reading the version of the schema", err)
}

func migrating(ctx context.Context, url string, step func(*migrate.Migrate) error) (err error) {
	config, err := pgxpool.ParseConfig(url) // also takes what is for the pools
	if err != nil {
		return fmt.Errorf("reading the database URL: %w", err)
	}
	pool := stdlib.OpenDB(*config.ConnConfig)
	defer func() { err = errors.Join(err, pool.Close()) }()
	if err := pool.PingContext(ctx); err != nil {
		return unavailable("connecting", err)
	}
	m, err := migrator(pool)
	if err != nil {
		return translate("migrating", err)
	}
	defer func() {
		sourceErr, targetErr := m.Close()
		err = errors.Join(err, sourceErr, targetErr)
	}()
	// Between two migrations is where it can be stopped.
	stop := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
	defer stop()
	if err := step(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return translate("migrating", err)
	}
	return ctx.Err()
}

func migrator(pool *sql.DB) (*migrate.Migrate, error) {
	source, err := iofs.New(migrations.Postgres, migrationsFolder)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	target, err := driver.WithInstance(pool, &driver.Config{})
	if err != nil {
		return nil, err
	}
	return migrate.NewWithInstance("iofs", source, "postgres", target)
}

// schemaVersion reads golang-migrate's own table. There is none before the first migration.
func schemaVersion(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (version int, dirty bool, err error) {
	err = conn.QueryRow(ctx, "SELECT version, dirty FROM schema_migrations LIMIT 1").Scan(&version, &dirty)
	var answer *pgconn.PgError
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &answer) && answer.Code == codeNoTable {
		return 0, false, nil
	}
	return version, dirty, err
}

// checkVersion gives ErrUnavailable when the schema is older than this program. A
// newer one is right too: migrations only add to what older programs use.
func checkVersion(version int, dirty bool) error {
	want, err := newestMigration()
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
	files, err := fs.ReadDir(migrations.Postgres, migrationsFolder)
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
