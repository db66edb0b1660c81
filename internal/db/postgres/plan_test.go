package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/testenv"
)

// hot are the statements that run for every step or claim, or are read again and again, with what their plans
// must look up in which index.
var hot = map[string]struct {
	sql     string
	indexes []string
}{
	"LockExecutions":   {dbsqlc.LockExecutions, []string{"executions_pkey"}},
	"ExecutionsByKey":  {dbsqlc.ExecutionsByKey, []string{"executions_idempotency_key"}},
	"LoadTasks":        {dbsqlc.LoadTasks, []string{"tasks_pkey", "tasks_step", "tasks_waiting_for"}},
	"LoadMailbox":      {dbsqlc.LoadMailbox, []string{"signals_buffered"}},
	"LoadSent":         {dbsqlc.LoadSent, []string{"signals_idempotency_key"}},
	"LoadCounters":     {dbsqlc.LoadCounters, []string{"counters_pkey"}},
	"LoadItems":        {dbsqlc.LoadItems, []string{"tasks_items"}},
	"TurnTasks":        {dbsqlc.TurnTasks, []string{"tasks_pkey"}},
	"TurnExecutions":   {dbsqlc.TurnExecutions, []string{"executions_pkey"}},
	"TurnSteps":        {dbsqlc.TurnSteps, []string{"tasks_step"}},
	"TurnState":        {dbsqlc.TurnState, []string{"custom_state_pkey"}},
	"TurnCounters":     {dbsqlc.TurnCounters, []string{"counters_pkey"}},
	"UpdateExecutions": {dbsqlc.UpdateExecutions, []string{"executions_pkey"}},
	"UpdateTasks":      {dbsqlc.UpdateTasks, []string{"tasks_pkey"}},
	"UpdateTask":       {dbsqlc.UpdateTask, []string{"tasks_pkey"}},
	"SetInputs":        {dbsqlc.SetInputs, []string{"tasks_pkey"}},
	"SetResults":       {dbsqlc.SetResults, []string{"tasks_pkey"}},
	"Release":          {dbsqlc.Release, []string{"tasks_pkey", "tasks_items"}},
	"Park":             {dbsqlc.Park, []string{"tasks_pkey", "tasks_step"}},
	"Unpark":           {dbsqlc.Unpark, []string{"tasks_pkey", "tasks_step"}},
	"Sweep":            {dbsqlc.Sweep, []string{"tasks_pkey", "tasks_step"}},
	"TakeSignals":      {dbsqlc.TakeSignals, []string{"signals_pkey"}},
	"DeleteHolds":      {dbsqlc.DeleteHolds, []string{"holds_pkey"}},
	"Lanes":            {dbsqlc.Lanes, []string{"tasks_due"}},
	"NextDue":          {dbsqlc.NextDue, []string{"tasks_due"}},
	"Claim":            {dbsqlc.Claim, []string{"tasks_due", "executions_pkey", "tasks_pkey"}},
	"Held":             {dbsqlc.Held, []string{"holds_pkey", "tasks_step"}},
	"HeldIn":           {dbsqlc.HeldIn, []string{"tasks_step"}},
	"Orphans":          {dbsqlc.Orphans, []string{"holds_pkey", "tasks_step"}},

	"Progress":                   {dbsqlc.Progress, []string{"executions_pkey", "tasks_pkey", "tasks_step"}},
	"LoadMailboxes":              {dbsqlc.LoadMailboxes, []string{"signals_buffered"}},
	"LoadDeadLetters":            {dbsqlc.LoadDeadLetters, []string{"dead_letters_pkey"}},
	"DeleteDeadLetters":          {dbsqlc.DeleteDeadLetters, []string{"dead_letters_pkey"}},
	"ReopenTasks":                {dbsqlc.ReopenTasks, []string{"tasks_pkey"}},
	"MoveSteps":                  {dbsqlc.MoveSteps, []string{"tasks_pkey"}},
	"GetDeadLetter":              {dbsqlc.GetDeadLetter, []string{"dead_letters_pkey"}},
	"ListDeadLetters":            {dbsqlc.ListDeadLetters, []string{"dead_letters_failed"}},
	"ListDeadLettersOfFunctions": {dbsqlc.ListDeadLettersOfFunctions, []string{"dead_letters_function"}},
	"ListDeadLettersOfQueues":    {dbsqlc.ListDeadLettersOfQueues, []string{"dead_letters_queue"}},
	"ListDeadLettersOfKinds":     {dbsqlc.ListDeadLettersOfKinds, []string{"dead_letters_kind"}},
	"ExpireDeadLetters":          {dbsqlc.ExpireDeadLetters, []string{"dead_letters_failed", "dead_letters_pkey"}},

	"EndedFunctions": {dbsqlc.EndedFunctions, []string{"executions_ended"}},
	"DeleteEnded": {dbsqlc.DeleteEnded, []string{
		"executions_ended", "executions_pkey", "tasks_step", "task_attempts_task", "dead_letters_pkey", "signals_pkey", "counters_pkey",
		"custom_state_pkey",
	}},

	"LockResults":          {dbsqlc.LockResults, []string{"results_pkey", "tasks_pkey"}},
	"LoadResults":          {dbsqlc.LoadResults, []string{"results_pkey", "tasks_pkey"}},
	"UpdateResults":        {dbsqlc.UpdateResults, []string{"results_pkey"}},
	"SettledResults":       {dbsqlc.SettledResults, []string{"tasks_awaits_result", "results_pkey", "tasks_pkey"}},
	"ResultWaiters":        {dbsqlc.ResultWaiters, []string{"tasks_awaits_result", "executions_pkey"}},
	"InvalidateResults":    {dbsqlc.InvalidateResults, []string{"results_function", "results_pkey"}},
	"DeleteExpiredResults": {dbsqlc.DeleteExpiredResults, []string{"results_expiry", "results_pkey"}},
	"DeleteLostResults":    {dbsqlc.DeleteLostResults, []string{"results_running", "results_pkey", "tasks_pkey"}},
}

// grow fills a migrated database with 200,000 tasks of 2,000 executions, a few of them due.
const grow = `
INSERT INTO executions (namespace, id, function, version, tags, priority, queue, seed, root_task_id, callback_url, trace_parent,
    created_at, state)
SELECT 'default', md5('e' || e)::uuid, 'f', '', '{}', 0, 'default', '', md5('r' || e)::uuid, '', '', now(), 'running'
FROM generate_series(1, 2000) e;
INSERT INTO tasks (namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane, priority,
    item, created_at, kind, state, due_at, token, attempt, failures, lost_leases, seq, run, turn, settled, open, next_item, items)
SELECT 'default', md5(e || '/' || t)::uuid, md5('e' || e)::uuid, md5('r' || e)::uuid, 0, 'k' || t, 'call', 'f' || e % 7, false, '',
    'default', 'f' || e % 7, 0, 0, now(), 'activity', CASE WHEN t = 1 THEN 'pending' ELSE 'completed' END,
    CASE WHEN t = 1 AND e % 10 = 0 THEN now() END, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0
FROM generate_series(1, 2000) e, generate_series(1, 100) t;
INSERT INTO results (namespace, key_hash, function, version, state, execution_id, task_id, value, created_at, completed_at, expires_at)
SELECT 'default', sha256(('k' || r)::bytea), 'f' || r % 7, '', CASE WHEN r % 50 = 0 THEN 'running' ELSE 'completed' END,
    md5('e' || r % 2000)::uuid, md5(r % 2000 || '/1')::uuid, 'null', now(), now(), CASE WHEN r % 3 = 0 THEN now() END
FROM generate_series(1, 20000) r;
INSERT INTO dead_letters (namespace, task_id, execution_id, function, queue, kind, attempts, failed_at)
SELECT 'default', md5('d' || d)::uuid, md5('e' || d % 2000)::uuid, 'f' || d % 7, 'q' || d % 5, CASE WHEN d % 3 = 0 THEN 'orchestrator' ELSE 'activity' END,
    3, now() - d * interval '1 second'
FROM generate_series(1, 20000) d;`

func TestHotStatementsUseIndexesWhateverTheStatistics(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string][]string{
		"OfAYoungDatabase":     nil,
		"OfAVacuumedEmptyOne":  {"VACUUM ANALYZE"},
		"OfALargeOne":          {grow, "VACUUM ANALYZE"},
		"OfALargeUnknownOne":   {grow},
		"OfOneThatGrewQuickly": {"VACUUM ANALYZE", grow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := migrated(t, testenv.Relaxed())
			admin := connect(t, url)
			for _, sql := range prepare {
				if _, err := admin.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			store := openURL(t, url)
			conn, err := store.commits.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			for name, statement := range hot {
				checkPlan(t, name, explain(t, conn.Conn(), statement.sql), statement.indexes)
			}
		})
	}
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// explain gives the plan that a statement has for any arguments.
func explain(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	ctx := t.Context()
	highest := 0
	for _, match := range parameter.FindAllStringSubmatch(sql, -1) {
		n := 0
		if _, err := fmt.Sscan(match[1], &n); err != nil {
			t.Fatal(err)
		}
		highest = max(highest, n)
	}
	run := func(sql string) (lines []string) {
		results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		for _, row := range results[0].Rows {
			lines = append(lines, string(row[0]))
		}
		return lines
	}
	run("PREPARE hot AS " + sql)
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "DEALLOCATE hot") }()
	nulls := ""
	if highest > 0 {
		nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", highest), ", ") + ")"
	}
	return strings.Join(run("EXPLAIN (COSTS OFF) EXECUTE hot"+nulls), "\n")
}

var (
	scanOfTable = regexp.MustCompile(`Seq Scan on (tasks|executions|signals|counters|custom_state|holds|results|dead_letters|task_attempts)\b`)
	indexScan   = regexp.MustCompile(`(?:Index Scan|Index Only Scan|Bitmap Index Scan)(?: Backward)? (?:using|on) (\w+).*(?:\n\s*Index Cond: \(+(\w+) )?`)
)

// leading are the first columns of the indexes: what a look-up must name.
var leading = map[string]string{
	"executions_pkey": "id", "executions_idempotency_key": "idempotency_key", "tasks_pkey": "id", "tasks_step": "execution_id",
	"tasks_items": "execution_id", "tasks_waiting_for": "execution_id", "tasks_due": "namespace", "signals_pkey": "execution_id",
	"signals_buffered": "execution_id", "signals_idempotency_key": "execution_id", "counters_pkey": "execution_id", "custom_state_pkey": "execution_id",
	"holds_pkey": "scheduler_id", "results_pkey": "key_hash", "results_function": "function", "results_expiry": "expires_at",
	"results_running": "created_at", "tasks_awaits_result": "awaits_result", "schedulers_pkey": "id",
	"dead_letters_pkey": "task_id", "dead_letters_failed": "failed_at", "dead_letters_function": "function", "dead_letters_queue": "queue",
	"dead_letters_kind": "kind", "executions_ended": "function", "task_attempts_task": "task_id",
}

func checkPlan(t *testing.T, name, plan string, indexes []string) {
	t.Helper()
	if found := scanOfTable.FindString(plan); found != "" {
		t.Errorf("%s: %s\n%s", name, found, plan)
	}
	if strings.Contains(plan, "Hash Join") || strings.Contains(plan, "Merge Join") {
		t.Errorf("%s joins whole tables\n%s", name, plan)
	}
	used := map[string]bool{}
	for _, match := range indexScan.FindAllStringSubmatch(plan, -1) {
		used[match[1]] = true
		if match[2] != leading[match[1]] {
			t.Errorf("%s reads the whole index %s\n%s", name, match[1], plan)
		}
	}
	for _, index := range indexes {
		if !used[index] {
			t.Errorf("%s does not use index %s\n%s", name, index, plan)
		}
	}
}

// The index of tags has only executions that have some: a query must say that it wants no others.
func TestRareTagsAreFoundByTheirIndex(t *testing.T) {
	t.Parallel()
	conn := connect(t, migrated(t, testenv.Relaxed()))
	for _, sql := range []string{
		grow, "UPDATE executions SET tags = '{vip}' WHERE id = md5('e7')::uuid", "VACUUM ANALYZE executions",
		"SET plan_cache_mode = force_custom_plan", "PREPARE tagged AS " + dbsqlc.TaggedExecutions,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"vip", "nobody's"} {
		rows, err := conn.Query(t.Context(), fmt.Sprintf("EXPLAIN EXECUTE tagged(ARRAY['%s'], 'default', 100)", strings.ReplaceAll(tag, "'", "''")))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "executions_tags") {
			t.Errorf("%s is looked for without the index:\n%s", tag, text)
		}
	}
}
