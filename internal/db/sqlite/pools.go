package sqlite

import "github.com/stent-dev/stent/internal/db"

// Pools implements db.Store. Nobody counts who waits for the one connection that writes.
func (s *Store) Pools() []db.Pool {
	inUse := len(s.writer.turn)
	pools := []db.Pool{{Name: "writer", Idle: 1 - inUse, InUse: inUse, Max: 1}}
	if s.readers != nil {
		stat := s.readers.Stats()
		pools = append(pools, db.Pool{
			Name: "readers", Idle: stat.Idle, InUse: stat.InUse, Max: stat.MaxOpenConnections, Waits: stat.WaitCount, Waited: stat.WaitDuration,
		})
	}
	return pools
}
