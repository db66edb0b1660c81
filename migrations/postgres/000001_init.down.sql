DROP FUNCTION stent_fence(bigint, bigint, text);
DROP TABLE secrets, holds, schedulers, custom_state, counters, signals, task_attempts, tasks, executions, functions, workers;
