-- PostgreSQL knows of every row which transaction wrote it last.
SELECT 1;
