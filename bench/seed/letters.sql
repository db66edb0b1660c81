-- A dead letter of each task that has failed.
INSERT INTO dead_letters (namespace, task_id, execution_id, function, queue, kind, error, attempts, failed_at)
SELECT t.namespace, t.id, t.execution_id, t.name, t.queue, t.kind, t.error, t.attempt, t.completed_at
FROM tasks t WHERE t.state = 'failed' AND t.kind IN ('activity', 'orchestrator')
