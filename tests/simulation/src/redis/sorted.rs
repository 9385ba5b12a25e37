//! Sorted sets: members by score, those of one score by name.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Reply;
use super::arguments::{Arguments, text_of};
use super::keyspace::{Bytes, Keyspace};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score(pub(super) f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct SortedSet {
    scores: BTreeMap<Bytes, Score>,
    order: BTreeSet<(Score, Bytes)>,
}

impl SortedSet {
    pub(super) fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Gives whether the member is new.
    fn add(&mut self, member: Bytes, score: Score) -> bool {
        let old = self.scores.insert(member.clone(), score);
        if let Some(old) = old {
            self.order.remove(&(old, member.clone()));
        }
        self.order.insert((score, member));
        old.is_none()
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.order.remove(&(score, member.to_vec()))
    }

    /// Members by rank; negative ranks count from the end, both bounds are included.
    pub(super) fn range(&self, from: i64, to: i64) -> Vec<(Bytes, Score)> {
        let (from, count) = bounds(from, to, self.order.len());
        let members = self.order.iter().skip(from).take(count);
        members.map(|(score, member)| (member.clone(), *score)).collect()
    }

    fn range_backwards(&self, from: i64, to: i64) -> Vec<(Bytes, Score)> {
        let (from, count) = bounds(from, to, self.order.len());
        let members = self.order.iter().rev().skip(from).take(count);
        members.map(|(score, member)| (member.clone(), *score)).collect()
    }

    fn within<'a>(&'a self, range: &'a ScoreRange) -> impl Iterator<Item = &'a Bytes> {
        self.order.iter().filter(|(score, _)| range.holds(score.0)).map(|(_, member)| member)
    }
}

/// Where a range by ranks begins, and how many it has.
pub(super) fn bounds(from: i64, to: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let absolute = |rank: i64| if rank < 0 { rank + len } else { rank };
    let (from, to) = (absolute(from).max(0), absolute(to).min(len - 1));
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    (size(from), size(to - from + 1))
}

struct ScoreRange {
    low: (f64, bool),
    high: (f64, bool),
}

impl ScoreRange {
    fn read(arguments: &mut Arguments<'_>) -> Result<Self, String> {
        Ok(Self { low: bound(arguments.next()?)?, high: bound(arguments.next()?)? })
    }

    fn holds(&self, score: f64) -> bool {
        let above = if self.low.1 { score > self.low.0 } else { score >= self.low.0 };
        let below = if self.high.1 { score < self.high.0 } else { score <= self.high.0 };
        above && below
    }
}

/// A bound and whether it is left out.
fn bound(bytes: &[u8]) -> Result<(f64, bool), String> {
    let error = || "ERR min or max is not a float".to_owned();
    let text = text_of(bytes).map_err(|_| error())?;
    let (text, open) = text.strip_prefix('(').map_or((text, false), |rest| (rest, true));
    Ok((text.parse().map_err(|_| error())?, open))
}

fn score_text(score: Score) -> Bytes {
    super::strings::number_text(score.0).into_bytes()
}

fn with_scores(members: Vec<(Bytes, Score)>, requested: bool) -> Reply {
    Reply::list(members.into_iter().flat_map(|(member, score)| {
        let score = requested.then(|| score_text(score));
        std::iter::once(member).chain(score)
    }))
}

/// The `LIMIT offset count` that may end a command.
fn limit(arguments: &mut Arguments<'_>) -> Result<(usize, usize), String> {
    if !arguments.word("LIMIT") {
        return Ok((0, usize::MAX));
    }
    let (offset, count) = (arguments.integer()?, arguments.integer()?);
    Ok((
        usize::try_from(offset).unwrap_or(usize::MAX),
        usize::try_from(count).unwrap_or(usize::MAX),
    ))
}

impl Keyspace {
    pub(super) fn zadd(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let only_new = arguments.word("NX");
        let pairs = arguments.pairs().map_err(|_| "ERR syntax error".to_owned())?;
        let mut scored = Vec::new();
        for (score, member) in pairs {
            let error = |_| "ERR value is not a valid float".to_owned();
            let score: f64 =
                text_of(&score).map_err(error)?.parse().map_err(|_| error(String::new()))?;
            scored.push((Score(score), member));
        }
        self.change(key, |sorted: &mut SortedSet| {
            let mut added = 0;
            for (score, member) in scored {
                if !(only_new && sorted.scores.contains_key(&member)) {
                    added += usize::from(sorted.add(member, score));
                }
            }
            Ok(Reply::count(added))
        })
    }

    pub(super) fn zrem(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let members = arguments.rest()?;
        self.change(key, |sorted: &mut SortedSet| {
            Ok(Reply::count(members.iter().filter(|member| sorted.remove(member)).count()))
        })
    }

    pub(super) fn zcard(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        arguments.end()?;
        Ok(Reply::count(self.read::<SortedSet>(key)?.map_or(0, |sorted| sorted.scores.len())))
    }

    pub(super) fn zcount(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let range = ScoreRange::read(&mut arguments)?;
        let sorted = self.read::<SortedSet>(key)?;
        Ok(Reply::count(sorted.map_or(0, |sorted| sorted.within(&range).count())))
    }

    pub(super) fn zrange(
        &mut self,
        mut arguments: Arguments<'_>,
        backwards: bool,
    ) -> Result<Reply, String> {
        let key = arguments.next()?;
        let (from, to) = (arguments.integer()?, arguments.integer()?);
        let requested = arguments.word("WITHSCORES");
        arguments.end()?;
        let members = match self.read::<SortedSet>(key)? {
            None => Vec::new(),
            Some(sorted) if backwards => sorted.range_backwards(from, to),
            Some(sorted) => sorted.range(from, to),
        };
        Ok(with_scores(members, requested))
    }

    pub(super) fn zscore(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, member) = (arguments.next()?, arguments.next()?);
        arguments.end()?;
        let sorted = self.read::<SortedSet>(key)?;
        let score = sorted.and_then(|sorted| sorted.scores.get(member));
        Ok(score.map_or(Reply::Nil, |score| Reply::Bulk(score_text(*score))))
    }

    pub(super) fn zrank(
        &mut self,
        mut arguments: Arguments<'_>,
        backwards: bool,
    ) -> Result<Reply, String> {
        let (key, member) = (arguments.next()?, arguments.next()?);
        let Some(sorted) = self.read::<SortedSet>(key)? else { return Ok(Reply::Nil) };
        let Some(score) = sorted.scores.get(member) else { return Ok(Reply::Nil) };
        let before = sorted.order.range(..(*score, member.to_vec())).count();
        let rank = if backwards { sorted.order.len() - 1 - before } else { before };
        Ok(Reply::count(rank))
    }

    pub(super) fn zrange_by_score(
        &mut self,
        mut arguments: Arguments<'_>,
    ) -> Result<Reply, String> {
        let key = arguments.next()?;
        let range = ScoreRange::read(&mut arguments)?;
        let requested = arguments.word("WITHSCORES");
        let (offset, count) = limit(&mut arguments)?;
        arguments.end()?;
        let Some(sorted) = self.read::<SortedSet>(key)? else { return Ok(Reply::list([])) };
        let members = sorted.within(&range).skip(offset).take(count);
        let scored = members.map(|member| (member.clone(), sorted.scores[member]));
        Ok(with_scores(scored.collect(), requested))
    }

    pub(super) fn zrange_by_lex(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, low, high) = (arguments.next()?, arguments.next()?, arguments.next()?);
        let (offset, count) = limit(&mut arguments)?;
        arguments.end()?;
        let error = "ERR min or max not valid string range item";
        let above = |member: &[u8]| match low.split_first() {
            Some((b'-', [])) => Ok(true),
            Some((b'(', low)) => Ok(member > low),
            Some((b'[', low)) => Ok(member >= low),
            _ => Err(error.to_owned()),
        };
        if high != b"+" {
            return Err(format!("the model's ZRANGEBYLEX knows no upper bound but +: {high:?}"));
        }
        above(b"")?;
        let Some(sorted) = self.read::<SortedSet>(key)? else { return Ok(Reply::list([])) };
        let members = sorted.order.iter().map(|(_, member)| member);
        let members = members.filter(|member| above(member) == Ok(true));
        Ok(Reply::list(members.skip(offset).take(count).cloned()))
    }

    pub(super) fn zrem_range_by_score(
        &mut self,
        mut arguments: Arguments<'_>,
    ) -> Result<Reply, String> {
        let key = arguments.next()?;
        let range = ScoreRange::read(&mut arguments)?;
        self.change(key, |sorted: &mut SortedSet| {
            let gone: Vec<Bytes> = sorted.within(&range).cloned().collect();
            Ok(Reply::count(gone.iter().filter(|member| sorted.remove(member)).count()))
        })
    }
}
