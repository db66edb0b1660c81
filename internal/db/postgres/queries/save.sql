-- What a commit saves: each statement saves all rows of its kind. Arrays of equal
-- length carry the columns; in them the zero id and the zero time stand for NULL.
--
-- The plans are pinned. OFFSET 0, and ids without the namespace: see load.sql. An
-- update cannot be LATERAL; = ANY(ARRAY[id]) means = id, but is no clause that joins
-- could be turned around by: all that the planner can do is to look each id up.
--
-- A fence is a function that raises an error; it is called when the numbers differ.

-- The lock makes Expire wait for this transaction, or this one for Expire, so that
-- no lease of an expired scheduler goes unseen.
-- name: CheckAlive :exec
WITH alive AS MATERIALIZED (
    SELECT id FROM schedulers WHERE id = @scheduler AND state NOT IN ('stopped', 'expired') FOR KEY SHARE
)
SELECT a.n = 1 OR stent_fence(1, a.n, 'ST002') FROM (SELECT count(*) AS n FROM alive) a;

-- name: InsertExecutions :exec
INSERT INTO executions (namespace, id, function, version, input, tags, priority, queue, seed, root_task_id, callback_url,
    trace_parent, idempotency_key, request_hash, dispatched_by, created_at, deadline_at, state, result, error, retries,
    started_at, completed_at, cancel_requested, paused, signal_seq, buffered, context_seq)
SELECT @namespace, u.id, u.function, u.version, u.input,
    CASE WHEN u.tags = '[]' THEN '{}' ELSE ARRAY(SELECT json_array_elements_text(u.tags::json)) END,
    u.priority, u.queue, u.seed, u.root_task_id, u.callback_url, u.trace_parent, nullif(u.idempotency_key, ''),
    u.request_hash, u.dispatched_by, u.created_at, u.deadline_at, u.state, u.result, u.error, u.retries, u.started_at,
    u.completed_at, u.cancel_requested, u.paused, u.signal_seq, u.buffered, u.context_seq
FROM (SELECT
    unnest(@ids::uuid[]) AS id, unnest(@functions::text[]) AS function, unnest(@versions::text[]) AS version,
    unnest(@inputs::bytea[]) AS input, unnest(@tags::text[]) AS tags, unnest(@priorities::integer[]) AS priority,
    unnest(@queues::text[]) AS queue, unnest(@seeds::text[]) AS seed, unnest(@root_task_ids::uuid[]) AS root_task_id,
    unnest(@callback_urls::text[]) AS callback_url, unnest(@trace_parents::text[]) AS trace_parent,
    unnest(@idempotency_keys::text[]) AS idempotency_key, unnest(@request_hashes::bytea[]) AS request_hash,
    unnest(@dispatched_bys::uuid[]) AS dispatched_by, unnest(@created_ats::timestamptz[]) AS created_at,
    unnest(@deadline_ats::timestamptz[]) AS deadline_at, unnest(@states::text[]) AS state,
    unnest(@results::bytea[]) AS result, unnest(@errors::bytea[]) AS error, unnest(@retries::integer[]) AS retries,
    unnest(@started_ats::timestamptz[]) AS started_at, unnest(@completed_ats::timestamptz[]) AS completed_at,
    unnest(@cancel_requesteds::boolean[]) AS cancel_requested, unnest(@pauseds::boolean[]) AS paused,
    unnest(@signal_seqs::bigint[]) AS signal_seq, unnest(@buffereds::integer[]) AS buffered,
    unnest(@context_seqs::bigint[]) AS context_seq
) u;

-- name: UpdateExecutions :exec
UPDATE executions e SET state = u.state, result = u.result, error = u.error, retries = u.retries,
    started_at = u.started_at, completed_at = u.completed_at, cancel_requested = u.cancel_requested, paused = u.paused,
    signal_seq = u.signal_seq, buffered = u.buffered, context_seq = u.context_seq, deadline_at = u.deadline_at
FROM (SELECT
    unnest(@ids::uuid[]) AS id, unnest(@states::text[]) AS state, unnest(@results::bytea[]) AS result,
    unnest(@errors::bytea[]) AS error, unnest(@retries::integer[]) AS retries, unnest(@deadline_ats::timestamptz[]) AS deadline_at,
    unnest(@started_ats::timestamptz[]) AS started_at, unnest(@completed_ats::timestamptz[]) AS completed_at,
    unnest(@cancel_requesteds::boolean[]) AS cancel_requested, unnest(@pauseds::boolean[]) AS paused,
    unnest(@signal_seqs::bigint[]) AS signal_seq, unnest(@buffereds::integer[]) AS buffered,
    unnest(@context_seqs::bigint[]) AS context_seq
) u
WHERE e.id = ANY(ARRAY[u.id]);

-- name: InsertTasks :exec
INSERT INTO tasks (namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, input, options, item, created_at, kind, state, due_at, scheduled_for, holder, token, attempt, failures,
    lost_leases, started_at, completed_at, seq, result, error, detail, waiting_for, awaited_by, run, turn, settled, open,
    next_item, items, await, cancel_requested, owns_result, awaits_result, cache_hit,
    concurrency_key, slot, parent_turn)
SELECT @namespace, u.id, u.execution_id, u.parent_id, u.parent_run, u.step_key, u.op, u.name, u.pinned, u.version, u.queue,
    u.lane, u.priority, u.input, u.options, u.item, u.created_at, u.kind, u.state,
    u.due_at, u.scheduled_for, u.holder, u.token, u.attempt, u.failures, u.lost_leases, u.started_at, u.completed_at, u.seq,
    u.result, u.error, u.detail, nullif(u.waiting_for, ''), u.awaited_by, u.run, u.turn, u.settled, u.open, u.next_item,
    u.items, u.await, u.cancel_requested, u.owns_result, u.awaits_result, u.cache_hit, u.concurrency_key, u.slot, u.parent_turn
FROM (SELECT
    unnest(@ids::uuid[]) AS id, unnest(@execution_ids::uuid[]) AS execution_id, unnest(@parent_ids::uuid[]) AS parent_id,
    unnest(@parent_runs::integer[]) AS parent_run, unnest(@parent_turns::integer[]) AS parent_turn,
    unnest(@step_keys::text[]) AS step_key, unnest(@ops::text[]) AS op,
    unnest(@names::text[]) AS name, unnest(@pinneds::boolean[]) AS pinned, unnest(@versions::text[]) AS version,
    unnest(@queues::text[]) AS queue, unnest(@lanes::text[]) AS lane, unnest(@priorities::integer[]) AS priority,
    unnest(@concurrency_keys::text[]) AS concurrency_key, unnest(@slots::boolean[]) AS slot, unnest(@inputs::bytea[]) AS input,
    unnest(@options::bytea[]) AS options, unnest(@item_indexes::integer[]) AS item,
    unnest(@created_ats::timestamptz[]) AS created_at, unnest(@kinds::text[]) AS kind, unnest(@states::text[]) AS state,
    unnest(@due_ats::timestamptz[]) AS due_at, unnest(@scheduled_fors::timestamptz[]) AS scheduled_for,
    unnest(@holders::uuid[]) AS holder, unnest(@tokens::bigint[]) AS token, unnest(@attempts::integer[]) AS attempt,
    unnest(@failures::integer[]) AS failures, unnest(@lost_leases::integer[]) AS lost_leases,
    unnest(@started_ats::timestamptz[]) AS started_at, unnest(@completed_ats::timestamptz[]) AS completed_at,
    unnest(@seqs::bigint[]) AS seq, unnest(@results::bytea[]) AS result, unnest(@errors::bytea[]) AS error,
    unnest(@details::bytea[]) AS detail, unnest(@waiting_fors::text[]) AS waiting_for,
    unnest(@awaited_bys::bytea[]) AS awaited_by, unnest(@runs::integer[]) AS run, unnest(@turns::integer[]) AS turn,
    unnest(@settleds::bigint[]) AS settled, unnest(@opens::integer[]) AS open, unnest(@next_items::integer[]) AS next_item,
    unnest(@items::integer[]) AS items, unnest(@awaits::bytea[]) AS await,
    unnest(@cancel_requesteds::boolean[]) AS cancel_requested, unnest(@owns_results::bytea[]) AS owns_result,
    unnest(@awaits_results::bytea[]) AS awaits_result, unnest(@cache_hits::boolean[]) AS cache_hit
) u;

-- InsertTasks of one row, in half the time: it is what one step of one workflow costs.
-- name: InsertTask :exec
INSERT INTO tasks (namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, input, options, item, created_at, kind, state, due_at, scheduled_for, holder, token, attempt, failures,
    lost_leases, started_at, completed_at, seq, result, error, detail, waiting_for, awaited_by, run, turn, settled, open,
    next_item, items, await, cancel_requested, owns_result, awaits_result, cache_hit,
    concurrency_key, slot, parent_turn)
VALUES (
    @namespace, @id::uuid, @execution_id::uuid, @parent_id::uuid, @parent_run::integer, @step_key::text, @op::text,
    @name::text, @pinned::boolean, @version::text, @queue::text, @lane::text, @priority::integer, @input::bytea,
    @options::bytea, @item_index::integer, @created_at::timestamptz, @kind::text, @state::text, @due_at::timestamptz,
    @scheduled_for::timestamptz, @holder::uuid, @token::bigint, @attempt::integer, @failures::integer, @lost_leases::integer,
    @started_at::timestamptz, @completed_at::timestamptz, @seq::bigint, @result::bytea, @error::bytea, @detail::bytea,
    nullif(@waiting_for::text, ''), @awaited_by::bytea, @run::integer, @turn::integer, @settled::bigint, @open::integer,
    @next_item::integer, @items::integer, @await::bytea, @cancel_requested::boolean, @owns_result::bytea,
    @awaits_result::bytea, @cache_hit::boolean, @concurrency_key::text, @slot::boolean, @parent_turn::integer);

-- The lane is said of what is due; of what is not it stays, as a change of it would
-- keep the update from being heap-only.
--
-- A row whose token is not the one that was loaded is not hit, and the fence
-- refuses it all. Results and errors are not loaded, so one that is not set leaves
-- the stored one; a task that completed has no error.
-- name: UpdateTasks :exec
WITH updated AS (
    UPDATE tasks t SET kind = u.kind, state = u.state, due_at = u.due_at, scheduled_for = u.scheduled_for,
        holder = u.holder, token = u.token, attempt = u.attempt, failures = u.failures, lost_leases = u.lost_leases,
        started_at = u.started_at, completed_at = u.completed_at, seq = u.seq, result = coalesce(u.result, t.result),
        error = CASE WHEN u.state = 'completed' THEN u.error ELSE coalesce(u.error, t.error) END,
        detail = CASE WHEN u.set_detail THEN u.detail ELSE t.detail END, waiting_for = nullif(u.waiting_for, ''),
        awaited_by = u.awaited_by, run = u.run, turn = u.turn, settled = u.settled, open = u.open,
        next_item = u.next_item, items = u.items, await = u.await, cancel_requested = u.cancel_requested,
        owns_result = u.owns_result, awaits_result = u.awaits_result, cache_hit = u.cache_hit, slot = u.slot,
        lane = CASE WHEN u.due_at IS NULL THEN t.lane ELSE u.lane END
    FROM (SELECT
        unnest(@ids::uuid[]) AS id, unnest(@was_tokens::bigint[]) AS was_token, unnest(@kinds::text[]) AS kind,
        unnest(@states::text[]) AS state, unnest(@due_ats::timestamptz[]) AS due_at,
        unnest(@scheduled_fors::timestamptz[]) AS scheduled_for, unnest(@holders::uuid[]) AS holder,
        unnest(@tokens::bigint[]) AS token, unnest(@attempts::integer[]) AS attempt,
        unnest(@failures::integer[]) AS failures, unnest(@lost_leases::integer[]) AS lost_leases,
        unnest(@started_ats::timestamptz[]) AS started_at, unnest(@completed_ats::timestamptz[]) AS completed_at,
        unnest(@seqs::bigint[]) AS seq, unnest(@results::bytea[]) AS result, unnest(@errors::bytea[]) AS error,
        unnest(@details::bytea[]) AS detail, unnest(@set_details::boolean[]) AS set_detail,
        unnest(@waiting_fors::text[]) AS waiting_for, unnest(@awaited_bys::bytea[]) AS awaited_by,
        unnest(@runs::integer[]) AS run, unnest(@turns::integer[]) AS turn, unnest(@settleds::bigint[]) AS settled,
        unnest(@opens::integer[]) AS open, unnest(@next_items::integer[]) AS next_item,
        unnest(@items::integer[]) AS items, unnest(@awaits::bytea[]) AS await,
        unnest(@cancel_requesteds::boolean[]) AS cancel_requested, unnest(@owns_results::bytea[]) AS owns_result,
        unnest(@awaits_results::bytea[]) AS awaits_result, unnest(@cache_hits::boolean[]) AS cache_hit,
        unnest(@slots::boolean[]) AS slot, unnest(@lanes::text[]) AS lane
    ) u
    WHERE t.id = ANY(ARRAY[u.id]) AND t.token = u.was_token
    RETURNING 1
)
SELECT u.n = cardinality(@ids::uuid[]) OR stent_fence(cardinality(@ids::uuid[]), u.n, 'ST001') FROM (SELECT count(*) AS n FROM updated) u;

-- UpdateTasks of one row, in half the time.
-- name: UpdateTask :exec
WITH updated AS (
    UPDATE tasks t SET
        kind = @kind::text, state = @state::text, due_at = @due_at::timestamptz, scheduled_for = @scheduled_for::timestamptz,
        holder = @holder::uuid, token = @token::bigint, attempt = @attempt::integer, failures = @failures::integer,
        lost_leases = @lost_leases::integer, started_at = @started_at::timestamptz,
        completed_at = @completed_at::timestamptz, seq = @seq::bigint, result = coalesce(@result::bytea, t.result),
        error = CASE WHEN @state::text = 'completed' THEN @error::bytea ELSE coalesce(@error::bytea, t.error) END,
        detail = CASE WHEN @set_detail::boolean THEN @detail::bytea ELSE t.detail END,
        waiting_for = nullif(@waiting_for::text, ''), awaited_by = @awaited_by::bytea, run = @run::integer,
        turn = @turn::integer, settled = @settled::bigint, open = @open::integer, next_item = @next_item::integer,
        items = @items::integer, await = @await::bytea, cancel_requested = @cancel_requested::boolean,
        owns_result = @owns_result::bytea, awaits_result = @awaits_result::bytea, cache_hit = @cache_hit::boolean,
        slot = @slot::boolean, lane = CASE WHEN @due_at::timestamptz IS NULL THEN t.lane ELSE @lane::text END
    WHERE t.id = @id::uuid AND t.token = @was_token::bigint
    RETURNING 1
)
SELECT u.n = 1 OR stent_fence(1, u.n, 'ST001') FROM (SELECT count(*) AS n FROM updated) u;

-- name: SetInputs :exec
UPDATE tasks t SET input = u.input
FROM (
    SELECT unnest(@ids::uuid[]) AS id, unnest(@inputs::bytea[]) AS input
) u
WHERE t.id = ANY(ARRAY[u.id]);

-- name: SetResults :exec
UPDATE tasks t SET result = u.result
FROM (
    SELECT unnest(@ids::uuid[]) AS id, unnest(@results::bytea[]) AS result
) u
WHERE t.id = ANY(ARRAY[u.id]);

-- name: Release :exec
UPDATE tasks t SET due_at = CASE WHEN u.parked THEN NULL ELSE @now::timestamptz END, scheduled_for = @now
FROM (
    SELECT i.id, r.parked FROM (SELECT
        unnest(@executions::uuid[]) AS execution_id, unnest(@maps::uuid[]) AS map_id, unnest(@runs::integer[]) AS run,
        unnest(@froms::integer[]) AS first, unnest(@tos::integer[]) AS beyond, unnest(@parkeds::boolean[]) AS parked
    ) r CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = r.execution_id AND x.parent_id = r.map_id AND x.parent_run = r.run
            AND x.op = 'item' AND x.item >= r.first AND x.item < r.beyond
        OFFSET 0
    ) i
) u
WHERE t.id = ANY(ARRAY[u.id]) AND t.state = 'pending' AND t.due_at IS NULL AND t.holder IS NULL;

-- Parked tasks are those that are pending and scheduled, but neither due nor held.
-- IS TRUE: only the id of the execution may choose the index.
-- name: Park :exec
UPDATE tasks t SET due_at = NULL
WHERE t.id = ANY(ARRAY(
    SELECT i.id FROM (SELECT unnest(@executions::uuid[]) AS execution_id) p CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = p.execution_id AND x.state = 'pending' AND (x.due_at IS NOT NULL) IS TRUE AND x.op <> 'callback'
        OFFSET 0
    ) i
)) AND t.state = 'pending' AND (t.due_at IS NOT NULL) IS TRUE;

-- name: Unpark :exec
UPDATE tasks t SET due_at = t.scheduled_for
WHERE t.id = ANY(ARRAY(
    SELECT i.id FROM (SELECT unnest(@executions::uuid[]) AS execution_id) p CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = p.execution_id AND x.state = 'pending' AND x.due_at IS NULL AND x.holder IS NULL
            AND x.scheduled_for IS NOT NULL
        OFFSET 0
    ) i
)) AND t.state = 'pending' AND t.due_at IS NULL AND t.holder IS NULL;

-- Goes down through settled tasks too, but only through those that can have children.
-- The rows are locked before they are changed, because who held them is known from
-- the newest version only: a claim may have just taken them. So the tokens that
-- are given back are those of the attempts that end here.
-- name: Sweep :many
WITH RECURSIVE root AS (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@unders::uuid[]) AS under
), below AS (
    SELECT t.id, t.execution_id, t.kind FROM root r CROSS JOIN LATERAL (
        SELECT x.id, x.execution_id, x.kind FROM tasks x
        WHERE x.execution_id = r.execution_id AND x.parent_id = r.under OFFSET 0
    ) t
    UNION
    SELECT t.id, t.execution_id, t.kind FROM below b CROSS JOIN LATERAL (
        SELECT x.id, x.execution_id, x.kind FROM tasks x
        WHERE x.execution_id = b.execution_id AND x.parent_id = b.id
            AND b.kind IN ('orchestrator', 'map')
        OFFSET 0
    ) t
), target AS (
    SELECT b.id FROM below b
    UNION
    SELECT t.id FROM root r CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = r.execution_id AND r.under IS NULL AND x.op <> 'callback' OFFSET 0
    ) t
), locked AS MATERIALIZED (
    SELECT t.execution_id, t.id, t.token, t.holder FROM target g CROSS JOIN LATERAL (
        SELECT x.execution_id, x.id, x.token, x.holder FROM tasks x
        WHERE x.id = g.id AND x.state IN ('pending', 'running', 'waiting')
        FOR UPDATE
    ) t
), swept AS (
    UPDATE tasks t SET state = 'cancelled', token = t.token + 1, due_at = NULL, holder = NULL, waiting_for = NULL,
        await = NULL, owns_result = coalesce(owns_result, awaits_result), awaits_result = NULL, slot = false, completed_at = @now,
        error = coalesce(t.error, @swept_error::bytea)
    WHERE t.id = ANY(ARRAY(SELECT l.id FROM locked l))
)
SELECT execution_id, id, token FROM locked WHERE holder IS NOT NULL;

-- name: InsertSignals :exec
INSERT INTO signals (namespace, execution_id, seq, id, name, payload, received_at, taken_by, idempotency_key, request_hash)
SELECT @namespace, u.execution_id, u.seq, u.id, u.name, u.payload, u.received_at, u.taken_by,
    nullif(u.idempotency_key, ''), u.request_hash
FROM (SELECT
    unnest(@executions::uuid[]) AS execution_id, unnest(@seqs::bigint[]) AS seq, unnest(@ids::uuid[]) AS id,
    unnest(@names::text[]) AS name, unnest(@payloads::bytea[]) AS payload,
    unnest(@received_ats::timestamptz[]) AS received_at, unnest(@taken_bys::uuid[]) AS taken_by,
    unnest(@idempotency_keys::text[]) AS idempotency_key, unnest(@request_hashes::bytea[]) AS request_hash
) u;

-- name: TakeSignals :exec
UPDATE signals s SET taken_by = u.taken_by
FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@seqs::bigint[]) AS seq,
        unnest(@taken_bys::uuid[]) AS taken_by
) u
WHERE s.execution_id = ANY(ARRAY[u.execution_id]) AND s.seq = u.seq;

-- name: SetCounters :exec
INSERT INTO counters (namespace, execution_id, name, value)
SELECT @namespace, u.execution_id, u.name, u.value FROM (SELECT
    unnest(@executions::uuid[]) AS execution_id, unnest(@names::text[]) AS name, unnest(@amounts::bigint[]) AS value
) u
ON CONFLICT (execution_id, name, namespace) DO UPDATE SET value = excluded.value;

-- name: SetState :exec
INSERT INTO custom_state (namespace, execution_id, key, value)
SELECT @namespace, u.execution_id, u.key, u.value FROM (SELECT
    unnest(@executions::uuid[]) AS execution_id, unnest(@keys::text[]) AS key, unnest(@contents::bytea[]) AS value
) u
ON CONFLICT (execution_id, key, namespace) DO UPDATE SET value = excluded.value;

-- name: InsertAttempts :exec
INSERT INTO task_attempts (namespace, execution_id, task_id, number, started_at, ended_at, status_code, error)
SELECT @namespace, u.execution_id, u.task_id, u.number, u.started_at, u.ended_at, u.status_code, u.error FROM (SELECT
    unnest(@executions::uuid[]) AS execution_id, unnest(@tasks::uuid[]) AS task_id, unnest(@numbers::integer[]) AS number,
    unnest(@started_ats::timestamptz[]) AS started_at, unnest(@ended_ats::timestamptz[]) AS ended_at,
    unnest(@status_codes::integer[]) AS status_code, unnest(@errors::bytea[]) AS error
) u;

-- name: InsertHolds :exec
INSERT INTO holds (namespace, scheduler_id, execution_id)
SELECT @namespace, u.scheduler_id, u.execution_id FROM (SELECT
    unnest(@schedulers::uuid[]) AS scheduler_id, unnest(@executions::uuid[]) AS execution_id
) u
ON CONFLICT DO NOTHING;

-- name: DeleteHolds :exec
DELETE FROM holds h
USING (
    SELECT unnest(@schedulers::uuid[]) AS scheduler_id, unnest(@executions::uuid[]) AS execution_id
) u
WHERE h.scheduler_id = ANY(ARRAY[u.scheduler_id]) AND h.execution_id = u.execution_id;
