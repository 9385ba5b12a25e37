-- Reads one dead letter.
-- keys: the prefix
-- arguments: dead letter id
-- answer: nothing when it is unknown, else id, JSON, superseded by ('' for nobody), retried by ('')
-- uses: keys dead_letters
return dead_letter_fields(ARGV[1]) or {}
