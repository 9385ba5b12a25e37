-- Reads one dead letter.
-- keys: the prefix
-- arguments: a name of the dead letter, channel
-- answer: nothing when it is unknown, else what dead_letter_fields gives
-- uses: keys clock wake kept dead_letters
wake_if_neglected(ARGV[2])
return dead_letter_fields(dead_letter_of(ARGV[1])) or {}
