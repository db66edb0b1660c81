package postgres

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// A mark is a snapshot of the server, "xmin:xmax:xid,xid,…", after the time in
// microseconds at which the server started: "1767225600000000/100:105:101,103".

var markText = regexp.MustCompile(`^([1-9][0-9]{0,17})/([1-9][0-9]{0,17}):([1-9][0-9]{0,17}):([0-9,]*)$`)

// nothingSeen is the snapshot that has seen no transaction of anybody's.
const nothingSeen = "1:1:"

// readMark gives what a mark says; one that nobody here gave has seen nothing.
func readMark(m db.Mark) (server time.Time, seen string) {
	parts := markText.FindStringSubmatch(string(m))
	if parts == nil {
		return time.UnixMicro(0), nothingSeen
	}
	us, _ := strconv.ParseInt(parts[1], 10, 64)       // 18 digits always fit
	least, _ := strconv.ParseInt(parts[2], 10, 64)    //
	greatest, _ := strconv.ParseInt(parts[3], 10, 64) //
	if greatest < least || !ascending(parts[4], least, greatest) {
		return time.UnixMicro(0), nothingSeen
	}
	return time.UnixMicro(us), string(m)[strings.IndexByte(string(m), '/')+1:]
}

// ascending tells whether a list of transactions is one that PostgreSQL takes.
func ascending(list string, least, greatest int64) bool {
	if list == "" {
		return true
	}
	last := least - 1
	for part := range strings.SplitSeq(list, ",") {
		xid, err := strconv.ParseInt(part, 10, 64)
		if err != nil || xid <= last || xid >= greatest {
			return false
		}
		last = xid
	}
	return true
}

// marks gives the mark of a snapshot, and the one from which on it may have missed something.
func marks(server time.Time, snapshot string) (exact, rough db.Mark) {
	prefix := strconv.FormatInt(server.UnixMicro(), 10) + "/"
	oldest, _, _ := strings.Cut(snapshot, ":")
	return db.Mark(prefix + snapshot), db.Mark(prefix + oldest + ":" + oldest + ":")
}

// Changes implements db.Queries. The mark is that of the statement which comes first:
// what is committed between it and the other is told now, and again.
func (s *Store) Changes(ctx context.Context, execution workflow.ID, since db.Mark) (*db.Changes, error) {
	server, seen := readMark(since)
	c := &db.Changes{}
	err := s.run(ctx, s.reads, "reading what changed",
		func(ctx context.Context, q *queries) error {
			row, err := q.ChangedExecution(ctx, dbsqlc.ChangedExecutionParams{
				Server: server, Seen: seen, Execution: execution, Namespace: namespace,
			})
			if err != nil {
				return err
			}
			c.State, c.Execution = row.State, row.Changed
			c.Mark, c.Rough = marks(row.Server, row.Snapshot)
			return nil
		},
		func(ctx context.Context, q *queries) (err error) {
			c.Tasks, err = q.ChangedTasks(ctx, dbsqlc.ChangedTasksParams{
				Server: server, Seen: seen, Execution: execution, Namespace: namespace,
			})
			return err
		})
	if err != nil {
		return nil, err
	}
	return c, nil
}
