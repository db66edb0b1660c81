package postgres
import ("testing";"fmt";"github.com/jackc/pgx/v5/pgxpool";"github.com/jackc/pgx/v5/pgconn"
"github.com/stent-dev/stent/internal/db";"github.com/stent-dev/stent/internal/db/dbtest")
func BenchmarkTmp(b *testing.B) {
	dbtest.Benchmark(b, func(t testing.TB) db.Store { url := migrated(t)
	c, _ := pgxpool.ParseConfig(url)
	c.ConnConfig.RuntimeParams["session_preload_libraries"]="auto_explain"
	c.ConnConfig.RuntimeParams["auto_explain.log_min_duration"]="20"
	c.ConnConfig.RuntimeParams["auto_explain.log_analyze"]="on"
	c.ConnConfig.RuntimeParams["auto_explain.log_level"]="notice"
	c.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Println(n.Message) }
	s, err := open(t.Context(), c, Options{}); if err != nil { t.Fatal(err) }
	t.Cleanup(func(){ s.Close() })
	return s })
}
