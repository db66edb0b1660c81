ALTER TABLE executions DROP COLUMN changed;
ALTER TABLE tasks DROP COLUMN changed;
