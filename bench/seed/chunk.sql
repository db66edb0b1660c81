-- The executions $1 to $2 of $3, with ten tasks each, spread over the 30 days until
-- now. Ids are UUIDs of version 7 of the time of creation. Of each thousand, 970 have
-- completed, 15 failed, 5 were cancelled and 10 are under way; some functions, queues
-- and tags are common, some are rare.
WITH e AS MATERIALIZED (
    SELECT n, now() - interval '30 days' * (($3::integer - n)::double precision / $3::integer) AS made,
        CASE WHEN n % 1000 < 970 THEN 'completed' WHEN n % 1000 < 985 THEN 'failed' WHEN n % 1000 < 990 THEN 'cancelled'
            WHEN n % 1000 < 998 THEN 'running' WHEN n % 1000 = 998 THEN 'pending' ELSE 'blocked' END AS state,
        CASE WHEN n % 50000 = 7 THEN 'rare' ELSE 'workflow-' || n % 20 END AS function,
        CASE WHEN n % 100000 = 9 THEN 'slow' WHEN n % 10 = 0 THEN 'eu' ELSE 'default' END AS queue
    FROM generate_series($1::integer, $2::integer) n
), x AS MATERIALIZED (
    SELECT e.*, lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') AS stamp,
        '8' || lpad(to_hex(n), 15, '0') AS tail, state IN ('completed', 'failed', 'cancelled') AS ended
    FROM e
), made AS (
    INSERT INTO executions (namespace, id, function, version, input, tags, priority, queue, seed, root_task_id, callback_url,
        trace_parent, created_at, state, result, error, started_at, completed_at)
    SELECT 'default', (stamp || '7000' || tail)::uuid, function, '', convert_to('{"order": ' || n || '}', 'UTF8'),
        CASE WHEN n % 20000 = 11 THEN '{vip}' WHEN n % 10 = 1 THEN '{nightly,billing}' ELSE '{}' END::text[],
        0, queue, 'seed', (stamp || '7001' || tail)::uuid, '', '', made, state,
        CASE WHEN state = 'completed' THEN '{"total": 12.5, "status": "shipped"}'::bytea END,
        CASE WHEN state IN ('failed', 'blocked') THEN '{"type":"card_declined","message":"the bank said no"}'::bytea END,
        CASE WHEN state <> 'pending' THEN made + interval '5 ms' END, CASE WHEN ended THEN made + interval '2 s' END
    FROM x
)
INSERT INTO tasks (namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane, priority,
    input, item, created_at, kind, state, due_at, scheduled_for, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, result, error, waiting_for, run, turn, settled, open, next_item, items)
SELECT 'default', (x.stamp || '7' || lpad(to_hex(t + 1), 3, '0') || x.tail)::uuid, (x.stamp || '7000' || x.tail)::uuid,
    CASE WHEN t > 0 THEN (x.stamp || '7001' || x.tail)::uuid END, 0,
    CASE WHEN t = 0 THEN 'root' ELSE s.name || '#0' END,
    CASE WHEN t = 0 THEN 'start' WHEN s.kind = 'timer' THEN 'sleep' WHEN s.kind = 'signal' THEN 'wait_signal' ELSE 'call' END,
    s.name, false, '', CASE WHEN s.kind IN ('timer', 'signal') THEN '' ELSE x.queue END,
    CASE WHEN s.kind IN ('timer', 'signal') THEN '' ELSE s.name END, 0,
    CASE WHEN t > 0 THEN '{"order": "ORD-0001", "amount": 12.5}'::bytea END, 0, x.made + t * interval '100 ms', s.kind, s.state,
    CASE WHEN s.state = 'pending' THEN now() + interval '10 years' END,
    CASE WHEN s.state = 'pending' THEN now() + interval '10 years' END, 1, 1, CASE WHEN s.state = 'failed' THEN 3 ELSE 0 END, 0,
    CASE WHEN s.state <> 'pending' THEN x.made + t * interval '100 ms' END,
    CASE WHEN s.state IN ('completed', 'failed', 'cancelled') THEN x.made + t * interval '100 ms' + interval '80 ms' END, t,
    CASE WHEN s.state = 'completed' THEN '{"id": "ch_0001", "status": "paid"}'::bytea END,
    CASE s.state WHEN 'failed' THEN '{"type":"card_declined","message":"the bank said no"}'::bytea
        WHEN 'cancelled' THEN '{"type":"cancelled","message":"the execution was cancelled"}'::bytea END,
    CASE WHEN s.kind = 'signal' AND s.state = 'waiting' THEN 'approval' END, 0, 5, 9, CASE WHEN x.ended THEN 0 ELSE 1 END, 0, 0
FROM x CROSS JOIN generate_series(0, 9) t CROSS JOIN LATERAL (
    SELECT CASE WHEN t = 0 THEN x.function WHEN t = 9 AND x.n % 10 = 3 THEN 'nap' WHEN t = 9 AND x.n % 10 = 7 THEN 'approval'
            ELSE 'step-' || t END AS name,
        CASE WHEN t = 0 THEN 'orchestrator' WHEN t = 9 AND x.n % 10 = 3 THEN 'timer' WHEN t = 9 AND x.n % 10 = 7 THEN 'signal'
            ELSE 'activity' END AS kind,
        CASE WHEN t IN (0, 9) AND x.state IN ('failed', 'cancelled') THEN x.state
            WHEN x.ended OR t BETWEEN 1 AND 8 THEN 'completed'
            WHEN t = 0 THEN CASE WHEN x.state = 'pending' THEN 'pending' ELSE 'waiting' END
            WHEN x.n % 10 = 7 THEN 'waiting' WHEN x.n % 10 = 4 THEN 'running' ELSE 'pending' END AS state
) s
