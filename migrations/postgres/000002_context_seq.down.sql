ALTER TABLE executions DROP COLUMN context_seq;
