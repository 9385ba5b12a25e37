-- Reads one dead letter.
-- keys: the prefix
-- arguments: a name of the dead letter
-- answer: nothing when it is unknown, else what dead_letter_fields gives
-- uses: keys kept dead_letters
return dead_letter_fields(dead_letter_of(ARGV[1])) or {}
