-- Before, expired meant that something may be left to take over, and stopped the rest.
UPDATE schedulers SET state = CASE WHEN released THEN 'stopped' ELSE 'expired' END
WHERE state IN ('stopped', 'expired');
ALTER TABLE schedulers DROP COLUMN released;
