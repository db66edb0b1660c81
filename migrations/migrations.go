// Package migrations embeds the schema of both databases, as golang-migrate
// files with the same numbers and names.
package migrations

import "embed"

// Postgres holds the migrations under postgres/.
//
//go:embed postgres/*.sql
var Postgres embed.FS

// SQLite holds the migrations under sqlite/.
//
//go:embed sqlite/*.sql
var SQLite embed.FS
