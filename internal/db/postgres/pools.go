package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stent-dev/stent/internal/db"
)

// Pools implements db.Store.
func (s *Store) Pools() []db.Pool {
	pools := make([]db.Pool, 0, 4)
	for _, p := range []struct {
		name string
		pool *pgxpool.Pool
	}{{"commits", s.commits}, {"heartbeats", s.beats}, {"leases", s.leases}, {"reads", s.reads}} {
		stat := p.pool.Stat()
		pools = append(pools, db.Pool{
			Name: p.name, Idle: int(stat.IdleConns()), InUse: int(stat.AcquiredConns()), Max: int(stat.MaxConns()),
			Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
		})
	}
	return pools
}
