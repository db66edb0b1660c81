package arch_test

const module = "github.com/stent-dev/stent"

// everything stands for all internal packages, the composition's privilege.
const everything = "internal/*"

// internalImports says which packages of this module each one may import, not
// counting its tests. Paths are relative to the module. Programs (cmd, bench,
// chaos, examples) are not listed: they may import anything, and nothing can
// import them.
var internalImports = map[string][]string{
	"":           {}, // the root: what is embedded as it stands
	"durable":    {"internal/wire"},
	"migrations": {},
	"web":        {},

	"durable/durabletest": {"durable", "internal/protocol", "internal/wire", "internal/workflow"},

	"internal/workflow":  {},
	"internal/wire":      {},
	"internal/wake":      {},
	"internal/telemetry": {},
	"internal/protocol":  {"internal/wire", "internal/workflow"},

	"internal/db":                          {"internal/workflow"},
	"internal/db/postgres":                 {"internal/db", "internal/db/postgres/internal/dbsqlc", "internal/workflow", "migrations"},
	"internal/db/postgres/internal/dbsqlc": {"internal/db", "internal/workflow"},
	"internal/db/sqlite":                   {"internal/db", "internal/db/sqlite/internal/dbsqlc", "internal/workflow", "migrations"},
	"internal/db/sqlite/internal/dbsqlc":   {"internal/db", "internal/workflow"},
	"internal/db/dbopen":                   {"internal/db", "internal/db/postgres", "internal/db/sqlite"},
	"internal/db/dbtest":                   {"internal/db", "internal/testenv", "internal/workflow"},
	"internal/engine":                      {"internal/db", "internal/wake", "internal/workflow"},
	"internal/delivery":                    {"internal/telemetry", "internal/wire", "internal/workflow"},
	"internal/scheduler":                   {"internal/delivery", "internal/engine", "internal/protocol", "internal/telemetry", "internal/wake", "internal/wire", "internal/workflow"},
	"internal/http":                        {"internal/engine", "internal/http/api", "internal/telemetry", "internal/wire", "internal/workflow", "web"},
	"internal/http/api":                    {},
	"internal/cli":                         {"durable", "internal/wire"},
	"internal/app":                         {everything, "", "durable", "migrations"},
	"internal/apptest":                     {"internal/app", "internal/testenv"},
	"internal/arch":                        {},
	"internal/testenv":                     {"internal/testenv/supervise"},
	"internal/testenv/supervise":           {},
	"internal/testenv/local":               {"internal/testenv/supervise"},
	"internal/webtest":                     {},
	"internal/testenv/cmd/testenv":         {"internal/testenv", "internal/testenv/local"},
}

// anywhere allows a third-party module in every package but the pure ones.
const anywhere = "*"

// pure packages import no third-party module, whatever the table below says.
var pure = []string{"durable", "durable/durabletest", "migrations", "internal/workflow", "internal/wire", "internal/protocol", "internal/arch"}

// moduleUsers says which packages may import each third-party module, given as
// the beginning of its path. Programs may import what they like.
var moduleUsers = map[string][]string{
	"code.dny.dev/ssrf":                 {"internal/delivery"},
	"github.com/getkin/kin-openapi":     {"internal/http", "internal/http/api"},
	"github.com/go-chi/chi":             {"internal/http", "internal/http/api"},
	"github.com/golang-migrate/migrate": {"internal/db/postgres", "internal/db/sqlite"},
	"github.com/google/uuid":            {anywhere},
	"github.com/jackc/pgx":              {"internal/db/dbopen", "internal/db/postgres", "internal/db/postgres/internal/dbsqlc", "internal/testenv", "internal/wake"},
	"github.com/jedib0t/go-pretty":      {"internal/cli"},
	"github.com/oapi-codegen":           {"internal/http", "internal/http/api"},
	"github.com/prometheus":             {"internal/telemetry"},
	"github.com/redis/go-redis":         {"internal/testenv", "internal/wake"},
	"github.com/spf13/cobra":            {"internal/cli"},
	"github.com/spf13/pflag":            {"internal/cli"},
	"github.com/swaggest/swgui":         {"internal/http"},
	"github.com/standard-webhooks":      {"internal/delivery"},
	"go.opentelemetry.io/otel":          {"internal/telemetry"},
	"go.uber.org/goleak":                {"internal/db/dbtest"},
	"golang.org/x/sync":                 {anywhere},
	"golang.org/x/sys":                  {"internal/db/sqlite"},
	"golang.org/x/term":                 {"internal/cli"},
	"modernc.org/sqlite":                {"internal/db/sqlite"},
	"pgregory.net/rapid":                {"internal/db/dbtest"},
}
