-- One execution under way with 10,000 steps, of the function "wide".
WITH x AS MATERIALIZED (
    SELECT lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') AS stamp
), made AS (
    INSERT INTO executions (namespace, id, function, version, input, tags, priority, queue, seed, root_task_id, callback_url,
        trace_parent, created_at, state, started_at)
    SELECT 'default', (stamp || '70008000000000000000')::uuid, 'wide', '', 'null', '{}', 0, 'default', 'seed',
        (stamp || '70018000000000000000')::uuid, '', '', now(), 'running', now()
    FROM x
)
INSERT INTO tasks (namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane, priority,
    input, item, created_at, kind, state, token, attempt, failures, lost_leases, started_at, completed_at, seq, result, run, turn,
    settled, open, next_item, items)
SELECT 'default', (stamp || '7001' || '8' || lpad(to_hex(t), 15, '0'))::uuid, (stamp || '70008000000000000000')::uuid,
    CASE WHEN t > 0 THEN (stamp || '70018000000000000000')::uuid END, 0, CASE WHEN t = 0 THEN 'root' ELSE 'step-1#' || t END,
    CASE WHEN t = 0 THEN 'start' ELSE 'call' END, CASE WHEN t = 0 THEN 'wide' ELSE 'step-1' END, false, '', 'default',
    CASE WHEN t = 0 THEN 'wide' ELSE 'step-1' END, 0, CASE WHEN t > 0 THEN '{"order": "ORD-0001", "amount": 12.5}'::bytea END, 0,
    now(), CASE WHEN t = 0 THEN 'orchestrator' ELSE 'activity' END, CASE WHEN t = 0 THEN 'waiting' ELSE 'completed' END, 1, 1, 0, 0,
    now(), CASE WHEN t > 0 THEN now() END, t, CASE WHEN t > 0 THEN '{"id": "ch_0001", "status": "paid"}'::bytea END, 0, 1, t, 1, 0, 0
FROM x CROSS JOIN generate_series(0, 10000) t
