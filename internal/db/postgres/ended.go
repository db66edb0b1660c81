package postgres

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
)

// EndedFunctions implements db.Ended.
func (s *Store) EndedFunctions(ctx context.Context) ([]string, error) {
	functions, err := dbsqlc.New(s.leases).EndedFunctions(ctx)
	return functions, translate("listing functions of executions that have ended", err)
}

// CountEnded implements db.Ended.
func (s *Store) CountEnded(ctx context.Context, age time.Duration) (n int64, err error) {
	functions, err := s.EndedFunctions(ctx)
	if err != nil {
		return 0, err
	}
	err = s.read("counting executions that have ended", func(q *dbsqlc.Queries) error {
		n, err = q.CountEnded(ctx, dbsqlc.CountEndedParams{Functions: functions, Age: age.Seconds(), Namespace: namespace})
		return err
	})
	return n, err
}

// DeleteEnded implements db.Ended.
func (s *Store) DeleteEnded(ctx context.Context, function string, age time.Duration, limit int) (deleted int, more bool, err error) {
	row, err := dbsqlc.New(s.leases).DeleteEnded(ctx, dbsqlc.DeleteEndedParams{
		Function: function, Age: age.Seconds(), Namespace: namespace, Most: number(limit), Tasks: db.DeletedTasks,
	})
	if err != nil {
		return 0, false, translate("deleting executions that have ended", err)
	}
	return int(row.Deleted), row.Found == int64(limit) || row.Deleted < row.Found, nil
}
