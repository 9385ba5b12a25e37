-- Reads one dead letter.
-- keys: the prefix
-- arguments: letter id
-- answer: nothing when it is unknown, else id, JSON, superseded by ('' for nobody), retried by ('')
-- uses: keys letters
return letter_fields(ARGV[1]) or {}
