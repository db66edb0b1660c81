package postgres

import (
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
)

// A tag that is rare is found by its index, a common one in the order of the list.
func TestTagsAreFoundHoweverCommonTheyAre(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	admin := connect(t, url)
	for _, sql := range []string{`
INSERT INTO executions (namespace, id, function, version, tags, priority, queue, seed, root_task_id, callback_url, trace_parent,
    created_at, state)
SELECT 'default', lpad(to_hex(e), 32, '0')::uuid, 'f', '', CASE WHEN e % 2000 = 5 THEN '{rare,common}' ELSE '{common}' END::text[],
    0, 'default', '', md5('r' || e)::uuid, '', '', now(), 'running'
FROM generate_series(1, 6000) e`, "VACUUM ANALYZE executions"} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	store := openURL(t, url)
	for _, test := range []struct {
		tags  []string
		first byte // the last byte of the first id
		n     int
	}{
		{[]string{"rare"}, 4005 & 0xff, 3},
		{[]string{"common"}, 6000 & 0xff, 100},
		{[]string{"rare", "common"}, 6000 & 0xff, 100},
		{[]string{"nobody's"}, 0, 0},
	} {
		ids, err := store.ExecutionIDs(t.Context(), db.ExecutionFilter{Page: db.Page{Limit: 100}, Tags: test.tags})
		if err != nil || len(ids) != test.n || test.n > 0 && ids[0][15] != test.first {
			t.Errorf("%v: %d ids, %v, %v", test.tags, len(ids), ids, err)
		}
	}
}
