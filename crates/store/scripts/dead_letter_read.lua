-- Reads one dead letter.
-- keys: the prefix
-- arguments: dead letter id, channel
-- answer: nothing when it is unknown, else id, JSON, superseded by ('' for nobody), retried by ('')
-- uses: keys clock wake dead_letters
wake_if_neglected(ARGV[2])
return dead_letter_fields(ARGV[1]) or {}
